//! What happened to containers.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::EngineEvent;

use super::client::Client;
use super::observe::ONE;
use super::text::line;
use super::wire::Event;
use super::workload::{Seen, name, workload_id};

/// How far back events are asked for. Engines keep few of them.
const SINCE: SignedDuration = SignedDuration::from_hours(24);
/// Most events that are kept.
const MAX_EVENTS: usize = 500;
/// `{"type":["container"],"event":["start","die","oom","kill","health_status"]}`
const FILTERS: &str = "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%2C%22oom%22%2C%22kill%22%2C%22health_status%22%5D%7D";
/// `{"type":["container"],"event":["start","die","died","kill","health_status"]}`
const PODMANS_FILTERS: &str = "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%2C%22died%22%2C%22kill%22%2C%22health_status%22%5D%7D";

/// Asks for what happened since. Docker takes a time that has come for the end; Podman then says nothing, and has a parameter of its own
/// for an answer that ends, and a name of its own for the end of a container.
pub(super) async fn ask(client: &Client, is_podman: bool, until: Instant, at: Timestamp) -> Fact<Vec<Event>> {
    const SOURCE: &str = "GET /events";
    let now = at.as_second();
    let since = now.saturating_sub(SINCE.as_secs());
    let end = if is_podman { "stream=false".to_owned() } else { format!("until={now}") };
    let filters = if is_podman { PODMANS_FILTERS } else { FILTERS };
    let path = format!("/events?since={since}&{end}&filters={filters}");
    match client.call_partly(&path, 2 * ONE, until).await {
        Ok((bytes, _)) => {
            let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
            let mut events: Vec<Event> = lines.collect();
            events.drain(..events.len().saturating_sub(MAX_EVENTS));
            Fact::known(events, SOURCE, at)
        }
        Err(error) => Fact::unreadable(line(&error.sentence(), 512), SOURCE, at),
    }
}

/// Those of these containers, and of others by their names.
pub(super) fn of(events: Vec<Event>, seen: &[Seen]) -> Vec<EngineEvent> {
    let ids: BTreeMap<&str, &str> = seen
        .iter()
        .filter_map(|seen| Some((seen.workload.container_id.as_deref()?, seen.workload.id.as_str())))
        .gather();
    let events = events.into_iter().filter_map(|event| {
        // A container that is gone is known by its name alone.
        let named = event.actor.attributes.get("name").filter(|name| !name.starts_with(crate::inside::NAME_PREFIX));
        let named = named.map(|known| workload_id(&name(known)));
        let present = ids.get(event.actor.id.as_str()).map(|id| (*id).to_owned());
        let replaced = present.is_none();
        let workload = present.or(named)?;
        Some(EngineEvent {
            at: Timestamp::from_nanosecond(i128::from(event.time_nano)).ok()?,
            action: name(&event.action),
            workload,
            exit_code: event.actor.attributes.get("exitCode").and_then(|code| code.parse().ok()),
            replaced,
        })
    });
    events.collect()
}
