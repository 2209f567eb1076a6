//! `state.shared` and `state.lock-blind` of gateways in containers

use std::collections::BTreeSet;

use super::super::super::contained::{name, stop};
use super::super::super::ownership::{is_active, wants_to_run};
use super::place::{Holder, groups, is_in_vm, is_own};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::order::Gather as _;
use crate::snapshot::{Gateway, Snapshot, Workload};

/// `state.shared` and `state.lock-blind`: two gateways use one state directory; where a virtual machine's border is between them, their
/// locks do not see each other.
pub(in super::super) fn shared(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for (place, holders) in groups(snapshot, wants_to_run, |gateway| is_live(snapshot, gateway)) {
        if never_together(&holders) {
            continue;
        }
        let kernels: BTreeSet<Option<&str>> = holders.iter().map(|holder| kernel(snapshot, *holder)).gather();
        let words: Vec<String> = holders.iter().map(|holder| who(*holder)).collect();
        let (code, why) = if kernels.len() > 1 {
            (Code::StateLockBlind, ", and the locks of one side mean nothing to the other")
        } else {
            (Code::StateShared, "")
        };
        let summary = format!("{place} is the state of {} gateways: {}{why}", holders.len(), words.join(" and "));
        let mut draft = Draft::new(code, "state", place.trim_start_matches("volume ").trim_matches('`'), summary);
        for holder in &holders {
            draft = describe(context, draft, *holder);
        }
        draft = draft.remedy("decide which one keeps it");
        for holder in &holders {
            if let Holder::Contained(workload) = holder
                && workload.engine.is_some()
            {
                draft = draft.command(format!("to stop {}", name(workload)), stop(snapshot, workload));
            }
        }
        out.push(draft.remedy("give the other a volume of its own, and a port of its own"));
    }
}

/// Whether a gateway of the host runs, or a unit would start it.
fn is_live(snapshot: &Snapshot, gateway: &Gateway) -> bool {
    gateway.pids.iter().filter_map(|&pid| snapshot.process(pid)).any(is_own)
        || gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active)
}

/// Whether all are services of one project that no single set of profiles switches on together.
fn never_together(holders: &[Holder<'_>]) -> bool {
    let workloads: Vec<&Workload> = holders
        .iter()
        .filter_map(|holder| match holder {
            Holder::Contained(workload) => Some(*workload),
            Holder::Host(_) => None,
        })
        .collect();
    workloads.len() == holders.len()
        && workloads.iter().enumerate().all(|(index, one)| {
            workloads.iter().skip(index + 1).all(|other| {
                one.runtime.is_none()
                    && one.project == other.project
                    && !one.profiles.is_empty()
                    && !other.profiles.is_empty()
                    && !one.profiles.iter().any(|profile| other.profiles.contains(profile))
            })
        })
}

/// The kernel that a holder runs under: that of the host, or of an engine's virtual machine.
fn kernel<'a>(snapshot: &Snapshot, holder: Holder<'a>) -> Option<&'a str> {
    match holder {
        Holder::Host(_) => None,
        Holder::Contained(workload) => {
            workload.engine.as_deref().filter(|_| is_in_vm(snapshot, workload) == Some(true))
        }
    }
}

fn who(holder: Holder<'_>) -> String {
    match holder {
        Holder::Contained(workload) => name(workload),
        Holder::Host(gateway) => format!("the gateway of the host on port {}", gateway.port),
    }
}

fn describe(context: Context<'_>, draft: Draft, holder: Holder<'_>) -> Draft {
    let at = context.snapshot.taken_at;
    match holder {
        Holder::Host(gateway) => {
            let pids: Vec<String> = gateway.pids.iter().map(ToString::to_string).collect();
            let by = if pids.is_empty() { gateway.units.join(", ") } else { format!("pid {}", pids.join(", ")) };
            draft.gateway(gateway).seen(format!("{by} runs the gateway of the host"), &context.snapshot.processes)
        }
        Holder::Contained(workload) => {
            let gateway =
                context.snapshot.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(&workload.id));
            let draft = gateway.into_iter().fold(draft.workload(workload), Draft::gateway);
            let state = workload.state_dir.as_deref().unwrap_or_default();
            let Some(mount) = workload.mount_of(state) else { return draft };
            let from = mount.source.as_deref().unwrap_or_default();
            let words = format!("{} mounts `{from}` at `{}`", name(workload), mount.target);
            match (workload.place(&mount.key), &workload.engine) {
                (None, Some(engine)) => draft.evidence(words, engine.clone(), at),
                (place, _) => draft.written(words, place, at),
            }
        }
    }
}
