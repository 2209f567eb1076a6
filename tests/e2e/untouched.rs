//! `check` leaves a state directory as it is: not a byte, not a time, not a device more.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, Gateway, OpenClaw, wait_until};
use serde_json::Value;

use crate::CONFIG_TOKEN;

const REST: Duration = Duration::from_secs(20);

/// What can be told of each path below a folder: everything but the time of the last access.
type Manifest = BTreeMap<PathBuf, Vec<u64>>;

#[test]
fn check_leaves_a_state_directory_as_it_is() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("facts.json");
    running(&gateway, &save);

    // A gateway that is held still writes nothing, so that whatever changes is our doing. (It starts `npm` in a group of its own, which
    // writes elsewhere in the home.)
    gateway.signal(Signal::SIGSTOP);
    unchanged(&gateway, "held");
    gateway.signal(Signal::SIGCONT);
    gateway.kill();
    // The databases still have their logs, which a reader that opens them would take in or throw away.
    unchanged(&gateway, "killed");
    gateway.start_until_ready();
    gateway.stop();
    // Here a reader would make logs that are not there.
    unchanged(&gateway, "stopped");
}

/// The gateway itself goes on writing; what it writes on account of a check would be a device.
fn running(gateway: &Gateway, save: &Path) {
    let config = gateway.state().join("openclaw.json");
    let before = describe(&config, &fs::symlink_metadata(&config).unwrap());
    let seen = [(); 3].map(|()| {
        let output = gateway.portreeve().run(&["check", "--save", save.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        devices(&serde_json::from_slice(&fs::read(save).unwrap()).unwrap())
    });
    for lists in &seen {
        assert_eq!(lists, &seen[0]);
        for (name, list) in lists {
            assert!(name == "devices" || list == &Value::Array(Vec::new()), "`{name}` is not empty: {list}");
        }
    }
    assert_eq!(before, describe(&config, &fs::symlink_metadata(&config).unwrap()), "the config");
}

/// What the state directory and the gateway say of devices.
fn devices(facts: &Value) -> BTreeMap<String, Value> {
    let records = &facts["state_dirs"][0]["records"];
    assert_eq!(records["status"], "known", "{records}");
    let of_state = ["devices", "paired", "pending", "device_tokens"].map(|name| (name, &records["value"][name]));
    let pairing = &facts["gateways"][0]["pairing"];
    assert_eq!(pairing["status"], "known", "{pairing}");
    let of_gateway = [
        ("paired by the gateway", &pairing["value"]["paired"]),
        ("pending at the gateway", &pairing["value"]["pending"]),
    ];
    of_state.into_iter().chain(of_gateway).map(|(name, list)| (name.to_owned(), list.clone())).collect()
}

fn unchanged(gateway: &Gateway, how: &str) {
    // A signal takes its time to arrive.
    let before = wait_until("a state directory at rest", REST, || {
        let manifest = manifest(gateway.state());
        (manifest == self::manifest(gateway.state())).then_some(manifest)
    });
    for command in [&["check"][..], &["tokens"], &["map"]] {
        gateway.portreeve().run(command);
    }
    let after = manifest(gateway.state());
    let changed: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "with the gateway {how}, changed: {changed:#?}");
    assert!(before.keys().any(|path| path.ends_with("openclaw.sqlite")), "{:#?}", before.keys());
}

fn manifest(folder: &Path) -> Manifest {
    let mut manifest = Manifest::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let description = describe(&path, &metadata);
        manifest.insert(path, description);
    }
    manifest
}

fn describe(path: &Path, metadata: &Metadata) -> Vec<u64> {
    let mut hasher = DefaultHasher::new();
    if metadata.is_file() {
        fs::read(path).unwrap().hash(&mut hasher);
    }
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let numbers = [metadata.mode().into(), metadata.uid().into(), metadata.ino(), metadata.size(), hasher.finish()];
    numbers.into_iter().chain(times.map(i64::cast_unsigned)).collect()
}
