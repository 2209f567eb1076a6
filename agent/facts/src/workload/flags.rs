//! What the command of a workload tells `OpenClaw`.

use portreeve_openclaw::service::{classify_definition, secrets_of_definition};
use secrecy::SecretString;

use super::Definition;

/// Options of the command that a workload starts `OpenClaw` with.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--port`, where it is a number.
    pub port: Option<u16>,
    /// `--profile`, or `dev` for `--dev`.
    pub profile: Option<String>,
    /// `--url`.
    pub url: Option<String>,
    /// `--host`.
    pub host: Option<String>,
    /// `--tls`.
    pub tls: bool,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--password`.
    pub password: Option<SecretString>,
}

/// The options; none of them where the workload does not start `OpenClaw` by its own words.
pub fn flags(definition: &Definition) -> Flags {
    let in_package = definition.is_in_package();
    let commands = definition.words();
    let Some((words, started)) =
        commands.iter().find_map(|words| Some((words, classify_definition(words, in_package)?)))
    else {
        return Flags::default();
    };
    let (token, password) = secrets_of_definition(words, in_package);
    Flags {
        port: started.port.and_then(|port| port.parse().ok()).filter(|port| *port != 0),
        profile: started.profile.map(str::to_owned),
        url: started.url.map(str::to_owned),
        host: started.host.map(str::to_owned),
        tls: started.tls,
        token,
        password,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn options_are_read_and_no_secret_shows() {
        let words = "openclaw node run --host gw --port 18790 --tls --token canary";
        let said = flags(&Definition {
            command: Some(words.split(' ').map(str::to_owned).collect()),
            ..Definition::default()
        });
        assert_eq!((said.host.as_deref(), said.port, said.tls), (Some("gw"), Some(18_790), true));
        assert_eq!(said.token.as_ref().map(|token| token.expose_secret().to_owned()).as_deref(), Some("canary"));
        assert!(!format!("{said:?}").contains("canary"));
    }
}
