//! The rung of clients in containers: whether each comes through to its gateway from its own namespace.

use std::collections::BTreeMap;

use super::super::auth::gateway_of;
use super::super::contained::{of, of_client, share_namespace};
use crate::diagnose::Context;
use crate::order::Gather as _;
use crate::report::{RungState, RungSummary};
use crate::snapshot::{Client, Gateway, Workload};

/// Whether every client in a container comes through, by the id of its gateway. None for a gateway of which none runs or was tried.
pub(crate) fn reached(context: Context<'_>) -> BTreeMap<&str, RungSummary> {
    let snapshot = context.snapshot;
    let mut judged: BTreeMap<&str, Vec<(RungState, f64, String)>> = BTreeMap::new();
    for client in &snapshot.clients {
        let Some(workload) = of_client(snapshot, client) else { continue };
        let Some(gateway) = gateway_of(snapshot, client) else { continue };
        if let Some(standing) = judge(context, gateway, client, workload) {
            judged.entry(&gateway.id).or_default().push(standing);
        }
    }
    judged.into_iter().filter_map(|(gateway, clients)| Some((gateway, rung(&clients)?))).gather()
}

/// The rung of a gateway with these clients: that of the worst.
fn rung(clients: &[(RungState, f64, String)]) -> Option<RungSummary> {
    let (state, _, said) = [RungState::Fail, RungState::Unknown, RungState::Pass]
        .into_iter()
        .find_map(|state| clients.iter().find(|(other, ..)| *other == state))?;
    let detail = match (state, clients.len()) {
        (RungState::Pass, 1) | (RungState::Fail | RungState::Unknown, _) => said.clone(),
        (RungState::Pass, count) => format!("{count} clients in containers"),
    };
    let asked = *state != RungState::Unknown;
    let elapsed_ms = asked.then(|| clients.iter().map(|(_, elapsed, _)| *elapsed).fold(0.0, f64::max));
    Some(RungSummary { rung: "reached".to_owned(), state: *state, elapsed_ms, detail })
}

/// How one client stands. None for one that is only written down and was not tried: what is not there reaches nothing.
fn judge(
    context: Context<'_>,
    gateway: &Gateway,
    client: &Client,
    workload: &Workload,
) -> Option<(RungState, f64, String)> {
    let id = &client.id;
    let (handshake, connect) = (&client.handshake, &client.connect);
    if workload.runtime.is_none() && workload.view.get().is_none() {
        return None;
    }
    if let Some(refusal) = client.url.get().and_then(|url| url.refusal.as_ref()) {
        return Some((RungState::Fail, 0.0, format!("{id}: {refusal}")));
    }
    if let Some(failure) = handshake.failure().or(connect.failure()) {
        return Some((RungState::Fail, handshake.elapsed_ms, format!("{id}: {}", failure.message)));
    }
    if handshake.answer().is_some() || connect.answer().is_some() {
        return Some((RungState::Pass, handshake.elapsed_ms, format!("from within {id}")));
    }
    // On a shared loopback the gateway's own rung is the client's.
    let together = of(context.snapshot, gateway)
        .and_then(|there| share_namespace(context.snapshot, workload, there))
        .unwrap_or_default();
    let direct = client.url.get().is_some_and(|url| url.loopback && url.url.port == gateway.port);
    if together && direct && gateway.ladder.handshake.answer().is_some() {
        return Some((RungState::Pass, 0.0, format!("{id} shares the gateway's namespace")));
    }
    let why = workload.view.blind().or(handshake.not_tried_because()).unwrap_or("it was not tried");
    workload.is_running().then(|| (RungState::Unknown, 0.0, format!("{id}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::Policy;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{FailureKind, Phase, Snapshot};

    fn of_node(node: &Snapshot) -> Option<RungSummary> {
        reached(Context { snapshot: node, policy: &Policy::default() }).remove(node.gateways[0].id.as_str())
    }

    #[test]
    fn a_client_that_comes_through_is_named() {
        let rung = of_node(&split()).unwrap();
        assert_eq!((rung.state, rung.detail.as_str()), (RungState::Pass, "from within container:claw-openclaw-cli-1"));
        assert_eq!(report(&split()).gateways[0].rungs.last(), Some(&rung));
    }

    #[test]
    fn a_host_without_clients_in_containers_has_no_such_rung() {
        assert_eq!(of_node(&healthy()), None);
        assert_eq!(of_node(&written(split())), None);
    }

    #[test]
    fn a_failure_without_a_finding_leaves_the_verdict_open() {
        let mut node = bridged();
        cli_client(&mut node).handshake = failed(Phase::Http, FailureKind::Timeout);
        cli_client(&mut node).connect = untried();
        assert_eq!(of_node(&node).unwrap().state, RungState::Fail);
        assert!(root_causes(&node).is_empty());
        assert_eq!(report(&node).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_running_client_that_could_not_be_entered_is_not_ready() {
        let mut node = bridged();
        cli_client(&mut node).handshake = untried();
        cli_client(&mut node).connect = untried();
        cli_workload(&mut node).view = denied();
        assert_eq!(of_node(&node).unwrap().detail, "container:claw-openclaw-cli-1: permission denied");
        assert_eq!(report(&node).verdict, Verdict::Unknown);
        cli_workload(&mut node).runtime = Some(ended(0));
        assert_eq!(of_node(&node), None);
        assert_eq!(report(&node).verdict, Verdict::Ready);
    }

    #[test]
    fn on_a_shared_loopback_the_gateways_own_handshake_counts() {
        let mut node = split();
        cli_client(&mut node).handshake = untried();
        cli_client(&mut node).connect = untried();
        assert_eq!(of_node(&node).unwrap().state, RungState::Pass);
        gateway(&mut node).ladder.handshake = untried();
        assert_eq!(of_node(&node).unwrap().state, RungState::Unknown);
    }

    #[test]
    fn a_finding_on_the_way_fails_the_layer_and_the_rung() {
        let mut node = bridged();
        value(&mut cli_client(&mut node).url).refusal = Some("ws:// to a name".to_owned());
        assert_eq!(of_node(&node).unwrap().state, RungState::Fail);
        assert_eq!(report(&node).verdict, Verdict::Blocked);
    }
}
