//! The `device.pair.list` answer: which devices are approved and which wait.
//!
//! A connection without a device, or one with `operator.admin`, sees all; any other sees only its own device.

use serde::{Deserialize, Serialize};

use super::error::{is_device_id, is_request_id};
use super::lenient::{self, Maybe};
use super::text::Text;

/// Devices that wait and devices that are approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WireList")]
pub struct PairingList {
    /// Requests that wait for approval; they expire after five minutes.
    pub pending: Vec<PendingPairing>,
    /// Approved devices.
    pub paired: Vec<PairedDevice>,
    /// Entries of either list that could not be read.
    pub unreadable: usize,
}

/// Both lists are required: a device that is not on an absent list may be approved nevertheless.
#[derive(Deserialize)]
struct WireList {
    pending: Vec<Maybe<PendingPairing>>,
    paired: Vec<Maybe<PairedDevice>>,
}

impl From<WireList> for PairingList {
    fn from(wire: WireList) -> Self {
        let (pending, unreadable_pending) = lenient::sort(wire.pending);
        let (paired, unreadable_paired) = lenient::sort(wire.paired);

        Self { pending, paired, unreadable: unreadable_pending + unreadable_paired }
    }
}

impl PairingList {
    /// The approved device of this id.
    pub fn paired(&self, device_id: &str) -> Option<&PairedDevice> {
        self.paired.iter().find(|device| device.device_id.eq_ignore_ascii_case(device_id))
    }

    /// The waiting request of this device id.
    pub fn pending(&self, device_id: &str) -> Option<&PendingPairing> {
        self.pending.iter().find(|request| request.device_id.eq_ignore_ascii_case(device_id))
    }
}

/// A request that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingPairing {
    /// What `openclaw devices approve` takes.
    #[serde(deserialize_with = "request_id")]
    pub request_id: String,
    /// The device: the hex SHA-256 of its public key.
    #[serde(deserialize_with = "device_id")]
    pub device_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub display_name: Option<Text>,
    /// Its platform.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub platform: Option<Text>,
    /// Its device family.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub device_family: Option<Text>,
    /// The client that asked.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub client_id: Option<Text>,
    /// The mode of the client that asked.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub client_mode: Option<Text>,
    /// The role asked for.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub role: Option<Text>,
    /// The roles asked for.
    #[serde(default, deserialize_with = "lenient::list")]
    pub roles: Vec<Text>,
    /// The scopes asked for.
    #[serde(default, deserialize_with = "lenient::list")]
    pub scopes: Vec<Text>,
    /// Where it asked from.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub remote_ip: Option<Text>,
    /// Whether the device was approved before and asks for a change: an upgrade or changed metadata.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub is_repair: bool,
    /// Whether it may be approved without asking anybody.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub silent: bool,
    /// When it asked, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub ts: Option<i64>,
}

/// An approved device. Its tokens are listed without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
    /// The device: the hex SHA-256 of its public key.
    #[serde(deserialize_with = "device_id")]
    pub device_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub display_name: Option<Text>,
    /// The name an operator gave it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub operator_label: Option<Text>,
    /// Its platform.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub platform: Option<Text>,
    /// Its device family.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub device_family: Option<Text>,
    /// The client it was approved as.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub client_id: Option<Text>,
    /// The mode of that client.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub client_mode: Option<Text>,
    /// Its role.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub role: Option<Text>,
    /// Its roles.
    #[serde(default, deserialize_with = "lenient::list")]
    pub roles: Vec<Text>,
    /// The scopes it has.
    #[serde(default, deserialize_with = "lenient::list")]
    pub scopes: Vec<Text>,
    /// Where it was last seen from.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub remote_ip: Option<Text>,
    /// How it was approved: `owner`, `silent`, `trusted-cidr`, `trusted-proxy`, `ssh-verified`, `bootstrap`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub approved_via: Option<Text>,
    /// When it was first seen, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub created_at_ms: Option<i64>,
    /// When it was approved, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub approved_at_ms: Option<i64>,
    /// When it last connected, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub last_seen_at_ms: Option<i64>,
    /// Whether it is connected now.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub connected: Option<bool>,
    /// Its tokens, by role.
    #[serde(default, deserialize_with = "lenient::list")]
    pub tokens: Vec<DeviceToken>,
    /// A node's capabilities that wait for approval.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub pending_node_surface: Option<NodeSurface>,
}

/// A device token, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceToken {
    /// The role it is for.
    pub role: Text,
    /// Its scopes.
    #[serde(default, deserialize_with = "lenient::list")]
    pub scopes: Vec<Text>,
    /// When it was issued, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub created_at_ms: Option<i64>,
    /// When it was replaced, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub rotated_at_ms: Option<i64>,
    /// When it was revoked, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub revoked_at_ms: Option<i64>,
    /// When it was last used, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub last_used_at_ms: Option<i64>,
}

/// A node's capabilities that wait for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSurface {
    /// What `openclaw nodes approve` takes.
    #[serde(deserialize_with = "request_id")]
    pub request_id: String,
    /// When it was declared, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub ts: Option<i64>,
}

fn request_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;

    if is_request_id(&id) { Ok(id) } else { Err(serde::de::Error::custom("not a request id")) }
}

fn device_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;

    if is_device_id(id.trim()) {
        Ok(id.trim().to_ascii_lowercase())
    } else {
        Err(serde::de::Error::custom("not a device id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "8beb8cf5630878e5ab50aebf8f2df2c80d5542235c2c157b0510249ba4e9e1f2";

    #[test]
    fn tokens_in_the_answer_are_dropped_while_parsing() {
        let list: PairingList = serde_json::from_str(&format!(
            r#"{{"pending":[{{"requestId":"r-1","deviceId":"{DEVICE}","publicKey":"x","isRepair":true,"scopes":["operator.read"],"ts":5}},
                 {{"requestId":"no device"}}],
               "paired":[{{"deviceId":"{DEVICE}","approvedAtMs":7,"createdAtMs":6,"token":"planted-secret",
                 "tokens":[{{"role":"operator","scopes":["operator.read"],"token":"planted-secret","createdAtMs":6}}]}}]}}"#
        ))
        .unwrap();

        let shown = format!("{list:?} {}", serde_json::to_string(&list).unwrap());
        assert!(!shown.contains("planted-secret"), "{shown}");
        assert_eq!((list.pending.len(), list.unreadable), (1, 1));
        assert!(list.pending(DEVICE).unwrap().is_repair);
        assert_eq!(list.paired(&DEVICE.to_uppercase()).unwrap().tokens.len(), 1);
    }
}
