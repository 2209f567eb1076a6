//! Listening sockets, through the descriptors of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libproc::file_info::{ProcFDType, pidfdinfo};
use libproc::net_info::{SocketFDInfo, SocketInfoKind, TcpSIState};
use libproc::processes::{ProcFilter, pids_by_type};
use nix::libc;
use portreeve_core::order::Order as _;

use super::process::{descriptors, kernel_info};
use crate::os::{Endpoint, Socket, Sockets};

// The kernel fills this by its size: a struct of another size is not the one of the headers.
const _: () = assert!(size_of::<SocketFDInfo>() == 792);

/// A socket's endpoint and its place in the kernel, by which the same socket is known in several processes.
type Key = (u64, IpAddr, u16);

pub(crate) fn listeners(ports: Option<&[u16]>, _foreign: &[u32]) -> io::Result<Sockets> {
    let (holders, refused) = holders(&|port| ports.is_none_or(|ports| ports.contains(&port)))?;
    let mut listening: Vec<Socket> = holders
        .into_iter()
        .map(|((_, address, port), pids)| Socket {
            address,
            port,
            uid: pids.first().and_then(|pid| kernel_info(*pid).ok()).map(|info| info.kp_eproc.e_ucred.cr_uid),
            pids: pids.into_iter().collect(),
            foreign_netns: false,
        })
        .collect();
    listening.order();
    let hidden = (refused > 0).then(|| format!("the sockets of {refused} processes of other users are hidden"));
    Ok(Sockets { listening, hidden })
}

pub(crate) fn endpoints(ports: &[u16]) -> io::Result<Vec<Endpoint>> {
    let (holders, _) = holders(&|port| ports.contains(&port))?;
    Ok(holders.into_keys().map(|(socket, address, port)| Endpoint { address, port, socket }).collect())
}

/// Who holds which listening socket, and how many processes did not show theirs.
fn holders(wanted: &dyn Fn(u16) -> bool) -> io::Result<(BTreeMap<Key, BTreeSet<u32>>, usize)> {
    let mut holders: BTreeMap<Key, BTreeSet<u32>> = BTreeMap::new();
    let mut refused = 0_usize;
    for pid in pids_by_type(ProcFilter::All)? {
        let Ok(number) = i32::try_from(pid) else { continue };
        let found = match descriptors(pid) {
            Ok(found) => found,
            Err(error) => {
                refused += usize::from(error.kind() == io::ErrorKind::PermissionDenied);
                continue;
            }
        };
        for descriptor in found {
            if !matches!(ProcFDType::from(descriptor.proc_fdtype), ProcFDType::Socket) {
                continue;
            }
            let Ok(socket) = pidfdinfo::<SocketFDInfo>(number, descriptor.proc_fd) else { continue };
            if let Some(key) = listening(&socket).filter(|(_, _, port)| wanted(*port)) {
                holders.entry(key).or_default().insert(pid);
            }
        }
    }
    Ok((holders, refused))
}

fn listening(socket: &SocketFDInfo) -> Option<Key> {
    let info = &socket.psi;
    if !matches!(SocketInfoKind::from(info.soi_kind), SocketInfoKind::Tcp) {
        return None;
    }
    // SAFETY: the kernel says by `soi_kind` that it filled this member of the union, which is plain C data and initialised whole
    // (by `Default`) before the kernel wrote to it.
    let tcp = unsafe { info.soi_proto.pri_tcp };
    if !matches!(TcpSIState::from(tcp.tcpsi_state), TcpSIState::Listen) {
        return None;
    }
    // The port stands in network order in the low 16 bits.
    let port = u16::from_be(u16::try_from(tcp.tcpsi_ini.insi_lport & 0xffff).ok()?);
    let address = match info.soi_family {
        libc::AF_INET => {
            // SAFETY: every bit pattern is a value of both members of the union; the family says that the kernel filled this one.
            let address = unsafe { tcp.tcpsi_ini.insi_laddr.ina_46 };
            IpAddr::V4(Ipv4Addr::from(address.i46a_addr4.s_addr.to_ne_bytes()))
        }
        libc::AF_INET6 => {
            // SAFETY: every bit pattern is a value of both members of the union; the family says that the kernel filled this one.
            let address = unsafe { tcp.tcpsi_ini.insi_laddr.ina_6 };
            IpAddr::V6(Ipv6Addr::from(address.s6_addr)).to_canonical()
        }
        _ => return None,
    };
    Some((info.soi_so, address, port))
}
