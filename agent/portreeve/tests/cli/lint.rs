//! `portreeve lint`: its four formats on one faulty project, and what cannot be read.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::bench::{Bench, Run};

/// Two different tokens, one written out; a command line that looks for the gateway on its own loopback; a proxy that drops upgrades.
const COMPOSE: &str = r#"services:
  gateway:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    command: openclaw gateway --bind lan --port 18789
    environment:
      OPENCLAW_GATEWAY_TOKEN: 6b1f0c9d7e2a48358f4c1b9e0d7a6c52e81f
    volumes: ["state:/home/node/.openclaw"]
    ports: ["18789:18789"]
  cli:
    image: ghcr.io/openclaw/openclaw:2026.9.6
    entrypoint: openclaw
    environment:
      OPENCLAW_GATEWAY_TOKEN: ${TOKEN:?in .env}
      OPENCLAW_GATEWAY_URL: ws://127.0.0.1:18789
      LANGUAGE: ${LOCALE}
    volumes: ["state:/home/node/.openclaw"]
  nginx:
    image: nginx:1.29-alpine
    ports: ["127.0.0.1:8080:80"]
    volumes: ["./site.conf:/etc/nginx/conf.d/default.conf:ro"]
volumes: {state: }
"#;

const SITE: &str = "server {\n  listen 80;\n  server_name claw.example.org;\n  location / {\n    proxy_pass http://gateway:18789;\n  }\n}\n";

/// Its secrets; nothing may show them.
const SECRETS: [&str; 2] = ["6b1f0c9d7e2a48358f4c1b9e0d7a6c52e81f", "e81f52c7a60d9e1b4c8f53284a7e2d9c0f1b"];

fn faulty() -> Bench {
    let bench = Bench::new();
    let folder = bench.path("claw");
    fs::create_dir(&folder).unwrap();
    for (name, text) in [("compose.yaml", COMPOSE), ("site.conf", SITE), (".env", &format!("TOKEN={}\n", SECRETS[1]))] {
        fs::write(folder.join(name), text).unwrap();
    }
    bench
}

fn linted(arguments: &[&str]) -> Run {
    let run = faulty().run(&[&["lint", "claw"], arguments].concat());
    for secret in SECRETS {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
    }
    run
}

/// One file as the project.
fn written(text: &[u8], arguments: &[&str]) -> Run {
    let bench = Bench::new();
    fs::write(bench.path("compose.yaml"), text).unwrap();
    bench.run(&[&["lint"], arguments].concat())
}

#[test]
fn text() {
    insta::assert_snapshot!(linted(&[]));
}

#[test]
fn text_with_evidence() {
    insta::assert_snapshot!(linted(&["-v"]));
}

#[test]
fn github() {
    insta::assert_snapshot!(linted(&["--format", "github"]));
}

#[test]
fn json() {
    let run = linted(&["--format", "json"]);
    insta::assert_snapshot!(run.to_string().replace(env!("CARGO_PKG_VERSION"), "[VERSION]"));
}

#[test]
fn sarif() {
    let run = linted(&["--format", "sarif"]);
    let mut log: Value = serde_json::from_str(&run.stdout).unwrap();
    let driver = &mut log["runs"][0]["tool"]["driver"];
    driver["semanticVersion"] = "[VERSION]".into();
    // The reference of findings tells them.
    driver["rules"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn sarif_holds_what_its_readers_rely_on() {
    let run = linted(&["--format", "sarif"]);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("/sarif-schema-2.1.0.json"));
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let rules = runs[0]["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for rule in rules {
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty(), "{rule}");
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"), "{rule}");
    }
    let results = runs[0]["results"].as_array().unwrap();
    assert!(results.len() >= 4, "{run}");
    let mut prints = BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], ids[index], "{result}");
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty(), "{result}");
        assert!(prints.insert(result["partialFingerprints"].to_string()), "told twice: {result}");
        let locations = result["locations"].as_array().unwrap();
        assert_eq!(locations.len(), 1, "{result}");
        for location in locations.iter().chain(result["relatedLocations"].as_array().into_iter().flatten()) {
            let physical = &location["physicalLocation"];
            let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.starts_with('/') && !uri.contains([':', '\\', ' ']), "{uri}");
            assert!(uri.starts_with("claw/") && !uri.contains(".."), "{uri}");
            let region = &physical["region"];
            assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
        }
    }
}

#[test]
fn nothing_is_wrong() {
    insta::assert_snapshot!(written(b"services: {db: {image: 'postgres:17'}}\n", &[]));
    insta::assert_snapshot!(written(b"services: {db: {image: 'postgres:17'}}\n", &["--format", "github"]));
}

#[test]
fn a_file_that_is_not_there() {
    insta::assert_snapshot!(Bench::new().run(&["lint", "deploy/compose.yaml"]));
    insta::assert_snapshot!(Bench::new().run(&["lint", "--env-file", "prod.env"]));
}

#[test]
fn a_folder_without_a_compose_file() {
    insta::assert_snapshot!(Bench::new().run(&["lint"]));
}

#[test]
fn no_yaml() {
    insta::assert_snapshot!(written(b"services:\n  gateway: [\n", &[]));
    insta::assert_snapshot!(written(b"services:\n\tgateway:\n", &["--format", "github"]));
    insta::assert_snapshot!(written(b"\xff\xfe\x00s", &[]));
}

#[test]
fn what_compose_refuses() {
    let text = b"services:\n  cli: {image: x, network_mode: 'service:gatewy', volumes: ['state:/s']}\n";
    insta::assert_snapshot!(written(text, &[]));
}

#[test]
fn an_unknown_profile() {
    let text = b"services: {a: {image: x}, b: {image: x, profiles: [tools]}}\n";
    insta::assert_snapshot!(written(text, &["--profile", "tool"]));
    insta::assert_snapshot!(written(text, &["--profile", "tools"]));
}

#[test]
fn a_required_variable_that_nobody_gives() {
    let text = b"services: {a: {image: 'x:${TAG:?the release}', environment: {B: '${C}'}}}\n";
    insta::assert_snapshot!(written(text, &[]));
    insta::assert_snapshot!(written(text, &["-v"]));
}

#[test]
fn projects_that_claim_one_port_do_so_on_one_node_alone() {
    let bench = Bench::new();
    let text = COMPOSE.split("  cli:").next().unwrap().replace("\"18789:18789\"", "\"127.0.0.1:18789:18789\"");
    for name in ["blue", "green"] {
        fs::create_dir(bench.path(name)).unwrap();
        fs::write(bench.path(name).join("compose.yaml"), format!("{text}volumes: {{state: }}\n")).unwrap();
    }
    let together = bench.run(&["lint", "blue", "green/compose.yaml"]);
    assert!(together.stdout.contains("port.contended") && together.status == 69, "{together}");
    let apart = bench.run(&["lint", "--apart", "blue", "green/compose.yaml"]);
    assert!(apart.stdout.ends_with("0 errors, 2 warnings in 2 projects\n") && apart.status == 0, "{apart}");
}

#[test]
fn a_wrong_format() {
    insta::assert_snapshot!(written(b"services: {}\n", &["--format", "xml"]));
}
