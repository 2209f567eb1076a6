//! The daemon on a real gateway: it notices by itself what happens, and says so to everybody.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, Gateway, Guard, OpenClaw, Portreeve, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use crate::{CONFIG_TOKEN, OTHER_TOKEN};

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_mins(1);

/// A daemon with folders of its own.
struct Daemon {
    guard: Guard,
    child: Child,
    portreeve: Portreeve,
    folder: TempDir,
}

impl Daemon {
    fn start(gateways: &[&Gateway]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(folder.path().join("portreeve.toml"), "[daemon]\nfast_s = 2\nlocks_s = 5\nlock_window_s = 1\n")
            .unwrap();
        let homes: Vec<String> = gateways.iter().map(|gateway| gateway.home().display().to_string()).collect();
        let portreeve = gateways[0]
            .portreeve()
            .env("PORTREEVE_CONFIG", &path("portreeve.toml"))
            .env("PORTREEVE_DATA_DIR", &path("data"))
            .env("PORTREEVE_STATUS_FILE", &path("public/status.json"))
            .env("PORTREEVE_CONTAINERS", "off")
            .env("PORTREEVE_HOMES", &homes.join(":"));
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = portreeve.command();
        command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let child = command.spawn().unwrap();
        Self { guard: Guard::new(&child, None), child, portreeve, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// What `status` says, to whomever asks.
    fn status(&self) -> Option<(Value, i32)> {
        let file = self.folder.path().join("public/status.json");
        let output = self.portreeve.command().args(["status", "--json"]).arg(file).output().unwrap();
        Some((serde_json::from_slice(&output.stdout).ok()?, output.status.code()?))
    }

    /// Waits for a verdict with this cause, or with none.
    fn wait_for(&self, verdict: &str, cause: Option<&str>) -> (Value, i32) {
        wait_until(&format!("`{verdict}` with cause {cause:?} in\n{}", self.log()), LIMIT, || {
            self.status().filter(|(status, _)| {
                let causes = status["causes"].as_array().unwrap();
                status["verdict"] == verdict
                    && cause.is_none_or(|cause| causes.iter().any(|known| known["code"] == cause))
            })
        })
    }

    fn history(&self) -> Vec<Value> {
        let path: PathBuf = self.folder.path().join("data/history.json");
        let history: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        history["spells"].as_array().unwrap().clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.guard.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

#[test]
fn a_gateway_that_is_killed_and_comes_back_is_told_with_its_cause() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let mut daemon = Daemon::start(&[&gateway]);
    let (status, exit) = daemon.wait_for("ready", None);
    assert_eq!((exit, &status["stale"]), (0, &Value::Null), "{status}");

    gateway.kill();
    let (status, exit) = daemon.wait_for("blocked", Some("port.silent"));
    assert_eq!(exit, 69, "{status}");
    let spells = daemon.history();
    let last = spells.last().unwrap();
    assert_eq!((&last["verdict"], &last["causes"][0]["code"]), (&"blocked".into(), &"port.silent".into()));
    assert_eq!(spells[spells.len() - 2]["verdict"], "ready");

    // A configuration that is refused changes nothing, and is told.
    fs::write(daemon.folder.path().join("portreeve.toml"), "[daemon]\nfast_s = \"often\"\n").unwrap();
    daemon.guard.signal(Signal::SIGHUP);
    wait_until("the refusal", LIMIT, || daemon.log().contains("the configuration is refused").then_some(()));
    wait_until("the refusal in the status", LIMIT, || {
        daemon.status().filter(|(status, _)| status["problems"].to_string().contains("daemon.fast_s")).map(|_| ())
    });

    gateway.start_until_ready();
    daemon.wait_for("ready", None);
    wait_until("a window of looks at locks", LIMIT, || {
        daemon.status().filter(|(status, _)| status["lanes"]["locks"]["ended_at"].is_string()).map(|_| ())
    });

    let asked = Instant::now();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(daemon.child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let end = wait_until("the daemon's end", LIMIT, || daemon.child.try_wait().unwrap());
    assert!(
        end.success() && asked.elapsed() < Duration::from_secs(2),
        "{end}, {:?}\n{}",
        asked.elapsed(),
        daemon.log()
    );
    let (status, exit) = daemon.status().unwrap();
    assert_eq!(exit, 75, "{status}");
    assert!(status["stale"].as_str().unwrap().contains("does not run any more"), "{status}");
}

#[test]
fn a_second_owner_of_the_port_is_named_within_ten_seconds() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut first = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    first.start_until_ready();
    let mut second = Builder::new(&openclaw).token(OTHER_TOKEN).port(first.port()).build();
    let daemon = Daemon::start(&[&first, &second]);
    // The other home has a gateway that does not run.
    wait_until("a verdict", LIMIT, || {
        daemon.status().filter(|(status, _)| status["judged_at"].is_string()).map(|_| ())
    });
    second.spawn();
    second.wait_until_owner();
    let owned = Instant::now();
    daemon.wait_for("blocked", Some("port.contended"));
    assert!(owned.elapsed() < Duration::from_secs(10), "{:?}\n{}", owned.elapsed(), daemon.log());
}
