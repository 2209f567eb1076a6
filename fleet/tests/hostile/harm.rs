//! What no client may do to a server.

use std::time::{Duration, Instant};

use portreeve_telemetry::otlp::METRICS_PATH;

use crate::fleet::{Fleet, Node};
use crate::telling::{gauge, metrics};

/// Resident memory that no client may drive a server over that holds next to nothing, in MiB. The bounds of bodies in memory are a
/// quarter of a GiB.
const MEMORY_MIB: u64 = 400;
/// Within which a server answers whatever else is going on. A debug build on a busy machine.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// That the server is as it was: it answers at once, takes in what is right, and is of no size.
pub(crate) fn assert_unharmed(fleet: &mut Fleet, node: &Node) {
    let begun = Instant::now();
    assert_eq!(fleet.get("/healthz").status, 200);
    let answer = node.post(fleet, METRICS_PATH, &metrics(&node.id, vec![gauge("portreeve.node.uptime", &[], 1.0)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(begun.elapsed() < ANSWER, "answers took {:?}", begun.elapsed());
    let peak = fleet.memory_mib();
    assert!(peak < MEMORY_MIB, "{peak} MiB at the most");
    assert!(!fleet.log().contains("panicked"), "{}", fleet.log());
}
