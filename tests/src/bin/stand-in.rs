//! Stands in for a gateway, truthfully or not: `scripts/bench gate` and the tests of the gate start it a thousand times.
//!
//! It takes the name `openclaw` by a link to it, the state directory from `HOME`, and what to do from `STAND_IN`, a JSON object; see
//! [`Part`].

#![expect(clippy::unwrap_used, reason = "a stand-in that cannot play its part fails its test")]

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{SigHandler, Signal, raise, signal};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

/// What to play.
#[derive(Debug, Clone)]
struct Part {
    port: u16,
    /// Milliseconds from the start; never where it is left out.
    listen: Option<u64>,
    ready: Option<u64>,
    end: Option<u64>,
    /// Exit status at the end.
    status: i32,
    /// Signal at the end, instead.
    signal: Option<i32>,
    /// `/readyz` says 200 from the start.
    lies: bool,
    /// `connect` is refused.
    refuses: bool,
    /// The handshake gets no answer.
    is_mute: bool,
    /// Whom the lock names: `self`, `none`, or a pid.
    lock: String,
    /// `SIGTERM` does nothing.
    is_stubborn: bool,
    /// A child that ignores `SIGTERM` in a session of its own; its pid is written here.
    child: Option<PathBuf>,
}

impl Part {
    fn read() -> Self {
        let part: Value = serde_json::from_str(&env::var("STAND_IN").unwrap()).unwrap();
        let flag = |name: &str| part[name].as_bool().unwrap_or_default();
        Self {
            port: part["port"].as_u64().unwrap().try_into().unwrap(),
            listen: part["listen"].as_u64(),
            ready: part["ready"].as_u64(),
            end: part["end"].as_u64(),
            status: part["status"].as_i64().unwrap_or_default().try_into().unwrap(),
            signal: part["signal"].as_i64().map(|number| number.try_into().unwrap()),
            lies: flag("lies"),
            refuses: flag("refuses"),
            is_mute: flag("is_mute"),
            lock: part["lock"].as_str().unwrap_or("self").to_owned(),
            is_stubborn: flag("is_stubborn"),
            child: part["child"].as_str().map(PathBuf::from),
        }
    }
}

#[expect(clippy::zombie_processes, reason = "the gate is to end what is left behind")]
fn main() {
    let part = Arc::new(Part::read());
    let begun = Instant::now();
    let state = Path::new(&env::var_os("HOME").unwrap()).join(".openclaw");
    if part.is_stubborn {
        ignore(Signal::SIGTERM);
    }
    if let Some(path) = &part.child {
        let script = "trap '' TERM HUP INT; while :; do sleep 1; done";
        let child = Command::new("setsid").args(["sh", "-c", script]).stdin(Stdio::null()).spawn().unwrap();
        fs::write(path, child.id().to_string()).unwrap();
    }
    if let Some(after) = part.listen {
        let part = Arc::clone(&part);
        thread::spawn(move || {
            until(begun, after);
            serve(&part, begun, &state);
        });
    }
    match part.end {
        Some(after) => until(begun, after),
        None => loop {
            thread::park();
        },
    }
    if let Some(number) = part.signal {
        let _ = raise(Signal::try_from(number).unwrap());
    }
    process::exit(part.status);
}

#[expect(unsafe_code, reason = "a disposition is set, and no handler runs")]
fn ignore(what: Signal) {
    // SAFETY: `SigIgn` runs no code of ours.
    unsafe { signal(what, SigHandler::SigIgn) }.unwrap();
}

fn until(begun: Instant, millis: u64) {
    thread::sleep(Duration::from_millis(millis).saturating_sub(begun.elapsed()));
}

/// Takes lock and port as a gateway does, and answers.
fn serve(part: &Arc<Part>, begun: Instant, state: &Path) {
    write_lock(part, state);
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, part.port)) else { return };
    for stream in listener.incoming().flatten() {
        let part = Arc::clone(part);
        thread::spawn(move || {
            let is_ready = part.ready.is_some_and(|after| begun.elapsed() >= Duration::from_millis(after));
            answer(&part, is_ready, stream);
        });
    }
}

fn write_lock(part: &Part, state: &Path) {
    if part.lock == "none" {
        return;
    }
    let folder = state.join("tmp").join(format!("openclaw-{}", nix::unistd::geteuid()));
    fs::create_dir_all(&folder).unwrap();
    let pid = part.lock.parse().unwrap_or_else(|_| process::id());
    let mut lock = json!({ "pid": pid, "port": part.port, "stateDir": state });
    if let Some(start) = start_time(pid) {
        lock["startTime"] = start.into();
    }
    fs::write(folder.join("gateway.state.lock"), format!("{lock}\n\t \t")).unwrap();
}

/// Clock ticks since boot, where there is a procfs.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn answer(part: &Part, is_ready: bool, mut stream: TcpStream) {
    let mut head = [0_u8; 4096];
    let Ok(count) = stream.peek(&mut head) else { return };
    let head = String::from_utf8_lossy(&head[..count]).to_ascii_lowercase();
    if head.contains("upgrade: websocket") {
        if part.is_mute {
            thread::park();
        }
        if let Ok(socket) = accept(stream) {
            drop(greet(part, is_ready, socket));
        }
        return;
    }
    let says_ready = is_ready || part.lies;
    let (status, body) = match head.split_whitespace().nth(1) {
        Some("/healthz") => (200, json!({ "ok": true, "status": "live" })),
        Some("/startupz") if says_ready => (200, json!({ "ok": true, "status": "started" })),
        Some("/startupz") => (503, json!({ "ok": false, "status": "starting", "pendingReason": "startup-sidecars" })),
        Some("/readyz") if says_ready => (200, json!({ "ready": true, "failing": [] })),
        Some("/readyz") => (503, json!({ "ready": false, "failing": ["startup-sidecars"] })),
        _ => (404, json!({})),
    };
    let body = body.to_string();
    let length = body.len();
    // The request is read before the connection closes, which else resets it.
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = stream.read(&mut [0_u8; 4096]);
    let head = "Content-Type: application/json\r\nConnection: close";
    let _ = write!(stream, "HTTP/1.1 {status} X\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
}

/// Challenge, and `hello-ok` where it is due.
fn greet(part: &Part, is_ready: bool, mut socket: WebSocket<TcpStream>) -> tokio_tungstenite::tungstenite::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    let challenge = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": now } });
    socket.send(Message::text(challenge.to_string()))?;
    let asked: Value = serde_json::from_str(socket.read()?.to_text()?).unwrap_or_default();
    let answer = if is_ready && !part.refuses {
        json!({ "type": "res", "id": asked["id"], "ok": true, "payload": { "type": "hello-ok", "protocol": 4,
            "server": { "version": "0.0.0" }, "auth": { "role": "operator", "scopes": ["operator.read"] } } })
    } else {
        json!({ "type": "res", "id": asked["id"], "ok": false,
            "error": { "code": "INVALID_REQUEST", "message": "unauthorized", "details": { "code": "AUTH_TOKEN_MISMATCH" } } })
    };
    socket.send(Message::text(answer.to_string()))?;
    let _ = socket.close(None);
    while socket.read().is_ok() {}
    Ok(())
}
