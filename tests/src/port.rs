//! Ports for gateways.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range that the system gives to outgoing connections: a gateway binds its port seconds after it was chosen, and a port of that
/// range may be taken by then.
const FIRST: u32 = 20_000;
const LAST: u32 = 32_000;
/// A gateway's helpers use ports next to its own.
const STEP: u32 = 10;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on, and that no other call of this program gets.
pub fn free_port() -> u16 {
    let places = (LAST - FIRST) / STEP;
    for _ in 0..places {
        let place = (process::id().wrapping_mul(37)).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % places;
        let port = u16::try_from(FIRST + place * STEP).unwrap();
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {LAST}");
}
