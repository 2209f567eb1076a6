//! Apple's `container`: it has no socket, only a command, and a service for each user that the command asks.

mod convert;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{Engine, EngineAnswer, EngineKind, Network};

use super::Observed;
use super::text::line;
use super::workload::Seen;
use crate::acceptance::trust::check;
use crate::command::{Awaited, Ending, Said};
use crate::commands::apple_container::{Container, parse};
use crate::os;
use crate::process::ProcessTable;
use crate::users::Account;

/// [`Engine::id`]; a node has one.
pub(super) const ID: &str = "apple-container";
/// How long the command has for its answer.
const DEADLINE: Duration = Duration::from_secs(4);
/// Longest answer, in bytes.
const MAX_OUTPUT: usize = 8 << 20;
/// Most containers that are kept.
const MAX_CONTAINERS: usize = 2_000;
/// Longest complaint of the command that is kept, in bytes.
const MAX_COMPLAINT: usize = 300;
/// What the command says where nobody offers its user's service.
const NO_SERVICE: &str = "XPC connection error: Connection invalid";
/// The user's service.
const SERVICE: &str = "container-apiserver";
const LIST: [&str; 4] = ["list", "--all", "--format", "json"];
const SOURCE: &str = "container list --all --format json";

/// Where the command is looked for, and whose containers it is to list.
pub(crate) struct Question<'a> {
    /// Its usual places, best first.
    pub(crate) programs: &'a [&'a Path],
    /// Accounts of the node.
    pub(crate) accounts: &'a [Account],
    /// The user that the agent runs as.
    pub(crate) agent_uid: u32,
    /// The user who is logged in at the screen.
    pub(crate) console_uid: Option<u32>,
    /// Processes of the node.
    pub(crate) processes: &'a ProcessTable,
    /// When to stop.
    pub(crate) until: Instant,
    /// Time of the observation.
    pub(crate) at: Timestamp,
}

/// What the command told. None on a node without it.
pub(crate) struct Held {
    engine: Engine,
    seen: Vec<Seen>,
    networks: Vec<Network>,
}

/// Why there is no list.
enum Missed {
    /// The service is not started.
    NotStarted,
    /// The command could not be asked or gave no answer that can be used.
    Unseen(String),
}

/// Asks the command on this node.
pub(crate) async fn observe(
    accounts: &[Account],
    processes: &ProcessTable,
    until: Instant,
    at: Timestamp,
) -> Option<Held> {
    let programs: Vec<&Path> = os::container_programs().iter().map(Path::new).collect();
    if programs.is_empty() {
        return None;
    }
    let question = Question {
        programs: &programs,
        accounts,
        agent_uid: nix::unistd::geteuid().as_raw(),
        console_uid: os::console_user_id().ok().flatten(),
        processes,
        until,
        at,
    };
    ask(&question).await
}

/// Asks the command as the caller, or as who is logged in at the screen where the caller is root.
async fn ask(question: &Question<'_>) -> Option<Held> {
    let program = question.programs.iter().find(|program| program.symlink_metadata().is_ok())?;
    let uid = if question.agent_uid == 0 { question.console_uid } else { Some(question.agent_uid) };
    let account = question.accounts.iter().find(|account| Some(account.uid) == uid);
    let answered = match account {
        Some(account) => list(program, account, question).await,
        None => Err(Missed::Unseen(
            "each user has a service of their own, and nobody is known to be logged in whose service could be asked"
                .to_owned(),
        )),
    };
    let at = question.at;
    let mut held = Held {
        engine: Engine {
            id: ID.to_owned(),
            kind: EngineKind::AppleContainer,
            endpoint: "container".to_owned(),
            user: account.map(|account| account.name.clone()),
            known_from: vec![program.display().to_string()],
            needed_by: Vec::new(),
            answer: Fact::absent(SOURCE, at),
            events: Fact::unreadable("it tells of no events", SOURCE, at),
        },
        seen: Vec::new(),
        networks: Vec::new(),
    };
    match answered {
        Ok((answer, containers)) => {
            held.seen = containers.iter().take(MAX_CONTAINERS).map(|container| convert::seen(container, at)).collect();
            held.networks = convert::networks(&held.seen);
            held.engine.answer = Fact::known(answer, SOURCE, at);
        }
        Err(Missed::NotStarted) => {}
        Err(Missed::Unseen(why)) => held.engine.answer = Fact::unreadable(why, SOURCE, at),
    }
    Some(held)
}

