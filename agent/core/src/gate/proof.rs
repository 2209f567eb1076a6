//! Whether readiness is proven, from facts.

use std::collections::BTreeSet;

use super::Through;
use crate::diagnose::rules::ownership::one_owner;
use crate::diagnose::{Context, Policy};
use crate::report::{RungState, RungSummary, ladder};
use crate::snapshot::{Gateway, Snapshot};

/// What a look at the gateways proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Each gateway in question is ready: what proved it.
    Ready(String),
    /// Why not.
    Not(String),
}

/// Whether the gateways of a snapshot are proven up to a rung.
///
/// With `family`, the processes of the supervised command, only a gateway that is one of them counts, and there must be one. Without it
/// each gateway of the host counts, and there must be one too. One process must be named by listener and lock file alike, and by the unit
/// where there is one; the token is only ever shown to that process, so that its `hello-ok` is that of this state.
pub fn prove(snapshot: &Snapshot, policy: &Policy, through: Through, family: Option<&BTreeSet<u32>>) -> Proof {
    let context = Context { snapshot, policy };
    let in_question =
        |gateway: &&Gateway| family.is_none_or(|family| gateway.pids.iter().any(|pid| family.contains(pid)));
    let gateways: Vec<&Gateway> = snapshot.host_gateways().filter(in_question).collect();
    if gateways.is_empty() {
        let why = if family.is_some() { "the command runs no gateway yet" } else { "there is no gateway here" };
        return Proof::Not(why.to_owned());
    }
    let mut proofs = Vec::new();
    for gateway in gateways {
        match of(context, gateway, through, family) {
            Ok(proof) => proofs.push(proof),
            Err(why) => return Proof::Not(why),
        }
    }
    Proof::Ready(proofs.join("; "))
}

/// Whether the gateways of a Compose project are proven up to a rung. The project is that of this name, or of this file. Its containers must
/// run; what is only written down proves nothing.
pub fn prove_project(
    snapshot: &Snapshot,
    policy: &Policy,
    through: Through,
    name: Option<&str>,
    files: &[String],
) -> Proof {
    let context = Context { snapshot, policy };
    let is_meant = |project: &str| match name {
        Some(name) => name == project,
        None => snapshot.projects.iter().any(|known| {
            known.name == project && known.engine.is_some() && known.files.iter().any(|file| files.contains(file))
        }),
    };
    let mut proofs = Vec::new();
    for gateway in &snapshot.gateways {
        let workload = gateway.workload.as_deref().and_then(|id| snapshot.workload(id));
        let Some(project) = workload.and_then(|workload| workload.project.as_deref()) else { continue };
        if !is_meant(project) {
            continue;
        }
        if let Err(why) = holds(&one_owner(context, gateway)).and_then(|()| climbed(gateway, through)) {
            return Proof::Not(format!("`{}`: {why}", gateway.id));
        }
        proofs.push(format!("`{}` on port {} {}", gateway.id, gateway.port, last(through)));
    }
    if proofs.is_empty() {
        return Proof::Not("the project runs no gateway yet".to_owned());
    }
    Proof::Ready(proofs.join("; "))
}

fn of(
    context: Context<'_>,
    gateway: &Gateway,
    through: Through,
    family: Option<&BTreeSet<u32>>,
) -> Result<String, String> {
    let owner = one_owner(context, gateway);
    holds(&owner)?;
    let pid = owner_pid(context, gateway)?;
    if family.is_some_and(|family| !family.contains(&pid)) {
        return Err(format!("port {} belongs to pid {pid}, which the command did not start", gateway.port));
    }
    climbed(gateway, through)?;
    Ok(format!("pid {pid} on port {} owns `{}` and {}", gateway.port, gateway.id, last(through)))
}

/// The rungs above the first.
fn climbed(gateway: &Gateway, through: Through) -> Result<(), String> {
    let needed: &[&str] = match through {
        Through::Transport => &["live", "started", "ready", "handshake"],
        Through::Auth => &["live", "started", "ready", "handshake", "authenticated"],
        Through::Channels => &["live", "started", "ready", "handshake", "authenticated", "channels"],
    };
    for rung in ladder(gateway).iter().filter(|rung| needed.contains(&rung.rung.as_str())) {
        holds(rung)?;
    }
    // Without details an answer may hide what is suppressed.
    if gateway.ladder.readyz.answer().is_some_and(|ready| !ready.detailed) {
        return Err("ready: the answer has no details".to_owned());
    }
    Ok(())
}

/// What the last of them says.
fn last(through: Through) -> &'static str {
    match through {
        Through::Transport => "gives a challenge",
        Through::Auth => "takes the token of its state",
        Through::Channels => "takes the token of its state, and its channels run",
    }
}

fn holds(rung: &RungSummary) -> Result<(), String> {
    match rung.state {
        RungState::Pass => Ok(()),
        RungState::Fail | RungState::Unknown => Err(format!("{}: {}", rung.rung, rung.detail)),
    }
}

