//! `portreeve gate`: success only for what is proven, and nothing left behind.

mod command;
mod launchd;
mod liars;
mod maintenance;
mod real;
mod terminal;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use portreeve_tests::{Home, Portreeve, Running, free_port};
use serde_json::{Value, json};

use crate::CONFIG_TOKEN;

const LIMIT: Duration = Duration::from_mins(2);

/// A home with a config, in which a stand-in plays the gateway.
struct Stage {
    home: Home,
    port: u16,
}

impl Stage {
    fn new() -> Self {
        let (home, port) = (Home::new(), free_port());
        let config = json!({
            "gateway": { "mode": "local", "port": port, "auth": { "token": CONFIG_TOKEN } },
            "logging": { "file": home.path().join("gateway.log") },
        });
        home.write("openclaw.json", &config.to_string());
        // Its name is what it is known by. Copied by this program itself, it could not be run while another thread starts something, which
        // then holds the copy open for writing.
        let status = Command::new("cp").arg(env!("CARGO_BIN_EXE_stand-in")).arg(home.path().join("openclaw")).status();
        assert!(status.unwrap().success());
        Self { home, port }
    }

    /// The words that start the stand-in.
    fn words(&self) -> [String; 3] {
        [self.program().display().to_string(), "gateway".to_owned(), "run".to_owned()]
    }

    fn program(&self) -> PathBuf {
        self.home.path().join("openclaw")
    }

    /// What the stand-in is told: the port, and the part.
    fn part(&self, mut part: Value) -> String {
        part["port"] = self.port.into();
        part.to_string()
    }

    /// `portreeve gate` in this home with these options, and the stand-in with this part as its command.
    fn gate(&self, options: &[&str], part: Value) -> Command {
        let mut command = self.alone(options);
        command.env("STAND_IN", self.part(part)).arg("--").args(self.words());
        command
    }

    /// `portreeve gate` in this home without a command.
    fn alone(&self, options: &[&str]) -> Command {
        let mut command = Portreeve::new(self.home.path()).command();
        command.env("PORTREEVE_DATA_DIR", self.home.path().join("data")).env("PORTREEVE_CONTAINERS", "off");
        command.args(["gate", "--home"]).arg(self.home.path()).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The stand-in by itself.
    fn play(&self, part: Value) -> Running {
        let mut command = Command::new(self.program());
        command.args(["gateway", "run"]).env_clear().env("HOME", self.home.path()).env("STAND_IN", self.part(part));
        Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()), None)
    }
}

/// Exit status and standard error.
fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
