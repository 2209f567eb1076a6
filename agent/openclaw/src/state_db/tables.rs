//! The tables that matter, as facts.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{Cells, Rows, Select, identifier, read};
use crate::log::redact;

/// The supervisor that a lease names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSupervisor {
    /// `launchd`, `systemd`, `schtasks`, `external`
    pub kind: String,
    /// Label or unit name.
    pub name: Option<String>,
}

/// The gateway's lease of its state directory (`state_leases`, scope `gateway-owner`, key `global`): renewed every 30 s,
/// good for 300 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerLease {
    /// Id of the gateway's run; its lock file names the same.
    pub owner_id: Option<String>,
    /// Process id, in its pid namespace.
    pub pid: Option<u32>,
    /// Host name.
    pub host: Option<String>,
    /// Start time of the process in the platform's unit (Linux: clock ticks since boot).
    pub start_time: Option<u64>,
    /// Port.
    pub port: Option<u16>,
    /// `foreground` or `supervised`
    pub mode: Option<String>,
    /// Who supervises it; `None` in the foreground.
    pub supervisor: Option<LeaseSupervisor>,
    /// When it was taken.
    pub created_at: Option<Timestamp>,
    /// When it was renewed last.
    pub heartbeat_at: Option<Timestamp>,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
}

/// One boot of the gateway (`gateway_boot_lifecycle`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Id of the boot.
    pub id: Option<String>,
    /// Process id.
    pub pid: Option<u32>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; `None` while it runs, and for ever if it was killed.
    pub completed_at: Option<Timestamp>,
    /// `clean_stop`, `planned_restart`, `forced_stop`, `startup_failed`, …; `None` as `completed_at`.
    pub outcome: Option<String>,
    /// Why it ended, for example `stop (SIGTERM)`.
    pub reason: Option<String>,
}

/// An identity of this state directory's own device (`device_identities`), without its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// `primary`, …
    pub key: Option<String>,
    /// Lower-case hex SHA-256 of the public key.
    pub device_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// A device that was approved (`device_pairing_paired`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedDevice {
    /// Its id.
    pub device_id: Option<String>,
    /// Its name.
    pub display_name: Option<String>,
    /// `darwin`, `linux`, …
    pub platform: Option<String>,
    /// `cli`, `node-host`, …
    pub client_id: Option<String>,
    /// `cli`, `ui`, `node`, …
    pub client_mode: Option<String>,
    /// `operator` or `node`
    pub role: Option<String>,
    /// All its roles.
    pub roles: Vec<String>,
    /// What it asked for.
    pub scopes: Vec<String>,
    /// What was approved.
    pub approved_scopes: Vec<String>,
    /// How it was approved.
    pub approved_via: Option<String>,
    /// Whether tokens are on record for it.
    pub has_tokens: Option<bool>,
    /// When it was paired first.
    pub created_at: Option<Timestamp>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// When it was seen last.
    pub last_seen_at: Option<Timestamp>,
}

/// A device that waits for approval (`device_pairing_pending`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingDevice {
    /// What to approve: `openclaw devices approve <request id>`.
    pub request_id: Option<String>,
    /// Its id.
    pub device_id: Option<String>,
    /// Its name.
    pub display_name: Option<String>,
    /// `darwin`, `linux`, …
    pub platform: Option<String>,
    /// `cli`, `node-host`, …
    pub client_id: Option<String>,
    /// `cli`, `ui`, `node`, …
    pub client_mode: Option<String>,
    /// `operator` or `node`
    pub role: Option<String>,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// From where.
    pub remote_ip: Option<String>,
    /// Whether a device that was approved before asks again.
    pub is_repair: Option<bool>,
    /// When it asked first.
    pub requested_at: Option<Timestamp>,
    /// When it asked last.
    pub refreshed_at: Option<Timestamp>,
}

/// A device token that this state directory holds as a client (`device_auth_tokens`); never the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthToken {
    /// The device.
    pub device_id: Option<String>,
    /// `operator` or `node`
    pub role: Option<String>,
    /// What the token is good for.
    pub scopes: Vec<String>,
    /// Whether there is a token, rather than an empty text.
    pub is_present: bool,
    /// When it was written.
    pub updated_at: Option<Timestamp>,
}

