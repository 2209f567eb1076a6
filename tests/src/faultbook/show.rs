//! What is shown of a book: a table, JSON, and a page of the documentation.

use serde_json::{Value, json};

use super::book::Outcome;
use super::fault::{Family, Fault, Kind};
use super::play::Played;
use super::score::Hit;
use super::totals::{Counts, Totals};

/// One row of the table.
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
    if let Played::Asked { peers, .. } = &outcome.played {
        let named: Vec<String> = peers
            .iter()
            .map(|peer| {
                let mark = if peer.names(fault) { "+" } else { "-" };
                let tool = peer.tool.split(' ').next().unwrap_or_default();
                format!("{mark}{tool} {:.1} s", seconds(peer.elapsed_ms))
            })
            .collect();
        row = [vec![row], named].concat().join("  ");
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

fn details(answer: &super::score::Answer) -> Vec<String> {
    let findings = answer.findings.iter().map(|one| format!("{} {}: {}", one.severity, one.code, one.summary));
    findings.chain(answer.unproven.iter().cloned()).collect()
}

fn expected(fault: &Fault) -> String {
    let expect = &fault.expect;
    let codes: Vec<&str> = expect.causes.iter().chain(&expect.warns).map(|code| code.as_str()).collect();
    if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") }
}

fn said(answer: &super::score::Answer) -> String {
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
                result["peers"][index]["named"] = json!(peer.names(fault));
                result["peers"][index]["false_alarm"] = json!(peer.is_false_alarm(fault));
                result["peers"][index]["words"] = json!(peer.words(fault));
            }
        }
        result
    });
    report["results"] = results.collect();
    report
}

/// The page of the documentation.
pub fn page(faults: &[Fault], outcomes: &[Outcome], totals: &Totals) -> String {
    let mut text = format!(
        "# The faultbook\n\n\
         Faults as people meet them, each set up for real and asked about: `portreeve check` and OpenClaw's own `gateway status --deep`,\n\
         `channels status --probe` and `doctor --non-interactive` on the same set-up, one after the other. A tool of OpenClaw counts as naming\n\
         the cause where anything that it prints says what is wrong, in whatever words. Times are wall times, and depend on the machine.\n\n\
         This page is generated: `scripts/faultbook --page`. The faults are in `tests/faultbook`, a file each.\n\n\
         ```text\n{}```\n",
        summary(totals)
    );
    for (family, name) in FAMILIES {
        let mut of: Vec<&Outcome> = outcomes.iter().filter(|outcome| faults[outcome.index].family == family).collect();
        of.sort_by_key(|outcome| faults[outcome.index].kind == Kind::Pair);
        if !of.is_empty() {
            text += &format!("\n## {name}\n");
            text += &of.iter().map(|outcome| section(&faults[outcome.index], outcome)).collect::<String>();
        }
    }
    text
}

const FAMILIES: [(Family, &str); 10] = [
    (Family::Ownership, "Ports, units, processes"),
    (Family::Transport, "Transport"),
    (Family::Auth, "Secrets and pairing"),
    (Family::Channels, "Channels"),
    (Family::Config, "Configuration"),
    (Family::State, "State and locks"),
    (Family::Mirrors, "Mirrors"),
    (Family::Images, "Images"),
    (Family::Node, "The machine and its engines"),
    (Family::Healthy, "Healthy, though unusual"),
];

fn section(fault: &Fault, outcome: &Outcome) -> String {
    let mut text = format!("\n### {}\n\n{} (`{}`)\n\n", fault.title, one_line(&fault.sees), fault.id);
    let Played::Asked { answer, peers, .. } = &outcome.played else {
        let why = match &outcome.played {
            Played::Skipped { why } | Played::Broken { why } => why.lines().next().unwrap_or_default(),
            Played::Asked { .. } => "",
        };
        return text + &format!("Not set up on the machine of this run: {why}.\n");
    };
    text += "| who | says | wall time |\n|---|---|---|\n";
    let judgement = outcome.judgement.as_ref();
    let verdict = match judgement.map(|judgement| judgement.hit) {
        Some(Hit::Exact) => "",
        Some(Hit::Named) => " (among others)",
        _ => " (**missed**)",
    };
    let codes = said(answer);
    let shown: Vec<&str> = codes.split(", ").collect();
    let summaries: Vec<String> = answer
        .findings
        .iter()
        .filter(|finding| shown.contains(&finding.code.as_str()))
        .map(|finding| format!("`{}`: {}", finding.code, cell(&finding.summary)))
        .collect();
    let says = if summaries.is_empty() { "nothing is wrong".to_owned() } else { summaries.join("<br>") };
    text += &format!(
        "| `portreeve {}` | {says}{verdict} | {:.1} s |\n",
        fault.command.join(" "),
        seconds(answer.elapsed_ms)
    );
    for peer in peers {
        let words: Vec<String> = peer.words(fault).iter().map(|line| cell(line)).collect();
        let says = if words.is_empty() { "nothing of it".to_owned() } else { words.join("<br>") };
        let named = match (fault.kind == Kind::Healthy, peer.names(fault), peer.status) {
            (_, _, None) => "not ended in time",
            (false, true, _) => "**names it**",
            (false, false, _) => "does not name it",
            (true, _, Some(0)) => "well",
            (true, ..) => "fails",
        };
        text += &format!("| `openclaw {}` | {named}: {says} | {:.1} s |\n", peer.tool, seconds(peer.elapsed_ms));
    }
    text
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
