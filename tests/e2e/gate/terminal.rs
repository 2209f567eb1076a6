//! The gate in an interactive shell on a terminal: the keyboard is the command's.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use portreeve_tests::{Running, skip, wait_until};
use serde_json::json;

use super::{LIMIT, Stage};

#[test]
fn the_keyboard_stops_and_ends_the_command_and_the_shell_goes_on() {
    if !Path::new("/usr/bin/script").exists() || cfg!(target_vendor = "apple") {
        skip("there is no `script` of util-linux that gives a terminal");
        return;
    }
    let stage = Stage::new();
    let screen = stage.home.path().join("screen");
    let gate = stage.gate(&["--timeout", "60"], json!({ "listen": 0, "ready": 0 }));
    let mut words = vec![gate.get_program().to_string_lossy().into_owned()];
    words.extend(gate.get_args().map(|word| word.to_string_lossy().into_owned()));
    let mut command = Command::new("/usr/bin/script");
    command.args(["-q", "-f", "-c", "bash --norc --noprofile -i"]).arg(&screen);
    command.env_clear().envs(gate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut shell = Running::start(
        command
            .env("PS1", "$ ")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(stage.home.path().join("stderr")).unwrap()),
        None,
    );
    let mut keys = shell.child.stdin.take().unwrap();
    let shows = |words: &str, times: usize| {
        wait_until(words, LIMIT, || {
            let text = fs::read(&screen).unwrap_or_default();
            (String::from_utf8_lossy(&text).matches(words).count() >= times).then_some(())
        });
    };
    writeln!(keys, "{}", words.join(" ")).unwrap();
    shows("ready after", 1);
    keys.write_all(b"\x1a").unwrap();
    shows("Stopped", 1);
    writeln!(keys, "jobs; echo back-$((1 + 1))").unwrap();
    shows("back-2", 1);
    writeln!(keys, "fg").unwrap();
    shows("going on after", 1);
    keys.write_all(b"\x03").unwrap();
    shows("ended by signal 2", 1);
    writeln!(keys, "echo status-$?-").unwrap();
    shows("status-130-", 1);
    writeln!(keys, "exit").unwrap();
    let status = wait_until("the end of the shell", LIMIT, || shell.child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
