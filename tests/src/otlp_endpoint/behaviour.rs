//! What an endpoint does with a request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Item;

/// What an endpoint does with a request.
#[derive(Clone)]
pub enum Behaviour {
    /// Takes everything.
    Accept,
    /// Reads the request and never answers.
    Hang,
    /// Resets the connection once this many bytes of the body were read; takes nothing.
    Reset {
        /// Bytes of the body.
        after: usize,
    },
    /// Takes nothing, and answers this.
    Status {
        /// The status.
        status: u16,
        /// Headers besides the length.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Takes all but the first log records or data points, and says so as a partial success.
    Partial {
        /// How many are not taken.
        rejected: usize,
    },
    /// Answers 400 to what holds such a record, and takes everything else.
    Poison(Arc<dyn Fn(&Item) -> bool + Send + Sync>),
    /// Answers 413 to what is larger than this when unpacked, and takes everything else.
    Limit {
        /// Bytes.
        bytes: usize,
    },
    /// Takes everything, and closes the connection before it answers.
    AcceptThenClose,
    /// Takes everything, and closes the connection in the middle of the answer.
    AcceptThenCut,
    /// Takes everything, and pauses before each byte of the answer.
    Slow(Duration),
    /// Takes everything, with an answer that has no end.
    Endless,
    /// Answers with what is no HTTP; takes nothing.
    Gibberish,
}

impl Behaviour {
    /// A status with an empty body.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A status that says when to come again: `Retry-After`.
    pub fn retry_after(status: u16, when: &str) -> Self {
        Self::Status { status, headers: vec![("Retry-After".to_owned(), when.to_owned())], body: Vec::new() }
    }

    /// 400 to what holds such a record.
    pub fn poison(is_poison: impl Fn(&Item) -> bool + Send + Sync + 'static) -> Self {
        Self::Poison(Arc::new(is_poison))
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("Accept"),
            Self::Hang => f.write_str("Hang"),
            Self::Reset { after } => write!(f, "Reset({after})"),
            Self::Status { status, .. } => write!(f, "Status({status})"),
            Self::Partial { rejected } => write!(f, "Partial({rejected})"),
            Self::Poison(_) => f.write_str("Poison"),
            Self::Limit { bytes } => write!(f, "Limit({bytes})"),
            Self::AcceptThenClose => f.write_str("AcceptThenClose"),
            Self::AcceptThenCut => f.write_str("AcceptThenCut"),
            Self::Slow(pause) => write!(f, "Slow({pause:?})"),
            Self::Endless => f.write_str("Endless"),
            Self::Gibberish => f.write_str("Gibberish"),
        }
    }
}
