//! Topology, locks, images, and what is in the archive.

use portreeve_core::evidence::Evidence;
use portreeve_core::images::ImageLine;
use portreeve_core::locks::LockReport;
use portreeve_core::{ImagesReport, LocksReport, Verdict};

use super::html::{badge, code, list, picture, quiet, sentence, table, text};
use super::{Picture, bytes};

/// Locks that are listed.
const MOST_LOCKS: usize = 40;

pub(super) fn topology(drawn: &Picture) -> String {
    match drawn {
        Picture::Drawn(svg) => picture("Who listens, who connects, and with which token", svg),
        Picture::Failed(why) => quiet(&format!("It could not be drawn: {why}")),
    }
}

pub(super) fn locks(watched: Option<&(LocksReport, Picture)>) -> String {
    let Some((report, drawn)) = watched else {
        return quiet("Locks were not watched, or no state directory was found.");
    };
    let mut out = match drawn {
        Picture::Drawn(svg) => picture("Which share of newcomers waits how long for each lock", svg),
        Picture::Failed(why) => quiet(&format!("The histogram could not be drawn: {why}")),
    };
    let rows: Vec<Vec<String>> = report.locks.iter().take(MOST_LOCKS).map(lock).collect();
    out.push_str(&table(
        "Locks, longest wait first",
        &["State", "95 of 100 wait", "Held", "Lock, and who holds it"],
        &rows,
    ));
    if report.locks.len() > MOST_LOCKS {
        out.push_str(&quiet(&format!(
            "Left out: {} more locks, which locks.json has.",
            report.locks.len() - MOST_LOCKS
        )));
    }
    let waiters: Vec<String> = report
        .waiters
        .iter()
        .map(|waiter| text(&format!("pid {} has waited {:.0} s for {}", waiter.pid, waiter.seconds, waiter.lock)))
        .collect();
    out + &list(&waiters)
}

fn lock(lock: &LockReport) -> Vec<String> {
    let state = match lock.verdict {
        _ if lock.meant_for_life => badge("", "for life"),
        Verdict::Ready => badge("good", "in time"),
        Verdict::Degraded => badge("warn", "slow"),
        Verdict::Blocked => badge("bad", "too long"),
        Verdict::Unknown => badge("warn", "not known"),
    };
    let wait = lock.wait_s.map_or_else(|| "–".to_owned(), |wait| format!("<span class=\"t\">{:.3} s</span>", wait.p95));
    let held = lock.held_fraction.map_or_else(|| "–".to_owned(), |held| format!("{:.1} %", held * 100.0));
    let holder = lock.holder.as_ref().and_then(|hold| {
        let program = hold.program.as_deref().unwrap_or("a program");
        Some(format!("{program}, pid {}, for {:.1} s", hold.pid?, hold.seconds))
    });
    let why = holder.or_else(|| lock.why.clone()).map(|why| format!("<br>{}", sentence(&why))).unwrap_or_default();
    let about = format!("{} <span class=\"quiet\">{}</span>{why}", text(&lock.purpose), code(&lock.path));
    vec![state, wait, held, about]
}

pub(super) fn images(report: &ImagesReport) -> String {
    if report.images.is_empty() {
        return quiet("No image of a gateway, command line, node host or proxy is in use here.");
    }
    let rows: Vec<Vec<String>> = report.images.iter().map(image).collect();
    let skew: Vec<String> = report.skew.iter().map(|skew| text(skew)).collect();
    table("Images in use, as registries were last asked", &["State", "Image", "Used by", "Digests that run"], &rows)
        + &list(&skew)
}

fn image(line: &ImageLine) -> Vec<String> {
    let state = if line.drift { badge("bad", "drift") } else { badge("", line.standing.name()) };
    let digests: Vec<String> =
        line.running.iter().map(|one| format!("{} {}", code(&one.digest), text(one.kind.name()))).collect();
    let pinned: Vec<String> = line
        .pinned
        .iter()
        .flat_map(|pin| {
            pin.digests.iter().map(|digest| format!("pinned by {}: {}", pin.by.name(), code(&digest.digest)))
        })
        .collect();
    let registry =
        line.registry.iter().map(|known| format!("registry: {} {}", code(&known.digest), text(known.kind.name())));
    let lines: Vec<String> = digests.into_iter().chain(pinned).chain(registry).collect();
    vec![state, code(&line.image), text(&line.used_by.join(", ")), lines.join("<br>")]
}

/// What the archive holds.
pub(super) fn list_of(evidence: &Evidence) -> String {
    let rows: Vec<Vec<String>> = evidence
        .parts
        .iter()
        .map(|part| {
            let size = part.bytes.map_or_else(
                || badge("warn", "left out"),
                |count| format!("<span class=\"t\">{}</span>", bytes(count)),
            );
            let left_out = part.left_out.as_ref().map(|why| format!("; left out: {why}")).unwrap_or_default();
            vec![code(&part.name), size, text(&format!("{}{left_out}", part.about))]
        })
        .collect();
    table("Parts of the archive, besides this page", &["Name", "Size", "What it is"], &rows)
}
