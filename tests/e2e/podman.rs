//! The split on Podman.
//!
//! `PORTREEVE_PODMAN` names the socket of a Podman that has [`IMAGE`], imported as `scripts/engine` does. Where it is unset the test says
//! so and passes: nothing installs a Podman.

use std::env;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use portreeve_tests::{IMAGE, OpenClaw, Portreeve, wait_until};
use serde_json::{Value, json};

use crate::{CONFIG_TOKEN, TOKEN_VARIABLE};

const PROBE: &str = "PORTREEVE_PROBE_DIR";
/// The user of the image.
const USER: u32 = 1000;
const READY: Duration = Duration::from_mins(3);

/// Containers on a Podman, removed at the end.
struct Podman {
    host: String,
    modules: String,
    work: tempfile::TempDir,
    prefix: String,
}

impl Podman {
    fn find() -> Option<Self> {
        let Some(socket) = env::var("PORTREEVE_PODMAN").ok().filter(|socket| !socket.is_empty()) else {
            let _ = writeln!(std::io::stderr(), "skipped: PORTREEVE_PODMAN is not set");
            return None;
        };
        let modules = OpenClaw::find()?.modules().canonicalize().unwrap().display().to_string();
        let work = tempfile::tempdir().unwrap();
        std::fs::set_permissions(work.path(), Permissions::from_mode(0o755)).unwrap();
        let prefix = format!("portreeve-test-{}", std::process::id());
        let podman = Self { host: format!("unix://{socket}"), modules, work, prefix };
        podman.docker(&["network", "create", &podman.prefix]);
        Some(podman)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new("docker").arg("--host").arg(&self.host).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn name(&self, service: &str) -> String {
        format!("{}-{service}", self.prefix)
    }

    /// Starts a container that has a state directory of its own with this config.
    fn start(&self, service: &str, network: &str, config: &Value, last: &[&str]) {
        let state = self.work.path().join(service);
        std::fs::create_dir(&state).unwrap();
        std::fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
        let file = state.join("openclaw.json");
        std::fs::write(&file, config.to_string()).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        for path in [&state, &file] {
            chown(path, Some(USER), Some(USER)).unwrap();
        }
        let state = format!("{}:/home/node/.openclaw", state.display());
        let modules = format!("{}:/app/node_modules:ro", self.modules);
        let token = format!("{TOKEN_VARIABLE}={CONFIG_TOKEN}");
        let name = self.name(service);
        let first = ["run", "--detach", "--name", &name, "--network", network, "--env", &token];
        let volumes = ["--env", "HOME=/home/node", "--volume", &state, "--volume", &modules];
        self.docker(&[&first[..], &volumes, last].concat());
    }

    fn remove(&self, service: &str) {
        let _ = self.output(&["rm", "--force", "--volumes", &self.name(service)]);
    }

    fn portreeve(&self) -> Portreeve {
        let portreeve = Portreeve::new(self.work.path()).env("DOCKER_HOST", &self.host);
        match env::var(PROBE) {
            Ok(folder) => portreeve.env(PROBE, &folder),
            Err(_) => portreeve,
        }
    }

    /// What `portreeve` must leave as it was.
    fn inventory(&self) -> [String; 2] {
        [self.docker(&["ps", "--all", "--quiet"]), self.docker(&["volume", "ls", "--quiet"])]
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        for service in ["cli", "gateway"] {
            self.remove(service);
        }
        let _ = self.output(&["network", "rm", &self.prefix]);
    }
}

#[test]
fn the_split_on_podman_is_ready_and_a_loopback_url_in_another_namespace_is_named() {
    let Some(podman) = Podman::find() else { return };
    let gateway = podman.name("gateway");
    let command = [IMAGE, "node", "dist/index.js", "gateway", "--bind", "lan", "--port", "18789"];
    podman.start("gateway", &podman.prefix, &json!({ "gateway": { "mode": "local" } }), &command);
    let ready = ["exec", gateway.as_str(), "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:18789/readyz"];
    wait_until("readiness of the gateway", READY, || podman.output(&ready).status.success().then_some(()));

    let waits = ["--entrypoint", "sleep", IMAGE, "1000"];
    let url = "ws://127.0.0.1:18789";
    let remote = json!({ "gateway": { "mode": "remote", "remote": { "url": url } } });
    podman.start("cli", &podman.prefix, &remote, &waits);
    let before = podman.inventory();
    let checked = podman.portreeve().check();
    checked.assert_blocked(&["url.loopback-in-namespace"], 69);
    let engines = checked.report["engines"].as_array().unwrap();
    assert!(engines.iter().any(|engine| engine["kind"] == "podman"), "{engines:?}");
    assert_eq!(podman.inventory(), before);

    podman.remove("cli");
    let state = podman.work.path().join("cli");
    std::fs::remove_dir_all(state).unwrap();
    podman.start("cli", &format!("container:{gateway}"), &remote, &waits);
    let before = podman.inventory();
    let checked = podman.portreeve().check();
    checked.assert_passes();
    assert_eq!(checked.rung("reached")["state"], "pass", "{checked}");
    assert_eq!(podman.inventory(), before);
}
