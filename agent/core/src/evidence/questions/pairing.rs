//! Whether pairing was tried before tokens were edited.

use jiff::Timestamp;

use super::{Asked, Draft, MOST, time};
use crate::snapshot::{Gateway, Snapshot, TokenSource, event};

/// Something that happened, and what shows it.
struct Happened {
    at: Timestamp,
    what: String,
    source: String,
}

pub(super) fn answer(asked: &Asked<'_>, draft: &mut Draft) {
    let pairings = pairings(asked);
    let edits = edits(asked);
    let first = |list: &[Happened]| list.iter().map(|one| one.at).min();
    // Facts of one time prove little of what came before it.
    let (about, no) = match asked.gathered.not_read {
        Some(_) => ("As far as the facts go", "As far as the facts go, no"),
        None => ("Within the time that was looked at", "No"),
    };
    match (first(&pairings), first(&edits)) {
        (Some(paired), Some(edited)) if paired <= edited => draft.say(format!(
            "Pairing was first tried at {}, and places that hold a secret were last written after it, at {} and later.",
            time(paired),
            time(edited)
        )),
        (Some(paired), Some(edited)) => draft.say(format!(
            "No: a place that holds a secret was written at {}, before pairing was first tried at {}.",
            time(edited),
            time(paired)
        )),
        (Some(paired), None) => {
            draft.say(format!(
                "Pairing was tried at {}. {about}, no place that holds a secret was written.",
                time(paired)
            ));
        }
        (None, Some(edited)) => {
            draft.say(format!(
                "{no}: a place that holds a secret was written at {}, and nothing shows that pairing was tried.",
                time(edited)
            ));
        }
        (None, None) if asked.gathered.not_read.is_none() => {
            draft.say(format!(
                "Neither: since {}, nothing shows that pairing was tried or a place that holds a secret written.",
                time(asked.since)
            ));
        }
        (None, None) => {}
    }
    if matches!((first(&pairings), first(&edits)), (Some(paired), Some(edited)) if paired <= edited) {
        draft.missing(
            "whether such a place was also written before pairing was tried: a file's time tells of its last write",
        );
    }
    if !edits.is_empty() {
        draft.missing(
            "whether the secret itself was changed: a file's time tells that it was written, and not what in it",
        );
    }
    gaps(asked, draft);
    for one in pairings.into_iter().chain(edits) {
        draft.fact_at(one.what, one.source, one.at);
    }
}

/// What is missing to be sure.
fn gaps(asked: &Asked<'_>, draft: &mut Draft) {
    if let Some(why) = &asked.gathered.not_read {
        draft.missing(format!("what logs say beyond the facts: {why}"));
    }
    for (log, why) in asked.gathered.problems.iter().take(MOST) {
        draft.missing(format!("what {log} says: {why}"));
    }
    for gateway in asked.snapshot.gateways.iter().take(MOST) {
        if let Some(why) = gateway.pairing.blind() {
            draft.missing(format!("which devices wait at {}: {why}", gateway.id));
        }
        if let Some(begins) = gateway.log.get().and_then(|log| log.since).filter(|begins| *begins > asked.since) {
            draft.missing(format!("what was before {}: the log of {} begins then", time(begins), gateway.id));
        }
    }
}

/// Tries to pair: in logs, and the requests and approvals that gateways keep.
fn pairings(asked: &Asked<'_>) -> Vec<Happened> {
    let mut list = Vec::new();
    for kind in [event::PAIRING_REQUIRED, event::DEVICE_APPROVED] {
        if let Some(seen) = asked.gathered.kind(kind) {
            let what = format!("first `{kind}` of {}", seen.count);
            list.push(Happened { at: seen.first, what, source: seen.source.clone() });
        }
    }
    for gateway in asked.snapshot.gateways.iter().take(MOST) {
        let Some(pairing) = gateway.pairing.get() else { continue };
        let source = &gateway.pairing.source;
        let pending = pairing
            .pending
            .iter()
            .filter_map(|pending| Some((pending.requested_at?, &pending.device_id, "asks to be paired")));
        let paired =
            pairing.paired.iter().filter_map(|paired| Some((paired.approved_at?, &paired.device_id, "was approved")));
        for (at, device, what) in pending.chain(paired).filter(|(at, _, _)| *at >= asked.since) {
            list.push(Happened { at, what: format!("device {device} {what}"), source: source.clone() });
        }
    }
    list
}

/// Writes to what holds a secret: configurations, and the files of token sources.
fn edits(asked: &Asked<'_>) -> Vec<Happened> {
    let mut list: Vec<Happened> = Vec::new();
    let mut add = |at: Timestamp, what: String, source: String| {
        if at >= asked.since && !list.iter().any(|one| one.source == source) {
            list.push(Happened { at, what, source });
        }
    };
    for gateway in asked.snapshot.gateways.iter().take(MOST) {
        if let Some(config) = gateway.config.get().filter(|_| holds_secret(gateway)) {
            add(
                config.modified,
                "the configuration, which holds a secret, was last written".to_owned(),
                config.path.clone(),
            );
        }
    }
    let readers = asked.snapshot.gateways.iter().map(|gateway| &gateway.credentials);
    let readers = readers.chain(asked.snapshot.clients.iter().map(|client| &client.credentials));
    for source in readers.flat_map(|credentials| &credentials.sources) {
        if let Some((path, at)) = written(asked.snapshot, source) {
            add(at, format!("the file of {} was last written", source.location), path);
        }
    }
    if let Some(seen) = asked.gathered.kind(event::CONFIG_CHANGED) {
        add(seen.first, format!("first `{}` of {}", event::CONFIG_CHANGED, seen.count), seen.source.clone());
    }
    list
}

/// Whether a configuration is where a secret stands.
fn holds_secret(gateway: &Gateway) -> bool {
    let path = gateway.config.get().map(|config| config.path.as_str());
    gateway.credentials.sources.iter().any(|source| source.fingerprint.is_some() && source.path.as_deref() == path)
}

fn written(snapshot: &Snapshot, source: &TokenSource) -> Option<(String, Timestamp)> {
    let path = source.path.as_ref().filter(|_| source.fingerprint.is_some())?;
    let files = snapshot.state_dirs.iter().flat_map(|dir| &dir.files);
    let stat = files.filter(|(name, _)| name == path).find_map(|(_, stat)| stat.get())?;
    Some((path.clone(), stat.modified))
}
