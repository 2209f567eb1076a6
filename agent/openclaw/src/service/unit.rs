//! What a launchd job or systemd unit is, and what it claims: port, state directory, configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::command;
use super::{
    GATEWAY_LABEL, GATEWAY_SYSTEMD_NAME, LABEL_PREFIX, MAC_APP_LABEL, NODE_LABEL, NODE_SYSTEMD_NAME,
    SERVICE_MARKER_VALUE,
};
use crate::environment::{self, Environment};
use crate::{paths, port};

/// What a service manager knows of a unit.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// launchd label, or systemd unit name with or without `.service`.
    pub label: &'a str,
    /// `ProgramArguments` (with `Program` in front where only that is given), or the words of `ExecStart`.
    pub arguments: &'a [String],
    /// Environment that stands in the unit itself.
    pub environment: &'a Environment,
    /// Environment of the file that the unit reads ([`Service::environment_file`]), where it could be read. It wins over
    /// `environment`, because the wrapper script sources it last.
    pub file_environment: Option<&'a Environment>,
    /// Working directory.
    pub working_directory: Option<&'a Path>,
}

/// What a unit runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// A gateway.
    Gateway,
    /// A node host.
    Node,
    /// A job of an update; it should not outlive it.
    Updater,
    /// The Mac app.
    MacApp,
    /// A job under one of the product's former names.
    Legacy,
    /// Nothing of OpenClaw, or one of its other commands.
    Not,
}

/// A unit, understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// What it runs.
    pub kind: ServiceKind,
    /// Whether the label is one that OpenClaw gives. A unit of another name was written by somebody else; OpenClaw's own
    /// commands do not see it.
    pub has_own_label: bool,
    /// Profile, from the label, else from the environment or `--profile`; `None` is the default profile.
    pub profile: Option<String>,
    /// Port: `--port`, else `OPENCLAW_GATEWAY_PORT`. For a node host it is the remote gateway's.
    pub port: Option<u16>,
    /// `OPENCLAW_STATE_DIR`, not expanded.
    pub state_dir: Option<PathBuf>,
    /// `OPENCLAW_CONFIG_PATH`, not expanded.
    pub config_path: Option<PathBuf>,
    /// The script that sources the environment file and runs the rest.
    pub environment_wrapper: Option<PathBuf>,
    /// The file with the service's environment, tokens included.
    pub environment_file: Option<PathBuf>,
    /// The program that runs OpenClaw.
    pub runtime: Option<PathBuf>,
    /// OpenClaw's script: tells which installation this is.
    pub entry: Option<PathBuf>,
    /// Whether the service markers are set: with them and no lease of its own, a gateway kills others on its port.
    pub has_service_marker: bool,
    /// Whether a token or password stands on the command line.
    pub shows_secret: bool,
}

/// Says what a unit is.
pub fn classify_unit(unit: &Unit<'_>) -> Service {
    let wrapper = wrapper_of(unit.arguments);
    let inner = unit.arguments.get(wrapper.map_or(0, |wrapper| wrapper.length)..).unwrap_or_default();
    let command = command::parse(without_env(inner));
    let variable =
        |name: &str| unit.file_environment.and_then(|file| file.text(name)).or_else(|| unit.environment.text(name));
    let has_service_marker = variable(environment::SERVICE_MARKER) == Some(SERVICE_MARKER_VALUE);
    let by_label = by_label(unit.label);
    let by_command = command.and_then(|command| {
        if command.runs_gateway() {
            Some(ServiceKind::Gateway)
        } else if command.runs_node_host() {
            Some(ServiceKind::Node)
        } else {
            None
        }
    });
    let by_marker = match variable(environment::SERVICE_KIND) {
        _ if !has_service_marker => None,
        Some("node") => Some(ServiceKind::Node),
        None | Some("gateway") => Some(ServiceKind::Gateway),
        Some(_) => None,
    };
    let kind = match by_label {
        Label::Certain(kind) => kind,
        // Tunnels and other helpers are given such labels too.
        Label::Profile(_) | Label::Foreign => by_command.or(by_marker).unwrap_or(ServiceKind::Not),
    };
    let label_profile = match by_label {
        Label::Profile(profile) if kind == ServiceKind::Gateway => Some(profile),
        _ => None,
    };
    let profile = label_profile
        .or_else(|| command.and_then(|command| command.profile()))
        .or_else(|| variable(environment::PROFILE))
        .and_then(paths::normalize_profile)
        .map(|profile| crate::log::redact(profile, 64));
    Service {
        kind,
        has_own_label: matches!(by_label, Label::Certain(_)) || label_profile.is_some(),
        profile,
        port: command
            .and_then(|command| command.port())
            .or_else(|| variable(environment::GATEWAY_PORT).and_then(port::parse_environment)),
        state_dir: variable(environment::STATE_DIR).map(PathBuf::from),
        config_path: variable(environment::CONFIG_PATH).map(PathBuf::from),
        environment_wrapper: wrapper.map(|wrapper| PathBuf::from(wrapper.script)),
        environment_file: wrapper.map(|wrapper| PathBuf::from(wrapper.file)),
        runtime: command.and_then(|command| command.runtime).map(PathBuf::from),
        entry: command.map(|command| match unit.working_directory {
            Some(dir) => dir.join(command.entry),
            None => PathBuf::from(command.entry),
        }),
        has_service_marker,
        shows_secret: command.is_some_and(|command| command.shows_secret()),
    }
}

