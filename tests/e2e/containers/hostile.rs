//! Containers that mean harm.

use std::process::Command;
use std::time::Duration;

use portreeve_tests::{Checked, Project};
use serde_json::json;

use super::{CLI, bench};
use crate::CONFIG_TOKEN;

/// What `check` may take on a sick node.
const SICK: Duration = Duration::from_secs(20);
/// The last line of a command, and a title of a terminal.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31m";
/// A line of a file of labels has at most 64 KiB.
const LABEL: usize = 60 << 10;

/// Ended in time, said no more than a report is, and no byte that a terminal obeys.
fn assert_unmoved(project: &Project<'_>) -> Checked {
    let checked = project.check();
    assert!(checked.elapsed < SICK, "{checked}");
    assert!(checked.stdout.len() < 4 << 20, "{} bytes", checked.stdout.len());
    let shown = project.portreeve().run(&["check", "-vv"]);
    let shown = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
    for (what, text) in [("the report", &checked.stdout), ("the text", &shown)] {
        let bad = text.chars().find(|character| character.is_control() && !matches!(character, '\n' | '\t'));
        assert_eq!(bad, None, "{what}:\n{text}");
    }
    checked
}

#[test]
fn a_container_that_floods_its_output_and_ignores_signals_does_not_hold_up_the_check() {
    let Some((openclaw, node)) = bench() else { return };
    let flood = "trap '' TERM INT HUP; while :; do head -c 65536 /dev/zero | tr '\\000' x; done";
    let project = Project::new(&node, &openclaw, "flood")
        .set("/services/openclaw-gateway", json!({ "image": "portreeve-lab/small:1", "command": ["sh", "-c", flood] }))
        .set("/services/openclaw-gateway/logging", json!({ "options": { "max-size": "1m" } }))
        .set("/services/openclaw-gateway/environment", json!({ "OPENCLAW_GATEWAY_TOKEN": CONFIG_TOKEN }))
        .set("/services/openclaw-gateway/cpus", json!(0.5));
    project.up(&[]);
    assert_unmoved(&project);
}

#[test]
fn labels_of_tens_of_megabytes_neither_hang_nor_bloat_the_check() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::new(&node, &openclaw, "labels");
    let file = project.folder().join("labels");
    // The engine takes what fits into one request.
    let value = "x".repeat(LABEL);
    let labels: Vec<String> = (0..500).map(|turn| format!("label{turn}={value}")).collect();
    std::fs::write(&file, labels.join("\n")).unwrap();
    node.docker(&[
        "create",
        "--name",
        "labels",
        "--label-file",
        file.to_str().unwrap(),
        "portreeve-lab/small:1",
        "true",
    ]);
    let checked = assert_unmoved(&project);
    assert!(!checked.stdout.contains(&"x".repeat(1 << 12)), "a label of {LABEL} bytes is printed");
}

#[test]
fn names_and_labels_with_escape_codes_are_shown_without_them() {
    let Some((openclaw, node)) = bench() else { return };
    let mut project = Project::split(&node, &openclaw, "escapes", CONFIG_TOKEN);
    for service in ["openclaw-gateway", CLI] {
        project = project
            .set(
                &format!("/services/{service}/labels"),
                json!({ "org.opencontainers.image.version": ESCAPES, "x": ESCAPES }),
            )
            .env(service, &format!("NAME{ESCAPES}"), ESCAPES);
    }
    let project = project.set(
        "/services/openclaw-gateway/healthcheck",
        json!({ "test": ["CMD-SHELL", format!("printf '{ESCAPES}'; exit 1")], "interval": "1s", "retries": 1 }),
    );
    project.up_until_ready();
    assert_unmoved(&project);
}

#[test]
fn a_program_in_place_of_the_probes_shell_is_not_run() {
    let Some((openclaw, node)) = bench() else { return };
    // A gateway whose image lies: what it calls node never ends and says too much.
    let project = Project::split(&node, &openclaw, "liar", CONFIG_TOKEN);
    let liar = "#!/bin/sh\ntrap '' TERM\nwhile :; do echo '{\"schema\":\"portreeve.probe/1\"}'; sleep 0.01; done\n";
    project.write("node", liar);
    assert!(Command::new("chmod").arg("755").arg(project.folder().join("node")).status().unwrap().success());
    let mut project = project;
    for service in ["openclaw-gateway", CLI] {
        project = project.set(&format!("/services/{service}/volumes/2"), json!("./node:/usr/local/bin/node:ro"));
    }
    project.up(&["openclaw-gateway"]);
    let checked = assert_unmoved(&project);
    assert_ne!(checked.report["verdict"], "ready", "{checked}");
}
