//! A spool that is full.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_deliver::spool::{Limits, Record, Signal, Spool};
use portreeve_store::Folder;
use portreeve_telemetry::encode::{Origin, raw_event};
use portreeve_telemetry::event::Name;
use portreeve_telemetry::otlp::Message as _;
use portreeve_telemetry::value;
use portreeve_tests::otlp_endpoint::Endpoint;
use portreeve_tests::wait_until;
use serde_json::json;

use super::tally::{survey, wait_until_told};
use super::{Agent, LIMIT};

/// The least that `deliver.spool_bytes` can be.
const BOUND: u64 = Limits::MIN_BYTES;
/// What a record of a full spool weighs.
const WEIGHT: usize = 3_000;

/// An event as an agent spools it.
fn record() -> Record {
    let (id, at) = (uuid::Uuid::new_v4(), Timestamp::now());
    let body = json!({ "noise": "x".repeat(WEIGHT) }).to_string();
    let request = raw_event(&Origin::default(), id, at, Name::Report, body.as_bytes()).unwrap();
    Record { id, signal: Signal::Logs, at, bytes: request.encode_to_vec() }
}

/// As many as the bound holds: their ids.
fn fill(agent: &Agent) -> BTreeSet<String> {
    let folder = Folder::create(&agent.data()).unwrap().folder("spool").unwrap();
    let limits = Limits { max_bytes: BOUND, max_age: Duration::from_hours(24) };
    let mut spool = Spool::open(folder, limits, Timestamp::now()).unwrap();
    let mut ids = BTreeSet::new();
    let room = |spool: &Spool, records: usize| spool.state().file_bytes + (records * WEIGHT) as u64 <= BOUND;
    while room(&spool, 2) {
        // Each append waits for the disk.
        let count = if room(&spool, 64) { 32 } else { 1 };
        let records: Vec<Record> = (0..count).map(|_| record()).collect();
        ids.extend(records.iter().map(|record| record.id.to_string()));
        spool.append(&records, Timestamp::now()).unwrap();
    }
    assert_eq!(spool.state().dropped_total, 0);
    ids
}

#[test]
fn what_the_bound_drops_is_counted_and_told() {
    let endpoint = Endpoint::start();
    endpoint.go_away();
    let mut agent = Agent::new(&format!("endpoint = \"{}\"\nspool_bytes = {BOUND}", endpoint.url()));
    let filled = fill(&agent);
    for _ in 0..2 {
        agent.start();
        let dropped = survey(&agent.data()).unwrap().state.dropped_total;
        wait_until(&format!("more that is dropped by\n{}", agent.log()), LIMIT, || {
            (survey(&agent.data())?.state.dropped_total > dropped).then_some(())
        });
        agent.kill();
        agent.turn();
    }
    endpoint.come_back();
    agent.start();
    wait_until_told(&agent);
    wait_until("an event of what was dropped", LIMIT, || {
        let dropped = survey(&agent.data())?.state.dropped_total;
        totals(&endpoint).contains(&dropped).then_some(())
    });
    agent.kill();

    let state = survey(&agent.data()).unwrap().state;
    let there = endpoint.event_ids();
    let missing = filled.difference(&there).count() as u64;
    assert!(missing > 0 && missing <= state.dropped_total, "{missing} of {} are missing: {state:?}", filled.len());
    let gone = state.delivered_total + state.dropped_total + state.records;
    assert_eq!((state.spooled_total, state.refused_total, state.lost_total), (gone, 0, 0), "{state:?}");
    let totals = totals(&endpoint);
    assert_eq!(totals.iter().max().copied(), Some(state.dropped_total), "{totals:?} {state:?}");
}

/// What the endpoint was told of all that was dropped so far, each time.
fn totals(endpoint: &Endpoint) -> Vec<u64> {
    let dropped = endpoint.events().into_iter().filter(|event| event.name == Name::SpoolDropped.as_str());
    dropped.map(|event| value::to_json(&event.body.unwrap(), 1_000).unwrap()["total"].as_u64().unwrap()).collect()
}