/// What a label alone says.
#[derive(Clone, Copy)]
enum Label<'a> {
    Certain(ServiceKind),
    Profile(&'a str),
    Foreign,
}

fn by_label(label: &str) -> Label<'_> {
    let name = label.strip_suffix(".service").unwrap_or(label);
    // `bot.molt` and `moltbot` are a former name too, though OpenClaw itself only looks for the first.
    if ["clawdbot", "moltbot", "bot.molt."].iter().any(|former| name.contains(former)) {
        return Label::Certain(ServiceKind::Legacy);
    }
    match name {
        GATEWAY_LABEL | GATEWAY_SYSTEMD_NAME => return Label::Certain(ServiceKind::Gateway),
        NODE_LABEL | NODE_SYSTEMD_NAME => return Label::Certain(ServiceKind::Node),
        MAC_APP_LABEL => return Label::Certain(ServiceKind::MacApp),
        _ => {}
    }
    if let Some(rest) = name.strip_prefix(LABEL_PREFIX) {
        let is_update = rest.starts_with("update.")
            || rest
                .strip_prefix("manual-update.")
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            || rest.split_once(".update.").is_some_and(|(profile, job)| !profile.is_empty() && !job.is_empty());
        return if is_update { Label::Certain(ServiceKind::Updater) } else { Label::Profile(rest) };
    }
    match name.strip_prefix(GATEWAY_SYSTEMD_NAME).and_then(|rest| rest.strip_prefix('-')) {
        Some(profile) if !profile.is_empty() => Label::Profile(profile),
        _ => Label::Foreign,
    }
}

/// The words in front of the command that set its environment from a file.
#[derive(Clone, Copy)]
struct Wrapper<'a> {
    script: &'a str,
    file: &'a str,
    length: usize,
}

/// `/bin/sh <…>-env-wrapper.sh <…>.env command…`, or without the shell as older releases wrote it.
fn wrapper_of(arguments: &[String]) -> Option<Wrapper<'_>> {
    let skip = usize::from(arguments.first()? == "/bin/sh");
    let [script, file, ..] = arguments.get(skip..)? else { return None };
    (script.ends_with("-env-wrapper.sh") && file.contains('/')).then_some(Wrapper { script, file, length: skip + 2 })
}

