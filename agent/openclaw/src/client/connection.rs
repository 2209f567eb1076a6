//! A connection to a gateway: the machine with a socket, a clock and deadlines.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Deadlines;
use super::dial::{Failed, Socket, Trail, dial};
use super::error::{Attempt, ClockSkew, ConnectError, ErrorKind, Phase, RequestError, RequestErrorKind, Timings};
use super::frames::{Received, receive_by, send};
use super::machine::{Machine, Step};
use crate::endpoint::Target;
use crate::protocol::text::Text;
use crate::protocol::{
    ChannelsStatus, ClientIdentity, ConnectParams, Credential, Health, Hello, PairingList, Shutdown, request_text,
};

/// The id of the `connect` request.
const CONNECT_ID: &str = "c1";

/// How long to wait for the gateway's half of our own close.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// An open, authenticated connection.
pub struct Connection {
    socket: Socket,
    machine: Machine,
    hello: Hello,
    timings: Timings,
    attempts: Vec<Attempt>,
    peer: Option<SocketAddr>,
    clock_skew: Option<ClockSkew>,
    requests: u64,
    ended: Option<ErrorKind>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("server", &self.hello.server)
            .finish_non_exhaustive()
    }
}

/// Connects to `target` as `params` say.
pub async fn connect(
    target: &Target,
    params: ConnectParams,
    deadlines: &Deadlines,
) -> Result<Connection, ConnectError> {
    open(target, deadlines).await?.connect(params, deadlines).await
}

/// A WebSocket on which the gateway has sent its challenge and nothing was answered yet. The gateway leaves it open for 15 s.
pub struct Opened {
    target: Target,
    socket: Socket,
    challenge: Received,
    trail: Trail,
    clock_skew: Option<ClockSkew>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("peer", &self.trail.peer).finish_non_exhaustive()
    }
}

/// How far a listener that is shown no secret lets us come: the challenge, and how long it took.
#[derive(Debug, Clone, Copy)]
pub struct Greeting {
    /// How long each phase took.
    pub timings: Timings,
    /// How far the gateway's clock is from ours.
    pub clock_skew: Option<ClockSkew>,
    /// The address that answered.
    pub peer: Option<SocketAddr>,
}

/// Goes as far as the challenge and shows no secret: whether whoever answers may be shown one can be found out meanwhile.
pub async fn open(target: &Target, deadlines: &Deadlines) -> Result<Opened, ConnectError> {
    let mut trail = Trail::default();
    let mut machine = Machine::new(ConnectParams::reader(ClientIdentity::Cli, Credential::None), CONNECT_ID);
    let opened = match dial(target, deadlines, &mut trail).await {
        Ok(mut socket) => {
            let heard = listen(&mut socket, &mut machine, deadlines.challenge, deadlines, &mut trail.timings).await;
            heard.map(|(_, challenge)| (socket, challenge))
        }
        Err(failed) => Err(failed),
    };
    match opened {
        Ok((socket, challenge)) => {
            let clock_skew = skew(&machine, &trail.timings);
            Ok(Opened { target: target.clone(), socket, challenge, trail, clock_skew })
        }
        Err(failed) => {
            tracing::debug!(%target, elapsed_ms = trail.timings.total().as_millis(), "no challenge");
            Err(failed.into_error(target, trail, None))
        }
    }
}

/// Goes as far as the challenge and leaves. The gateway notes in its log that a client left before `connect`.
pub async fn greet(target: &Target, deadlines: &Deadlines) -> Result<Greeting, ConnectError> {
    Ok(open(target, deadlines).await?.leave().await)
}

impl Opened {
    /// Answers the challenge as `params` say.
    pub async fn connect(self, params: ConnectParams, deadlines: &Deadlines) -> Result<Connection, ConnectError> {
        let Self { target, mut socket, challenge, mut trail, clock_skew } = self;
        let mut machine = Machine::new(params, CONNECT_ID);
        let greeted = answer(&mut socket, &mut machine, &challenge, deadlines, &mut trail.timings).await;
        tracing::debug!(%target, ok = greeted.is_ok(), elapsed_ms = trail.timings.total().as_millis(), "tried to connect");
        match greeted {
            Ok(hello) => Ok(Connection {
                socket,
                machine,
                hello: *hello,
                timings: trail.timings,
                attempts: trail.attempts,
                peer: trail.peer,
                clock_skew,
                requests: 0,
                ended: None,
            }),
            Err(failed) => Err(failed.into_error(&target, trail, clock_skew)),
        }
    }

    /// Leaves without an answer.
    pub async fn leave(mut self) -> Greeting {
        goodbye(&mut self.socket).await;
        Greeting { timings: self.trail.timings, clock_skew: self.clock_skew, peer: self.trail.peer }
    }
}

