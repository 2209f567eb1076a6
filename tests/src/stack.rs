//! Real stores of metrics on this host, with the settings that `fleet/contrib` ships: Prometheus 3 and `VictoriaMetrics`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use portreeve_telemetry::otlp::PROTOBUF;
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{call, get};
use crate::{Running, free_port, skip, wait_until};

/// Names the folder that `scripts/stack` fills.
const FOLDER: &str = "PORTREEVE_STACK";
const OTLP_FLAG: &str = "web.enable-otlp-receiver";
const REMOTE_WRITE: &str = "/api/v1/write";
const QUERY: &str = "/api/v1/query";
const FORM: &str = "application/x-www-form-urlencoded";
const START: Duration = Duration::from_mins(1);

/// Where agents post to, and where it answers queries. All ends when it is dropped.
#[derive(Debug)]
pub struct Store {
    receiver: Program,
    /// Where it takes OTLP, below its address.
    otlp: &'static str,
    /// What stores, where that is another program than what receives.
    behind: Option<Program>,
}

#[derive(Debug)]
struct Program {
    running: Running,
    port: u16,
    folder: TempDir,
}

impl Store {
    /// Prometheus with `fleet/contrib/prometheus/prometheus.yml`, and thus with the rules. Where it is a build without the OTLP receiver,
    /// as Debian's, `vmagent` receives and writes into it with the same names and labels.
    pub fn prometheus() -> Option<Self> {
        let program = stack_program("prometheus")?;
        let help = Command::new(&program).arg("--help").output().unwrap();
        let has_otlp =
            [help.stdout, help.stderr].concat().windows(OTLP_FLAG.len()).any(|word| word == OTLP_FLAG.as_bytes());
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", contrib("prometheus/prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--enable-feature=native-histograms");
        if has_otlp {
            command.arg(format!("--{OTLP_FLAG}"));
            let receiver = Program::start(command, folder, port, "/-/ready");
            return Some(Self { receiver, otlp: "/api/v1/otlp", behind: None });
        }
        command.arg("--web.enable-remote-write-receiver");
        let behind = Program::start(command, folder, port, "/-/ready");
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(stack_program("vmagent")?);
        command.args(victoria_flags().filter(|flag| flag.starts_with("-opentelemetry")));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        command.arg(format!("-remoteWrite.url=http://127.0.0.1:{}{REMOTE_WRITE}", behind.port));
        command.arg(format!("-remoteWrite.tmpDataPath={}", folder.path().join("data").display()));
        // One queue keeps the order in which samples came.
        command.args(["-remoteWrite.queues=1", "-remoteWrite.forcePromProto", "-memory.allowedBytes=128MiB"]);
        let receiver = Program::start(command, folder, port, "/health");
        Some(Self { receiver, otlp: "/opentelemetry", behind: Some(behind) })
    }

    /// `VictoriaMetrics` with `fleet/contrib/victoriametrics/flags`.
    pub fn victoria_metrics() -> Option<Self> {
        let mut command = Command::new(stack_program("victoria-metrics")?);
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        command.args(victoria_flags());
        command.arg(format!("-storageDataPath={}", folder.path().join("data").display()));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        // What was written is asked for at once.
        command.args(["-search.latencyOffset=0s", "-search.disableCache", "-memory.allowedBytes=256MiB"]);
        Some(Self { receiver: Program::start(command, folder, port, "/health"), otlp: "/opentelemetry", behind: None })
    }

    /// Whether Prometheus itself does not receive, so that its native histograms have to be brought by [`Store::write`].
    pub fn is_behind_another(&self) -> bool {
        self.behind.is_some()
    }

    /// The URL below which agents post.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.receiver.port, self.otlp)
    }

    /// Posts an encoded `ExportMetricsServiceRequest`, and fails unless it is taken.
    pub fn take(&self, request: &[u8]) {
        let path = format!("{}/v1/metrics", self.otlp);
        self.post(self.receiver.port, &path, request);
    }

    /// Posts a compressed `prometheus.WriteRequest`.
    pub fn write(&self, request: &[u8]) {
        self.post(self.port(), REMOTE_WRITE, request);
    }

    fn post(&self, port: u16, path: &str, request: &[u8]) {
        let (status, answer) = call(port, "POST", path, PROTOBUF, request).unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {answer}\n{}", self.log());
    }

    /// Waits until queries show what was taken last.
    pub fn wait_for(&self, query: &str) {
        // Only VictoriaMetrics has this path, and needs it.
        let _ = get(self.port(), "/internal/force_flush");
        wait_until(&format!("`{query}` in\n{}", self.log()), START, || self.query(query).unwrap().first().map(|_| ()));
    }

    /// The port on which it answers queries.
    fn port(&self) -> u16 {
        self.behind.as_ref().unwrap_or(&self.receiver).port
    }

    /// What an instant query gives now.
    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let body = format!("query={}", escaped(query));
        let called = call(self.port(), "POST", QUERY, FORM, body.as_bytes());
        let (_, answer) = called.ok_or("no answer")?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))?;
        match answer["data"]["result"].as_array() {
            Some(result) if answer["status"] == "success" => Ok(result.clone()),
            _ => Err(answer.to_string()),
        }
    }

    /// The groups of rules that Prometheus has loaded.
    pub fn rules(&self) -> Vec<Value> {
        let (status, body) = get(self.port(), "/api/v1/rules").unwrap();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"]["groups"].as_array().unwrap().clone()
    }

    fn log(&self) -> String {
        self.behind.iter().chain([&self.receiver]).map(Program::log).collect()
    }
}

impl Program {
    fn start(mut command: Command, folder: TempDir, port: u16, health: &str) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let running = Running::start(&mut command, Some(folder.path()));
        let mut program = Self { running, port, folder };
        wait_until(&format!("{command:?}"), START, || {
            assert!(program.running.child.try_wait().unwrap().is_none(), "{command:?} ended:\n{}", program.log());
            get(port, health).filter(|(status, _)| *status == 200)
        });
        program
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn victoria_flags() -> impl Iterator<Item = String> {
    let flags = fs::read_to_string(contrib("victoriametrics/flags")).unwrap();
    flags.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// A file of `fleet/contrib`.
pub fn contrib(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fleet/contrib").join(path)
}

/// A program of the stack. None, after having said so, where the environment names no folder of it.
pub fn stack_program(name: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else {
        skip(&format!("{FOLDER} is not set"));
        return None;
    };
    let program = Path::new(&folder).join("bin").join(name);
    assert!(program.is_file(), "{FOLDER} is set, but `{}` is no file", program.display());
    Some(program)
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}
