//! Metrics: their names, units and attributes.
//!
//! [`ALL`] is the whole list. What is sent, what the endpoint takes in and what is documented come from it.

mod agent;
mod gateway;
mod node;
mod prometheus;

pub use agent::*;
pub use gateway::*;
pub use node::*;

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name in the OpenTelemetry protocol: `portreeve.lock.wait`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Unit in UCUM; in braces what is counted.
    pub unit: &'static str,
    /// Attributes of its series.
    pub attributes: &'static [Attribute],
    /// What it tells.
    pub description: &'static str,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value of now.
    Gauge,
    /// One of several states holds: 1 for that state and 0 for the others.
    StateSet,
    /// How often or how much since its start time; it never falls.
    Counter,
    /// A distribution since its start time, as an exponential histogram.
    Histogram,
}

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::StateSet => "state set (a gauge of 0 or 1)",
            Self::Counter => "counter (cumulative, monotonic)",
            Self::Histogram => "exponential histogram (cumulative)",
        }
    }
}

/// An attribute of a metric's series.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its key.
    pub key: &'static str,
    /// The values that it may have, or what they are.
    pub values: &'static str,
}

/// What tells one gateway from another: `alice/default:18789`, `container:gateway:18789`.
pub const GATEWAY: Attribute =
    Attribute { key: "gateway", values: "`USER/PROFILE:PORT`, or `WORKLOAD:PORT` where it runs in a container" };
/// A verdict.
pub const VERDICT_OF: Attribute = Attribute { key: "verdict", values: "`ready`, `degraded`, `blocked`, `unknown`" };
/// A layer.
pub const LAYER_OF: Attribute =
    Attribute { key: "layer", values: "`transport`, `auth`, `channels`, `alignment`, `node`" };
/// Whether a layer or a rung holds.
pub const STATE: Attribute = Attribute { key: "state", values: "`pass`, `fail`, `unknown`" };
/// A finding's code.
pub const CODE: Attribute = Attribute { key: "code", values: "a code of the [findings](findings.md)" };
/// A finding's severity.
pub const SEVERITY: Attribute = Attribute { key: "severity", values: "`error`, `warning`, `info`" };
/// How a lock is taken.
pub const LOCK_KIND: Attribute =
    Attribute { key: "kind", values: "`sqlite-lock-file`, `wal-writer`, `rollback-database`, `exclusive-file`" };
/// What a lock protects.
pub const PURPOSE: Attribute = Attribute { key: "purpose", values: "`gateway-lifecycle`, `database`, `session`, …" };
/// A lane of the daemon.
pub const LANE: Attribute =
    Attribute { key: "lane", values: "`glance`, `fast`, `slow`, `locks`, `images`, `acceptance`" };
/// What a container is.
pub const ROLE: Attribute = Attribute { key: "role", values: "`gateway`, `cli`, `node-host`, `proxy`, …" };
/// All metrics, in the order of the documentation.
pub const ALL: &[&Metric] = &[
    &VERDICT,
    &VERDICT_DURATION,
    &VERDICT_CHANGES,
    &LAYER,
    &FINDINGS,
    &ROOT_CAUSES,
    &NODE_INFO,
    &NODE_UPTIME,
    &NODE_SLEEPS,
    &NODE_SLEEP_TIME,
    &NODE_CLOCK_OFFSET,
    &MAINTENANCE,
    &QUARANTINE,
    &QUARANTINE_DURATION,
    &QUARANTINE_ATTEMPTS,
    &ACCEPTANCE_AGE,
    &BLIND,
    &CONTAINERS,
    &CONTAINER_RESTARTS,
    &IMAGE_INFO,
    &IMAGE_SKEW,
    &IMAGE_CHECK_AGE,
    &ENGINE_UP,
    &STATE_FREE,
    &STATE_WAL,
    &STATE_BACKUP,
    &STATE_MIRRORS,
    &BACKUP_RUNNING,
    &GATEWAY_UP,
    &GATEWAY_READY,
    &GATEWAY_INFO,
    &GATEWAY_RESTARTS,
    &RUNG,
    &HANDSHAKE_DURATION,
    &CONNECT_DURATION,
    &CONNECT_ATTEMPTS,
    &CONNECT_SUCCESS,
    &LOCK_WAIT,
    &LOCK_WAIT_P95,
    &LOCK_HELD,
    &LOCK_LONGEST_HOLD,
    &CLOSES,
    &TOKEN_SOURCES,
    &TOKEN_VALUES,
    &TOKEN_MISMATCHES,
    &PAIRING_ATTEMPTS,
    &PAIRING_DURATION,
    &PAIRING_PENDING,
    &PAIRING_PAIRED,
    &CHANNEL_ACCOUNTS,
    &AGENT_CPU,
    &AGENT_MEMORY,
    &AGENT_DESCRIPTORS,
    &AGENT_UPTIME,
    &AGENT_INTERVAL,
    &AGENT_LOOKS,
    &AGENT_LOOK_DURATION,
    &SPOOL_RECORDS,
    &SPOOL_SIZE,
    &SPOOL_OLDEST,
    &SPOOL_DROPPED,
    &SPOOL_REFUSED,
    &DELIVERY_RECORDS,
    &DELIVERY_FAILING,
];

/// The metric with this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_have_one_form() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        let prometheus: BTreeSet<String> = ALL.iter().map(|metric| metric.prometheus()).collect();
        assert_eq!(prometheus.len(), ALL.len());
        for metric in ALL {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
            assert!(metric.name.starts_with("portreeve.") && metric.name.chars().all(is_plain), "{}", metric.name);
            assert!(metric.description.ends_with('.'), "{}", metric.name);
            let keys: BTreeSet<&str> = metric.attributes.iter().map(|attribute| attribute.key).collect();
            assert_eq!(keys.len(), metric.attributes.len(), "{}", metric.name);
            let has_unit = metric.unit.starts_with('{') || ["s", "By", "1"].contains(&metric.unit);
            assert!(has_unit, "{} has the unit {:?}", metric.name, metric.unit);
        }
        assert_eq!(find("portreeve.lock.wait"), Some(&LOCK_WAIT));
    }
}