/// What became of a connection on which nothing was said after the challenge.
#[derive(Debug, Clone)]
pub struct Held {
    /// From the challenge to its end, or to the end of the wait.
    pub held: Duration,
    /// How it ended; none where it was still open.
    pub ended: Option<ErrorKind>,
}

/// Goes as far as the challenge and says nothing for `window`. No secret is needed: a gateway itself leaves such a connection open for
/// 15 s, and then ends it with a close frame.
pub async fn hold(target: &Target, deadlines: &Deadlines, window: Duration) -> Result<Held, ConnectError> {
    let mut trail = Trail::default();
    let mut socket = match dial(target, deadlines, &mut trail).await {
        Ok(socket) => socket,
        Err(failed) => return Err(failed.into_error(target, trail, None)),
    };
    let params = ConnectParams::reader(ClientIdentity::Cli, Credential::None);
    let mut machine = Machine::new(params, CONNECT_ID);
    let mut challenged = None;
    let mut deadline = Instant::now() + deadlines.challenge;
    loop {
        let Some(received) = receive_by(&mut socket, deadline).await else {
            let Some(since) = challenged else {
                let kind = machine.expire(deadlines.challenge);
                return Err(Failed { phase: Phase::Challenge, kind }.into_error(target, trail, None));
            };
            goodbye(&mut socket).await;
            return Ok(Held { held: Instant::elapsed(&since), ended: None });
        };
        match machine.on(received.input()) {
            Step::Send(_) if challenged.is_none() => {
                let now = Instant::now();
                challenged = Some(now);
                deadline = now + window;
            }
            Step::Ended(kind) => {
                return match challenged {
                    Some(since) => Ok(Held { held: since.elapsed(), ended: Some(kind) }),
                    None => Err(Failed { phase: Phase::Challenge, kind }.into_error(target, trail, None)),
                };
            }
            _ => {}
        }
    }
}

impl Failed {
    fn into_error(self, target: &Target, trail: Trail, clock_skew: Option<ClockSkew>) -> ConnectError {
        let Self { phase, kind } = self;
        ConnectError {
            target: target.to_string(),
            phase,
            kind,
            timings: trail.timings,
            attempts: trail.attempts,
            peer: trail.peer,
            clock_skew,
        }
    }
}

/// What the gateway said that matters.
enum Turn {
    /// Its challenge.
    Challenge,
    /// It let us in.
    Hello(Box<Hello>),
}

/// Waits for the gateway's next turn, for as long as `window`, and notes how long its phase took.
async fn listen(
    socket: &mut Socket,
    machine: &mut Machine,
    window: Duration,
    deadlines: &Deadlines,
    timings: &mut Timings,
) -> Result<(Turn, Received), Failed> {
    let started = Instant::now();
    let mut deadline = started + window;
    loop {
        let phase = machine.phase();
        let Some(received) = receive_by(socket, deadline).await else {
            timings.record(phase, started.elapsed());
            return Err(Failed { phase, kind: machine.expire(window) });
        };
        let was_refused = machine.is_refused();
        let turn = match machine.on(received.input()) {
            Step::Wait | Step::Answer { .. } => None,
            Step::Send(_) => Some(Turn::Challenge),
            Step::Hello(hello) => Some(Turn::Hello(hello)),
            Step::Ended(kind) => {
                if !was_refused {
                    timings.record(phase, started.elapsed());
                }
                return Err(Failed { phase, kind });
            }
        };
        if let Some(turn) = turn {
            timings.record(phase, started.elapsed());
            return Ok((turn, received));
        }
        if machine.is_refused() && !was_refused {
            timings.record(Phase::Connect, started.elapsed());
            deadline = deadline.min(Instant::now() + deadlines.close);
        }
    }
}

/// From the challenge to `hello-ok`.
async fn answer(
    socket: &mut Socket,
    machine: &mut Machine,
    challenge: &Received,
    deadlines: &Deadlines,
    timings: &mut Timings,
) -> Result<Box<Hello>, Failed> {
    let text = match machine.on(challenge.input()) {
        Step::Send(text) => text,
        Step::Ended(kind) => return Err(Failed { phase: Phase::Connect, kind }),
        // The same frame was a challenge to another machine.
        Step::Wait | Step::Answer { .. } | Step::Hello(_) => {
            return Err(Failed { phase: Phase::Challenge, kind: ErrorKind::Abnormal { errno: None } });
        }
    };
    let started = Instant::now();
    let window = match send(socket, text.as_str(), started + deadlines.connect).await {
        Ok(()) => deadlines.connect,
        // The gateway may have closed while we wrote: its close frame, if any, is still to be read.
        Err(ErrorKind::Abnormal { .. }) => deadlines.close,
        Err(kind) => return Err(Failed { phase: machine.phase(), kind }),
    };
    match listen(socket, machine, window, deadlines, timings).await? {
        (Turn::Hello(hello), _) => Ok(hello),
        (Turn::Challenge, _) => Err(Failed { phase: Phase::Connect, kind: ErrorKind::Abnormal { errno: None } }),
    }
}

