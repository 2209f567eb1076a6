//! Many starts of what becomes ready late, fails somewhere, dies or lies.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::{Stage, said};

/// How many starts; `scripts/bench gate` asks for more.
const STARTS: &str = "PORTREEVE_GATE_STARTS";
const AT_ONCE: usize = 8;

/// What a play must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// Exit status 0.
    Success,
    /// Exactly this status.
    Status(i32),
    /// A documented status that is no success.
    NoSuccess,
}

/// A number that looks like any other.
fn random(seed: usize, below: u64) -> u64 {
    let mut value = (seed as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ value >> 31) % below
}

/// The play of one start.
fn play(seed: usize) -> (&'static str, Value, Expect) {
    let listen = random(seed, 400);
    let ready = listen + random(seed + 10_000, 600);
    let soon = random(seed + 20_000, 500);
    let honest = json!({ "listen": listen, "ready": ready });
    let with = |changes: Value| {
        let mut part = honest.clone();
        let fields = changes.as_object().cloned().unwrap_or_default();
        part.as_object_mut().unwrap().extend(fields);
        part
    };
    match seed % 15 {
        0 | 1 => ("becomes ready, ends well", with(json!({ "end": ready + 6_000 })), Expect::Success),
        2 => ("becomes ready, ends badly", with(json!({ "end": ready + 6_000, "status": 3 })), Expect::Status(3)),
        3 => ("never ready", with(json!({ "ready": null })), Expect::NoSuccess),
        4 => ("says ready, refuses connect", with(json!({ "lies": true, "refuses": true })), Expect::NoSuccess),
        5 => ("says ready, is not", with(json!({ "lies": true, "ready": null })), Expect::NoSuccess),
        6 => ("never listens", json!({}), Expect::NoSuccess),
        7 => ("no lock file", with(json!({ "lock": "none" })), Expect::NoSuccess),
        8 => ("the lock names init", with(json!({ "lock": "1" })), Expect::NoSuccess),
        9 => ("ends well before it is ready", with(json!({ "ready": null, "end": soon })), Expect::NoSuccess),
        10 => ("ends with 78", json!({ "end": soon, "status": 78 }), Expect::Status(78)),
        11 => ("dies by a signal", with(json!({ "ready": null, "end": soon, "signal": 9 })), Expect::Status(137)),
        12 => ("no challenge", with(json!({ "is_mute": true })), Expect::NoSuccess),
        13 => ("leaves the port to another", json!({ "end": soon }), Expect::NoSuccess),
        _ => ("stays while another has the port", json!({}), Expect::NoSuccess),
    }
}

fn start(seed: usize) {
    let stage = Stage::new();
    let (name, part, expect) = play(seed);
    // A healthy gateway of the same state that is not the command's.
    let _other = (seed % 15 >= 13).then(|| stage.play(json!({ "listen": 0, "ready": 0 })));
    let timeout = if expect == Expect::NoSuccess { "1" } else { "60" };
    let output = stage.gate(&["--timeout", timeout, "--stop-timeout", "5"], part.clone()).output().unwrap();
    let (status, said) = said(&output);
    let holds = match expect {
        Expect::Success => status == Some(0),
        Expect::Status(wanted) => status == Some(wanted),
        Expect::NoSuccess => status.is_some_and(|status| [1, 69, 75, 76, 77, 78].contains(&status)),
    };
    assert!(holds, "start {seed}, {name}: {part}: {expect:?}, got {status:?}\n{said}");
}

#[test]
fn no_start_that_is_not_proven_is_a_success() {
    let starts: usize = env::var(STARTS).ok().map_or(60, |text| text.parse().unwrap());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(starts) {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < starts
                {
                    start(seed);
                }
            });
        }
    });
}

#[test]
fn without_a_command_the_gate_waits_for_one_that_is_ready_and_for_no_liar() {
    for (part, expect) in [
        (json!({ "listen": 100, "ready": 700 }), true),
        (json!({ "listen": 0, "lies": true, "refuses": true }), false),
        (json!({ "listen": 0, "ready": 0, "lock": "none" }), false),
    ] {
        let stage = Stage::new();
        let _gateway = stage.play(part.clone());
        let (status, said) = said(&stage.alone(&["--timeout", if expect { "60" } else { "2" }]).output().unwrap());
        assert_eq!(status == Some(0), expect, "{part}: {status:?}\n{said}");
    }
}

#[test]
fn a_refused_token_is_a_cause_of_its_layer() {
    let stage = Stage::new();
    let part = json!({ "listen": 0, "ready": 0, "refuses": true });
    let (status, said) = said(&stage.gate(&["--timeout", "2"], part.clone()).output().unwrap());
    assert_eq!(status, Some(77), "{said}");
    let (status, said) = super::said(&stage.alone(&["--through", "transport", "--timeout", "1"]).output().unwrap());
    assert_ne!(status, Some(0), "nothing runs any more: {said}");
    let _gateway = stage.play(part);
    let (status, said) = super::said(&stage.alone(&["--through", "transport", "--timeout", "30"]).output().unwrap());
    assert_eq!(status, Some(0), "{said}");
}
