//! The real `portreeve-fleet`, on a port of the loopback.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::http::{get, get_with};
use crate::portreeve::built;
use crate::{Running, free_port, wait_until};

/// Names the binary to try; where it is unset, the one beside this program is built and taken.
const BINARY: &str = "PORTREEVE_FLEET_BIN";
const START: Duration = Duration::from_mins(1);

/// A fleet, running or not, with its data. All of it goes when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    running: Option<Running>,
    port: u16,
    folder: TempDir,
}

impl Fleet {
    /// Starts one that knows nobody yet.
    pub fn start() -> Self {
        let mut fleet = Self { running: None, port: free_port(), folder: tempfile::tempdir().unwrap() };
        fleet.come_back();
        fleet
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder of its database.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it said on its terminal, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again, on the same port and data.
    pub fn come_back(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command(&["serve", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.running = Some(Running::start(&mut command, None));
        wait_until("the fleet's health", START, || get(self.port, "/healthz").filter(|(status, _)| *status == 200));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        static PATH: OnceLock<PathBuf> = OnceLock::new();
        let mut command = Command::new(PATH.get_or_init(|| built(BINARY, "portreeve-fleet")));
        command.args(arguments).arg("--data").arg(self.data());
        command
    }

    /// What a command says, which must succeed.
    pub fn say(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Status and body of a page for the viewer with this token; None where nobody answers.
    pub fn page(&self, path: &str, token: &str) -> Option<(u16, String)> {
        get_with(self.port, path, &[("Accept", "text/html"), ("Authorization", &format!("Bearer {token}"))])
    }

    /// Its database, to be read.
    pub fn database(&self) -> Connection {
        Connection::open_with_flags(self.data().join("fleet.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }
}
