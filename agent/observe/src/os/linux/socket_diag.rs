//! Asks the kernel for listening sockets by `sock_diag(7)`.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, sendto, setsockopt, socket,
    sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;
use portreeve_facts::socket_diag::{Family, read, request};
use portreeve_facts::socket_table::ListeningRow;

/// The kernel answers from memory.
const PATIENCE: Duration = Duration::from_secs(1);
/// The kernel fills no more than 32 KiB at once.
const DATAGRAM: usize = 64 * 1024;

/// The listening sockets of this network namespace whose ports are wanted.
///
/// Fails where the kernel has no such interface, or a sandbox forbids it.
pub(super) fn listening(wanted: &dyn Fn(u16) -> bool) -> io::Result<Vec<ListeningRow>> {
    let kernel = NetlinkAddr::new(0, 0);
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    setsockopt(&socket, ReceiveTimeout, &TimeVal::new(1, 0))?;
    let deadline = Instant::now() + PATIENCE;
    let mut rows = Vec::new();
    let mut buffer = vec![0; DATAGRAM];
    for (sequence, family) in (1..).zip([Family::V4, Family::V6]) {
        sendto(socket.as_raw_fd(), &request(family, sequence), &kernel, MsgFlags::empty())?;
        loop {
            let (length, sender) = recvfrom::<NetlinkAddr>(socket.as_raw_fd(), &mut buffer)?;
            let datagram =
                buffer.get(..length).filter(|datagram| !datagram.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            // Whoever may send to others may not answer in the kernel's name.
            if sender.is_some_and(|sender| sender.pid() == 0) && read(datagram, sequence, wanted, &mut rows)? {
                break;
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_told_with_its_owner_and_a_connection_is_not() {
        let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::1]:0").unwrap()];
        for listener in listeners {
            let address = listener.local_addr().unwrap();
            let _connection = std::net::TcpStream::connect(address).unwrap();
            let rows = listening(&|port| port == address.port()).unwrap();
            assert!(rows.iter().any(|row| row.address == address.ip() && row.inode != 0), "{rows:?}");
            assert_eq!(rows.iter().filter(|row| row.address == address.ip()).count(), 1, "{rows:?}");
        }
    }

    #[test]
    fn it_tells_what_the_table_tells() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uid = nix::unistd::getuid().as_raw();
        let own = |mut rows: Vec<ListeningRow>| {
            rows.retain(|row| row.uid == uid);
            rows
        };
        // Others come and go meanwhile.
        let agree = (0..20).any(|_| {
            let mut told = own(listening(&|_| true).unwrap());
            let mut listed = own(super::super::socket::table("self", &|_| true).unwrap());
            told.sort_unstable_by_key(|row| row.inode);
            listed.sort_unstable_by_key(|row| row.inode);
            told == listed
        });
        assert!(agree);
    }
}
