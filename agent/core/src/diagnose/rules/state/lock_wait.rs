//! `state.lock-wait`

use super::about;
use crate::Verdict;
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::locks::{LockReport, Waiter, waiters};
use crate::snapshot::{Hold, LockWait, StateDir};

/// `state.lock-wait`: newcomers wait too long for a lock, or a gateway waits now.
pub(super) fn lock_wait(context: Context<'_>, out: &mut Vec<Draft>) {
    let thresholds = context.policy.lock_wait;
    for watched in &context.snapshot.lock_waits {
        let Some(dir) = context.snapshot.state_dir(&watched.state_dir) else { continue };
        let reports = watched.locks.iter().map(|lock| LockReport::of(watched, lock, thresholds));
        let worst = reports
            .filter(|lock| matches!(lock.verdict, Verdict::Blocked | Verdict::Degraded))
            .max_by(|left, right| p95(left).total_cmp(&p95(right)));
        let waiter = waiters(context.snapshot, dir).into_iter().find(|waiter| waiter.seconds > thresholds.error_s);
        match (worst, waiter) {
            (Some(lock), waiter) => out.push(long(context, dir, watched, &lock, waiter.as_ref())),
            (None, Some(waiter)) => out.push(waits(context, dir, &waiter)),
            (None, None) => {}
        }
    }
}

fn p95(lock: &LockReport) -> f64 {
    lock.wait_s.map_or(0.0, |wait| wait.p95)
}

fn long(context: Context<'_>, dir: &StateDir, watched: &LockWait, lock: &LockReport, waiter: Option<&Waiter>) -> Draft {
    let severity = if lock.verdict == Verdict::Blocked { Severity::Error } else { Severity::Warning };
    let summary = format!(
        "5 of 100 newcomers wait longer than {:.1} s for the lock of {} in `{}`",
        p95(lock),
        lock.purpose,
        dir.path
    );
    let mut draft = about(context, Code::StateLockWait, dir, summary).severity(severity);
    let seen = |draft: Draft, words: String| draft.evidence(words, "F_GETLK", watched.at);
    if let Some(wait) = lock.wait_s {
        let words = format!(
            "`{}`: p50 {:.2} s, p95 {:.2} s, p99 {:.2} s, longest {:.2} s, from {} looks over {:.1} s",
            lock.path, wait.p50, wait.p95, wait.p99, wait.max, lock.samples, watched.watched_s
        );
        draft = seen(draft, words);
    }
    if let Some(held) = lock.held_fraction {
        draft = seen(draft, format!("it was held {:.0} % of the time, {} times", held * 100.0, lock.holds));
    }
    if let Some(hold) = lock.longest_hold.as_ref().filter(|hold| !hold.running) {
        draft = seen(draft, format!("the longest hold was {}", words(hold)));
    }
    if let Some(hold) = &lock.holder {
        draft = seen(draft, format!("it is held {} so far", words(hold)));
    }
    if let Some(waiter) = waiter {
        draft = seen(draft, waited(waiter));
    }
    if let Some(latency) = watched.file_system.get() {
        let words = format!("a lock of the agent's own on that volume takes {:.0} µs", latency.median_us);
        draft = draft.seen(words, &watched.file_system);
    }
    let holder = lock.holder.as_ref().or(lock.longest_hold.as_ref());
    remedy(context, draft, holder.and_then(|hold| hold.pid))
        .remedy("give the state directory a local volume of its own, and keep backups, scanners and other tools off its databases")
}

fn waits(context: Context<'_>, dir: &StateDir, waiter: &Waiter) -> Draft {
    let summary =
        format!("pid {} has waited {:.0} s for {} of `{}`", waiter.pid, waiter.seconds, waiter.lock, dir.path);
    let draft = about(context, Code::StateLockWait, dir, summary).evidence(
        waited(waiter),
        "log of the gateway, list of processes",
        context.snapshot.taken_at,
    );
    remedy(context, draft, waiter.holder)
}

fn waited(waiter: &Waiter) -> String {
    let by = waiter.holder.map_or_else(String::new, |pid| format!(", held by pid {pid}"));
    format!("pid {} has waited {:.0} s for {}{by}: {}", waiter.pid, waiter.seconds, waiter.lock, waiter.source)
}

fn words(hold: &Hold) -> String {
    let who = match (&hold.program, hold.pid) {
        (Some(program), Some(pid)) => format!("by pid {pid} ({program})"),
        (None, Some(pid)) => format!("by pid {pid}"),
        (_, None) => "by a process that the kernel does not name".to_owned(),
    };
    format!("{who} for {:.2} s since {}", hold.seconds, hold.since)
}

