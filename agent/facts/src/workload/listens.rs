//! Where a gateway in a workload listens.

use portreeve_core::snapshot::{ConfigFacts, Listens, WorkloadRole};
use portreeve_openclaw::environment::{GATEWAY_PORT, PROFILE};
use portreeve_openclaw::port::{self, PortInputs, PortSource};

use super::Definition;
use super::role::{role, started};

/// Where a gateway that a definition starts listens: `--port` and `--bind`, `OPENCLAW_GATEWAY_PORT`, the configuration where one was read,
/// else the defaults. None where it starts none.
///
/// `OPENCLAW_GATEWAY_BIND` is not looked at, since `OpenClaw` does not read it: Compose files put it into `--bind`.
pub fn listens(definition: &Definition, config: Option<&ConfigFacts>) -> Option<Listens> {
    (role(definition).role == WorkloadRole::Gateway).then(|| listens_as_gateway(definition, config))
}

/// The same for a definition that starts a gateway by means that its words do not tell.
pub fn listens_as_gateway(definition: &Definition, config: Option<&ConfigFacts>) -> Listens {
    let words = definition.words();
    let (flag, bind, profile) =
        started(definition, &words).map_or((None, None, None), |started| (started.port, started.bind, started.profile));
    let resolved = port::resolve(&PortInputs {
        flag,
        environment: definition.environment.text(GATEWAY_PORT).or((profile == Some("dev")).then_some("19001")),
        config: config.and_then(|config| config.port),
        profile: profile.or_else(|| definition.environment.text(PROFILE)),
    });
    let port_source = match resolved.source {
        PortSource::Flag => "`--port` of its command".to_owned(),
        PortSource::Environment => format!("`{GATEWAY_PORT}` of its environment"),
        PortSource::Config => config_source("gateway.port", config),
        PortSource::Profile | PortSource::Default => resolved.source.to_string(),
    };
    let (bind, bind_source, bind_key) = match (bind, config.and_then(|config| config.bind.as_deref())) {
        (Some(bind), _) => (bind, "`--bind` of its command".to_owned(), BindKey::of(definition).path()),
        (None, Some(bind)) => (bind, config_source("gateway.bind", config), String::new()),
        (None, None) => ("auto", "the default in a container".to_owned(), String::new()),
    };
    Listens {
        port: resolved.port,
        port_source,
        bind: bind.to_owned(),
        bind_source,
        bind_key,
        loopback_only: bind == "loopback",
    }
}

fn config_source(key: &str, config: Option<&ConfigFacts>) -> String {
    config.map_or_else(|| format!("`{key}`"), |config| format!("`{key}` in {}", config.path))
}

/// Where in a definition `--bind` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindKey {
    /// In the entry point, as this word.
    Entrypoint(usize),
    /// In the command, as this word.
    Command(usize),
    /// Nowhere.
    None,
}

impl BindKey {
    /// Where it is.
    pub fn of(definition: &Definition) -> Self {
        let position = |words: Option<&Vec<String>>| {
            words?.iter().position(|word| word == "--bind" || word.starts_with("--bind=") || word.contains(" --bind"))
        };
        match (position(definition.command.as_ref()), position(definition.entrypoint.as_ref())) {
            (Some(at), _) => Self::Command(at),
            (None, Some(at)) => Self::Entrypoint(at),
            (None, None) => Self::None,
        }
    }

    /// The path of its keys: `command.3`.
    pub fn path(self) -> String {
        match self {
            Self::Entrypoint(at) => format!("entrypoint.{at}"),
            Self::Command(at) => format!("command.{at}"),
            Self::None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use portreeve_openclaw::environment::Environment;

    use super::*;

    fn definition(command: &str, variables: &[(&str, &str)]) -> Definition {
        Definition {
            image: "ghcr.io/openclaw/openclaw".into(),
            command: Some(command.split(' ').map(str::to_owned).collect()),
            environment: Environment::all(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))),
            ..Definition::default()
        }
    }

    #[test]
    fn arguments_environment_default() {
        let said =
            listens(&definition("node dist/index.js gateway --bind lan --port 19000", &[(GATEWAY_PORT, "1")]), None);
        let said = said.expect("a gateway listens");
        assert_eq!(
            (said.port, said.bind.as_str(), said.bind_key.as_str(), said.loopback_only),
            (19000, "lan", "command.3", false)
        );
        let said = listens(
            &definition("openclaw gateway", &[(GATEWAY_PORT, "19001"), ("OPENCLAW_GATEWAY_BIND", "loopback")]),
            None,
        );
        let said = said.expect("a gateway listens");
        assert_eq!(
            (said.port, said.bind.as_str(), said.bind_source.as_str()),
            (19001, "auto", "the default in a container")
        );
        let said = listens(&definition("openclaw gateway run --bind=loopback", &[]), None).expect("a gateway listens");
        assert_eq!((said.port, said.loopback_only), (18789, true));
        let said = listens(&definition("openclaw --dev gateway", &[]), None).expect("a gateway listens");
        assert_eq!(said.port, 19001);
        assert_eq!(listens(&definition("openclaw channels status", &[]), None), None);
    }

    #[test]
    fn without_a_command_the_official_image_says() {
        let said = listens(&Definition { command: None, ..definition("", &[]) }, None).expect("a gateway listens");
        assert_eq!((said.port, said.bind.as_str()), (18789, "lan"));
    }
}