async fn list(
    program: &Path,
    account: &Account,
    question: &Question<'_>,
) -> Result<(EngineAnswer, Vec<Container>), Missed> {
    let untrusted = |why: String| Missed::Unseen(format!("`{}` is not run: {why}", program.display()));
    let real = check(program, account.uid).map_err(untrusted)?;
    let deadline = DEADLINE.min(question.until.saturating_duration_since(Instant::now()));
    let run = |words: &[&str]| Box::pin(invocation(&real, words, account, question.agent_uid, deadline).run());
    let begun = Instant::now();
    let (said, version) = tokio::join!(run(&LIST), run(&["--version"]));
    let containers = containers(said, deadline, || service_runs(question.processes, account.uid))?;
    let total = containers.len() as u64;
    let answer = EngineAnswer {
        version: version.ok().and_then(|said| version_of(&said)).unwrap_or_else(|| "of unknown version".to_owned()),
        api_version: String::new(),
        os: Some("linux".to_owned()),
        // It runs on Apple silicon alone.
        arch: Some("arm64".to_owned()),
        in_vm: true,
        skew_ms: None,
        skew_uncertainty_ms: None,
        elapsed_ms: begun.elapsed().as_secs_f64() * 1e3,
        containers: total,
        unlisted: total.saturating_sub(MAX_CONTAINERS as u64),
    };
    Ok((answer, containers))
}

/// The command as a user. Root enters the session of that user first: services are offered in sessions, and a change of the user alone
/// does not change the session.
fn invocation(program: &Path, words: &[&str], account: &Account, agent_uid: u32, deadline: Duration) -> Awaited {
    let mut arguments: Vec<OsString> = Vec::new();
    let enters = agent_uid == 0 && account.uid != 0;
    if enters {
        let (uid, user) = (account.uid.to_string(), format!("#{}", account.uid));
        let session = ["asuser", &uid, "/usr/bin/sudo", "-n", "-H", "-u", &user, "--"];
        arguments.extend(session.map(OsString::from));
        arguments.push(program.into());
    }
    arguments.extend(words.iter().map(OsString::from));
    let mut environment = vec![("HOME".into(), account.home.clone().into_os_string())];
    environment.push(("PATH".into(), "/usr/bin:/bin:/usr/sbin:/sbin".into()));
    Awaited {
        program: if enters { PathBuf::from("/bin/launchctl") } else { program.to_owned() },
        arguments,
        environment,
        directory: PathBuf::from("/"),
        user: None,
        input: Vec::new(),
        deadline,
        output_limit: MAX_OUTPUT,
        is_whole: |_| false,
    }
}

fn containers(
    said: std::io::Result<Said>,
    deadline: Duration,
    service_runs: impl Fn() -> bool,
) -> Result<Vec<Container>, Missed> {
    let unseen = |why: String| Err(Missed::Unseen(why));
    let said = match said {
        Ok(said) => said,
        Err(error) => return unseen(format!("`container` could not be started: {error}")),
    };
    let Some(ending) = said.ending else {
        return unseen(format!("`container list` gave no answer within {:.1} s", deadline.as_secs_f64()));
    };
    if ending != Ending::Exit(0) {
        let complaint = String::from_utf8_lossy(&said.output.stderr);
        if !complaint.contains(NO_SERVICE) {
            return unseen(format!("`container list` ended with {ending}: {}", line(complaint.trim(), MAX_COMPLAINT)));
        }
        // A service that was started in another session of the user is there and cannot be asked from this one.
        return if service_runs() {
            unseen("its service runs in another session of its user; run this as root, or at the screen".to_owned())
        } else {
            Err(Missed::NotStarted)
        };
    }
    if said.output.stdout.len() >= MAX_OUTPUT {
        return unseen(format!("`container list` printed {MAX_OUTPUT} bytes or more"));
    }
    parse(&said.output.stdout)
        .or_else(|error| unseen(format!("what `container list` printed is not understood at line {}", error.line())))
}

/// `container CLI version 1.0.0 (build: release, commit: ee848e3)`
fn version_of(said: &Said) -> Option<String> {
    let text = String::from_utf8_lossy(&said.output.stdout);
    let mut words = text.split_whitespace().skip_while(|word| *word != "version");
    let version = words.nth(1).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(line(version, 64))
}

fn service_runs(processes: &ProcessTable, uid: u32) -> bool {
    processes.entries().iter().filter(|entry| entry.uid == Some(uid)).any(|entry| {
        let name = |path: &Path| path.file_name().is_some_and(|name| name == SERVICE);
        // The kernel's own name for it is cut.
        let is_cut = entry.comm.len() >= 15 && SERVICE.starts_with(&entry.comm);
        is_cut || entry.exe.as_deref().is_some_and(name) || entry.argv.first().is_some_and(|word| name(Path::new(word)))
    })
}

impl Observed {
    /// Adds what Apple's command told. Names that another engine took first carry the engine's.
    pub(crate) fn add_apple(&mut self, held: Held) {
        let Held { engine, mut seen, networks } = held;
        for seen in &mut seen {
            let id = &mut seen.workload.id;
            if self.workloads.iter().any(|other| other.workload.id == *id) {
                *id = format!("{id}@{ID}");
            }
        }
        self.engines.push(engine);
        self.networks.extend(networks);
        self.workloads.extend(seen);
    }
}
