//! How long locks are waited for, as a summary with a histogram for each lock that was held.

use portreeve_core::Verdict;
use portreeve_core::locks::{LockReport, LocksReport, WatchedDir};
use portreeve_core::snapshot::{Hold, LockKind};

use super::text::{columns, count, labelled, paragraph};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Width of the column of labels.
const LABEL: usize = 10;
/// Width of the longest bar.
const BAR: usize = 40;

/// Each lock, longest wait first, and who holds it.
pub(crate) fn locks(report: &LocksReport, width: usize) -> String {
    let (style, word) = match report.verdict {
        Verdict::Ready => (GOOD, "READY"),
        Verdict::Degraded => (WARN, "DEGRADED"),
        Verdict::Blocked => (BAD, "BLOCKED"),
        Verdict::Unknown => (WARN, "UNKNOWN"),
    };
    let watched = report.state_dirs.iter().map(|dir| dir.watched_s).fold(0.0, f64::max);
    let worst = report.locks.iter().filter_map(|lock| lock.wait_s).map(|wait| wait.p95).reduce(f64::max);
    let all = match worst {
        Some(p95) => format!("95 of 100 newcomers get each lock within {}, over {watched:.1} s", seconds(p95)),
        None => format!("no wait was seen, over {watched:.1} s"),
    };
    let mut out = format!("{}  {all}\n", styled(style, word));
    if let Some(why) = &report.why {
        out.push_str(&paragraph(why, 2, width));
    }
    for waiter in &report.waiters {
        let by = waiter.holder.map_or_else(String::new, |pid| format!(" held by pid {pid}"));
        let text = format!(
            "pid {} has waited {} for {}{by}: {}",
            waiter.pid,
            seconds(waiter.seconds),
            waiter.lock,
            waiter.source
        );
        out.push_str(&labelled("waits", &text, 2, LABEL, width));
    }
    for dir in &report.state_dirs {
        out.push_str(&state_dir(report, dir, width));
    }
    out
}

/// One line for each lock that was held, for what reads lines.
pub(crate) fn locks_line(report: &LocksReport) -> String {
    let mut out = String::new();
    for lock in report.locks.iter().filter(|lock| !lock.meant_for_life && lock.holds > 0) {
        let Some(wait) = lock.wait_s else { continue };
        let holder = lock.holder.as_ref().map_or_else(|| "free".to_owned(), |hold| format!("held {}", hold_text(hold)));
        out.push_str(&format!(
            "{} {}: p50 {} p95 {} p99 {} max {}, {}, {holder}\n",
            lock.purpose,
            plain(&lock.path),
            seconds(wait.p50),
            seconds(wait.p95),
            seconds(wait.p99),
            seconds(wait.max),
            share(lock),
        ));
    }
    if out.is_empty() { "no lock was held\n".to_owned() } else { out }
}

fn state_dir(report: &LocksReport, dir: &WatchedDir, width: usize) -> String {
    let mut out = format!("\n{} {}\n", styled(BOLD, "State"), plain(&dir.path));
    let cost = dir.cpu_percent.map_or_else(String::new, |percent| format!(", which cost {percent:.2} % of a core"));
    out.push_str(&labelled("watched", &format!("{:.1} s{cost}", dir.watched_s), 2, LABEL, width));
    let volume = match (dir.file_system.get(), dir.file_system.blind()) {
        (Some(latency), _) => {
            format!("a lock of our own takes {:.1} µs, {:.1} µs at p95", latency.median_us, latency.p95_us)
        }
        (None, why) => format!("a lock of our own was not tried: {}", why.unwrap_or("there is no volume")),
    };
    out.push_str(&labelled("volume", &volume, 2, LABEL, width));
    let mine = || report.locks.iter().filter(|lock| lock.state_dir == dir.path);
    for lock in mine().filter(|lock| !lock.meant_for_life && lock.holds > 0) {
        out.push_str(&held(lock, width));
    }
    let for_life: Vec<Vec<String>> = mine()
        .filter(|lock| lock.meant_for_life)
        .filter_map(|lock| Some(vec![lock.purpose.clone(), hold_text(lock.holder.as_ref()?)]))
        .collect();
    if !for_life.is_empty() {
        out.push_str(&format!("\n  {}\n", styled(BOLD, "Held for life, as meant")));
        out.push_str(&columns(&for_life, 4, width));
    }
    let free: Vec<&str> =
        mine().filter(|lock| lock.holds == 0 && lock.samples > 0).map(|lock| lock.purpose.as_str()).collect();
    if !free.is_empty() {
        out.push_str(&format!("\n  {}\n", styled(BOLD, "Never seen held")));
        out.push_str(&paragraph(&listed(&free), 4, width));
    }
    for lock in mine().filter(|lock| lock.samples == 0) {
        let why = lock.why.as_deref().unwrap_or("it was not looked at");
        out.push_str(&labelled("?", &format!("{}: {why}", lock.path), 2, LABEL, width));
    }
    out
}

