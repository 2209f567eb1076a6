//! Who listens where a gateway should.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::step::Answer;

/// How long one who says nothing keeps a connection.
const SILENCE: Duration = Duration::from_mins(10);

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
