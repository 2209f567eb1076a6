//! Removal of a throw-away container when nobody waits for it any more.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the engine may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Tries while the engine may still be making the container.
const TRIES: u32 = 8;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes a container when it is dropped, in this thread: a future that is dropped at Ctrl-C can wait for nothing.
#[derive(Debug)]
pub(super) struct Leave {
    socket: Arc<Path>,
    path: String,
    armed: bool,
    /// Whether the engine has said that the container is there.
    pub(super) is_made: bool,
}

impl Leave {
    /// Removes at `socket` by the path of the container, the version of the API included.
    pub(super) fn new(socket: PathBuf, path: String) -> Self {
        Self { socket: Arc::from(socket), path, armed: true, is_made: false }
    }

    /// The container is gone.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        for _ in 0..TRIES {
            // Removed while it is being made, Podman takes its storage alone and keeps the container.
            let status =
                if self.is_made { None } else { Some(ask(&self.socket, "GET", &format!("{}/json", self.path))) };
            if !matches!(status, Some(Ok(404))) {
                let status = ask(&self.socket, "DELETE", &format!("{}?force=1&v=1", self.path));
                tracing::debug!(path = self.path, ?status, "removed a probe that nobody waits for");
                return;
            }
            // What is not there yet may come.
            std::thread::sleep(PAUSE);
        }
    }
}

/// The status that the engine answers with.
fn ask(socket: &Path, method: &str, path: &str) -> std::io::Result<u16> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    let mut head = [0_u8; 12];
    stream.read_exact(&mut head)?;
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.get(9..12)?.parse().ok());
    Ok(status.unwrap_or_default())
}
