//! A report as the page of a node reads it: leniently, since an agent may be newer than this server.

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The parts of a report that the page shows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    pub(crate) layers: std::collections::BTreeMap<String, Layer>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) clients: Vec<Client>,
    pub(crate) units: Vec<Unit>,
    pub(crate) containers: Vec<Container>,
    pub(crate) state_dirs: Vec<StateDir>,
    pub(crate) blind: Vec<Blind>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Layer {
    pub(crate) state: String,
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Finding {
    pub(crate) code: String,
    pub(crate) severity: String,
    pub(crate) layer: String,
    pub(crate) subject: Subject,
    pub(crate) summary: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) explains: Vec<String>,
    pub(crate) explained_by: Option<String>,
    pub(crate) remedy: Vec<Remedy>,
    pub(crate) waived: Option<Waived>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Subject {
    pub(crate) kind: String,
    pub(crate) id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Evidence {
    pub(crate) fact: String,
    pub(crate) source: String,
    pub(crate) observed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Remedy {
    pub(crate) text: String,
    pub(crate) command: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waived {
    pub(crate) until: Option<Timestamp>,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) user: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) workload: Option<String>,
    pub(crate) state_dir: Option<String>,
    pub(crate) config: Option<String>,
    pub(crate) config_fingerprint: Option<String>,
    pub(crate) port: u16,
    pub(crate) port_source: String,
    pub(crate) units: Vec<String>,
    pub(crate) version: Option<String>,
    pub(crate) token_sources: Vec<TokenSource>,
    pub(crate) rungs: Vec<Rung>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rung {
    #[serde(rename = "rung")]
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) elapsed_ms: Option<f64>,
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenSource {
    pub(crate) kind: String,
    pub(crate) location: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) outcome: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) workload: Option<String>,
    pub(crate) state_dir: Option<String>,
    pub(crate) url: Option<Url>,
    pub(crate) gateway: Option<String>,
    pub(crate) token_sources: Vec<TokenSource>,
    pub(crate) device_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) state: Option<String>,
    pub(crate) last_exit_code: Option<i64>,
    pub(crate) keep_alive: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) state: Option<String>,
    pub(crate) health: Option<String>,
    pub(crate) restarts: u64,
    pub(crate) image: String,
    pub(crate) digest: Option<String>,
    pub(crate) version: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StateDir {
    pub(crate) path: String,
    pub(crate) file_system: Option<String>,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) wal_bytes: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Blind {
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) remedy: String,
}

impl Url {
    pub(crate) fn text(&self) -> String {
        format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
    }
}

impl Report {
    /// Reads a report. What has another form is left out with all of its kind.
    pub(crate) fn read(body: &serde_json::Value) -> Self {
        fn part<T: Default + serde::de::DeserializeOwned>(body: &serde_json::Value, key: &str) -> T {
            body.get(key).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
        }
        Self {
            layers: part(body, "layers"),
            findings: part(body, "findings"),
            gateways: part(body, "gateways"),
            clients: part(body, "clients"),
            units: part(body, "units"),
            containers: part(body, "containers"),
            state_dirs: part(body, "state_dirs"),
            blind: part(body, "blind"),
        }
    }

    /// A fingerprint of how the node is configured: settings of gateways, ports, places of secrets and their fingerprints, units, images.
    /// It changes when any of that does, and not when a process starts anew.
    pub(crate) fn configuration(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |words: &[&str]| {
            for word in words {
                hash.update(word.len().to_le_bytes());
                hash.update(word.as_bytes());
            }
        };
        for gateway in &self.gateways {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            add(&[
                "gateway",
                &gateway.id,
                &gateway.port.to_string(),
                &gateway.port_source,
                &text(&gateway.state_dir),
                &text(&gateway.config),
                &text(&gateway.config_fingerprint),
            ]);
            for source in &gateway.token_sources {
                add(&["secret", &source.kind, &source.location, &text(&source.fingerprint)]);
            }
        }
        for client in &self.clients {
            add(&["client", &client.id, &client.url.as_ref().map(Url::text).unwrap_or_default()]);
            for source in &client.token_sources {
                add(&["secret", &source.kind, &source.location, source.fingerprint.as_deref().unwrap_or_default()]);
            }
        }
        for unit in &self.units {
            add(&["unit", &unit.id, &unit.label, &unit.keep_alive.to_string()]);
        }
        for container in &self.containers {
            add(&["container", &container.id, &container.image, container.digest.as_deref().unwrap_or_default()]);
        }
        crate::board::assets::hex(hash.finalize().get(..6).unwrap_or_default())
    }
}
