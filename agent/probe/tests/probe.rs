//! The program itself: one request in, one answer out.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use portreeve_core::Secret;
use portreeve_core::snapshot::namespace::NamespaceView;
use portreeve_core::snapshot::{FailureKind, Phase};
use portreeve_facts::request::{ConnectAsked, MAX_REQUEST_BYTES, Request, Role, SocketAsked, parse_answer};
use secrecy::ExposeSecret;

const CANARY: &str = "canary-4f1e8a77c2";

fn run(input: &[u8], home: &Path, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portreeve-probe"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses what it reads may have gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn ask(request: &Request, home: &Path) -> NamespaceView {
    let output = run(request.to_json().unwrap().expose_secret().as_bytes(), home, &[]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(CANARY));
    parse_answer(&output.stdout).unwrap()
}

fn request() -> Request {
    Request::new(&[7; 32], 5_000)
}

#[test]
fn a_bad_request_is_told_and_leaks_nothing() {
    let home = tempfile::tempdir().unwrap();
    let good = request().to_json().unwrap().expose_secret().to_owned();
    let many = format!("{}{good}", " ".repeat(MAX_REQUEST_BYTES));
    let secret = good.replace("\"token\":null", &format!("\"token\":[\"{CANARY}\"]"));
    let short = good.replace(&"07".repeat(32), "0707");
    for input in ["", "{}", "[", &many, &secret, &short] {
        let output = run(input.as_bytes(), home.path(), &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.starts_with("portreeve-probe: ") && !said.contains(CANARY), "{said}");
    }
    assert_eq!(run(b"", home.path(), &["--token"]).status.code(), Some(2));
}

#[test]
fn version_and_help_are_there() {
    let home = tempfile::tempdir().unwrap();
    let version = run(b"", home.path(), &["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), concat!("portreeve-probe ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = run(b"", home.path(), &["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("portreeve.probe-request/1"));
}

#[test]
fn names_and_connects_are_answered_in_the_order_asked() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut request = request();
    request.names = vec!["no-such-name.invalid".to_owned(), "127.0.0.1".to_owned()];
    let connect = |port, attempts| ConnectAsked { host: "127.0.0.1".to_owned(), port, attempts };
    request.connects = vec![connect(open, 5), connect(closed, 3)];
    let view = ask(&request, home.path());
    assert!(view.names[0].addresses.is_empty() && view.names[0].error.is_some());
    assert_eq!(view.names[1].addresses, [std::net::IpAddr::from([127, 0, 0, 1])]);
    assert_eq!((view.connects[0].attempts, view.connects[0].connected), (5, 5));
    assert!(view.connects[0].median_ms.is_some());
    assert_eq!((view.connects[1].attempts, view.connects[1].connected), (3, 0));
    assert_eq!(view.connects[1].failures.len(), 1);
    assert_eq!(view.connects[1].failures[0].kind, FailureKind::Refused);
    if cfg!(target_os = "linux") {
        assert!(view.listeners.get().unwrap().iter().any(|one| one.port == open));
        assert!(view.mounts.get().unwrap().iter().any(|mount| mount.target == "/"));
    }
    assert_eq!(view.uid, nix::unistd::getuid().as_raw());
}

#[test]
fn the_deadline_is_kept_by_what_never_answers() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".openclaw");
    fs::create_dir(&state).unwrap();
    // Accepts and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut request = request();
    request.deadline_ms = 700;
    request.role = Some(Role::Cli);
    request.http = vec![format!("http://127.0.0.1:{port}")];
    request.environment.insert("OPENCLAW_GATEWAY_PORT".to_owned(), Some(Secret::from(port.to_string())));
    let started = Instant::now();
    let view = ask(&request, home.path());
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(view.http[0].healthz.failure().unwrap().kind, FailureKind::Timeout);
    assert_eq!(view.client.unwrap().handshake.failure().unwrap().kind, FailureKind::Timeout);
}

#[test]
fn a_client_that_would_refuse_plaintext_is_not_played() {
    let home = tempfile::tempdir().unwrap();
    let mut request = request();
    request.role = Some(Role::Cli);
    request.may_send_secret = true;
    request.token = Some(Secret::from(CANARY));
    request.url = Some("ws://gateway.invalid:18789".to_owned());
    let client = ask(&request, home.path()).client.unwrap();
    assert_eq!(client.handshake.failure().unwrap().kind, FailureKind::ClientRefuses);
    assert!(client.url.get().unwrap().refusal.is_some());
    assert!(client.device.is_absent());

    request.environment.insert("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS".to_owned(), Some(Secret::from("1")));
    let client = ask(&request, home.path()).client.unwrap();
    assert_eq!(client.handshake.failure().unwrap().phase, Phase::Dns);
    assert_eq!(client.url.get().unwrap().refusal, None);
}

#[test]
fn a_secret_goes_to_nobody_that_was_not_named() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            use std::io::Read;
            let send = send.clone();
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut request = [0_u8; 4096];
                let count = stream.read(&mut request).unwrap_or(0);
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                let _ = send.send(String::from_utf8_lossy(&request[..count]).into_owned());
            });
        }
    });
    for role in [Role::Gateway, Role::Cli, Role::NodeHost] {
        let mut request = request();
        request.role = Some(role);
        request.http = vec![format!("ws://127.0.0.1:{port}")];
        for (name, value) in [("OPENCLAW_GATEWAY_TOKEN", CANARY), ("OPENCLAW_GATEWAY_PORT", &port.to_string())] {
            request.environment.insert(name.to_owned(), Some(Secret::from(value)));
        }
        let view = ask(&request, home.path());
        let winner = match (&view.gateway, &view.client) {
            (Some(gateway), _) => gateway.credentials.winner.clone(),
            (_, Some(client)) => client.credentials.winner.clone(),
            _ => None,
        };
        assert!(winner.is_some());
    }
    let all: Vec<String> = heard.try_iter().collect();
    assert!(all.len() >= 6 && all.iter().all(|request| !request.contains(CANARY)), "{all:?}");
}

