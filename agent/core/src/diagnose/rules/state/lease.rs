//! `state.lease-foreign`

use super::super::life::{recent, seconds};
use super::{about, gateways_of, in_use, processes_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Domain, Lease, StateDir, event};

/// Seconds without a heartbeat after which a lease is nobody's.
const LEASE_S: i64 = 300;

/// How long a start counts that a lease turned away, in seconds.
const WINDOW_S: i64 = 600;

/// `state.lease-foreign`: lease or lock name a live owner that is no gateway of this directory's user on this node.
pub(super) fn lease_foreign(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let found = by_lease(context, dir).or_else(|| by_lock(context, dir)).or_else(|| by_log(context, dir));
        out.extend(found);
    }
}

fn by_lease(context: Context<'_>, dir: &StateDir) -> Option<Draft> {
    let lease = dir.records.get()?.lease.as_ref()?;
    let owner = dir.stat.get()?.uid;
    if lease.alive {
        let uid = lease.uid.filter(|uid| *uid != owner && !is_at_home(context, dir, lease.pid, *uid))?;
        return Some(
            another_user(context, dir, lease.pid, uid, owner)
                .seen(format!("the owner lease names pid {} of uid {uid}", lease.pid), &dir.records),
        );
    }
    let host = foreign_host(context, dir, lease)?;
    let beat = lease.heartbeat_at?;
    Some(
        about(
            context,
            Code::StateLeaseForeign,
            dir,
            format!(
                "`{}` is owned by a gateway elsewhere: pid {} of `{host}`, last heard of {beat}",
                dir.path, lease.pid
            ),
        )
        .seen(format!("the owner lease names pid {} of host `{host}`", lease.pid), &dir.records)
        .seen("this node's name", &context.snapshot.node.hostname)
        .remedy(format!("stop the gateway on `{host}`: it may be another machine, a virtual machine or a container"))
        .remedy("never let two machines share one state directory: their locks do not see each other"),
    )
}

/// The host of a lease that beats and whose process is not one of this node's.
fn foreign_host<'a>(context: Context<'_>, dir: &StateDir, lease: &'a Lease) -> Option<&'a str> {
    let snapshot = context.snapshot;
    let age = seconds(lease.heartbeat_at?, snapshot.taken_at);
    let local = gateways_of(context, dir).any(|gateway| gateway.pids.contains(&lease.pid));
    let host = lease.host.as_deref()?;
    // A Mac takes its domain from the network it is in, so that only the first label is its name.
    let label = |name: &str| name.split('.').next().unwrap_or(name).to_lowercase();
    (age <= LEASE_S && !local && label(host) != label(snapshot.node.hostname.get()?)).then_some(host)
}

/// Whether a process is the directory's own gateway and runs as the user to whom the home belongs. Then the directory is not where it should
/// be, and its owner is: `state.uid-drift`.
fn is_at_home(context: Context<'_>, dir: &StateDir, pid: u32, uid: u32) -> bool {
    processes_of(context, dir).any(|process| process.pid == pid && process.uid == Some(uid))
        && home_uid(context, dir) == Some(uid)
}

