//! A node that is accepted, changes, and is accepted again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use portreeve_tests::{Checked, Daemon, Gateway, Portreeve, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shared::alike;

const RECORD: &str = "accepted.json";
/// A machine with other things to do is slow, and never so slow: an acceptance watches locks for half a minute.
const LIMIT: Duration = Duration::from_mins(3);

/// A real gateway, and the folder of an agent that looks at it.
struct Node {
    gateway: &'static Gateway,
    folder: TempDir,
}

impl Node {
    fn new() -> Option<Self> {
        Some(Self { gateway: alike()?, folder: tempfile::tempdir().unwrap() })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn portreeve(&self, data: &Path) -> Portreeve {
        // Containers of other tests come and go.
        let portreeve = self.gateway.portreeve().env("PORTREEVE_CONTAINERS", "off");
        portreeve.env("PORTREEVE_DATA_DIR", data.to_str().unwrap())
    }

    fn check(&self) -> Checked {
        self.portreeve(&self.data()).check()
    }

    fn accept(&self, arguments: &[&str]) -> (Value, i32) {
        report(&self.portreeve(&self.data()).run(&[&["accept", "--json"], arguments].concat()))
    }

    /// What would be accepted by a look that is not deep: it compares, and takes no half minute.
    fn compare(&self) -> (Value, i32) {
        let facts = self.folder.path().join("facts.json");
        let facts = facts.to_str().unwrap();
        let portreeve = self.portreeve(&self.data());
        portreeve.run(&["check", "--save", facts]);
        report(&portreeve.command().args(["accept", "--json", "--from", facts]).output().unwrap())
    }

    /// Changes what was accepted, which is as good as changing the node.
    fn rewrite(&self, change: impl FnOnce(&mut Value)) {
        rewrite(&self.data(), change);
    }
}

fn rewrite(data: &Path, change: impl FnOnce(&mut Value)) {
    let mut record = record(data);
    change(&mut record);
    fs::write(data.join(RECORD), record.to_string()).unwrap();
}

/// What was accepted.
fn record(data: &Path) -> Value {
    serde_json::from_slice(&fs::read(data.join(RECORD)).unwrap()).unwrap()
}

fn report(output: &Output) -> (Value, i32) {
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no report ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

fn differences(report: &Value) -> Vec<(&str, &str)> {
    let all = report["differences"].as_array().unwrap();
    all.iter().map(|one| (one["weight"].as_str().unwrap(), one["summary"].as_str().unwrap())).collect()
}

fn assert_quarantined(checked: &Checked, because: &str) {
    checked.assert_blocked(&["host.os-changed"], 1);
    checked.assert_says("host.os-changed", &[because]);
    let occasions = checked.report["quarantine"]["occasions"].as_array().unwrap();
    assert!(occasions.iter().any(|one| one["summary"].as_str().unwrap().contains(because)), "{checked}");
}

#[test]
fn a_node_that_changed_is_in_quarantine_until_it_is_accepted() {
    let Some(node) = Node::new() else { return };
    let never = node.check();
    never.assert_passes();
    assert_eq!((&never.report["quarantine"], &never.report["accepted"]), (&Value::Null, &Value::Null));

    let (first, status) = node.accept(&[]);
    assert_eq!((status, &first["outcome"], &first["first"]), (0, &json!("accepted"), &json!(true)), "{first:#}");
    assert!(first["checks"].as_array().unwrap().iter().all(|check| check["state"] == "pass"), "{first:#}");
    for name in [RECORD, "acceptance.json"] {
        let mode = fs::metadata(node.data().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    node.check().assert_passes();
    assert_eq!(differences(&node.compare().0), []);

    // Another kernel, and things that were there before it.
    let state = node.gateway.state().to_str().unwrap().to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim().to_owned();
    node.rewrite(|record| {
        let base = &mut record["baseline"];
        base["system"]["build"] = json!("5.4.0-old");
        base["ports"]["1"] = json!({ "owners": ["gateway of /gone"], "addresses": ["127.0.0.1"] });
        base["mirrors"]["Syncthing of /srv"] = json!("excluded");
        base["exclusions"][&state] = json!({ "state": "excluded", "by": "attribute", "path": &state });
        base["units"]["systemd/lost.service"] = json!({ "role": "gateway", "loaded": true, "enabled": true,
            "background": true, "running": true, "keep_alive": { "kind": "always" }, "path": null });
    });
    let changed = format!("5.4.0-old → {kernel}");
    assert_quarantined(&node.check(), &changed);
    let text = node.portreeve(&node.data()).run(&["check"]);
    let text = String::from_utf8_lossy(&text.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("in quarantine since ") && text.contains(&format!("because build {changed}")), "{text}");
    let (refused, status) = node.compare();
    let named = differences(&refused);
    for lost in ["nobody listens on port 1 any more, it was gateway of /gone's", "unit systemd/lost.service is"] {
        assert!(named.iter().any(|(weight, text)| *weight != "changed" && text.starts_with(lost)), "{named:#?}");
    }
    assert!(named.contains(&("changed", "Syncthing of /srv: is gone")), "{named:#?}");
    let excluded = format!("{state} was excluded from Time Machine, and whether it still is cannot be seen");
    assert!(named.contains(&("unseen", excluded.as_str())), "{named:#?}");
    assert_eq!((status, &refused["outcome"]), (75, &json!("not-yet")), "{refused:#}");
    node.rewrite(|record| {
        let base = &mut record["baseline"];
        base["ports"].as_object_mut().unwrap().remove("1");
        base["mirrors"] = json!({});
        base["exclusions"] = json!({});
        base["units"].as_object_mut().unwrap().remove("systemd/lost.service");
    });
    assert_quarantined(&node.check(), &changed);

    let (second, status) = node.accept(&["--reason", "the kernel of today"]);
    assert_eq!((status, &second["outcome"], &second["first"]), (0, &json!("accepted"), &json!(false)), "{second:#}");
    assert_eq!(second["occasions"][0]["kind"], "system-changed", "{second:#}");
    let after = node.check();
    after.assert_passes();
    assert_eq!(after.report["quarantine"], Value::Null, "{after}");
    assert_eq!(after.report["accepted"]["reason"], "the kernel of today");

    is_no_other(&node);
}

/// A copy of an accepted node does not go on as the old one, and a damaged record is neither green nor a quarantine.
fn is_no_other(node: &Node) {
    let copy = node.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(node.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
        }
    }
    assert_quarantined(&node.portreeve(&copy).check(), "restored from a backup, or copied");

    node.rewrite(|record| record["hardware"] = json!("0123456789ab"));
    let moved = node.check();
    assert_quarantined(&moved, "the hardware is another one");
    assert_eq!(moved.report["quarantine"]["needs_consent"], true, "{moved}");
    let (refused, status) = node.compare();
    assert_eq!((status, &refused["outcome"]), (78, &json!("refused")), "{refused:#}");
    let reasons = refused["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|one| one.as_str().unwrap().starts_with("identity: ")), "{refused:#}");

    node.rewrite(|record| *record = json!({ "schema": "portreeve.accepted/9" }));
    let damaged = node.check();
    assert_eq!((&damaged.report["verdict"], damaged.status), (&json!("unknown"), 75), "{damaged}");
    assert!(damaged.report["blind"].to_string().contains("whether the node is the accepted one"), "{damaged}");
}

#[test]
fn the_daemon_takes_a_node_that_changed_out_of_quarantine() {
    let Some(gateway) = alike() else { return };
    let mut daemon = Daemon::new(gateway.portreeve(), &[gateway.home()], "");
    let (first, status) = report(&daemon.command().args(["accept", "--json"]).output().unwrap());
    assert_eq!((status, &first["outcome"]), (0, &json!("accepted")), "{first:#}");
    rewrite(&daemon.data(), |record| record["baseline"]["system"]["build"] = json!("5.4.0-old"));

    daemon.start();
    let wait_for = |verdicts: &[&str]| {
        wait_until(&format!("{verdicts:?} in\n{}", daemon.log()), LIMIT, || {
            daemon.status().filter(|(status, _)| verdicts.iter().any(|verdict| status["verdict"] == *verdict))
        })
    };
    let (quarantined, exit) = wait_for(&["blocked"]);
    assert_eq!((exit, &quarantined["causes"][0]["code"]), (1, &json!("host.os-changed")), "{quarantined:#}");
    // Warnings refuse nothing.
    let (passed, exit) = wait_for(&["ready", "degraded"]);
    assert_eq!(exit, 0, "{passed:#}");
    assert_eq!(record(&daemon.data())["by"], "portreeve run");
}
