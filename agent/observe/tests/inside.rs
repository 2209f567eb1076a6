//! The probe in containers of a real engine, Docker or Podman.
//!
//! `PORTREEVE_TEST_ENGINE` names its socket, `PORTREEVE_TEST_IMAGE` an image with a shell that it has, `PORTREEVE_PROBE_DIR` the folder
//! with the probe (`scripts/probe`). Without them the tests say so and pass; `scripts/test --only e2e` sets them.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portreeve_core::snapshot::{FailureKind, NamespaceView};
use portreeve_facts::request::{ConnectAsked, Request, Role};
use portreeve_observe::engine::Client;
use portreeve_observe::inside::{Definition, Inside, LABEL, NAME_PREFIX, Subject, sweep};

/// What each test looks at is all that the engine has of us.
static ALONE: Mutex<()> = Mutex::new(());

struct Engine {
    #[expect(dead_code, reason = "held for its lock")]
    alone: MutexGuard<'static, ()>,
    socket: PathBuf,
    image: String,
    inside: Inside,
}

fn engine() -> Option<Engine> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let (Some(socket), Some(image), Some(programs)) =
        (variable("PORTREEVE_TEST_ENGINE"), variable("PORTREEVE_TEST_IMAGE"), variable("PORTREEVE_PROBE_DIR"))
    else {
        println!("skipped: no engine is named");
        return None;
    };
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Some(Engine { alone, socket: socket.into(), image, inside: Inside::new(Some(programs.into())) })
}

impl Engine {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.socket.display()))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    async fn client(&self) -> Client {
        Client::connect(&self.socket, Instant::now() + Duration::from_secs(5)).await.unwrap().0
    }

    async fn look(&self, id: &str, request: &Request) -> NamespaceView {
        let client = self.client().await;
        let until = Instant::now() + Duration::from_secs(20);
        self.inside.try_look(&client, Subject::Container { id }, request, until).await.unwrap()
    }

    fn ours(&self) -> BTreeSet<String> {
        // Podman fails at the list while one of it comes or goes.
        let filter = format!("label={LABEL}");
        let output = (0..10).map(|_| self.run(&["ps", "-aq", "--filter", &filter])).find(|out| out.status.success());
        String::from_utf8_lossy(&output.unwrap().stdout).lines().map(ToOwned::to_owned).collect()
    }

    fn volumes(&self) -> BTreeSet<String> {
        self.docker(&["volume", "ls", "-q"]).lines().map(ToOwned::to_owned).collect()
    }
}

/// A container of the test, removed with its volumes.
struct Container<'a> {
    engine: &'a Engine,
    id: String,
}

impl<'a> Container<'a> {
    fn start(engine: &'a Engine, arguments: &[&str]) -> Self {
        let mut all = vec!["run", "-d"];
        all.extend(arguments);
        Self { engine, id: engine.docker(&all) }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.engine.docker(&["rm", "-fv", &self.id]);
    }
}

fn request() -> Request {
    Request::new(&[7; 32], 3_000)
}

fn listen(port: &str) -> String {
    format!("busybox httpd -p {port} && exec busybox sleep 1000")
}

#[tokio::test]
async fn the_namespace_of_a_container_is_seen_and_the_container_not_touched() {
    let Some(engine) = engine() else { return };
    let state = tempfile::tempdir().unwrap();
    let mount = format!("{}:/home/node/.openclaw", state.path().display());
    let token = "OPENCLAW_GATEWAY_TOKEN=canary-1d2c3b4a5f6e";
    let script = listen("127.0.0.1:18789");
    let target = Container::start(
        &engine,
        &["-u", "1000:1000", "-v", &mount, "-e", token, "-e", "HOME=/home/node", &engine.image, "sh", "-c", &script],
    );
    let unchanged = |engine: &Engine| {
        (engine.docker(&["diff", &target.id]), engine.docker(&["inspect", &target.id]), engine.volumes())
    };
    let before = unchanged(&engine);

    let mut request = request();
    request.role = Some(Role::Cli);
    let connect = |host: &str, port| ConnectAsked { host: host.to_owned(), port, attempts: 3 };
    request.connects = vec![connect("127.0.0.1", 18789), connect("127.0.0.1", 18790)];
    let begun = Instant::now();
    let view = engine.look(&target.id, &request).await;
    println!("{} ms in all, {} ms in the probe", begun.elapsed().as_millis(), view.elapsed_ms);

    assert_eq!((view.uid, view.gid, view.home.as_deref()), (1000, 1000, Some("/home/node")));
    assert_eq!(view.connects[0].connected, 3);
    assert_eq!(view.connects[1].failures[0].kind, FailureKind::Refused);
    assert!(view.listeners.get().unwrap().iter().any(|one| one.port == 18789));
    let seen = view.state.get().unwrap();
    assert_eq!((seen.path.as_str(), seen.stat.uid, seen.writable), ("/home/node/.openclaw", 0, false));
    let mounts = view.mounts.get().unwrap();
    assert!(mounts.iter().any(|mount| mount.target == "/home/node/.openclaw" && !mount.read_only), "{mounts:?}");
    assert!(view.client.unwrap().credentials.winner.is_some());

    assert_eq!(unchanged(&engine), before);
    assert!(engine.ours().is_empty());
}

