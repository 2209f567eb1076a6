//! `/proc` and the groups of the process.

use std::fs::File;
use std::io::{self, Read};

use portreeve_core::snapshot::Listener;
use portreeve_facts::socket_table;

/// Most bytes read of one socket table.
const MAX_TABLE: u64 = 16 << 20;
/// Most bytes read of the list of mounts.
const MAX_MOUNTS: u64 = 4 << 20;
/// Most listeners kept.
const MAX_LISTENERS: usize = 500;

pub(crate) fn groups() -> Vec<u32> {
    nix::unistd::getgroups().unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect()
}

pub(crate) fn mountinfo() -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open("/proc/self/mountinfo")?.take(MAX_MOUNTS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sockets that listen in this network namespace. Their processes are in other process namespaces and not seen.
pub(crate) fn listeners(wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<Listener>> {
    let mut rows = socket_table::parse(File::open("/proc/self/net/tcp")?.take(MAX_TABLE), wanted)?;
    match File::open("/proc/self/net/tcp6") {
        Ok(file) => rows.extend(socket_table::parse(file.take(MAX_TABLE), wanted)?),
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut listeners: Vec<Listener> = rows
        .into_iter()
        .map(|row| Listener {
            address: row.address,
            port: row.port,
            pids: Vec::new(),
            uid: Some(row.uid),
            foreign_netns: true,
        })
        .collect();
    listeners.sort_by_key(|listener| (listener.port, listener.address));
    listeners.dedup();
    listeners.truncate(MAX_LISTENERS);
    Ok(listeners)
}
