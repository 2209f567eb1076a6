//! What is made from the code is current, and the reports follow their schema.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::{Bench, facts};
use crate::check::NODES;

const REGENERATE: &str = "cargo run -p portreeve -- reference docs";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn the_generated_files_of_the_documentation_are_current() {
    let bench = Bench::new();
    let folder = bench.path("docs");
    fs::create_dir(&folder).unwrap();
    let run = bench.run(&["reference", folder.to_str().unwrap()]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let generated = [
        "acceptance.schema.json",
        "configuration.md",
        "connect.schema.json",
        "evidence.schema.json",
        "findings.md",
        "images.schema.json",
        "lint.schema.json",
        "locks.schema.json",
        "logs.schema.json",
        "portreeve.toml",
        "report.schema.json",
        "selftest.schema.json",
        "spool.schema.json",
        "status.schema.json",
        "telemetry.md",
    ];
    assert_eq!(names, generated);
    for name in names {
        let expected = fs::read_to_string(folder.join(&name)).unwrap();
        let kept = fs::read_to_string(docs().join(&name)).unwrap_or_default();
        let name = name.display();
        // Both texts are long; the first line that differs tells enough.
        let lines = expected.lines().chain([""]).zip(kept.lines().chain([""]));
        let (number, (wanted, found)) =
            (1..).zip(lines).find(|(_, (wanted, found))| wanted != found).unwrap_or_default();
        assert!(
            kept == expected,
            "docs/{name} is not current, line {number}:\n  is      {found}\n  must be {wanted}\nrun `{REGENERATE}`"
        );
    }
}

#[test]
fn schema_and_example_are_what_their_commands_print() {
    let bench = Bench::new();
    assert!(bench.run(&["schema"]).stdout == fs::read_to_string(docs().join("report.schema.json")).unwrap());
    assert!(bench.run(&["config", "example"]).stdout == fs::read_to_string(docs().join("portreeve.toml")).unwrap());
}

#[test]
fn every_report_follows_the_schema() {
    let bench = Bench::new();
    let schema: Value = serde_json::from_str(&bench.run(&["schema"]).stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("report.json", schema).unwrap();
    let report_schema = compiler.compile("report.json", &mut schemas).unwrap();
    for (name, _) in NODES {
        for options in [&[][..], &["--only", "auth"]] {
            let file = facts(name);
            let report = bench.run(&[&["check", "--json", "--from", &file], options].concat()).stdout;
            let report: Value = serde_json::from_str(&report).unwrap();
            if let Err(error) = schemas.validate(&report, report_schema) {
                panic!("{name} {options:?}: {error:#}");
            }
        }
    }
    let wrong = serde_json::json!({ "schema": "portreeve.report/1", "verdict": "fine" });
    assert!(schemas.validate(&wrong, report_schema).is_err());
}

#[test]
fn completions_are_made_for_each_shell() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef portreeve"), ("fish", "complete -c portreeve")] {
        let run = Bench::new().run(&["completions", shell]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{shell}");
        assert!(run.stdout.contains(sign) && run.stdout.contains("check"), "{run}");
    }
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let bench = Bench::new();
    let folder = bench.path("man");
    fs::create_dir(&folder).unwrap();
    let run = bench.run(&["man", folder.to_str().unwrap()]);
    assert_eq!(run.to_string(), "status 0");
    for name in ["portreeve.1", "portreeve-check.1", "portreeve-config-show.1", "portreeve-units.1"] {
        let page = fs::read_to_string(folder.join(name)).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
    }
    let page = bench.run(&["man"]);
    assert!(page.status == 0 && page.stdout.contains(".TH portreeve 1"), "{page}");
}
