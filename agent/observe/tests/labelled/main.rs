//! Labelled projects: what is found in each folder below `compose`, `proxy` and `openclaw-config` of the folder that `PORTREEVE_CORPUS`
//! names, beside what its `expected.json` wants.
//!
//! `expected.json` lists codes under `errors`, `warnings` and `must_not`; a list that is absent labels nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "test code that tells what it measured"
)]

mod label;
mod measure;
mod project;

use std::fs;
use std::path::{Path, PathBuf};

use measure::Measure;

/// The folders that hold labelled ones.
const KINDS: [&str; 3] = ["compose", "proxy", "openclaw-config"];

/// Every folder with a label, at most three levels below one of the kinds.
fn labelled(root: &Path) -> Vec<(&'static str, PathBuf)> {
    fn below(folder: &Path, levels: u32, found: &mut Vec<PathBuf>) {
        if folder.join("expected.json").is_file() {
            found.push(folder.to_owned());
        }
        let Some(levels) = levels.checked_sub(1) else { return };
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut folders: Vec<PathBuf> =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        for folder in &folders {
            below(folder, levels, found);
        }
    }
    let mut all = Vec::new();
    for kind in KINDS {
        let mut found = Vec::new();
        below(&root.join(kind), 3, &mut found);
        all.extend(found.into_iter().map(|folder| (kind, folder)));
    }
    all
}

fn measure(root: &Path) -> Measure {
    let mut measure = Measure::default();
    for (kind, folder) in labelled(root) {
        let name = folder.strip_prefix(root).unwrap().display().to_string();
        let label = match label::read(&folder) {
            Ok(label) => label,
            Err(why) => {
                measure.unreadable.push(format!("{name}: {why}"));
                continue;
            }
        };
        match std::panic::catch_unwind(|| project::found(kind, &folder)) {
            Ok(Some(found)) => measure.add(&name, &label, &found),
            Ok(None) => measure.unreadable.push(format!("{name}: nothing to read in it")),
            Err(_) => measure.crashes.push(name),
        }
    }
    measure
}

#[test]
fn labelled_projects_of_the_corpus() {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: PORTREEVE_CORPUS is not set");
        return;
    };
    let measure = measure(&corpus);
    if measure.is_empty() {
        eprintln!("skipped: no expected.json below {} of {}", KINDS.join(", "), corpus.display());
        return;
    }
    println!("{measure}");
    assert!(measure.crashes.is_empty(), "crashed on {}", measure.crashes.join(", "));
    assert!(measure.forbidden.is_empty(), "reported in spite of `must_not`: {}", measure.forbidden.join(", "));
}

/// The token of the projects below.
const TOKEN: &str = "6b1f0c9d7e2a48358f4c1b9e0d7a6c52e81f";

fn gateway(extra: &str) -> String {
    format!(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n    command: openclaw gateway --bind lan --port 18789\n    \
         environment: {{OPENCLAW_GATEWAY_TOKEN: \"${{TOKEN:?}}\"}}\n    volumes: [\"state:/home/node/.openclaw\"]\n{extra}\
         volumes: {{state: }}\n"
    )
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn hits_misses_and_false_alarms_are_counted() {
    let root = tempfile::tempdir().unwrap();
    let everywhere = gateway("    ports: [\"18789:18789\"]\n");
    let nginx = "server { listen 80; location / { proxy_pass http://gw:18789; } }";
    write(
        root.path(),
        &[
            ("compose/hit/stack.yml", &everywhere),
            (
                "compose/hit/expected.json",
                r#"{"errors": [], "warnings": ["bind.exposed"], "must_not": ["token.split"]}"#,
            ),
            ("compose/miss/compose.yaml", &gateway("")),
            ("compose/miss/expected.json", r#"{"errors": [{"code": "url.unresolvable", "line": 3}], "must_not": []}"#),
            ("compose/alarm/docker-compose.yml", &everywhere),
            ("compose/alarm/expected.json", r#"{"errors": [], "warnings": []}"#),
            ("compose/forbidden/deep/compose.yaml", &everywhere),
            ("compose/forbidden/deep/expected.json", r#"{"must_not": "bind.exposed"}"#),
            ("compose/broken/expected.json", "{"),
            ("proxy/dropped/nginx.conf", nginx),
            ("proxy/dropped/expected.json", r#"{"errors": ["proxy.no-upgrade"], "warnings": []}"#),
            ("proxy/fine/Caddyfile", "claw.example.org {\n\treverse_proxy 127.0.0.1:18789\n}\n"),
            ("proxy/fine/expected.json", r#"{"errors": [], "warnings": []}"#),
            ("openclaw-config/short/openclaw.json", "{ gateway: { auth: { token: \"abc\" } } }"),
            ("openclaw-config/short/expected.json", r#"{"errors": [], "warnings": ["token.weak"]}"#),
            ("openclaw-config/well/openclaw.json", &format!("{{ gateway: {{ auth: {{ token: \"{TOKEN}\" }} }} }}")),
            (
                "openclaw-config/well/expected.json",
                r#"{"errors": [], "warnings": [], "must_not": [{"code": "config.invalid"}]}"#,
            ),
        ],
    );
    let measure = measure(root.path());
    assert_eq!(measure.forbidden, ["compose/forbidden/deep: bind.exposed"], "{measure}");
    assert_eq!((measure.crashes.len(), measure.unreadable.len()), (0, 1), "{measure}");
    insta::assert_snapshot!(measure.to_string().replace(&root.path().display().to_string(), ""));
}

#[test]
fn a_corpus_without_labels_is_empty() {
    let root = tempfile::tempdir().unwrap();
    assert!(measure(root.path()).is_empty());
}
