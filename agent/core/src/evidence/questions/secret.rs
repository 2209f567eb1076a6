//! Which source held the token.

use super::{Asked, Draft, MOST, capital};
use crate::report::{Reader, credentials};
use crate::snapshot::SourceOutcome;

pub(super) fn answer(asked: &Asked<'_>, draft: &mut Draft) {
    for reader in credentials(asked.snapshot).iter().take(2 * MOST) {
        of(reader, draft);
    }
}

fn of(reader: &Reader, draft: &mut Draft) {
    let who = format!("{} {}", capital(&reader.kind), reader.id);
    let winner = reader.sources.iter().find_map(|source| match &source.outcome {
        SourceOutcome::Wins { why } => Some((source, why)),
        _ => None,
    });
    let agrees = match reader.agrees {
        Some(true) => ", and it is the gateway's own",
        Some(false) => ", and it is NOT the gateway's",
        None => "",
    };
    match (winner, &reader.winner) {
        (Some((source, why)), Some(fingerprint)) => {
            draft.say(format!(
                "{who} takes its {} from {} (fingerprint {fingerprint}){agrees}.",
                source.kind, source.location
            ));
            draft.fact(
                format!("{}: wins, {why}", source.location),
                source.path.clone().unwrap_or_else(|| source.location.clone()),
            );
        }
        (_, Some(fingerprint)) => draft.say(format!("{who} uses a secret with fingerprint {fingerprint}{agrees}.")),
        (_, None) => match &reader.refusal {
            Some(why) => draft.say(format!("{who} has no secret that it can use: {why}.")),
            None if reader.blind.is_empty() => draft.say(format!("{who} has no secret: its mode is {}.", reader.mode)),
            None => {}
        },
    }
    for source in &reader.sources {
        let (standing, why) = match &source.outcome {
            SourceOutcome::Loses { why } => ("loses", why),
            SourceOutcome::NotRead { why } => ("is never read", why),
            SourceOutcome::Unresolved { why } => ("cannot be resolved", why),
            SourceOutcome::Wins { .. } | SourceOutcome::Empty => continue,
        };
        let fingerprint =
            source.fingerprint.as_ref().map(|print| format!(" (fingerprint {print})")).unwrap_or_default();
        draft.fact(format!("{}{fingerprint} {standing}: {why}", source.location), reader.id.clone());
    }
    for blind in &reader.blind {
        draft.missing(format!("whether another source of {} wins: {blind}", reader.id));
    }
}
