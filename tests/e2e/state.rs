//! Who owns a state directory, and who may read it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use portreeve_tests::{Builder, OpenClaw, is_root, skip};

use crate::CONFIG_TOKEN;
use crate::shared::alike;

/// Somebody other than root; needs no account.
const SOMEBODY: u32 = 1_001;

#[test]
fn a_state_directory_open_to_others_is_a_warning() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    fs::set_permissions(gateway.state(), Permissions::from_mode(0o755)).unwrap();
    let checked = gateway.portreeve().check();
    checked.assert_passes();
    checked.assert_has("state.open", "warning");
    checked.assert_says("state.open", &["755"]);
}

#[test]
fn a_second_gateway_on_the_state_directory_shares_it() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let status = gateway.second();
    assert_eq!(status.code(), Some(78), "{}", gateway.console());
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["state.shared"], 78);
    checked.assert_says("state.shared", &[gateway.state().to_str().unwrap()]);
}

#[test]
fn a_gateway_of_another_user_owns_the_state_directory() {
    let Some(openclaw) = OpenClaw::find() else { return };
    if !is_root() {
        return skip("taking another user's state needs root");
    }
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    let owner = format!("{SOMEBODY}:{SOMEBODY}");
    let status = Command::new("chown").args(["-R", &owner]).arg(gateway.home()).status().unwrap();
    assert!(status.success());
    gateway.start_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["state.lease-foreign"], 78);
    checked.assert_says("state.lease-foreign", &[&gateway.pid().to_string(), &SOMEBODY.to_string()]);
}

#[test]
fn check_opens_nothing_in_the_state_directory_for_writing() {
    let Some(gateway) = alike() else { return };
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("`strace` is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let calls = "trace=%file,ftruncate,fchmod,fchown,fcntl,flock,write,pwrite64";
    let strace = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", calls, "-o", trace.to_str().unwrap()];
    let checked = gateway.portreeve().through(strace.map(ToOwned::to_owned).to_vec()).check();
    checked.assert_passes();
    let state = gateway.state().to_str().unwrap();
    let locks = "/tmp/openclaw-state-locks-";
    let harm = [
        "O_WRONLY",
        "O_RDWR",
        "O_CREAT",
        "O_TRUNC",
        "unlink",
        "rename",
        "mkdir",
        "rmdir",
        "link",
        "chmod",
        "chown",
        "utime",
        "truncate",
        "write(",
        "pwrite64(",
        "F_SETLK",
        "F_OFD_SETLK",
        "flock(",
    ];
    let trace = fs::read_to_string(&trace).unwrap();
    let touched: Vec<&str> = trace.lines().filter(|line| line.contains(state) || line.contains(locks)).collect();
    assert!(!touched.is_empty(), "nothing was looked at");
    // `readlink` reads, and a name may hold any of these words: what counts is the call and its flags.
    let harmful = |line: &&&str| {
        let call = line.split_once(' ').map_or(**line, |(_, call)| call.trim_start());
        // The report itself, which names the directory.
        if call.starts_with("write(1<") || call.starts_with("write(2<") {
            return false;
        }
        harm.iter().any(|word| {
            if word.starts_with("O_") || word.starts_with("F_") { call.contains(word) } else { call.starts_with(word) }
        })
    };
    let harmed: Vec<_> = touched.iter().filter(harmful).collect();
    assert!(harmed.is_empty(), "{harmed:#?}");
}
