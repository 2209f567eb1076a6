//! A central endpoint for OTLP over HTTP that behaves as badly as a test wants, and remembers everything it was sent.
//!
//! What it took counts, whether the sender heard of it or not: [`Behaviour::AcceptThenClose`] takes what it is sent and hangs up, so that
//! whoever sends it again has sent it twice.

mod behaviour;
mod received;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portreeve_telemetry::otlp::{
    self, ExportLogsPartialSuccess, ExportLogsServiceResponse, ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse, Message as _,
};
use rustls::ServerConfig;

pub use behaviour::Behaviour;
pub use received::{Event, Item, Point};
pub use wire::{Head, Tls};

use crate::free_port;
use wire::Wire;

type Decide = Box<dyn FnMut(&Head) -> Behaviour + Send>;

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its head.
    pub head: Head,
    /// When it came.
    pub at: Instant,
    /// Bytes of its body on the wire.
    pub wire_bytes: usize,
    /// Bytes of its body without compression.
    pub bytes: usize,
    /// Its body without compression; empty where it could not be unpacked.
    pub plain: Arc<[u8]>,
    /// What was in it, taken or not.
    pub items: Vec<Item>,
    /// How many of the items were taken, the last ones of them.
    pub taken: usize,
    /// Why it could not be understood; none where it could.
    pub malformed: Option<String>,
}

/// An endpoint on a port of the loopback. It ends when it is dropped.
pub struct Endpoint {
    shared: Arc<Shared>,
    tls: Option<Arc<ServerConfig>>,
    port: u16,
    listener: Mutex<Option<Listener>>,
}

struct Listener {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Shared {
    decide: Mutex<Decide>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    begun: AtomicUsize,
    connections: AtomicUsize,
    open: Mutex<BTreeMap<usize, TcpStream>>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same in TLS.
    pub fn start_tls(tls: &Tls) -> Self {
        Self::start_with(Some(tls.config()))
    }

    fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let shared = Arc::new(Shared {
            decide: Mutex::new(Box::new(|_| Behaviour::Accept)),
            requests: Mutex::new(Vec::new()),
            arrived: Condvar::new(),
            begun: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: Mutex::new(BTreeMap::new()),
        });
        let endpoint = Self { shared, tls, port: free_port(), listener: Mutex::new(None) };
        endpoint.come_back();
        endpoint
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Decides from now on what is done with each request.
    pub fn behave(&self, decide: impl FnMut(&Head) -> Behaviour + Send + 'static) {
        *self.shared.decide.lock().unwrap() = Box::new(decide);
    }

    /// Does the same with each request from now on.
    pub fn always(&self, behaviour: Behaviour) {
        self.behave(move |_| behaviour.clone());
    }

    /// Does these with the next requests, and takes what comes after them.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        let mut left: VecDeque<Behaviour> = behaviours.into_iter().collect();
        self.behave(move |_| left.pop_front().unwrap_or(Behaviour::Accept));
    }

    /// Listens no longer, and closes each connection: new ones are refused.
    pub fn go_away(&self) {
        if let Some(listener) = self.listener.lock().unwrap().take() {
            listener.stop.store(true, Ordering::SeqCst);
            drop(TcpStream::connect(self.address()));
            listener.thread.join().unwrap();
        }
        for (_, stream) in std::mem::take(&mut *self.shared.open.lock().unwrap()) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Listens again, on the same port.
    pub fn come_back(&self) {
        let mut place = self.listener.lock().unwrap();
        if place.is_some() {
            return;
        }
        let listener = TcpListener::bind(self.address()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, tls, stopped) = (Arc::clone(&self.shared), self.tls.clone(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.lock().unwrap().insert(number, stream.try_clone().unwrap());
                thread::spawn(move || {
                    shared.serve(number, Wire::new(stream, tls.as_ref()));
                    shared.open.lock().unwrap().remove(&number);
                });
            }
        });
        *place = Some(Listener { stop, thread });
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Everything that it was sent, in the order in which it came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests().clone()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The log records that it took, each as often as it took it.
    pub fn events(&self) -> Vec<Event> {
        let items = self.taken().into_iter();
        items.filter_map(|item| if let Item::Event(event) = item { Some(event) } else { None }).collect()
    }

    /// The data points that it took, each as often as it took it.
    pub fn points(&self) -> Vec<Point> {
        let items = self.taken().into_iter();
        items.filter_map(|item| if let Item::Point(point) = item { Some(point) } else { None }).collect()
    }

    /// The ids of the log records that it took: what came twice under one id is one event.
    pub fn event_ids(&self) -> BTreeSet<String> {
        self.events().into_iter().map(|event| event.id).collect()
    }

    fn taken(&self) -> Vec<Item> {
        let requests = self.shared.requests();
        requests.iter().flat_map(|one| one.items.iter().skip(one.items.len() - one.taken)).cloned().collect()
    }

    /// Waits until what it was sent is as a test wants it, and gives that; panics naming `what` after `limit`.
    pub fn wait_until(&self, what: &str, limit: Duration, is_so: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let deadline = Instant::now() + limit;
        let mut requests = self.shared.requests();
        while !is_so(&requests) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {} s; {} requests came", limit.as_secs(), requests.len());
            requests = self.shared.arrived.wait_timeout(requests, left).unwrap().0;
        }
        requests.clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap()
    }

