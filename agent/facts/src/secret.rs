//! What to connect with.

use portreeve_openclaw::config::AuthMode;
use portreeve_openclaw::credentials::{ClientAuth, GatewayAuth, Source};
use portreeve_openclaw::protocol::Credential;
use secrecy::{ExposeSecret, SecretString};

/// What a gateway accepts, or why no connect is to be tried.
pub fn of_gateway(auth: &GatewayAuth) -> Result<Credential, String> {
    let winner = auth.accepted().filter(|secret| !secret.expose_secret().is_empty()).cloned();
    match (auth.mode, winner) {
        (AuthMode::None, _) => Err("with `gateway.auth.mode: none` the gateway asks for a device".to_owned()),
        (_, Some(secret)) => Ok(field(auth.mode, secret)),
        (_, None) if auth.is_runtime_only => {
            Err("no secret is configured, and acting as one of the clients' devices is out of the question".to_owned())
        }
        // Every connect is refused alike; the refusal is the evidence.
        (_, None) if auth.is_remote_only => Ok(Credential::None),
        (_, None) => Err("no secret of the gateway could be found".to_owned()),
    }
}

/// What a client sends, or why no connect is to be tried.
pub fn of_client(auth: &ClientAuth) -> Result<Credential, String> {
    let value = |source: Option<&Source>| {
        source.and_then(|source| source.value.clone()).filter(|secret| !secret.expose_secret().is_empty())
    };
    match (value(auth.token()), value(auth.password())) {
        (Some(token), Some(password)) => Ok(Credential::Both { token, password }),
        (Some(token), None) => Ok(Credential::Token(token)),
        (None, Some(password)) => Ok(Credential::Password(password)),
        (None, None) if auth.is_opaque => Err("its secret is kept where it is not looked at".to_owned()),
        (None, None) if auth.sends_device_token() => {
            Err("it connects as its own device, and acting as it is out of the question".to_owned())
        }
        (None, None) => Err("it has no secret".to_owned()),
    }
}

fn field(mode: AuthMode, secret: SecretString) -> Credential {
    match mode {
        // A gateway whose users come through a proxy lets those of its own machine in with the password.
        AuthMode::Password | AuthMode::TrustedProxy => Credential::Password(secret),
        AuthMode::Token | AuthMode::None | AuthMode::Other => Credential::Token(secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_proxy_the_machine_itself_comes_in_with_the_password() {
        let secret = || SecretString::from("one");
        for mode in [AuthMode::Password, AuthMode::TrustedProxy] {
            assert!(matches!(field(mode, secret()), Credential::Password(_)), "{mode}");
        }
        assert!(matches!(field(AuthMode::Token, secret()), Credential::Token(_)));
    }
}
