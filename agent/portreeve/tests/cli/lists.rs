//! `portreeve tokens` and `portreeve map`, from kept facts.

use serde_json::json;

use crate::bench::{Bench, assert_fits, facts, facts_value};

fn told(arguments: &[&str], name: &str) -> String {
    let file = facts(name);
    let run = Bench::new().run(&[arguments, &["--from", &file]].concat());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    if !run.stdout.starts_with(['{', '[', '<']) && !run.stdout.starts_with("flowchart") {
        assert_fits(&run.stdout, 80);
    }
    run.stdout
}

#[test]
fn tokens_that_differ() {
    insta::assert_snapshot!(told(&["tokens"], "split"));
}

#[test]
fn tokens_that_agree() {
    insta::assert_snapshot!(told(&["tokens"], "degraded"));
}

#[test]
fn no_token_at_all() {
    insta::assert_snapshot!(told(&["tokens"], "invalid"));
}

#[test]
fn tokens_that_cannot_be_seen() {
    insta::assert_snapshot!(told(&["tokens"], "unproven"));
}

#[test]
fn nobody_reads_a_token() {
    insta::assert_snapshot!(told(&["tokens"], "nothing"), @"No gateway and no client is configured, installed or running here");
}

#[test]
fn tokens_for_programs() {
    insta::assert_snapshot!(told(&["tokens", "--json"], "ready"));
}

#[test]
fn map_of_a_split() {
    insta::assert_snapshot!(told(&["map"], "split"));
}

#[test]
fn map_of_a_silent_port() {
    insta::assert_snapshot!(told(&["map"], "silent"));
}

#[test]
fn map_as_mermaid() {
    insta::assert_snapshot!(told(&["map", "--format", "mermaid"], "split"));
}

#[test]
fn map_for_programs() {
    insta::assert_snapshot!(told(&["map", "--format", "json"], "ready"));
}

#[test]
fn map_of_containers() {
    insta::assert_snapshot!(told(&["map"], "containers"));
}

#[test]
fn map_of_containers_as_mermaid() {
    insta::assert_snapshot!(told(&["map", "--format", "mermaid"], "containers"));
}

#[test]
fn map_of_containers_for_programs() {
    insta::assert_snapshot!(told(&["map", "--format", "json"], "containers"));
}

#[test]
fn map_as_a_picture() {
    insta::assert_snapshot!(told(&["map", "--format", "svg"], "containers"));
}

#[test]
fn nothing_found_is_not_nothing_there_where_something_could_not_be_seen() {
    let bench = Bench::new();
    let mut node = facts_value("nothing");
    node["blind"] = json!([{
        "what": "home of op", "why": "permission denied", "remedy": "run as root", "readiness": false
    }]);
    let file = bench.file("facts.json", &node.to_string());
    let told = |command| {
        let run = bench.run(&[command, "--from", file.to_str().unwrap()]);
        assert_fits(&run.stdout, 80);
        run.stdout
    };
    let verdict = "UNKNOWN  no gateway was found, but not everything could be seen\n";
    assert!(told("check").starts_with(verdict), "{}", told("check"));
    for command in ["tokens", "map"] {
        assert_eq!(
            told(command),
            "No gateway and no client was found, but not everything could be seen: `portreeve\ncheck` says what\n"
        );
    }
}

#[test]
fn map_of_nothing() {
    insta::assert_snapshot!(told(&["map"], "nothing"), @"No gateway and no client is configured, installed or running here");
}
