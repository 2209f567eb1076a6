//! A server of its own for a test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use portreeve_telemetry::enrol::{ENROL_PATH, Granted, Request};
use portreeve_telemetry::otlp::PROTOBUF;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

use crate::telling::gzip;
use crate::wire::{Answer, send};

/// Longest start and longest end, of a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A server; killed when dropped.
pub(crate) struct Fleet {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    child: Child,
    viewer: String,
}

/// A node that has enrolled.
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Fleet {
    /// Starts one with these settings, as lines of TOML, and with a viewer.
    pub(crate) fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fleet.toml"), settings).unwrap();
        let viewer = command(&folder, &["viewer", "add", "tester"]);
        let (child, address) = serve(&folder);
        Self { address, folder, child, viewer }
    }

    /// Stops it by SIGKILL and starts it again, at another address.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address) = serve(&self.folder);
    }

    /// What an administrative command prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        command(&self.folder, arguments)
    }

    /// Gives a node with this identity a credential.
    pub(crate) fn enrol(&self, id: &str) -> Node {
        let code = self.run(&["code", "create"]);
        let answer = self.ask(&code, id, id);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let granted: Granted = serde_json::from_slice(&answer.body).unwrap();
        Node { id: id.to_owned(), token: granted.token }
    }

    /// Asks for a credential.
    pub(crate) fn ask(&self, code: &str, id: &str, hostname: &str) -> Answer {
        let request = Request {
            code: code.to_owned(),
            node: id.to_owned(),
            name: None,
            hostname: hostname.to_owned(),
            agent_version: "0.1.0".to_owned(),
        };
        let body = serde_json::to_vec(&request).unwrap();
        send(self.address, "POST", ENROL_PATH, &[("Content-Type", "application/json")], &body)
    }

    /// A GET of nobody in particular.
    pub(crate) fn get(&self, path: &str) -> Answer {
        send(self.address, "GET", path, &[], b"")
    }

    /// A GET of a viewer.
    pub(crate) fn viewed(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.viewer);
        send(self.address, "GET", path, &[("Authorization", &bearer), ("Accept", "text/html")], b"")
    }

    /// The viewer's token.
    pub(crate) fn viewer(&self) -> &str {
        &self.viewer
    }

    /// Its own metrics.
    pub(crate) fn metrics(&self) -> String {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// The most resident memory that it ever had.
    pub(crate) fn memory_mib(&self) -> u64 {
        let Ok(text) = fs::read_to_string(format!("/proc/{}/status", self.child.id())) else { return 0 };
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
    }

    /// How many events have this identity.
    pub(crate) fn events(&self, id: &str) -> i64 {
        let file = self.folder.path().join("data").join(portreeve_fleet::store::FILE);
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let uid = id.parse::<Uuid>().unwrap();
        database.query_row("SELECT count(*) FROM event WHERE uid = ?1", [uid.as_bytes()], |row| row.get(0)).unwrap()
    }

    /// Waits until it is so: other processes' changes are seen within a second.
    pub(crate) fn until(what: &str, ask: impl Fn() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !ask() {
            assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// The value of its `Authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Posts a message as it is.
    pub(crate) fn post(&self, fleet: &Fleet, path: &str, body: &[u8]) -> Answer {
        let bearer = self.bearer();
        send(fleet.address, "POST", path, &[("Authorization", &bearer), ("Content-Type", PROTOBUF)], body)
    }

    /// Posts what is said to be gzip.
    pub(crate) fn packed(&self, fleet: &Fleet, path: &str, body: &[u8]) -> Answer {
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", PROTOBUF), ("Content-Encoding", "gzip")];
        send(fleet.address, "POST", path, &headers, body)
    }

    /// Posts a message as gzip, as agents do.
    pub(crate) fn post_packed(&self, fleet: &Fleet, path: &str, body: &[u8]) -> Answer {
        self.packed(fleet, path, &gzip(body))
    }
}

fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve-fleet"));
    let file: PathBuf = folder.path().join("fleet.toml");
    command.arg("--config").arg(file).arg("--data").arg(folder.path().join("data"));
    command
}

fn command(folder: &TempDir, arguments: &[&str]) -> String {
    let output = program(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn serve(folder: &TempDir) -> (Child, SocketAddr) {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut serving = program(folder);
    serving.args(["serve", "--listen", "127.0.0.1:0", "--log", "debug"]).stdout(Stdio::piped()).stderr(log);
    let mut child = serving.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line
        .trim()
        .strip_prefix("listening at http://")
        .unwrap_or_else(|| panic!("{line}: {}", fs::read_to_string(folder.path().join("log")).unwrap()));
    let address = address.parse().unwrap();
    (child, address)
}
