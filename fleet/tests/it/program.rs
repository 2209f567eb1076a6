//! A server of its own for each test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::Signal;
use portreeve_telemetry::encode::{self, Origin};
use portreeve_telemetry::enrol::Granted;
use portreeve_telemetry::event::Name;
use portreeve_telemetry::otlp::{LOGS_PATH, METRICS_PATH, Message, PROTOBUF};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_portreeve-fleet");
/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Fleet {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) client: Client,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Fleet {
    pub(crate) fn start() -> Self {
        Self::with(TempDir::new().unwrap(), &[])
    }

    /// With settings, TOML.
    pub(crate) fn configured(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, settings).unwrap();
        Self::with(folder, &["--config", file.to_str().unwrap()])
    }

    pub(crate) fn with(folder: TempDir, arguments: &[&str]) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().timeout(DEADLINE).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut fleet = Self { folder, url: String::new(), client, arguments, child: None };
        fleet.run();
        fleet
    }

    fn run(&mut self) {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .args(&self.arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, line) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(BufReader::new(stdout).read_line(&mut line));
            drop(sender.send(line));
        });
        let line = line.recv_timeout(DEADLINE).expect("the server tells where it listens");
        line.trim().strip_prefix("listening at ").expect("an address").clone_into(&mut self.url);
        self.child = Some(child);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends it as a power cut would, and starts it anew.
    pub(crate) fn crash(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.run();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).unwrap();
    }

    /// Ends it as a service manager would; its exit status.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        let mut child = self.child.take().unwrap();
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        command(&self.data(), arguments)
    }

    /// What a command says; it must succeed.
    pub(crate) fn say(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn code(&self) -> String {
        self.say(&["code", "create", "--uses", "100"])
    }

    pub(crate) async fn enrol(&self, code: &str, node: &str) -> Response {
        let asked = json!({ "code": code, "node": node, "hostname": "mac.local", "agent_version": "1.2.3" });
        self.client.post(format!("{}/v1/enrol", self.url)).body(asked.to_string()).send().await.unwrap()
    }

    pub(crate) async fn join(&self, node: &str) -> Granted {
        let response = self.enrol(&self.code(), node).await;
        assert_eq!(response.status(), 200);
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Vec<u8>) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(token);
        request.header("content-type", PROTOBUF).body(body).send().await.unwrap()
    }

    pub(crate) async fn metrics(&self, token: &str, body: Vec<u8>) -> Response {
        self.post(METRICS_PATH, token, body).await
    }

    pub(crate) async fn logs(&self, token: &str, body: Vec<u8>) -> Response {
        self.post(LOGS_PATH, token, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) fn nodes(&self) -> Vec<Value> {
        self.say(&["node", "list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn node(&self, id: &str) -> Value {
        self.nodes().into_iter().find(|node| node["id"] == id).expect("the node")
    }

    /// Waits until a node is as it should be.
    pub(crate) async fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let node = self.node(id);
            if is_so(&node) {
                return node;
            }
            assert!(Instant::now() < end, "it stays {node}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data().join("fleet.db")).unwrap()
    }

    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

pub(crate) fn command(data: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).arg("--data").arg(data).output().unwrap()
}

pub(crate) fn origin(node: &str) -> Origin {
    Origin {
        node: node.to_owned(),
        hostname: Some("mac.local".to_owned()),
        agent_version: "1.2.3".to_owned(),
        ..Origin::default()
    }
}

/// An event of a node.
pub(crate) fn event(node: &str, id: Uuid, at: Timestamp, name: Name, body: &Value) -> Vec<u8> {
    encode::raw_event(&origin(node), id, at, name, body.to_string().as_bytes()).unwrap().encode_to_vec()
}

/// A report of a node.
pub(crate) fn report(node: &str, at: Timestamp, verdict: &str, causes: &[&str]) -> Vec<u8> {
    let body = json!({
        "schema": "portreeve.report/1", "generated_at": at, "verdict": verdict, "root_causes": causes,
        "node": { "id": node, "hostname": "mac.local", "os_version": "26.1", "os_build": "25B78", "arch": "arm64" },
        "gateways": [{ "expected": ["config"], "version": "2026.1.2",
                       "rungs": [{ "rung": "live", "state": "pass", "detail": "" }] }],
    });
    event(node, Uuid::new_v4(), at, Name::Report, &body)
}

/// No data point: a beat.
pub(crate) fn beat(node: &str) -> Vec<u8> {
    encode::metrics(&origin(node), Timestamp::now(), []).encode_to_vec()
}
