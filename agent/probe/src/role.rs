//! What the gateway or the client in here goes by, and what comes of it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::connects::Series;
use portreeve_core::snapshot::namespace::{ClientSeen, GatewaySeen};
use portreeve_core::snapshot::{Failure, FailureKind, Listener, Phase, Probe};
use portreeve_core::{Fact, FingerprintKey};
use portreeve_facts::request::{Request, Role};
use portreeve_facts::{
    ConfigRevision, Loaded, Pace, certificate, climb_by, credentials, local_target, reach, read_environment, secret,
    unasked, url,
};
use portreeve_openclaw::credentials::{
    ClientAuth, ClientInputs, ClientKind, EnvironmentFileKind, EnvironmentLayers, GatewayInputs, NodeTarget,
    ProcessLayer, SecretResolver, resolve_client, resolve_gateway,
};
use portreeve_openclaw::endpoint;
use portreeve_openclaw::environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths;
use portreeve_openclaw::port::{PortInputs, resolve as resolve_port};
use portreeve_openclaw::protocol::Credential;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use crate::user::Target;

/// What the files say, before anything is asked.
pub(crate) struct Local {
    reader: Reader,
    loaded: Loaded,
    layers: EnvironmentLayers,
    blind: Vec<String>,
}

impl Local {
    /// Reads configuration and files of variables.
    pub(crate) fn read(target: &Target) -> Self {
        let reader = target.reader();
        let loaded = Loaded::read(&target.paths.config_path, &reader, &target.paths.include_roots);
        let process = ProcessLayer {
            location: "the container's environment".to_owned(),
            environment: target.environment.clone(),
            is_running: true,
        };
        let mut dotenv_files = Vec::new();
        let mut blind = Vec::new();
        let state_dir = &target.paths.state_dir;
        let mut add = |path: &Path, kind| read_environment(path, kind, &reader, &mut dotenv_files, &mut blind);
        add(&paths::state_dotenv(state_dir), EnvironmentFileKind::StateDotenv);
        if target.paths.home.join(paths::STATE_DIR_NAME) == *state_dir {
            add(&paths::gateway_dotenv(&target.paths.home), EnvironmentFileKind::GatewayDotenv);
        }
        let layers = EnvironmentLayers { process: Some(process), service_files: Vec::new(), dotenv_files };
        Self { reader, loaded, layers, blind }
    }

    fn resolver<'a>(&'a self, target: &'a Target) -> SecretResolver<'a> {
        SecretResolver {
            reader: &self.reader,
            account_home: &target.account_home,
            working_directory: &target.working_directory,
            has_its_rights: true,
        }
    }
}

/// The gateway in here. The secret that it accepts goes to what listens on the port in this network namespace, and only where the request
/// says that it is this gateway.
pub(crate) async fn gateway(
    request: &Request,
    target: &Target,
    local: &Local,
    listeners: &Fact<Vec<Listener>>,
    key: &FingerprintKey,
    by: Instant,
) -> GatewaySeen {
    let at = Timestamp::now();
    let effective = local.layers.effective(local.loaded.config.as_ref());
    let settings = local.loaded.config.as_ref().map(|config| config.gateway(&effective));
    let auth = resolve_gateway(&GatewayInputs {
        config: local.loaded.config.as_ref(),
        layers: &local.layers,
        resolver: local.resolver(target),
        token_flag: request.token.as_ref(),
        password_flag: request.password.as_ref(),
        mode_flag: None,
    });
    let (port, port_source) = match request.port {
        Some(port) => (port, "`--port` of its command".to_owned()),
        None => {
            let resolved = resolve_port(&PortInputs {
                flag: None,
                environment: effective.text(environment::GATEWAY_PORT),
                config: settings.as_ref().and_then(|settings| settings.port),
                profile: target.paths.profile.as_deref(),
            });
            (resolved.port, resolved.source.to_string())
        }
    };
    let tls = settings.as_ref().is_some_and(|settings| settings.tls.enabled);
    let pinned = local.loaded.config.as_ref().filter(|_| tls);
    let inputs = paths::PathInputs {
        environment: &effective,
        account_home: &target.account_home,
        working_directory: &target.working_directory,
    };
    let pinned = pinned.and_then(|config| certificate(config, &target.paths.state_dir, &inputs, &local.reader));
    let on_port: Vec<&Listener> = listeners.get().into_iter().flatten().filter(|one| one.port == port).collect();
    let climbed = match local_target(port, tls, pinned, &on_port) {
        Err(error) => unasked(&error.to_string(), port, at),
        Ok(address) => {
            let secret = if on_port.is_empty() {
                Err("nothing listened when it was looked at".to_owned())
            } else {
                allowed(request, secret::of_gateway(&auth))
            };
            let revision = local.loaded.modified().map_or(ConfigRevision::Unknown, ConfigRevision::ModifiedAt);
            climb_by(&address, secret, revision, by).await
        }
    };
    let mut config = local.loaded.facts(&effective, key, at);
    if let (portreeve_core::fact::Outcome::Known { value }, Some(written)) = (&mut config.outcome, climbed.written) {
        written.note(value);
    }
    GatewaySeen {
        config,
        port,
        port_source,
        credentials: credentials::of_gateway(&auth, &local.blind, key, at),
        ladder: climbed.ladder,
        pairing: climbed.pairing,
    }
}

