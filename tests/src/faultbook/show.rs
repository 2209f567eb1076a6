//! What is shown of a book: a table, and JSON.

use serde_json::{Value, json};

use super::book::Outcome;
use super::fault::Fault;
use super::peers::Usual;
use super::play::Played;
use super::score::{Answer, Hit};
use super::totals::{Counts, Totals};

/// One row of the table. What others of a run say is not known yet, so that a tool may name the cause there in words that are usual.
pub fn row(fault: &Fault, outcome: &Outcome) -> String {
    let (word, said, time) = match (&outcome.played, &outcome.judgement) {
        (Played::Asked { answer, .. }, Some(judgement)) => {
            let word = match judgement.hit {
                Hit::Exact => "exact",
                Hit::Named => "NAMED",
                Hit::Missed => "MISSED",
            };
            let word = if judgement.false_alarm { format!("{word}, FALSE ALARM") } else { word.to_owned() };
            (word, said(answer), format!("{:.1} s", seconds(answer.elapsed_ms)))
        }
        (Played::Skipped { .. }, _) => ("skipped".to_owned(), String::new(), String::new()),
        _ => ("BROKEN".to_owned(), String::new(), String::new()),
    };
    let mut row = format!("{:<34} {:<30} {:<30} {time:>7}  {word}", fault.id, expected(fault), said);
    if let Played::Asked { peers, of_load, .. } = &outcome.played {
        let named: Vec<String> = peers
            .iter()
            .map(|peer| {
                let mark = if peer.names(fault, &Usual::default()) { "+" } else { "-" };
                let tool = peer.tool.split(' ').next().unwrap_or_default();
                format!("{mark}{tool} {:.1} s", seconds(peer.elapsed_ms))
            })
            .collect();
        row = [vec![row], named].concat().join("  ");
        if !of_load.is_empty() {
            let codes: Vec<&str> = of_load.iter().map(|code| code.as_str()).collect();
            row = format!("{row}  (asked again: {})", codes.join(", "));
        }
    }
    let why: Vec<String> = match (&outcome.played, &outcome.judgement) {
        (Played::Skipped { why }, _) => vec![why.clone()],
        (Played::Broken { why }, _) => why.lines().map(ToOwned::to_owned).collect(),
        (Played::Asked { answer, .. }, Some(judgement)) if judgement.hit != Hit::Exact || judgement.false_alarm => {
            judgement.why.iter().cloned().chain(details(answer)).collect()
        }
        _ => Vec::new(),
    };
    [vec![row], why].concat().join("\n    ")
}

fn details(answer: &Answer) -> Vec<String> {
    let findings = answer.findings.iter().map(|one| format!("{} {}: {}", one.severity, one.code, one.summary));
    findings.chain(answer.unproven.iter().cloned()).collect()
}

fn expected(fault: &Fault) -> String {
    let expect = &fault.expect;
    let codes: Vec<&str> = expect.causes.iter().chain(&expect.warns).map(|code| code.as_str()).collect();
    if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") }
}

pub(super) fn said(answer: &Answer) -> String {
    if !answer.root_causes.is_empty() {
        return answer.root_causes.join(", ");
    }
    let warnings = answer.findings.iter().filter(|finding| finding.severity == "warning");
    let mut codes: Vec<&str> = warnings.map(|finding| finding.code.as_str()).collect();
    codes.dedup();
    if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") }
}

/// The last lines of the table.
pub fn summary(totals: &Totals) -> String {
    let line = |name: &str, counts: &Counts| {
        format!(
            "{name:<10} {:>3} asked: {:>3} exact, {:>2} named, {:>2} missed, {:>2} false alarms; {} skipped, {} broken\n",
            counts.faults,
            counts.exact,
            counts.named,
            counts.missed,
            counts.false_alarms,
            counts.skipped,
            counts.broken
        )
    };
    let mut text = format!("portreeve, median {:.1} s\n", seconds(totals.median_ms));
    text += &line("all", &totals.all);
    text += &totals.kinds.iter().map(|(kind, counts)| line(kind, counts)).collect::<String>();
    for (tool, counts) in &totals.peers {
        text += &format!(
            "{tool}: names {} of {}, {} false alarms, {} not ended in time, median {:.1} s\n",
            counts.named,
            counts.named + counts.missed,
            counts.false_alarms,
            counts.timeouts,
            seconds(counts.median_ms),
        );
    }
    text
}

/// Everything, for programs.
pub fn json(faults: &[Fault], outcomes: &[Outcome], totals: &Totals) -> Value {
    let mut report = json!(totals);
    let usual = Usual::of(faults, outcomes);
    let results = outcomes.iter().map(|outcome| {
        let fault = &faults[outcome.index];
        let mut result = json!(outcome);
        result["id"] = json!(fault.id);
        result["kind"] = json!(fault.kind);
        result["family"] = json!(fault.family);
        result["base"] = json!(fault.base);
        result["expected"] = json!({
            "causes": fault.expect.causes,
            "warns": fault.expect.warns,
            "status": fault.expect.status,
            "must_not": fault.expect.must_not,
        });
        if let Played::Asked { peers, .. } = &outcome.played {
            for (index, peer) in peers.iter().enumerate() {
                result["peers"][index]["named"] = json!(peer.names(fault, &usual));
                result["peers"][index]["false_alarm"] = json!(peer.is_false_alarm(fault));
                result["peers"][index]["words"] = json!(peer.words(fault, &usual));
            }
        }
        result
    });
    report["results"] = results.collect();
    report
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
