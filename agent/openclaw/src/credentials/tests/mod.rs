mod client;
mod gateway;
mod sources;

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
        SecretResolver {
            reader: &self.reader,
            account_home: &self.dir,
            working_directory: Path::new("/"),
            has_its_rights: false,
        }
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
fn debug_output_holds_no_value() {
    let lab = Lab::new(EVERYWHERE, &[(TOKEN, "process"), (PASSWORD, "hunter2")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv-value")]);
    let shown = format!("{:?} {:?} {:?} {:?}", lab.gateway(), lab.cli(), lab.layers, lab.config);
    for value in ["hunter2", "dotenv-value", "\"config\"", "\"remote\"", "\"vars\"", "\"process\""] {
        assert!(!shown.contains(value), "{value}");
    }
}
