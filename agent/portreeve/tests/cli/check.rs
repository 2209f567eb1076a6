//! The verdict on a node, from kept facts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use crate::bench::{Bench, assert_fits, facts, facts_value};

/// Every kept node with the exit status of its verdict.
pub(crate) const NODES: [(&str, i32); 7] =
    [("ready", 0), ("degraded", 0), ("nothing", 75), ("silent", 69), ("split", 77), ("invalid", 78), ("unproven", 75)];

fn check(name: &str, options: &[&str]) -> String {
    let file = facts(name);
    Bench::new().run(&[&["check", "--from", &file], options].concat()).to_string()
}

#[test]
fn ready() {
    insta::assert_snapshot!(check("ready", &[]));
}

#[test]
fn degraded() {
    insta::assert_snapshot!(check("degraded", &[]));
}

#[test]
fn degraded_with_evidence() {
    insta::assert_snapshot!(check("degraded", &["-v"]));
}

#[test]
fn nothing_to_judge() {
    insta::assert_snapshot!(check("nothing", &[]));
}

#[test]
fn blocked_in_transport() {
    insta::assert_snapshot!(check("silent", &[]));
}

#[test]
fn blocked_in_auth() {
    insta::assert_snapshot!(check("split", &[]));
}

#[test]
fn blocked_by_a_cause_that_explains_others() {
    insta::assert_snapshot!(check("invalid", &[]));
}

#[test]
fn unproven() {
    insta::assert_snapshot!(check("unproven", &[]));
}

#[test]
fn colours() {
    insta::assert_snapshot!(check("split", &["--color", "always"]).replace('\u{1b}', "␛"));
}

#[test]
fn one_layer() {
    insta::assert_snapshot!(check("invalid", &["--only", "auth"]));
}

#[test]
fn the_verdict_on_one_layer_claims_no_more_than_that() {
    let verdict = |name, layer| check(name, &["--only", layer]).lines().nth(2).unwrap().to_owned();
    assert_eq!(verdict("ready", "auth"), "READY  layer auth holds, and no other was judged");
    assert_eq!(verdict("degraded", "auth"), "DEGRADED  ready, with 1 warning in layer auth; no other was judged");
    assert_eq!(verdict("ready", "node"), "READY  layer node holds, and no other was judged");
}

#[test]
fn a_report_for_programs() {
    insta::assert_snapshot!(check("silent", &["--json"]));
}

#[test]
fn a_waived_finding_stays_visible_and_leaves_the_verdict() {
    let bench = Bench::new();
    let waivers = "[[waiver]]\ncode = \"token.split\"\nuntil = \"2030-01-01T00:00:00Z\"\nreason = \"the old laptop goes on Friday\"\n";
    let config = bench.file("waivers.toml", waivers);
    let run = bench.run(&["check", "--from", &facts("split"), "--config", config.to_str().unwrap()]);
    insta::assert_snapshot!(run);
}

#[test]
fn a_waiver_that_has_expired_changes_nothing() {
    let bench = Bench::new();
    let config = "[[waiver]]\ncode = \"token.split\"\nuntil = \"2026-11-20T03:12:06Z\"\nreason = \"too late\"\n";
    let config = bench.file("waivers.toml", config);
    let run = bench.run(&["check", "--from", &facts("split"), "--config", config.to_str().unwrap()]);
    assert_eq!(run.to_string(), check("split", &[]));
}

#[test]
fn each_verdict_has_its_exit_status() {
    let bench = Bench::new();
    for (name, status) in NODES {
        let run = bench.run(&["check", "--from", &facts(name)]);
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{name}");
    }
}

#[test]
fn strictness_makes_warnings_count_and_nothing_else() {
    let bench = Bench::new();
    for (name, status) in NODES {
        let status = if name == "degraded" { 1 } else { status };
        assert_eq!(bench.run(&["check", "--strict", "--from", &facts(name)]).status, status, "{name}");
    }
}

#[test]
fn a_failing_channel_blocks_in_channels() {
    let bench = Bench::new();
    let mut node = facts_value("ready");
    node["gateways"][0]["ladder"]["channels"]["answer"]["channels"] = json!([failing_channel()]);
    let file = bench.file("facts.json", &node.to_string());
    let run = bench.run(&["check", "--from", file.to_str().unwrap()]);
    assert_eq!(run.status, 76, "{run}");
    insta::assert_snapshot!(run);
}

#[test]
fn every_text_fits_the_terminal() {
    for columns in [60, 80, 100] {
        let bench = Bench::new().columns(columns);
        for (name, _) in NODES {
            for options in [&[][..], &["-v"]] {
                let file = facts(name);
                assert_fits(&bench.run(&[&["check", "--from", &file], options].concat()).stdout, columns);
            }
        }
    }
}

#[test]
fn saved_facts_are_judged_alike_and_readable_by_their_owner_only() {
    let bench = Bench::new();
    let paths = [bench.path("first.json"), bench.path("second.json")];
    let [first, second] = paths.each_ref().map(|path| path.to_str().unwrap());
    let of_fixture = bench.run(&["check", "--from", &facts("split"), "--save", first]);
    let of_saved = bench.run(&["check", "--from", first, "--save", second]);
    assert_eq!(of_fixture.to_string(), of_saved.to_string());
    let [first, second] = paths.each_ref().map(|path| fs::read_to_string(path).unwrap());
    assert!(first == second, "facts change when they are read and saved");
    assert_eq!(fs::metadata(&paths[0]).unwrap().mode() & 0o777, 0o600);
}

fn failing_channel() -> Value {
    json!({
        "id": "telegram",
        "configured": true,
        "accounts": [{
            "id": "default",
            "enabled": true,
            "configured": true,
            "running": false,
            "connected": false,
            "lifecycle": "blocked",
            "health_state": "not-running",
            "last_error": "getMe: 401 Unauthorized",
            "probe_ok": false,
            "probe_error": "401 Unauthorized",
            "ingress_ok": null
        }]
    })
}
