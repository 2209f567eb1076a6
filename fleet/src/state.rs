//! What all handlers share.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::Config;
use crate::auth::Access;
use crate::index::{Change, Index};
use crate::ingest::{Budget, Gate, Gates, Rates};
use crate::meter::Meter;
use crate::store::{Shared, Store};

/// What all handlers share. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The settings in force.
    pub config: Arc<Config>,
    /// All nodes, in memory.
    pub index: Arc<Index>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// The database.
    pub store: Store,
    /// What changes, as it changes. A receiver that lags reads the index anew.
    pub changes: broadcast::Sender<Change>,
    /// What the writer keeps current.
    pub shared: Arc<Shared>,
    /// What the server counts of itself.
    pub meter: Arc<Meter>,
    /// How fast nodes send.
    pub rates: Arc<Rates>,
    /// Bytes of bodies in memory.
    pub bodies: Arc<Budget>,
    /// How fast nodes enrol.
    pub enrolments: Arc<Gate>,
    /// How fast each node takes other credentials: each is written down.
    pub rotations: Arc<Gates>,
    /// How fast each viewer logs in: each login is written down.
    pub logins: Arc<Gates>,
    /// How fast misdeeds of strangers are written down.
    pub audits: Arc<Gate>,
    /// Becomes true when the server is told to end: answers that go on and on end then.
    pub ending: watch::Receiver<bool>,
}

impl AppState {
    /// Whether viewers reach this server by TLS, its own or that of a proxy: then cookies are for TLS alone.
    pub fn secure(&self) -> bool {
        self.config.tls.is_some() || self.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}
