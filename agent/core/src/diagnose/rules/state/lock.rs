//! `state.lock-stale`

use super::super::command::quote;
use super::{about, in_use};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{LockFile, LockHolder, StateDir};

/// `state.lock-stale`: a lock file names an owner that is gone.
pub(super) fn lock_stale(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        // Pids of a container or of another machine mean nothing here.
        if owned_elsewhere(context, dir) {
            continue;
        }
        let stale: Vec<(&LockFile, &LockHolder, String)> = dir
            .locks
            .iter()
            .filter(|lock| lock.exists.get().is_some() && lock.holder_pid.get().is_none())
            .filter_map(|lock| {
                let owner = lock.owner.get()?;
                let why = if !owner.alive {
                    format!("pid {} is gone", owner.pid)
                } else if let (Some(then), Some(now)) = (owner.start_time, owner.live_start_time)
                    && then != now
                {
                    format!("pid {} is another process by now", owner.pid)
                } else {
                    return None;
                };
                Some((lock, owner, why))
            })
            .collect();
        let Some((first, _, why)) = stale.first() else { continue };
        let names = match stale.len() {
            1 => "names".to_owned(),
            count => format!("and {} more name", count - 1),
        };
        let mut draft =
            about(context, Code::StateLockStale, dir, format!("`{}` {names} an owner that is gone: {why}", first.path));
        for (lock, _, why) in &stale {
            draft = draft.seen(format!("`{}`: {why}", lock.path), &lock.owner);
        }
        draft = draft
            .remedy("a gateway takes such a lock over by itself when it starts: start it")
            .remedy("only if it refuses: make sure that no OpenClaw process runs, then remove the files, never those that end in `.lock.sqlite`");
        for (lock, ..) in &stale {
            draft =
                draft.command(format!("to remove the lock for {}", lock.purpose), format!("rm {}", quote(&lock.path)));
        }
        out.push(draft);
    }
}

fn owned_elsewhere(context: Context<'_>, dir: &StateDir) -> bool {
    let snapshot = context.snapshot;
    let in_container = snapshot
        .processes
        .get()
        .into_iter()
        .flatten()
        .any(|process| process.foreign_pidns && process.state_dir.as_deref() == Some(dir.path.as_str()));
    let label = |name: &str| name.split('.').next().unwrap_or(name).to_lowercase();
    let lease = dir.records.get().and_then(|records| records.lease.as_ref());
    let other_host = match (lease.and_then(|lease| lease.host.as_deref()), snapshot.node.hostname.get()) {
        (Some(host), Some(name)) => label(host) != label(name),
        _ => false,
    };
    in_container || other_host
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn killed(change: impl FnOnce(&mut LockHolder)) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            let mut lock = lock(STATE, PID);
            let owner = value(&mut lock.owner);
            (owner.alive, owner.live_start_time) = (false, None);
            change(owner);
            first_state(node).locks.push(lock);
        })
    }

    #[test]
    fn a_lock_of_the_dead_is_stale_and_no_root_cause() {
        let node = killed(|_| {});
        assert_eq!(
            draft(lock_stale, &node).summary,
            "`/Users/op/.openclaw/tmp/openclaw-501/gateway.state.lock` names an owner that is gone: pid 4242 is gone"
        );
        assert_eq!(root_causes(&node), [Code::PortSilent]);
    }

    #[test]
    fn a_pid_that_was_given_anew_is_another_process() {
        let node = killed(|owner| (owner.alive, owner.live_start_time) = (true, Some(78)));
        assert!(draft(lock_stale, &node).summary.ends_with("pid 4242 is another process by now"));
    }

    #[test]
    fn pids_of_a_container_mean_nothing_here() {
        let mut node = killed(|_| {});
        let mut inside = gateway_process(9_000, STATE, PORT);
        inside.foreign_pidns = true;
        add_process(&mut node, inside);
        assert!(silent(lock_stale, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(lock_stale, &healthy()));
        let mut node = killed(|_| {});
        first_state(&mut node).locks[0].owner = denied();
        assert!(silent(lock_stale, &node));
    }
}
