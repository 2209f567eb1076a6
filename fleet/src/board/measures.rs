//! Series as the board shows them.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::index::NodeKey;
use crate::store::StoreError;

/// Points over time.
pub(crate) type Points = Vec<(Timestamp, f64)>;

/// What the page of a node shows of its series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures {
    /// Hours that were asked for.
    pub(crate) hours: f64,
    /// Waits for locks by what they protect.
    pub(crate) lock_p95: Vec<(String, Points)>,
    /// Latencies by what was waited for.
    pub(crate) latency: Vec<(String, Points)>,
    /// Starts of gateways.
    pub(crate) restarts: Option<f64>,
    /// Time to successful pair.
    pub(crate) pairing: Option<Spread>,
    /// Connects of devices that are not approved.
    pub(crate) pairing_attempts: Option<f64>,
    /// Secrets that were refused.
    pub(crate) mismatches: Option<f64>,
}

/// A distribution in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// How many were measured.
    pub(crate) count: u64,
    /// Half of them took no longer, in seconds.
    pub(crate) median: f64,
    /// 95 of 100 took no longer.
    pub(crate) p95: f64,
}

impl Measures {
    /// Reads what is known of a node between two times.
    pub(crate) fn read(
        _connection: &Connection,
        _node: NodeKey,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Self, StoreError> {
        #[expect(clippy::cast_precision_loss, reason = "hours of some months")]
        let hours = to.duration_since(from).as_secs() as f64 / 3_600.0;
        Ok(Self { hours, ..Self::default() })
    }
}

/// Connections that ended with one code in one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closes {
    /// When the bucket begins.
    pub(crate) at: Timestamp,
    /// The code.
    pub(crate) code: String,
    /// How many.
    pub(crate) count: u64,
}

/// How long newcomers wait for the most contended lock of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LockWait {
    /// The node.
    pub(crate) node: NodeKey,
    /// 95 of 100 wait no longer, in seconds.
    pub(crate) p95: f64,
    /// What the lock protects.
    pub(crate) lock: String,
    /// When it was measured.
    pub(crate) at: Timestamp,
}

/// Connections of all nodes that ended between two times.
pub(crate) fn closes(_connection: &Connection, _span: (Timestamp, Timestamp)) -> Result<Vec<Closes>, StoreError> {
    Ok(Vec::new())
}

/// The latest lock waits of each node.
pub(crate) fn lock_waits(_connection: &Connection, _now: Timestamp) -> Result<Vec<LockWait>, StoreError> {
    Ok(Vec::new())
}