/// The process that listens, if the lock file of the state names the same.
fn owner_pid(context: Context<'_>, gateway: &Gateway) -> Result<u32, String> {
    let dir = gateway.state_dir.as_deref().and_then(|path| context.snapshot.state_dir(path));
    let locks = dir.into_iter().flat_map(|dir| &dir.locks).filter(|lock| lock.purpose == "gateway.state");
    let mut why = "no lock file names its owner".to_owned();
    for lock in locks {
        let Some(owner) = lock.owner.get() else {
            why = lock.owner.blind().map_or(why, |blind| format!("`{}`: {blind}", lock.path));
            continue;
        };
        let is_same = owner.start_time.is_none() || owner.start_time == owner.live_start_time;
        if !owner.alive || !is_same || owner.role.is_some() {
            why = format!("`{}` names pid {}, which is not a gateway that runs", lock.path, owner.pid);
            continue;
        }
        let listens = context
            .snapshot
            .listeners_on(gateway.port)
            .any(|listener| !listener.foreign_netns && listener.pids == [owner.pid]);
        if listens && gateway.pids.contains(&owner.pid) {
            return Ok(owner.pid);
        }
        why = format!("`{}` names pid {}, which does not listen on port {}", lock.path, owner.pid, gateway.port);
    }
    Err(format!("one-owner: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    const PID: u32 = 4242;

    fn judged(snapshot: &Snapshot, through: Through, family: Option<&[u32]>) -> Result<(), String> {
        let family = family.map(|pids| pids.iter().copied().collect());
        match prove(snapshot, &Policy::default(), through, family.as_ref()) {
            Proof::Ready(_) => Ok(()),
            Proof::Not(why) => Err(why),
        }
    }

    #[test]
    fn a_healthy_gateway_is_proven_for_all_and_for_the_command_that_runs_it() {
        for through in [Through::Transport, Through::Auth, Through::Channels] {
            assert_eq!(judged(&healthy(), through, None), Ok(()));
            assert_eq!(judged(&healthy(), through, Some(&[1, PID])), Ok(()));
        }
    }

    #[test]
    fn the_gateway_of_somebody_else_is_no_readiness_of_the_command() {
        assert_eq!(judged(&healthy(), Through::Auth, Some(&[9])), Err("the command runs no gateway yet".to_owned()));
    }

    #[test]
    fn without_a_gateway_nothing_is_ready() {
        let node = node(|node| node.gateways.clear());
        assert!(judged(&node, Through::Transport, None).is_err());
    }

    #[test]
    fn a_lock_that_is_missing_or_names_another_proves_nothing() {
        let without = node(|node| first_state(node).locks.clear());
        assert_eq!(
            judged(&without, Through::Transport, None),
            Err("one-owner: no lock file names its owner".to_owned())
        );
        let dead = node(|node| value(&mut first_state(node).locks[0].owner).alive = false);
        assert!(judged(&dead, Through::Transport, None).is_err());
        let other = node(|node| value(&mut first_state(node).locks[0].owner).pid = 9);
        assert!(judged(&other, Through::Transport, None).is_err());
    }

    #[test]
    fn each_rung_up_to_the_one_asked_for_must_hold() {
        let unready = node(|node| {
            let crate::snapshot::ProbeOutcome::Answered { answer } = &mut node.gateways[0].ladder.readyz.outcome else {
                return;
            };
            answer.failing.push("telegram".to_owned());
        });
        assert_eq!(judged(&unready, Through::Transport, None), Err("ready: ready; failing: telegram".to_owned()));
        let untried = node(|node| {
            let at = node.taken_at;
            node.gateways[0].ladder.connect = crate::snapshot::Probe::not_tried("no secret", at);
        });
        assert_eq!(judged(&untried, Through::Transport, None), Ok(()));
        assert_eq!(judged(&untried, Through::Auth, None), Err("authenticated: no secret".to_owned()));
    }

    #[test]
    fn a_project_is_proven_by_its_running_gateways_alone() {
        use crate::diagnose::fixture::healthy;
        use crate::diagnose::fixture::project::{end_gateway, ended, gateway_workload, split};
        let prove = |node: &Snapshot, name: Option<&str>, files: &[String]| {
            prove_project(node, &Policy::default(), Through::Auth, name, files)
        };
        let mut node = split();
        let project = gateway_workload(&mut node).project.clone().unwrap();
        assert!(
            matches!(prove(&node, Some(&project), &[]), Proof::Ready(_)),
            "{:?}",
            prove(&node, Some(&project), &[])
        );
        let files = node.projects.iter().find(|known| known.name == project).map(|known| known.files.clone());
        assert!(matches!(prove(&node, None, &files.unwrap()), Proof::Ready(_)));
        let nobody = Proof::Not("the project runs no gateway yet".to_owned());
        assert_eq!(prove(&node, Some("another"), &[]), nobody);
        assert_eq!(prove(&node, None, &["/elsewhere/compose.yaml".to_owned()]), nobody);
        assert_eq!(prove(&healthy(), Some(&project), &[]), nobody, "a gateway of the host is not the project's");
        end_gateway(&mut node, ended(1));
        assert!(matches!(prove(&node, Some(&project), &[]), Proof::Not(_)));
    }
}
