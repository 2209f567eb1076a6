//! Whether a clock that is off is told.

use std::net::UdpSocket;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use portreeve_tests::Portreeve;

/// Seconds between 1900, where NTP begins, and 1970.
const SINCE_1900: u64 = 2_208_988_800;

/// A time server whose clock is ahead by so many seconds; gives its address.
fn time_server(ahead: u64) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut packet = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut packet) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let seconds = now.as_secs() + SINCE_1900 + ahead;
            let time = ((seconds << 32) | ((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000)).to_be_bytes();
            packet.copy_within(40.., 24);
            packet[..2].copy_from_slice(&[0x24, 2]);
            packet[32..40].copy_from_slice(&time);
            packet[40..].copy_from_slice(&time);
            let _ = socket.send_to(&packet, from);
        }
    });
    address
}

#[test]
fn a_clock_is_compared_with_the_server_that_is_named_and_with_no_other() {
    let home = tempfile::tempdir().unwrap();
    let portreeve = || Portreeve::new(home.path()).env("PORTREEVE_CONTAINERS", "off");
    let with = |ahead: u64| portreeve().env("PORTREEVE_TIME_SERVER", &time_server(ahead)).check();

    let late = with(5);
    late.assert_has("host.clock", "warning");
    late.assert_says("host.clock", &["behind", "give or take", "127.0.0.1:", "at stratum 2"]);
    with(100).assert_has("host.clock", "error");
    with(0).assert_lacks("host.clock");
    portreeve().check().assert_lacks("host.clock");
}
