//! The agent itself: the same program with nothing but another endpoint delivers into each store.

use std::time::Duration;

use portreeve_tests::{Builder, Daemon, Gateway, OpenClaw, Store, wait_until};

use crate::CONFIG_TOKEN;

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_secs(90);

fn agent(gateway: &Gateway, store: &Store) -> Daemon {
    let settings = format!(
        "[daemon]\nfast_s = 2\nlocks_s = 5\nlock_window_s = 1\n\n\
         [deliver]\nendpoint = \"{}\"\nlogs_url = \"off\"\ninterval_s = 5\n",
        store.endpoint()
    );
    Daemon::new(gateway.portreeve(), &[gateway.home()], &settings).started()
}

fn wait_for(agent: &Daemon, store: &Store, query: &str) {
    wait_until(&format!("`{query}`, agent:\n{}", agent.log()), LIMIT, || {
        store.query(query).unwrap().first().map(|_| ())
    });
}

#[test]
fn the_agent_delivers_into_either_and_tells_of_a_gateway_that_is_gone() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let Some(stores) = Store::prometheus().zip(Store::victoria_metrics()) else { return };
    let stores = [stores.0, stores.1];
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let agents = [agent(&gateway, &stores[0]), agent(&gateway, &stores[1])];
    for (agent, store) in agents.iter().zip(&stores) {
        wait_for(agent, store, "portreeve_gateway_ready == 1");
        wait_for(agent, store, "portreeve_verdict{verdict=\"ready\"} == 1 and on (host_id) portreeve_node_info");
    }
    gateway.kill();
    for (agent, store) in agents.iter().zip(&stores) {
        wait_for(agent, store, "portreeve_gateway_up == 0");
        wait_for(agent, store, "portreeve_root_causes{code=\"port.silent\"} > 0");
    }
}