/// Ends a connection in order. The gateway's half is waited for, but not for long.
async fn goodbye(socket: &mut Socket) {
    let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static("") };
    let both = async {
        // A peer that is gone already has nothing left to be told.
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let ended = timeout(CLOSE_GRACE, both).await;
    tracing::debug!(in_time = ended.is_ok(), "closed");
}

/// The challenge was made between our upgrade request and now.
fn skew(machine: &Machine, timings: &Timings) -> Option<ClockSkew> {
    let theirs = machine.challenge()?.ts;
    let ours = jiff::Timestamp::now().as_millisecond();
    let window = timings.upgrade.unwrap_or_default() + timings.challenge.unwrap_or_default();

    Some(ClockSkew {
        offset_ms: theirs.saturating_sub(ours),
        uncertainty_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX).saturating_add(1),
    })
}

impl Connection {
    /// What the gateway said when it let us in.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// How long each phase took.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// The address that answered.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The addresses that were tried before it in vain.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How far the gateway's clock is from ours.
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.clock_skew
    }

    /// What the gateway announced before it closed, if it did.
    pub fn shutdown(&self) -> Option<&Shutdown> {
        self.machine.shutdown()
    }

    /// Sends a request and waits for its answer. Events and answers to earlier, timed-out requests are passed over. Fields that `T` lacks
    /// are dropped while parsing.
    pub async fn request<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        deadline: Duration,
    ) -> Result<T, RequestError> {
        let started = Instant::now();
        let answered = self.exchange(method, params, deadline).await;

        answered.map_err(|kind| RequestError { method: method.to_owned(), kind, elapsed: started.elapsed() })
    }

    /// The gateway's health. Needs `operator.read`.
    pub async fn health(&mut self, deadline: Duration) -> Result<Health, RequestError> {
        self.request("health", &Empty {}, deadline).await
    }

    /// The state of the channels; with `probe`, each is asked live and given this long. Needs `operator.read`.
    pub async fn channels_status(
        &mut self,
        probe: Option<Duration>,
        deadline: Duration,
    ) -> Result<ChannelsStatus, RequestError> {
        let params = ChannelsParams {
            probe: probe.is_some(),
            timeout_ms: probe.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        };

        self.request("channels.status", &params, deadline).await
    }

    /// Which devices are approved and which wait. Needs `operator.pairing`.
    pub async fn pairing_list(&mut self, deadline: Duration) -> Result<PairingList, RequestError> {
        self.request("device.pair.list", &Empty {}, deadline).await
    }

    /// Waits until the gateway ends the connection; `None` when it has not by the deadline.
    pub async fn ended(&mut self, deadline: Duration) -> Option<ErrorKind> {
        let until = Instant::now() + deadline;
        while self.ended.is_none() {
            let received = receive_by(&mut self.socket, until).await?;
            if let Step::Ended(kind) = self.machine.on(received.input()) {
                self.ended = Some(kind);
            }
        }

        self.ended.clone()
    }

    /// Ends the connection in order. The gateway's half is waited for, but not for long.
    pub async fn close(mut self) {
        goodbye(&mut self.socket).await;
    }

    async fn exchange<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        after: Duration,
    ) -> Result<T, RequestErrorKind> {
        if let Some(kind) = &self.ended {
            return Err(RequestErrorKind::Ended(kind.clone()));
        }
        self.requests += 1;
        let wanted = format!("r{}", self.requests);
        let text = request_text(&wanted, method, params).map_err(|_| RequestErrorKind::Params)?;
        let deadline = Instant::now() + after;
        if let Err(kind) = send(&mut self.socket, &text, deadline).await {
            return Err(self.end(kind));
        }
        loop {
            let Some(received) = receive_by(&mut self.socket, deadline).await else {
                return Err(RequestErrorKind::Timeout { after });
            };
            match self.machine.on(received.input()) {
                Step::Answer { id, ok: true, frame } if id == wanted => {
                    return frame
                        .payload(method)
                        .map_err(|error| RequestErrorKind::Shape { message: Text::new(&error.to_string()) });
                }
                Step::Answer { id, ok: false, frame } if id == wanted => {
                    return Err(RequestErrorKind::Refused(Box::new(self.machine.rejection(&frame))));
                }
                Step::Ended(kind) => return Err(self.end(kind)),
                _ => {}
            }
        }
    }

    fn end(&mut self, kind: ErrorKind) -> RequestErrorKind {
        self.ended = Some(kind.clone());

        RequestErrorKind::Ended(kind)
    }
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelsParams {
    probe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}
