//! Listening sockets, through `sock_diag`, else `/proc/net/tcp`, and the descriptors of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};

use portreeve_core::order::{Gather as _, Order as _};
use portreeve_facts::socket_table::{self, ListeningRow};

use super::socket_diag;
use crate::os::{Endpoint, MAX_DESCRIPTORS, Socket, Sockets};

/// Most bytes that are read of one socket table: about 400 000 sockets.
const MAX_TABLE: u64 = 64 * 1024 * 1024;

pub(crate) fn listeners(ports: Option<&[u16]>, foreign: &[u32]) -> io::Result<Sockets> {
    let wanted = |port: u16| ports.is_none_or(|ports| ports.contains(&port));
    let own = own(&wanted)?;
    let own_inodes: BTreeSet<u64> = own.iter().map(|row| row.inode).gather();
    let mut rows: Vec<(ListeningRow, bool)> = own.into_iter().map(|row| (row, false)).collect();
    for pid in foreign {
        // The process may have ended, or its tables may be refused; its owner is then hidden with it.
        let Ok(theirs) = table(&pid.to_string(), &wanted) else { continue };
        rows.extend(theirs.into_iter().filter(|row| !own_inodes.contains(&row.inode)).map(|row| (row, true)));
    }
    let inodes: BTreeSet<u64> = rows.iter().map(|(row, _)| row.inode).gather();
    let owners = if inodes.is_empty() { BTreeMap::new() } else { owners(&inodes)? };
    let mut listening: Vec<Socket> = rows
        .into_iter()
        .map(|(row, foreign_netns)| Socket {
            address: row.address,
            port: row.port,
            uid: Some(row.uid),
            pids: owners.get(&row.inode).map(|pids| pids.iter().copied().collect()).unwrap_or_default(),
            foreign_netns,
        })
        .collect();
    listening.order();
    listening.dedup();
    Ok(Sockets { listening, hidden: None })
}

pub(crate) fn endpoints(ports: &[u16]) -> io::Result<Vec<Endpoint>> {
    let rows = own(&|port| ports.contains(&port))?;
    Ok(rows.into_iter().map(|row| Endpoint { address: row.address, port: row.port, socket: row.inode }).collect())
}

/// Those of this network namespace.
fn own(wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<ListeningRow>> {
    socket_diag::listening(wanted).or_else(|_| table("self", wanted))
}

pub(super) fn table(pid: &str, wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<ListeningRow>> {
    let mut rows = socket_table::parse(File::open(format!("/proc/{pid}/net/tcp"))?.take(MAX_TABLE), wanted)?;
    match File::open(format!("/proc/{pid}/net/tcp6")) {
        Ok(file) => rows.extend(socket_table::parse(file.take(MAX_TABLE), wanted)?),
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(rows)
}

/// Every process that holds one of these sockets. A process that may not be looked into is passed over: a socket without any
/// owner found is one whose owner is hidden.
fn owners(inodes: &BTreeSet<u64>) -> io::Result<BTreeMap<u64, BTreeSet<u32>>> {
    let mut owners: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for folder in fs::read_dir("/proc")? {
        let folder = folder?;
        let Some(pid) = folder.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(descriptors) = fs::read_dir(folder.path().join("fd")) else { continue };
        for descriptor in descriptors.take(MAX_DESCRIPTORS).flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            if let Some(inode) = socket_inode(target.as_os_str().as_encoded_bytes())
                && inodes.contains(&inode)
            {
                owners.entry(inode).or_default().insert(pid);
            }
        }
    }
    Ok(owners)
}

fn socket_inode(target: &[u8]) -> Option<u64> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        assert_eq!(socket_inode(b"socket:[12]"), Some(12));
        assert_eq!(socket_inode(b"/tmp/socket:[12]"), None);
    }
}
