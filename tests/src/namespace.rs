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
