//! Looks at gateways in a thread of its own: a file system or a service manager that hangs must not keep signals from the command.

use std::collections::BTreeSet;
use std::io;
use std::thread;
use std::time::Duration;

use super::compose::Project;
use jiff::Timestamp;
use portreeve_core::gate::{Cause, Depth, Input, Proof, Seen, Through, prove};
use portreeve_core::{Policy, diagnose};
use portreeve_observe::Options;
use portreeve_observe::readiness::{self, Question, Sighting, Watch};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// After which whom to ask is looked for anew, while they are not ready.
const REFRESH: Duration = Duration::from_secs(2);
/// The same where there is nobody to ask yet.
const SEARCH: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// A new run of the command begins.
    Run { pid: u32, since: Timestamp },
    /// [`portreeve_core::gate::Action::Look`]
    Look { ticket: u64, depth: Depth },
    /// [`portreeve_core::gate::Action::Diagnose`]
    Diagnose { ticket: u64, has_ended: bool },
    /// [`portreeve_core::gate::Action::AskRestart`]
    Restart { ticket: u64 },
}

/// The other end of the thread.
#[derive(Debug)]
pub(super) struct Scout {
    asks: UnboundedSender<Ask>,
    answers: UnboundedReceiver<Input>,
}

impl Scout {
    pub(super) fn start(
        options: Options,
        policy: Policy,
        through: Through,
        project: Option<Project>,
    ) -> io::Result<Self> {
        let (asks, mut asked) = unbounded_channel();
        let (answer, answers) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("portreeve-scout".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut work = Work::new(options, policy, through, project);
                while let Some(ask) = asked.recv().await {
                    if let Some(input) = work.answer(ask).await
                        && answer.send(input).is_err()
                    {
                        break;
                    }
                }
            });
        })?;
        Ok(Self { asks, answers })
    }

    /// Asks; the machine bounds the time that it waits for an answer.
    pub(super) fn ask(&self, ask: Ask) {
        // A thread that ended never answers, which the machine knows how to bear.
        drop(self.asks.send(ask));
    }

    /// The next answer.
    pub(super) async fn answer(&mut self) -> Input {
        match self.answers.recv().await {
            Some(input) => input,
            None => std::future::pending().await,
        }
    }
}

struct Work {
    options: Options,
    policy: Policy,
    through: Through,
    /// The Compose project that is waited for.
    project: Option<Project>,
    watch: Watch,
    command: Option<u32>,
    since: Timestamp,
    /// Processes of the command that were seen.
    pids: BTreeSet<u32>,
    /// The last sighting with a gateway.
    last: Option<Sighting>,
}

impl Work {
    fn new(options: Options, policy: Policy, through: Through, project: Option<Project>) -> Self {
        Self {
            options,
            policy,
            through,
            project,
            watch: Watch::default(),
            command: None,
            since: Timestamp::now(),
            pids: BTreeSet::new(),
            last: None,
        }
    }

    async fn answer(&mut self, ask: Ask) -> Option<Input> {
        match ask {
            Ask::Run { pid, since } => {
                self.command = Some(pid);
                self.since = since;
                self.pids = BTreeSet::from([pid]);
                self.watch = Watch::default();
                self.last = None;
                None
            }
            // There is no cheap look at a project.
            Ask::Look { ticket, depth: Depth::Quick } if self.project.is_some() => {
                Some(Input::Seen { ticket, seen: Seen::SaysReady })
            }
            Ask::Look { ticket, depth: Depth::Quick } => Some(Input::Seen { ticket, seen: self.quick().await }),
            Ask::Look { ticket, depth: Depth::Proof } => {
                let proof = match &self.project {
                    Some(project) => {
                        let snapshot = portreeve_observe::observe(&self.options).await;
                        project.prove(&snapshot, &self.policy, self.through)
                    }
                    None => self.sight(Some(self.through)).await,
                };
                let seen = match proof {
                    Proof::Ready(proof) => Seen::Proven(proof),
                    Proof::Not(why) => Seen::NotReady(why),
                };
                Some(Input::Seen { ticket, seen })
            }
            Ask::Diagnose { ticket, has_ended } => {
                let snapshot = portreeve_observe::observe(&self.options).await;
                let cause = Cause::of(&diagnose(&snapshot, &self.policy), self.through, has_ended);
                Some(Input::Diagnosed { ticket, cause })
            }
            Ask::Restart { ticket } => {
                let planned = match &self.last {
                    Some(sighting) => sighting.planned_restart(&self.pids, self.since),
                    None => Some(false),
                };
                Some(Input::Restart { ticket, planned })
            }
        }
    }

    async fn quick(&mut self) -> Seen {
        let limit = if self.watch.is_empty() { SEARCH } else { REFRESH };
        let is_fresh = self.watch.age().is_some_and(|age| age < limit);
        if !is_fresh && self.watch.is_empty() {
            self.sight(None).await;
        }
        if self.watch.is_empty() {
            let why =
                if self.command.is_some() { "the command runs no gateway yet" } else { "there is no gateway here" };
            return Seen::NotReady(why.to_owned());
        }
        match self.watch.says_ready().await {
            Ok(()) => Seen::SaysReady,
            Err(why) => {
                if !is_fresh {
                    self.sight(None).await;
                }
                Seen::NotReady(why)
            }
        }
    }

    async fn sight(&mut self, through: Option<Through>) -> Proof {
        let question = Question { options: &self.options, through, command: self.command, before: self.last.as_ref() };
        let sighting = readiness::look(&question).await;
        self.watch.follow(&sighting).await;
        if let Some(family) = &sighting.family {
            self.pids.extend(family);
        }
        let proof = prove(&sighting.snapshot, &self.policy, self.through, sighting.family.as_ref());
        if !sighting.snapshot.gateways.is_empty() {
            self.last = Some(sighting);
        }
        proof
    }
}