#[test]
fn the_state_directory_is_judged_by_owner_group_and_mode() {
    let home = tempfile::tempdir().unwrap();
    let view = ask(&request(), home.path());
    let seen = view.state.get().unwrap();
    assert_eq!(seen.made_in.as_deref(), home.path().to_str());
    assert!(seen.writable && seen.foreign.is_empty());

    let state = home.path().join(".openclaw");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).unwrap();
    let view = ask(&request(), home.path());
    let seen = view.state.get().unwrap();
    assert_eq!((seen.made_in.as_deref(), seen.stat.mode), (None, 0o500));
    assert_eq!(seen.writable, nix::unistd::getuid().is_root());
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn sockets_are_looked_at_and_not_touched() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("x.sock");
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let file = home.path().join("file");
    fs::write(&file, b"").unwrap();
    let asked =
        |path: &Path| SocketAsked { path: path.to_string_lossy().into_owned(), source: "DOCKER_HOST".to_owned() };
    let mut request = request();
    request.sockets = vec![asked(&path), asked(&file), asked(&home.path().join("none"))];
    let view = ask(&request, home.path());
    let seen: Vec<_> = view.sockets.iter().map(|one| (one.kind.as_deref(), one.permitted)).collect();
    assert_eq!(seen, [(Some("socket"), Some(true)), (Some("file"), Some(true)), (None, None)]);
    assert!(view.sockets[2].stat.is_absent());
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_file_is_made_where_asked_and_never_in_the_state_directory() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".openclaw");
    let other = home.path().join("other");
    fs::create_dir_all(state.join("below")).unwrap();
    fs::create_dir(&other).unwrap();
    symlink(&state, home.path().join("link")).unwrap();
    let test = |folder: &Path| {
        let mut request = request();
        request.write_test = Some(folder.to_string_lossy().into_owned());
        ask(&request, home.path()).write_test.unwrap()
    };
    assert_eq!(test(&other).get(), Some(&true));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    for folder in [&state, &state.join("below"), &home.path().join("link/below")] {
        assert!(test(folder).blind().is_some(), "{}", folder.display());
    }
    assert!(test(&home.path().join("none")).is_absent());
}
