//! A time server whose clock is off.

use std::net::UdpSocket;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds between 1900, where NTP begins, and 1970.
const SINCE_1900: u64 = 2_208_988_800;

/// A time server (SNTP, RFC 4330) on the loopback whose clock is ahead by so many seconds, as long as this program runs; gives its address.
pub fn time_server(ahead: u64) -> String {
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
            // Who asked may have gone.
            drop(socket.send_to(&packet, from));
        }
    });
    address
}