fn held(lock: &LockReport, width: usize) -> String {
    let kind = match lock.kind {
        LockKind::SqliteLockFile => "lock file of SQLite",
        LockKind::WalWriter => "writer of a database",
        LockKind::RollbackDatabase => "database with a rollback journal",
        LockKind::ExclusiveFile => "lock file",
    };
    let mut out = format!("\n  {} {} {}\n", styled(BOLD, &lock.purpose), plain(&lock.path), styled(DIM, kind));
    if let Some(wait) = lock.wait_s {
        let style = match lock.verdict {
            Verdict::Blocked => BAD,
            Verdict::Degraded => WARN,
            Verdict::Ready | Verdict::Unknown => BOLD,
        };
        let cell = |label: &str, value: f64| format!("{} {}", styled(DIM, label), seconds(value));
        let p95 = format!("{} {}", styled(DIM, "p95"), styled(style, &seconds(wait.p95)));
        out.push_str(&format!(
            "    {:<LABEL$}{}  {p95}  {}  {}\n",
            "wait",
            cell("p50", wait.p50),
            cell("p99", wait.p99),
            cell("max", wait.max)
        ));
    }
    let seen = format!("{}, {}, {}", share(lock), count_of(lock.holds, "hold"), count_of(lock.samples, "look"));
    out.push_str(&labelled("held", &seen, 4, LABEL, width));
    if let Some(hold) = lock.longest_hold.as_ref().filter(|hold| !hold.running) {
        out.push_str(&labelled("longest", &hold_text(hold), 4, LABEL, width));
    }
    if let Some(hold) = &lock.holder {
        out.push_str(&labelled("now", &format!("held {}", hold_text(hold)), 4, LABEL, width));
    }
    out.push_str(&histogram(lock));
    out
}

/// A bar for each range of waits, by the share of newcomers that meet it.
fn histogram(lock: &LockReport) -> String {
    let longest = lock.histogram.iter().map(|bar| bar.share).fold(0.0, f64::max);
    let mut out = String::new();
    let mut from = 0.0;
    for bar in &lock.histogram {
        let label = match bar.up_to_s {
            end if end <= 0.0 => "none".to_owned(),
            end if end > 3_600.0 => format!("> {}", seconds(from)),
            end => format!("≤ {}", seconds(end)),
        };
        from = bar.up_to_s;
        out.push_str(&format!("    {label:>10}  {} {:.1} %\n", stroke(bar.share, longest), bar.share * 100.0));
    }
    out
}

/// At least a point for what is not nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "at most BAR")]
fn stroke(share: f64, longest: f64) -> String {
    if share <= 0.0 {
        return "·".to_owned();
    }
    let length = (share / longest.max(f64::MIN_POSITIVE) * BAR as f64).round() as usize;
    "█".repeat(length.clamp(1, BAR))
}

fn hold_text(hold: &Hold) -> String {
    let at_least = if hold.at_least { "at least " } else { "" };
    let who = match (&hold.program, hold.pid) {
        (Some(program), Some(pid)) => format!("{} (pid {pid})", plain(program)),
        (None, Some(pid)) => format!("pid {pid}"),
        (_, None) => "a process that is not named".to_owned(),
    };
    let so_far = if hold.running { " so far" } else { "" };
    let since = if hold.at_least { "since before the watch".to_owned() } else { format!("since {:.0}", hold.since) };
    format!("by {who} for {at_least}{}{so_far}, {since}", seconds(hold.seconds))
}

fn share(lock: &LockReport) -> String {
    lock.held_fraction.map_or_else(String::new, |fraction| format!("{:.1} % of the time", fraction * 100.0))
}

fn count_of(number: u64, one: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), one, &format!("{one}s"))
}

/// Each once, with how often.
fn listed(names: &[&str]) -> String {
    let mut out: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match out.iter_mut().find(|(known, _)| known == name) {
            Some((_, times)) => *times += 1,
            None => out.push((name, 1)),
        }
    }
    let name = |(name, times): (&str, usize)| if times == 1 { name.to_owned() } else { format!("{name} ({times})") };
    out.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A time for a reader, from microseconds to hours.
fn seconds(value: f64) -> String {
    match value {
        value if value <= 0.0 => "0 s".to_owned(),
        value if value < 0.000_95 => format!("{:.0} µs", value * 1e6),
        value if value < 0.009_95 => format!("{:.1} ms", value * 1e3),
        value if value < 0.995 => format!("{:.0} ms", value * 1e3),
        value if value < 99.5 => format!("{value:.1} s"),
        value if value < 7_200.0 => format!("{:.0} min", value / 60.0),
        value => format!("{:.1} h", value / 3_600.0),
    }
}