    fn serve(&self, connection: usize, mut wire: Wire) {
        while let Some(mut head) = wire.head(0, connection) {
            head.number = self.begun.fetch_add(1, Ordering::SeqCst);
            let behaviour = (self.decide.lock().unwrap())(&head);
            let Some(length) = head.header("content-length").and_then(|text| text.parse::<usize>().ok()) else {
                wire.write(&answer(411, &[], b""));
                return;
            };
            if let Behaviour::Reset { after } = behaviour {
                wire.body(after.min(length));
                return wire.reset();
            }
            let body = wire.body(length);
            if body.len() < length {
                return;
            }
            let wire_bytes = body.len();
            let plain = wire::unpack(&head, body);
            let bytes = plain.as_ref().map_or(0, Vec::len);
            let kept: Arc<[u8]> = plain.as_deref().unwrap_or_default().into();
            let items = plain.and_then(|plain| received::decode(&head.path, &plain));
            let (items, malformed) = match items {
                Ok(items) => (items, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            let is_logs = head.path.ends_with(otlp::LOGS_PATH);
            let reply = if malformed.is_some() {
                Reply::Answer { taken: 0, bytes: answer(400, &[], b"malformed") }
            } else {
                reply(&behaviour, &items, bytes, is_logs)
            };
            let taken = match &reply {
                Reply::Answer { taken, .. } => *taken,
                Reply::Close => items.len(),
                Reply::Hang => 0,
            };
            let request = Request { head, at: Instant::now(), wire_bytes, bytes, plain: kept, items, taken, malformed };
            self.requests().push(request);
            self.arrived.notify_all();
            let went_on = match (reply, behaviour) {
                (Reply::Hang, _) => {
                    wire.wait_for_end();
                    false
                }
                (Reply::Close, _) => false,
                (Reply::Answer { bytes, .. }, Behaviour::AcceptThenCut) => {
                    wire.write(&bytes[..bytes.len() / 2]);
                    false
                }
                (Reply::Answer { bytes, .. }, Behaviour::Slow(pause)) => bytes.iter().all(|byte| {
                    thread::sleep(pause);
                    wire.write(&[*byte])
                }),
                (Reply::Answer { bytes, .. }, Behaviour::Endless) => {
                    wire.write(&bytes);
                    while wire.write(&[b'x'; 4096]) {}
                    false
                }
                (Reply::Answer { bytes, .. }, Behaviour::Gibberish) => {
                    wire.write(&bytes);
                    false
                }
                (Reply::Answer { bytes, .. }, _) => wire.write(&bytes),
            };
            if !went_on {
                return;
            }
        }
    }
}

enum Reply {
    Answer {
        taken: usize,
        bytes: Vec<u8>,
    },
    /// Everything was taken.
    Close,
    Hang,
}

fn reply(behaviour: &Behaviour, items: &[Item], bytes: usize, is_logs: bool) -> Reply {
    let all = items.len();
    let none = |bytes: Vec<u8>| Reply::Answer { taken: 0, bytes };
    match behaviour {
        // Decided before the body was read.
        Behaviour::Reset { .. } | Behaviour::AcceptThenClose => Reply::Close,
        Behaviour::Hang => Reply::Hang,
        Behaviour::Status { status, headers, body } => {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            none(answer(*status, &headers, body))
        }
        Behaviour::Partial { rejected } => {
            let rejected = (*rejected).min(all);
            Reply::Answer { taken: all - rejected, bytes: success(rejected, is_logs) }
        }
        Behaviour::Poison(is_poison) if items.iter().any(|item| is_poison(item)) => {
            none(answer(400, &[("Content-Type", "text/plain")], b"a record is malformed"))
        }
        Behaviour::Limit { bytes: most } if bytes > *most => none(answer(413, &[], b"")),
        Behaviour::Accept
        | Behaviour::AcceptThenCut
        | Behaviour::Slow(_)
        | Behaviour::Poison(_)
        | Behaviour::Limit { .. } => Reply::Answer { taken: all, bytes: success(0, is_logs) },
        Behaviour::Endless => Reply::Answer {
            taken: all,
            bytes: b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n".to_vec(),
        },
        Behaviour::Gibberish => none(b"\x16\x03\x01 SSH-2.0-nothing\r\n\r\n".to_vec()),
    }
}

/// 200, with a partial success where something was rejected.
fn success(rejected: usize, is_logs: bool) -> Vec<u8> {
    let rejected = i64::try_from(rejected).unwrap();
    let error_message = if rejected > 0 { "too old".to_owned() } else { String::new() };
    let body = if is_logs {
        let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
        ExportLogsServiceResponse { partial_success: (rejected > 0).then_some(partial) }.encode_to_vec()
    } else {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message };
        ExportMetricsServiceResponse { partial_success: (rejected > 0).then_some(partial) }.encode_to_vec()
    };
    answer(200, &[("Content-Type", otlp::PROTOBUF)], &body)
}

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let mut bytes = format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests;
