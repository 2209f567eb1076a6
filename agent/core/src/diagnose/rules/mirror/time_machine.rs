//! `mirror.time-machine`, `mirror.backup-slow`

use super::super::command::quote;
use super::Holder;
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::locks::LockReport;
use crate::snapshot::{Backup, BackupOf, DestinationKind, TimeMachine};
use crate::{Fact, Verdict};

/// Milliseconds from which an answer of a volume or of `mount` is slow. Releases of `OpenClaw` take a volume for a share from 1 s.
const SLOW_MS: f64 = 500.0;

/// `mirror.time-machine`: a state directory is backed up while it is written.
pub(super) fn time_machine(context: Context<'_>, out: &mut Vec<Draft>) {
    let Some(machine) = context.snapshot.time_machine.get() else { return };
    let Some(destinations) = machine.destinations.get().filter(|list| !list.is_empty()) else { return };
    for (dir, backup) in backed_up(context, machine) {
        let slow = machine.running.get().is_some() && slowness(context, machine, &dir, backup).is_some();
        // What is restored from a copy of a copy makes a third one of the same identity.
        let doubled = dir.dir.is_some_and(|dir| super::ghost::is_doubled(context, dir));
        let places = match destinations.len() {
            1 => "1 destination is configured".to_owned(),
            more => format!("{more} destinations are configured"),
        };
        let is_network = destinations.contains(&DestinationKind::Network);
        let network = if is_network { ", on the network" } else { "" };
        let mut draft = dir
            .about(context, Code::MirrorTimeMachine, format!("Time Machine backs up `{}`", dir.path))
            .severity(if slow || doubled { Severity::Error } else { Severity::Warning })
            .seen("neither it nor a folder above it is excluded", &backup.excluded)
            .seen(format!("{places}{network}"), &machine.destinations);
        if machine.auto_backup == Some(false) {
            draft = draft.seen("backups are made by hand only", &machine.destinations);
        }
        let path = quote(dir.path);
        out.push(
            draft
                .remedy("make another backup first: a copy with the gateway stopped, or SQLite's own backup of each database; without one, an excluded directory is gone with its disk")
                .command("exclude it, by an attribute that stays with it when it is moved", format!("tmutil addexclusion {path}"))
                .command("or exclude its path, which also holds for a directory that is made anew there", format!("sudo tmutil addexclusion -p {path}")),
        );
    }
}

/// `mirror.backup-slow`: a backup that runs now slows what a gateway needs.
pub(super) fn backup_slow(context: Context<'_>, out: &mut Vec<Draft>) {
    let Some(machine) = context.snapshot.time_machine.get() else { return };
    let Some(running) = machine.running.get() else { return };
    for dir in super::holders(context.snapshot) {
        let Some(of) = machine.dirs.iter().find(|one| one.state_dir == dir.path) else { continue };
        let Some((what, draft_with)) = slowness(context, machine, &dir, of) else { continue };
        let draft = dir
            .about(context, Code::MirrorBackupSlow, format!("a Time Machine backup{} runs, and {what}", to(running)))
            .seen(progress(running), &machine.running);
        let draft = draft_with.into_iter().fold(draft, |draft, (words, source, at)| draft.evidence(words, source, at));
        let path = quote(dir.path);
        out.push(
            draft
                .command("stop this backup, then start the gateway", "tmutil stopbackup")
                .command("keep the state directory out of it, once there is another backup", format!("tmutil addexclusion {path}"))
                .remedy("let backups run outside of working hours, and upgrade OpenClaw: releases 2026.7 to 2026.9.5 take a volume for a share while `mount` is slow"),
        );
    }
}

/// State directories in use that no exclusion covers.
fn backed_up<'a>(context: Context<'a>, machine: &'a TimeMachine) -> impl Iterator<Item = (Holder<'a>, &'a BackupOf)> {
    super::holders(context.snapshot).into_iter().filter_map(|dir| {
        let backup = machine.dirs.iter().find(|one| one.state_dir == dir.path)?;
        backup.excluded.is_absent().then_some((dir, backup))
    })
}

type Piece = (String, String, jiff::Timestamp);

/// What is slow while the backup runs, with the evidence.
fn slowness(
    context: Context<'_>,
    machine: &TimeMachine,
    dir: &Holder<'_>,
    of: &BackupOf,
) -> Option<(String, Vec<Piece>)> {
    let mut words: Vec<String> = Vec::new();
    let mut evidence: Vec<Piece> = Vec::new();
    let mut note = |subject: String, fact: &Fact<f64>| {
        let said = match (fact.get(), fact.blind()) {
            (Some(ms), _) if *ms >= SLOW_MS => format!("{subject} took {ms:.0} ms"),
            (None, Some(why)) if why.starts_with("no answer within") => format!("{subject} gave {why}"),
            _ => return,
        };
        evidence.push((said.clone(), fact.source.clone(), fact.at));
        words.push(said);
    };
    note("`mount`".to_owned(), &machine.mount_ms);
    note(format!("the volume of `{}`", dir.path), &of.answer_ms);
    for watched in context.snapshot.lock_waits.iter().filter(|watched| watched.state_dir == dir.path) {
        for lock in &watched.locks {
            let lock = LockReport::of(watched, lock, context.policy.lock_wait);
            let Some(wait) = lock.wait_s.filter(|_| lock.verdict == Verdict::Blocked) else { continue };
            let said =
                format!("5 of 100 newcomers wait longer than {:.1} s for the lock of {}", wait.p95, lock.purpose);
            evidence.push((said.clone(), lock.path, watched.at));
            words.push(said);
        }
    }
    (!words.is_empty()).then(|| (words.join(", "), evidence))
}

fn to(running: &Backup) -> &'static str {
    match running.destination {
        DestinationKind::Local => " to a local disk",
        DestinationKind::Network => " to a share",
        DestinationKind::Unknown => "",
    }
}

fn progress(running: &Backup) -> String {
    let phase = running.phase.as_deref().unwrap_or("it runs");
    let since = running.since.map(|since| format!(" since {since}")).unwrap_or_default();
    let done = running.fraction.map(|done| format!(", {:.0} % done", done * 100.0)).unwrap_or_default();
    format!("backup phase: {phase}{since}{done}")
}
