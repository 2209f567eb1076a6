//! Why the daemon cannot run.

use std::io;

use portreeve_store::StoreError;

/// Why the daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another one runs with the same folder.
    #[error("another daemon runs already")]
    Runs(#[source] StoreError),
    /// Its folder cannot be used.
    #[error("the daemon's folder cannot be used")]
    Folder(#[source] StoreError),
    /// The system refused.
    #[error("cannot {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}
