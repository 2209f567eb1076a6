//! What a workload is.

use portreeve_core::snapshot::WorkloadRole;
use portreeve_openclaw::log::redact;
use portreeve_openclaw::port::DEFAULT_PORT;
use portreeve_openclaw::service::{ProcessKind, Started, classify_definition};

use super::words::{base_name, simple_commands, split_words};
use super::{Definition, ImageReference};

/// Entry point of `OpenClaw`'s own image.
const OFFICIAL_ENTRYPOINT: &str = "tini -s --";

/// Command of `OpenClaw`'s own image.
const OFFICIAL_COMMAND: &str = "node dist/index.js gateway --bind lan --port 18789";

/// Programs that pass connections on.
const PROXY_PROGRAMS: [&str; 16] = [
    "nginx",
    "nginx-debug",
    "openresty",
    "angie",
    "caddy",
    "traefik",
    "haproxy",
    "envoy",
    "httpd",
    "httpd-foreground",
    "apache2",
    "apache2-foreground",
    "cloudflared",
    "oauth2-proxy",
    "pomerium",
    "ngrok",
];

/// Names of images that pass connections on, beyond those that are named after their program.
const PROXY_IMAGES: [&str; 9] = [
    "nginx-unprivileged",
    "nginx-proxy",
    "nginx-proxy-manager",
    "swag",
    "caddy-docker-proxy",
    "kong",
    "apisix",
    "zoraxy",
    "bunkerweb",
];

/// Programs and images that take web hooks and pass them on.
const INGRESSES: [&str; 13] = [
    "n8n",
    "node-red",
    "activepieces",
    "huginn",
    "automatisch",
    "windmill",
    "webhook",
    "smee",
    "smee-client",
    "svix-server",
    "convoy",
    "hookdeck",
    "gohookr",
];

/// Programs that only wait, or give a shell: what people keep a command line's container alive with.
const WAITERS: [&str; 9] = ["sleep", "tail", "cat", "sh", "bash", "ash", "pause", "wait", "read"];

/// What a workload is, and what tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What it is.
    pub role: WorkloadRole,
    /// What tells: `runs openclaw gateway run`, `image nginx`.
    pub reason: String,
}

impl Role {
    fn new(role: WorkloadRole, reason: impl Into<String>) -> Self {
        Self { role, reason: reason.into() }
    }
}

/// What `OpenClaw` is told in a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartedBy<'a> {
    pub(super) kind: ProcessKind,
    pub(super) port: Option<&'a str>,
    pub(super) bind: Option<&'a str>,
    pub(super) profile: Option<&'a str>,
    said: String,
}

impl Definition {
    /// Whether `OpenClaw`'s package is its working directory.
    pub(super) fn is_in_package(&self) -> bool {
        self.is_openclaw_image()
            || self.working_dir.as_deref().is_some_and(|dir| dir.trim_end_matches('/').ends_with("/openclaw"))
    }

    /// Its simple commands; those of `OpenClaw`'s own image where its own are not at hand.
    pub(super) fn words(&self) -> Vec<Vec<String>> {
        let official = self.is_openclaw_image();
        let mut words = match &self.entrypoint {
            Some(entrypoint) => entrypoint.clone(),
            None if official => split_words(OFFICIAL_ENTRYPOINT),
            None => Vec::new(),
        };
        // Another entry point than the image's own drops the image's command, too.
        match (&self.command, &self.entrypoint) {
            (Some(command), _) => words.extend(command.iter().cloned()),
            (None, None) if official => words.extend(split_words(OFFICIAL_COMMAND)),
            (None, _) => {}
        }
        simple_commands(&words)
    }
}

/// The command among them that starts `OpenClaw`; a gateway before a node host before the command line.
pub(super) fn started<'a>(definition: &Definition, commands: &'a [Vec<String>]) -> Option<StartedBy<'a>> {
    let rank = |kind: ProcessKind| match kind {
        ProcessKind::Gateway => 0_u8,
        ProcessKind::NodeHost => 1,
        _ => 2,
    };
    let in_package = definition.is_in_package();
    let found = commands.iter().filter_map(|words| classify_definition(words, in_package));
    let first: Started<'a> = found.min_by_key(|started| rank(started.kind))?;
    let said = ["openclaw"].into_iter().chain(first.name).chain(first.action).collect::<Vec<_>>().join(" ");
    Some(StartedBy {
        kind: first.kind,
        port: first.port,
        bind: first.bind,
        profile: first.profile,
        said: redact(&said, 80),
    })
    .filter(|started| started.kind != ProcessKind::Not)
}