#[tokio::test]
async fn a_container_that_ended_is_looked_into_with_its_networks() {
    let Some(engine) = engine() else { return };
    let network = format!("probe-test-{}", std::process::id());
    engine.docker(&["network", "create", &network]);
    {
        let script = listen("18789");
        let gateway = Container::start(
            &engine,
            &["--network", &network, "--network-alias", "gateway", &engine.image, "sh", "-c", &script],
        );
        let ended = Container::start(&engine, &["--network", &network, &engine.image, "busybox", "true"]);
        engine.docker(&["wait", &ended.id]);
        let mut request = request();
        request.names = vec!["gateway".to_owned(), "gatway".to_owned()];
        request.connects = vec![ConnectAsked { host: "gateway".to_owned(), port: 18789, attempts: 3 }];
        let view = engine.look(&ended.id, &request).await;
        assert_eq!(view.names[0].addresses.len(), 1, "{:?}", view.names);
        assert!(view.names[1].addresses.is_empty());
        assert_eq!(view.connects[0].connected, 3);
        // Docker's is 127.0.0.11, Podman's the gateway of the network.
        let nameserver = view.resolver.get().unwrap().nameservers.first().cloned().unwrap();
        let gateway_address = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";
        let own = engine.docker(&["inspect", "--format", gateway_address, &gateway.id]);
        assert!(nameserver == "127.0.0.11" || nameserver == own, "{nameserver}");

        let definition = Definition {
            name: "cli".to_owned(),
            image: engine.image.clone(),
            user: None,
            environment: Vec::new(),
            working_dir: None,
            network_mode: Some(format!("container:{}", gateway.id)),
            networks: Vec::new(),
            extra_hosts: Vec::new(),
            binds: vec![portreeve_observe::inside::Bind {
                source: "no-such-volume-here".to_owned(),
                target: "/data".to_owned(),
                read_only: false,
            }],
            read_only_root: false,
        };
        request.connects[0].host = "127.0.0.1".to_owned();
        let client = engine.client().await;
        let until = Instant::now() + Duration::from_secs(20);
        let view = engine.inside.try_look(&client, Subject::Service(&definition), &request, until).await.unwrap();
        assert_eq!(view.connects[0].connected, 3);
        assert!(!engine.volumes().contains("no-such-volume-here"));
    }
    engine.docker(&["network", "rm", &network]);
    assert!(engine.ours().is_empty());
}

#[tokio::test]
async fn a_container_that_ends_and_is_started_again_is_looked_into_at_any_time() {
    let Some(engine) = engine() else { return };
    let network = format!("probe-test-loop-{}", std::process::id());
    engine.docker(&["network", "create", &network]);
    {
        let on = ["--network", &network];
        let script = listen("18789");
        let gateway = ["--network-alias", "gateway", &engine.image, "sh", "-c", &script];
        let _gateway = Container::start(&engine, &[on.as_slice(), &gateway].concat());
        let looping = ["--restart", "always", &engine.image, "busybox", "sleep", "2"];
        let looping = Container::start(&engine, &[on.as_slice(), &looping].concat());
        let mut request = request();
        request.connects = vec![ConnectAsked { host: "gateway".to_owned(), port: 18789, attempts: 1 }];
        let restarts =
            || engine.docker(&["inspect", "--format", "{{.RestartCount}}", &looping.id]).parse::<u32>().unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut looks = 0;
        while looks < 8 || restarts() < 4 {
            assert!(Instant::now() < deadline, "{} starts in {looks} looks", restarts());
            assert_eq!(engine.look(&looping.id, &request).await.connects[0].connected, 1);
            looks += 1;
        }
    }
    engine.docker(&["network", "rm", &network]);
    assert!(engine.ours().is_empty());
}

#[tokio::test]
async fn nothing_is_left_behind_when_nobody_waits() {
    let Some(engine) = engine() else { return };
    let target = Container::start(&engine, &[&engine.image, "busybox", "sleep", "1000"]);
    let volumes = engine.volumes();
    let client = engine.client().await;
    let request = request();
    for patience in [1, 20, 60, 120, 200] {
        let subject = Subject::Container { id: &target.id };
        let look = engine.inside.try_look(&client, subject, &request, Instant::now() + Duration::from_secs(20));
        // Some engines are done before the longest of these.
        let _ = tokio::time::timeout(Duration::from_millis(patience), look).await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while !engine.ours().is_empty() || engine.volumes() != volumes {
            assert!(Instant::now() < deadline, "after {patience} ms: {:?}", engine.ours());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_sweep_removes_what_a_dead_agent_left() {
    let Some(engine) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("portreeve-probe"), b"").unwrap();
    let mount = format!("{}:/.portreeve-probe:ro", folder.path().display());
    let host = nix::unistd::gethostname().unwrap().to_string_lossy().into_owned();
    let now = jiff::Timestamp::now().as_second();
    let make = |suffix: &str, created: i64, pid: u32| {
        let name = format!("{NAME_PREFIX}test-{suffix}-{}", std::process::id());
        engine.docker(&[
            "create",
            "--name",
            &name,
            "--label",
            &format!("{LABEL}={name}"),
            "--label",
            &format!("dev.portreeve.probe.created={created}"),
            "--label",
            &format!("dev.portreeve.probe.agent={host}/{pid}"),
            "-v",
            &mount,
            "--entrypoint",
            "/.portreeve-probe/portreeve-probe",
            &engine.image,
        ])
    };
    let old = make("old", now - 90, std::process::id());
    let dead = make("dead", now, 0x7fff_fff0);
    let busy = make("busy", now, std::process::id());
    let foreign = engine.docker(&["create", "--label", &format!("{LABEL}=x"), &engine.image]);
    let client = engine.client().await;
    assert!(sweep(&client, Instant::now() + Duration::from_secs(5)).await.unwrap() >= 2);
    let left = engine.docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("label={LABEL}")]);
    engine.docker(&["rm", "-f", &busy, &foreign]);
    assert!(left.contains(&busy) && left.contains(&foreign) && !left.contains(&old) && !left.contains(&dead), "{left}");
}
