//! Engines that do not behave, played by a socket of the test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::snapshot::{EngineKind, WorkloadRole};
use portreeve_observe::engine::{Candidate, Discovery, Observed, OwnSystem, observe};
use portreeve_observe::process::ProcessTable;

/// Answers each request on a socket in a folder of its own; the threads end with the test's process.
fn engine(folder: &Path, answer: impl Fn(&str, &mut UnixStream) + Clone + Send + 'static) -> PathBuf {
    let socket = folder.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                answer(&path, &mut stream);
            });
        }
    });
    socket
}

fn send(stream: &mut UnixStream, body: &str) {
    // The other side may have had enough.
    drop(write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
}

fn refuse(stream: &mut UnixStream, status: &str) {
    drop(write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"));
}

/// The parts of a plain engine but its list.
fn plain(path: &str) -> &'static str {
    match path {
        "/version" => r#"{"Version":"27.0","ApiVersion":"1.46","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}"#,
        path if path.ends_with("/info") => r#"{"Containers":2}"#,
        path if path.ends_with("/networks") => "[]",
        path if path.ends_with("/volumes") => r#"{"Volumes":null}"#,
        path if path.contains("/events") => "",
        _ => "null",
    }
}

fn look(socket: PathBuf, limit: Duration) -> (Observed, Duration) {
    let candidate = Candidate {
        socket,
        user: None,
        known_from: vec!["usual place".into()],
        kind: EngineKind::Docker,
        refusal: None,
    };
    let discovery = Discovery { candidates: vec![candidate], blind: Vec::new() };
    let processes = ProcessTable::default();
    let own = OwnSystem { kernel: None, processes: &processes };
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let observed = runtime.block_on(observe(discovery, own, begun + limit, Timestamp::now()));
    (observed, begun.elapsed())
}

#[test]
fn one_that_accepts_and_says_nothing_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let socket = engine(folder.path(), |_, stream| drop(stream.read(&mut [0; 16])));
    let (observed, took) = look(socket, Duration::from_millis(300));
    let why = observed.engines[0].answer.blind().unwrap();
    assert!(why.contains("no answer within 0.3 s"), "{why}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn one_that_speaks_no_http_or_never_ends_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let socket = engine(folder.path(), |_, stream| drop(stream.write_all(b"\x1b[31mhello\r\n\r\n")));
    let (observed, _) = look(socket, Duration::from_secs(2));
    assert!(observed.engines[0].answer.blind().is_some());

    let folder = tempfile::tempdir().unwrap();
    let socket = engine(folder.path(), |_, stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"));
        let spaces = vec![b' '; 65_536];
        while stream.write_all(&spaces).is_ok() {}
    });
    let (observed, took) = look(socket, Duration::from_secs(20));
    let why = observed.engines[0].answer.blind().unwrap();
    assert!(why.contains("longer than"), "{why}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_socket_that_nobody_listens_on_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let (observed, _) = look(socket, Duration::from_secs(2));
    assert!(observed.engines[0].answer.is_absent());
}

#[test]
fn a_container_with_huge_labels_is_passed_over_and_the_others_are_seen_clean() {
    let folder = tempfile::tempdir().unwrap();
    let socket = engine(folder.path(), |path, stream| {
        if path.contains("/containers/b2/") {
            return refuse(stream, "404 Not Found");
        }
        if !path.contains("/containers/json") {
            return send(stream, plain(path));
        }
        let huge = "x".repeat(32 << 20);
        send(
            stream,
            &format!(
                r#"[{{"Id":"a1","Names":["/huge"],"Labels":{{"a":"{huge}"}}}},{{"Id":"b2","Names":["/a\u001b[31mb"],"Image":"nginx:1.27","Command":"nginx -g 'daemon off;'","State":"running","Status":"Up 2 minutes (unhealthy)","Ports":[{{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}}]}}]"#
            ),
        );
    });
    let (observed, _) = look(socket, Duration::from_secs(20));
    let answer = observed.engines[0].answer.get().unwrap();
    assert_eq!((answer.containers, answer.unlisted, answer.api_version.as_str()), (2, 1, "1.46"));
    let [seen] = &observed.workloads[..] else { panic!("{:?}", observed.workloads) };
    assert_eq!(seen.workload.role, WorkloadRole::Proxy);
    assert!(!seen.workload.name.contains('\u{1b}'), "{:?}", seen.workload.name);
    assert_eq!(seen.workload.runtime.as_ref().unwrap().health.as_deref(), Some("unhealthy"));
    assert_eq!(observed.blind.len(), 1);
}

#[test]
fn five_hundred_containers_are_judged_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let one = |n: usize| {
        format!(
            r#"{{"Id":"{n:064x}","Names":["/c{n}"],"Image":"postgres:17","Command":"docker-entrypoint.sh postgres","State":"running","Labels":{{"com.docker.compose.project":"p{n}"}}}}"#
        )
    };
    let list = format!("[{}]", (0..500).map(one).collect::<Vec<_>>().join(","));
    let socket = engine(folder.path(), move |path, stream| {
        send(stream, if path.contains("/containers/json") { &list } else { plain(path) });
    });
    let (observed, took) = look(socket, Duration::from_secs(20));
    assert_eq!((observed.workloads.len(), observed.projects.len()), (500, 500));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_container_that_its_engine_does_not_tell_of_is_a_blind_spot() {
    let folder = tempfile::tempdir().unwrap();
    let one = |id: &str, state: &str| {
        format!(r#"{{"Id":"{id}","Names":["/openclaw-{id}"],"Image":"x","State":"{state}","Status":"Up 1 minute"}}"#)
    };
    let all = [one("a1", "running"), one("b2", "running"), one("c3", "exited"), one("d4", "running")].join(",");
    let list = format!("[{all}]");
    let socket = engine(folder.path(), move |path, stream| match path {
        path if path.contains("/containers/json") => send(stream, &list),
        path if path.contains("/containers/a1/json") => send(stream, r#"{"Id":"a1","Name":"/openclaw-a1"}"#),
        path if path.contains("/containers/d4/json") => refuse(stream, "404 Not Found"),
        path if path.contains("/containers/") => refuse(stream, "500 Internal Server Error"),
        path => send(stream, plain(path)),
    });
    let (observed, _) = look(socket, Duration::from_secs(20));
    assert_eq!(observed.workloads.len(), 4);
    let blind: Vec<_> = observed.blind.iter().map(|blind| (blind.what.as_str(), blind.readiness)).collect();
    assert_eq!(blind, [("container:openclaw-b2", true), ("container:openclaw-c3", false)]);
    assert!(observed.blind[0].why.contains("500"), "{}", observed.blind[0].why);
}