/// The user to whom the home belongs: by the account, else by the session whose definition in that home runs the gateway.
fn home_uid(context: Context<'_>, dir: &StateDir) -> Option<u32> {
    let in_home = |path: &str| {
        let rest = dir.home.as_deref().and_then(|home| path.strip_prefix(home));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    dir.home_uid.or_else(|| {
        let units = gateways_of(context, dir).flat_map(|gateway| &gateway.units);
        units.filter_map(|id| context.snapshot.unit(id)).find_map(|unit| match unit.domain {
            Domain::User { uid } => unit.path.as_deref().is_some_and(in_home).then_some(uid),
            Domain::System | Domain::EachUser => None,
        })
    })
}

fn by_lock(context: Context<'_>, dir: &StateDir) -> Option<Draft> {
    let owner = dir.stat.get()?.uid;
    dir.locks.iter().find_map(|lock| {
        let holder = lock.owner.get().filter(|holder| holder.alive && holder.start_time == holder.live_start_time)?;
        let process = context.snapshot.process(holder.pid)?;
        let uid = process.uid.filter(|uid| *uid != owner && !is_at_home(context, dir, holder.pid, *uid))?;
        Some(
            another_user(context, dir, holder.pid, uid, owner)
                .seen(format!("`{}` names pid {} of uid {uid}", lock.path, holder.pid), &lock.owner),
        )
    })
}

fn another_user(context: Context<'_>, dir: &StateDir, pid: u32, uid: u32, owner: u32) -> Draft {
    let sudo = if uid == 0 { "sudo " } else { "" };
    about(
        context,
        Code::StateLeaseForeign,
        dir,
        format!("`{}` of uid {owner} is owned by pid {pid} of uid {uid}", dir.path),
    )
    .seen(format!("the directory belongs to uid {owner}"), &dir.stat)
    .command("stop the gateway of the other account", format!("{sudo}kill {pid}"))
    .command(
        "give back what it left behind",
        format!("sudo chown -R {owner} {}", super::super::command::quote(&dir.path)),
    )
}

fn by_log(context: Context<'_>, dir: &StateDir) -> Option<Draft> {
    gateways_of(context, dir).filter(|gateway| !super::super::life::log_is_shared(context, gateway)).find_map(
        |gateway| {
            let event = recent(context, gateway, event::OWNER_LEASE_ACTIVE, WINDOW_S).last()?;
            Some(
                about(
                    context,
                    Code::StateLeaseForeign,
                    dir,
                    format!("a gateway was turned away from `{}`: another account's lease is active", dir.path),
                )
                .seen(event.text.clone(), &gateway.log)
                .command("see who runs a gateway here", "ps -axo pid,user,command | grep -i openclaw-gateway")
                .remedy("run this state directory's gateway from one account only"),
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn lease_of(node: &mut Snapshot) -> &mut Lease {
        value(&mut first_state(node).records).lease.as_mut().unwrap()
    }

    #[test]
    fn a_live_owner_of_another_account_is_named() {
        let node = node(|node| {
            lease_of(node).uid = Some(0);
            value(&mut node.processes)[0].uid = Some(0);
        });
        let draft = draft(lease_foreign, &node);
        assert_eq!(draft.summary, "`/Users/op/.openclaw` of uid 501 is owned by pid 4242 of uid 0");
        assert_eq!(draft.remedy[0].command.as_deref(), Some("sudo kill 4242"));
        assert_eq!(root_causes(&node), [Code::StateLeaseForeign]);
    }

    #[test]
    fn the_lock_tells_where_the_lease_does_not() {
        let node = node(|node| {
            first_state(node).records = denied();
            value(&mut node.processes)[0].uid = Some(0);
        });
        assert!(draft(lease_foreign, &node).evidence.iter().any(|one| one.fact.contains("gateway.state.lock")));
    }

    /// The directory was given to root, and the gateway still runs as the user to whom the home belongs.
    fn drifted(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            value(&mut first_state(node).stat).uid = 0;
            lease_of(node).uid = Some(UID);
            change(node);
        })
    }

    #[test]
    fn the_homes_own_user_is_no_stranger_in_a_directory_that_drifted() {
        let by_account = drifted(|_| {});
        assert!(silent(lease_foreign, &by_account));
        assert_eq!(root_causes(&by_account), [Code::StateUidDrift]);
        let by_lock = drifted(|node| first_state(node).records = denied());
        assert!(silent(lease_foreign, &by_lock));
        let by_unit = drifted(|node| first_state(node).home_uid = None);
        assert!(silent(lease_foreign, &by_unit));
    }

    #[test]
    fn who_cannot_be_seen_to_be_the_homes_own_user_stays_a_stranger() {
        let nobodys = drifted(|node| {
            first_state(node).home_uid = None;
            node.units.units.clear();
        });
        assert_eq!(drafts(lease_foreign, &nobodys).len(), 1);
        let hidden = drifted(|node| node.processes = denied());
        assert_eq!(drafts(lease_foreign, &hidden).len(), 1);
        let elsewhere = drifted(|node| {
            first_state(node).home_uid = None;
            first_unit(node).path = Some("/Library/LaunchAgents/ai.openclaw.gateway.plist".to_owned());
        });
        assert_eq!(drafts(lease_foreign, &elsewhere).len(), 1);
    }

    #[test]
    fn a_user_who_owns_neither_directory_nor_home_is_a_stranger() {
        let node = drifted(|node| first_state(node).home_uid = Some(502));
        assert_eq!(root_causes(&node), [Code::StateLeaseForeign]);
    }

    #[test]
    fn a_lease_that_beats_elsewhere_is_named_with_its_host() {
        let elsewhere = |host: &str, age| {
            node(|node| {
                kill_gateway(node);
                let mut lease = lease(7);
                (lease.alive, lease.uid, lease.host) = (false, None, Some(host.to_owned()));
                lease.heartbeat_at = Some(ago(age));
                value(&mut first_state(node).records).lease = Some(lease);
            })
        };
        assert!(draft(lease_foreign, &elsewhere("3f2a9c", 20)).summary.contains("pid 7 of `3f2a9c`"));
        assert!(silent(lease_foreign, &elsewhere("3f2a9c", 400)));
        assert!(silent(lease_foreign, &elsewhere("Mini-7.lan", 20)));
    }

    #[test]
    fn a_start_that_the_lease_turned_away_is_told_by_the_log() {
        let text = "Gateway failed to start: Another Gateway owner lease is still active for this state directory";
        let node = node(|node| log_event(node, 60, event::OWNER_LEASE_ACTIVE, text, &[]));
        assert_eq!(drafts(lease_foreign, &node).len(), 1);
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(lease_foreign, &healthy()));
        let hidden = node(|node| {
            first_state(node).stat = denied();
            first_state(node).records = denied();
        });
        assert!(silent(lease_foreign, &hidden));
    }
}
