//! What the gate does next.

mod ending;
mod look;
mod time;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Action, Cause, Depth, End, Failures, Input, Message, Now, SIGNALLED, Settings, Signal, UNDECIDED};

/// Between two cheap looks while it starts.
const STARTING_INTERVAL: Duration = Duration::from_millis(20);
/// Between two cheap looks at one that is ready.
const READY_INTERVAL: Duration = Duration::from_secs(1);
/// After which one that is ready is proven anew.
const PROOF_INTERVAL: Duration = Duration::from_secs(30);
/// Before the next proof where one failed although the gateway says that it is ready; doubles up to [`MAX_PROOF_PAUSE`].
const MIN_PROOF_PAUSE: Duration = Duration::from_millis(250);
const MAX_PROOF_PAUSE: Duration = Duration::from_secs(4);
/// Between two reasons to wait that are told.
const TELL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a diagnosis may take.
pub(in crate::gate) const DIAGNOSIS: Duration = Duration::from_secs(20);
/// How long a look at a command that was ready may take: a file system that hangs is no proof that the gateway works.
pub(in crate::gate) const LOOK: Duration = Duration::from_secs(30);
/// How long it may take to read whether a restart was planned.
pub(in crate::gate) const RESTART_QUESTION: Duration = Duration::from_secs(5);
/// How long killed processes may take to vanish.
pub(in crate::gate) const VANISH: Duration = Duration::from_secs(5);
/// How often what is left of the command is counted.
const DRAIN_INTERVAL: Duration = Duration::from_millis(50);
/// Planned restarts within [`Settings::hold_within`] after which they count as a failure.
const MAX_RESTARTS: usize = 10;

/// The gate. Told of each [`Input`] with its time, it gives the actions to take, in order. After [`Action::Exit`] it gives none.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    phase: Phase,
    run: Run,
    /// Whether the command was started before.
    again: bool,
    /// The question that is not answered yet; what comes to an older one is out of date.
    asked: Option<Asked>,
    tickets: u64,
    /// When the last reason to wait was told.
    told: Option<Duration>,
    failures: Failures,
    restarts: Failures,
    /// Until when somebody works on the node.
    maintenance: Option<Timestamp>,
}

/// One run of the command, or one wait without a command.
#[derive(Debug, Default)]
struct Run {
    /// Proven at least once.
    was_ready: bool,
    end: Option<End>,
    /// Nothing of it is left.
    gone: bool,
    stop: Option<Stop>,
    cause: Option<Cause>,
    /// Signals passed on that may have ended it.
    passed: BTreeSet<u8>,
    last_why: Option<String>,
    told_why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    ticket: u64,
    depth: Option<Depth>,
}

/// Why the gate, and not the command, began the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Asked,
    NeverReady,
    Unready,
}

#[derive(Debug)]
enum Phase {
    Held { until: Duration },
    Starting,
    Waiting { begun: Duration, deadline: Duration, next_look: Duration, next_proof: Duration, pause: Duration },
    Ready { next_look: Duration, next_proof: Duration, unready: Option<Unready> },
    Diagnosing { until: Duration },
    Draining { since: Duration, killed: Option<Duration>, next_count: Duration },
    Asking { until: Duration },
    Done,
}

#[derive(Debug)]
struct Unready {
    since: Duration,
    said: bool,
}

impl Machine {
    /// A gate that begins, with what it remembers of failures before; and the first actions.
    pub fn new(settings: Settings, mut failures: Failures, now: Now) -> (Self, Vec<Action>) {
        failures.prune(now.wall, settings.hold_within);
        let mut machine = Self {
            settings,
            phase: Phase::Done,
            run: Run::default(),
            again: false,
            asked: None,
            tickets: 0,
            told: None,
            failures,
            restarts: Failures::default(),
            maintenance: None,
        };
        let mut actions = Vec::new();
        if machine.is_storm() {
            machine.hold(now, &mut actions);
        } else {
            machine.begin(now, &mut actions);
        }
        (machine, actions)
    }

