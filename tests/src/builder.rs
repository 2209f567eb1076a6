//! What a gateway is started with.

use serde_json::{Value, json};

use crate::home::set;
use crate::{Gateway, Home, OpenClaw, free_port};

/// A gateway to be: its home, its config, and how it is started.
#[derive(Debug)]
pub struct Builder {
    pub(crate) openclaw: OpenClaw,
    pub(crate) port: u16,
    pub(crate) config: Value,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) arguments: Vec<String>,
    pub(crate) prefix: Vec<String>,
}

impl Builder {
    /// A gateway on a port of its own, in local mode and with no secret at all.
    pub fn new(openclaw: &OpenClaw) -> Self {
        Self {
            openclaw: openclaw.clone(),
            port: free_port(),
            config: json!({ "gateway": { "mode": "local" } }),
            environment: Vec::new(),
            arguments: ["gateway", "run", "--bind", "loopback"].map(ToOwned::to_owned).to_vec(),
            prefix: Vec::new(),
        }
    }

    /// Takes this port instead of one of its own.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets `gateway.auth.token`.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.config("/gateway/auth/token", json!(token))
    }

    /// Sets a value of the config by its JSON pointer; objects on the way are made.
    #[must_use]
    pub fn config(mut self, pointer: &str, value: Value) -> Self {
        set(&mut self.config, pointer, value);
        self
    }

    /// Adds a variable to the gateway's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Binds to every address of its namespace.
    #[must_use]
    pub fn bind_lan(mut self) -> Self {
        self.arguments = ["gateway", "run", "--bind", "lan"].map(ToOwned::to_owned).to_vec();
        self
    }

    /// Starts it through another command, such as [`crate::Namespaces::prefix`].
    #[must_use]
    pub fn through(mut self, prefix: Vec<String>) -> Self {
        self.prefix = prefix;
        self
    }

    /// Writes home and config, and starts nothing yet.
    pub fn build(mut self) -> Gateway {
        let home = Home::new();
        set(&mut self.config, "/gateway/port", json!(self.port));
        // The default log file belongs to every gateway of the user; its lines name neither process nor state directory.
        set(&mut self.config, "/logging/file", json!(home.path().join("gateway.log")));
        home.write("openclaw.json", &serde_json::to_string_pretty(&self.config).unwrap());
        Gateway::new(self, home)
    }
}
