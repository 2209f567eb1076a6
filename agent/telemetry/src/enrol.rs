//! How a node gets a credential of its own from `portreeve-fleet`: JSON over HTTP.

use serde::{Deserialize, Serialize};

/// Path of [`Request`], below the endpoint's URL.
pub const ENROL_PATH: &str = "/v1/enrol";
/// Path to which an empty body is posted with the node's credential; the answer is a [`Granted`] with a new one. The old one counts until
/// the new one was first used.
pub const ROTATE_PATH: &str = "/v1/enrol/rotate";
/// Path to which an empty body is posted with the node's credential, which counts no longer then.
pub const LEAVE_PATH: &str = "/v1/enrol/leave";
/// Largest of these messages, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// What a node asks with.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// The join code, a secret.
    pub code: String,
    /// The node's identity, as in `service.instance.id`.
    pub node: String,
    /// The name to be known by; the endpoint gives it the host name where it is none.
    #[serde(default)]
    pub name: Option<String>,
    /// Host name.
    pub hostname: String,
    /// Version of the agent.
    pub agent_version: String,
}

/// What it gets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Granted {
    /// The node's identity, as it asked.
    pub node: String,
    /// The name that it is known by.
    pub name: String,
    /// The bearer token for `/v1/metrics` and `/v1/logs`, a secret.
    pub token: String,
    /// Where to send, if it is another place than where it was asked.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Why it gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What is wrong, for a person.
    pub error: String,
}
