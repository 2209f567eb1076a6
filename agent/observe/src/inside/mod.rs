//! What is seen from within a container: our own small program, run in a throw-away container that shares the target's network namespace,
//! image, user, environment and (read-only) volumes.
//!
//! The target itself is not touched. The throw-away container has no capabilities, a read-only root and little memory, writes no log, and
//! is removed whatever happens: when the answer is there, when it fails, when the future is dropped, and by [`sweep()`] at the next start
//! where the agent was killed.

mod archive;
mod attach;
mod command;
mod container;
mod leave;
mod program;
mod subject;
mod sweep;
mod view;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::NamespaceView;
use portreeve_facts::request::{AnswerError, Request, RequestError, Role, parse_answer};
use thiserror::Error;

pub(crate) use command::Place;
pub use program::{ProgramError, Programs};
pub use subject::{Bind, Definition, Subject};
pub use sweep::sweep;

use crate::engine::{Client, EngineError};
use container::ThrowAway;

/// Begins the name of each throw-away container.
pub const NAME_PREFIX: &str = "portreeve-probe-";
/// Label of each throw-away container; its value differs from run to run.
pub const LABEL: &str = "dev.portreeve.probe";
/// Where the program lies in its container.
pub(crate) const FOLDER: &str = "/.portreeve-probe";
/// The program's place in its container.
pub(crate) const ENTRYPOINT: &str = "/.portreeve-probe/portreeve-probe";

/// Longest time for one look; [`sweep()`] takes what is older for left behind.
const MAX_TIME: Duration = Duration::from_secs(45);
/// What the engine may take for its own part of a look: make, start and remove a container.
const ENGINE_SHARE: Duration = Duration::from_secs(6);
/// How often a look is tried.
const TRIES: u32 = 3;
/// Least time that the program gets.
const LEAST: Duration = Duration::from_millis(500);

/// Why nothing was seen from within a container.
#[derive(Debug, Error)]
pub enum InsideError {
    /// The program is missing or must not be trusted.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The engine refused or gave no answer.
    #[error("the engine could not {action}")]
    Engine {
        /// What it was to do.
        action: &'static str,
        /// Its answer.
        #[source]
        source: EngineError,
    },
    /// The request is out of bounds.
    #[error("the request to the probe is out of bounds")]
    Request(#[from] RequestError),
    /// The streams broke.
    #[error("the probe's streams broke")]
    Streams(#[source] std::io::Error),
    /// The program ended without an answer.
    #[error("the probe gave no answer: {said}")]
    Silent {
        /// What it said on its error stream, bounded.
        said: String,
    },
    /// The answer is none.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The target ended, or was started again, during the look: its network may have gone before the program was done.
    #[error("the container ended while it was looked into")]
    Ended,
    /// The time is over.
    #[error("the probe gave no answer within {:.1} s", after.as_secs_f64())]
    Late {
        /// Time waited.
        after: Duration,
    },
}

impl InsideError {
    /// Whether another try may do: runc fails now and then on a busy machine.
    fn may_pass(&self) -> bool {
        match self {
            Self::Ended => true,
            Self::Engine { source, .. } => matches!(source, EngineError::Refused { .. }) && !source.is_not_found(),
            _ => false,
        }
    }
}

/// How to run the program.
#[derive(Debug, Clone)]
pub struct Inside {
    /// Where the program lies.
    pub programs: Programs,
}

impl Inside {
    /// With the program from `probe_dir`, or from beside this executable where that is none.
    pub fn new(probe_dir: Option<PathBuf>) -> Self {
        Self { programs: Programs::new(probe_dir) }
    }

    /// Looks from within one container. What cannot be seen is a fact that says why and what would help.
    ///
    /// The program gets the time until `until` less what the engine needs, and not more than the request says.
    pub async fn look(
        &self,
        client: &Client,
        subject: Subject<'_>,
        request: &Request,
        until: Instant,
    ) -> Fact<NamespaceView> {
        let at = Timestamp::now();
        let source = format!("portreeve-probe in {}", subject.name());
        match self.try_look(client, subject, request, until).await {
            Ok(view) => Fact::known(view, source, at),
            Err(error) => Fact::unreadable(portreeve_facts::file::chain(&error), source, at),
        }
    }

    /// As [`Inside::look`], with the error as it is.
    pub async fn try_look(
        &self,
        client: &Client,
        subject: Subject<'_>,
        request: &Request,
        until: Instant,
    ) -> Result<NamespaceView, InsideError> {
        let begun = Instant::now();
        let until = until.min(begun + MAX_TIME);
        let work = async {
            let (mut tried, mut lasts) = (1, true);
            loop {
                match self.look_once(client, subject, request, lasts, until).await {
                    Err(error) if tried < TRIES && error.may_pass() => {
                        tracing::debug!(%error, "a probe is run once more");
                        tried += 1;
                        // A client that cannot reach its gateway often ends and is started again, over and over. What it would see then,
                        // it sees with its networks at any time; of a gateway that would say nothing.
                        let is_client = request.role != Some(Role::Gateway);
                        lasts = !(tried == TRIES && is_client && matches!(error, InsideError::Ended));
                    }
                    result => return result,
                }
            }
        };
        match tokio::time::timeout_at(tokio::time::Instant::from_std(until), work).await {
            Ok(result) => result,
            Err(_) => Err(InsideError::Late { after: begun.elapsed() }),
        }
    }

    async fn look_once(
        &self,
        client: &Client,
        subject: Subject<'_>,
        request: &Request,
        lasts: bool,
        until: Instant,
    ) -> Result<NamespaceView, InsideError> {
        let (spec, seen) = subject::resolve(client, subject, lasts, until).await?;
        let program = self.programs.read(&spec.architecture)?;
        let left = until.saturating_duration_since(Instant::now()).saturating_sub(ENGINE_SHARE).max(LEAST);
        let mut request = request.clone();
        request.deadline_ms = request.deadline_ms.min(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)).max(1);
        let request = request.to_json()?;
        let answer = async {
            let container = ThrowAway::make(client, &spec, until).await?;
            let answer = container.run(client, &program, &request, until).await;
            container.remove(client).await;
            answer
        }
        .await;
        // Of a refusal, too, that may be the cause.
        if let Some(life) = &spec.life
            && !subject::lives(client, subject, life, until).await?
        {
            return Err(InsideError::Ended);
        }
        let mut view = parse_answer(&answer?)?;
        view::restore(&mut view, &seen);
        Ok(view)
    }
}

/// A view of a container that no engine with Docker's API has.
pub fn unsupported(product: &str) -> Fact<NamespaceView> {
    let why = format!("{product} has no way to run a program in another container's network; look from within by hand");
    Fact::unreadable(why, "portreeve-probe", Timestamp::now())
}
