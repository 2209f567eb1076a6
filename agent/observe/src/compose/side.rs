//! What a gateway or a client in a service accepts, sends and connects to, resolved as `OpenClaw` itself would.

use std::path::Path;

use portreeve_compose::{Origin, Project, Service, Value};
use portreeve_core::snapshot::{
    Client, ClientKind, ConfigFacts, Credentials, Expectation, Gateway, Place, Probe, SourceOutcome, TokenSource,
    UrlFacts, Workload, WorkloadRole,
};
use portreeve_core::{Fact, Secret};
use portreeve_facts::credentials::{of_client, of_gateway};
use portreeve_facts::workload::{Definition, split_words};
use portreeve_facts::{Loaded, read_environment, untried, url};
use portreeve_openclaw::config::AuthMode;
use portreeve_openclaw::credentials::{
    self, ClientInputs, EnvironmentFileKind, EnvironmentLayers, GatewayInputs, NodeTarget, ProcessLayer,
    SecretResolver, resolve_client, resolve_gateway,
};
use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::port::DEFAULT_PORT;

use super::mounted::{self, Mounted};
use super::service::{self, definition, is_unset, workload};
use super::unset::Unset;
use super::{Reading, shown, shown_place};

/// Why nothing was asked.
const ONLY_FILES: &str = "only files were read";

/// A service with the gateway or the client in it.
pub(super) struct Side {
    pub(super) workload: Workload,
    pub(super) gateway: Option<Gateway>,
    pub(super) client: Option<Client>,
}

impl Side {
    /// The facts of one service.
    pub(super) fn of(project: &Project, service: &Service, reading: &Reading) -> Self {
        let definition = definition(service);
        let mut workload = workload(project, service, &definition, reading);
        for place in workload.places.values_mut() {
            *place = shown_place(place, reading);
        }
        let is_side = matches!(workload.role, WorkloadRole::Gateway | WorkloadRole::Cli | WorkloadRole::NodeHost);
        if !is_side {
            return Self { workload, gateway: None, client: None };
        }
        let files = Files::of(project, service, &workload, reading);
        let mut resolution =
            Resolution { service, definition: &definition, reading, files: &files, unset: Unset::default() };
        match workload.role {
            WorkloadRole::Gateway => {
                let gateway = resolution.gateway(&mut workload);
                Self { workload, gateway: Some(gateway), client: None }
            }
            role => {
                let kind = if role == WorkloadRole::NodeHost { ClientKind::NodeHost } else { ClientKind::Cli };
                let client = resolution.client(&workload, kind);
                Self { workload, gateway: None, client: Some(client) }
            }
        }
    }
}

/// The files of `OpenClaw` in a service, as far as they lie in the project.
struct Files {
    loaded: Loaded,
    /// Its path within the service.
    inner: String,
    dotenv: Vec<credentials::EnvironmentFile>,
    /// Why the configuration may well be another than what was read.
    unseen: Option<String>,
    blind: Vec<String>,
}

impl Files {
    fn of(project: &Project, service: &Service, workload: &Workload, reading: &Reading) -> Self {
        let none = || Loaded::nothing(Path::new("openclaw.json"));
        let nothing = |why: &str| Self {
            loaded: none(),
            inner: String::new(),
            dotenv: Vec::new(),
            unseen: Some(why.to_owned()),
            blind: Vec::new(),
        };
        let Some(state) = workload.state_dir.as_deref() else {
            return nothing("the state directory, whose path is not known");
        };
        if is_unset(service, environment::CONFIG_PATH) {
            return nothing("the configuration, whose path is not known");
        }
        let named = service.environment.get(environment::CONFIG_PATH).and_then(|one| one.value.known());
        let inner = named.map_or_else(|| format!("{state}/openclaw.json"), ToOwned::to_owned);
        let mut blind = Vec::new();
        let mut dotenv = Vec::new();
        if let Mounted::Here(path) = mounted::at(project, service, &format!("{state}/.env")) {
            let kind = EnvironmentFileKind::StateDotenv;
            read_environment(&path, kind, &reading.reader, &mut dotenv, &mut blind);
        }
        let (loaded, unseen) = match mounted::at(project, service, &inner) {
            Mounted::Here(path) => {
                let loaded = Loaded::read_from_outside(&path, &reading.reader);
                // A folder of state is often made at the first start and is in no repository.
                let unseen = (!loaded.exists()).then(|| format!("`{inner}`, which is not there yet"));
                (loaded, unseen)
            }
            Mounted::Elsewhere(what) => (none(), Some(format!("`{inner}` in {what}"))),
            // The official image has no configuration; another may bring one.
            Mounted::Image if service.build.is_some() || !definition(service).is_openclaw_image() => {
                (none(), Some(format!("`{inner}` in its image")))
            }
            Mounted::Image => (none(), None),
        };
        Self { loaded, inner, dotenv, unseen, blind }
    }

