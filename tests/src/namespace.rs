//! Two network namespaces with a cable between them.

use std::process::{self, Command};
use std::sync::atomic::{AtomicU8, Ordering};

static NEXT: AtomicU8 = AtomicU8::new(0);

/// Two network namespaces that reach each other; removed when dropped. Needs root.
#[derive(Debug)]
pub struct Namespaces {
    names: [String; 2],
    addresses: [String; 2],
}

impl Namespaces {
    /// Makes them.
    pub fn new() -> Self {
        let (pid, turn) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let names = ["a", "b"].map(|side| format!("pt{pid}-{turn}{side}"));
        let network = format!("10.{}.{}", 64 + pid % 64, (pid / 64).wrapping_add(u32::from(turn)) % 256);
        let pair = Self { names, addresses: [1, 2].map(|host| format!("{network}.{host}")) };
        // The name of an interface has at most 15 characters, so each end has the same short one in its own namespace.
        let [first, second] = &pair.names;
        ip(&format!("netns add {first}"));
        ip(&format!("netns add {second}"));
        ip(&format!("link add veth0 netns {first} type veth peer name veth0 netns {second}"));
        for (name, address) in pair.names.iter().zip(&pair.addresses) {
            ip(&format!("-n {name} addr add {address}/24 dev veth0"));
            ip(&format!("-n {name} link set lo up"));
            ip(&format!("-n {name} link set veth0 up"));
        }
        pair
    }

    /// The words that run a command in one of the two.
    pub fn prefix(&self, side: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.names[side]].map(ToOwned::to_owned).to_vec()
    }

    /// Refuses or drops (`REJECT --reject-with tcp-reset`, `DROP`) connects to a port of one of the two: each whose number, counted from 0,
    /// leaves `every - 1` when divided by `every`. False where this system has no `iptables` or its kernel no such match.
    pub fn lose(&self, side: usize, port: u16, every: u32, how: &str) -> bool {
        let port = port.to_string();
        let (every, last) = (every.to_string(), (every - 1).to_string());
        let connects = ["-A", "INPUT", "-p", "tcp", "--dport", &port, "--syn"];
        let chosen = ["-m", "statistic", "--mode", "nth", "--every", &every, "--packet", &last, "-j"];
        self.iptables(side, &connects.into_iter().chain(chosen).chain(how.split(' ')).collect::<Vec<_>>()).is_some()
    }

    /// How many packets the rules of one of the two have met, each by itself.
    pub fn lost(&self, side: usize) -> Vec<u64> {
        let listed = self.iptables(side, &["-L", "INPUT", "-v", "-x", "-n"]).unwrap_or_default();
        listed.lines().skip(2).filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
    }

    /// Takes the rules of one of the two away.
    pub fn heal(&self, side: usize) {
        assert!(self.iptables(side, &["-F", "INPUT"]).is_some(), "rules can be taken away");
    }

    /// What `iptables` prints; none where it fails or is not there.
    fn iptables(&self, side: usize, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[side], "iptables"]).args(arguments);
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The address of one of the two.
    pub fn address(&self, side: usize) -> &str {
        &self.addresses[side]
    }
}

impl Default for Namespaces {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("`ip` (package iproute2) does not run: {error}"));
    assert!(output.status.success(), "`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr));
}
