//! `portreeve explain`.

use serde_json::Value;

use crate::bench::{Bench, assert_fits};

#[test]
fn one_finding() {
    insta::assert_snapshot!(Bench::new().run(&["explain", "token.split"]));
}

#[test]
fn a_symptom() {
    insta::assert_snapshot!(Bench::new().run(&["explain", "port.silent"]));
}

#[test]
fn the_list_has_every_finding_once_under_its_layer() {
    let run = Bench::new().run(&["explain"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert_fits(&run.stdout, 80);
    let list = Bench::new().run(&["explain", "--json"]).stdout;
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let codes = run.stdout.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count();
    assert_eq!(codes, list.len());
    insta::assert_snapshot!(run.stdout.lines().take(6).collect::<Vec<_>>().join("\n"));
    let headings: Vec<&str> = run.stdout.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect();
    assert_eq!(headings, ["transport", "auth", "channels", "alignment", "node"]);
}

#[test]
fn every_finding_can_be_explained() {
    let list = Bench::new().run(&["explain", "--json"]).stdout;
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    for entry in &list {
        let code = entry["code"].as_str().unwrap();
        let run = Bench::new().run(&["explain", code]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{code}");
        assert!(run.stdout.starts_with(code), "{run}");
        assert_fits(&run.stdout, 80);
    }
}
