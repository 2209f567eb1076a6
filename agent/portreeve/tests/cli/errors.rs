//! What cannot be followed: status 2 for what was typed, 78 for the agent's own configuration, and one way on.

use crate::bench::{Bench, Run, facts_value};

fn refused(arguments: &[&str], status: i32) -> Run {
    let run = Bench::new().run(arguments);
    assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{run}");
    run
}

/// With a configuration file of this content.
fn configured(text: &str) -> Run {
    let bench = Bench::new();
    let file = bench.file("own.toml", text);
    let run = bench.run(&["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!((run.status, run.stdout.as_str()), (78, ""), "{run}");
    run
}

/// With this as the file to judge.
fn judged(text: &str) -> Run {
    let bench = Bench::new();
    let file = bench.file("node.json", text);
    let run = bench.run(&["check", "--from", file.to_str().unwrap()]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
    run
}

#[test]
fn a_wrong_flag() {
    insta::assert_snapshot!(refused(&["check", "--jsn"], 2));
}

#[test]
fn a_wrong_command() {
    insta::assert_snapshot!(refused(&["chek"], 2));
}

#[test]
fn a_wrong_layer() {
    insta::assert_snapshot!(refused(&["check", "--only", "network"], 2));
}

#[test]
fn facts_and_a_home_exclude_each_other() {
    insta::assert_snapshot!(refused(&["check", "--from", "node.json", "--home", "/Users/op"], 2));
}

#[test]
fn nothing_typed_is_a_wrong_command_line() {
    let run = Bench::new().run(&[]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("Usage: portreeve"), "{run}");
}

#[test]
fn facts_that_are_not_there() {
    insta::assert_snapshot!(refused(&["check", "--from", "/nowhere/node.json"], 2));
}

#[test]
fn facts_that_are_a_folder() {
    let bench = Bench::new();
    let run = bench.run(&["check", "--from", bench.path("").to_str().unwrap()]);
    insta::assert_snapshot!(run);
}

#[test]
fn something_else_than_facts() {
    insta::assert_snapshot!(judged("{ \"gateway\": { \"port\": 18789 } }"));
    insta::assert_snapshot!(judged("port = 18789\n"));
}

#[test]
fn facts_of_another_form() {
    let mut node = facts_value("nothing");
    node["schema"] = "portreeve.snapshot/9".into();
    insta::assert_snapshot!(judged(&node.to_string()));
}

#[test]
fn facts_that_cannot_be_saved() {
    let from = crate::bench::facts("ready");
    insta::assert_snapshot!(refused(&["check", "--from", &from, "--save", "/nowhere/node.json"], 2));
}

#[test]
fn an_unknown_finding() {
    insta::assert_snapshot!(refused(&["explain", "tokn.split"], 2));
    insta::assert_snapshot!(refused(&["explain", "coffee"], 2));
}

#[test]
fn a_configuration_that_is_not_there() {
    insta::assert_snapshot!(refused(&["check", "--config", "/nowhere/portreeve.toml"], 78));
}

#[test]
fn a_configuration_with_an_unknown_setting() {
    insta::assert_snapshot!(configured("# own\n\n[policy]\nstart_buget_s = 3\n"));
}

#[test]
fn a_configuration_with_a_value_of_the_wrong_type() {
    insta::assert_snapshot!(configured("timeout_s = \"soon\"\n"));
}

#[test]
fn a_configuration_that_is_no_toml() {
    insta::assert_snapshot!(configured("timeout_s = = 3\n"));
}

#[test]
fn a_waiver_without_an_end() {
    insta::assert_snapshot!(configured("[[waiver]]\ncode = \"state.open\"\nreason = \"single user\"\n"));
}

#[test]
fn a_variable_of_the_wrong_type() {
    let bench = Bench::new();
    let output = bench.command(&["config", "show"]).env("PORTREEVE_TIMEOUT_S", "soon").output().unwrap();
    insta::assert_snapshot!(bench.tell(output));
}