fn remedy(context: Context<'_>, draft: Draft, holder: Option<u32>) -> Draft {
    let Some(pid) = holder else { return draft.remedy("find who holds it: `portreeve locks --watch`") };
    let stopped = context.snapshot.process(pid).is_some_and(|process| process.stopped);
    let draft = draft.command("see what the holder is", format!("ps -o pid,ppid,user,lstart,state,command -p {pid}"));
    if stopped {
        return draft.command("it is stopped by a signal (SIGSTOP): let it go on", format!("kill -CONT {pid}"));
    }
    draft
        .remedy("if its state is `T`, it is stopped: `kill -CONT` lets it go on; if it is a command that hangs, end it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{LockKind, Snapshot, Waits, WatchedLock, event};

    const HOLDER: u32 = 77;

    /// Half of the time held, each hold so long.
    fn node_with(length_us: u64, samples: u64) -> Snapshot {
        let hold = Hold {
            seconds: crate::locks::seconds(length_us),
            pid: Some(HOLDER),
            program: Some("sqlite3".to_owned()),
            since: now(),
            running: true,
            at_least: true,
        };
        let waits = Waits {
            buckets: (0..=100).map(|n| (length_us * n / 100, if n == 0 { 100 } else { 1 })).collect(),
            observed_us: 200,
            held_us: 100,
            samples,
            holds: 3,
            longest: Some(hold.clone()),
            running: Some(hold),
        };
        node(|node| {
            node.lock_waits = vec![LockWait {
                state_dir: STATE.to_owned(),
                at: now(),
                watched_s: 10.0,
                cpu_percent: None,
                locks: vec![WatchedLock {
                    path: format!("{STATE}/state/openclaw.sqlite"),
                    kind: LockKind::WalWriter,
                    purpose: "database".to_owned(),
                    held_for_life: false,
                    waits: known(waits),
                }],
                file_system: absent(),
            }];
        })
    }

    #[test]
    fn a_long_wait_names_the_holder_and_blocks() {
        let node = node_with(8_000_000, 500);
        let draft = draft(lock_wait, &node);
        assert_eq!(draft.severity, Severity::Error);
        assert_eq!(
            draft.summary,
            "5 of 100 newcomers wait longer than 7.2 s for the lock of database in `/Users/op/.openclaw`"
        );
        assert!(
            draft.evidence[2].fact.starts_with("it is held by pid 77 (sqlite3) for 8.00 s"),
            "{:?}",
            draft.evidence
        );
        assert_eq!(root_causes(&node), [Code::StateLockWait]);
    }

    #[test]
    fn a_shorter_one_is_a_warning_and_a_short_one_nothing() {
        let node = node_with(2_000_000, 500);
        assert_eq!(draft(lock_wait, &node).severity, Severity::Warning);
        assert!(silent(lock_wait, &node_with(900_000, 500)));
    }

    #[test]
    fn the_threshold_is_the_operators() {
        let mut policy = crate::Policy::default();
        policy.lock_wait.error_s = 10.0;
        let node = node_with(8_000_000, 500);
        let report = crate::diagnose(&node, &policy);
        assert!(report.root_causes.is_empty(), "{:?}", report.root_causes);
    }

    #[test]
    fn a_gateway_that_waits_is_told_without_any_watch_of_length() {
        let mut node = node_with(1_000, 500);
        let mut other = gateway_process(5_000, STATE, PORT);
        other.started_at = Some(ago(60));
        add_process(&mut node, other);
        log_event(&mut node, 30, event::WAITING_FOR_LIFECYCLE, "waiting for gateway-lifecycle ownership", &[]);
        let draft = draft(lock_wait, &node);
        assert!(draft.summary.starts_with("pid 5000 has waited 30 s for gateway-lifecycle"), "{}", draft.summary);
    }

    #[test]
    fn healthy_hidden_or_barely_watched_it_says_nothing() {
        assert!(silent(lock_wait, &healthy()));
        let mut hidden = node_with(8_000_000, 500);
        hidden.lock_waits[0].locks[0].waits = denied();
        assert!(silent(lock_wait, &hidden));
        let mut few = node_with(2_000_000, 20);
        if let crate::fact::Outcome::Known { value } = &mut few.lock_waits[0].locks[0].waits.outcome {
            value.held_us = 10;
        }
        assert!(silent(lock_wait, &few));
        let mut life = node_with(8_000_000, 500);
        life.lock_waits[0].locks[0].held_for_life = true;
        assert!(silent(lock_wait, &life));
    }
}
