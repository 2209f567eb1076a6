use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::config::{Config, LoadOptions, load};
use crate::environment::Environment;
use crate::file::Reader;

struct Lab {
    _dir: tempfile::TempDir,
    dir: PathBuf,
    reader: Reader,
    layers: EnvironmentLayers,
    config: Option<Config>,
}

impl Lab {
    fn new(config: &str, process: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        let reader = Reader::for_self(Some(path.clone()));
        let process = ProcessLayer {
            location: "environment of process 7".to_owned(),
            environment: environment(process),
            is_running: false,
        };
        let layers = EnvironmentLayers { process: Some(process), ..EnvironmentLayers::default() };
        let mut lab = Self { _dir: dir, dir: path, reader, layers, config: None };
        lab.configure(config);
        lab
    }

    fn configure(&mut self, text: &str) {
        let path = self.dir.join("openclaw.json");
        fs::write(&path, text).unwrap();
        self.config = Some(load(&path, &LoadOptions::new(&self.reader)).unwrap());
    }

    fn running(mut self) -> Self {
        self.layers.process.as_mut().unwrap().is_running = true;
        self
    }

    fn with_file(mut self, kind: EnvironmentFileKind, variables: &[(&str, &str)]) -> Self {
        let header =
            if kind == EnvironmentFileKind::ServiceEnv { crate::service::LAUNCHD_ENVIRONMENT_HEADER } else { "" };
        let export = if header.is_empty() { "" } else { "export " };
        let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{export}{name}='{value}'")).collect();
        let path = self.dir.join(format!("{kind:?}"));
        fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        let file = EnvironmentFile::read(kind, &path, &self.reader).unwrap();
        match kind {
            EnvironmentFileKind::ServiceEnv | EnvironmentFileKind::SystemdEnv => self.layers.service_files.push(file),
            EnvironmentFileKind::StateDotenv | EnvironmentFileKind::GatewayDotenv => {
                self.layers.dotenv_files.push(file);
            }
        }
        self
    }

