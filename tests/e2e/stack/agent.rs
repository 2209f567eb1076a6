//! The agent itself: the same program with nothing but another endpoint delivers into each store.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, Gateway, Guard, OpenClaw, Store, wait_until};
use tempfile::TempDir;

use crate::CONFIG_TOKEN;

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_secs(90);

/// An agent that delivers into a store.
struct Agent {
    guard: Guard,
    child: Child,
    folder: TempDir,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.guard.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start(gateway: &Gateway, store: &Store) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = format!(
            "[daemon]\nfast_s = 2\nlocks_s = 5\nlock_window_s = 1\n\n\
             [deliver]\nendpoint = \"{}\"\nlogs_url = \"off\"\ninterval_s = 5\n",
            store.endpoint()
        );
        fs::write(folder.path().join("portreeve.toml"), settings).unwrap();
        let portreeve = gateway
            .portreeve()
            .env("PORTREEVE_CONFIG", &path("portreeve.toml"))
            .env("PORTREEVE_DATA_DIR", &path("data"))
            .env("PORTREEVE_STATUS_FILE", &path("public/status.json"))
            .env("PORTREEVE_CONTAINERS", "off")
            .env("PORTREEVE_HOMES", &gateway.home().display().to_string());
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = portreeve.command();
        command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let child = command.spawn().unwrap();
        Self { guard: Guard::new(&child, None), child, folder }
    }

    fn wait_for(&self, store: &Store, query: &str) {
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        wait_until(&format!("`{query}`, agent:\n{}", log()), LIMIT, || store.query(query).unwrap().first().map(|_| ()));
    }
}

#[test]
fn the_agent_delivers_into_either_and_tells_of_a_gateway_that_is_gone() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let Some(stores) = Store::prometheus().zip(Store::victoria_metrics()) else { return };
    let stores = [stores.0, stores.1];
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let agents = [Agent::start(&gateway, &stores[0]), Agent::start(&gateway, &stores[1])];
    for (agent, store) in agents.iter().zip(&stores) {
        agent.wait_for(store, "portreeve_gateway_ready == 1");
        agent.wait_for(store, "portreeve_verdict{verdict=\"ready\"} == 1 and on (host_id) portreeve_node_info");
    }
    gateway.kill();
    for (agent, store) in agents.iter().zip(&stores) {
        agent.wait_for(store, "portreeve_gateway_up == 0");
        agent.wait_for(store, "portreeve_root_causes{code=\"port.silent\"} > 0");
    }
}
