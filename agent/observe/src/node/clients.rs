//! Clients of the host.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::FingerprintKey;
use portreeve_core::snapshot::{Client, Gateway, StateDir, Unit, UnitRole};
use portreeve_openclaw::environment::Environment;

use crate::client::{Around, command_line, node_host, node_host_of_unit};
use crate::gateway::Draft;
use crate::local_address::local_addresses;
use crate::running::Running;
use crate::site::Site;
use crate::units::Detail;

#[expect(clippy::too_many_arguments, reason = "each is a fact of its own, gathered by another observer")]
pub(super) fn clients(
    sites: &[Site],
    dirs: &[StateDir],
    drafts: &[Option<Draft>],
    gateways: &[Gateway],
    running: &BTreeMap<u32, Running>,
    (units, details): (&[Unit], &[Detail]),
    key: &FingerprintKey,
    environment: &Environment,
    at: Timestamp,
) -> Vec<Client> {
    let addresses = local_addresses();
    let around = Around { gateways, addresses: &addresses, key, callers_environment: environment, at };
    let mut clients = Vec::new();
    for ((site, dir), draft) in sites.iter().zip(dirs).zip(drafts) {
        clients.extend(command_line(site, dir, draft.as_ref(), &around));
        let hosts = running.values().filter(|running| running.process.state_dir.as_deref() == Some(dir.path.as_str()));
        // A node host is a parent and a child with one environment: one client.
        let mut running: Vec<Client> =
            hosts.filter_map(|running| node_host(site, dir, running, &around)).take(1).collect();
        if running.is_empty() {
            let here = units
                .iter()
                .filter(|unit| unit.role == UnitRole::NodeHost && unit.state_dir.as_deref() == Some(dir.path.as_str()));
            running = here
                .map(|unit| {
                    node_host_of_unit(site, dir, unit, details.iter().find(|detail| detail.id == unit.id), &around)
                })
                .collect();
        }
        clients.append(&mut running);
    }
    clients
}
