//! The daemon's last verdict.

use jiff::Timestamp;
use portreeve_core::Verdict;
use portreeve_core::delivery::Delivery;
use portreeve_core::report::LayerState;
use portreeve_core::status::{Cause, StatusReport, Usage};

use super::text::{columns, count, labelled, paragraph, span, time};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Width of the column that labels lines.
const LABEL: usize = 10;

pub(crate) fn status(report: &StatusReport, width: usize) -> String {
    let status = &report.status;
    let (style, word) = match status.verdict {
        _ if report.stale.is_some() => (WARN, "UNKNOWN"),
        Verdict::Ready => (GOOD, "READY"),
        Verdict::Degraded => (WARN, "DEGRADED"),
        Verdict::Blocked => (BAD, "BLOCKED"),
        Verdict::Unknown => (WARN, "UNKNOWN"),
    };
    let meaning = match &report.stale {
        Some(why) => format!("out of date: {why}"),
        None => format!("since {}, for {}", time(status.since), span(status.lasted_s)),
    };
    let mut out = columns(&[vec![styled(style, word), plain(&meaning)]], 0, width);
    let judged = status.judged_at.map_or_else(|| "not looked at yet".to_owned(), |at| format!("judged {}", time(at)));
    let facts = format!(
        "portreeve {} (pid {}) · {judged} · written {} ago",
        status.agent.version,
        status.daemon.pid,
        span(report.age_s)
    );
    out.push_str(&format!("{}\n", styled(DIM, &plain(&facts))));
    if report.stale.is_some() {
        let was = format!("{} since {}", status.verdict.name(), time(status.since));
        out.push_str(&labelled("last", &was, 2, LABEL, width));
    }
    if let Some(quarantine) = &status.quarantine {
        let since = quarantine.since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
        let tried = count(quarantine.attempts as usize, "acceptance", "acceptances");
        let text = format!("in quarantine{since}: {}; {tried} tried", quarantine.because());
        out.push_str(&labelled("node", &text, 2, LABEL, width));
    }
    if let Some(maintenance) = &status.maintenance {
        let reason = maintenance.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("until {}, by {}{reason}", time(maintenance.until), maintenance.by);
        out.push_str(&labelled("work", &text, 2, LABEL, width));
    }
    if !status.causes.is_empty() {
        out.push_str(&format!("\n{}\n", styled(BOLD, if status.causes.len() == 1 { "Cause" } else { "Causes" })));
        for cause in &status.causes {
            out.push_str(&paragraph(&sentence(cause), 2, width));
        }
    }
    let layers: Vec<Vec<String>> = status
        .layers
        .iter()
        .map(|(layer, summary)| {
            let state = match summary.state {
                LayerState::Pass => styled(GOOD, "pass"),
                LayerState::Fail => styled(BAD, "fail"),
                LayerState::Unknown => styled(WARN, "?"),
            };
            vec![state, layer.to_string(), plain(&summary.detail)]
        })
        .collect();
    if !layers.is_empty() {
        out.push_str(&format!("\n{}\n{}", styled(BOLD, "Layers"), columns(&layers, 2, width)));
    }
    let lanes: Vec<Vec<String>> = status
        .lanes
        .iter()
        .filter(|(_, lane)| lane.runs > 0 || lane.due_in_s.is_some())
        .map(|(lane, state)| {
            let last = match (&state.failure, state.ended_at) {
                (Some(failure), _) => format!("failed: {failure}"),
                (None, Some(at)) => format!("{}, {} ms", time(at), state.took_ms.unwrap_or_default()),
                (None, None) => "not yet".to_owned(),
            };
            let due = state.due_in_s.map(|due| format!("; again in {}", span(due))).unwrap_or_default();
            vec![lane.name().to_owned(), plain(&format!("{last}{due}"))]
        })
        .collect();
    if !lanes.is_empty() {
        out.push_str(&format!("\n{}\n{}", styled(BOLD, "Looks"), columns(&lanes, 2, width)));
    }
    if let Some(delivery) = &status.delivery {
        let text = delivered(delivery, status.written_at);
        out.push_str(&format!("\n{}\n{}", styled(BOLD, "Delivery"), paragraph(&text, 2, width)));
        if let Some(error) = &delivery.last_error {
            let label = if delivery.is_failing { "problem" } else { "was" };
            out.push_str(&labelled(label, &format!("{}, at {}", error.why, time(error.at)), 2, LABEL, width));
        }
    }
    if let Some(usage) = &status.usage {
        out.push_str(&format!("\n{}\n{}", styled(BOLD, "The daemon itself"), paragraph(&used(usage), 2, width)));
    }
    let over = status.usage.iter().flat_map(|usage| &usage.over).map(|over| format!("above its budget: {over}"));
    for problem in status.problems.iter().cloned().chain(over) {
        out.push_str(&labelled("problem", &problem, 2, LABEL, width));
    }
    out
}

fn sentence(cause: &Cause) -> String {
    match cause.code {
        Some(code) => format!("{code}: {}", cause.summary),
        None => cause.summary.clone(),
    }
}

fn delivered(delivery: &Delivery, now: Timestamp) -> String {
    let waiting = match (delivery.records, delivery.oldest) {
        (0, _) | (_, None) => "nothing waits".to_owned(),
        (records, Some(oldest)) => {
            let age = u64::try_from(now.duration_since(oldest).as_secs()).unwrap_or(0);
            let records = count(usize::try_from(records).unwrap_or(usize::MAX), "record waits", "records wait");
            format!("{records}, the oldest for {}", span(age))
        }
    };
    let endpoint = if delivery.endpoint.is_empty() { "nowhere" } else { &delivery.endpoint };
    let mut parts = vec![format!("to {endpoint}"), waiting];
    parts.extend(delivery.last_success.map(|at| format!("last taken {}", time(at))));
    let lost =
        [(delivery.dropped_total, "dropped"), (delivery.refused_total, "refused"), (delivery.rejected, "rejected")];
    parts.extend(lost.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join("; ")
}

fn used(usage: &Usage) -> String {
    let mut parts = vec![format!("{:.2} % of a core", usage.cpu_percent)];
    parts.extend(usage.resident_bytes.map(|bytes| format!("{} MiB resident", mebibytes(bytes))));
    parts.extend(usage.child_resident_bytes.map(|bytes| format!("{} MiB in its largest look", mebibytes(bytes))));
    parts.extend(usage.descriptors.map(|count| format!("{count} descriptors")));
    parts.join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
