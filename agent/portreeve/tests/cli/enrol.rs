//! `enrol`.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::bench::{Bench, Run, assert_fits};

const CODE: &str = "JOIN-canary-4711";
const TOKEN: &str = "granted-canary-0815";

/// A fleet that grants a credential to whoever asks, until the test ends: its URL, and what it was asked.
fn fleet() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, told) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut text = String::new();
            let mut buffer = [0; 4096];
            let (path, body) = loop {
                let count = stream.read(&mut buffer).unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_lowercase();
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                if count == 0 || body.len() >= length.unwrap_or(0) {
                    break (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned());
                }
            };
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            let granted = json!({ "node": body["node"], "name": "mini-7", "token": TOKEN }).to_string();
            let (status, body) = match path.as_str() {
                "/v1/enrol" if body["code"] == CODE => (200, granted.as_str()),
                "/v1/enrol" => (403, "{\"error\":\"the code is not known\"}"),
                _ => (204, ""),
            };
            let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
            drop(asked.send(text));
        }
    });
    (url, told)
}

fn run_with(bench: &Bench, arguments: &[&str], input: &str) -> Run {
    let mut command = bench.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    bench.tell(child.wait_with_output().unwrap())
}

#[test]
fn a_node_joins_by_a_code_from_its_input_or_a_file_and_leaves() {
    let bench = Bench::new();
    let (url, asked) = fleet();
    let run = run_with(&bench, &["enrol", &url, "--name", "mini-7"], &format!("{CODE}\n"));
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    assert_eq!(run.stdout, format!("enrolled as `mini-7` at {url}/; `portreeve run` reports there\n"));
    let request = asked.recv().unwrap();
    assert!(request.contains("\"name\":\"mini-7\"") && request.contains("\"hostname\":\""), "{request}");
    let kept = bench.path("data").join("enrolment.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let file = bench.file("code", CODE);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let run = bench.run(&["enrol", &url, "--code-file", "code", "--json"]);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &value["schema"], &value["did"]), (0, &json!("portreeve.enrol/1"), &json!("enrolled")));
    assert!(!run.stdout.contains("canary"), "{run}");
    let run = bench.run(&["enrol", "--leave"]);
    assert_eq!((run.status, kept.exists()), (0, false), "{run}");
    assert_eq!(run.stdout, format!("left {url}/; its credential is forgotten\n"));
    let run = bench.run(&["enrol", "--rotate"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stderr.contains("this node is not enrolled") && run.stderr.contains("hint:"), "{run}");
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do_and_without_the_code() {
    let bench = Bench::new();
    let (url, _) = fleet();
    let silent = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    for (url, input, status, words) in [
        (url.as_str(), "WRONG-canary\n", 1, "the code is not known"),
        (url.as_str(), "\n", 2, "no join code"),
        (url.as_str(), "two words\n", 2, "no join code"),
        (silent.as_str(), CODE, 1, "cannot reach"),
        ("http://fleet.example", CODE, 1, "in plain text"),
        ("fleet.example", CODE, 1, "is no URL of an endpoint"),
        ("https://op:canary@fleet.example", CODE, 1, "a name or password belongs into no URL"),
    ] {
        let run = run_with(&bench, &["enrol", url], input);
        assert_eq!(run.status, status, "{words}: {run}");
        assert!(run.stderr.contains(words) && run.stderr.contains("hint:"), "{words}: {run}");
        assert!(!run.to_string().contains("canary"), "{run}");
    }
    let file = bench.file("code", CODE);
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let run = bench.run(&["enrol", &url, "--code-file", "code"]);
    assert!(run.status == 1 && run.stderr.contains("everybody may read it"), "{run}");
    assert!(!bench.path("data").join("enrolment.json").exists());
}

#[test]
fn a_terminal_shows_what_is_typed_again_however_the_prompt_ends() {
    let bench = Bench::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let terminal = openpty(None, None).unwrap();
        let shows = || tcgetattr(&terminal.slave).unwrap().local_flags.contains(LocalFlags::ECHO);
        assert!(shows());
        let mut command = bench.command(&["enrol", "http://127.0.0.1:1"]);
        command.stdin(terminal.slave.try_clone().unwrap());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut prompt = [0; 11];
        child.stderr.take().unwrap().read_exact(&mut prompt).unwrap();
        assert_eq!(&prompt, b"Join code: ");
        assert!(!shows());
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(128 + signal as i32));
        assert!(shows(), "{signal}");
    }
}

#[test]
fn a_code_is_no_argument() {
    let bench = Bench::new();
    for arguments in [&["enrol"][..], &["enrol", "https://a", "CODE"], &["enrol", "https://a", "--rotate"]] {
        assert_eq!(bench.run(arguments).status, 2);
    }
    let help = bench.run(&["enrol", "--help"]);
    assert_eq!(help.status, 0);
    assert_fits(&help.stdout, 80);
}
