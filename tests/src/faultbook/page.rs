//! The page of the documentation.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use portreeve_core::catalogue::Code;

use super::book::Outcome;
use super::fault::{Base, Family, Fault, Kind};
use super::peers::{PATIENCE, Peer, Usual};
use super::play::{OF_LOAD, Played, TIMES, is_lint};
use super::score::{Answer, Hit};
use super::show::{said, seconds};
use super::totals::{Counts, TOGETHER, Totals};
use crate::IMAGE;

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

/// The page: the score, how it was come by, and each fault.
pub fn page(faults: &[Fault], outcomes: &[Outcome], totals: &Totals) -> String {
    let mut text = head(outcomes) + &score(totals) + &misses(faults, outcomes);
    let usual = Usual::of(faults, outcomes);
    for (family, name) in FAMILIES {
        let mut of: Vec<&Outcome> = outcomes.iter().filter(|outcome| faults[outcome.index].family == family).collect();
        of.sort_by_key(|outcome| faults[outcome.index].kind == Kind::Pair);
        if !of.is_empty() {
            let _ = write!(text, "\n## {name}\n");
            text += &of.iter().map(|outcome| section(&faults[outcome.index], outcome, &usual)).collect::<String>();
        }
    }
    text
}

fn head(outcomes: &[Outcome]) -> String {
    let days: BTreeSet<String> =
        outcomes.iter().map(|outcome| outcome.at.to_zoned(TimeZone::UTC).date().to_string()).collect();
    let when = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("between {first} and {last}"),
        (Some(day), _) => format!("on {day}"),
        _ => String::new(),
    };
    let of_load: Vec<String> = OF_LOAD.iter().map(|code| format!("`{code}`")).collect();
    format!(
        "# The faultbook\n\n\
         Faults as people meet them. Each was set up for real, with OpenClaw {}, real proxies, containers and file systems, and then asked about:\n\
         first `portreeve`, and after it OpenClaw's own tools, on the same set-up in the same run. What stands here was recorded {when} by\n\
         one development build on a machine with two cores; wall times depend on the machine.\n\n\
         This page is generated: `scripts/faultbook --page` sets everything up again. Each fault is a file of `tests/faultbook`; a test sees to it\n\
         that page and files agree.\n\n\
         ## How it is judged\n\n\
         - *Exact*: the root causes are the expected ones and no others, with the expected exit status; where nothing blocks, the warnings are. Of a\n\
         \x20 healthy set-up it is that nothing is found.\n\
         - *Among others*: what is expected was found, and something else called a root cause beside it, or the exit status is another.\n\
         - *Missed*: what is expected was not found. A *false alarm* is a finding on a healthy set-up, or one that a fault's file rules out.\n\
         - A tool of OpenClaw *names the cause* where anything that it prints says what is wrong, in whatever words; of a pair either fault will do.\n\
         \x20 Lines that it prints of a healthy set-up too are usual, and name nothing.\n\
         \x20 It *fails on a healthy set-up* where its exit status is not 0. It is given {} s. These tools have another task than to find root causes:\n\
         \x20 see [the comparison](comparison.md).\n\
         - This book and Portreeve come from the same hands, and what Portreeve missed in it was mended. `scripts/faultbook --dir` takes a folder of\n\
         \x20 yours.\n\
         - Recorded facts of a Mac are judged by the same rules, where no Linux machine can stage them. OpenClaw's tools cannot be asked about them,\n\
         \x20 nor about what `lint` reads before anybody has deployed it; neither counts for or against them.\n\
         - Several set-ups share the two cores, and a gateway that gets no processor is slow. Where Portreeve said\n\
         \x20 {}\n\
         \x20 of a set-up whose fault is another, it was asked again, {} times at most, and that stands beside its answer. What it said last counts.\n",
        IMAGE.rsplit(':').next().unwrap_or_default(),
        PATIENCE.as_secs(),
        of_load.join(", "),
        TIMES - 1,
    )
}

fn score(totals: &Totals) -> String {
    let row = |name: &str, counts: &Counts| {
        format!(
            "| {name} | {} | {} | {} | {} | {} |\n",
            counts.faults, counts.exact, counts.named, counts.missed, counts.false_alarms
        )
    };
    let of = |kind: &str| totals.kinds.get(kind).cloned().unwrap_or_default();
    let mut text = "\n## Score\n\n| Portreeve | asked | exact | among others | missed | false alarms |\n|---|---|---|---|---|---|\n".to_owned();
    text += &row("single faults", &of("fault"));
    text += &row("two faults at once", &of("pair"));
    text += &row("healthy set-ups", &of("healthy"));
    if totals.all.skipped + totals.all.broken > 0 {
        let _ = write!(
            text,
            "\nNot asked: {} that the machine of this run could not stage, {} whose set-up failed.",
            totals.all.skipped, totals.all.broken
        );
    }
    text += "\n| who | names the cause | fails on a healthy set-up | not ended in time | median wall time |\n|---|---|---|---|---|\n";
    let faults = of("fault").faults + of("pair").faults;
    let _ = writeln!(
        text,
        "| `portreeve` | {} of {faults} | {} of {} | 0 | {:.1} s |",
        faults - of("fault").missed - of("pair").missed,
        of("healthy").false_alarms,
        of("healthy").faults,
        seconds(totals.median_ms),
    );
    for (tool, counts) in &totals.peers {
        let tool = if tool == TOGETHER { "the three together".to_owned() } else { format!("`openclaw {tool}`") };
        let named = counts.named + counts.missed;
        let healthy = counts.faults - named;
        let _ = writeln!(
            text,
            "| {tool} | {} of {named} | {} of {healthy} | {} | {:.1} s |",
            counts.named,
            counts.false_alarms,
            counts.timeouts,
            seconds(counts.median_ms),
        );
    }
    text
}

