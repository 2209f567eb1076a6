//! Every place a token may come from, reader by reader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;
use crate::snapshot::{ClientKind, Credentials, Snapshot, TokenSource};

/// One reader of token sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reader {
    /// Gateway or client.
    pub id: String,
    /// `gateway`, `command line`, `node host`.
    pub kind: String,
    /// The gateway that a client leads to, where it is on this node.
    pub gateway: Option<String>,
    /// Mode in force, in words.
    pub mode: String,
    /// Fingerprint in force.
    pub winner: Option<Fingerprint>,
    /// For a client of a gateway on this node: whether both use the same secret. None where either is not known.
    pub agrees: Option<bool>,
    /// Why it would refuse with what it has.
    pub refusal: Option<String>,
    /// Its sources, in its order of precedence.
    pub sources: Vec<TokenSource>,
    /// Sources that could not be looked at.
    pub blind: Vec<String>,
}

/// All readers of a node.
pub fn credentials(snapshot: &Snapshot) -> Vec<Reader> {
    let gateways = snapshot.gateways.iter().map(|gateway| reader(&gateway.id, "gateway", &gateway.credentials));
    let clients = snapshot.clients.iter().map(|client| {
        let kind = match client.kind {
            ClientKind::Cli => "command line",
            ClientKind::NodeHost => "node host",
        };
        let gateway = snapshot.gateways.iter().find(|gateway| Some(&gateway.id) == client.gateway.as_ref());
        let other = gateway.and_then(|gateway| gateway.credentials.winner.as_ref());
        let agrees = client.credentials.winner.as_ref().zip(other).map(|(ours, theirs)| ours == theirs);
        Reader { gateway: client.gateway.clone(), agrees, ..reader(&client.id, kind, &client.credentials) }
    });
    gateways.chain(clients).collect()
}

fn reader(id: &str, kind: &str, credentials: &Credentials) -> Reader {
    let mode = credentials.mode.get().map_or_else(
        || "mode not known".to_owned(),
        |mode| {
            let text = serde_json::to_value(mode).ok();
            text.and_then(|text| text.as_str().map(ToOwned::to_owned)).unwrap_or_default()
        },
    );
    Reader {
        id: id.to_owned(),
        kind: kind.to_owned(),
        gateway: None,
        mode: if credentials.mode_reason.is_empty() { mode } else { format!("{mode} ({})", credentials.mode_reason) },
        winner: credentials.winner.clone(),
        agrees: None,
        refusal: credentials.refusal.clone(),
        sources: credentials.sources.clone(),
        blind: credentials.blind.clone(),
    }
}
