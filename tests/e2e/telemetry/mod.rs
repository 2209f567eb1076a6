//! What the real daemon tells a central endpoint, however either of them ends.

mod bound;
mod fleet;
mod flush;
mod kills;
pub(crate) mod secrets;
mod tally;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_tests::{Guard, Home, Portreeve, free_port};
use serde_json::json;
use tempfile::TempDir;

use crate::{CONFIG_TOKEN, OTHER_TOKEN, TOKEN_VARIABLE};

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a daemon is killed; set it for more.
const KILLS: &str = "PORTREEVE_KILLS";

fn kills(default: u32) -> u32 {
    std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(default)
}

/// A daemon that can be killed and started again, on a home whose gateway does not run.
struct Agent {
    running: Option<Running>,
    portreeve: Portreeve,
    folder: TempDir,
    home: Home,
}

struct Running {
    guard: Guard,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.guard.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Agent {
    /// One that delivers as these lines of `[deliver]` say. It does not run yet.
    fn new(deliver: &str) -> Self {
        let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
        let config = json!({
            "gateway": { "mode": "local", "port": free_port(), "auth": { "mode": "token", "token": CONFIG_TOKEN } },
        });
        home.write("openclaw.json", &config.to_string());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings =
            format!("[daemon]\nglance_s = 1\nfast_s = 2\nlocks_s = 0\n\n[deliver]\ninterval_s = 5\n{deliver}\n");
        fs::write(folder.path().join("portreeve.toml"), settings).unwrap();
        let portreeve = Portreeve::new(home.path())
            .env("PORTREEVE_CONFIG", &path("portreeve.toml"))
            .env("PORTREEVE_DATA_DIR", &path("data"))
            .env("PORTREEVE_STATUS_FILE", &path("public/status.json"))
            .env("PORTREEVE_CONTAINERS", "off")
            .env("PORTREEVE_HOMES", &home.path().display().to_string())
            .env(TOKEN_VARIABLE, OTHER_TOKEN);
        Self { running: None, portreeve, folder, home }
    }

    fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.portreeve.command();
        command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let child = command.spawn().unwrap();
        self.running = Some(Running { guard: Guard::new(&child, None), child });
    }

    /// Kills it, which must not have ended by itself.
    fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        assert_eq!(running.child.try_wait().unwrap(), None, "it ended by itself:\n{}", self.log());
    }

    /// The data folder. On macOS the temporary folder is reached by a link.
    fn data(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Takes the gateway's state away, or brings it back: another verdict, with other findings.
    fn turn(&self) {
        let aside = self.home.path().join("aside");
        let state = self.home.state();
        if aside.exists() { fs::rename(aside, state) } else { fs::rename(state, aside) }.unwrap();
    }

    /// The verdict as it should be.
    fn verdict(&self) -> &'static str {
        if self.home.state().exists() { "blocked" } else { "unknown" }
    }
}
