//! Locks that a helper holds.

use std::path::{Path, PathBuf};

use super::super::trial::{Objection, Trial, same, untried};
use crate::lock::{ByteRange, Conflict};
use crate::os;

pub(super) fn record(trial: &Trial<'_>) -> Result<(), Objection> {
    let (path, _) = trial.ground.scratch()?.file("record", 0o600).map_err(untried("no file could be made"))?;
    let held = trial.ground.helper(&[], trial.left())?;
    let holder = |range| holder(trial, &path, range);
    same("holder", &holder(ByteRange::SQLITE)?, &None)?;
    held.tell("record record", trial.left())?;
    same("holder", &holder(ByteRange::SQLITE)?, &Some(held.pid()))?;
    same("holder of other bytes", &holder(ByteRange::WAL_INDEX)?, &None)?;
    held.tell("release", trial.left())?;
    same("holder", &holder(ByteRange::SQLITE)?, &None)
}

pub(super) fn wal_writer(trial: &Trial<'_>) -> Result<(), Objection> {
    let index = trial.ground.scratch()?.path.join("truth.sqlite-shm");
    let held = trial.ground.helper(&[], trial.left())?;
    let holder = || holder(trial, &index, ByteRange::WAL_WRITER);
    held.tell("database truth.sqlite", trial.left())?;
    same("writer", &holder()?, &None)?;
    same("user of the index", &self::holder(trial, &index, ByteRange::WAL_INDEX)?, &Some(held.pid()))?;
    held.tell("write", trial.left())?;
    same("writer", &holder()?, &Some(held.pid()))?;
    held.tell("release", trial.left())?;
    same("writer", &holder()?, &None)
}

fn holder(trial: &Trial<'_>, path: &Path, range: ByteRange) -> Result<Option<u32>, Objection> {
    let (at, path) = (trial.at, path.to_path_buf());
    trial.fact(move |eyes| eyes.holder(&path, range, at))
}

pub(super) fn whole_file(trial: &Trial<'_>) -> Result<(), Objection> {
    if !os::TELLS_FILE_LOCKS {
        return Err(Objection::Untried(
            "this system does not tell who holds them, and nothing that is observed takes them".to_owned(),
        ));
    }
    conflicts(trial, "whole", |seen, pid| matches!(seen, Conflict::OpenFile) || seen == Conflict::Process(pid))
}

pub(super) fn open_file(trial: &Trial<'_>) -> Result<(), Objection> {
    conflicts(trial, "open-file", |seen, _| seen == Conflict::OpenFile)
}

/// A lock of a kind that need not name a process.
fn conflicts(trial: &Trial<'_>, kind: &str, is_told: fn(Conflict, u32) -> bool) -> Result<(), Objection> {
    let (path, _) = trial.ground.scratch()?.file(kind, 0o600).map_err(untried("no file could be made"))?;
    let held = trial.ground.helper(&[], trial.left())?;
    same("in the way", &conflict(trial, &path)?, &Conflict::Nobody)?;
    held.tell(&format!("{kind} {kind}"), trial.left())?;
    let seen = conflict(trial, &path)?;
    if !is_told(seen, held.pid()) {
        return Err(Objection::wrong("that it is held", format!("{seen:?}")));
    }
    held.tell("release", trial.left())?;
    same("in the way", &conflict(trial, &path)?, &Conflict::Nobody)
}

fn conflict(trial: &Trial<'_>, path: &Path) -> Result<Conflict, Objection> {
    let path: PathBuf = path.to_path_buf();
    trial
        .ask(move |eyes| eyes.conflict(&path, ByteRange::SQLITE))?
        .map_err(|error| Objection::Late { expected: "an answer".to_owned(), seen: error.to_string() })
}
