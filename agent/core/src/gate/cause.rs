//! Why a gateway is not ready, as far as the diagnosis is certain.

use super::{Through, UNDECIDED};
use crate::catalogue::Layer;
use crate::report::{Finding, Report, Verdict};

/// The status that a diagnosis gives, and its causes in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Exit status by the documented contract; never 0.
    pub status: u8,
    /// `code: summary` of the root cause.
    pub text: String,
}

impl Cause {
    /// The cause that a report names for a gateway that did not pass the rungs of `through`; none where it names none. After the command's
    /// end a symptom, as that nobody listens, is no cause.
    pub fn of(report: &Report, through: Through, has_ended: bool) -> Option<Self> {
        if report.verdict != Verdict::Blocked {
            return None;
        }
        let counts = |finding: &&Finding| {
            let reached = match finding.layer {
                Layer::Transport | Layer::Alignment | Layer::Node => true,
                Layer::Auth => through >= Through::Auth,
                Layer::Channels => through >= Through::Channels,
            };
            reached && finding.is_root_cause() && !(has_ended && finding.code.entry().symptom)
        };
        let root = report.findings.iter().filter(counts).min_by_key(|finding| finding.layer)?;
        let status = match root.layer {
            Layer::Transport => 69,
            Layer::Auth => 77,
            Layer::Channels => 76,
            Layer::Alignment => 78,
            Layer::Node => 1,
        };
        Some(Self { status, text: format!("{}: {}", root.code.as_str(), root.summary) })
    }

    /// The status of a cause, or that of a question that is still open.
    pub(super) fn status(cause: Option<&Self>) -> u8 {
        cause.map_or(UNDECIDED, |cause| cause.status.max(1))
    }
}
