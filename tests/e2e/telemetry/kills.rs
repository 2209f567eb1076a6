//! A daemon that is killed at any moment, and an endpoint that comes and goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread;
use std::time::{Duration, Instant};

use portreeve_telemetry::value;
use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint, Point};
use serde_json::Value;

use super::tally::{Tally, Told, wait_until_told};
use super::{Agent, LIMIT, kills};

/// The longest life, in milliseconds: time for a verdict and for a request.
const LIFE: u64 = 1_200;

fn misbehave(endpoint: &Endpoint) {
    endpoint.behave(|_| match fastrand::u8(..12) {
        0 => Behaviour::Hang,
        1 => Behaviour::Reset { after: fastrand::usize(..2000) },
        2 => Behaviour::retry_after(429, "7200"),
        3 => Behaviour::status(500),
        4 => Behaviour::retry_after(503, "1"),
        5 => Behaviour::AcceptThenClose,
        6 => Behaviour::AcceptThenCut,
        7 => Behaviour::Slow(Duration::from_millis(1)),
        8 => Behaviour::Gibberish,
        _ => Behaviour::Accept,
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "what many kills came to is worth reading")]
fn what_a_killed_daemon_has_written_down_is_told_once() {
    let endpoint = Endpoint::start();
    let mut agent = Agent::new(&format!("endpoint = \"{}\"", endpoint.url()));
    let mut tally = Tally::default();
    let kills = kills(12);
    for _ in 0..kills {
        misbehave(&endpoint);
        match fastrand::u8(..6) {
            0 => endpoint.go_away(),
            1..4 => endpoint.come_back(),
            _ => {}
        }
        if fastrand::bool() {
            agent.turn();
        }
        let before = history(&agent);
        agent.start();
        // As often as not at the very time at which it has something to write down.
        if fastrand::bool() {
            wait_for_verdict(&agent, before);
            thread::sleep(Duration::from_micros(fastrand::u64(..50_000)));
        } else {
            thread::sleep(Duration::from_millis(fastrand::u64(..LIFE)));
        }
        if fastrand::u8(..4) == 0 {
            agent.turn();
            thread::sleep(Duration::from_millis(fastrand::u64(..LIFE)));
        }
        agent.kill();
        tally.look(&agent);
    }
    endpoint.come_back();
    endpoint.always(Behaviour::Accept);
    agent.start();
    wait_until_told(&agent);
    agent.kill();
    tally.look(&agent);

    let told = told(&endpoint);
    println!(
        "{kills} kills: {} events arrived in {} requests, {} of them twice; {:?}",
        told.len(),
        endpoint.requests().len(),
        endpoint.events().len() - told.len(),
        tally.state(),
    );
    tally.assert_told(&told, &agent.log());
    let state = tally.state();
    assert_eq!((state.dropped_total, state.refused_total), (0, 0), "{state:?}");
    assert_counted(&endpoint, told.iter().filter(|one| one.name == "portreeve.verdict.changed").count());
}

/// Which file the history is, if any: each verdict makes it another one.
fn history(agent: &Agent) -> Option<u64> {
    fs::metadata(agent.data().join("history.json")).ok().map(|file| file.ino())
}

fn wait_for_verdict(agent: &Agent, before: Option<u64>) {
    let deadline = Instant::now() + LIMIT;
    while history(agent) == before {
        assert!(Instant::now() < deadline, "no verdict:\n{}", agent.log());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Events in the order of their first arrival. One that came twice said the same.
fn told(endpoint: &Endpoint) -> Vec<Told> {
    let mut first: BTreeMap<String, Told> = BTreeMap::new();
    let mut told = Vec::new();
    for event in endpoint.events() {
        let body: Value = value::to_json(&event.body.unwrap(), 1_000_000).unwrap();
        let one = Told { id: event.id, name: event.name, body };
        match first.get(&one.id) {
            Some(before) => assert_eq!(*before, one),
            None => {
                first.insert(one.id.clone(), one.clone());
                told.push(one);
            }
        }
    }
    told
}

/// What counts never falls and begins once, and no change of the verdict is counted twice.
fn assert_counted(endpoint: &Endpoint, changes: usize) {
    let mut series: BTreeMap<(String, Vec<String>), Vec<Point>> = BTreeMap::new();
    for point in endpoint.points().into_iter().filter(|point| point.kind != "gauge") {
        series.entry((point.metric.clone(), point.attributes.clone())).or_default().push(point);
    }
    let mut counted = 0.0;
    for ((metric, attributes), mut points) in series {
        points.sort_by_key(|point| point.at_ns);
        let starts: BTreeSet<u64> = points.iter().map(|point| point.start_ns).collect();
        assert_eq!(starts.len(), 1, "{metric} {attributes:?} begins anew");
        for pair in points.windows(2) {
            assert!(pair[0].value <= pair[1].value, "{metric} falls: {pair:?}");
            assert!(pair[0].at_ns < pair[1].at_ns || pair[0] == pair[1], "{metric} says two things: {pair:?}");
        }
        if metric == "portreeve.verdict.changes" {
            counted += points.last().unwrap().value;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "tests count far below 2^52")]
    let changes = changes as f64;
    assert!(counted <= changes, "{counted} changes counted, {changes} told");
    let nodes: BTreeSet<String> = endpoint.points().into_iter().map(|point| point.node).collect();
    let tellers: BTreeSet<String> = endpoint.events().into_iter().map(|event| event.node).collect();
    assert!(nodes.len() == 1 && nodes == tellers, "{nodes:?} {tellers:?}");
}
