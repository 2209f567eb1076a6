use jiff::Timestamp;
use portreeve_fleet::Config;
use portreeve_fleet::enrol::read_request;
use portreeve_fleet::ingest::{read_logs, read_metrics};

/// Logs of a node, up to what would be stored of them.
pub(crate) fn check_logs(data: &[u8]) {
    if let Ok(counts) = read_logs(data, "node", Timestamp::UNIX_EPOCH, &Config::default()) {
        assert_bounded(counts, data);
    }
}

/// The same of metrics.
pub(crate) fn check_metrics(data: &[u8]) {
    if let Ok(counts) = read_metrics(data, "node", Timestamp::UNIX_EPOCH, &Config::default()) {
        assert_bounded(counts, data);
    }
}

/// What a node asks for a credential with.
pub(crate) fn check_enrolment(data: &[u8]) {
    if let Ok(asked) = read_request(data) {
        for text in [&asked.node, &asked.hostname, &asked.agent_version].into_iter().chain(&asked.name) {
            assert!(!text.is_empty() && text.len() <= 400 && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}

/// Each record and each point is a message of its own, of two bytes at the least.
fn assert_bounded((taken, left): (u64, u64), data: &[u8]) {
    assert!(taken + left <= data.len() as u64 / 2, "{taken} and {left} of {} bytes", data.len());
}
