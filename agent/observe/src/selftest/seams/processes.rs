//! Processes: a helper of which all is known.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use super::super::helper::Held;
use super::super::trial::{Objection, Trial, same, untried};
use crate::process::ProcessEntry;

/// Words that are easily lost: an empty one, one with blanks, one that is not ASCII.
const WORDS: [&str; 4] = ["two words", "", "a=b", "größer"];
/// How far the start of a process may be from the truth, which is counted in clock ticks from a boot that is known to the second.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(3);

fn entry(trial: &Trial<'_>, held: &Held) -> Result<ProcessEntry, Objection> {
    let (at, pid) = (trial.at, held.pid());
    let table = trial.known("the table of processes", move |eyes| eyes.table(at))?;
    table.get(pid).cloned().ok_or_else(|| Objection::wrong(format!("pid {pid}"), "no such process"))
}

pub(super) fn processes(trial: &Trial<'_>) -> Result<(), Objection> {
    let before = Timestamp::now();
    let held = trial.ground.helper(&WORDS, trial.left())?;
    let after = Timestamp::now();
    let seen = entry(trial, &held)?;
    same("arguments", &seen.argv, &held.argv)?;
    same("parent", &seen.ppid, &std::process::id())?;
    same("user", &seen.uid, &Some(geteuid().as_raw()))?;
    same("stopped, ended", &(seen.stopped, seen.zombie), &(false, false))?;
    let id = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
    let program = &trial.ground.helper.program;
    let truth = id(program).map_err(untried("the helper's program is gone"))?;
    if !seen.exe.as_deref().is_some_and(|exe| id(exe).is_ok_and(|seen| seen == truth)) {
        return Err(Objection::wrong(format!("program `{}`", program.display()), format!("{:?}", seen.exe)));
    }
    let started = seen.started_at.filter(|started| *started >= before - TOLERANCE && *started <= after + TOLERANCE);
    if started.is_none() || seen.start_raw.is_none() {
        let seen = seen.started_at.map_or_else(|| "none".to_owned(), |at| at.to_string());
        return Err(Objection::wrong(format!("a start about {before}"), seen));
    }
    let again = entry(trial, &held)?;
    same("start", &again.start_raw, &seen.start_raw)?;
    let pid = held.pid();
    drop(held);
    let at = trial.at;
    let table = trial.known("the table of processes", move |eyes| eyes.table(at))?;
    match table.alive(pid).filter(|entry| entry.start_raw == seen.start_raw) {
        None => Ok(()),
        Some(_) => Err(Objection::wrong("no process after its end", format!("pid {pid}"))),
    }
}

pub(super) fn environment(trial: &Trial<'_>) -> Result<(), Objection> {
    let held = trial.ground.helper(&[], trial.left())?;
    let (at, seen) = (trial.at, entry(trial, &held)?);
    let (name, value) = held.variable.clone();
    let wanted = BTreeSet::from([name.clone(), "PORTREEVE_SELFTEST_NOT_SET".to_owned()]);
    let environment = trial.known("an environment", move |eyes| eyes.environment(&seen, &wanted, at))?;
    let names: Vec<String> = environment.names().map(str::to_owned).collect();
    same("variables", &names, &vec![name.clone()])?;
    same("value", &environment.text(&name), &Some(value.as_str()))
}

pub(super) fn open_files(trial: &Trial<'_>) -> Result<(), Objection> {
    let (at, scratch) = (trial.at, trial.ground.scratch()?);
    let (path, _) = scratch.file("open", 0o600).map_err(untried("no file could be made"))?;
    let held = trial.ground.helper(&[], trial.left())?;
    let seen = entry(trial, &held)?;
    let open = || {
        let (seen, below) = (seen.clone(), scratch.path.clone());
        let paths = trial.known("open files", move |eyes| eyes.open_paths(&seen, &below, at))?;
        let mine = paths.into_iter().find(|one| Path::new(&one.path) == path);
        Ok(mine.map(|one| (one.pid, one.writable)))
    };
    same("process and right to write", &open()?, &None)?;
    held.tell("open open", trial.left())?;
    same("process and right to write", &open()?, &Some((held.pid(), true)))?;
    held.tell("release", trial.left())?;
    same("process and right to write", &open()?, &None)
}

pub(super) fn stopped(trial: &Trial<'_>) -> Result<(), Objection> {
    let held = trial.ground.helper(&[], trial.left())?;
    same("stopped", &entry(trial, &held)?.stopped, &false)?;
    held.signal(Signal::SIGSTOP);
    trial.until(|| same("stopped", &entry(trial, &held)?.stopped, &true))?;
    held.signal(Signal::SIGCONT);
    trial.until(|| same("stopped", &entry(trial, &held)?.stopped, &false))
}
