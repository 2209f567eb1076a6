//! Processes of interest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::snapshot::{Listener, Process, ProcessRole};

use crate::process::{self, Particulars, ProcessEntry, ProcessTable};
use crate::running::Running;

/// `OpenClaw`'s own processes, and whoever else holds a port of interest.
pub(crate) fn processes(
    table: &Fact<ProcessTable>,
    running: &BTreeMap<u32, Running>,
    listeners: &Fact<Vec<Listener>>,
    at: Timestamp,
) -> Fact<Vec<Process>> {
    let owners = listeners.get().into_iter().flatten().flat_map(|listener| listener.pids.clone());
    let owners: BTreeSet<u32> = owners.filter(|pid| !running.contains_key(pid)).gather();
    table.clone().map(|table| {
        let mut all: Vec<Process> = running.values().map(|running| running.process.clone()).collect();
        all.extend(owners.iter().filter_map(|pid| table.get(*pid)).map(|entry| other(entry, at)));
        all.order_by_key(|process| process.pid);
        all
    })
}

/// A process that is none of `OpenClaw`'s.
pub(crate) fn other(entry: &ProcessEntry, at: Timestamp) -> Process {
    let particulars = Particulars {
        role: ProcessRole::Other,
        state_dir: None,
        port: None,
        supervisor: None,
        shows_secret: false,
        environment: Fact::absent("not looked at", at),
    };
    process::process(entry, particulars, at)
}
