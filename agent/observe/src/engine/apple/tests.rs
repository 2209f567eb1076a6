use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use portreeve_core::fact::Outcome;
use portreeve_core::snapshot::{MountKind, RunState, WorkloadRole};

use super::*;
use crate::os::ProcessEntry;

const NEW: &str = r#"[{"id":"claw","status":{"state":"running","startedDate":"2026-06-27T19:14:15Z","networks":[{"network":"default",
"ipv4Address":"192.168.65.10/24","ipv6Address":"fda1::1/64"}]},"configuration":{"id":"claw","image":{"reference":
"ghcr.io/openclaw/openclaw:2026.9.6","descriptor":{"digest":"sha256:aa"}},"platform":{"os":"linux","architecture":"arm64"},
"initProcess":{"executable":"node","arguments":["dist/index.js","gateway","--token","hunter2"],"environment":["HOME=/home/node",
"OPENCLAW_GATEWAY_PORT=19000","OPENCLAW_GATEWAY_TOKEN=hunter2"],"workingDirectory":"/app","user":{"id":{"uid":1000,"gid":1000}}},
"mounts":[{"type":{"virtiofs":{}},"source":"/Users/op/claw","destination":"/home/node/.openclaw","options":["ro"]},
{"type":{"volume":{"name":"cache","format":"ext4"}},"source":"/x/cache.img","destination":"/cache","options":[]}],
"publishedPorts":[{"hostAddress":"0.0.0.0","hostPort":19000,"containerPort":19000,"proto":"tcp","count":2}],
"resources":{"cpus":4,"memoryInBytes":1073741824},"readOnly":false}}]"#;
const OLD: &str = r#"[{"status":"stopped","networks":[],"configuration":{"id":"web","image":{"reference":"nginx"},
"initProcess":{"executable":"nginx","arguments":["-g","daemon off;"],"environment":[],"user":{"raw":{"userString":"www"}}}}},
{"status":"running","networks":[{"address":"192.168.64.3/24"}],"configuration":{"id":"db","image":{"reference":"postgres:18"}}}]"#;
const NOT_STARTED: &str = "echo 'Error: interrupted: \"XPC connection error: Connection invalid\"' >&2
echo 'Ensure container system service has been started with `container system start`.' >&2; exit 1";

fn uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

fn account(uid: u32) -> Account {
    Account { name: "op".to_owned(), uid, gid: 0, home: PathBuf::from("/"), unreachable: None }
}

