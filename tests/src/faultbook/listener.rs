//! Who listens where a gateway should, what connects to one, and a clock that is ahead.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::step::Answer;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one who says nothing keeps a connection.
const SILENCE: Duration = Duration::from_mins(10);
/// Seconds between 1900, where NTP begins, and 1970.
const SINCE_1900: u64 = 2_208_988_800;

/// Listens on a port of the loopback as long as the program runs.
pub(super) fn listen(port: u16, answer: Answer) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || reply(stream, answer));
        }
    });
}

/// An answer. One who has gone needs none.
fn reply(mut stream: TcpStream, answer: Answer) {
    match answer {
        Answer::Http => {
            let mut request = [0; 4096];
            drop(stream.read(&mut request));
            let page =
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
            drop(stream.write_all(page));
        }
        Answer::Banner => {
            drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"));
            thread::sleep(SILENCE);
        }
        Answer::Silent => thread::sleep(SILENCE),
        Answer::Close => {}
    }
}

/// A client's `connect` with a token, to its end.
pub(super) fn connect(port: u16, token: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let upgrade = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !seen.windows(5).any(|part| part == b"nonce") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "no challenge: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..read]);
    }
    let client = json!({ "id": "cli", "version": "1", "platform": "linux", "mode": "cli" });
    let params = json!({
        "minProtocol": 4, "maxProtocol": 4, "client": client, "role": "operator", "scopes": ["operator.read"],
        "auth": { "token": token },
    });
    let request = json!({ "type": "req", "id": "1", "method": "connect", "params": params }).to_string();
    let length = u16::try_from(request.len()).unwrap().to_be_bytes();
    // One masked text frame with a length of two bytes and a mask of zeros.
    let frame = [&[0x81, 0xfe, length[0], length[1], 0, 0, 0, 0], request.as_bytes()].concat();
    stream.write_all(&frame).unwrap();
    let mut answer = [0; 4096];
    drop(stream.read(&mut answer));
}

/// A time server whose clock is ahead by so many seconds; gives its address.
pub(super) fn time_server(ahead: u64) -> String {
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
            drop(socket.send_to(&packet, from));
        }
    });
    address
}
