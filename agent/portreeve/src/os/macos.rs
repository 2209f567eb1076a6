//! macOS: the unified log.

use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

use super::SystemLog;
use crate::installed::AGENT_LABEL;

/// Errors go there as faults and warnings as errors, which are kept; what a daemon decides has the default level.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn system_log<S>() -> Option<SystemLog<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Some(Box::new(tracing_oslog::OsLogger::new(AGENT_LABEL, "daemon")))
}
