//! Why something was not spooled.

use portreeve_store::StoreError;

/// Why something was not spooled, or could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is no room on the volume. What was spooled before is all there.
    #[error("there is no room to spool more")]
    Full {
        /// What could not be written.
        #[source]
        source: StoreError,
    },
    /// Another process has the spool open.
    #[error("the spool is in use by {}", .holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// Its process id.
        holder: Option<u32>,
    },
    /// A newer agent wrote there; it is kept as it is.
    #[error("`{name}` was spooled by a newer agent")]
    Newer {
        /// The file.
        name: String,
    },
    /// A record is larger than any that is kept.
    #[error("a record of {bytes} bytes is too large to be spooled, at most {limit} are kept")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// Most that is kept of one.
        limit: u64,
    },
    /// A record has the highest number that there is: no spool that was only ever appended to comes there.
    #[error("the numbers of the spool's records are used up")]
    UsedUp,
    /// The spool's files could not be read or written.
    #[error("the spool cannot be read or written")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl From<StoreError> for SpoolError {
    fn from(source: StoreError) -> Self {
        match source {
            StoreError::Held { holder, .. } => Self::InUse { holder },
            source if source.is_full() => Self::Full { source },
            source => Self::Store { source },
        }
    }
}
