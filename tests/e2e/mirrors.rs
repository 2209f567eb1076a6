//! What copies the state directory of a real gateway.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portreeve_tests::{Builder, Gateway, OpenClaw, Running, skip, wait_until};

use crate::CONFIG_TOKEN;

#[test]
fn whatever_copies_the_state_directory_is_named_until_it_leaves_it_out() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    syncthing(&gateway);
    service(&gateway);
    running(&gateway);
    copied(&gateway);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Runs the commands of a finding's remedy that contain a text, as a shell does.
fn do_as_told(finding: &serde_json::Value, containing: &str) {
    let steps = finding["remedy"].as_array().unwrap();
    let commands: Vec<&str> = steps.iter().filter_map(|step| step["command"].as_str()).collect();
    assert!(commands.iter().any(|command| command.contains(containing)), "no `{containing}` among {commands:?}");
    let command = commands.iter().find(|command| command.contains(containing)).unwrap();
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
}

/// The remedy, run as it is printed, mends it.
fn syncthing(gateway: &Gateway) {
    let home = gateway.home().to_path_buf();
    fs::create_dir(home.join(".stfolder")).unwrap();
    let settings = format!(
        "<configuration version=\"37\"><folder id=\"home\" path=\"{}\" type=\"sendreceive\"><paused>false</paused></folder>\
         </configuration>",
        home.display()
    );
    write(&home.join(".local/state/syncthing/config.xml"), &settings);
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["mirror.cloud"], 78);
    checked.assert_says("mirror.cloud", &["Syncthing", "config.xml", ".stignore"]);
    do_as_told(checked.findings("mirror.cloud")[0], ".stignore");
    let checked = gateway.portreeve().check();
    checked.assert_lacks("mirror.cloud");
    checked.assert_passes();
    fs::remove_dir(home.join(".stfolder")).unwrap();
    let dirs = checked.report["state_dirs"].as_array().unwrap();
    assert_eq!(dirs[0]["mirrors"][0]["state"], "excluded", "{checked}");
}

/// A timer starts a service that copies the home to another machine, whose name is not repeated.
fn service(gateway: &Gateway) {
    let home = gateway.home().to_path_buf();
    let units = home.join(".config/systemd/user");
    let unit = |command: &str| {
        write(&units.join("backup.service"), &format!("[Service]\nType=oneshot\nExecStart={command}\n"));
    };
    unit(&format!("/usr/bin/rsync -a {}/ backup@nas.example.com:/srv/op", home.display()));
    let timer = units.join("backup.timer");
    write(&timer, "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n");
    // Nothing starts it yet.
    gateway.portreeve().check().assert_lacks("mirror.job");
    fs::create_dir(units.join("timers.target.wants")).unwrap();
    symlink(&timer, units.join("timers.target.wants/backup.timer")).unwrap();
    let checked = gateway.portreeve().check();
    checked.assert_passes();
    checked.assert_has("mirror.job", "warning");
    checked.assert_says("mirror.job", &["backup.service", "--exclude=.openclaw/", "SQLite"]);
    assert!(!checked.stdout.contains("nas.example.com"), "{checked}");
    unit(&format!("/usr/bin/rsync -a --exclude=.openclaw/ {}/ backup@nas.example.com:/srv/op", home.display()));
    gateway.portreeve().check().assert_lacks("mirror.job");
}

/// A real rsync copies the home now.
fn running(gateway: &Gateway) {
    if Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("`rsync` is not installed");
    }
    let target = tempfile::tempdir().unwrap();
    // Enough to copy that it is not done before it is seen.
    fs::write(gateway.home().join("film"), vec![7; 16 << 20]).unwrap();
    let mut command = Command::new("rsync");
    command.args(["-a", "--bwlimit=64"]).arg(gateway.home()).arg(target.path()).stdout(Stdio::null());
    let rsync = Running::start(&mut command, None);
    let checked = gateway.portreeve().check();
    checked.assert_has("mirror.job", "warning");
    checked.assert_says("mirror.job", &["rsync", &rsync.pid().to_string()]);
    drop(rsync);
    // It runs as three processes, and they do not end at one moment.
    wait_until("no rsync is seen", Duration::from_secs(20), || {
        gateway.portreeve().check().findings("mirror.job").is_empty().then_some(())
    });
}

/// A copy of the directory holds its identity.
fn copied(gateway: &Gateway) {
    // The command line gives the directory an identity.
    assert!(gateway.openclaw(&["devices", "list"]).status.success());
    gateway.portreeve().check().assert_lacks("mirror.ghost");
    let copy = gateway.home().join(".openclaw-copy");
    // What the gateway moves meanwhile (it unpacks its control page after its start) fails a copy.
    wait_until("the state directory is copied whole", Duration::from_secs(30), || {
        drop(fs::remove_dir_all(&copy));
        Command::new("cp").arg("-a").arg(gateway.state()).arg(&copy).output().unwrap().status.success().then_some(())
    });
    let checked = gateway.portreeve().check();
    checked.assert_has("mirror.ghost", "warning");
    checked.assert_says("mirror.ghost", &[copy.to_str().unwrap(), gateway.state().to_str().unwrap()]);
}
