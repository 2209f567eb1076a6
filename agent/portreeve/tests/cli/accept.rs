//! Quarantine and acceptance, from kept facts of a Mac.

use serde_json::{Value, json};

use crate::bench::{Bench, Run, assert_fits, facts_value};

/// The record of an acceptance of the node `ready` under an earlier build, with things that are no more.
fn record() -> Value {
    json!({
        "schema": "portreeve.accepted/1",
        "at": "2026-11-01T09:30:00Z",
        "by": "op",
        "how": "passed",
        "agent_version": "0.1.0",
        "hardware": "0f1e2d3c4b5a",
        "baseline": {
            "system": { "name": "macOS", "version": "26.0", "build": "25A354" },
            "units": {
                "system/com.example.claw": {
                    "role": "gateway", "loaded": true, "enabled": true, "background": true, "running": true,
                    "keep_alive": { "kind": "always" }, "path": "/Library/LaunchDaemons/com.example.claw.plist"
                }
            },
            "ports": { "18790": { "owners": ["gateway of /Users/op/.openclaw-two"], "addresses": ["127.0.0.1"] } },
            "exclusions": {
                "/Users/op/.openclaw": { "state": "excluded", "by": "attribute", "path": "/Users/op/.openclaw" }
            },
            "restarts_alone": true
        }
    })
}

fn told(arguments: &[&str], change: impl FnOnce(&mut Value)) -> Run {
    let bench = Bench::new();
    let mut node = facts_value("ready");
    let at = node["taken_at"].clone();
    node["accepted"] = json!({ "status": "known", "value": record(), "at": at,
        "source": "/var/db/portreeve/accepted.json" });
    change(&mut node);
    let file = bench.file("node.json", &node.to_string());
    let run = bench.run(&[arguments, &["--from", file.to_str().unwrap()]].concat());
    if !run.stdout.starts_with('{') {
        assert_fits(&run.stdout, 80);
    }
    run
}

#[test]
fn a_node_in_quarantine() {
    insta::assert_snapshot!(told(&["check"], |_| {}));
}

#[test]
fn a_node_on_other_hardware() {
    insta::assert_snapshot!(told(&["check"], |node| node["accepted"]["value"]["hardware"] = json!("aaaaaaaaaaaa")));
}

#[test]
fn a_node_that_was_accepted_by_hand() {
    insta::assert_snapshot!(told(&["check"], |node| {
        let record = &mut node["accepted"]["value"];
        record["baseline"]["system"] = json!({ "name": "macOS", "version": "26.1", "build": "25B78" });
        record["how"] = json!("by-hand");
        record["reason"] = json!("no backup disk any more");
        record["in_spite_of"] = json!(["the machine may sleep, it was kept awake"]);
    }));
}

#[test]
fn a_record_that_cannot_be_read() {
    insta::assert_snapshot!(told(&["check"], |node| {
        node["accepted"] = json!({ "status": "denied", "why": "only root may read it", "at": "2026-11-20T03:12:07Z",
            "source": "/var/db/portreeve/accepted.json" });
    }));
}

#[test]
fn what_an_acceptance_says() {
    insta::assert_snapshot!(told(&["accept"], |_| {}));
}

#[test]
fn what_an_acceptance_says_of_a_copy() {
    insta::assert_snapshot!(told(&["accept"], |node| node["accepted"]["value"]["hardware"] = json!("aaaaaaaaaaaa")));
}

#[test]
fn an_acceptance_for_programs_follows_its_schema() {
    let bench = Bench::new();
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--accept"]).stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("acceptance.json", schema).unwrap();
    let schema = compiler.compile("acceptance.json", &mut schemas).unwrap();
    let said = told(&["accept", "--json"], |_| {}).stdout;
    let report: Value = serde_json::from_str(&said).unwrap();
    if let Err(error) = schemas.validate(&report, schema) {
        panic!("{error:#}");
    }
    assert_eq!(report["occasions"][0]["from"]["build"], "25A354");
}

/// A node without a gateway is nothing to accept, but by hand.
#[test]
fn by_hand_is_kept_and_warned_of() {
    let bench = Bench::new();
    let home = bench.path("home");
    std::fs::create_dir(&home).unwrap();
    let home = ["--home", home.to_str().unwrap()];
    let refused = bench.run(&[&["accept"][..], &home].concat());
    assert_eq!((refused.status, refused.stdout.starts_with("REFUSED")), (75, true), "{refused}");
    assert!(!bench.path("data/accepted.json").exists() && bench.path("data/acceptance.json").is_file());
    let accepted = bench.run(&[&["accept", "--by-hand", "--reason", "not yet in use"][..], &home].concat());
    assert_eq!((accepted.status, accepted.stdout.starts_with("ACCEPTED BY HAND")), (0, true), "{accepted}");
    let report: Value = serde_json::from_str(&bench.run(&[&["check", "--json"][..], &home].concat()).stdout).unwrap();
    assert_eq!(report["accepted"]["how"], "by-hand");
    let warned = report["findings"].as_array().unwrap().iter().find(|one| one["code"] == "host.os-changed").unwrap();
    assert_eq!(warned["severity"], "warning");
}

#[test]
fn by_hand_wants_a_reason() {
    let run = Bench::new().run(&["accept", "--by-hand"]);
    assert!(run.status == 2 && run.stderr.contains("--reason"), "{run}");
}

#[test]
fn help_of_accept() {
    let run = Bench::new().run(&["accept", "--help"]);
    assert_fits(&run.stdout, 80);
    insta::assert_snapshot!(run.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
}