/// A secret, where the request lets it be sent.
fn allowed(request: &Request, secret: Result<Credential, String>) -> Result<Credential, String> {
    let secret = secret?;
    if request.may_send_secret {
        Ok(secret)
    } else {
        Err("the secret is kept back: nobody vouches for who listens".to_owned())
    }
}

/// How a client in here resolves what it connects to and with.
pub(crate) fn client_auth(
    request: &Request,
    role: Role,
    target: &Target,
    local: &Local,
    has_device_token: bool,
) -> ClientAuth {
    let node_target =
        request.node_target.as_ref().map(|node| NodeTarget { host: node.host.clone(), port: node.port, tls: node.tls });
    let is_node_host = role == Role::NodeHost;
    resolve_client(&ClientInputs {
        kind: if is_node_host { ClientKind::NodeHost } else { ClientKind::Cli },
        config: local.loaded.config.as_ref(),
        layers: &local.layers,
        resolver: local.resolver(target),
        profile: target.paths.profile.as_deref(),
        url_flag: request.url.as_deref(),
        port_flag: None,
        token_flag: request.token.as_ref(),
        password_flag: request.password.as_ref(),
        node_target: node_target.as_ref(),
        has_device_token,
        environment_only: is_node_host && has_device_token,
    })
}

/// The client in here: where it would connect, and what comes of it. No device is told, so that no pairing request is left behind.
pub(crate) async fn client(
    request: &Request,
    local: &Local,
    auth: &ClientAuth,
    device: Fact<portreeve_core::snapshot::DeviceStanding>,
    key: &FingerprintKey,
    by: Instant,
) -> ClientSeen {
    let at = Timestamp::now();
    let (handshake, connect) = match dial(request, auth, key, by).await {
        Ok(answers) => answers,
        Err((failure, why)) => {
            let handshake = match failure {
                Some(failure) => Probe::failed(failure, 0.0, at),
                None => Probe::not_tried(why.as_str(), at),
            };
            (handshake, Probe::not_tried(why, at))
        }
    };
    ClientSeen {
        url: url(auth, at),
        credentials: credentials::of_client(auth, &local.blind, key, at),
        device,
        handshake,
        connect,
    }
}

/// The series of connects that was asked for, to where the client would connect.
pub(crate) async fn series(request: &Request, auth: &ClientAuth, by: Instant) -> Option<Series> {
    const FROM: &str = "the client's namespaces";
    let asked = request.series.as_ref()?;
    let own = auth.target.url.as_ref().map(|url| url.raw().expose_secret());
    let none = |why: String| Series {
        target: String::new(),
        from: FROM.to_owned(),
        asked: asked.count,
        cut_short: Some(why),
        connects: Vec::new(),
    };
    let Some(url) = asked.url.as_deref().or(own) else { return Some(none("it resolves to no URL".to_owned())) };
    let target = match endpoint::Target::from_url(url) {
        Ok(target) => target,
        Err(error) => return Some(none(error.to_string())),
    };
    let pace = Pace {
        count: asked.count,
        spread: Duration::from_millis(asked.spread_ms),
        concurrency: asked.concurrency,
        deadline: by.saturating_duration_since(Instant::now()),
    };
    Some(portreeve_facts::series(&target, &pace, FROM).await)
}

type Answers = (Probe<portreeve_core::snapshot::Challenge>, Probe<portreeve_core::snapshot::Hello>);

async fn dial(
    request: &Request,
    auth: &ClientAuth,
    key: &FingerprintKey,
    by: Instant,
) -> Result<Answers, (Option<Failure>, String)> {
    use portreeve_openclaw::credentials::PlaintextVerdict;
    let Some(url) = &auth.target.url else {
        return Err((None, "it resolves to no URL".to_owned()));
    };
    if auth.target.plaintext == Some(PlaintextVerdict::Refused) {
        let why = "the client itself refuses: plaintext to a host that is not known to be private";
        return Err((Some(Failure::new(Phase::Http, FailureKind::ClientRefuses, why)), why.to_owned()));
    }
    let address = endpoint::Target::from_url(url.raw().expose_secret()).map_err(|error| (None, error.to_string()))?;
    let secret = allowed(request, secret::of_client(auth)).and_then(|secret| only(request, secret, key));
    let late = || {
        let why = "the probe's own deadline came first";
        (Some(Failure::new(Phase::Http, FailureKind::Timeout, why)), why.to_owned())
    };
    timeout_at(by, reach(&address, secret)).await.map_err(|_| late())
}

/// A secret, where it is the one that the request lets be sent.
fn only(request: &Request, secret: Credential, key: &FingerprintKey) -> Result<Credential, String> {
    let Some(wanted) = &request.only_secret else { return Ok(secret) };
    let is_wanted = match &secret {
        Credential::Token(value) | Credential::Password(value) => key.fingerprint(value) == *wanted,
        _ => false,
    };
    if is_wanted {
        Ok(secret)
    } else {
        Err("its secret is not the gateway's, which would count the refusal".to_owned())
    }
}
