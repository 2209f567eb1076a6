//! `state.ephemeral`, `state.readonly` and `state.not-shared` of gateways in containers

use super::super::super::contained::{bring_up, name, of, of_client, share_namespace};
use super::place::{Source, source};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Client, ClientKind, Gateway, Workload};

/// `state.ephemeral`: the gateway's state goes with its container.
pub(in super::super) fn ephemeral(context: Context<'_>, out: &mut Vec<Draft>) {
    for (gateway, workload) in contained(context) {
        let lies = match source(context.snapshot, workload) {
            Some(Source::Layer) => "in its own layer",
            Some(Source::Memory) => "in memory",
            _ => continue,
        };
        let state = workload.state_dir.as_deref().unwrap_or_default();
        let summary = format!("the state of {} lies {lies}: it goes with the container", name(workload));
        let what = format!("nothing that is kept is mounted at `{state}`");
        let draft = about(context, Code::StateEphemeral, gateway, workload, summary, &what, "volumes");
        out.push(
            draft
                .remedy("copy what is there before the container is made anew: `docker cp`")
                .remedy(format!("mount a named volume: `volumes: [\"openclaw-state:{state}\"]`")),
        );
    }
}

/// `state.readonly`: the gateway's state is mounted read-only.
pub(in super::super) fn readonly(context: Context<'_>, out: &mut Vec<Draft>) {
    for (gateway, workload) in contained(context) {
        let state = workload.state_dir.as_deref().unwrap_or_default();
        let Some(mount) = workload.mount_of(state).filter(|mount| mount.read_only) else { continue };
        let from = mount.source.as_deref().unwrap_or("memory");
        let summary = format!("the state of {} is mounted read-only (`{from}` at `{}`)", name(workload), mount.target);
        let what = format!("`{from}` is mounted at `{}` for reading only", mount.target);
        let mut draft = about(context, Code::StateReadonly, gateway, workload, summary, &what, &mount.key);
        draft = draft.remedy("remove `:ro` or `read_only` from that mount, then make the container anew");
        if workload.engine.is_some() {
            draft = draft.command("make it anew", bring_up(context.snapshot, workload));
        }
        out.push(draft);
    }
}

/// `state.not-shared`: the command line of a project has other state than its gateway, and needs what lies there.
pub(in super::super) fn not_shared(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.clients.iter().filter(|client| client.kind == ClientKind::Cli) {
        let Some(here) = of_client(snapshot, client) else { continue };
        let Some(gateway) = super::super::super::auth::gateway_of(snapshot, client) else { continue };
        let Some(there) = of(snapshot, gateway) else { continue };
        if here.project.is_none() || here.project != there.project || here.engine != there.engine {
            continue;
        }
        let (Some(ours), Some(theirs)) = (source(snapshot, here), source(snapshot, there)) else { continue };
        let kept = |source: &Source| matches!(source, Source::Volume { .. } | Source::Path(_));
        if ours == theirs || !kept(&theirs) {
            continue;
        }
        let together = share_namespace(snapshot, here, there) == Some(true);
        let lasting = kept(&ours) || here.is_running();
        let Some(severity) = need(client, gateway, together, lasting) else { continue };
        let summary = format!(
            "{} has its state in {}, its gateway {} in {}",
            super::super::super::auth::client_name(client),
            ours.words(),
            name(there),
            theirs.words()
        );
        let mut draft = Draft::new(Code::StateNotShared, "client", client.id.clone(), summary)
            .severity(severity)
            .client(client)
            .gateway(gateway);
        for (workload, source) in [(here, &ours), (there, &theirs)] {
            let state = workload.state_dir.as_deref().unwrap_or_default();
            let words = format!("{}: `{state}` is {}", name(workload), source.words());
            let key = workload.mount_of(state).map_or("volumes", |mount| mount.key.as_str());
            draft = match (workload.place(key), &workload.engine) {
                (None, Some(engine)) => draft.evidence(words, engine.clone(), snapshot.taken_at),
                (place, _) => draft.written(words, place, snapshot.taken_at),
            };
        }
        let target = there.state_dir.as_deref().unwrap_or_default();
        out.push(draft.remedy(format!("mount {} at `{target}` in {} too", theirs.words(), name(here))));
    }
}

/// How much a command line misses the gateway's state: an error where it has no good secret or no approved device without it, a warning
/// where it reads a configuration of its own, none where it gets along.
fn need(client: &Client, gateway: &Gateway, together: bool, keeps: bool) -> Option<Severity> {
    let (ours, theirs) = (&client.credentials.winner, &gateway.credentials.winner);
    let secret = ours.is_some() && (theirs.is_none() || ours == theirs);
    let device = match client.device.get() {
        // An identity that lasts needs approval once, which is no fault of its state.
        Some(device) => device.approved.is_some() || keeps,
        None => client.device.blind().is_some() || keeps,
    };
    let default_url = client.url.get().is_some_and(|url| url.loopback || url.by_default);
    if !secret && theirs.is_some() || !together && !device {
        return Some(Severity::Error);
    }
    (together || default_url).then_some(Severity::Warning)
}

/// Gateways in containers, with these.
pub(super) fn contained(context: Context<'_>) -> impl Iterator<Item = (&Gateway, &Workload)> {
    context.snapshot.gateways.iter().filter_map(move |gateway| Some((gateway, of(context.snapshot, gateway)?)))
}

/// A finding about the state of a gateway in a container.
pub(super) fn about(
    context: Context<'_>,
    code: Code,
    gateway: &Gateway,
    workload: &Workload,
    summary: String,
    what: &str,
    key: &str,
) -> Draft {
    let at = context.snapshot.taken_at;
    let draft = Draft::new(code, "container", workload.id.clone(), summary).gateway(gateway).workload(workload);
    match (workload.place(key), &workload.engine) {
        (None, Some(engine)) => draft.evidence(what, engine.clone(), at),
        (place, _) => draft.written(what, place, at),
    }
}
