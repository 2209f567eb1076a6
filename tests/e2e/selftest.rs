//! `selftest` as it is run: by root and by others, to its end and not.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portreeve_tests::{Portreeve, is_root, wait_until};
use serde_json::Value;
use tempfile::TempDir;

/// A user id that owns nothing.
const STRANGER: u32 = 65_534;
/// What has to be gone by then.
const LIMIT: Duration = Duration::from_secs(20);

/// A folder in which a user keeps the agent's files.
fn folder(uid: Option<u32>) -> TempDir {
    let folder = tempfile::Builder::new().prefix("portreeve-selftest-").tempdir().unwrap();
    fs::create_dir(data(&folder)).unwrap();
    fs::set_permissions(data(&folder), fs::Permissions::from_mode(0o700)).unwrap();
    for path in [folder.path(), &data(&folder)] {
        chown(path, uid, uid).unwrap();
    }
    folder
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

fn command(folder: &TempDir, uid: Option<u32>) -> Command {
    let portreeve = Portreeve::new(folder.path()).env("PORTREEVE_DATA_DIR", data(folder).to_str().unwrap());
    let mut command = portreeve.command();
    command.args(["selftest", "--json"]).current_dir("/");
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    command
}

fn results(output: &Output) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text).unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let results = report["results"].as_array().unwrap().iter();
    results.map(|result| (word(&result["seam"]), word(&result["outcome"]))).collect()
}

/// Folders of tests and processes that work in them. Processes are only looked for where the system shows where they work.
fn left(data: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.file_name().unwrap() != "selftest.json");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let works_there = |path: &PathBuf| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(data));
    folders.chain(processes.filter(works_there)).collect()
}

fn assert_passes(folder: &TempDir, uid: Option<u32>, may_skip: &[&str]) {
    let output = command(folder, uid).output().unwrap();
    let results = results(&output);
    for (seam, outcome) in &results {
        let skipped = outcome == "skipped" && may_skip.contains(&seam.as_str());
        assert!(skipped || outcome == "passed", "{seam}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(results.len() > 20 && output.status.success(), "{output:?}");
    assert!(data(folder).join("selftest.json").is_file());
    assert_eq!(left(&data(folder)), Vec::<PathBuf>::new());
}

/// What this system may not have.
const MAY_LACK: [&str; 6] =
    ["services", "file-lock", "open-file-lock", "listener-v6", "identity", "exclusion-attribute"];

#[test]
fn each_way_of_looking_tells_the_truth_and_nothing_is_left_behind() {
    assert_passes(&folder(None), None, &MAY_LACK);
}

#[test]
fn an_ordinary_user_can_run_it_too() {
    if !is_root() {
        return;
    }
    let folder = folder(Some(STRANGER));
    // Nobody has a home in which state could lie.
    assert_passes(&folder, Some(STRANGER), &[&MAY_LACK[..], &["accounts"]].concat());
}

/// Ends it at different moments.
fn cut_short(signal: impl Fn(&Child)) {
    let folder = folder(None);
    for moment in 0..16 {
        let mut child =
            command(&folder, None).process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(moment * 25));
        signal(&child);
        child.wait().unwrap();
        let data = data(&folder);
        wait_until("nothing to be left", LIMIT, || left(&data).is_empty().then_some(()));
    }
}

#[test]
fn a_test_that_is_killed_leaves_nothing_behind() {
    cut_short(|child| kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGKILL).unwrap());
}

#[test]
fn a_test_that_is_interrupted_at_the_terminal_leaves_nothing_behind() {
    cut_short(|child| kill(Pid::from_raw(-i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap());
}

#[test]
fn in_a_folder_that_others_can_write_nothing_is_made_nor_kept() {
    let folder = folder(None);
    let target = folder.path().join("target");
    fs::write(&target, "dear").unwrap();
    symlink(&target, data(&folder).join("selftest.json")).unwrap();
    fs::set_permissions(data(&folder), fs::Permissions::from_mode(0o777)).unwrap();
    let output = command(&folder, None).output().unwrap();
    let results = results(&output);
    let of = |name: &str| results.iter().find(|(seam, _)| seam == name).unwrap().1.as_str();
    assert_eq!((of("listener-v4"), of("record-lock"), of("file-status")), ("passed", "skipped", "skipped"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("everybody can write it"), "{said}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "dear");
    assert_eq!(fs::read_dir(data(&folder)).unwrap().count(), 1);
}

#[test]
fn through_a_link_of_another_user_nothing_is_made() {
    if !is_root() {
        return;
    }
    let folder = folder(Some(STRANGER));
    let elsewhere = tempfile::tempdir().unwrap();
    fs::remove_dir(data(&folder)).unwrap();
    symlink(elsewhere.path(), data(&folder)).unwrap();
    std::os::unix::fs::lchown(data(&folder), Some(STRANGER), Some(STRANGER)).unwrap();
    let output = command(&folder, None).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_helper_by_hand_ends_with_its_input() -> io::Result<()> {
    let folder = folder(None);
    let portreeve = Portreeve::new(folder.path());
    let output = portreeve.command().args(["selftest", "--helper", "two words", ""]).stdin(Stdio::null()).output()?;
    assert!(output.status.success() && output.stdout == b"helper: ready\n", "{output:?}");
    Ok(())
}
