//! What an ordinary account may have prepared on the way of a script that runs as root.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::scratch::{Package, Scratch};

const NOTHING: [&str; 0] = [];

/// An account with no rights.
const NOBODY: u32 = 65534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Lays something in the way; `Path`s are the volume and a victim outside of it.
type Trap = fn(&Path, &Path);

const TRAPS: [(&str, Trap, &str); 14] = [
    (
        "a link for /usr/local",
        |root, victim| symlink(victim, root.join("usr/local")).unwrap(),
        "usr/local` is a symbolic link",
    ),
    (
        "a folder that others can write",
        |root, _| {
            fs::create_dir(root.join("usr/local")).unwrap();
            mode(&root.join("usr/local"), 0o777);
        },
        "usr/local` can be written by others than root",
    ),
    (
        "a folder that its group can write",
        |root, _| {
            fs::create_dir_all(root.join("usr/local/bin")).unwrap();
            mode(&root.join("usr/local/bin"), 0o775);
        },
        "sudo chmod go-w '",
    ),
    (
        "a link for the program",
        |root, victim| {
            fs::create_dir_all(root.join("usr/local/bin")).unwrap();
            symlink(victim.join("file"), root.join("usr/local/bin/portreeve")).unwrap();
        },
        "bin/portreeve` is a symbolic link",
    ),
    (
        "a second name of a foreign file",
        |root, victim| {
            fs::create_dir_all(root.join("usr/local/bin")).unwrap();
            fs::hard_link(victim.join("file"), root.join("usr/local/bin/portreeve")).unwrap();
        },
        "bin/portreeve` has 2 names",
    ),
    (
        "a folder for the property list",
        |root, _| fs::create_dir(root.join("Library/LaunchDaemons/dev.portreeve.agent.plist")).unwrap(),
        "dev.portreeve.agent.plist` is not a regular file",
    ),
    (
        "a link for the folder of logs",
        |root, victim| symlink(victim, root.join("Library/Logs/Portreeve")).unwrap(),
        "Logs/Portreeve` is a symbolic link",
    ),
    (
        "a dangling link for the folder of logs",
        |root, victim| symlink(victim.join("new"), root.join("Library/Logs/Portreeve")).unwrap(),
        "",
    ),
    (
        "an open folder of logs",
        |root, _| {
            fs::create_dir(root.join("Library/Logs/Portreeve")).unwrap();
            mode(&root.join("Library/Logs/Portreeve"), 0o777);
        },
        "Logs/Portreeve` can be written by others than root",
    ),
    (
        "a link for the log",
        |root, victim| {
            fs::create_dir(root.join("Library/Logs/Portreeve")).unwrap();
            symlink(victim.join("file"), root.join("Library/Logs/Portreeve/install.log")).unwrap();
        },
        "install.log` is not a regular file",
    ),
    (
        "a pipe for the log",
        |root, _| {
            fs::create_dir(root.join("Library/Logs/Portreeve")).unwrap();
            let path = root.join("Library/Logs/Portreeve/install.log");
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        },
        "install.log` is not a regular file",
    ),
    (
        "a second name for the log",
        |root, victim| {
            fs::create_dir(root.join("Library/Logs/Portreeve")).unwrap();
            fs::hard_link(victim.join("file"), root.join("Library/Logs/Portreeve/install.log")).unwrap();
        },
        "install.log` has 2 names",
    ),
    (
        "a link for what is put aside",
        |root, victim| symlink(victim, root.join("private/var/db/dev.portreeve.agent.install")).unwrap(),
        "dev.portreeve.agent.install` is a symbolic link",
    ),
    (
        "a link for the folder of newsyslog's rules",
        |root, victim| symlink(victim, root.join("private/etc/newsyslog.d")).unwrap(),
        "newsyslog.d` is a symbolic link",
    ),
];

#[test]
fn nothing_is_followed_and_nothing_outside_is_written() {
    for (name, trap, words) in TRAPS {
        let scratch = Scratch::new();
        let victim = scratch.base().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "precious").unwrap();
        trap(&scratch.root, &victim);
        let outcome = scratch.install(&Package::of("0.1.0"));
        assert!(!outcome.is_installed && outcome.said.contains(words), "{name}: {}", outcome.said);
        assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "precious", "{name}");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1, "{name}");
        assert_eq!(scratch.calls(), NOTHING, "{name}");
    }
}

