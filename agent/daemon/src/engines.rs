//! Events of container engines, as they come.
//!
//! A connection that is held open costs nothing while nothing happens. What happens is not understood here, only that something did.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use portreeve_core::schedule::{Subjects, Urgency};
use portreeve_observe::inside::LABEL;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use crate::daemon::Heard;

/// `{"type":["container"],"event":["start","die","died","destroy","pause","unpause"]}`: neither what is executed in a container nor the
/// result of a health check, which come again and again.
const REQUEST: &[u8] =
    b"GET /events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%2C\
%22died%22%2C%22destroy%22%2C%22pause%22%2C%22unpause%22%5D%7D HTTP/1.1\r\nHost: portreeve\r\n\r\n";
/// Before an engine that ended the connection is asked again.
const PAUSE: Duration = Duration::from_mins(1);
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an event that is not whole yet.
const MAX_EVENT: usize = 32 * 1024;

/// The engines that are listened to.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    listeners: BTreeMap<String, AbortHandle>,
}

impl Engines {
    /// Listens to the engines of these subjects, and to no other any more.
    pub(crate) fn follow(&mut self, subjects: &Subjects, answers: &UnboundedSender<Heard>) {
        self.listeners.retain(|path, listener| {
            let stays = subjects.engines.contains(path);
            if !stays {
                listener.abort();
            }
            stays
        });
        for path in &subjects.engines {
            if !self.listeners.contains_key(path) {
                let listener = tokio::spawn(listen(path.clone(), answers.clone()));
                self.listeners.insert(path.clone(), listener.abort_handle());
            }
        }
    }
}

async fn listen(path: String, answers: UnboundedSender<Heard>) {
    let mut has_missed = false;
    loop {
        match once(Path::new(&path), has_missed, &answers).await {
            Ok(()) => {
                let what = format!("the engine at `{path}` has ended its events");
                if answers.send(Heard::Changed(Urgency::Calm, what)).is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(path, %error, "the engine cannot be listened to"),
        }
        has_missed = true;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the engine ends the connection. What happened while nobody listened it does not tell again, so that its return is news.
async fn once(path: &Path, has_missed: bool, answers: &UnboundedSender<Heard>) -> io::Result<()> {
    let connected = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(REQUEST).await?;
        Ok::<_, io::Error>(stream)
    };
    let mut stream = tokio::time::timeout(PATIENCE, connected).await??;
    let mut head = vec![0_u8; 1_024];
    let count = stream.read(&mut head).await?;
    if !head.get(..count).is_some_and(|head| head.starts_with(b"HTTP/1.1 200")) {
        return Err(io::Error::other("it gives no events"));
    }
    let returned = || format!("the engine at `{}` tells of events again", path.display());
    if has_missed && answers.send(Heard::Changed(Urgency::Calm, returned())).is_err() {
        return Ok(());
    }
    let mut waiting = Vec::new();
    let mut buffer = head;
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => count,
        };
        waiting.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let happened = events(&mut waiting);
        let what = || format!("something happened to a container of the engine at `{}`", path.display());
        if happened && answers.send(Heard::Changed(Urgency::Calm, what())).is_err() {
            return Ok(());
        }
    }
}

/// Takes the whole lines off, and says whether one of them is an event of a container that is not the agent's own.
fn events(waiting: &mut Vec<u8>) -> bool {
    let whole = waiting.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines: Vec<u8> = waiting.drain(..whole).collect();
    if waiting.len() > MAX_EVENT {
        waiting.clear();
    }
    let is_foreign = |line: &[u8]| line.starts_with(b"{") && !contains(line, LABEL.as_bytes());
    lines.split(|byte| *byte == b'\n').any(is_foreign)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard while an engine answers once, tells nothing and ends the connection.
    async fn heard(has_missed: bool) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.sock");
        let engine = tokio::net::UnixListener::bind(&path).unwrap();
        let (answers, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let answering = async {
            let (mut stream, _) = engine.accept().await.unwrap();
            let mut request = [0_u8; 1_024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        };
        let (listened, ()) = tokio::join!(once(&path, has_missed, &answers), answering);
        listened.unwrap();
        let mut count = 0;
        while heard.try_recv().is_ok() {
            count += 1;
        }
        count
    }

    #[tokio::test]
    async fn the_return_of_an_engine_is_news_since_it_does_not_tell_what_was_missed() {
        assert_eq!(heard(false).await, 0);
        assert_eq!(heard(true).await, 1);
    }

    #[test]
    fn events_are_seen_whole_and_those_of_the_agents_own_containers_are_not() {
        let mut waiting = b"5d\r\n{\"Action\":\"start\",\"Actor\"".to_vec();
        assert!(!events(&mut waiting));
        waiting.extend_from_slice(b":{}}\n\r\n");
        assert!(events(&mut waiting));
        waiting.extend_from_slice(b"5d\r\n{\"Action\":\"start\",\"Attributes\":{\"dev.portreeve.probe\":\"x\"}}\n\r\n");
        assert!(!events(&mut waiting));
        assert!(waiting.is_empty());
        waiting.extend(std::iter::repeat_n(b'x', 2 * MAX_EVENT));
        assert!(!events(&mut waiting));
        assert!(waiting.is_empty());
    }
}
