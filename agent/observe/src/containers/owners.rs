//! Which processes of the host are a container's.

use std::collections::BTreeMap;

use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Process, RunState, Workload};

use crate::process::ProcessTable;

/// How many parents are followed.
const MOST_STEPS: usize = 64;

/// Names the workload of each process that descends from a container's first process, and of each process by which an engine serves a
/// published port. `is_local` says which engines share this kernel.
pub(crate) fn name_owners(
    processes: &mut [Process],
    workloads: &[Workload],
    table: &ProcessTable,
    is_local: &dyn Fn(&Workload) -> bool,
) {
    let first: BTreeMap<u32, &str> = workloads
        .iter()
        .filter(|workload| is_local(workload))
        .filter_map(|workload| {
            let runtime = workload.runtime.as_ref().filter(|runtime| runtime.state == RunState::Running)?;
            Some((runtime.pid?, workload.id.as_str()))
        })
        .gather();
    for process in processes {
        process.workload = ancestor(process.pid, &first, table)
            .or_else(|| serves(&process.argv, workloads).map(|workload| workload.id.as_str()))
            .map(str::to_owned);
    }
}

fn ancestor<'a>(pid: u32, first: &BTreeMap<u32, &'a str>, table: &ProcessTable) -> Option<&'a str> {
    let mut at = pid;
    for _ in 0..MOST_STEPS {
        if let Some(workload) = first.get(&at) {
            return Some(workload);
        }
        at = table.get(at)?.ppid;
    }
    None
}

/// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 18789 -container-ip 172.18.0.2 -container-port 18789`
fn serves<'a>(argv: &[String], workloads: &'a [Workload]) -> Option<&'a Workload> {
    if !argv.first()?.ends_with("docker-proxy") {
        return None;
    }
    let value = |name: &str| argv.iter().position(|word| word == name).and_then(|at| argv.get(at + 1));
    let (address, port) = (value("-container-ip")?, value("-host-port")?.parse::<u16>().ok()?);
    workloads.iter().find(|workload| {
        workload.networks.iter().any(|attached| attached.address.as_ref() == Some(address))
            && workload.ports.iter().any(|published| published.host_port == Some(port))
    })
}
