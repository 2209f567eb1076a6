//! What the agent itself could not see or deliver.

use super::super::{Context, Draft, Rule};
use super::acceptance::unaccepted;
use super::contained::name;
use super::host::unseen;
use crate::catalogue::Code;
use crate::snapshot::{Blind, Gateway, Snapshot};

pub(super) const RULES: &[Rule] = &[blind, backlog];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::AgentBlind, Code::AgentBacklog];

/// Seconds after which what waits for delivery is worth a warning.
const BACKLOG_S: i64 = 3_600;

/// `agent.blind`: an observer could not see. Where readiness depends on it the verdict cannot be `ready`.
fn blind(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for spot in snapshot.blind.iter().chain(&contained(snapshot)).chain(&unaccepted(snapshot)).chain(&unseen(snapshot))
    {
        out.push(
            Draft::new(
                Code::AgentBlind,
                "observer",
                spot.what.clone(),
                format!("{} could not be seen: {}", spot.what, spot.why),
            )
            .evidence(spot.why.clone(), spot.what.clone(), snapshot.taken_at)
            .remedy(spot.remedy.clone()),
        );
    }
}

/// `agent.backlog`: what is told waits for the endpoint.
fn backlog(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let Some(delivery) = snapshot.delivery.get().filter(|delivery| delivery.records > 0) else { return };
    let Some(oldest) = delivery.oldest else { return };
    let age_s = snapshot.taken_at.duration_since(oldest).as_secs();
    if age_s <= BACKLOG_S || delivery.endpoint.is_empty() {
        return;
    }
    let error = delivery.last_error.as_ref();
    let why = error.map(|error| format!(": {}", error.why)).unwrap_or_default();
    let records = match delivery.records {
        1 => "1 record waits".to_owned(),
        more => format!("{more} records wait"),
    };
    let summary = format!("{records} for `{}`, the oldest for {} min{why}", delivery.endpoint, age_s / 60);
    let mut draft = Draft::new(Code::AgentBacklog, "endpoint", delivery.endpoint.clone(), summary)
        .seen(format!("{records}, the oldest since {oldest}"), &snapshot.delivery);
    if let Some(error) = error {
        draft = draft.evidence(error.why.clone(), delivery.endpoint.clone(), error.at);
    }
    out.push(draft);
}

/// Engines that said nothing, and namespaces of gateways and clients that could not be entered.
pub(crate) fn contained(snapshot: &Snapshot) -> Vec<Blind> {
    let mut blind = Vec::new();
    for engine in &snapshot.engines {
        let what = format!("containers of {} at {}", engine.kind.name(), engine.endpoint);
        let needed = !engine.needed_by.is_empty();
        if let Some(why) = engine.answer.blind() {
            let remedy = if needed { "start or restart it, or run as its user" } else { "start it, if it is needed" };
            blind.push(Blind { what, why: why.to_owned(), remedy: remedy.to_owned(), readiness: needed });
        } else if let Some(unlisted) = engine.answer.get().map(|answer| answer.unlisted).filter(|count| *count > 0) {
            let why = format!("it has {unlisted} more than are looked at");
            blind.push(Blind { what, why, remedy: "remove those that are not needed".to_owned(), readiness: true });
        }
    }
    let proven = |gateway: &Gateway| gateway.ladder.healthz.answer().is_some();
    for workload in &snapshot.workloads {
        let Some(why) = workload.view.blind() else { continue };
        let mine = |id: &Option<String>| id.as_ref() == Some(&workload.id);
        let gateway = snapshot.gateways.iter().find(|gateway| mine(&gateway.workload));
        let is_client = snapshot.clients.iter().any(|client| mine(&client.workload));
        if gateway.is_none() && !is_client {
            continue;
        }
        blind.push(Blind {
            what: format!("namespaces of {}", name(workload)),
            why: why.to_owned(),
            remedy: "see why its engine runs no probe there".to_owned(),
            readiness: workload.is_running() && (is_client || gateway.is_some_and(|gateway| !proven(gateway))),
        });
    }
    blind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fact;
    use crate::delivery::{Delivery, DeliveryError};
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::report::RungState;
    use crate::snapshot::{EngineKind, Ladder, Probe, RunState};
    use crate::{Severity, Verdict};

    /// The split in an engine that runs no probe in another container's namespaces.
    fn unseen() -> Snapshot {
        let mut node = split();
        node.engines[0].kind = EngineKind::AppleContainer;
        for workload in &mut node.workloads {
            workload.view = Fact::unreadable("Apple container has no way to run a program there", "fixture", now());
        }
        node.gateways[0].ladder = Ladder {
            target: "ws://127.0.0.1:18789".to_owned(),
            healthz: untried(),
            startupz: untried(),
            readyz: untried(),
            handshake: untried(),
            connect: untried(),
            channels: untried(),
        };
        node.clients[0].handshake = Probe::not_tried("not seen", now());
        node.clients[0].connect = Probe::not_tried("not seen", now());
        node
    }

    #[test]
    fn what_could_not_be_seen_from_within_is_not_ready() {
        let report = report(&unseen());
        assert_eq!(report.verdict, Verdict::Unknown);
        let blind: Vec<_> = report.findings.iter().filter(|finding| finding.code == Code::AgentBlind).collect();
        assert!(blind.iter().all(|finding| finding.severity == Severity::Information));
        assert!(blind.iter().any(|finding| finding.summary.contains("Apple container has no way")));
        let rungs: Vec<_> = report.gateways.iter().flat_map(|gateway| &gateway.rungs).collect();
        let reached = rungs.iter().find(|rung| rung.rung == "reached").unwrap();
        assert_eq!(reached.state, RungState::Unknown);
    }

    fn waiting(minutes: i64) -> Snapshot {
        let mut node = healthy();
        node.delivery = known(Delivery {
            endpoint: "https://otel.example.com:4318".to_owned(),
            records: 3,
            oldest: Some(ago(minutes * 60)),
            last_error: Some(DeliveryError {
                at: ago(30),
                signal: Some("logs".to_owned()),
                why: "connection refused".to_owned(),
            }),
            ..Delivery::default()
        });
        node
    }

    #[test]
    fn what_waits_for_more_than_an_hour_is_a_backlog() {
        let draft = draft(backlog, &waiting(90));
        assert_eq!(
            draft.summary,
            "3 records wait for `https://otel.example.com:4318`, the oldest for 90 min: connection refused"
        );
        assert_eq!(report(&waiting(90)).verdict, Verdict::Degraded);
    }

    #[test]
    fn what_waits_for_less_or_for_nobody_is_none() {
        assert!(silent(backlog, &waiting(59)));
        let mut nowhere = waiting(90);
        value(&mut nowhere.delivery).endpoint.clear();
        assert!(silent(backlog, &nowhere));
        let mut delivered = waiting(90);
        (value(&mut delivered.delivery).records, value(&mut delivered.delivery).oldest) = (0, None);
        assert!(silent(backlog, &delivered));
    }

    #[test]
    fn without_delivery_there_is_no_backlog() {
        assert!(silent(backlog, &healthy()));
        let mut node = waiting(90);
        node.delivery = Fact::denied("only root may read it", "/var/db/portreeve/delivery.json", now());
        assert!(silent(backlog, &node));
    }

    #[test]
    fn a_stopped_container_needs_no_look() {
        let mut node = unseen();
        for workload in &mut node.workloads {
            workload.runtime.as_mut().unwrap().state = RunState::Exited;
        }
        assert!(contained(&node).iter().all(|blind| !blind.readiness));
        assert!(contained(&split()).is_empty());
    }
}
