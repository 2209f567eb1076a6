//! Listening TCP sockets, and who holds them.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Blind, Listener};

use crate::file;
use crate::os::{self, Endpoint, ProcessEntry, Socket, Sockets};

/// How often is looked again at a listener that nobody seems to hold while a process is ending.
const MAX_LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Listeners, and what of them could not be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Listeners {
    /// The listeners seen.
    pub listeners: Fact<Vec<Listener>>,
    /// Why others may exist that were not seen (macOS without root): a port without a listener is then not known to be free.
    pub blind: Option<Blind>,
}

/// The listeners on these ports, or on every port, in both families.
///
/// They are looked for in the agent's own network namespace and in those of the given processes, so that a gateway in a
/// container is seen where its process is. A listener without pids is one whose owner is hidden: the port is taken all the same.
pub fn observe(ports: Option<&[u16]>, processes: &[ProcessEntry], at: Timestamp) -> Listeners {
    // One process stands for its namespace.
    let foreign: BTreeMap<u64, u32> =
        processes.iter().filter_map(|process| Some((process.foreign_netns?, process.pid))).gather();
    let foreign: Vec<u32> = foreign.into_values().collect();
    let look = || os::listeners(ports, &foreign);
    let sockets = match settled(look, os::is_any_ending, os::endpoints, nix::unistd::geteuid().as_raw()) {
        Ok(sockets) => sockets,
        Err(error) => return Listeners { listeners: file::error_fact(&error, os::LISTENER_SOURCE, at), blind: None },
    };
    let blind = sockets.hidden.map(|why| Blind {
        what: "listeners of other users' processes".to_owned(),
        why,
        remedy: "run as root".to_owned(),
        readiness: true,
    });
    let listeners = sockets.listening.into_iter().map(listener).collect();
    Listeners { listeners: Fact::known(listeners, os::LISTENER_SOURCE, at), blind }
}

/// The sockets once none of them is that of a process that is ending: it gives its descriptors up before its memory, which may take a
/// moment, and its sockets after it. To a user from whom nobody can hide it looks as if somebody did. Sockets of the kernel, which no
/// process ever holds, are waited for only while some process is ending.
fn settled(
    mut look: impl FnMut() -> io::Result<Sockets>,
    is_any_ending: impl Fn() -> io::Result<bool>,
    endpoints: impl FnOnce(&[u16]) -> io::Result<Vec<Endpoint>>,
    user: u32,
) -> io::Result<Sockets> {
    let may_be_seen = |socket: &Socket| user == 0 || socket.uid == Some(user);
    let has_nobody = |socket: &Socket| socket.pids.is_empty() && !socket.foreign_netns && may_be_seen(socket);
    let mut sockets = look()?;
    for _ in 0..MAX_LOOKS {
        if !sockets.listening.iter().any(has_nobody) {
            return Ok(sockets);
        }
        if !is_any_ending()? {
            break;
        }
        thread::sleep(BETWEEN_LOOKS);
        sockets = look()?;
    }
    // The process may have ended since its descriptors were looked for, and its sockets with it.
    let ports: Vec<u16> =
        sockets.listening.iter().filter(|socket| has_nobody(socket)).map(|socket| socket.port).collect();
    let left = endpoints(&ports)?;
    let listens = |socket: &Socket| left.iter().any(|one| (one.address, one.port) == (socket.address, socket.port));
    sockets.listening.retain(|socket| !has_nobody(socket) || listens(socket));
    Ok(sockets)
}

