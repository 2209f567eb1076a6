//! Listening sockets, through `/proc/net/tcp` and the descriptors of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::os::{MAX_DESCRIPTORS, Socket, Sockets};

/// Most bytes that are read of one socket table: about 400 000 sockets.
const MAX_TABLE: u64 = 64 * 1024 * 1024;

/// One listening row of a socket table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    address: IpAddr,
    port: u16,
    uid: u32,
    inode: u64,
}

pub(crate) fn listeners(ports: Option<&[u16]>, foreign: &[u32]) -> io::Result<Sockets> {
    let wanted = |port: u16| ports.is_none_or(|ports| ports.contains(&port));
    let own = table("self", &wanted)?;
    let own_inodes: BTreeSet<u64> = own.iter().map(|row| row.inode).collect();
    let mut rows: Vec<(Row, bool)> = own.into_iter().map(|row| (row, false)).collect();
    for pid in foreign {
        // The process may have ended, or its tables may be refused; its owner is then hidden with it.
        let Ok(theirs) = table(&pid.to_string(), &wanted) else { continue };
        rows.extend(theirs.into_iter().filter(|row| !own_inodes.contains(&row.inode)).map(|row| (row, true)));
    }
    let inodes: BTreeSet<u64> = rows.iter().map(|(row, _)| row.inode).collect();
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
    listening.sort_unstable();
    listening.dedup();
    Ok(Sockets { listening, hidden: None })
}

fn table(pid: &str, wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<Row>> {
    let mut rows = parse_table(File::open(format!("/proc/{pid}/net/tcp"))?.take(MAX_TABLE), wanted)?;
    match File::open(format!("/proc/{pid}/net/tcp6")) {
        Ok(file) => rows.extend(parse_table(file.take(MAX_TABLE), wanted)?),
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(rows)
}

/// Reads the listening rows of a table:
///
/// ```text
///   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
///    0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 24161 1 …
/// ```
///
/// Rows of other states are passed over unread: `procfs` 0.18 gives up the whole table on a state it does not know, such as the
/// 13 of newer kernels.
fn parse_table(table: impl Read, wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in BufReader::with_capacity(64 * 1024, table).lines().skip(1) {
        let line = line?;
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (Some(local), Some(_), Some("0A")) = (fields.next(), fields.next(), fields.next()) else { continue };
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "socket table has a row that is not understood");
        let (address, port) = endpoint(local).ok_or_else(malformed)?;
        if !wanted(port) {
            continue;
        }
        let mut rest = fields.skip(3);
        let uid = rest.next().and_then(|field| field.parse().ok()).ok_or_else(malformed)?;
        let inode = rest.nth(1).and_then(|field| field.parse().ok()).ok_or_else(malformed)?;
        rows.push(Row { address, port, uid, inode });
    }
    Ok(rows)
}

/// An address as the kernel prints it: 32-bit words in hexadecimal in the machine's byte order, a colon, the port.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0_u8; 16];
            for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
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
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 24161 1 0000000000000000 100 0 0 10 0
   1: 0100007F:4965 0100007F:C3A2 01 00000000:00000000 00:00000000 00000000  1000        0 24190 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 900 1 0000000000000000 100 0 0 10 0
   3: 0100007F:1F90 00000000:0000 0D 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000
";
    const TABLE_6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:4965 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   501        0 31 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:4965 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   501        0 32 1 0 100 0 0 10 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn rows_that_listen_are_read() {
        let all = |_| true;
        let rows = parse_table(TABLE.as_bytes(), &all).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], Row { address: [127, 0, 0, 1].into(), port: 18789, uid: 1000, inode: 24161 });
        let rows = parse_table(TABLE_6.as_bytes(), &all).unwrap();
        assert_eq!(rows[0].address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert_eq!(rows[1].address, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(parse_table(TABLE.as_bytes(), &|port| port == 22).unwrap().len(), 1);
    }

    #[test]
    fn a_torn_listening_row_is_an_error_not_an_empty_table() {
        let torn = "header\n   0: 0100007F:49 00000000:0000 0A 00000000:0\n";
        assert_eq!(parse_table(torn.as_bytes(), &|_| true).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(socket_inode(b"socket:[12]"), Some(12));
        assert_eq!(socket_inode(b"/tmp/socket:[12]"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", row in "[0-9A-F: ]{0,120}") {
            let _ = parse_table(format!("h\n{text}\n{row} 0A {row}\n").as_bytes(), &|_| true);
            let _ = endpoint(&text);
            let _ = endpoint(&row);
        }
    }
}
