//! What is shipped is well formed, and the programs that it is for accept it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portreeve_compose::yaml;
use portreeve_tests::{contrib, stack_program};
use serde_json::Value;

fn run(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    output
}

#[test]
fn rules_hold_in_prometheus() {
    let Some(promtool) = stack_program("promtool") else { return };
    let mut check = Command::new(&promtool);
    check.args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(contrib("alerts/portreeve.rules.yml"));
    run(check);
    let mut config = Command::new(&promtool);
    config.args(["check", "config", "--syntax-only"]).arg(contrib("prometheus/prometheus.yml"));
    run(config);
    let mut test = Command::new(&promtool);
    test.args(["test", "rules"]).args([contrib("alerts/tests.yml"), contrib("alerts/tests-days.yml")]);
    run(test);
}

/// Each alert says what it is, how bad, and what to type; a code that it names is one of the catalogue.
#[test]
fn every_alert_has_a_runbook() {
    let text = fs::read_to_string(contrib("alerts/portreeve.rules.yml")).unwrap();
    let findings = fs::read_to_string(contrib("../../docs/findings.md")).unwrap();
    for alert in text.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        for key in ["severity: ", "summary: ", "description: ", "runbook: portreeve "] {
            assert!(alert.contains(key), "{name} has no `{key}`");
        }
        if let Some((_, code)) = alert.split_once("portreeve explain ") {
            let code = code.lines().next().unwrap();
            assert!(code == "{{ $labels.code }}" || findings.contains(&format!("`{code}`")), "{name}: {code}");
        }
    }
}

#[test]
fn rules_hold_in_vmalert() {
    let Some(vmalert) = stack_program("vmalert") else { return };
    let mut check = Command::new(vmalert);
    check.arg("-dryRun").arg(format!("-rule={}", contrib("alerts/portreeve.rules.yml").display()));
    run(check);

    let tool = stack_program("vmalert-tool").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(contrib("alerts/portreeve.rules.yml"), folder.path().join("portreeve.rules.yml")).unwrap();
    let tests = fs::read_to_string(contrib("alerts/tests.yml")).unwrap();
    let path = folder.path().join("tests.yml");
    fs::write(&path, tests.replace("promql_expr_test:", "metricsql_expr_test:")).unwrap();
    let mut test = Command::new(tool);
    test.args(["unittest", "--disableAlertgroupLabel", "--files"]).arg(path).env("TMPDIR", folder.path());
    run(test);
}

#[test]
fn vmauth_accepts_its_settings() {
    let Some(vmauth) = stack_program("vmauth") else { return };
    let mut check = Command::new(vmauth);
    check.arg("-dryRun").arg(format!("-auth.config={}", contrib("compose/vmauth.yml").display()));
    check.envs([("COLLECTOR_TOKEN", "a"), ("VMALERT_TOKEN", "b"), ("GRAFANA_TOKEN", "c")]);
    run(check);
}

#[test]
fn all_files_are_well_formed() {
    let mut count = 0;
    for path in files(&contrib(".")) {
        let text = fs::read_to_string(&path).unwrap();
        let is_whole = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => serde_json::from_str::<Value>(&text).is_ok(),
            Some("yml" | "yaml") => yaml::check(&text).is_ok(),
            Some("plist") => plist::Value::from_file(&path).is_ok(),
            _ => continue,
        };
        assert!(is_whole, "{}", path.display());
        count += 1;
    }
    assert!(count >= 15, "{count} files");
}

/// Each part that the service names is defined, and each that is defined is named: the Collector refuses the former and says nothing of
/// the latter.
#[test]
fn the_collector_has_what_its_pipelines_name() {
    let base = fs::read_to_string(contrib("collector/base.yaml")).unwrap();
    for store in ["victoriametrics", "victorialogs", "prometheus", "loki", "clickhouse"] {
        let text = fs::read_to_string(contrib(&format!("collector/{store}.yaml"))).unwrap();
        let (mut defined, mut named) = (BTreeSet::new(), BTreeSet::new());
        for text in [&base, &text] {
            parts(text, &mut defined, &mut named);
        }
        assert_eq!(defined, named, "{store}");
    }
}

fn parts(text: &str, defined: &mut BTreeSet<String>, named: &mut BTreeSet<String>) {
    let mut section = "";
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        if indent == 0 {
            section = key;
        } else if indent == 2 && section != "service" {
            defined.insert(key.to_owned());
        } else if section == "service" {
            let list = value.trim().trim_start_matches('[').trim_end_matches(']');
            named.extend(list.split(", ").filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
}

/// What is asked for is nowhere given, every image has a version, and what is mounted is there.
#[test]
fn compose_has_no_default_password_and_no_floating_image() {
    let text = fs::read_to_string(contrib("compose/compose.yaml")).unwrap();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some(image) = line.trim().strip_prefix("image: ") {
            let tag = image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            assert!(tag.chars().any(|c| c.is_ascii_digit()), "{image}");
        }
        if let Some((_, variable)) =
            line.split_once("${").filter(|(key, _)| key.contains("TOKEN") || key.contains("PASSWORD"))
        {
            assert!(variable.contains(":?"), "{line}");
        }
        for path in line.split(['\'', '"', '[', ' ']).filter(|word| word.starts_with("./") || word.starts_with("../")) {
            let path = path.split([':', '}']).next().unwrap();
            let is_made = path.starts_with("./secrets/") || path == "./prepare";
            assert!(is_made || contrib("compose").join(path).exists(), "{path}");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
