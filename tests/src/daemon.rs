//! `portreeve run`, with folders of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Portreeve, Running};

const SETTINGS: &str = "portreeve.toml";

/// A daemon, running or not, with its data. All of it goes when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    running: Option<Running>,
    portreeve: Portreeve,
    folder: TempDir,
}

impl Daemon {
    /// One that looks at these homes, without containers, as its settings say. It does not run yet.
    pub fn new(portreeve: Portreeve, homes: &[&Path], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let homes: Vec<String> = homes.iter().map(|home| home.display().to_string()).collect();
        let portreeve = portreeve
            .env("PORTREEVE_CONFIG", &path(SETTINGS))
            .env("PORTREEVE_DATA_DIR", &path("data"))
            .env("PORTREEVE_STATUS_FILE", &path("public/status.json"))
            .env("PORTREEVE_CONTAINERS", "off")
            .env("PORTREEVE_HOMES", &homes.join(":"));
        let daemon = Self { running: None, portreeve, folder };
        daemon.configure(settings);
        daemon
    }

    /// Replaces its settings, of which it learns by [`Daemon::reload`] or with the next start.
    pub fn configure(&self, settings: &str) {
        fs::write(self.folder.path().join(SETTINGS), settings).unwrap();
    }

    /// Starts it.
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command();
        command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.running = Some(Running::start(&mut command, None));
    }

    /// The same, of a new one.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    /// Asks it to read its settings again.
    pub fn reload(&mut self) {
        self.running().signal_alone(Signal::SIGHUP);
    }

    /// The process, which has been started.
    pub fn running(&mut self) -> &mut Running {
        self.running.as_mut().unwrap()
    }

    /// Kills it, which must not have ended by itself.
    pub fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        assert_eq!(running.child.try_wait().unwrap(), None, "it ended by itself:\n{}", self.log());
    }

    /// `portreeve` with the daemon's own settings, without arguments yet.
    pub fn command(&self) -> Command {
        self.portreeve.command()
    }

    /// The folder of all that is its own. On macOS the temporary folder is reached by a link.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// What it said, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What `status` says, to whomever asks, and its exit status. None where there is nothing to say yet.
    pub fn status(&self) -> Option<(Value, i32)> {
        let file = self.folder.path().join("public/status.json");
        let output = self.command().args(["status", "--json"]).arg(file).output().unwrap();
        Some((serde_json::from_slice(&output.stdout).ok()?, output.status.code()?))
    }
}
