//! A Compose project that is started and waited for.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use portreeve_core::gate::{Proof, Through, UNDECIDED, prove_project};
use portreeve_core::{Policy, Snapshot};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout_at};

use super::notice::Notice;
use crate::error::UserError;
use crate::output;

/// Where `docker` is; launchd's `PATH` names none of these.
const PROGRAMS: [&str; 4] = [
    "/usr/local/bin/docker",
    "/opt/homebrew/bin/docker",
    "/Applications/Docker.app/Contents/Resources/bin/docker",
    "/usr/bin/docker",
];
/// The same below a user's home.
const OWN_PROGRAMS: [&str; 2] = [".orbstack/bin/docker", ".docker/bin/docker"];
/// Before it is tried again; doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Between two looks whether maintenance is over.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(2);
/// Exit status where there is no such program, as a shell gives it.
const NOT_FOUND: u8 = 127;

/// A project.
#[derive(Debug)]
pub(super) struct Project {
    file: PathBuf,
    name: Option<String>,
}

impl Project {
    pub(super) fn new(file: &Path, name: Option<String>) -> Result<Self> {
        let file = fs::canonicalize(file).map_err(|source| UserError::Read { path: file.to_owned(), source })?;
        Ok(Self { file, name })
    }

    /// Whether its gateways are ready.
    pub(super) fn prove(&self, snapshot: &Snapshot, policy: &Policy, through: Through) -> Proof {
        let files = [self.file.to_string_lossy().into_owned()];
        prove_project(snapshot, policy, through, self.name.as_deref(), &files)
    }

    /// `docker compose up --detach`, again until it ends well: after a boot the engine is not up yet. Not while somebody works on the node.
    /// Else the exit status of the gate.
    pub(super) async fn up(&self, patience: Duration, notice: &mut Notice) -> Result<(), u8> {
        let mut is_told = false;
        while let Some(until) = notice.read() {
            if !is_told {
                output::note(&format!("maintenance until {until:.0}: the project is not started"));
                is_told = true;
            }
            sleep(MAINTENANCE_PAUSE).await;
        }
        let Some(program) = docker() else {
            output::note("no `docker` was found that this user may run");
            return Err(NOT_FOUND);
        };
        let deadline = Instant::now() + patience;
        let mut pause = MIN_PAUSE;
        loop {
            let why = match timeout_at(deadline, self.command(&program).status()).await {
                Ok(Ok(status)) if status.success() => return Ok(()),
                Ok(Ok(status)) => format!("`docker compose up` ended with {status}"),
                Ok(Err(error)) => format!("`{}` could not be run: {error}", program.display()),
                Err(_) => "`docker compose up` did not end in time".to_owned(),
            };
            if Instant::now() + pause >= deadline {
                output::note(&format!("the project could not be started: {why}"));
                return Err(UNDECIDED);
            }
            output::note(&format!("{why}; trying again in {} s", pause.as_secs()));
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["compose", "--file"]).arg(&self.file);
        command.args(self.name.iter().flat_map(|name| ["--project-name", name]));
        command.args(["up", "--detach"]);
        // What it prints is about the start, as what the gate says is.
        let stdout = io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
        command.stdin(Stdio::null()).stdout(stdout).kill_on_drop(true);
        command
    }
}

/// The first `docker` there is. Root runs none that others can change.
fn docker() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let own = home.iter().flat_map(|home| OWN_PROGRAMS.iter().map(|program| home.join(program)));
    let mut programs = PROGRAMS.iter().map(PathBuf::from).chain(own).filter(|program| program.is_file());
    if !portreeve_observe::is_root() {
        return programs.next();
    }
    programs.find(|program| match portreeve_store::check_program(program, 0) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("{error}");
            false
        }
    })
}
