//! Why an engine gave no answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why an engine gave no answer.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The socket cannot be reached.
    #[error("cannot connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The deadline passed.
    #[error("it accepts connections and gave no answer within {:.1} s", after.as_secs_f64())]
    Silent {
        /// Time waited.
        after: Duration,
    },
    /// It ended the connection or speaks no HTTP.
    #[error("it does not speak HTTP")]
    Http(#[from] hyper::Error),
    /// The request could not be made from its parts.
    #[error("the request cannot be written")]
    Request(#[from] hyper::http::Error),
    /// A refusal.
    #[error("it answers {status}: {message}")]
    Refused {
        /// Status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// More bytes than any honest answer has.
    #[error("its answer is longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// An answer of another form.
    #[error("its answer has not the form of the Docker API")]
    Malformed(#[from] serde_json::Error),
    /// A version that is too new.
    #[error("it wants version {wanted} of the Docker API, newer than what is spoken here")]
    TooNew {
        /// Its lowest version.
        wanted: String,
    },
}

impl EngineError {
    /// Whether nothing listens there: no file, or a file that a dead process left behind.
    pub fn is_nobody(&self) -> bool {
        matches!(self, Self::Connect { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
    }

    /// Whether permission was refused.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether it says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The error with what it comes from, in one line.
    pub fn sentence(&self) -> String {
        match self {
            Self::Connect { source, .. } => format!("{self}: {source}"),
            Self::Http(source) => format!("{self}: {source}"),
            Self::Malformed(source) => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }
}