/// A command without a leading `/usr/bin/env NAME=value …`.
fn without_env(arguments: &[String]) -> &[String] {
    let [program, rest @ ..] = arguments else { return arguments };
    if command::base_name(program) != "env" {
        return arguments;
    }
    let skip = rest.iter().take_while(|word| word.contains('=') || word.starts_with('-')).count();
    rest.get(skip..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::service::{LAUNCHD_ENVIRONMENT_HEADER, parse_launchd};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn classified(label: &str, line: &str) -> Service {
        classify_unit(&Unit {
            label,
            arguments: &words(line),
            environment: &Environment::default(),
            file_environment: None,
            working_directory: None,
        })
    }

    const AGENT: &str = "/bin/sh /s/service-env/ai.openclaw.rescue-env-wrapper.sh /s/service-env/ai.openclaw.rescue.env /n/node --max-old-space-size=8192 /p/openclaw/dist/index.js gateway --port 19901";

    #[test]
    fn understands_a_launch_agent() {
        let mut file = Environment::default();
        for (name, value) in [
            (environment::STATE_DIR, "/Users/a/.openclaw-rescue"),
            (environment::CONFIG_PATH, "/Users/a/.openclaw-rescue/openclaw.json"),
            (environment::GATEWAY_PORT, "1"),
            (environment::SERVICE_MARKER, "openclaw"),
            (environment::SERVICE_KIND, "gateway"),
        ] {
            file.set(name, value);
        }
        let service = classify_unit(&Unit {
            label: "ai.openclaw.rescue",
            arguments: &words(AGENT),
            environment: &Environment::default(),
            file_environment: Some(&file),
            working_directory: Some(Path::new("/s")),
        });
        insta::assert_json_snapshot!(service, @r#"
        {
          "kind": "gateway",
          "has_own_label": true,
          "profile": "rescue",
          "port": 19901,
          "state_dir": "/Users/a/.openclaw-rescue",
          "config_path": "/Users/a/.openclaw-rescue/openclaw.json",
          "environment_wrapper": "/s/service-env/ai.openclaw.rescue-env-wrapper.sh",
          "environment_file": "/s/service-env/ai.openclaw.rescue.env",
          "runtime": "/n/node",
          "entry": "/p/openclaw/dist/index.js",
          "has_service_marker": true,
          "shows_secret": false
        }
        "#);
    }

    #[test]
    fn labels_and_commands_tell_the_kind() {
        let gateway = "/n/node /p/openclaw/dist/index.js gateway --port 18789";
        for (label, line, kind, profile) in [
            ("ai.openclaw.gateway", gateway, ServiceKind::Gateway, None),
            ("ai.openclaw.gateway", "/usr/local/bin/my-wrapper", ServiceKind::Gateway, None),
            ("ai.openclaw.rescue", gateway, ServiceKind::Gateway, Some("rescue")),
            ("ai.openclaw.ssh-tunnel", "/usr/bin/ssh -N -L 18789:127.0.0.1:18789 host", ServiceKind::Not, None),
            (
                "ai.openclaw.node",
                "/n/node /p/openclaw/dist/index.js node run --host h --port 18789",
                ServiceKind::Node,
                None,
            ),
            ("ai.openclaw.mac", "/Applications/OpenClaw.app/Contents/MacOS/OpenClaw", ServiceKind::MacApp, None),
            ("ai.openclaw.update.2026", "/n/node /p/openclaw/openclaw.mjs update", ServiceKind::Updater, None),
            ("ai.openclaw.manual-update.17", "", ServiceKind::Updater, None),
            ("ai.openclaw.rescue.update.9", "", ServiceKind::Updater, None),
            ("com.clawdbot.gateway", gateway, ServiceKind::Legacy, None),
            ("bot.molt.gateway", gateway, ServiceKind::Legacy, None),
            ("openclaw-gateway.service", gateway, ServiceKind::Gateway, None),
            ("openclaw-gateway-rescue.service", gateway, ServiceKind::Gateway, Some("rescue")),
            ("openclaw-node.service", "", ServiceKind::Node, None),
            ("clawdbot-gateway.service", gateway, ServiceKind::Legacy, None),
            (
                "com.example.claw",
                "/usr/bin/env A=b node /p/openclaw/openclaw.mjs --profile x gateway run",
                ServiceKind::Gateway,
                Some("x"),
            ),
            ("com.example.claw", "/n/node /p/openclaw/openclaw.mjs gateway status", ServiceKind::Not, None),
            ("com.apple.configd", "/usr/libexec/configd", ServiceKind::Not, None),
            ("", "", ServiceKind::Not, None),
        ] {
            let service = classified(label, line);
            assert_eq!((service.kind, service.profile.as_deref()), (kind, profile), "`{label}`: {line}");
        }
        assert!(!classified("com.example.claw", gateway).has_own_label);
    }

    #[test]
    fn corpus_of_launchd_samples_is_understood() {
        let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else {
            #[expect(clippy::print_stderr, reason = "says why nothing is tested")]
            {
                eprintln!("skipped: PORTREEVE_CORPUS is not set");
            }
            return;
        };
        for entry in fs::read_dir(Path::new(&corpus).join("openclaw/logs")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some(rest) = name.strip_prefix("launchd-sample.") else { continue };
            let content = fs::read_to_string(&path).unwrap();
            if let Some(label) = rest.strip_suffix(".env.txt") {
                let file = parse_launchd(content.as_bytes()).unwrap();
                assert!(file.has_header && content.starts_with(LAUNCHD_ENVIRONMENT_HEADER), "{name}");
                assert_eq!(file.not_understood, 0, "{name}");
                assert_eq!(file.variables.text(environment::LAUNCHD_LABEL), Some(label), "{name}");
                assert_eq!(file.variables.names().count(), content.lines().count() - 1, "{name}");
            } else if let Some(label) = rest.strip_suffix(".plist.xml") {
                // The array of strings, read well enough for a file whose shape is known.
                let array = content.split_once("<array>").unwrap().1.split_once("</array>").unwrap().0;
                let arguments: Vec<String> = array
                    .split("<string>")
                    .skip(1)
                    .map(|item| item.split_once("</string>").unwrap().0.replace("<node>", "/n/node"))
                    .collect();
                let service = classify_unit(&Unit {
                    label,
                    arguments: &arguments,
                    environment: &Environment::default(),
                    file_environment: None,
                    working_directory: None,
                });
                assert_ne!(service.kind, ServiceKind::Not, "{name}");
                assert!(service.has_own_label && service.port.is_some() && service.entry.is_some(), "{name}");
                let file = service.environment_file.unwrap();
                assert!(file.ends_with(format!("{label}.env")), "{name}");
                assert!(content.contains("<key>KeepAlive</key>\n    <true/>"), "{name}");
                assert!(
                    content.contains("<integer>10</integer>") && content.contains("<integer>63</integer>"),
                    "{name}"
                );
            }
        }
    }
}
