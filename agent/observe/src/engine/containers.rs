//! The containers of one engine: all of them from its list, those that may matter in full.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::snapshot::{Blind, NetworkMode, WorkloadRole};

use super::client::Client;
use super::error::EngineError;
use super::observe::ONE;
use super::processes;
use super::text::line;
use super::wire::{Inspected, InspectedImage, Listed};
use super::workload::{Seen, inspected, listed};

/// Most containers that are looked at in full.
const MAX_INSPECTED: usize = 200;
/// Longest reason that is kept, in bytes.
const MAX_WHY: usize = 512;
/// Questions to one engine at a time.
pub(super) const CONCURRENT: usize = 8;

/// All containers; those that may matter in full, and which of those the engine did not tell of, each by its workload.
pub(super) async fn containers(
    client: &Client,
    list: &[Listed],
    engine: &str,
    until: Instant,
    at: Timestamp,
) -> (Vec<Seen>, Vec<Blind>) {
    let mut seen: Vec<Seen> = list.iter().map(|item| listed(item, engine, at)).collect();
    let wanted = worth_a_look(&seen);
    let asked = stream::iter(wanted).map(|index| {
        let id = list.get(index).map(|item| item.id.clone()).unwrap_or_default();
        async move { (index, inspect(client, &id, until).await) }
    });
    let mut answers: Vec<_> = asked.buffer_unordered(CONCURRENT).collect().await;
    answers.order_by_key(|(index, _)| *index);
    let ids: BTreeSet<String> = answers
        .iter()
        .filter_map(|(_, answer)| Some(answer.as_ref().ok()?.image.clone()))
        .filter(|id| is_plain(id))
        .gather();
    let asked = stream::iter(ids).map(|id| async move {
        let image = client.get::<InspectedImage>(&format!("/images/{id}/json"), ONE, until).await;
        (id, image.ok())
    });
    let images: BTreeMap<String, Option<InspectedImage>> = asked.buffer_unordered(CONCURRENT).collect().await;
    let mut blind = Vec::new();
    for (index, answer) in answers {
        let Some(place) = seen.get_mut(index) else { continue };
        match answer {
            Ok(answer) => {
                let image = images.get(&answer.image).and_then(Option::as_ref);
                *place = inspected(&answer, image, engine, at);
            }
            // It was removed since the list was made.
            Err(error) if error.is_not_found() => {}
            Err(error) => blind.push(Blind {
                what: place.workload.id.clone(),
                why: line(&error.sentence(), MAX_WHY),
                remedy: "see why `docker inspect` gives no answer for it".to_owned(),
                readiness: place.workload.is_running(),
            }),
        }
    }
    processes::judge(client, &mut seen, until).await;
    resolve_shared(&mut seen);
    (seen, blind)
}

async fn inspect(client: &Client, id: &str, until: Instant) -> Result<Inspected, EngineError> {
    client.get::<Inspected>(&format!("/containers/{}/json", plain(id)), ONE, until).await
}

/// Ids go into paths of requests.
pub(super) fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).take(128).collect()
}

fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':')
}

/// Which containers may matter: those with a role, those that may have one once more is known, and the rest of their projects and
/// namespaces.
fn worth_a_look(seen: &[Seen]) -> Vec<usize> {
    let may_matter = |seen: &Seen| {
        let workload = &seen.workload;
        let speaks = |text: &str| text.contains("openclaw");
        workload.role != WorkloadRole::Other
            || workload.role_reason == "waits"
            || seen.definition.ports.contains(&18_789)
            || workload.ports.iter().any(|port| port.host_port == Some(18_789))
            || speaks(&workload.name)
            || speaks(&workload.image.reference)
            || workload.mounts.iter().any(|mount| speaks(&mount.target))
            || matches!(workload.network_mode, NetworkMode::Shared { .. })
    };
    let first: BTreeSet<usize> =
        seen.iter().enumerate().filter(|(_, seen)| may_matter(seen)).map(|(index, _)| index).gather();
    let projects: BTreeSet<&str> =
        first.iter().filter_map(|index| seen.get(*index)?.workload.project.as_deref()).gather();
    let of_project = seen.iter().enumerate().filter(|(index, seen)| {
        !first.contains(index) && seen.workload.project.as_deref().is_some_and(|project| projects.contains(project))
    });
    first.iter().copied().chain(of_project.map(|(index, _)| index)).take(MAX_INSPECTED).collect()
}

/// Puts ids of workloads in place of those of containers.
fn resolve_shared(seen: &mut [Seen]) {
    let names: Vec<(String, String, String)> = seen
        .iter()
        .map(|seen| {
            let workload = &seen.workload;
            (workload.container_id.clone().unwrap_or_default(), workload.name.clone(), workload.id.clone())
        })
        .collect();
    for seen in seen.iter_mut() {
        if let NetworkMode::Shared { with, found } = &mut seen.workload.network_mode {
            let other = names.iter().find(|(container, name, _)| container == with || name == with);
            if let Some((_, _, id)) = other {
                id.clone_into(with);
                *found = true;
            }
        }
    }
}