    fn resolver(&self) -> SecretResolver<'_> {
        SecretResolver { reader: &self.reader, account_home: &self.dir, working_directory: Path::new("/") }
    }

    fn gateway(&self) -> GatewayAuth {
        self.gateway_with(None, None)
    }

    fn gateway_with(&self, token: Option<&str>, password: Option<&str>) -> GatewayAuth {
        let (token, password) = (token.map(SecretString::from), password.map(SecretString::from));
        resolve_gateway(&GatewayInputs {
            config: self.config.as_ref(),
            layers: &self.layers,
            resolver: self.resolver(),
            token_flag: token.as_ref(),
            password_flag: password.as_ref(),
            mode_flag: None,
        })
    }

    fn client<'a>(&'a self, change: impl FnOnce(&mut ClientInputs<'a>)) -> ClientAuth {
        let mut inputs = ClientInputs {
            kind: ClientKind::Cli,
            config: self.config.as_ref(),
            layers: &self.layers,
            resolver: self.resolver(),
            profile: None,
            url_flag: None,
            port_flag: None,
            token_flag: None,
            password_flag: None,
            node_target: None,
            has_device_token: false,
            environment_only: false,
        };
        change(&mut inputs);
        resolve_client(&inputs)
    }

    fn cli(&self) -> ClientAuth {
        self.client(|_| {})
    }

    fn node(&self) -> ClientAuth {
        self.client(|inputs| inputs.kind = ClientKind::NodeHost)
    }

    /// Sources as text, one a line; values are those of the test.
    fn list(&self, sources: &[Source]) -> String {
        let lines = sources.iter().map(|source| {
            let outcome = match &source.outcome {
                Outcome::Wins => "WINS".to_owned(),
                Outcome::Loses(reason) => format!("loses: {reason}"),
                Outcome::NotRead(reason) => format!("not read: {reason}"),
                Outcome::Unresolved(reason) => format!("unresolved: {reason}"),
            };
            let value = source.value.as_ref().map_or("-", |value| value.expose_secret());
            format!("{} {value} at {} — {outcome}", source.slot, source.location)
        });
        lines.collect::<Vec<_>>().join("\n").replace(&self.dir.display().to_string(), "~")
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::all(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn value(source: Option<&Source>) -> Option<&str> {
    source.and_then(|source| source.value.as_ref()).map(ExposeSecret::expose_secret)
}

fn accepted(auth: &GatewayAuth) -> Option<&str> {
    auth.accepted().map(ExposeSecret::expose_secret)
}

fn sent(auth: &ClientAuth) -> (Option<&str>, Option<&str>) {
    (value(auth.token()), value(auth.password()))
}

const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
const PASSWORD: &str = "OPENCLAW_GATEWAY_PASSWORD";
const EVERYWHERE: &str = "{ gateway: { auth: { token: 'config' }, remote: { token: 'remote' } }, \
                          env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'vars' } } }";

#[test]
fn gateway_lists_every_source_in_order() {
    let lab = Lab::new(EVERYWHERE, &[(TOKEN, "process")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")])
        .with_file(EnvironmentFileKind::GatewayDotenv, &[(TOKEN, "gateway-env")]);
    let auth = lab.gateway();
    assert_eq!((auth.mode, auth.mode_reason), (AuthMode::Token, ModeReason::TokenPresent(SourceKind::AuthConfig)));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — loses: `gateway.auth` comes first
    token dotenv at ~/StateDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token gateway-env at ~/GatewayDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token vars at ~/openclaw.json:1:87 env.vars `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token remote at ~/openclaw.json:1:51 `gateway.remote.token` — not read: a gateway with a `gateway.auth` block takes no credential from `gateway.remote`
    ");
}

#[test]
fn gateway_order_step_by_step() {
    let mut lab =
        Lab::new(EVERYWHERE, &[(TOKEN, "process")]).with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")]);
    assert_eq!(accepted(&lab.gateway_with(Some("flag"), None)), Some("flag"));
    assert_eq!(accepted(&lab.gateway()), Some("config"));
    lab.configure("{ gateway: { remote: { token: 'remote' } }, env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'vars' } } }");
    assert_eq!(accepted(&lab.gateway()), Some("process"));
    lab.layers.process = None;
    assert_eq!(accepted(&lab.gateway()), Some("dotenv"));
    lab.layers.dotenv_files.clear();
    assert_eq!(accepted(&lab.gateway()), Some("vars"));
}

#[test]
fn nothing_configured_and_remote_only() {
    let auth = Lab::new("{}", &[]).gateway();
    assert!(auth.is_runtime_only && !auth.is_remote_only && auth.refusals.is_empty());
    assert_eq!(auth.mode_reason, ModeReason::Default);

    for block in ["auth: {}, remote: { token: 'remote' }", "auth: {}, remote: { password: 'remote' }"] {
        let auth = Lab::new(&format!("{{ gateway: {{ {block} }} }}"), &[]).gateway();
        assert!(auth.is_remote_only && !auth.is_runtime_only, "{block}");
        assert_eq!(accepted(&auth), None);
    }
    let auth = Lab::new("{ gateway: { auth: { mode: 'token' }, remote: { password: 'remote' } } }", &[]).gateway();
    assert!(auth.is_runtime_only);
}

#[test]
fn without_an_auth_block_the_gateway_takes_what_is_meant_for_clients() {
    let gateway = |remote: &str, process: &[(&str, &str)]| {
        let auth = Lab::new(&format!("{{ gateway: {{ remote: {{ {remote} }} }} }}"), process).gateway();
        (auth.mode, accepted(&auth).map(str::to_owned), auth.is_mode_flipped)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(gateway("token: 'remote'", &[]), (AuthMode::Token, some("remote"), false));
    assert_eq!(gateway("token: 'remote'", &[(TOKEN, "process")]), (AuthMode::Token, some("process"), false));
    assert_eq!(gateway("password: 'rpw'", &[(TOKEN, "process")]), (AuthMode::Password, some("rpw"), true));
    assert_eq!(gateway("token: 'remote', password: 'rpw'", &[]), (AuthMode::Password, some("rpw"), true));
}

#[test]
fn a_password_in_the_environment_flips_the_mode() {
    let lab = Lab::new("{ gateway: { auth: { token: 'config' } } }", &[(PASSWORD, "pw")]);
    let auth = lab.gateway();
    assert!(auth.is_mode_flipped && auth.refusals.is_empty());
    assert_eq!((auth.mode, accepted(&auth)), (AuthMode::Password, Some("pw")));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — loses: the mode is `password`
    password pw at environment of process 7 `OPENCLAW_GATEWAY_PASSWORD` — WINS
    ");
    assert_eq!(sent(&lab.cli()), (Some("config"), Some("pw")));

    let lab = Lab::new("{ gateway: { auth: { mode: 'token', token: 'config' } } }", &[(PASSWORD, "pw")]);
    let auth = lab.gateway();
    assert!(!auth.is_mode_flipped);
    assert_eq!(accepted(&auth), Some("config"));
}

#[test]
fn gateway_refusals() {
    let refusals = |config: &str, process: &[(&str, &str)]| {
        let texts: Vec<String> = Lab::new(config, process).gateway().refusals.iter().map(ToString::to_string).collect();
        texts.join("; ")
    };
    let listed = [
        refusals("{ gateway: { auth: { token: 'a', password: 'b' } } }", &[]),
        refusals("{ gateway: { auth: { token: '${NOPE}' } } }", &[(TOKEN, "process")]),
        refusals("{ gateway: { auth: { token: {source: 'exec', provider: 'p', id: 'x'} } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'password' } } }", &[(TOKEN, "process")]),
        refusals("{ gateway: { auth: { token: '__OPENCLAW_REDACTED__' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'trusted-proxy', token: 't' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'tokn', token: 't' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'none' } } }", &[]),
    ];
    insta::assert_snapshot!(listed.join("\n"), @r"
    `gateway.auth.token` and `gateway.auth.password` are both configured and `gateway.auth.mode` is not set
    `gateway.auth.token` cannot be resolved: environment variable `NOPE` is not set
    `gateway.auth.token` cannot be resolved: `secrets.providers.p` does not exist
    the mode is `password` and no password is configured
    the token is a redaction mark
    the mode is `trusted-proxy` and `gateway.auth.trustedProxy.userHeader` is not set; the mode is `trusted-proxy` and a token is configured as well
    `gateway.auth.mode` is not one of `none`, `token`, `password`, `trusted-proxy`
    ");
}

#[test]
fn cli_in_local_and_remote_mode() {
    let both = "auth: { token: 'config' }, remote: { url: 'wss://gw.example', token: 'remote' }";
    let local = Lab::new(&format!("{{ gateway: {{ {both} }} }}"), &[(TOKEN, "process")]);
    assert_eq!(sent(&local.cli()), (Some("config"), None));
    assert_eq!(local.cli().surface, Surface::Local);
    assert_eq!(local.cli().target.url.unwrap().to_string(), "ws://127.0.0.1:18789");

    let remote = Lab::new(&format!("{{ gateway: {{ mode: 'remote', {both} }} }}"), &[(TOKEN, "process")]);
    let auth = remote.cli();
    assert_eq!(sent(&auth), (Some("remote"), None));
    assert_eq!(auth.target.source, UrlSource::RemoteConfig);
    insta::assert_snapshot!(remote.list(&auth.sources), @r"
    token remote at ~/openclaw.json:1:92 `gateway.remote.token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — loses: `gateway.remote` comes first
    token config at ~/openclaw.json:1:38 `gateway.auth.token` — loses: `gateway.remote` comes first
    ");

    let fallback = Lab::new("{ gateway: { remote: { token: 'remote', password: 'rpw' } } }", &[]);
    assert_eq!(sent(&fallback.cli()), (Some("remote"), Some("rpw")));
    let env = Lab::new(
        "{ gateway: { mode: 'remote', auth: { token: 'config' }, remote: { url: 'wss://x' } } }",
        &[(TOKEN, "process")],
    );
    assert_eq!(sent(&env.cli()), (Some("process"), None));
}

#[test]
fn url_overrides_count_no_configured_credentials() {
    let config = "{ gateway: { auth: { token: 'config' } } }";
    let lab = Lab::new(config, &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1"), (TOKEN, "process")]);
    let auth = lab.cli();
    assert_eq!((auth.surface, sent(&auth)), (Surface::UrlEnvironment, (Some("process"), None)));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — not read: with a URL override, configured credentials do not count
    ");

    let lab = Lab::new(config, &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1")]);
    assert_eq!(lab.cli().refusals, [Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Environment }]);
    assert!(lab.client(|inputs| inputs.has_device_token = true).refusals.is_empty());

    let flag = SecretString::from("flag");
    let lab = Lab::new(config, &[(TOKEN, "process")]);
    let auth = lab.client(|inputs| inputs.url_flag = Some("ws://127.0.0.1:1"));
    assert_eq!(auth.refusals, [Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Flag }]);
    let auth = lab.client(|inputs| {
        inputs.url_flag = Some("ws://127.0.0.1:1");
        inputs.token_flag = Some(&flag);
    });
    assert_eq!(sent(&auth), (Some("flag"), None));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token flag at `--token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — not read: with `--url`, only credentials of the command line count
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — not read: with `--url`, only credentials of the command line count
    ");
}

#[test]
fn node_host_takes_the_environment_first() {
    let config = "{ gateway: { auth: { token: 'config' }, remote: { token: 'remote' } } }";
    let target = NodeTarget { host: "gw.example".into(), port: 443, tls: Some(true) };
    let lab = Lab::new(config, &[(TOKEN, "process")]);
    let auth = lab.node();
    assert_eq!(sent(&auth), (Some("process"), None));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — loses: the process environment comes first
    token remote at ~/openclaw.json:1:51 `gateway.remote.token` — not read: a local node host does not look at `gateway.remote`
    ");
    assert_eq!(sent(&Lab::new(config, &[]).node()), (Some("config"), None));

    let auth = lab.client(|inputs| {
        inputs.kind = ClientKind::NodeHost;
        inputs.node_target = Some(&target);
    });
    assert_eq!(auth.target.url.unwrap().to_string(), "wss://gw.example:443");

    let lab = Lab::new(config, &[]);
    let auth = lab.client(|inputs| {
        inputs.kind = ClientKind::NodeHost;
        inputs.environment_only = true;
        inputs.has_device_token = true;
    });
    assert!(auth.sends_device_token() && auth.token().is_none());
}

#[test]
fn environment_files_are_bounded_and_checked() {
    let lab = Lab::new("{}", &[]);
    let read = |kind, name: &str| EnvironmentFile::read(kind, &lab.dir.join(name), &lab.reader);
    assert!(read(EnvironmentFileKind::StateDotenv, "none").unwrap_err().is_missing());
    fs::write(lab.dir.join("big"), vec![b'A'; 1024 * 1024 + 1]).unwrap();
    assert!(matches!(read(EnvironmentFileKind::StateDotenv, "big"), Err(EnvironmentFileError::Read { .. })));
    fs::write(lab.dir.join("plain"), "export A='1'\n").unwrap();
    assert!(matches!(read(EnvironmentFileKind::ServiceEnv, "plain"), Err(EnvironmentFileError::Refused { .. })));
    let file = read(EnvironmentFileKind::StateDotenv, "plain").unwrap();
    assert_eq!(file.environment.text("A"), Some("1"));
    assert!(file.meta.is_readable_by_others());
}

#[test]
fn what_an_observer_cannot_see_is_neither_missing_nor_refused() {
    let exec = "{ source: 'exec', provider: 'vault', id: 'x' }";
    let providers = "secrets: { providers: { vault: { source: 'exec', command: '/bin/vault' } } }";
    let lab = Lab::new(&format!("{{ gateway: {{ auth: {{ token: {exec} }} }}, {providers} }}"), &[(TOKEN, "process")]);
    let gateway = lab.gateway();
    assert!(gateway.is_opaque && gateway.refusals.is_empty() && !gateway.is_runtime_only);
    assert_eq!(accepted(&gateway), None);
    let client = lab.cli();
    assert!(client.is_opaque && client.refusals.is_empty());
    assert_eq!(sent(&client), (None, None));
    let password = format!("{{ gateway: {{ auth: {{ mode: 'password', password: {exec} }} }}, {providers} }}");
    let gateway = Lab::new(&password, &[]).gateway();
    assert!(gateway.is_opaque && gateway.refusals.is_empty());
}

#[test]
fn corpus_service_environment_files_parse() {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else {
        #[expect(clippy::print_stdout, reason = "a skipped test says so")]
        {
            println!("skipped: PORTREEVE_CORPUS is not set");
        }
        return;
    };
    let dir = Path::new(&corpus).join("openclaw/logs");
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("launchd-sample.") && name.ends_with(".env.txt") {
            let environment = crate::service::parse_launchd(&fs::read(&path).unwrap()).unwrap().variables;
            assert_eq!(environment.text(crate::environment::SERVICE_MARKER), Some("openclaw"), "{name}");
            assert!(environment.text(crate::environment::LAUNCHD_LABEL).is_some(), "{name}");
        }
    }
}

#[test]
fn an_unresolved_reference_is_not_passed_over_in_local_mode() {
    let lab = Lab::new("{ gateway: { auth: { token: '${NOPE}' } } }", &[(TOKEN, "process")]);
    let auth = lab.cli();
    assert_eq!(sent(&auth), (None, None));
    assert!(matches!(auth.refusals.as_slice(), [Refusal::Unresolved { key, .. }] if key == "gateway.auth.token"));

    let lab = Lab::new("{ gateway: { auth: { token: '${NOPE}' } } }", &[(PASSWORD, "pw")]);
    assert_eq!((sent(&lab.cli()), lab.cli().refusals), ((None, Some("pw")), vec![]));

    let remote = "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:1', token: '${NOPE}' } } }";
    let lab = Lab::new(remote, &[(TOKEN, "process")]);
    assert_eq!((sent(&lab.cli()), lab.cli().refusals), ((Some("process"), None), vec![]));
    let lab = Lab::new(remote, &[]);
    assert!(
        matches!(lab.cli().refusals.as_slice(), [Refusal::Unresolved { key, .. }] if key == "gateway.remote.token")
    );
}

#[test]
fn device_token_only_where_no_secret_is_shared() {
    let lab = Lab::new("{}", &[]);
    assert!(lab.client(|inputs| inputs.has_device_token = true).sends_device_token());
    assert_eq!(lab.cli().refusals, [Refusal::NoCredentials { slot: Slot::Token }]);
    let lab = Lab::new("{}", &[(TOKEN, "process")]);
    assert!(!lab.client(|inputs| inputs.has_device_token = true).sends_device_token());
}

#[test]
fn targets_that_are_refused() {
    let remote = |url: &str| format!("{{ gateway: {{ mode: 'remote', remote: {{ url: '{url}', token: 'x' }} }} }}");
    let refusals = |config: &str, process: &[(&str, &str)]| Lab::new(config, process).cli().refusals;
    let from = UrlSource::RemoteConfig;
    assert_eq!(refusals(&remote("ws://gw.example:1"), &[]), [Refusal::Plaintext { from }]);
    assert_eq!(refusals(&remote("ws://gw.example:1"), &[("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1")]), []);
    assert_eq!(refusals(&remote("ws://192.168.7.7:1"), &[]), []);
    assert_eq!(refusals(&remote("gw:1"), &[]), [Refusal::BadUrl { from, error: UrlError::Scheme }]);
    assert_eq!(refusals(&remote("${NOPE}"), &[]), [Refusal::UnresolvedUrl { from }]);
    assert_eq!(refusals("{ gateway: { mode: 'remote', remote: { token: 'x' } } }", &[]), [Refusal::RemoteUrlMissing]);
}

#[test]
fn a_running_process_tells_delivered_from_stale() {
    let lab = Lab::new("{}", &[(TOKEN, "old"), ("OPENCLAW_SERVICE_MANAGED_ENV_KEYS", TOKEN)])
        .running()
        .with_file(EnvironmentFileKind::ServiceEnv, &[(TOKEN, "new")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "old")]);
    let auth = lab.gateway();
    assert_eq!(accepted(&auth), Some("old"));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token old at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token new at ~/ServiceEnv `OPENCLAW_GATEWAY_TOKEN` — loses: the running process holds another value
    token old at ~/StateDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment has this value from here
    ");

    let mut lab = lab;
    lab.layers.process.as_mut().unwrap().is_running = false;
    assert_eq!(accepted(&lab.gateway()), Some("new"));
}

#[test]
fn a_blank_variable_stops_dotenv_but_not_the_configuration() {
    let lab = Lab::new("{}", &[(TOKEN, " ")]).with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")]);
    let auth = lab.gateway();
    assert!(auth.is_runtime_only);
    assert_eq!(auth.sources.len(), 1);
    assert_eq!(auth.sources.first().unwrap().outcome, Outcome::NotRead(NotReadReason::BlankBefore));

    let lab = Lab::new("{ env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'vars' } } }", &[(TOKEN, "")]);
    assert_eq!(accepted(&lab.gateway()), Some("vars"));
}

#[test]
fn secret_references() {
    let lab = Lab::new("{}", &[("MY_TOKEN", "from-env")]);
    let write = |name: &str, text: &str, mode: u32| {
        let path = lab.dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("secrets.json", "{\"gw\": {\"a/b\": \"from-json\", \"n\": 1}}", 0o600);
    write("single", "from-single\r\n", 0o600);
    write("open", "x", 0o644);
    symlink("/etc/shadow", lab.dir.join("link")).unwrap();
    fs::hard_link(lab.dir.join("single"), lab.dir.join("second")).unwrap();
    write("alone", "from-alone\n", 0o600);

    let file = |name: &str, mode: &str| format!("{{ source: 'file', path: '{}/{name}'{mode} }}", lab.dir.display());
    let single = ", mode: 'singleValue'";
    let providers = [
        ("json", file("secrets.json", "")),
        ("alone", file("alone", single)),
        ("linked", file("single", single)),
        ("open", file("open", single)),
        ("link", file("link", single)),
        ("none", file("none", single)),
        ("run", "{ source: 'exec', command: '/bin/true' }".to_owned()),
        ("allow", "{ source: 'env', allowlist: ['OTHER'] }".to_owned()),
    ];
    let providers: Vec<String> = providers.iter().map(|(name, body)| format!("{name}: {body}")).collect();
    let reference = |source: &str, provider: &str, id: &str| {
        format!("{{ source: '{source}', provider: '{provider}', id: '{id}' }}")
    };
    let cases = [
        "'$MY_TOKEN'".to_owned(),
        "'x-${MY_TOKEN}'".to_owned(),
        "'$${MY_TOKEN}'".to_owned(),
        "{ source: 'env', id: 'MY_TOKEN' }".to_owned(),
        reference("env", "default", "UNSET"),
        reference("env", "allow", "MY_TOKEN"),
        reference("file", "json", "/gw/a~1b"),
        reference("file", "json", "/gw/n"),
        reference("file", "alone", "value"),
        reference("file", "alone", "other"),
        reference("file", "linked", "value"),
        reference("file", "open", "value"),
        reference("file", "link", "value"),
        reference("file", "none", "value"),
        reference("file", "run", "value"),
        reference("exec", "run", "x"),
        reference("store", "default", "x"),
        reference("file", "missing", "x"),
        "['list']".to_owned(),
    ];
    let mut lines = Vec::new();
    for case in cases {
        let text = format!(
            "{{ gateway: {{ auth: {{ token: {case} }} }}, secrets: {{ providers: {{ {} }} }} }}",
            providers.join(", ")
        );
        let path = lab.dir.join("openclaw.json");
        fs::write(&path, text).unwrap();
        let config = load(&path, &LoadOptions::new(&lab.reader)).unwrap();
        let environment = lab.layers.effective(Some(&config));
        let found = lab.resolver().configured(&config, &["gateway", "auth", "token"], &environment);
        let shown = match found {
            secret_ref::Configured::Absent => "absent".to_owned(),
            secret_ref::Configured::Value(value) => format!("value {}", value.expose_secret()),
            secret_ref::Configured::Unresolved(reason) => format!("unresolved: {reason}"),
        };
        lines.push(format!("{case} -> {shown}").replace(&lab.dir.display().to_string(), "~"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    '$MY_TOKEN' -> value from-env
    'x-${MY_TOKEN}' -> value x-from-env
    '$${MY_TOKEN}' -> value ${MY_TOKEN}
    { source: 'env', id: 'MY_TOKEN' } -> value from-env
    { source: 'env', provider: 'default', id: 'UNSET' } -> unresolved: environment variable `UNSET` is not set
    { source: 'env', provider: 'allow', id: 'MY_TOKEN' } -> unresolved: `secrets.providers.allow.allowlist` does not name `MY_TOKEN`
    { source: 'file', provider: 'json', id: '/gw/a~1b' } -> value from-json
    { source: 'file', provider: 'json', id: '/gw/n' } -> unresolved: `~/secrets.json` holds no text at `/gw/n`
    { source: 'file', provider: 'alone', id: 'value' } -> value from-alone
    { source: 'file', provider: 'alone', id: 'other' } -> unresolved: `~/alone` holds no text at `other`
    { source: 'file', provider: 'linked', id: 'value' } -> unresolved: `~/single` is not private to its user
    { source: 'file', provider: 'open', id: 'value' } -> unresolved: `~/open` is not private to its user
    { source: 'file', provider: 'link', id: 'value' } -> unresolved: `~/link` is not a readable regular file
    { source: 'file', provider: 'none', id: 'value' } -> unresolved: `~/none` does not exist
    { source: 'file', provider: 'run', id: 'value' } -> unresolved: `secrets.providers.run` has another source
    { source: 'exec', provider: 'run', id: 'x' } -> unresolved: an exec provider is not run by an observer
    { source: 'store', provider: 'default', id: 'x' } -> unresolved: the secret store is not opened by an observer
    { source: 'file', provider: 'missing', id: 'x' } -> unresolved: `secrets.providers.missing` does not exist
    ['list'] -> unresolved: the value is neither text nor a secret reference
    ");
}

#[test]
fn debug_output_holds_no_value() {
    let lab = Lab::new(EVERYWHERE, &[(TOKEN, "process"), (PASSWORD, "hunter2")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv-value")]);
    let shown = format!("{:?} {:?} {:?} {:?}", lab.gateway(), lab.cli(), lab.layers, lab.config);
    for value in ["hunter2", "dotenv-value", "\"config\"", "\"remote\"", "\"vars\"", "\"process\""] {
        assert!(!shown.contains(value), "{value}");
    }
}