    fn facts(&self, environment: &Environment, reading: &Reading) -> Fact<ConfigFacts> {
        if !self.loaded.exists() {
            return match &self.unseen {
                Some(what) => Fact::unreadable(format!("{what} was not looked at"), self.inner.clone(), reading.at),
                None => Fact::absent(self.inner.clone(), reading.at),
            };
        }
        let mut facts = self.loaded.facts(environment, &reading.key, reading.at);
        facts.source = shown(&facts.source, reading);
        if let portreeve_core::fact::Outcome::Known { value } = &mut facts.outcome {
            value.path = shown(&value.path, reading);
            for problem in &mut value.problems {
                problem.path = shown(&problem.path, reading);
            }
        }
        facts
    }
}

/// The resolution of one side.
struct Resolution<'a> {
    service: &'a Service,
    definition: &'a Definition,
    reading: &'a Reading,
    files: &'a Files,
    unset: Unset,
}

impl Resolution<'_> {
    fn gateway(&mut self, workload: &mut Workload) -> Gateway {
        let layers = self.layers();
        let at = self.reading.at;
        let effective = layers.effective(self.files.loaded.config.as_ref());
        let config = self.files.facts(&effective, self.reading);
        workload.listens = service::listening(self.service, self.definition, config.get());
        let (token, password) = (self.secret_flag("--token"), self.secret_flag("--password"));
        let sealed = Reader::sealed();
        let auth = resolve_gateway(&GatewayInputs {
            config: self.files.loaded.config.as_ref(),
            layers: &layers,
            resolver: resolver(&sealed),
            token_flag: token.as_ref(),
            password_flag: password.as_ref(),
            mode_flag: self.flag("--auth").and_then(|mode| mode.known().map(AuthMode::parse)),
        });
        let credentials = of_gateway(&auth, &self.files.blind, &self.reading.key, at);
        let (port, port_source) = match &workload.listens {
            Some(listens) => (listens.port, listens.port_source.clone()),
            None => (DEFAULT_PORT, "not known: a variable that is given at deployment".to_owned()),
        };
        Gateway {
            id: workload.id.clone(),
            user: None,
            profile: None,
            state_dir: None,
            workload: Some(workload.id.clone()),
            expected: vec![Expectation::Definition],
            config,
            port,
            port_source,
            pids: Vec::new(),
            units: Vec::new(),
            credentials: self.settle(credentials, true),
            ladder: untried(ONLY_FILES, port, at),
            pairing: Fact::unreadable(ONLY_FILES, "definition", at),
            log: Fact::unreadable(ONLY_FILES, "definition", at),
            connects: None,
        }
    }

    fn client(&mut self, workload: &Workload, kind: ClientKind) -> Client {
        let layers = self.layers();
        let at = self.reading.at;
        let (token, password) = (self.secret_flag("--token"), self.secret_flag("--password"));
        let text = |value: Option<Value>| value.and_then(|value| value.known().map(ToOwned::to_owned));
        let url_flag = self.flag("--url");
        let url_word = url_flag.as_ref().map(|url| url.known().unwrap_or(UNSET_URL).to_owned());
        let target = match kind {
            ClientKind::NodeHost => text(self.flag("--host")).map(|host| NodeTarget {
                host,
                port: text(self.flag("--port")).and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT),
                tls: self.words().iter().any(|word| word.text == "--tls").then_some(true),
            }),
            ClientKind::Cli => None,
        };
        let sealed = Reader::sealed();
        let auth = resolve_client(&ClientInputs {
            kind: match kind {
                ClientKind::Cli => credentials::ClientKind::Cli,
                ClientKind::NodeHost => credentials::ClientKind::NodeHost,
            },
            config: self.files.loaded.config.as_ref(),
            layers: &layers,
            resolver: resolver(&sealed),
            profile: None,
            url_flag: url_word.as_deref(),
            port_flag: None,
            token_flag: token.as_ref(),
            password_flag: password.as_ref(),
            node_target: target.as_ref(),
            has_device_token: false,
            environment_only: false,
        });
        // With a URL of its own a command line takes nothing from the configuration.
        let by_config = !matches!(auth.surface, credentials::Surface::UrlFlag | credentials::Surface::UrlEnvironment);
        let credentials = of_client(&auth, &self.files.blind, &self.reading.key, at);
        let not_tried = || Probe::not_tried(ONLY_FILES, at);
        Client {
            id: workload.id.clone(),
            kind,
            user: None,
            state_dir: None,
            pid: None,
            workload: Some(workload.id.clone()),
            url: self.url(url(&auth, at), url_flag.as_ref()),
            gateway: None,
            credentials: self.settle(credentials, by_config),
            device: Fact::unreadable(ONLY_FILES, "definition", at),
            handshake: not_tried(),
            connect: Probe::not_tried(ONLY_FILES, at),
            acceptance: None,
            connects: None,
        }
    }

    /// The URL, unless a variable that nobody gives or a configuration that is not here decides it.
    fn url(&self, url: Fact<UrlFacts>, flag: Option<&Value>) -> Fact<UrlFacts> {
        let in_environment = self.service.environment.get(environment::GATEWAY_URL).map(|one| &one.value);
        let written = flag.or(in_environment);
        if let Some(unknown) = written.and_then(|value| value.unknown.as_ref()) {
            let why = format!("`{}` is given at deployment", unknown.expression);
            return Fact::unreadable(why, url.source, self.reading.at);
        }
        let by_port = is_unset(self.service, environment::GATEWAY_PORT);
        let decided = written.is_some_and(|value| !value.text.trim().is_empty());
        match &self.files.unseen {
            _ if decided => url,
            _ if by_port => Fact::unreadable("its port is given at deployment", url.source, self.reading.at),
            // `gateway.mode: remote` there would name another.
            Some(what) if !self.files.loaded.exists() => {
                Fact::unreadable(format!("it may be named by {what}"), url.source, self.reading.at)
            }
            _ => url,
        }
    }

    /// Its environment with stand-ins for the secrets that nobody gives.
    fn layers(&mut self) -> EnvironmentLayers {
        let mut variables: Vec<(String, String)> = Vec::new();
        for (name, one) in &self.service.environment {
            let Some(unknown) = &one.value.unknown else {
                variables.push((name.clone(), one.value.text.clone()));
                continue;
            };
            match name.as_str() {
                environment::GATEWAY_URL => variables.push((name.clone(), UNSET_URL.to_owned())),
                environment::GATEWAY_PORT
                | environment::PROFILE
                | environment::STATE_DIR
                | environment::CONFIG_PATH => {}
                // With a token, one that is left empty is how most people have it.
                environment::GATEWAY_PASSWORD if unknown.may_be_empty => {}
                _ => variables.push((name.clone(), self.unset.stand_in(&unknown.expression, &self.reading.key))),
            }
        }
        let process = ProcessLayer {
            location: format!("the environment of service `{}`", self.service.name),
            environment: Environment::all(variables),
            is_running: false,
        };
        let dotenv_files = self.files.dotenv.clone();
        EnvironmentLayers { process: Some(process), service_files: Vec::new(), dotenv_files }
    }

    /// Its words, those of a shell's script among them.
    fn words(&self) -> Vec<Value> {
        let words = self.service.entrypoint.iter().chain(&self.service.command).flatten();
        words
            .flat_map(|word| match &word.unknown {
                None if word.text.contains(' ') => {
                    split_words(&word.text).into_iter().map(|text| Value { text, ..word.clone() }).collect()
                }
                _ => vec![word.clone()],
            })
            .collect()
    }

    /// The value of an option.
    fn flag(&self, name: &str) -> Option<Value> {
        let words = self.words();
        words.iter().enumerate().find_map(|(index, word)| {
            if word.text == name {
                return words.get(index + 1).cloned();
            }
            let joined = |text: &str| text.strip_prefix(name)?.strip_prefix('=').map(ToOwned::to_owned);
            let mut value = word.clone();
            match &mut value.unknown {
                Some(unknown) => unknown.expression = joined(&unknown.expression)?,
                None => value.text = joined(&value.text)?,
            }
            Some(value)
        })
    }

    fn secret_flag(&mut self, name: &str) -> Option<Secret> {
        let value = self.flag(name)?;
        let text = match &value.unknown {
            Some(unknown) => self.unset.stand_in(&unknown.expression, &self.reading.key),
            None => value.text,
        };
        Some(Secret::from(text))
    }

    /// Credentials with what is not known taken out and every source with its place.
    /// `by_config`: whether a configuration that was not seen could give a secret.
    fn settle(&self, mut credentials: Credentials, by_config: bool) -> Credentials {
        for source in &mut credentials.sources {
            self.locate(source);
        }
        let nothing = !credentials
            .sources
            .iter()
            .any(|source| matches!(source.outcome, SourceOutcome::Wins { .. } | SourceOutcome::Unresolved { .. }));
        if nothing {
            if let Some(unseen) = self.files.unseen.clone().filter(|_| by_config) {
                credentials.blind.push(unseen);
            }
            let file = self.service.env_files.iter().find(|file| !file.read);
            credentials.sources.extend(file.map(|file| self.unread(&file.path)));
            if file.is_some() || !credentials.blind.is_empty() {
                credentials.refusal = None;
                credentials.runtime_only = false;
                credentials.remote_only = false;
            }
        }
        self.unset.take_out(&mut credentials);
        credentials
    }

    /// A file of variables that could not be read: it may well hold the secret.
    fn unread(&self, file: &Path) -> TokenSource {
        let file = shown(&file.to_string_lossy(), self.reading);
        TokenSource {
            kind: "token".to_owned(),
            location: format!("{file} of service `{}`", self.service.name),
            path: None,
            place: None,
            fingerprint: None,
            quality: None,
            readable_by_others: None,
            outcome: SourceOutcome::Unresolved { why: "it could not be read".to_owned() },
        }
    }

    fn locate(&self, source: &mut TokenSource) {
        // Modes of a checkout say nothing about those of the deployment.
        source.readable_by_others = None;
        let variable =
            if source.kind == "password" { environment::GATEWAY_PASSWORD } else { environment::GATEWAY_TOKEN };
        if source.location.contains("the environment of service") {
            let Some(one) = self.service.environment.get(variable) else { return };
            source.place = Some(shown_place(&one.value.place, self.reading));
            source.path = (one.value.literal && one.origin == Origin::Definition)
                .then(|| shown(&one.value.place.file, self.reading));
            if let Origin::EnvFile(path) = &one.origin {
                let file = shown(&path.to_string_lossy(), self.reading);
                source.location = format!("`{variable}` in {file} of service `{}`", self.service.name);
            }
            return;
        }
        let Some(path) = source.path.clone() else {
            let flag = if source.kind == "password" { "--password" } else { "--token" };
            let value = self.flag(flag);
            source.path =
                value.as_ref().filter(|value| value.literal).map(|value| shown(&value.place.file, self.reading));
            source.place = value.map(|value| shown_place(&value.place, self.reading));
            return;
        };
        let (line, column) = position(&source.location, &path)
            .or_else(|| self.line_in_dotenv(&path, variable).map(|line| (line, 1)))
            .unwrap_or((1, 1));
        let short = shown(&path, self.reading);
        source.location = source.location.replace(&path, &short);
        source.place = Some(Place { file: short.clone(), line, column });
        source.path = Some(short);
    }

    fn line_in_dotenv(&self, path: &str, variable: &str) -> Option<u32> {
        let file = self.files.dotenv.iter().find(|file| file.path == Path::new(path))?;
        let content = self.reading.reader.read_linked(&file.path, portreeve_compose::MAX_FILE_BYTES).ok()?;
        let text = String::from_utf8_lossy(&content.bytes).into_owned();
        let names = |line: &str| line.trim_start().trim_start_matches("export ").starts_with(variable);
        text.lines().position(names).and_then(|index| u32::try_from(index + 1).ok())
    }
}

/// What stands for a URL that nobody gives; what it resolves to is never shown.
const UNSET_URL: &str = "wss://unset.invalid";

fn resolver(sealed: &Reader) -> SecretResolver<'_> {
    SecretResolver {
        reader: sealed,
        account_home: Path::new("/"),
        working_directory: Path::new("/"),
        has_its_rights: false,
    }
}

/// Line and column after a path in a location.
fn position(location: &str, path: &str) -> Option<(u32, u32)> {
    let rest = location.split_once(path)?.1.strip_prefix(':')?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    let line = numbers.next()?.parse().ok()?;
    let column = numbers.next().and_then(|column| column.parse().ok()).unwrap_or(1);
    Some((line, column))
}
