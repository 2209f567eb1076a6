//! A device identity against an independent implementation, and its file against hostile ones.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// Key, id and signature made with Node's `crypto` module from the seed 1, 2, … 32.
const PKCS8: &str = "MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
const PUBLIC_KEY: &str = "ebVWLo_mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ";
const ID: &str = "65b60673d6ed884bf01c2c222d82ada0740f29ac3355d6a925c81f17f47a27b8";
const SIGNATURE: &str = "DHZANffTOnmWwf5OlcH60__Ufs1lsYG6ZtCtxy7NjuBYOdKfLUPYsRYy_ERbzYLm5YcPZYG_oSfQ5a1tualCCQ";

fn known() -> Device {
    Device::from_pkcs8(&STANDARD.decode(PKCS8).unwrap()).unwrap()
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn agrees_with_an_independent_implementation() {
    let proof = known().prove(&DeviceProof {
        client_id: "cli",
        client_mode: "cli",
        role: "operator",
        scopes: &["operator.read", "operator.pairing"],
        signed_at_ms: 1_700_000_000_000,
        token: "lab-token",
        nonce: "8fa9e9b6-affe-4c49-b46b-de1865142d36",
        platform: " MacOS ",
        device_family: "Mac mini",
    });

    assert_eq!(proof, Proof { id: ID.to_owned(), public_key: PUBLIC_KEY.to_owned(), signature: SIGNATURE.to_owned() });
}

#[test]
fn is_made_once_and_then_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("a/b");

    assert!(Device::load(&ours).unwrap().is_none());
    let made = Device::load_or_create(&ours).unwrap();
    let loaded = Device::load_or_create(&ours).unwrap();

    assert_eq!(made.id(), loaded.id());
    assert_eq!(made.id(), device_id(&URL_SAFE_NO_PAD.decode(made.public_key()).unwrap()));
    let meta = fs::metadata(ours.join(FILE_NAME)).unwrap();
    assert_eq!((meta.mode() & 0o777, meta.nlink()), (0o600, 1));
    assert_eq!(fs::read_dir(&ours).unwrap().count(), 1);
}

#[test]
fn of_two_that_make_it_at_once_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Device::load_or_create(dir.path()).unwrap().id().to_owned())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn never_goes_into_a_state_directory_of_openclaw() {
    let dir = tempfile::tempdir().unwrap();
    let named = dir.path().join(".openclaw-rescue/x");
    let used = dir.path().join("state-dir");
    fs::create_dir_all(&used).unwrap();
    fs::write(used.join("openclaw.json"), "{}").unwrap();

    for foreign in [named.clone(), used.clone(), used.join("ours")] {
        assert!(matches!(Device::load_or_create(&foreign), Err(DeviceError::NotOurs { .. })), "{foreign:?}");
    }
    assert!(!named.exists());
}

#[test]
fn hostile_files_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let good = format!(r#"{{"version":1,"id":"{ID}","pkcs8":"{PKCS8}"}}"#);
    let load = || Device::load(dir.path());

    write_private(&path, &good);
    assert_eq!(load().unwrap().unwrap().id(), ID);

    for text in [
        String::new(),
        "[".repeat(4000),
        good.replace("\"version\":1", "\"version\":2"),
        good.replace(ID, &"0".repeat(64)),
        good.replace(PKCS8, "AAAA"),
        good.replace(PKCS8, "*"),
    ] {
        write_private(&path, &text);
        assert!(matches!(load(), Err(DeviceError::Malformed { .. })), "{text}");
    }

    write_private(&path, &" ".repeat(10_000));
    assert!(matches!(load(), Err(DeviceError::Read(ReadError::TooLarge { .. }))));

    write_private(&path, &good);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(load(), Err(DeviceError::Exposed { .. })));

    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(matches!(load(), Err(DeviceError::Read(ReadError::Symlink { .. }))));

    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(matches!(load(), Err(DeviceError::Read(ReadError::NotRegular { .. }))));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", known()), format!("Device {{ id: {ID:?}, .. }}"));
}
