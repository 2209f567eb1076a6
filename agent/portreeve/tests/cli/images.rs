//! `images`, by saved facts and with no registry.

use std::fs;

use serde_json::{Value, json};

use crate::bench::{Bench, facts};

/// What was kept of the last time, a minute before the facts were taken.
fn keep(bench: &Bench, answer: Value) {
    let at = "2026-11-20T03:11:00Z";
    let mut check = json!({
        "image": "ghcr.io/openclaw/openclaw:2026.9.6",
        "first_tried_at": at, "tried_at": at, "checked_at": at,
        "digest": { "digest": "sha256:0123456789abcdef", "kind": "list", "media_type": "list" },
    });
    check["answer"] = answer;
    let kept = json!({ "version": 1, "runs": {}, "images": [check] });
    fs::create_dir_all(bench.path("data")).unwrap();
    fs::write(bench.path("data/images.json"), kept.to_string()).unwrap();
}

fn offline(bench: &Bench, arguments: &[&str]) -> String {
    bench.run(&[&["images", "--offline", "--from", &facts("containers")], arguments].concat()).to_string()
}

#[test]
fn what_was_never_asked_for_is_unchecked() {
    insta::assert_snapshot!(offline(&Bench::new(), &[]));
}

#[test]
fn the_last_results_are_shown_beside_what_runs() {
    let bench = Bench::new();
    keep(&bench, json!({ "answer": "digest", "refused_login": null }));
    insta::assert_snapshot!(offline(&bench, &["nginx:1.27"]));
}

#[test]
fn the_report_follows_its_schema() {
    let bench = Bench::new();
    keep(&bench, json!({ "answer": "rate-limited", "why": "it answers 429", "until": "2026-11-21T00:00:00Z" }));
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--images"]).stdout).unwrap();
    let run = bench.run(&["images", "--offline", "--json", "--from", &facts("containers")]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("images.json", schema).unwrap();
    let schema = compiler.compile("images.json", &mut schemas).unwrap();
    assert!(schemas.validate(&report, schema).is_ok(), "{run}");
}

#[test]
fn what_is_no_image_is_refused() {
    let run = Bench::new().run(&["images", "Not An Image"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("`Not An Image` is no image"), "{run}");
}