    /// When it wants to hear of the time again.
    pub fn wake_at(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Held { until } | Phase::Diagnosing { until } | Phase::Asking { until } => Some(*until),
            Phase::Waiting { next_look, .. } if self.spares() => self.asked.is_none().then_some(*next_look),
            Phase::Waiting { deadline, next_look, .. } => {
                Some(if self.asked.is_some() { *deadline } else { (*next_look).min(*deadline) })
            }
            Phase::Ready { next_look, unready, .. } => {
                let due =
                    unready.as_ref().filter(|unready| !unready.said).map(|unready| unready.since + self.settings.grace);
                let look = match (self.asked, unready) {
                    (None, _) => Some(*next_look),
                    (Some(_), None) => Some(*next_look + LOOK),
                    (Some(_), Some(_)) => None,
                };
                look.into_iter().chain(due).min()
            }
            Phase::Draining { next_count, .. } => Some(*next_count),
            Phase::Starting | Phase::Done => None,
        }
    }

    /// Whether what is left of the command is to be counted, and [`Input::Gone`] told when it is nothing.
    pub fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. })
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// What to do after an input.
    pub fn on(&mut self, now: Now, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.is_done() {
            return actions;
        }
        match input {
            Input::Tick => {}
            Input::Seen { ticket, seen } => {
                if let Some(asked) = self.answered(ticket) {
                    self.seen(now, asked.depth, seen, &mut actions);
                }
            }
            Input::Started { pid } => self.started(now, pid, &mut actions),
            Input::NotStarted { status, why } => {
                if matches!(self.phase, Phase::Starting) {
                    actions.push(Action::Say(Message::NotStarted(why)));
                    self.fail(now, status.max(1), &mut actions);
                }
            }
            Input::Ended(end) => self.ended(now, end, &mut actions),
            Input::Gone => {
                if self.is_draining() && self.run.end.is_some() {
                    self.run.gone = true;
                    self.drained(now, &mut actions);
                }
            }
            Input::Resumed { after } => {
                actions.push(Action::Say(Message::Resumed { after }));
                self.shift(after);
            }
            Input::Diagnosed { ticket, cause } => match (self.answered(ticket), &self.phase) {
                (Some(_), Phase::Diagnosing { .. }) => self.diagnosed(now, cause, &mut actions),
                (Some(_), Phase::Held { .. }) => actions.push(Action::Say(Message::Cause(cause))),
                _ => {}
            },
            Input::Restart { ticket, planned } => {
                if self.answered(ticket).is_some() && matches!(self.phase, Phase::Asking { .. }) {
                    self.asked_restart(now, planned, &mut actions);
                }
            }
            Input::Signal(signal) => self.signal(now, signal, &mut actions),
            Input::Maintenance(until) => self.maintenance(now, until, &mut actions),
        }
        self.tick(now, &mut actions);
        actions
    }

    fn begin(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.run = Run::default();
        if self.settings.has_command {
            self.phase = Phase::Starting;
            actions.push(Action::Start);
        } else {
            self.wait(now, actions);
        }
    }

    fn wait(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.phase = Phase::Waiting {
            begun: now.since,
            deadline: now.since + self.settings.timeout,
            next_look: now.since,
            next_proof: now.since,
            pause: MIN_PROOF_PAUSE,
        };
        self.tick(now, actions);
    }

    fn started(&mut self, now: Now, pid: u32, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Starting) {
            actions.push(Action::Say(Message::Started { pid, again: self.again }));
            self.again = true;
            if self.run.stop.is_some() {
                self.drain(now, actions);
            } else {
                self.wait(now, actions);
            }
        }
    }

    /// The open question, if this ticket is its.
    fn answered(&mut self, ticket: u64) -> Option<Asked> {
        self.asked.take_if(|asked| asked.ticket == ticket)
    }

    /// A new question.
    fn ticket(&mut self, depth: Option<Depth>) -> u64 {
        self.tickets += 1;
        self.asked = Some(Asked { ticket: self.tickets, depth });
        self.tickets
    }

    /// Begins a diagnosis; the look that may be under way is not waited for.
    fn diagnose(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.phase = Phase::Diagnosing { until: now.since + DIAGNOSIS };
        let ticket = self.ticket(None);
        actions.push(Action::Diagnose { ticket, has_ended: self.run.end.is_some() });
    }

    fn diagnosed(&mut self, now: Now, cause: Option<Cause>, actions: &mut Vec<Action>) {
        actions.push(Action::Say(Message::Cause(cause.clone())));
        if self.spares() && self.run.end.is_none() && self.run.stop == Some(Stop::NeverReady) {
            self.run.stop = None;
            self.wait(now, actions);
            return;
        }
        self.run.cause = cause;
        if self.settings.has_command && !self.run.gone {
            self.drain(now, actions);
        } else {
            self.fail(now, Cause::status(self.run.cause.as_ref()), actions);
        }
    }

    fn signal(&mut self, now: Now, signal: Signal, actions: &mut Vec<Action>) {
        let number = signal.ending_number();
        match self.phase {
            Phase::Held { .. } => match signal {
                Signal::HangUp => self.try_again(now, actions),
                _ if signal.asks_to_end() => self.exit(UNDECIDED, actions),
                _ => {}
            },
            _ if !self.settings.has_command => {
                if let Some(number) = number {
                    self.exit(SIGNALLED.saturating_add(number), actions);
                }
            }
            Phase::Asking { .. } => {
                if signal.asks_to_end() {
                    self.exit(if self.run.was_ready { 0 } else { UNDECIDED }, actions);
                }
            }
            Phase::Diagnosing { .. } if self.run.gone => {
                if signal.asks_to_end() {
                    self.exit(UNDECIDED, actions);
                }
            }
            Phase::Starting => {
                if signal.asks_to_end() {
                    self.run.stop = Some(Stop::Asked);
                }
            }
            Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Diagnosing { .. } | Phase::Draining { .. } => {
                actions.push(Action::Forward(signal));
                self.run.passed.extend(number);
                if signal.asks_to_end() && !self.is_draining() {
                    actions.push(Action::Say(Message::Stopping(signal)));
                    self.run.stop.get_or_insert(Stop::Asked);
                    self.asked = None;
                    self.phase = Phase::Draining { since: now.since, killed: None, next_count: now.since };
                }
            }
            Phase::Done => {}
        }
    }
}
