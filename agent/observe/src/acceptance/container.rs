//! The command line of a container or of a service that is run for one command.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portreeve_core::snapshot::{Client, Workload};
use portreeve_facts::file::chain;
use portreeve_openclaw::acceptance::arguments;
use serde::Deserialize;

use super::{DEADLINE, Ended, OWN_TIMEOUT_MS, Run, Skip, is_whole, question, safe};
use crate::containers::Written;
use crate::engine;
use crate::inside::{Place, Subject};

/// What Node and the command line need, in bytes: a container with less would lose its own program.
const LEAST_MEMORY: u64 = 512 << 20;
/// How long the search for the package may take.
const SEARCH: Duration = Duration::from_secs(6);
/// Where images have the package besides their working directory.
const PACKAGES: [&str; 4] =
    ["/app", "/app/node_modules/openclaw", "/usr/local/lib/node_modules/openclaw", "/usr/lib/node_modules/openclaw"];

/// What is known of containers.
pub(crate) struct Containers<'a> {
    pub(crate) workloads: &'a [Workload],
    pub(crate) engines: &'a BTreeMap<String, engine::Client>,
    pub(crate) written: &'a [Written],
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Containers<'_> {
    /// Runs the command line of a client. None for one that only a file tells of and that no engine could run.
    pub(super) async fn run(&self, client: &Client) -> Option<Run> {
        let (index, workload) =
            self.workloads.iter().enumerate().find(|(_, one)| Some(&one.id) == client.workload.as_ref())?;
        let written = self.written.iter().find(|written| written.index == index);
        let engine = workload.engine.as_ref().or(written.map(|written| &written.engine))?;
        let subject = match (&workload.container_id, written) {
            (Some(id), _) => Subject::Container { id },
            (None, Some(written)) => Subject::Service(&written.definition),
            (None, None) => return None,
        };
        let place = Place { client: self.engines.get(engine)?, subject, is_running: workload.is_running() };
        let what = if workload.container_id.is_some() { "container" } else { "service" };
        let command = question(&format!(" in {what} {}", workload.name));
        let skipped = |version, skip| Some(Run { command: command.clone(), version, ended: Err(skip) });
        if place.is_running && workload.memory_limit.is_some_and(|limit| limit < LEAST_MEMORY) {
            let why = "its container has less memory than a command line takes besides what runs there";
            return skipped(None, Skip::new(why, "give it 512 MiB, or ask by hand"));
        }
        let paths: Vec<String> = PACKAGES.iter().map(|package| format!("{package}/package.json")).collect();
        let found = match place.find(&paths, Instant::now() + SEARCH).await {
            Ok(found) => found,
            Err(error) => return skipped(None, Skip::new(chain(&error), "see why its engine runs nothing there")),
        };
        let package = found.and_then(|(path, content)| {
            let package: Package = serde_json::from_slice(&content).ok()?;
            (package.name == "openclaw").then_some((path, package.version))
        });
        let version = package.as_ref().map(|(_, version)| portreeve_openclaw::log::redact(version, 40));
        let (path, version) = match (package, safe(version.as_deref())) {
            (Some((path, _)), Ok(())) => (path, version),
            (_, Err(skip)) => return skipped(version, skip),
            (None, Ok(())) => return None,
        };
        let script = format!("{}dist/index.js", path.trim_end_matches("package.json"));
        let words: Vec<String> = [script].into_iter().chain(arguments(OWN_TIMEOUT_MS)).collect();
        let ended = match place.node(&words, DEADLINE, is_whole).await {
            Ok(answer) => {
                let how = answer.exit.map_or_else(
                    || format!("it was ended after at most {} s", DEADLINE.as_secs()),
                    |exit| format!("it ended with exit status {exit}"),
                );
                Ended { stdout: answer.stdout, stderr: answer.stderr, exit: answer.exit, how }
            }
            Err(error) => Ended { stdout: Vec::new(), stderr: Vec::new(), exit: None, how: chain(&error) },
        };
        Some(Run { command, version, ended: Ok(ended) })
    }
}
