//! The daemon on a real gateway: it notices by itself what happens, and says so to everybody.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, Daemon, Gateway, OpenClaw, wait_until};
use serde_json::Value;

use crate::{CONFIG_TOKEN, OTHER_TOKEN};

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_mins(1);

fn start(gateways: &[&Gateway]) -> Daemon {
    let homes: Vec<_> = gateways.iter().map(|gateway| gateway.home()).collect();
    let settings = "[daemon]\nfast_s = 2\nlocks_s = 5\nlock_window_s = 1\n";
    Daemon::new(gateways[0].portreeve(), &homes, settings).started()
}

/// Waits for a verdict with this cause, or with none.
fn wait_for(daemon: &Daemon, verdict: &str, cause: Option<&str>) -> (Value, i32) {
    wait_until(&format!("`{verdict}` with cause {cause:?} in\n{}", daemon.log()), LIMIT, || {
        daemon.status().filter(|(status, _)| {
            let causes = status["causes"].as_array().unwrap();
            status["verdict"] == verdict && cause.is_none_or(|cause| causes.iter().any(|known| known["code"] == cause))
        })
    })
}

fn history(daemon: &Daemon) -> Vec<Value> {
    let history: Value = serde_json::from_slice(&fs::read(daemon.data().join("history.json")).unwrap()).unwrap();
    history["spells"].as_array().unwrap().clone()
}

#[test]
fn a_gateway_that_is_killed_and_comes_back_is_told_with_its_cause() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let mut daemon = start(&[&gateway]);
    let (status, exit) = wait_for(&daemon, "ready", None);
    assert_eq!((exit, &status["stale"]), (0, &Value::Null), "{status}");

    gateway.kill();
    let (status, exit) = wait_for(&daemon, "blocked", Some("port.silent"));
    assert_eq!(exit, 69, "{status}");
    let spells = history(&daemon);
    let last = spells.last().unwrap();
    assert_eq!((&last["verdict"], &last["causes"][0]["code"]), (&"blocked".into(), &"port.silent".into()));
    assert_eq!(spells[spells.len() - 2]["verdict"], "ready");

    // A configuration that is refused changes nothing, and is told.
    daemon.configure("[daemon]\nfast_s = \"often\"\n");
    daemon.reload();
    wait_until("the refusal", LIMIT, || daemon.log().contains("the configuration is refused").then_some(()));
    wait_until("the refusal in the status", LIMIT, || {
        daemon.status().filter(|(status, _)| status["problems"].to_string().contains("daemon.fast_s")).map(|_| ())
    });

    gateway.start_until_ready();
    wait_for(&daemon, "ready", None);
    wait_until("a window of looks at locks", LIMIT, || {
        daemon.status().filter(|(status, _)| status["lanes"]["locks"]["ended_at"].is_string()).map(|_| ())
    });

    let asked = Instant::now();
    daemon.running().signal_alone(Signal::SIGTERM);
    let end = wait_until("the daemon's end", LIMIT, || daemon.running().child.try_wait().unwrap());
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
    let mut second = Builder::new(&openclaw).token(OTHER_TOKEN).build();
    let daemon = start(&[&first, &second]);
    // The other home has a gateway that does not run. Two configurations for one port would be named before it does.
    let (before, _) =
        wait_until("a verdict", LIMIT, || daemon.status().filter(|(status, _)| status["judged_at"].is_string()));
    assert!(!before.to_string().contains("port.contended"), "{before}");
    second.listen_on(first.port());
    second.spawn();
    second.wait_until_owner();
    let owned = Instant::now();
    wait_for(&daemon, "blocked", Some("port.contended"));
    assert!(owned.elapsed() < Duration::from_secs(10), "{:?}\n{}", owned.elapsed(), daemon.log());
}