/// The mark of a restart (`gateway_restart_sentinel`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartSentinel {
    /// `restart`, `update`, …
    pub kind: Option<String>,
    /// `ok`, `error`, `skipped`, …
    pub status: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// A message, redacted.
    pub message: Option<String>,
    /// What doctor would advise, redacted.
    pub hint: Option<String>,
}

/// What the Mac app noted of a process on the gateway's port (`macos_port_guardian_records`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortGuardian {
    /// Process id.
    pub pid: Option<u32>,
    /// Port.
    pub port: Option<u16>,
    /// Its command, redacted.
    pub command: Option<String>,
    /// `local`, `remote`, …
    pub mode: Option<String>,
}

pub(super) fn owner_leases(db: &Connection) -> Rows<OwnerLease> {
    const SELECT: Select = Select {
        table: "state_leases",
        needed: &["scope", "lease_key"],
        columns: &[
            ("owner", "owner"),
            ("payload_json", "payload_json"),
            ("created_at", "created_at"),
            ("heartbeat_at", "heartbeat_at"),
            ("expires_at", "expires_at"),
        ],
        newest_by: "heartbeat_at",
        condition: "scope = 'gateway-owner' AND lease_key = 'global'",
    };
    read(db, &SELECT, |cells| {
        let payload: Value = cells.raw(1).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(identifier);
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let owner = payload.get("owner");
        let of_owner = |key: &str| owner.and_then(|owner| owner.get(key));
        let supervisor = payload.get("supervisor").filter(|supervisor| supervisor.is_object());
        OwnerLease {
            owner_id: cells.id(0),
            pid: number(of_owner("pid")).and_then(|pid| u32::try_from(pid).ok()),
            host: text(of_owner("host")),
            start_time: number(of_owner("startedAt")),
            port: number(payload.get("port")).and_then(|port| u16::try_from(port).ok()),
            mode: text(payload.get("mode")),
            supervisor: supervisor.map(|supervisor| LeaseSupervisor {
                kind: text(supervisor.get("kind")).unwrap_or_default(),
                name: supervisor.get("name").and_then(Value::as_str).map(|name| redact(name, 128)),
            }),
            created_at: cells.time(2),
            heartbeat_at: cells.time(3),
            expires_at: cells.time(4),
        }
    })
}

pub(super) fn boots(db: &Connection) -> Rows<Boot> {
    const SELECT: Select = Select {
        table: "gateway_boot_lifecycle",
        needed: &["started_at_ms"],
        columns: &[
            ("boot_id", "boot_id"),
            ("pid", "pid"),
            ("started_at_ms", "started_at_ms"),
            ("completed_at_ms", "completed_at_ms"),
            ("outcome", "outcome"),
            ("reason", "reason"),
        ],
        newest_by: "started_at_ms",
        condition: "",
    };
    read(db, &SELECT, |cells| Boot {
        id: cells.id(0),
        pid: cells.number(1),
        started_at: cells.time(2),
        completed_at: cells.time(3),
        outcome: cells.id(4),
        reason: cells.text(5),
    })
}

pub(super) fn own_devices(db: &Connection) -> Rows<DeviceIdentity> {
    const SELECT: Select = Select {
        table: "device_identities",
        needed: &["device_id"],
        columns: &[("identity_key", "identity_key"), ("device_id", "device_id"), ("created_at_ms", "created_at_ms")],
        newest_by: "created_at_ms",
        condition: "",
    };
    read(db, &SELECT, |cells| DeviceIdentity { key: cells.text(0), device_id: cells.id(1), created_at: cells.time(2) })
}

