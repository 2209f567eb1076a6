//! What the container of a gateway is up to, as its engine and its namespaces tell.

use super::super::contained::of;
use super::super::life::{events, seconds};
use crate::diagnose::Context;
use crate::snapshot::{FailureKind, Gateway, Listener, RunState, Runtime, Workload, event};

/// What the container of a gateway is up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stage<'a> {
    /// The gateway runs in no container, or in one that is only written down.
    Elsewhere,
    /// Its container does not run.
    Down(&'a Workload, &'a Runtime),
    /// Its container runs, and the gateway may still come to answer within the budget for a start; for so many seconds.
    Starting(&'a Workload, Option<i64>),
    /// Its container runs, and nothing listens on its port within.
    Mute(&'a Workload, Option<u16>),
    /// Its container runs, and listens or may listen.
    Up(&'a Workload),
}

/// What the container of a gateway is up to.
pub(crate) fn stage<'a>(context: Context<'a>, gateway: &Gateway) -> Stage<'a> {
    let Some(workload) = of(context.snapshot, gateway) else { return Stage::Elsewhere };
    let Some(runtime) = &workload.runtime else { return Stage::Elsewhere };
    if runtime.state != RunState::Running {
        return Stage::Down(workload, runtime);
    }
    let age = runtime.started_at.map(|at| seconds(at, context.snapshot.taken_at));
    let budget = i64::try_from(context.policy.start_budget_s).unwrap_or(i64::MAX);
    let young = age.is_none_or(|age| age <= budget);
    if young && is_coming_up(gateway) && !was_ready(gateway, runtime) {
        return Stage::Starting(workload, age);
    }
    match heard(context, gateway, workload) {
        Some(mut listeners) => {
            let mut other = None;
            if listeners.any(|listener| {
                other = other.or(Some(listener.port));
                listener.port == gateway.port
            }) || gateway.ladder.healthz.answer().is_some()
            {
                Stage::Up(workload)
            } else if young && other.is_none() && gateway.ladder.healthz.not_tried_because().is_some() {
                Stage::Starting(workload, age)
            } else {
                Stage::Mute(workload, other)
            }
        }
        None => Stage::Up(workload),
    }
}

/// Whether its answers are those of a gateway that has yet to come up.
fn is_coming_up(gateway: &Gateway) -> bool {
    let ladder = &gateway.ladder;
    let waits = ladder.startupz.answer().is_some_and(|startup| startup.status == "starting");
    let refused = [ladder.handshake.failure(), ladder.connect.failure()]
        .into_iter()
        .flatten()
        .any(|failure| failure.kind == FailureKind::Starting);
    let silent = ladder.healthz.failure().is_some_and(|failure| {
        matches!(failure.kind, FailureKind::Refused | FailureKind::Reset | FailureKind::Timeout | FailureKind::Starting)
    });
    waits || refused || silent
}

/// Whether the log says that the present run had been ready. What begins anew within the container loads its configuration once more.
pub(super) fn was_ready(gateway: &Gateway, runtime: &Runtime) -> bool {
    let last = |kind| events(gateway, kind).filter_map(|event| event.at).max();
    let ready = last(event::READY).filter(|at| runtime.started_at.is_some_and(|start| *at >= start));
    ready.is_some() && ready >= last(event::LOADING_CONFIGURATION)
}

/// What listens in the network namespace of a workload, where that was seen.
pub(crate) fn heard<'a>(
    context: Context<'a>,
    gateway: &Gateway,
    workload: &'a Workload,
) -> Option<impl Iterator<Item = &'a Listener>> {
    let own = workload.view.get().and_then(|view| view.listeners.get());
    // A client in the same namespace sees the same sockets.
    let beside = || {
        context.snapshot.clients.iter().filter(|client| client.gateway.as_ref() == Some(&gateway.id)).find_map(
            |client| {
                let other = super::super::contained::of_client(context.snapshot, client)?;
                let same = super::super::contained::share_namespace(context.snapshot, other, workload)?;
                other.view.get().filter(|_| same)?.listeners.get()
            },
        )
    };
    // Docker's own resolver listens in every namespace, on 127.0.0.11.
    let resolver = |listener: &&Listener| listener.address.to_string() != "127.0.0.11";
    Some(own.or_else(beside)?.iter().filter(resolver))
}
