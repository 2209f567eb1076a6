//! A full acceptance: outcome first, then why, then each check, then each difference.

use portreeve_core::acceptance::{
    AcceptanceReport, AcceptedSummary, CheckState, Difference, How, Outcome, Quarantine, Weight,
};

use super::text::{columns, count, labelled, paragraph, time};
use crate::output::{BAD, BOLD, COMMAND, DIM, GOOD, WARN, plain, styled};

/// Width of the column of labels.
const LABEL: usize = 10;

/// A full acceptance; `kept` says whether anything of it was.
pub(crate) fn acceptance(report: &AcceptanceReport, kept: bool, width: usize) -> String {
    let mut out = header(report, width);
    if let Some(before) = &report.before {
        out.push_str(&format!("\n{}\n", styled(BOLD, "Accepted before")));
        out.push_str(&earlier(before, width));
    }
    if !report.occasions.is_empty() {
        let since = report.since.map(|since| format!("In quarantine since {}", time(since)));
        out.push_str(&format!("\n{}\n", styled(BOLD, &since.unwrap_or_else(|| "In quarantine".to_owned()))));
        for occasion in &report.occasions {
            out.push_str(&paragraph(&occasion.summary, 2, width));
        }
    }
    out.push_str(&format!("\n{}\n", styled(BOLD, "Checks")));
    let rows: Vec<Vec<String>> = report
        .checks
        .iter()
        .map(|check| {
            let state = match check.state {
                CheckState::Pass => styled(GOOD, "pass"),
                CheckState::Fail => styled(BAD, "FAIL"),
                CheckState::Unknown => styled(WARN, "?"),
            };
            vec![state, check.check.clone(), plain(&check.detail)]
        })
        .collect();
    out.push_str(&columns(&rows, 2, width));
    out.push_str(&differences(report, width));
    if report.by_hand {
        out.push_str(&format!("\n{}\n", styled(BOLD, "In spite of")));
        for reason in &report.reasons {
            out.push_str(&paragraph(reason, 2, width));
        }
    }
    out.push_str(&next(report, kept, width));
    out
}

fn header(report: &AcceptanceReport, width: usize) -> String {
    let (style, word, meaning) = match report.outcome {
        Outcome::Accepted if report.first => {
            (GOOD, "ACCEPTED", "for the first time: from now on the node is compared with what it is now".to_owned())
        }
        Outcome::Accepted => (GOOD, "ACCEPTED", "every check holds".to_owned()),
        _ if report.by_hand => {
            let reason = report.reason.as_deref().unwrap_or_default();
            (WARN, "ACCEPTED BY HAND", format!("by {}: {reason}", report.by))
        }
        Outcome::NotYet => (
            WARN,
            "NOT YET",
            format!("{} against it may pass by itself", count(report.reasons.len(), "thing", "things")),
        ),
        Outcome::Refused => {
            (BAD, "REFUSED", count(report.reasons.len(), "thing is against it", "things are against it"))
        }
    };
    let node = &report.node;
    let mut facts: Vec<String> = node.hostname.iter().cloned().collect();
    if let (Some(os), Some(version)) = (&node.os, &node.os_version) {
        let build = node.os_build.as_deref().map(|build| format!(" ({build})")).unwrap_or_default();
        facts.push(format!("{os} {version}{build}"));
    }
    facts.push(time(report.at));
    let verdict = columns(&[vec![styled(style, word), plain(&meaning)]], 0, width);
    format!("{verdict}{}\n", styled(DIM, &plain(&facts.join(" · "))))
}

fn earlier(before: &AcceptedSummary, width: usize) -> String {
    let build = before.os_build.as_deref().map(|build| format!(", build {build}")).unwrap_or_default();
    let how = match before.how {
        How::Passed => "by a full acceptance",
        How::ByHand => "by hand",
    };
    let reason = before.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    paragraph(&format!("{} by {}, {how}{build}{reason}", time(before.at), before.by), 2, width)
}

fn differences(report: &AcceptanceReport, width: usize) -> String {
    if report.before.is_none() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(BOLD, "Compared with it"));
    if report.differences.is_empty() {
        out.push_str(&paragraph("nothing differs", 2, width));
        return out;
    }
    let row = |difference: &Difference| {
        let weight = match difference.weight {
            Weight::Lost => styled(BAD, "LOST"),
            Weight::Unseen => styled(WARN, "not seen"),
            Weight::Changed => styled(DIM, "changed"),
        };
        vec![weight, plain(&difference.summary)]
    };
    out.push_str(&columns(&report.differences.iter().map(row).collect::<Vec<_>>(), 2, width));
    out
}

/// What happens now.
fn next(report: &AcceptanceReport, kept: bool, width: usize) -> String {
    let mut out = String::from("\n");
    if !kept {
        out.push_str(&labelled("kept", "nothing", 0, LABEL, width));
        return out;
    }
    let (label, text, command) = match report.outcome {
        Outcome::Accepted => ("kept", "the node as it is now", None),
        _ if report.by_hand => ("kept", "the node as it is now; `check` warns until a full acceptance passes", None),
        _ if report.checks.iter().any(|check| check.check == "identity" && check.state != CheckState::Pass) => {
            ("do", "once the old node is retired", Some("portreeve accept --moved"))
        }
        _ => ("do", "mend what `portreeve check --deep` names, or wait; then", Some("portreeve accept")),
    };
    out.push_str(&labelled(label, text, 0, LABEL, width));
    if let Some(command) = command {
        out.push_str(&format!("{}{}\n", " ".repeat(LABEL), styled(COMMAND, &format!("$ {command}"))));
    }
    if let Some(seconds) = report.retry_after_s {
        let text = format!("the daemon tries again after {seconds} s");
        out.push_str(&labelled("", &text, 0, LABEL, width));
    }
    out
}

/// The quarantine of a node in one sentence, for `check`.
pub(super) fn quarantine(quarantine: &Quarantine, width: usize) -> String {
    let since = quarantine.since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
    let tried = match quarantine.attempts {
        0 => String::new(),
        tried => {
            format!("; {} tried", count(tried.try_into().unwrap_or(usize::MAX), "acceptance was", "acceptances were"))
        }
    };
    paragraph(&format!("in quarantine{since}, because {}{tried}", quarantine.because()), 0, width)
}
