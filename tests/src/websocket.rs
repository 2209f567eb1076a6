//! A client of a gateway, with no more than one request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's `connect` to the gateway on a port of the loopback with a token, and the gateway's answer, of which nothing is read further.
pub fn connect_with(port: u16, token: &str) {
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
    // Refused or not, and cut off or not: the gateway has seen it.
    drop(stream.read(&mut answer));
}
