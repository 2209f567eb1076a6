//! Listening sockets, as Linux tells them over netlink (`sock_diag(7)`): only those that were asked for, where `/proc/net/tcp` walks
//! every connection of the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::socket_table::ListeningRow;

/// Address families that can be asked for, by their numbers on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// `AF_INET`.
    V4 = 2,
    /// `AF_INET6`.
    V6 = 10,
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x300;
const DUMP_INTERRUPTED: u16 = 0x10;
const TCP: u8 = 6;
/// `TCP_LISTEN`, one bit for each state.
const LISTENING: u32 = 1 << 10;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_req_v2`.
const REQUEST_BODY: usize = 56;

/// Asks for each listening TCP socket of a family, in this network namespace.
pub fn request(family: Family, sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + REQUEST_BODY);
    bytes.extend(u32::to_ne_bytes(72));
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend((REQUEST | DUMP).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([family as u8, TCP, 0, 0]);
    bytes.extend(LISTENING.to_ne_bytes());
    bytes.resize(HEADER + REQUEST_BODY, 0);
    bytes
}

/// Reads one datagram of the answer. `Ok(true)`: it was the last.
///
/// Fails where the kernel refuses, where the list was not read in one piece, and where a message is not understood.
pub fn read(
    mut datagram: &[u8],
    sequence: u32,
    wanted: &dyn Fn(u16) -> bool,
    rows: &mut Vec<ListeningRow>,
) -> io::Result<bool> {
    while !datagram.is_empty() {
        let length = u32_at(datagram, 0).and_then(|length| usize::try_from(length).ok()).ok_or_else(malformed)?;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER).ok_or_else(malformed)?;
        // Messages begin at multiples of four bytes.
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        if u32_at(message, 8) != Some(sequence) {
            continue;
        }
        let flags = u16_at(message, 6).ok_or_else(malformed)?;
        if flags & DUMP_INTERRUPTED != 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let body = message.get(HEADER..).unwrap_or_default();
        match u16_at(message, 4) {
            Some(DONE) => return Ok(true),
            Some(ERROR) => {
                let number = array_at(body, 0).map(i32::from_ne_bytes).unwrap_or_default();
                return Err(io::Error::from_raw_os_error(number.saturating_neg()));
            }
            Some(SOCK_DIAG_BY_FAMILY) => {
                let row = row(body).ok_or_else(malformed)?;
                if wanted(row.port) {
                    rows.push(row);
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// `struct inet_diag_msg`.
fn row(body: &[u8]) -> Option<ListeningRow> {
    let address = match *body.first()? {
        family if family == Family::V4 as u8 => IpAddr::V4(Ipv4Addr::from(array_at::<4>(body, 8)?)),
        family if family == Family::V6 as u8 => IpAddr::V6(Ipv6Addr::from(array_at::<16>(body, 8)?)).to_canonical(),
        _ => return None,
    };
    Some(ListeningRow {
        address,
        port: array_at(body, 4).map(u16::from_be_bytes)?,
        uid: u32_at(body, 64)?,
        inode: u32_at(body, 68)?.into(),
    })
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "answer of sock_diag is not understood")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    fn socket(family: Family, address: &[u8], port: u16, uid: u32, inode: u32) -> Vec<u8> {
        let mut body = vec![0; 72];
        body[0] = family as u8;
        body[1] = 10;
        body[4..6].copy_from_slice(&port.to_be_bytes());
        body[8..8 + address.len()].copy_from_slice(address);
        body[64..68].copy_from_slice(&uid.to_ne_bytes());
        body[68..72].copy_from_slice(&inode.to_ne_bytes());
        body
    }

    #[test]
    fn sockets_are_read_until_the_last() {
        let mut datagram = message(20, 2, 7, &socket(Family::V4, &[127, 0, 0, 1], 18789, 1000, 24161));
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
        datagram.extend(message(20, 2, 7, &socket(Family::V6, &mapped, 22, 0, 900)));
        datagram.extend(message(20, 2, 6, &socket(Family::V4, &[10, 0, 0, 1], 18789, 1, 1)));
        let mut rows = Vec::new();
        assert!(!read(&datagram, 7, &|_| true, &mut rows).unwrap());
        let row = |port, uid, inode| ListeningRow { address: [127, 0, 0, 1].into(), port, uid, inode };
        assert_eq!(rows, [row(18789, 1000, 24161), row(22, 0, 900)]);
        assert!(read(&message(3, 2, 7, &[0; 4]), 7, &|_| true, &mut rows).unwrap());
        rows.clear();
        read(&datagram, 7, &|port| port == 22, &mut rows).unwrap();
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn a_refusal_a_torn_message_and_a_torn_list_are_errors() {
        let read = |bytes: &[u8]| read(bytes, 7, &|_| true, &mut Vec::new()).unwrap_err();
        assert_eq!(read(&message(2, 0, 7, &(-2_i32).to_ne_bytes())).kind(), io::ErrorKind::NotFound);
        let whole = message(20, 2, 7, &socket(Family::V4, &[127, 0, 0, 1], 18789, 1000, 24161));
        assert_eq!(read(&whole[..80]).kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&message(20, 2, 7, &[2; 60])).kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&message(20, 2 | DUMP_INTERRUPTED, 7, &[0; 72])).kind(), io::ErrorKind::Interrupted);
        assert_eq!(read(&[0; 16]).kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_request_has_the_length_that_it_tells() {
        let request = request(Family::V6, 3);
        assert_eq!(u32_at(&request, 0), u32::try_from(request.len()).ok());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u16..30) {
            let mut rows = Vec::new();
            let _ = read(&bytes, 7, &|_| true, &mut rows);
            let _ = read(&message(kind, 2, 7, &bytes), 7, &|_| true, &mut rows);
        }
    }
}