/// What was not exact, all of it, and why.
fn misses(faults: &[Fault], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let Some(judgement) = outcome.judgement.as_ref().filter(|one| one.hit != Hit::Exact || one.false_alarm) else {
            continue;
        };
        let fault = &faults[outcome.index];
        let _ = writeln!(text, "- `{}`: {}", fault.id, judgement.why.join("; "));
    }
    if text.is_empty() { text } else { format!("\n## Not exact\n\n{text}") }
}

/// What stands of a fault before what was said of it.
pub(super) fn heading(fault: &Fault) -> String {
    let expect = &fault.expect;
    let link = |code: &str| format!("[`{code}`](findings.md#{})", code.replace('.', ""));
    let codes: Vec<String> = expect.causes.iter().chain(&expect.warns).map(|code| link(code.as_str())).collect();
    let wanted = match codes.as_slice() {
        [] => "nothing to find".to_owned(),
        codes => format!("to find: {}", codes.join(", ")),
    };
    let (title, sees) = (&fault.title, one_line(&fault.sees));
    format!("\n### {title}\n\n{sees}\n\n`{}`, {wanted}, exit status {}\n\n", fault.id, expect.status)
}

fn section(fault: &Fault, outcome: &Outcome, usual: &Usual) -> String {
    let mut text = heading(fault);
    let Played::Asked { answer, peers, of_load, .. } = &outcome.played else {
        let why = match &outcome.played {
            Played::Skipped { why } | Played::Broken { why } => why.lines().next().unwrap_or_default(),
            Played::Asked { .. } => "",
        };
        return text + &format!("Not set up on the machine of this run: {why}.\n");
    };
    text += "| who | says | wall time |\n|---|---|---|\n";
    text += &own_row(fault, outcome, answer, of_load);
    text += &peers.iter().map(|peer| peer_row(fault, peer, usual)).collect::<String>();
    if fault.base == Base::Snapshot {
        text += "\nFrom recorded facts of a Mac.\n";
    } else if is_lint(fault) {
        text += "\nFrom files that nobody has deployed yet.\n";
    }
    text
}

fn own_row(fault: &Fault, outcome: &Outcome, answer: &Answer, of_load: &[Code]) -> String {
    let codes = said(answer);
    let shown: Vec<&str> = codes.split(", ").collect();
    let named = |code: &str| fault.expect.warns.iter().any(|warned| warned.as_str() == code);
    let findings = answer.findings.iter();
    let findings = findings.filter(|finding| shown.contains(&finding.code.as_str()) || named(&finding.code));
    let summaries: Vec<String> =
        findings.map(|finding| format!("`{}`: {}", finding.code, cell(&finding.summary))).collect();
    let mut says = if summaries.is_empty() { "nothing is wrong".to_owned() } else { summaries.join("<br>") };
    if !of_load.is_empty() {
        let codes: BTreeSet<String> = of_load.iter().map(|code| format!("`{code}`")).collect();
        let codes: Vec<String> = codes.into_iter().collect();
        let _ = write!(says, "<br>(before, while the machine was busy: {})", codes.join(", "));
    }
    let verdict = match outcome.judgement.as_ref().map(|judgement| judgement.hit) {
        Some(Hit::Exact) => "exact",
        Some(Hit::Named) => "among others",
        Some(Hit::Missed) | None => "missed",
    };
    let time = seconds(answer.elapsed_ms);
    format!("| `portreeve {}` | **{verdict}**: {says} | {time:.1} s |\n", fault.command.join(" "))
}

fn peer_row(fault: &Fault, peer: &Peer, usual: &Usual) -> String {
    let nothing = Usual::default();
    let is_healthy = fault.kind == Kind::Healthy;
    let usual = if is_healthy { &nothing } else { usual };
    let words: Vec<String> = peer.words(fault, usual).iter().map(|line| printed(line)).collect();
    let says = if words.is_empty() { "nothing of trouble but what is usual".to_owned() } else { words.join("<br>") };
    let named = match (is_healthy, peer.names(fault, usual), peer.status) {
        (_, _, None) => "did not end in time".to_owned(),
        (false, true, _) => "**names it**".to_owned(),
        (false, false, _) => "does not name it".to_owned(),
        (true, _, Some(0)) => "exit status 0".to_owned(),
        (true, _, Some(status)) => format!("**exit status {status}**"),
    };
    format!("| `openclaw {}` | {named}: {says} | {:.1} s |\n", peer.tool, seconds(peer.elapsed_ms))
}

/// Text in a cell of a table. What stands between backticks is shown as it is.
fn cell(text: &str) -> String {
    let parts: Vec<String> = one_line(text)
        .replace('|', "\\|")
        .split('`')
        .enumerate()
        .map(
            |(index, part)| {
                if index % 2 == 1 { part.to_owned() } else { part.replace('<', "&lt;").replace('>', "&gt;") }
            },
        )
        .collect();
    parts.join("`")
}

/// What a program printed, in a cell of a table.
fn printed(line: &str) -> String {
    format!("`{}`", one_line(line).replace('`', "'").replace('|', "\\|"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_summary_quotes_stays_as_it_is_and_nothing_breaks_the_table() {
        assert_eq!(cell("`<state>` | <b> is\n open"), "`<state>` \\| &lt;b&gt; is open");
        assert_eq!(printed("run  `openclaw` <x> | y"), "`run 'openclaw' <x> \\| y`");
    }
}