#[test]
fn removing_follows_nothing_either() {
    let places = [
        "private/var/db/portreeve",
        "private/etc/portreeve",
        "usr/local/share/doc/portreeve",
        "Library/Application Support/dev.portreeve.agent",
    ];
    for place in places {
        let scratch = Scratch::new();
        let victim = scratch.base().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "precious").unwrap();
        assert!(scratch.install(&Package::of("0.1.0")).is_installed);
        let _ = fs::remove_dir_all(scratch.path(place));
        symlink(&victim, scratch.path(place)).unwrap();
        scratch.uninstall(&[]);
        assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "precious", "{place}");
    }
}

#[test]
fn the_environment_counts_for_nothing() {
    let mut scratch = Scratch::new();
    let evil = scratch.base().join("evil");
    fs::create_dir(&evil).unwrap();
    let marker = scratch.base().join("marker");
    let text = format!("#!/bin/sh\n: >'{}'\n", marker.display());
    for program in ["ls", "id", "date", "launchctl", "mkdir", "rc"] {
        fs::write(evil.join(program), &text).unwrap();
        mode(&evil.join(program), 0o755);
    }
    let touch = format!("() {{ : >'{}'; }}", marker.display());
    let evil = evil.display().to_string();
    scratch.environment = [
        ("PATH", evil.as_str()),
        ("ENV", &format!("{evil}/rc")),
        ("BASH_ENV", &format!("{evil}/rc")),
        ("CDPATH", &evil),
        ("IFS", "/"),
        ("BASH_FUNC_ls%%", &touch),
        ("BASH_FUNC_id%%", &touch),
        ("SHELLOPTS", "xtrace"),
        ("PS4", &format!("$(: >'{}')", marker.display())),
        ("volume", "/nowhere"),
        ("trusted_uid", "4711"),
        ("running_volume", "/nowhere"),
        ("binary", &format!("{evil}/ls")),
        ("POSIXLY_CORRECT", "1"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    let outcome = scratch.install(&Package::of("0.1.0"));
    assert!(outcome.is_installed, "{}", outcome.said);
    assert!(!scratch.uninstall(&[]).is_installed);
    assert!(!marker.exists());
}

fn is_root(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: {test} needs root, to be two users");
    }
    is_root
}

#[test]
fn what_belongs_to_another_account_is_not_relied_on() {
    if !is_root("what belongs to another account") {
        return;
    }
    let places = [
        ("usr/local", true),
        ("usr/local/bin", true),
        ("usr/local/bin/portreeve", false),
        ("usr/local/libexec/portreeve", true),
        ("usr/local/libexec/portreeve/version", false),
        ("Library/Logs/Portreeve", true),
        ("Library/Logs/Portreeve/install.log", false),
        ("Library/LaunchDaemons/dev.portreeve.agent.plist", false),
        ("private/var/db", true),
        ("private/var/db/dev.portreeve.agent.install", true),
    ];
    for (place, is_folder) in places {
        let scratch = Scratch::new();
        let path = scratch.path(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if is_folder {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::write(&path, "9.9.9").unwrap();
        }
        std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        let outcome = scratch.install(&Package::of("0.1.0"));
        assert!(
            !outcome.is_installed && outcome.said.contains(&format!("belongs to uid {NOBODY}")),
            "{place}: {}",
            outcome.said
        );
        assert_eq!(scratch.calls(), NOTHING, "{place}");
    }
}

/// A process group that ends with the test.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Another account, in a folder that (for once) everybody can write, puts links and folders where the log is to be, as fast as it can.
#[test]
fn a_race_for_the_folder_of_logs_is_not_won() {
    if !is_root("a race of two users") {
        return;
    }
    let scratch = Scratch::new();
    let victim = scratch.base().join("victim");
    fs::create_dir(&victim).unwrap();
    mode(&scratch.path("Library/Logs"), 0o777);
    let script = format!(
        "cd '{}' && while :; do ln -sfn '{}' link && mv -T link Portreeve; mkdir own && mv -T own Portreeve; rm -rf Portreeve; done",
        scratch.path("Library/Logs").display(),
        victim.display(),
    );
    let attacker = Command::new("sh")
        .args(["-c", &script])
        .uid(NOBODY)
        .gid(NOBODY)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Group)
        .unwrap();
    for _ in 0..15 {
        // Installed or refused: what counts is where nothing was written.
        scratch.install(&Package::of("0.1.0"));
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    }
    drop(attacker);
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
}
