//! The self test: makes things of which it knows the truth, and asks the observers' own functions about them.
//!
//! All that it makes lies in a folder of its own in the agent's folder, which nobody else may enter, or belongs to helpers that it
//! starts. A helper ends with the test, however that ends; one of them, the guardian, then removes the folder and the service.

mod eyes;
mod ground;
mod guardian;
mod helper;
mod kept;
mod seams;
mod trial;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
pub use portreeve_core::selftest::due;
use portreeve_core::selftest::{Outcome, SCHEMA, Seam, SeamResult, SelfTest};

pub use guardian::help;
pub use kept::{keep, last};

pub(crate) use kept::apply;

use portreeve_store::StoreError;

use crate::host;

use eyes::{Eyes, Observers};
use ground::Ground;
use trial::{Objection, Trial};

/// How long one seam may take.
const SEAM: Duration = Duration::from_secs(2);
/// How long the service manager may take: it starts a program and sees it end.
const SERVICES: Duration = Duration::from_secs(5);
/// When no further seam is tried. With the longest seam, begun just before, and what is taken back after it, that is 15 s.
const TOTAL: Duration = Duration::from_secs(6);

/// What to test, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The agent's own folder, in which the test makes one of its own.
    pub data_dir: PathBuf,
    /// Version of the agent.
    pub agent_version: String,
    /// What to start for the processes that are looked at.
    pub helper: Helper,
    /// The seams to try; all where none is named.
    pub seams: Vec<Seam>,
}

/// A program that calls [`help`].
#[derive(Debug, Clone)]
pub struct Helper {
    /// Absolute path.
    pub program: PathBuf,
    /// Its first arguments. It must take any further words.
    pub arguments: Vec<OsString>,
}

impl Helper {
    /// The program that runs, as `portreeve selftest --helper`.
    pub fn own() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, arguments: vec!["selftest".into(), "--helper".into()] })
    }
}

/// Runs the self test. Blocks for about a second, for 15 s at most.
pub fn run(options: &Options) -> SelfTest {
    run_with(options, &(Arc::new(Observers) as Arc<dyn Eyes>))
}

/// Runs the self test and keeps its result, where none was run on this system with this agent or the last one failed. None where it is not
/// due. Blocks like [`run`].
pub fn run_if_due(options: &Options) -> Result<Option<SelfTest>, StoreError> {
    let at = Timestamp::now();
    let system = host::system(at);
    let build = system.get().map(|system| system.build.as_str());
    if !due(last(&options.data_dir, at).get(), build, &options.agent_version) {
        return Ok(None);
    }
    let result = run(options);
    keep(&options.data_dir, &result)?;
    Ok(Some(result))
}

fn run_with(options: &Options, eyes: &Arc<dyn Eyes>) -> SelfTest {
    let (at, begun) = (Timestamp::now(), Instant::now());
    let system = trial::within_or(SEAM, eyes, move |eyes| eyes.system(at)).ok();
    let ground = Ground::make(options);
    let wanted = |seam: &Seam| options.seams.is_empty() || options.seams.contains(seam);
    let results = Seam::ALL.into_iter().filter(wanted).map(|seam| {
        let started = Instant::now();
        let outcome = if begun.elapsed() < TOTAL {
            outcome(seam, &ground, eyes)
        } else {
            Outcome::Failed {
                expected: "an answer".to_owned(),
                seen: format!("nothing: the time of {} s was over", TOTAL.as_secs()),
            }
        };
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        SeamResult { seam, outcome, elapsed_ms }
    });
    let results = results.collect();
    SelfTest {
        schema: SCHEMA.to_owned(),
        at,
        agent_version: options.agent_version.clone(),
        system: system.and_then(|system| system.get().cloned()),
        uid: nix::unistd::geteuid().as_raw(),
        results,
    }
}

fn outcome(seam: Seam, ground: &Ground, eyes: &Arc<dyn Eyes>) -> Outcome {
    let patience = if seam == Seam::Services { SERVICES } else { SEAM };
    let attempt = || seams::attempt(seam, &Trial::new(ground, eyes, patience));
    // A busy machine answers the second time; what was told wrong is wrong.
    let told = match attempt() {
        Err(late @ Objection::Late { .. }) if seam != Seam::Services => match attempt() {
            Err(Objection::Untried(_)) => Err(late),
            told => told,
        },
        told => told,
    };
    match told {
        Ok(()) => Outcome::Passed,
        Err(Objection::Wrong { expected, seen } | Objection::Late { expected, seen }) => {
            Outcome::Failed { expected, seen }
        }
        Err(Objection::Untried(why)) => Outcome::Skipped { why },
    }
}

#[cfg(test)]
mod tests;