/// What a workload is, by what it runs and listens on. Its own name does not count: a container that is named `openclaw-gateway` and runs
/// nginx is a proxy.
pub fn role(definition: &Definition) -> Role {
    let commands = definition.words();
    if let Some(started) = started(definition, &commands) {
        let role = match started.kind {
            ProcessKind::Gateway => WorkloadRole::Gateway,
            ProcessKind::NodeHost => WorkloadRole::NodeHost,
            _ => WorkloadRole::Cli,
        };
        return Role::new(role, format!("runs `{}`", started.said));
    }
    let programs: Vec<&str> =
        commands.iter().filter_map(|words| words.first()).map(|program| base_name(program)).collect();
    if let Some(program) = programs.iter().find(|program| PROXY_PROGRAMS.contains(program)) {
        return Role::new(WorkloadRole::Proxy, format!("runs {program}"));
    }
    if let Some(program) = programs.iter().find(|program| INGRESSES.contains(program)) {
        return Role::new(WorkloadRole::Ingress, format!("runs {program}"));
    }
    let waits = !programs.is_empty() && programs.iter().all(|program| WAITERS.contains(program));
    if definition.is_openclaw_image() {
        return of_openclaw_image(definition, waits);
    }
    let image = ImageReference::parse(&definition.image).ok();
    let name = image.as_ref().map_or("", ImageReference::name);
    if waits && !INGRESSES.contains(&name) {
        return waiting(definition);
    }
    // A script or a program that nobody knows: what the image is named after decides.
    if PROXY_PROGRAMS.contains(&name) || PROXY_IMAGES.contains(&name) {
        return Role::new(WorkloadRole::Proxy, format!("image {name}"));
    }
    if INGRESSES.contains(&name) {
        return Role::new(WorkloadRole::Ingress, format!("image {name}"));
    }
    match programs.first() {
        Some(program) => Role::new(WorkloadRole::Other, format!("runs {}", redact(program, 80))),
        None if name.is_empty() => Role::new(WorkloadRole::Other, "nothing says what it runs"),
        None => Role::new(WorkloadRole::Other, format!("image {name}")),
    }
}

/// An image of `OpenClaw` with a command that says nothing.
fn of_openclaw_image(definition: &Definition, waits: bool) -> Role {
    if waits {
        // With nothing of its own to work with it is no command line: it holds a namespace, or is for something else.
        return match waiting(definition) {
            Role { role: WorkloadRole::Other, .. } if !definition.mount_targets.is_empty() => {
                Role::new(WorkloadRole::Cli, "image of OpenClaw that waits for commands")
            }
            role => role,
        };
    }
    let port = definition.environment.text(portreeve_openclaw::environment::GATEWAY_PORT);
    let port = port.and_then(portreeve_openclaw::port::parse_environment).unwrap_or(DEFAULT_PORT);
    if definition.ports.contains(&port) {
        return Role::new(WorkloadRole::Gateway, format!("image of OpenClaw, and port {port} is its own"));
    }
    Role::new(WorkloadRole::Other, "image of OpenClaw with a program that is not known")
}

/// A container that waits: a command line where `OpenClaw` is mounted into it or told where its gateway is.
fn waiting(definition: &Definition) -> Role {
    let mounted = definition
        .mount_targets
        .iter()
        .map(|target| target.trim_end_matches('/'))
        .find(|target| target.ends_with("/.openclaw") || target.ends_with("/node_modules/openclaw"));
    let told = definition.environment.names().find(|name| name.starts_with("OPENCLAW_"));
    match (mounted, told) {
        (Some(target), _) => Role::new(WorkloadRole::Cli, format!("waits, with {} mounted", redact(target, 80))),
        (None, Some(name)) => Role::new(WorkloadRole::Cli, format!("waits, with {name} in its environment")),
        (None, None) => Role::new(WorkloadRole::Other, "waits"),
    }
}

