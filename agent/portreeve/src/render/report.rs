//! The verdict on a node: verdict first, then root causes, then remedies, then details.

use anstyle::Style;
use jiff::Timestamp;
use portreeve_core::report::{Evidence, Finding, GatewaySummary, LayerState, Report, RungState};
use portreeve_core::{Code, Severity, Verdict};

use super::acceptance::quarantine;
use super::containers::containers;
use super::maintenance::sentence;
use super::states::states;
use super::text::{columns, count, labelled, milliseconds, paragraph};
use crate::output::{BAD, BOLD, COMMAND, DIM, GOOD, WARN, copyable, plain, styled};

/// Width of the column that labels evidence and remedies.
const LABEL: usize = 10;

/// Pieces of evidence of one finding that are shown; `--json` has them all.
const MOST_EVIDENCE: usize = 10;

/// Seconds between observation and evidence below which the evidence's own time tells nothing new.
const SAME_TIME_S: i64 = 60;

/// The whole report. `verbose` adds evidence to warnings, and information.
pub(crate) fn report(report: &Report, verbose: bool, width: usize) -> String {
    let mut out = header(report, width);
    if let Some(standing) = &report.quarantine {
        out.push_str(&quarantine(standing, width));
    }
    let roots: Vec<&Finding> = report.findings.iter().filter(|finding| finding.is_root_cause()).collect();
    let rest = |wanted: Severity| {
        let list: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| !finding.is_root_cause() && finding.severity == wanted && finding.waived.is_none())
            .collect();
        list
    };
    section(&mut out, if roots.len() == 1 { "Root cause" } else { "Root causes" }, &roots, |finding| {
        full(finding, report, width)
    });
    let explained = match roots.len() {
        0 => "Explained",
        1 => "Explained by it",
        _ => "Explained by them",
    };
    section(&mut out, explained, &rest(Severity::Error), |finding| brief(finding, roots.len() != 1, width));
    section(&mut out, "Warnings", &rest(Severity::Warning), |finding| {
        if verbose { full(finding, report, width) } else { with_remedy(finding, width) }
    });
    let information: Vec<&Finding> = rest(Severity::Information)
        .into_iter()
        .filter(|finding| verbose || report.verdict != Verdict::Ready || finding.remedy.is_empty())
        .collect();
    section(&mut out, "Good to know", &information, |finding| brief(finding, true, width));
    let waived: Vec<&Finding> = report.findings.iter().filter(|finding| finding.waived.is_some()).collect();
    section(&mut out, "Waived", &waived, |finding| waiver(finding, width));
    if !report.blind.is_empty() {
        out.push_str(&format!("\n{}\n", styled(BOLD, "Not seen")));
        for spot in &report.blind {
            out.push_str(&paragraph(&format!("{}: {}; {}", spot.what, spot.why, spot.remedy), 2, width));
        }
    }
    for gateway in &report.gateways {
        out.push_str(&ladder(gateway, width));
    }
    if verbose {
        out.push_str(&states(report, width));
    }
    out.push_str(&containers(report, width));
    out.push_str(&layers(report, width));
    out
}

