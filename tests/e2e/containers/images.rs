//! Images of one project, and of an engine beside its registry.

use std::path::Path;

use portreeve_tests::{Checked, Node, Portreeve, Project, Registry};
use serde_json::{Value, json};

use super::bench;
use crate::CONFIG_TOKEN;

#[test]
fn a_command_line_of_another_release_is_skewed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "skew", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-cli/image", json!("portreeve-lab/openclaw:2026.8.3"));
    project.up_until_ready();
    project.lint().assert_finds("image.skew");
    let checked = project.check();
    checked.assert_blocked(&["image.skew"], 78);
    checked.assert_says("image.skew", &["2026.8.3", "2026.9.6"]);
}

/// An image of a gateway on a node's engine, as `content` makes it, put into a registry.
fn push(node: &Node, image: &str, content: &str) {
    let made = node.docker(&["create", "portreeve-lab/small:1", "true"]);
    let label = format!("LABEL content={content}");
    let command = r#"CMD ["node", "dist/index.js", "gateway"]"#;
    node.docker(&["commit", "--change", &label, "--change", command, made.trim(), image]);
    node.docker(&["rm", made.trim()]);
    node.docker(&["push", "--quiet", image]);
}

/// Exit status, standing and digests of the one image in use.
fn images(portreeve: &Portreeve) -> (i32, String, Value) {
    let output = portreeve.run(&["images", "--json"]);
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = report["images"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{report}");
    (output.status.code().unwrap(), lines[0]["standing"].as_str().unwrap().to_owned(), lines[0].clone())
}

fn checked(node: &Node, home: &Path) -> Checked {
    node.portreeve(home).env("PORTREEVE_DATA_DIR", home.join("data").to_str().unwrap()).check()
}

#[test]
fn what_an_engine_pulled_is_compared_with_its_registry_and_with_what_was_accepted() {
    let Some(node) = Node::take() else { return };
    let Some(registry) = Registry::on(&node) else { return };
    let home = node.work().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let portreeve = node.portreeve(&home).env("PORTREEVE_DATA_DIR", home.join("data").to_str().unwrap());
    let image = registry.name("openclaw:latest");
    let run = || node.docker(&["create", "--name", "gateway", &image]);
    let remove = || node.docker(&["rm", "gateway"]);

    push(&node, &image, "first");
    run();
    let (status, standing, line) = images(&portreeve);
    assert_eq!((status, standing.as_str()), (0, "same"), "{line}");
    assert_eq!(line["roles"], json!(["gateway"]), "{line}");
    let said = portreeve.run(&["images", "accept", "--reason", "reviewed"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

    push(&node, &image, "second");
    let (status, standing, line) = images(&portreeve);
    assert_eq!((status, standing.as_str()), (0, "moved-forward"), "{line}");
    let seen = checked(&node, &home);
    assert_eq!(seen.findings("image.behind").len(), 1, "{seen}");
    assert!(seen.findings("image.drift").is_empty(), "{seen}");

    remove();
    run();
    let (status, standing, line) = images(&portreeve);
    assert_eq!((status, standing.as_str(), &line["drift"]), (78, "same", &json!(true)), "{line}");
    let seen = checked(&node, &home);
    assert_eq!(seen.findings("image.drift").len(), 1, "{seen}");
    assert!(seen.findings("image.behind").is_empty(), "{seen}");
    assert!(portreeve.run(&["images", "accept"]).status.success());
    assert!(checked(&node, &home).findings("image.drift").is_empty());
    remove();
    let made = node.docker(&["images", "--all", "--quiet", "--no-trunc", "--filter", "label=content"]);
    for image in made.lines() {
        node.docker(&["rmi", "--force", image]);
    }
}
