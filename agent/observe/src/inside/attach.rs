//! The streams of a container.

use std::io;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use portreeve_core::Secret;
use portreeve_facts::request::MAX_ANSWER_BYTES;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::InsideError;
use crate::engine::{Client, EngineError};

/// Most bytes kept of what the program says on its error stream.
const MAX_SAID: usize = 2_000;

/// How long a program that has said all may take to end.
const AFTER_WORDS: std::time::Duration = std::time::Duration::from_millis(1_500);

/// What a container wrote.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// An open connection to the streams of a container that has not started yet.
pub(super) struct Streams {
    stream: TokioIo<hyper::upgrade::Upgraded>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Streams {
    /// Asks the engine for the streams.
    pub(super) async fn open(client: &Client, path: &str, until: Instant) -> Result<Self, InsideError> {
        Self::open_with(client, path, String::new(), until).await
    }

    /// Asks the engine for the streams with a request in JSON.
    pub(super) async fn open_with(
        client: &Client,
        path: &str,
        body: String,
        until: Instant,
    ) -> Result<Self, InsideError> {
        let failed = |source| InsideError::Engine { action: "attach to the probe", source };
        let work = async {
            let stream = client.open().await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.with_upgrades().await {
                    tracing::debug!(%error, "connection to the streams of a probe ended");
                }
            });
            let request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .header(header::HOST, "docker")
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "tcp")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(body)))?;
            let response = sender.send_request(request).await?;
            let status = response.status();
            if status != StatusCode::SWITCHING_PROTOCOLS {
                task.abort();
                return Err(EngineError::Refused { status: status.as_u16(), message: "no streams".to_owned() });
            }
            let stream = TokioIo::new(hyper::upgrade::on(response).await?);
            Ok(Self { stream, task })
        };
        let begun = Instant::now();
        match tokio::time::timeout_at(tokio::time::Instant::from_std(until), work).await {
            Ok(result) => result.map_err(failed),
            Err(_) => Err(failed(EngineError::Silent { after: begun.elapsed() })),
        }
    }

    /// Reads until the streams end, the time is over, or all is said. What was said until then is given.
    pub(super) async fn listen(mut self, until: Instant, is_whole: fn(&[u8]) -> bool) -> Result<Output, InsideError> {
        let mut output = Output::default();
        let mut until = until;
        loop {
            let piece = piece(&mut self.stream, &mut output);
            match tokio::time::timeout_at(until.into(), piece).await {
                Ok(Ok(true)) if is_whole(&output.stdout) => until = until.min(Instant::now() + AFTER_WORDS),
                Ok(Ok(true)) => {}
                Ok(Ok(false)) | Err(_) => return Ok(output),
                Ok(Err(error)) => return Err(InsideError::Streams(error)),
            }
        }
    }

    /// Hands the request over and reads what comes back to its end.
    pub(super) async fn talk(mut self, request: &Secret) -> Result<Output, InsideError> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let send = async {
            write.write_all(request.expose_secret().as_bytes()).await?;
            write.shutdown().await
        };
        let (handed_over, received) = tokio::join!(send, demultiplex(&mut read));
        let output = received.map_err(InsideError::Streams)?;
        // A program that ends before it has read everything says why on its error stream.
        if let Err(error) = handed_over
            && output.stdout.is_empty()
            && output.stderr.is_empty()
        {
            return Err(InsideError::Streams(error));
        }
        Ok(output)
    }
}

/// Takes the two streams apart: each piece has a head of eight bytes, the stream's number and the length of the piece.
async fn demultiplex(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Output> {
    let mut output = Output::default();
    while piece(stream, &mut output).await? {}
    Ok(output)
}

/// Adds one piece. False at the end.
async fn piece(stream: &mut (impl AsyncRead + Unpin), output: &mut Output) -> io::Result<bool> {
    let mut head = [0_u8; 8];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    let [number, _, _, _, length @ ..] = head;
    let (kept, limit) = match number {
        1 => (&mut output.stdout, MAX_ANSWER_BYTES),
        2 => (&mut output.stderr, MAX_SAID),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a stream with an unknown number")),
    };
    let mut piece = stream.take(u64::from(u32::from_be_bytes(length)));
    let mut buffer = [0_u8; 8192];
    loop {
        let count = piece.read(&mut buffer).await?;
        if count == 0 {
            return Ok(true);
        }
        let room = limit.saturating_sub(kept.len());
        kept.extend(buffer.iter().take(count.min(room)));
        if count > room && number == 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is longer than any honest one"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u8, length: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number, 0, 0, 0];
        bytes.extend(length.to_be_bytes());
        bytes.extend(content);
        bytes
    }

    #[tokio::test]
    async fn streams_are_told_apart_and_bounded() {
        let mut bytes = piece(1, 3, b"one");
        bytes.extend(piece(2, 2, b"no"));
        bytes.extend(piece(1, 3, b"two"));
        let output = demultiplex(&mut bytes.as_slice()).await.unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"onetwo"[..], &b"no"[..]));

        let flood = piece(1, u32::MAX, &vec![b'x'; MAX_ANSWER_BYTES + 1]);
        assert!(demultiplex(&mut flood.as_slice()).await.is_err());
        let chatter = piece(2, 5_000, &[b'x'; 5_000]);
        assert_eq!(demultiplex(&mut chatter.as_slice()).await.unwrap().stderr.len(), MAX_SAID);
        assert!(demultiplex(&mut piece(7, 1, b"x").as_slice()).await.is_err());
        let torn = piece(1, 100, b"short");
        assert_eq!(demultiplex(&mut torn.as_slice()).await.unwrap().stdout, b"short");
    }
}
