//! The little HTTP that a bench needs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(3);
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Status and body of a GET on `port` of the loopback; None where nobody answers.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    get_with(port, path, &[])
}

/// The same with headers.
pub fn get_with(port: u16, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
    send(port, "GET", path, headers, &[])
}

/// The same with another method and a body.
pub(crate) fn call(port: u16, method: &str, path: &str, kind: &str, body: &[u8]) -> Option<(u16, String)> {
    let length = body.len().to_string();
    send(port, method, path, &[("Content-Type", kind), ("Content-Length", &length)], body)
}

fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    // HTTP/1.0, so that no answer comes in chunks.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend(format!("{name}: {value}\r\n").bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    stream.write_all(&request).ok()?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Answers each connection to a new port of the loopback, in a thread of its own and as long as the program runs; gives the port.
pub fn serve(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    port
}