#[cfg(test)]
mod tests {
    use portreeve_openclaw::environment::Environment;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        split_words(line)
    }

    fn of(image: &str, entrypoint: Option<&str>, command: Option<&str>) -> (WorkloadRole, String) {
        let definition = Definition {
            image: image.into(),
            entrypoint: entrypoint.map(words),
            command: command.map(words),
            ..Definition::default()
        };
        let Role { role, reason } = role(&definition);
        (role, reason)
    }

    #[test]
    fn by_what_it_runs() {
        use WorkloadRole::{Cli, Gateway, Ingress, NodeHost, Other, Proxy};
        let openclaw = "ghcr.io/openclaw/openclaw:2026.9.6";
        for (image, entrypoint, command, expected) in [
            (openclaw, None, None, Gateway),
            (openclaw, Some("tini -s --"), Some("node dist/index.js gateway --bind lan --port 18789"), Gateway),
            (openclaw, Some("node dist/index.js"), None, Cli),
            (openclaw, Some("node dist/index.js"), Some("channels status --probe"), Cli),
            (openclaw, None, Some("node dist/index.js node run --host gateway"), NodeHost),
            (openclaw, None, Some("sleep infinity"), Other),
            (openclaw, Some("/start.sh"), None, Other),
            ("own", None, Some("openclaw gateway run"), Gateway),
            ("own", Some("sh -c"), Some("'mkdir -p /x && exec openclaw gateway'"), Gateway),
            ("own", None, Some("node /app/node_modules/openclaw/openclaw.mjs gateway run --port 1"), Gateway),
            ("own", None, Some("openclaw gateway status"), Cli),
            ("own", None, Some("node dist/index.js serve"), Other),
            ("nginx:1.27", None, None, Proxy),
            ("nginx", Some("/docker-entrypoint.sh"), Some("nginx -g 'daemon off;'"), Proxy),
            (openclaw, Some("nginx"), None, Proxy),
            ("nginx", None, Some("sleep 5"), Other),
            ("docker.n8n.io/n8nio/n8n", None, None, Ingress),
            ("n8nio/n8n", Some("tini -- /docker-entrypoint.sh"), Some("start"), Ingress),
            ("n8nio/n8n", Some("sleep"), Some("infinity"), Ingress),
            ("caddy:2-alpine", None, Some("caddy run --config /etc/caddy/Caddyfile"), Proxy),
            ("traefik:v3", None, Some("--providers.docker"), Proxy),
            ("traefik:v3", Some("/entrypoint.sh"), Some("traefik"), Proxy),
            ("postgres:17", Some("docker-entrypoint.sh"), Some("postgres"), Other),
            ("", None, None, Other),
        ] {
            let (role, reason) = of(image, entrypoint, command);
            assert_eq!(role, expected, "{image} {entrypoint:?} {command:?}: {reason}");
        }
    }

    #[test]
    fn what_waits_is_a_command_line_where_openclaw_is_in_it() {
        let mut definition =
            Definition { image: "node:24".into(), command: Some(words("sleep infinity")), ..Definition::default() };
        assert_eq!(role(&definition).role, WorkloadRole::Other);
        definition.mount_targets = vec!["/home/node/.openclaw".into()];
        assert_eq!(role(&definition).role, WorkloadRole::Cli);
        definition.mount_targets = Vec::new();
        definition.environment = Environment::all([("OPENCLAW_GATEWAY_URL".to_owned(), "ws://x:1".to_owned())]);
        assert_eq!(role(&definition).role, WorkloadRole::Cli);
    }

    #[test]
    fn an_unknown_script_of_its_image_is_a_gateway_where_the_port_is() {
        let definition = Definition {
            image: "openclaw:local".into(),
            entrypoint: Some(words("/start.sh")),
            ports: vec![DEFAULT_PORT],
            ..Definition::default()
        };
        assert_eq!(role(&definition).role, WorkloadRole::Gateway);
    }

    #[test]
    fn labels_tell_of_an_image_without_a_name() {
        let mut definition = Definition { image: "sha256:00".into(), ..Definition::default() };
        assert!(!definition.is_openclaw_image());
        definition
            .labels
            .insert("org.opencontainers.image.source".into(), "https://github.com/openclaw/openclaw".into());
        assert!(definition.is_openclaw_image());
    }
}
