//! The question of the real command line, put where it runs and as its user: the one place where `OpenClaw` itself is run.
//!
//! Only releases that are known to change nothing are run, and only where our own handshake is answered: a command line without a
//! gateway waits and learns nothing. No secret is among the arguments.

mod container;
mod host;
pub(crate) mod trust;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use portreeve_core::snapshot::{Acceptance, AcceptanceOutcome, Client, ClientKind, Gateway};
use portreeve_openclaw::acceptance::is_known_safe;

pub(crate) use container::Containers;
pub(crate) use host::Host;

/// Time until a run is killed.
const DEADLINE: Duration = Duration::from_secs(20);
/// Milliseconds after which the command line gives up by itself.
const OWN_TIMEOUT_MS: u64 = 10_000;
/// Bytes of each stream that are kept.
const MAX_OUTPUT: usize = 1 << 20;
/// Runs at a time: each keeps a core busy for seconds.
const CONCURRENT: usize = 2;
/// Most command lines that are run.
const MAX_RUNS: usize = 8;

/// How a run ended.
struct Ended {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit: Option<i32>,
    /// In words: `it ended with exit status 1`.
    how: String,
}

/// Why a command line is not run, and what would let it be run.
struct Skip {
    why: String,
    remedy: Option<String>,
}

impl Skip {
    fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { why: why.into(), remedy: Some(remedy.into()) }
    }
}

/// What was run, or would have been.
struct Run {
    command: String,
    version: Option<String>,
    ended: Result<Ended, Skip>,
}

/// Runs the command line of every client that leads to a gateway of this node.
pub(crate) async fn observe(
    clients: &mut [Client],
    gateways: &[Gateway],
    host: &Host<'_>,
    containers: &Containers<'_>,
) {
    let wanted = clients.iter().enumerate().filter_map(|(index, client)| {
        let gateway = gateways.iter().find(|gateway| client.gateway.as_ref() == Some(&gateway.id))?;
        (client.kind == ClientKind::Cli).then_some((index, client, gateway))
    });
    let runs = stream::iter(wanted.enumerate()).map(|(turn, (index, client, gateway))| async move {
        let at = Timestamp::now();
        let begun = std::time::Instant::now();
        let run = if turn >= MAX_RUNS {
            let why = format!("no more than {MAX_RUNS} command lines are run in one look");
            let skip = Skip::new(why, "ask by hand: `openclaw channels status --probe`");
            Some(Run { command: question(""), version: None, ended: Err(skip) })
        } else if gateway.ladder.handshake.answer().is_none() {
            let why = "its gateway does not answer our own handshake".to_owned();
            Some(Run { command: question(""), version: None, ended: Err(Skip { why, remedy: None }) })
        } else if client.workload.is_none() {
            host.run(client, gateway).await
        } else {
            containers.run(client).await
        };
        Some((index, settle(run?, begun.elapsed(), at)))
    });
    let settled: Vec<(usize, Acceptance)> =
        runs.buffer_unordered(CONCURRENT).filter_map(std::future::ready).collect().await;
    for (index, acceptance) in settled {
        if let Some(client) = clients.get_mut(index) {
            client.acceptance = Some(acceptance);
        }
    }
}

fn question(place: &str) -> String {
    format!("`openclaw channels status --probe`{place}")
}

/// Refuses releases that nobody has looked at.
fn safe(version: Option<&str>) -> Result<(), Skip> {
    match version {
        Some(version) if is_known_safe(version) => Ok(()),
        Some(version) => Err(Skip::new(
            format!("OpenClaw {version} is not known to leave a live gateway alone, and was not run"),
            "ask by hand if you know it to be safe: `openclaw channels status --probe`; 2026.9.6 and later 2026.9 are known",
        )),
        None => Err(Skip::new(
            "the release of its OpenClaw is not known, and so it was not run",
            "ask by hand: `openclaw channels status --probe`",
        )),
    }
}

fn settle(run: Run, elapsed: Duration, at: Timestamp) -> Acceptance {
    let (outcome, exit) = match run.ended {
        Err(Skip { why, remedy }) => (AcceptanceOutcome::Skipped { why, remedy }, None),
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stdout);
            let last = last_words(&ended.stderr).map(|words| format!(": {words}")).unwrap_or_default();
            (portreeve_facts::acceptance(&said, &format!("{}{last}", ended.how)), ended.exit)
        }
    };
    let elapsed_ms = elapsed.as_secs_f64() * 1_000.0;
    Acceptance { command: run.command, version: run.version, outcome, exit, elapsed_ms, at }
}

/// The last line of an error stream, masked.
fn last_words(stderr: &[u8]) -> Option<String> {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(portreeve_openclaw::log::redact(line, MOST))
}

/// Whether a stream has a whole JSON object, after which nothing more is to come.
fn is_whole(stdout: &[u8]) -> bool {
    stdout.trim_ascii_end().ends_with(b"}")
        && portreeve_openclaw::acceptance::parse(&String::from_utf8_lossy(stdout)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portreeve_facts::workload::Definition;
    use portreeve_openclaw::environment::Environment;

    use super::*;
    use crate::containers;
    use crate::engine::{Observed, Seen, test_workload};
    use crate::process::ProcessTable;

    #[tokio::test]
    async fn a_command_line_that_is_one_too_many_is_not_run_and_says_so() {
        let seen = |name: &str, command: &str| {
            let command = command.split(' ').map(str::to_owned).collect();
            let definition = Definition { command: Some(command), ..Definition::default() };
            Seen { workload: test_workload(name, &definition), definition, client: None }
        };
        let workloads = vec![seen("gateway", "openclaw gateway"), seen("cli", "openclaw channels status")];
        let mut observed = Observed { workloads, ..Observed::default() };
        let (gateways, clients) = containers::entries(&mut observed, Timestamp::UNIX_EPOCH);
        let client = Client { gateway: Some(gateways[0].id.clone()), ..clients[0].clone() };
        let mut clients = vec![client; MAX_RUNS + 1];
        let host = Host {
            sites: &[],
            units: &[],
            processes: &ProcessTable::default(),
            environment: &Environment::all(Vec::new()),
            variables: &[],
        };
        let containers = Containers { workloads: &[], engines: &BTreeMap::new(), written: &[] };
        observe(&mut clients, &gateways, &host, &containers).await;
        let why: Vec<&str> = clients
            .iter()
            .filter_map(|client| match &client.acceptance.as_ref()?.outcome {
                AcceptanceOutcome::Skipped { why, .. } => Some(why.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(why.len(), MAX_RUNS + 1);
        assert!(why[MAX_RUNS - 1].contains("handshake") && why[MAX_RUNS].contains("no more than 8"), "{why:?}");
    }
}
