//! Listening sockets, as `/proc/net/tcp` and `/proc/net/tcp6` list them.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One listening row of a socket table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningRow {
    /// Address it is bound to; an IPv4 address where IPv6 maps one.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// User id of its owner.
    pub uid: u32,
    /// Inode of the socket.
    pub inode: u64,
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
pub fn parse(table: impl Read, wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<ListeningRow>> {
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
        rows.push(ListeningRow { address, port, uid, inode });
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
        let rows = parse(TABLE.as_bytes(), &all).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], ListeningRow { address: [127, 0, 0, 1].into(), port: 18789, uid: 1000, inode: 24161 });
        let rows = parse(TABLE_6.as_bytes(), &all).unwrap();
        assert_eq!(rows[0].address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert_eq!(rows[1].address, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(parse(TABLE.as_bytes(), &|port| port == 22).unwrap().len(), 1);
    }

    #[test]
    fn a_torn_listening_row_is_an_error_not_an_empty_table() {
        let torn = "header\n   0: 0100007F:49 00000000:0000 0A 00000000:0\n";
        assert_eq!(parse(torn.as_bytes(), &|_| true).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", row in "[0-9A-F: ]{0,120}") {
            let _ = parse(format!("h\n{text}\n{row} 0A {row}\n").as_bytes(), &|_| true);
            let _ = endpoint(&text);
            let _ = endpoint(&row);
        }
    }
}