fn listener(socket: Socket) -> Listener {
    Listener {
        address: socket.address,
        port: socket.port,
        pids: socket.pids,
        uid: socket.uid,
        foreign_netns: socket.foreign_netns,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a child answers its parent so, and a skipped test says so")]

    use std::io::{BufRead, BufReader};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
    use std::os::fd::OwnedFd;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::process;

    const CHILD: &str = "PORTREEVE_TEST_LISTENER_CHILD";

    /// Not a test of its own: listens until its input ends, or says what it sees of a port.
    #[test]
    #[ignore = "the child of other tests"]
    fn listener_child() {
        match std::env::var(CHILD).as_deref() {
            Ok("listen") => {
                let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
                println!("answer {}", listener.local_addr().unwrap().port());
                let _ = std::io::stdin().read_line(&mut String::new());
            }
            Ok(port) => {
                let seen = observe(Some(&[port.parse().unwrap()]), &[], Timestamp::UNIX_EPOCH);
                let seen = seen.listeners.get().unwrap();
                println!("answer {} {:?}", seen.len(), seen.first().map(|listener| &listener.pids));
            }
            Err(_) => {}
        }
    }

    struct Kept(Child);

    impl Drop for Kept {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Starts the child above, and gives what it answers; none where it could not be started.
    fn ask_child(command: &mut Command, what: &str) -> Option<(Kept, String)> {
        let mut child = command
            .args(["--exact", "listener::tests::listener_child", "--ignored", "--nocapture"])
            .env(CHILD, what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = BufReader::new(child.stdout.take()?);
        let kept = Kept(child);
        // The test runner may have begun the line.
        let answer =
            output.lines().map_while(Result::ok).find_map(|line| Some(line.split_once("answer ")?.1.to_owned()))?;
        Some((kept, answer))
    }

    fn own_exe() -> std::path::PathBuf {
        std::env::current_exe().unwrap()
    }

    fn on(port: u16) -> Vec<Listener> {
        observe(Some(&[port]), &[], Timestamp::UNIX_EPOCH).listeners.get().unwrap().clone()
    }

    fn socket(uid: u32, pids: &[u32]) -> Sockets {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let socket = Socket { address, port: 1, uid: Some(uid), pids: pids.to_vec(), foreign_netns: false };
        Sockets { listening: vec![socket], hidden: None }
    }

    /// Those that listen still: the socket above, or none.
    fn left(listens: bool) -> impl FnOnce(&[u16]) -> io::Result<Vec<Endpoint>> {
        move |ports| {
            assert_eq!(ports, [1]);
            let endpoint = Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 1, socket: 9 };
            Ok(if listens { vec![endpoint] } else { Vec::new() })
        }
    }

    #[test]
    fn a_gateway_that_is_being_killed_hides_from_nobody() {
        let none = Sockets { listening: Vec::new(), hidden: None };
        let mut looks = [socket(501, &[]), socket(501, &[]), none.clone()].into_iter();
        assert_eq!(settled(|| Ok(looks.next().unwrap()), || Ok(true), left(true), 0).unwrap(), none);
        let mut looks = [socket(501, &[]), socket(501, &[7])].into_iter();
        assert_eq!(settled(|| Ok(looks.next().unwrap()), || Ok(true), left(true), 501).unwrap(), socket(501, &[7]));
        let gone = settled(|| Ok(socket(501, &[])), || Ok(false), left(false), 0).unwrap();
        assert_eq!(gone, none, "it ended between two looks");
    }

    #[test]
    fn what_others_hide_and_the_kernel_holds_stays_hidden() {
        let looks_of = |user: u32, is_any_ending: bool| {
            let mut looks = 0;
            let look = || {
                looks += 1;
                Ok(socket(0, &[]))
            };
            assert_eq!(settled(look, || Ok(is_any_ending), left(true), user).unwrap(), socket(0, &[]));
            looks
        };
        assert_eq!((looks_of(0, false), looks_of(0, true)), (1, 1 + MAX_LOOKS));
        assert_eq!(looks_of(501, true), 1, "what may be hidden is not waited for");
    }

    #[test]
    fn every_owner_of_a_listener_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = OwnedFd::from(listener.try_clone().unwrap());
        let child = Kept(Command::new("sleep").arg("600").stdin(shared).spawn().unwrap());
        let mut pids = vec![std::process::id(), child.0.id()];
        pids.sort_unstable();

        let expected = Listener {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            pids,
            uid: Some(nix::unistd::geteuid().as_raw()),
            foreign_netns: false,
        };
        assert_eq!(on(port), [expected]);
        drop(listener);
        drop(child);
        assert_eq!(on(port), []);
    }

    #[test]
    fn a_listener_on_the_other_family_is_another_listener() {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        let Ok(_six) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) else {
            println!("skipped: no IPv6, or the port is taken there");
            return;
        };
        let addresses: Vec<IpAddr> = on(port).iter().map(|listener| listener.address).collect();
        assert_eq!(addresses, [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        let all = observe(None, &[], Timestamp::UNIX_EPOCH);
        assert!(all.listeners.get().unwrap().iter().filter(|listener| listener.port == port).count() == 2);
    }

    #[test]
    fn a_listener_of_another_user_is_seen_without_its_owner() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root can become another user");
            return;
        }
        let answer = ask_child(Command::new(own_exe()).uid(65_534).gid(65_534), &port.to_string());
        match answer {
            Some((_, answer)) => assert_eq!(answer, "1 Some([])"),
            None => println!("skipped: another user may not run this program"),
        }
    }

    #[test]
    fn a_listener_in_another_network_namespace_is_seen_as_such() {
        let Some((child, port)) = ask_child(Command::new("unshare").args(["--net", "--"]).arg(own_exe()), "listen")
        else {
            println!("skipped: no network namespace can be made here");
            return;
        };
        let port: u16 = port.parse().unwrap();
        let table = process::table(Timestamp::now());
        let entries = table.get().unwrap().entries();
        let entry = table.get().unwrap().get(child.0.id()).unwrap();
        assert!(entry.foreign_netns.is_some());
        let seen = observe(Some(&[port]), entries, Timestamp::UNIX_EPOCH);
        let seen: Vec<&Listener> =
            seen.listeners.get().unwrap().iter().filter(|listener| listener.pids.contains(&entry.pid)).collect();
        assert!(matches!(seen[..], [listener] if listener.foreign_netns), "{seen:?}");
    }
}
