//! Tokens, units and settings as lists.

use portreeve_core::Waiver;
use portreeve_core::report::Reader;
use portreeve_core::snapshot::{KeepAlive, SourceOutcome, Unit, UnitInventory, UnitState};

use super::text::{columns, count, labelled, paragraph};
use crate::command::Setting;
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Width of the column that labels what is said of a reader.
const LABEL: usize = 9;

/// What is said where there is nothing to list; with blind spots that does not mean that nothing is there.
pub(super) fn nothing_found(is_blind: bool, width: usize) -> String {
    let text = if is_blind {
        "No gateway and no client was found, but not everything could be seen: `portreeve check` says what"
    } else {
        "No gateway and no client is configured, installed or running here"
    };
    paragraph(text, 0, width)
}

/// Every token source, reader by reader.
pub(crate) fn tokens(readers: &[Reader], is_blind: bool, width: usize) -> String {
    if readers.is_empty() {
        return nothing_found(is_blind, width);
    }
    let mut out = String::new();
    for (index, reader) in readers.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&format!("{} {}\n", styled(BOLD, &reader.kind), plain(&reader.id)));
        out.push_str(&labelled("mode", reader.mode.strip_prefix("mode ").unwrap_or(&reader.mode), 2, LABEL, width));
        if let Some(refusal) = &reader.refusal {
            out.push_str(&labelled("refuses", refusal, 2, LABEL, width));
        }
        match reader.agrees {
            Some(true) => out.push_str(&format!("  {}\n", styled(GOOD, "sends what the gateway accepts"))),
            Some(false) => {
                out.push_str(&format!("  {}\n", styled(BAD, "sends another secret than the gateway accepts")));
            }
            None => {}
        }
        let rows: Vec<Vec<String>> = reader
            .sources
            .iter()
            .filter(|source| source.outcome != SourceOutcome::Empty)
            .map(|source| {
                let (word, why) = match &source.outcome {
                    SourceOutcome::Wins { why } => (styled(GOOD, "wins"), why.as_str()),
                    SourceOutcome::Loses { why } => (styled(WARN, "loses"), why.as_str()),
                    SourceOutcome::NotRead { why } => (styled(DIM, "not read"), why.as_str()),
                    SourceOutcome::Unresolved { why } => (styled(BAD, "unresolved"), why.as_str()),
                    SourceOutcome::Empty => (styled(DIM, "empty"), ""),
                };
                let print = source.fingerprint.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
                vec![word, plain(&source.kind), print, plain(&format!("{}; {why}", source.location))]
            })
            .collect();
        if rows.is_empty() {
            let seen = if reader.blind.is_empty() { "" } else { " that could be read" };
            out.push_str(&format!("  no source{seen} holds a secret\n"));
        } else {
            out.push_str(&columns(&rows, 2, width));
        }
        for blind in &reader.blind {
            out.push_str(&labelled("unseen", blind, 2, LABEL, width));
        }
    }
    out
}

/// The inventory of service definitions.
pub(crate) fn units(inventory: &UnitInventory, width: usize) -> String {
    let mut out = String::new();
    let read: u64 = inventory.places.values().filter_map(|fact| fact.get()).sum();
    if inventory.units.is_empty() && read == 0 {
        out.push_str("No service definition found\n");
    } else if inventory.units.is_empty() {
        out.push_str("No service definition runs a gateway or claims its port\n");
    } else {
        let mut rows = vec![["UNIT", "ROLE", "STATE", "PORT", "RESTART"].map(|head| styled(BOLD, head)).to_vec()];
        rows.extend(inventory.units.iter().map(unit));
        let table = columns(&rows, 0, usize::MAX);
        let mut lines = table.lines();
        out.push_str(&format!("{}\n", lines.next().unwrap_or_default()));
        for (unit, line) in inventory.units.iter().zip(lines) {
            // The file has a line of its own: beside the rest it fits no terminal.
            let file = unit.path.as_deref().map_or_else(|| "no file".to_owned(), plain);
            out.push_str(&format!("{line}\n  {}\n", styled(DIM, &file)));
            for oddity in &unit.oddities {
                out.push_str(&labelled("odd:", oddity, 2, 5, width));
            }
        }
    }
    if !inventory.problems.is_empty() {
        out.push_str(&format!("\n{}\n", styled(BOLD, "Not readable")));
    }
    for problem in &inventory.problems {
        // Most reasons begin with the path already.
        let named = problem.why.contains(&problem.path);
        let text = if named { problem.why.clone() } else { format!("{}: {}", problem.path, problem.why) };
        out.push_str(&paragraph(&text, 2, width));
    }
    let places = count(inventory.places.len(), "folder", "folders");
    let shown = count(inventory.units.len(), "unit", "units");
    let read = count(usize::try_from(read).unwrap_or(usize::MAX), "definition", "definitions");
    let mut total = format!("{shown} shown of {read} in {places}");
    if inventory.passed_over > 0 {
        let others = count(usize::try_from(inventory.passed_over).unwrap_or(usize::MAX), "other file", "other files");
        total.push_str(&format!("; {others} passed over"));
    }
    out.push_str(&format!("\n{}\n", styled(DIM, &total)));
    for (place, fact) in inventory.places.iter().chain(&inventory.domains) {
        if let Some(why) = fact.blind() {
            out.push_str(&labelled("not seen:", &format!("{place}: {why}"), 0, 10, width));
        }
    }
    out
}

fn unit(unit: &Unit) -> Vec<String> {
    let role = serde_json::to_value(unit.role).ok();
    let role = role.and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default();
    let state = match (unit.runtime.get(), unit.disabled.get()) {
        (Some(runtime), _) => match (runtime.state, runtime.pid) {
            (_, Some(pid)) => styled(GOOD, &format!("pid {pid}")),
            (UnitState::SpawnScheduled, None) => styled(WARN, "start due"),
            (_, None) => {
                runtime.last_exit_code.map_or_else(|| "no process".to_owned(), |code| format!("exited {code}"))
            }
        },
        (None, Some(true)) => styled(BAD, "disabled"),
        (None, _) if unit.runtime.is_absent() => styled(WARN, "not loaded"),
        (None, _) => styled(DIM, "not known"),
    };
    let restart = match &unit.keep_alive {
        KeepAlive::Never => "never".to_owned(),
        KeepAlive::Always => "always".to_owned(),
        KeepAlive::When { successful_exit: Some(false), .. } => "on failure".to_owned(),
        KeepAlive::When { .. } => "on conditions".to_owned(),
    };
    let port = unit.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    vec![plain(&unit.id), role, state, port, restart]
}

/// Every setting with its origin.
pub(crate) fn settings(settings: &[Setting], waivers: &[Waiver], width: usize) -> String {
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|setting| {
            vec![
                setting.name.to_owned(),
                plain(&setting.value.to_string()),
                styled(DIM, &plain(&setting.origin.to_string())),
            ]
        })
        .collect();
    let mut out = columns(&rows, 0, usize::MAX);
    for waiver in waivers {
        let subject = waiver.subject.as_deref().unwrap_or("every subject");
        let text = format!("{} on {subject} until {}: {}", waiver.code, waiver.until, waiver.reason);
        out.push_str(&labelled("waiver", &text, 0, 8, width));
    }
    out
}