fn program(dir: &Path, list: &str) -> PathBuf {
    let path = dir.join("container");
    let version = "container CLI version 1.0.0 (build: release, commit: ee848e3)";
    let script = format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{version}'; exit; fi\n{list}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

async fn asked(program: &Path, processes: &ProcessTable, time: Duration) -> Option<Observed> {
    let question = Question {
        programs: &[Path::new("/nonexistent/container"), program],
        accounts: &[account(uid())],
        agent_uid: uid(),
        console_uid: Some(uid()),
        processes,
        until: Instant::now() + time,
        at: Timestamp::UNIX_EPOCH,
    };
    let mut observed = Observed::default();
    observed.add_apple(ask(&question).await?);
    Some(observed)
}

/// What comes of a program that does this when it is asked for the list.
async fn of(list: &str) -> Observed {
    let dir = tempfile::tempdir().unwrap();
    asked(&program(dir.path(), list), &ProcessTable::default(), Duration::from_secs(10)).await.unwrap()
}

async fn printed(json: &str) -> Observed {
    of(&format!("[ \"$*\" = 'list --all --format json' ] || exit 9\ncat <<'EOF'\n{json}\nEOF")).await
}

#[track_caller]
fn why(observed: &Observed) -> &str {
    let Outcome::Unreadable { why } = &observed.engines[0].answer.outcome else {
        panic!("{:?}", observed.engines[0].answer)
    };
    why
}

#[tokio::test]
async fn a_gateway_of_the_new_form_is_known_and_not_seen_from_within() {
    let observed = printed(NEW).await;
    let engine = &observed.engines[0];
    let answer = engine.answer.get().unwrap();
    assert_eq!((engine.id.as_str(), engine.user.as_deref()), ("apple-container", Some("op")));
    assert_eq!((answer.version.as_str(), answer.containers, answer.in_vm), ("1.0.0", 1, true));
    let workload = &observed.workloads[0].workload;
    assert_eq!((workload.id.as_str(), workload.role), ("container:claw", WorkloadRole::Gateway));
    assert!(workload.is_running() && workload.view.blind().unwrap().contains("Apple container"));
    assert_eq!(workload.listens.as_ref().unwrap().port, 19_000);
    assert_eq!(workload.state_dir.as_deref(), Some("/home/node/.openclaw"));
    assert_eq!(workload.image.digests, ["ghcr.io/openclaw/openclaw@sha256:aa"]);
    assert_eq!(workload.networks[0].address.as_deref(), Some("192.168.65.10"));
    assert_eq!(observed.networks[0].name, "default");
    assert_eq!(workload.runtime.as_ref().unwrap().started_at, "2026-06-27T19:14:15Z".parse().ok());
    assert_eq!(workload.ports.iter().filter_map(|port| port.host_port).collect::<Vec<_>>(), [19_000, 19_001]);
    assert!(workload.ports[0].is_exposed());
    let mounts = &workload.mounts;
    assert_eq!((mounts[0].kind, mounts[0].source.as_deref()), (MountKind::Bind, Some("/Users/op/claw")));
    assert_eq!((mounts[1].kind, mounts[1].source.as_deref()), (MountKind::Volume, Some("cache")));
    assert!(mounts[0].read_only && !mounts[1].read_only);
    assert!(!format!("{workload:?} {engine:?}").contains("hunter2"));
}

#[tokio::test]
async fn the_old_form_is_known_too() {
    let observed = printed(OLD).await;
    let [web, db] = [&observed.workloads[0].workload, &observed.workloads[1].workload];
    assert_eq!((web.role, web.runtime.as_ref().unwrap().state), (WorkloadRole::Proxy, RunState::Exited));
    assert_eq!((web.name.as_str(), web.user.as_deref()), ("web", Some("www")));
    assert!(web.view.is_absent() && db.is_running());
    assert_eq!(db.networks[0].address.as_deref(), Some("192.168.64.3"));
}

#[tokio::test]
async fn what_is_no_answer_says_why() {
    assert!(why(&of("echo '{\"not\":'").await).contains("not understood"));
    assert!(why(&of("echo '\u{1b}[31mno' >&2; exit 3").await).contains("exit status 3: \u{fffd}[31mno"));
    assert!(of(NOT_STARTED).await.engines[0].answer.is_absent());
    let none = printed("[]").await;
    assert!(none.engines[0].answer.get().is_some() && none.workloads.is_empty());
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = program(dir.path(), "sleep 60 & sleep 60");
    let begun = Instant::now();
    let observed = asked(&path, &ProcessTable::default(), Duration::from_millis(300)).await.unwrap();
    assert!(why(&observed).contains("no answer within 0."), "{}", why(&observed));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn without_the_command_there_is_no_engine() {
    let none = Path::new("/nonexistent/other/container");
    assert!(asked(none, &ProcessTable::default(), Duration::from_secs(1)).await.is_none());
}

#[tokio::test]
async fn a_program_that_others_may_write_is_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let path = program(dir.path(), &format!("touch {}", trace.display()));
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    let observed = asked(&path, &ProcessTable::default(), Duration::from_secs(5)).await.unwrap();
    assert!(why(&observed).contains("others than its owner may write"));
    assert!(!trace.exists());
}

#[tokio::test]
async fn a_service_of_another_session_is_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = program(dir.path(), NOT_STARTED);
    let mut service = ProcessEntry {
        pid: 7,
        ppid: 1,
        uid: Some(uid()),
        started_at: None,
        start_raw: None,
        exe: None,
        comm: "container-apise".to_owned(),
        argv: Vec::new(),
        stopped: false,
        zombie: false,
        cpu: None,
        foreign_netns: None,
        foreign_pidns: false,
    };
    let observed = asked(&path, &ProcessTable::from_iter([service.clone()]), Duration::from_secs(5)).await.unwrap();
    assert!(why(&observed).contains("another session"));
    service.uid = Some(uid() + 1);
    let observed = asked(&path, &ProcessTable::from_iter([service]), Duration::from_secs(5)).await.unwrap();
    assert!(observed.engines[0].answer.is_absent());
}

#[tokio::test]
async fn root_asks_nobody_where_nobody_is_logged_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = program(dir.path(), "echo '[]'");
    let question = Question {
        programs: &[&path],
        accounts: &[account(501)],
        agent_uid: 0,
        console_uid: None,
        processes: &ProcessTable::default(),
        until: Instant::now() + Duration::from_secs(5),
        at: Timestamp::UNIX_EPOCH,
    };
    let mut observed = Observed::default();
    observed.add_apple(ask(&question).await.unwrap());
    assert!(why(&observed).contains("nobody is known to be logged in"));
}

#[test]
fn root_becomes_the_user_in_the_session_of_the_user() {
    let program = Path::new("/usr/local/bin/container");
    let words = |agent_uid| {
        let run = invocation(program, &LIST, &account(501), agent_uid, DEADLINE);
        let arguments: Vec<String> = run.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        format!("{} {}", run.program.display(), arguments.join(" "))
    };
    assert_eq!(
        words(0),
        "/bin/launchctl asuser 501 /usr/bin/sudo -n -H -u #501 -- /usr/local/bin/container list --all --format json"
    );
    assert_eq!(words(501), "/usr/local/bin/container list --all --format json");
}

#[tokio::test]
async fn a_name_that_another_engine_took_carries_the_engine() {
    let mut observed = printed(NEW).await;
    let dir = tempfile::tempdir().unwrap();
    let path = program(dir.path(), &format!("cat <<'EOF'\n{NEW}\nEOF"));
    let again = asked(&path, &ProcessTable::default(), Duration::from_secs(5)).await.unwrap();
    observed.add_apple(Held { engine: again.engines[0].clone(), seen: again.workloads, networks: Vec::new() });
    assert_eq!(observed.workloads[1].workload.id, "container:claw@apple-container");
}
