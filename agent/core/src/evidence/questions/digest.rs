//! Which digest was live, and when.

use super::{Asked, Draft, MOST, capital, time};
use crate::ImageReference;
use crate::logs::Origin;
use crate::snapshot::{Gateway, Snapshot, Workload};

/// Sightings of digests that are named.
const MOST_SEEN: usize = 8;

pub(super) fn answer(asked: &Asked<'_>, draft: &mut Draft) {
    for gateway in asked.snapshot.gateways.iter().take(MOST) {
        match gateway.workload.as_deref().and_then(|id| asked.snapshot.workload(id)) {
            Some(workload) => of_workload(asked, &format!("gateway {}", gateway.id), workload, draft),
            None => installed(asked.snapshot, gateway, draft),
        }
    }
    for client in asked.snapshot.clients.iter().take(MOST) {
        if let Some(workload) = client.workload.as_deref().and_then(|id| asked.snapshot.workload(id)) {
            of_workload(asked, &format!("client {}", client.id), workload, draft);
        }
    }
}

fn of_workload(asked: &Asked<'_>, who: &str, workload: &Workload, draft: &mut Draft) {
    let image = &workload.image;
    let Some(id) = &image.id else {
        draft.missing(format!("which digest {who} would run: no container runs {}", workload.name));
        return;
    };
    let digest = image.digests.first().map(|digest| format!(", by its registry {digest}")).unwrap_or_default();
    let name = if image.reference.is_empty() { "an image that is built here" } else { &image.reference };
    let since = workload.runtime.as_ref().and_then(|runtime| runtime.started_at);
    let from = since.map(|at| format!(" since {}", time(at))).unwrap_or_default();
    draft.say(format!("{} runs {name} as {id}{digest}{from}.", capital(who)));
    draft.fact(format!("image of {}: {id}", workload.name), workload.engine.clone().unwrap_or_default());
    if digest.is_empty() && !image.built {
        draft
            .missing(format!("by which digest a registry knows the image of {}: the engine keeps none", workload.name));
    }
    if let Some(since) = since.filter(|at| *at > asked.since) {
        before(asked, workload, since, draft);
    }
    let own = repository(&image.reference);
    for check in asked.snapshot.image_checks.iter().filter(|check| own.is_some() && repository(&check.image) == own) {
        for seen in check.history.iter().rev().take(MOST_SEEN) {
            draft.fact_at(
                format!("{} of {} was seen from {} to {}", seen.digest, check.image, time(seen.first), time(seen.last)),
                "image checks",
                seen.last,
            );
        }
    }
}

/// Registry and repository of a reference.
fn repository(reference: &str) -> Option<(String, String)> {
    ImageReference::parse(reference).ok().map(|image| (image.registry, image.repository))
}

/// What was live before a start that lies within the time that is looked at.
fn before(asked: &Asked<'_>, workload: &Workload, since: jiff::Timestamp, draft: &mut Draft) {
    let events = asked
        .gathered
        .entries
        .iter()
        .filter(|entry| entry.origin == Origin::Engine && entry.at <= since && entry.text.contains(&workload.id));
    for event in events.rev().take(2) {
        draft.fact_at(event.text.clone(), event.source.clone(), event.at);
    }
    draft.missing(format!(
        "which digest {} ran before {}: an engine tells only of the containers that it has now",
        workload.name,
        time(since)
    ));
}

fn installed(snapshot: &Snapshot, gateway: &Gateway, draft: &mut Draft) {
    let running = gateway.ladder.connect.answer().and_then(|hello| hello.server_version.clone());
    let running = running.or_else(|| gateway.ladder.startupz.answer()?.version.clone());
    let users: Vec<String> =
        gateway.pids.iter().map(|pid| format!("pid {pid}")).chain(gateway.units.iter().cloned()).collect();
    let install =
        snapshot.installs.iter().find(|install| install.used_by.iter().any(|by| users.iter().any(|user| user == by)));
    let install = install.or(match snapshot.installs.as_slice() {
        [only] => Some(only),
        _ => None,
    });
    match (&running, install) {
        (Some(version), _) => {
            draft.say(format!(
                "Gateway {} runs from a package and no image, so that it has no digest: OpenClaw {version} at {}.",
                gateway.id,
                time(snapshot.taken_at)
            ));
            draft.fact_at(
                format!("the gateway calls itself {version}"),
                gateway.ladder.target.clone(),
                gateway.ladder.connect.at,
            );
        }
        (None, Some(install)) => {
            let version = install.version.as_deref().unwrap_or("of a version that is not known");
            draft.say(format!(
                "Gateway {} is installed as a package and no image: OpenClaw {version}; it did not say what it runs.",
                gateway.id
            ));
        }
        (None, None) => draft.missing(format!(
            "what {} runs: it did not answer, and no installation is known to be its own",
            gateway.id
        )),
    }
    if let Some(install) = install {
        let version = install.version.as_deref().unwrap_or("not known");
        draft.fact(format!("package of version {version}"), install.path.clone());
        if running.is_some() && install.version.is_some() && install.version != running {
            draft.say(format!("The package on disk is OpenClaw {version}: another one than what runs."));
        }
    }
}
