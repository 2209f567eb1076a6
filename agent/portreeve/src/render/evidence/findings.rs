//! The verdict: root causes with their remedies first, what they explain, the rungs, and what could not be seen.

use portreeve_core::Severity;
use portreeve_core::report::{Evidence, Finding, LayerState, Report, RungState};

use super::html::{badge, code, command, list, paragraph, quiet, sentence, table, text};
use super::page::stamp;

/// Findings that are shown in full.
const MOST: usize = 100;
/// Facts of one finding.
const MOST_FACTS: usize = 25;

pub(super) fn title(report: &Report) -> &'static str {
    match report.findings.iter().filter(|finding| finding.is_root_cause()).count() {
        0 | 1 => "Root cause",
        _ => "Root causes",
    }
}

/// Root causes, the way out first.
pub(super) fn causes(report: &Report) -> String {
    let roots: Vec<&Finding> = report.findings.iter().filter(|finding| finding.is_root_cause()).collect();
    if roots.is_empty() {
        return quiet("No error was found.");
    }
    roots.into_iter().take(MOST).map(|finding| full(finding, "card root")).collect()
}

/// What is no root cause: explained errors, warnings, things to know, and what is waived.
pub(super) fn others(report: &Report) -> String {
    let rest = report.findings.iter().filter(|finding| !finding.is_root_cause());
    let mut out: String = rest.clone().take(MOST).map(|finding| full(finding, "card")).collect();
    let more = rest.count().saturating_sub(MOST);
    if more > 0 {
        out.push_str(&quiet(&format!("Left out: {more} more findings, which report.json has.")));
    }
    out
}

fn full(finding: &Finding, class: &str) -> String {
    let (look, word) = match (finding.severity, &finding.waived) {
        (_, Some(_)) => ("", "waived"),
        (Severity::Error, None) => ("bad", "error"),
        (Severity::Warning, None) => ("warn", "warning"),
        (Severity::Information, None) => ("", "good to know"),
    };
    let mut out = format!(
        "<article class=\"{class}\">\n<h3>{} {}</h3>\n<p><strong>{}</strong></p>\n",
        code(finding.code.as_str()),
        badge(look, word),
        sentence(&finding.summary)
    );
    if let Some(cause) = finding.explained_by {
        out.push_str(&format!("<p class=\"quiet\">Explained by {}.</p>\n", code(cause.as_str())));
    }
    if let Some(waived) = &finding.waived {
        out.push_str(&quiet(&format!("Waived until {}: {}", waived.until, waived.reason)));
    }
    if !finding.remedy.is_empty() {
        out.push_str("<h4>What to do</h4>\n<ol>\n");
        for step in &finding.remedy {
            let run = step.command.as_deref().map(command).unwrap_or_default();
            out.push_str(&format!("<li>{}{run}</li>\n", sentence(&step.text)));
        }
        out.push_str("</ol>\n");
    }
    if !finding.evidence.is_empty() {
        out.push_str("<h4>Evidence</h4>\n");
        out.push_str(&list(&facts(&finding.evidence)));
    }
    if !finding.explains.is_empty() {
        let codes: Vec<String> = finding.explains.iter().map(|code_| code(code_.as_str())).collect();
        out.push_str(&format!("<p class=\"quiet\">Explains {}.</p>\n", codes.join(", ")));
    }
    out.push_str("</article>\n");
    out
}

/// Facts with their source and time.
pub(super) fn facts(evidence: &[Evidence]) -> Vec<String> {
    let mut items: Vec<String> = evidence
        .iter()
        .take(MOST_FACTS)
        .map(|one| {
            let place = one.place.as_ref().map(|place| format!(", line {}", place.line)).unwrap_or_default();
            format!(
                "{} <span class=\"quiet\">({}{place}, {})</span>",
                sentence(&one.fact),
                sentence(&one.source),
                stamp(one.observed_at)
            )
        })
        .collect();
    if evidence.len() > MOST_FACTS {
        items.push(format!("left out: {} more, which the JSON has", evidence.len() - MOST_FACTS));
    }
    items
}

/// The rungs of each gateway, and the layers.
pub(super) fn ladder(report: &Report) -> String {
    let mut out = String::new();
    for gateway in &report.gateways {
        let rows: Vec<Vec<String>> = gateway
            .rungs
            .iter()
            .map(|rung| {
                let state = match rung.state {
                    RungState::Pass => badge("good", "pass"),
                    RungState::Fail => badge("bad", "fail"),
                    RungState::Unknown => badge("warn", "not known"),
                };
                let elapsed =
                    rung.elapsed_ms.map(|ms| format!("<span class=\"t\">{ms:.1} ms</span>")).unwrap_or_default();
                vec![state, text(&rung.rung), elapsed, sentence(&rung.detail)]
            })
            .collect();
        let version = gateway.version.as_ref().map(|version| format!(", OpenClaw {version}")).unwrap_or_default();
        let caption = format!("Gateway {} on port {}{version}", gateway.id, gateway.port);
        out.push_str(&table(&caption, &["State", "Rung", "Took", "What was answered"], &rows));
    }
    let layers: Vec<Vec<String>> = report
        .layers
        .iter()
        .map(|(layer, summary)| {
            let state = match summary.state {
                LayerState::Pass => badge("good", "pass"),
                LayerState::Fail => badge("bad", "fail"),
                LayerState::Unknown => badge("warn", "not known"),
            };
            vec![state, text(&layer.to_string()), sentence(&summary.detail)]
        })
        .collect();
    out.push_str(&table("Layers", &["State", "Layer", "What decided"], &layers));
    out
}

/// What could not be seen, and what would help.
pub(super) fn blind(report: &Report) -> String {
    if report.blind.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report
        .blind
        .iter()
        .map(|spot| vec![sentence(&spot.what), sentence(&spot.why), sentence(&spot.remedy)])
        .collect();
    paragraph("What could not be looked at is not taken for well.")
        + &table("Not seen", &["What", "Why", "What would help"], &rows)
}