pub(super) fn paired(db: &Connection) -> Rows<PairedDevice> {
    const SELECT: Select = Select {
        table: "device_pairing_paired",
        needed: &["device_id"],
        columns: &[
            ("device_id", "device_id"),
            ("display_name", "display_name"),
            ("platform", "platform"),
            ("client_id", "client_id"),
            ("client_mode", "client_mode"),
            ("role", "role"),
            ("roles_json", "roles_json"),
            ("scopes_json", "scopes_json"),
            ("approved_scopes_json", "approved_scopes_json"),
            ("approved_via", "approved_via"),
            ("tokens_json", "coalesce(tokens_json, '') NOT IN ('', '{}', '[]', 'null')"),
            ("created_at_ms", "created_at_ms"),
            ("approved_at_ms", "approved_at_ms"),
            ("last_seen_at_ms", "last_seen_at_ms"),
        ],
        newest_by: "approved_at_ms",
        condition: "",
    };
    read(db, &SELECT, |cells| PairedDevice {
        device_id: cells.id(0),
        display_name: cells.text(1),
        platform: cells.text(2),
        client_id: cells.text(3),
        client_mode: cells.text(4),
        role: cells.text(5),
        roles: cells.list(6),
        scopes: cells.list(7),
        approved_scopes: cells.list(8),
        approved_via: cells.text(9),
        has_tokens: cells.flag(10),
        created_at: cells.time(11),
        approved_at: cells.time(12),
        last_seen_at: cells.time(13),
    })
}

pub(super) fn pending(db: &Connection) -> Rows<PendingDevice> {
    const SELECT: Select = Select {
        table: "device_pairing_pending",
        needed: &["request_id", "device_id"],
        columns: &[
            ("request_id", "request_id"),
            ("device_id", "device_id"),
            ("display_name", "display_name"),
            ("platform", "platform"),
            ("client_id", "client_id"),
            ("client_mode", "client_mode"),
            ("role", "role"),
            ("scopes_json", "scopes_json"),
            ("remote_ip", "remote_ip"),
            ("is_repair", "is_repair"),
            ("ts", "ts"),
            ("refreshed_at_ms", "refreshed_at_ms"),
        ],
        newest_by: "ts",
        condition: "",
    };
    read(db, &SELECT, |cells| PendingDevice {
        request_id: cells.id(0),
        device_id: cells.id(1),
        display_name: cells.text(2),
        platform: cells.text(3),
        client_id: cells.text(4),
        client_mode: cells.text(5),
        role: cells.text(6),
        scopes: cells.list(7),
        remote_ip: cells.text(8),
        is_repair: cells.flag(9),
        requested_at: cells.time(10),
        refreshed_at: cells.time(11),
    })
}

pub(super) fn auth_tokens(db: &Connection) -> Rows<AuthToken> {
    const SELECT: Select = Select {
        table: "device_auth_tokens",
        needed: &["device_id", "role"],
        columns: &[
            ("device_id", "device_id"),
            ("role", "role"),
            ("scopes_json", "scopes_json"),
            ("token", "coalesce(token, '') <> ''"),
            ("updated_at_ms", "updated_at_ms"),
        ],
        newest_by: "updated_at_ms",
        condition: "",
    };
    read(db, &SELECT, |cells| AuthToken {
        device_id: cells.id(0),
        role: cells.text(1),
        scopes: cells.list(2),
        is_present: cells.flag(3).unwrap_or_default(),
        updated_at: cells.time(4),
    })
}

pub(super) fn restart_sentinels(db: &Connection) -> Rows<RestartSentinel> {
    const SELECT: Select = Select {
        table: "gateway_restart_sentinel",
        needed: &["kind", "status"],
        columns: &[
            ("kind", "kind"),
            ("status", "status"),
            ("ts", "ts"),
            ("message", "message"),
            ("doctor_hint", "doctor_hint"),
        ],
        newest_by: "ts",
        condition: "",
    };
    read(db, &SELECT, |cells: &Cells<'_>| RestartSentinel {
        kind: cells.text(0),
        status: cells.text(1),
        at: cells.time(2),
        message: cells.text(3),
        hint: cells.text(4),
    })
}

pub(super) fn port_guardians(db: &Connection) -> Rows<PortGuardian> {
    const SELECT: Select = Select {
        table: "macos_port_guardian_records",
        needed: &["pid", "port"],
        columns: &[("pid", "pid"), ("port", "port"), ("command", "command"), ("mode", "mode")],
        newest_by: "timestamp",
        condition: "",
    };
    read(db, &SELECT, |cells| PortGuardian {
        pid: cells.number(0),
        port: cells.number(1),
        command: cells.text(2),
        mode: cells.text(3),
    })
}
