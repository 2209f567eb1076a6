//! `state.shared`

use std::collections::BTreeMap;

use super::super::command::retire;
use super::super::life::{Life, life, log_is_shared, recent, started};
use super::super::ownership::is_active;
use super::{about, processes_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::order::Order as _;
use crate::snapshot::{Gateway, LogEvent, Process, StateDir, event};

/// How long a process that was turned away counts, in seconds.
const WINDOW_S: i64 = 600;

/// What a process says that finds the state directory of another one.
const TURNED_AWAY: [&str; 4] =
    [event::MAINTENANCE_CONTENTION, event::REQUIRES_STATE_MIGRATION, event::LOCK_TIMEOUT, event::WAITING_FOR_LIFECYCLE];

/// `state.shared`: two live gateways use one state directory, or one was turned away from it while the other ran.
pub(super) fn shared(context: Context<'_>, out: &mut Vec<Draft>) {
    // By device and inode: a directory may be reached through several mounts.
    let mut places: BTreeMap<(u64, u64), Vec<&StateDir>> = BTreeMap::new();
    for dir in &context.snapshot.state_dirs {
        if let Some(stat) = dir.stat.get() {
            places.entry((stat.dev, stat.ino)).or_default().push(dir);
        }
    }
    for dirs in places.values() {
        let Some(&dir) = dirs.first() else { continue };
        let mut processes: Vec<&Process> = dirs.iter().flat_map(|dir| processes_of(context, dir)).collect();
        processes.order_by_key(|process| process.pid);
        processes.dedup_by_key(|process| process.pid);
        if processes.len() > 1 {
            out.push(two_live(context, dirs, dir, &processes));
        } else if let Some((gateway, process, event)) = turned_away(context, dir) {
            out.push(one_refused(context, dir, gateway, process, event));
        }
    }
}

fn two_live(context: Context<'_>, dirs: &[&StateDir], dir: &StateDir, processes: &[&Process]) -> Draft {
    let pids: Vec<String> = processes.iter().map(|process| format!("pid {}", process.pid)).collect();
    let mut draft = about(
        context,
        Code::StateShared,
        dir,
        format!("{} gateways use `{}` at once: {}", processes.len(), dir.path, pids.join(" and ")),
    );
    for other in dirs.iter().skip(1) {
        draft = draft
            .state_dir(&other.path)
            .seen(format!("`{}` is the same directory as `{}`", other.path, dir.path), &other.stat);
    }
    for process in processes {
        let by =
            process.supervisor.as_ref().map_or_else(String::new, |supervisor| format!(", started by {supervisor}"));
        draft = draft.seen(format!("pid {} runs a gateway in it{by}", process.pid), &context.snapshot.processes);
    }
    draft = draft.remedy("decide which one stays");
    for unit in units(context, dir) {
        draft = draft.command(format!("to retire `{}`", unit.id), retire(unit));
    }
    for process in processes {
        draft = draft.command(format!("to end pid {}", process.pid), format!("kill {}", process.pid));
    }
    draft
}

/// A process that was turned away from a directory whose gateway ran before and after.
fn turned_away<'a>(context: Context<'a>, dir: &'a StateDir) -> Option<(&'a Gateway, &'a Process, &'a LogEvent)> {
    super::gateways_of(context, dir).find_map(|gateway| {
        let (Life::Listening(process) | Life::Deaf(process) | Life::Stopped(process)) = life(context, gateway) else {
            return None;
        };
        let start = started(context, gateway, process)?;
        let names = |event: &&LogEvent| event.text.contains(&dir.path);
        let mine = !log_is_shared(context, gateway);
        let events = TURNED_AWAY.iter().flat_map(|kind| recent(context, gateway, kind, WINDOW_S));
        let event = events.filter(|event| (mine || names(event)) && event.at.is_some_and(|at| at > start)).last()?;
        Some((gateway, process, event))
    })
}