fn header(report: &Report, width: usize) -> String {
    let node = &report.node;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(node.hostname.clone());
    if let (Some(os), Some(version)) = (&node.os, &node.os_version) {
        facts.push(format!("{os} {version}"));
    }
    facts.push(report.generated_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let (style, word, meaning) = verdict(report);
    let line = columns(&[vec![styled(style, word), meaning]], 0, width);
    let announced = report.maintenance.as_ref().map(|announced| {
        let row =
            vec![styled(WARN, "MAINTENANCE"), format!("{}; nothing is stopped or restarted", sentence(announced))];
        columns(&[row], 0, width)
    });
    format!("{line}{}{}\n", announced.unwrap_or_default(), styled(DIM, &plain(&facts.join(" · "))))
}

/// The verdict in a word with its style, and what it means.
pub(super) fn verdict(report: &Report) -> (Style, &'static str, String) {
    match report.verdict {
        Verdict::Ready => match only(report) {
            Some(layer) => (GOOD, "READY", format!("{layer} holds, and no other was judged")),
            None => (GOOD, "READY", "every rung is proven".to_owned()),
        },
        Verdict::Degraded => {
            let warns = |finding: &&Finding| finding.severity == Severity::Warning && finding.waived.is_none();
            let warnings = count(report.findings.iter().filter(warns).count(), "warning", "warnings");
            let scope = only(report).map(|layer| format!(" in {layer}; no other was judged")).unwrap_or_default();
            (WARN, "DEGRADED", format!("ready, with {warnings}{scope}"))
        }
        Verdict::Blocked => (BAD, "BLOCKED", causes(&report.root_causes)),
        Verdict::Unknown if report.gateways.is_empty() => {
            let meaning = if report.blind.is_empty() {
                "no gateway is configured, installed or running here: nothing to judge"
            } else {
                "no gateway was found, but not everything could be seen"
            };
            (WARN, "UNKNOWN", meaning.to_owned())
        }
        Verdict::Unknown => {
            let scope = only(report).map(|layer| format!(" in {layer}")).unwrap_or_default();
            (WARN, "UNKNOWN", format!("no error found{scope}, but readiness is not proven"))
        }
    }
}

/// The one layer that was judged, where not all were.
fn only(report: &Report) -> Option<String> {
    let mut layers = report.layers.keys();
    match (layers.next(), layers.next()) {
        (Some(layer), None) => Some(format!("layer {layer}")),
        (None, _) => Some("layer node".to_owned()),
        (Some(_), Some(_)) => None,
    }
}

/// One root cause by code and title, several by their codes.
fn causes(codes: &[Code]) -> String {
    match codes {
        [code] => format!("{code}: {}", code.entry().title),
        _ => codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn section(out: &mut String, title: &str, findings: &[&Finding], show: impl Fn(&Finding) -> String) {
    if findings.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", styled(BOLD, title)));
    for finding in findings {
        out.push_str(&show(finding));
    }
}

fn title(finding: &Finding, width: usize) -> String {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Information => DIM,
    };
    format!("  {}\n{}", styled(style, finding.code.as_str()), paragraph(&finding.summary, 4, width))
}

fn full(finding: &Finding, report: &Report, width: usize) -> String {
    let mut out = title(finding, width);
    for (index, evidence) in finding.evidence.iter().take(MOST_EVIDENCE).enumerate() {
        let label = if index == 0 { "seen" } else { "" };
        out.push_str(&labelled(label, &seen(evidence, report.generated_at), 4, LABEL, width));
    }
    if let Some(more) = finding.evidence.len().checked_sub(MOST_EVIDENCE).filter(|more| *more > 0) {
        out.push_str(&labelled("", &format!("and {more} more, which `--json` shows"), 4, LABEL, width));
    }
    if !finding.explains.is_empty() {
        let codes: Vec<&str> = finding.explains.iter().map(|code| code.as_str()).collect();
        out.push_str(&labelled("explains", &codes.join(", "), 4, LABEL, width));
    }
    out.push_str(&remedy(finding, width));
    out
}

/// A fact with its source and time, where they add to it.
fn seen(evidence: &Evidence, now: Timestamp) -> String {
    let mut origin: Vec<String> = Vec::new();
    if !evidence.fact.contains(&evidence.source) {
        origin.push(evidence.source.clone());
    }
    if now.duration_since(evidence.observed_at).as_secs().abs() >= SAME_TIME_S {
        origin.push(evidence.observed_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    }
    if origin.is_empty() { evidence.fact.clone() } else { format!("{} ({})", evidence.fact, origin.join(", ")) }
}

fn with_remedy(finding: &Finding, width: usize) -> String {
    format!("{}{}", title(finding, width), remedy(finding, width))
}

fn brief(finding: &Finding, name_cause: bool, width: usize) -> String {
    let cause =
        finding.explained_by.filter(|_| name_cause).map(|cause| format!(", explained by {cause}")).unwrap_or_default();
    format!("  {}{cause}\n{}", styled(DIM, finding.code.as_str()), paragraph(&finding.summary, 4, width))
}

fn waiver(finding: &Finding, width: usize) -> String {
    let waived = finding.waived.as_ref();
    let until = waived.map(|waived| format!("until {}: {}", waived.until, waived.reason)).unwrap_or_default();
    format!(
        "  {}\n{}{}",
        styled(DIM, finding.code.as_str()),
        paragraph(&finding.summary, 4, width),
        labelled("waived", &until, 4, LABEL, width)
    )
}

fn remedy(finding: &Finding, width: usize) -> String {
    let mut out = String::new();
    for (index, step) in finding.remedy.iter().enumerate() {
        let label = if index == 0 { "do" } else { "" };
        out.push_str(&labelled(label, &step.text, 4, LABEL, width));
        if let Some(command) = &step.command {
            // A command stays on one line, however long, so that it can be copied.
            match copyable(command) {
                Some(command) => {
                    out.push_str(&format!("{}{}\n", " ".repeat(4 + LABEL), styled(COMMAND, &format!("$ {command}"))));
                }
                None => out.push_str(&labelled("", &format!("not to be copied: {command}"), 4, LABEL, width)),
            }
        }
    }
    out
}

fn ladder(gateway: &GatewaySummary, width: usize) -> String {
    let mut head = vec![format!("port {}", gateway.port)];
    if !gateway.pids.is_empty() {
        let pids: Vec<String> = gateway.pids.iter().map(ToString::to_string).collect();
        head.push(format!("pid {}", pids.join(", ")));
    }
    if let Some(version) = &gateway.version {
        head.push(format!("OpenClaw {version}"));
    }
    let mut out = format!("\n{} {}\n", styled(BOLD, "Gateway"), plain(&gateway.id));
    out.push_str(&paragraph(&head.join(" · "), 2, width));
    let rows: Vec<Vec<String>> = gateway
        .rungs
        .iter()
        .map(|rung| {
            let state = match rung.state {
                RungState::Pass => styled(GOOD, "pass"),
                RungState::Fail => styled(BAD, "FAIL"),
                RungState::Unknown => styled(WARN, "?"),
            };
            let elapsed = rung.elapsed_ms.map(milliseconds).unwrap_or_default();
            vec![state, rung.rung.clone(), elapsed, plain(&rung.detail)]
        })
        .collect();
    out.push_str(&columns(&rows, 2, width));
    out
}

fn layers(report: &Report, width: usize) -> String {
    if report.layers.is_empty() || report.gateways.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(BOLD, "Layers"));
    let rows: Vec<Vec<String>> = report
        .layers
        .iter()
        .map(|(layer, summary)| {
            let state = match summary.state {
                LayerState::Pass => styled(GOOD, "pass"),
                LayerState::Fail => styled(BAD, "FAIL"),
                LayerState::Unknown => styled(WARN, "?"),
            };
            vec![state, layer.to_string(), plain(&summary.detail)]
        })
        .collect();
    out.push_str(&columns(&rows, 2, width));
    let clients = count(report.clients.len(), "client", "clients");
    let units = count(report.units.len(), "unit", "units");
    let dirs = count(report.state_dirs.len(), "state directory", "state directories");
    out.push_str(&format!("\n{}\n", styled(DIM, &format!("{clients}, {units}, {dirs} seen"))));
    out
}
