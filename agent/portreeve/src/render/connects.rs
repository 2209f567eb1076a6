//! A series of connects, as a summary.

use portreeve_core::connects::{ConnectReport, FailureCount, Latency, Reliability};

use super::text::{columns, count, labelled, milliseconds, paragraph};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Width of the column of labels.
const LABEL: usize = 10;

/// How many came through, how fast, and what kept the others away.
pub(crate) fn connects(report: &ConnectReport, width: usize) -> String {
    let (style, word) = match report.verdict {
        Reliability::Reliable => (GOOD, "RELIABLE"),
        Reliability::Unreliable => (BAD, "UNRELIABLE"),
        Reliability::Unknown => (WARN, "UNKNOWN"),
    };
    let through = match report.rate {
        Some(rate) => format!("{} of {} connects came through, {:.1} %", report.connected, report.made, rate * 100.0),
        None => "no connect was made".to_owned(),
    };
    let mut out = format!("{}  {through}\n", styled(style, word));
    if let Some(why) = &report.why {
        out.push_str(&paragraph(why, 2, width));
    }
    out.push_str(&format!("\n{} {}\n", styled(BOLD, "To"), plain(&report.target)));
    out.push_str(&labelled("from", &report.from, 2, LABEL, width));
    if let Some([low, high]) = report.interval {
        let text = format!(
            "{:.1} to {:.1} % at 95 % confidence; {:.0} % are wanted",
            low * 100.0,
            high * 100.0,
            report.threshold * 100.0
        );
        out.push_str(&labelled("true rate", &text, 2, LABEL, width));
    }
    let row = |name: &str, latency: &Latency| {
        let cell = |label: &str, value: f64| format!("{} {}", styled(DIM, label), milliseconds(value));
        vec![
            format!("{name:<8}"),
            cell("p50", latency.p50),
            cell("p95", latency.p95),
            cell("p99", latency.p99),
            cell("max", latency.max),
        ]
    };
    let rows: Vec<Vec<String>> = [("tcp", &report.tcp), ("challenge", &report.latency)]
        .into_iter()
        .filter_map(|(name, latency)| Some(row(name, latency.as_ref()?)))
        .collect();
    out.push_str(&columns(&rows, 2, width));
    if !report.failures.is_empty() {
        let failed = report.made - report.connected.min(report.made);
        out.push_str(&format!("\n{}\n", styled(BOLD, &format!("{} failed", count(failed, "connect", "connects")))));
        let rows: Vec<Vec<String>> =
            report.failures.iter().map(|failure| vec![failure.count.to_string(), told(failure)]).collect();
        out.push_str(&columns(&rows, 2, width));
    }
    out
}

/// Where on the way, what, and by which of the system's errors.
fn told(failure: &FailureCount) -> String {
    let errno = failure.errno.as_ref().map(|errno| format!(" ({})", plain(errno))).unwrap_or_default();
    format!("{}: {}{errno}", failure.phase.name(), plain(&failure.message))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portreeve_core::report::Agent;

    use super::*;
    use crate::render::chart::tests::series;

    #[test]
    fn what_failed_is_told_with_the_systems_own_error() {
        let at = Timestamp::from_second(1_767_225_600).unwrap();
        let report = ConnectReport::of(&series(), Agent { version: "1".to_owned() }, at);
        insta::assert_snapshot!(anstream::adapter::strip_str(&connects(&report, 100)).to_string());
    }
}
