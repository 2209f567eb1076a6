//! From a target to an open WebSocket: name, TCP, TLS, upgrade; each with its deadline and its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Deadlines;
use super::error::{Attempt, ErrorKind, Phase, Timings};
use super::upgrade::{self, ResponseHead};
use crate::endpoint::{Scheme, Target, TlsFailure, tls};
use crate::protocol::MAX_MESSAGE_BYTES;
use crate::protocol::text::Text;

/// A byte stream, plain or encrypted.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Transport>>;

/// What is known while dialling, whether it succeeds or not.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) timings: Timings,
    pub(super) attempts: Vec<Attempt>,
    pub(super) peer: Option<SocketAddr>,
}

/// A failure and its phase.
pub(super) struct Failed {
    pub(super) phase: Phase,
    pub(super) kind: ErrorKind,
}

/// Opens a WebSocket to `target`.
pub(super) async fn dial(target: &Target, deadlines: &Deadlines, trail: &mut Trail) -> Result<Socket, Failed> {
    let addresses = match target.address() {
        Some(address) => vec![SocketAddr::new(address, target.port())],
        None => timed(Phase::Dns, deadlines.dns, trail, target.resolve()).await?,
    };
    let tcp = connect_any(&addresses, deadlines.tcp, trail).await?;
    let stream: Box<dyn Transport> = match target.scheme() {
        Scheme::Ws => Box::new(tcp),
        Scheme::Wss => timed(Phase::Tls, deadlines.tls, trail, encrypt(target, tcp)).await?,
    };

    timed(Phase::Upgrade, deadlines.upgrade, trail, upgrade_to_websocket(target, stream)).await
}

/// Runs one phase within its deadline and records its time.
async fn timed<T>(
    phase: Phase,
    deadline: Duration,
    trail: &mut Trail,
    work: impl Future<Output = Result<T, ErrorKind>>,
) -> Result<T, Failed> {
    let started = Instant::now();
    let done = timeout(deadline, work).await;
    trail.timings.record(phase, started.elapsed());

    done.unwrap_or(Err(ErrorKind::Timeout { after: deadline })).map_err(|kind| Failed { phase, kind })
}

/// Tries each address in turn; each gets an equal share of what is left of the deadline.
async fn connect_any(addresses: &[SocketAddr], deadline: Duration, trail: &mut Trail) -> Result<TcpStream, Failed> {
    let started = Instant::now();
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = deadline.saturating_sub(started.elapsed()) / u32::try_from(left).unwrap_or(u32::MAX);
        let tried = Instant::now();
        let kind = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are small and wait for their answers; a failure only costs delay.
                let _ = stream.set_nodelay(true);
                trail.timings.record(Phase::Tcp, started.elapsed());
                trail.peer = Some(*address);
                return Ok(stream);
            }
            Ok(Err(error)) => ErrorKind::from_io(&error),
            Err(_) => ErrorKind::Timeout { after: share },
        };
        trail.attempts.push(Attempt { address: *address, kind, elapsed: tried.elapsed() });
    }
    trail.timings.record(Phase::Tcp, started.elapsed());
    let most_telling = trail.attempts.iter().map(|attempt| &attempt.kind).max_by_key(|kind| kind.weight());

    Err(Failed { phase: Phase::Tcp, kind: most_telling.cloned().unwrap_or(ErrorKind::Unreachable { errno: None }) })
}

async fn encrypt(target: &Target, tcp: TcpStream) -> Result<Box<dyn Transport>, ErrorKind> {
    let setup = |message: &str| ErrorKind::Tls(TlsFailure::Setup(Text::new(message)));
    let config = tls::client_config(target.tls()).map_err(|error| setup(&error.to_string()))?;
    let name = ServerName::try_from(target.host().to_owned()).map_err(|_| setup("the host is not a name for TLS"))?;
    let stream =
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| ErrorKind::from_io(&error))?;

    Ok(Box::new(stream))
}

async fn upgrade_to_websocket(target: &Target, mut stream: Box<dyn Transport>) -> Result<Socket, ErrorKind> {
    let key = generate_key();
    let io = |error: std::io::Error| ErrorKind::from_io(&error);
    stream.write_all(upgrade::request(target, &key).as_bytes()).await.map_err(io)?;
    stream.flush().await.map_err(io)?;

    let mut received = Vec::with_capacity(1024);
    let head = loop {
        if let Some(head) = ResponseHead::parse(&received)? {
            break head;
        }
        if read_some(&mut stream, &mut received, upgrade::MAX_HEAD_BYTES).await? == 0 {
            return Err(ErrorKind::Reset { errno: None });
        }
    };
    let mut rest = received.split_off(head.length().min(received.len()));
    if head.status() != 101 {
        let wanted = head.body_bytes();
        while rest.len() < wanted {
            match read_some(&mut stream, &mut rest, wanted).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        return Err(ErrorKind::UpgradeRefused(Box::new(head.refusal(&rest))));
    }
    head.verify(&key)?;

    Ok(WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config())).await)
}

/// Reads what is there, up to `limit` bytes in `buffer`.
async fn read_some(stream: &mut Box<dyn Transport>, buffer: &mut Vec<u8>, limit: usize) -> Result<usize, ErrorKind> {
    let room = u64::try_from(limit.saturating_sub(buffer.len())).unwrap_or(u64::MAX);

    stream.take(room).read_buf(buffer).await.map_err(|error| ErrorKind::from_io(&error))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}