fn one_refused(context: Context<'_>, dir: &StateDir, gateway: &Gateway, process: &Process, event: &LogEvent) -> Draft {
    let when = event.at.map_or_else(String::new, |at| format!(" at {at}"));
    let mut draft = about(
        context,
        Code::StateShared,
        dir,
        format!("a second gateway was turned away from `{}`{when}, while pid {} runs in it", dir.path, process.pid),
    )
    .seen(event.text.clone(), &gateway.log)
    .seen(format!("pid {} runs the gateway of this directory", process.pid), &context.snapshot.processes)
    .remedy("find what starts the second one: another unit, a terminal, a script, a container")
    .command("list every process of OpenClaw", "ps -axo pid,ppid,user,lstart,command | grep -i openclaw");
    for unit in units(context, dir) {
        let runs = unit.runtime.get().and_then(|runtime| runtime.pid);
        if !runs.is_some_and(|job| super::super::life::descends(context, process.pid, job)) {
            draft = draft.command(format!("if it is `{}`, retire it", unit.id), retire(unit));
        }
    }
    draft.remedy("give the second gateway a state directory of its own (`OPENCLAW_STATE_DIR`) and its own port")
}

fn units<'a>(context: Context<'a>, dir: &'a StateDir) -> impl Iterator<Item = &'a crate::snapshot::Unit> {
    let units = &context.snapshot.units.units;
    units.iter().filter(|unit| unit.state_dir.as_deref() == Some(dir.path.as_str()) && is_active(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    const REFUSED: &str = "Doctor could not enter maintenance. StateDatabaseCoordinatorContentionError: \
                           another OpenClaw process owns gateway-lifecycle";

    #[test]
    fn two_live_gateways_in_one_directory_are_named() {
        let node = node(|node| {
            add_process(node, gateway_process(5_000, STATE, PORT));
            gateway(node).pids.push(5_000);
        });
        assert_eq!(draft(shared, &node).summary, "2 gateways use `/Users/op/.openclaw` at once: pid 4242 and pid 5000");
        assert_eq!(root_causes(&node), [Code::StateShared]);
        assert_eq!(report(&node).exit_status(false), 78);
    }

    #[test]
    fn one_directory_under_two_mounts_is_one() {
        let node = node(|node| {
            let mut twin = state_dir("/Volumes/Twin/.openclaw", 100);
            twin.stat = first_state(node).stat.clone();
            node.state_dirs.push(twin);
            let mut other = silent_gateway("/Volumes/Twin/.openclaw", 19_999);
            other.pids = vec![5_000];
            node.gateways.push(other);
            add_process(node, gateway_process(5_000, "/Volumes/Twin/.openclaw", 19_999));
        });
        assert!(draft(shared, &node).evidence[0].fact.contains("is the same directory as"));
    }

    #[test]
    fn a_second_one_that_was_turned_away_is_seen_from_the_first() {
        let node = node(|node| log_event(node, 60, event::MAINTENANCE_CONTENTION, REFUSED, &[]));
        assert_eq!(
            draft(shared, &node).summary,
            "a second gateway was turned away from `/Users/op/.openclaw` at 2026-11-20T07:59:00Z, while pid 4242 runs in it"
        );
        assert_eq!(root_causes(&node), [Code::StateShared]);
    }

    #[test]
    fn a_refusal_before_this_run_or_long_ago_is_past() {
        let at = |seconds| node(|node| log_event(node, seconds, event::MAINTENANCE_CONTENTION, REFUSED, &[]));
        assert!(silent(shared, &at(700)));
        let young = |node: &mut Snapshot| {
            value(&mut node.processes)[0].started_at = Some(ago(30));
            first_state(node).locks.clear();
            value(&mut first_state(node).records).boots.clear();
        };
        let mut node = at(60);
        young(&mut node);
        assert!(silent(shared, &node));
    }

    #[test]
    fn in_a_log_that_several_write_the_directory_must_be_named() {
        let mut node = node(|node| {
            log_event(node, 60, event::MAINTENANCE_CONTENTION, REFUSED, &[]);
            let mut other = node.gateways[0].clone();
            (other.id, other.state_dir, other.pids) = ("/other".to_owned(), Some("/other".to_owned()), Vec::new());
            node.gateways.push(other);
        });
        assert!(silent(shared, &node));
        log_event(&mut node, 50, event::MAINTENANCE_CONTENTION, &format!("{REFUSED} of {STATE}"), &[]);
        assert_eq!(drafts(shared, &node).len(), 1);
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(shared, &healthy()));
        assert!(silent(shared, &node(|node| node.processes = denied())));
        assert!(silent(shared, &node(|node| first_state(node).stat = denied())));
    }
}
