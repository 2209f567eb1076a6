//! What the end of the command means, and what comes after it.

use std::time::Duration;

use super::{MAX_RESTARTS, Machine, Phase, RESTART_QUESTION, Stop};
use crate::gate::{Action, Cause, End, Failures, Message, Now, OnRestart, SIGNALLED, UNDECIDED};

impl Machine {
    pub(super) fn ended(&mut self, now: Now, end: End, actions: &mut Vec<Action>) {
        if !self.settings.has_command
            || self.run.end.is_some()
            || matches!(self.phase, Phase::Held { .. } | Phase::Starting)
        {
            return;
        }
        self.run.end = Some(end);
        let was_ready = self.run.was_ready;
        actions.push(Action::Say(Message::Ended { end, was_ready }));
        match self.phase {
            Phase::Waiting { .. } | Phase::Ready { .. } => self.drain(now, actions),
            Phase::Draining { .. }
            | Phase::Diagnosing { .. }
            | Phase::Asking { .. }
            | Phase::Held { .. }
            | Phase::Starting
            | Phase::Done => {}
        }
    }

    /// Ends what runs or is left.
    pub(super) fn drain(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.asked = None;
        self.phase = Phase::Draining { since: now.since, killed: None, next_count: now.since };
        actions.push(Action::Terminate);
    }

    /// Nothing is left, or nothing that could be ended.
    pub(super) fn drained(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.run.gone = true;
        let end = self.run.end;
        let killed_late = end.is_none();
        match self.run.stop {
            Some(Stop::NeverReady) => self.fail(now, Cause::status(self.run.cause.as_ref()), actions),
            Some(Stop::Unready) => self.fail(now, UNDECIDED, actions),
            Some(Stop::Asked) => {
                let status = match end {
                    Some(end) if self.is_good(end) => {
                        if self.run.was_ready {
                            0
                        } else {
                            UNDECIDED
                        }
                    }
                    Some(end) => status_of(end),
                    None => UNDECIDED,
                };
                self.exit(status, actions);
            }
            None if killed_late => self.fail(now, UNDECIDED, actions),
            None => match end {
                Some(end) if self.is_good(end) => {
                    self.phase = Phase::Asking { until: now.since + RESTART_QUESTION };
                    let ticket = self.ticket(None);
                    actions.push(Action::AskRestart { ticket });
                }
                Some(end) => self.fail(now, status_of(end), actions),
                None => self.fail(now, UNDECIDED, actions),
            },
        }
    }

    pub(super) fn asked_restart(&mut self, now: Now, planned: Option<bool>, actions: &mut Vec<Action>) {
        match planned {
            Some(true) => self.restart(now, actions),
            Some(false) if self.run.was_ready => self.exit(0, actions),
            Some(false) => self.diagnose(now, actions),
            None => {
                actions.push(Action::Say(Message::RestartUnknown));
                self.fail(now, UNDECIDED, actions);
            }
        }
    }

    pub(super) fn restart(&mut self, now: Now, actions: &mut Vec<Action>) {
        let respawn = self.settings.on_restart == OnRestart::Respawn;
        actions.push(Action::Say(Message::Restart { respawn }));
        if !respawn {
            self.exit(UNDECIDED, actions);
            return;
        }
        self.restarts.prune(now.wall, self.settings.hold_within);
        self.restarts.add(now.wall);
        if self.restarts.count() > MAX_RESTARTS {
            self.restarts = Failures::default();
            self.fail(now, UNDECIDED, actions);
        } else {
            self.begin(now, actions);
        }
    }

    /// Whether the command ended well: by itself, or as whoever sent the signal wanted.
    pub(super) fn is_good(&self, end: End) -> bool {
        match end {
            End::Status(0) => true,
            End::Status(status) => {
                status.checked_sub(SIGNALLED).is_some_and(|number| self.run.passed.contains(&number))
            }
            End::Signal(number) => self.run.passed.contains(&number),
        }
    }

    pub(super) fn is_storm(&self) -> bool {
        self.settings.has_command && self.settings.hold_after > 0 && self.failures.count() >= self.settings.hold_after
    }

    /// Ends with a status that is no success, or holds where that was once too often.
    pub(super) fn fail(&mut self, now: Now, status: u8, actions: &mut Vec<Action>) {
        if self.settings.has_command && self.settings.hold_after > 0 && self.maintenance.is_none() {
            self.failures.prune(now.wall, self.settings.hold_within);
            self.failures.add(now.wall);
            actions.push(Action::Remember(self.failures.clone()));
            if self.is_storm() {
                self.hold(now, actions);
                return;
            }
        }
        self.exit(status, actions);
    }

    pub(super) fn hold(&mut self, now: Now, actions: &mut Vec<Action>) {
        let within = self.settings.hold_within;
        let age = self.failures.last().and_then(|last| Duration::try_from(now.wall.duration_since(last)).ok());
        let hold = within.saturating_sub(age.unwrap_or_default());
        actions.push(Action::Say(Message::Held { failures: self.failures.count(), within, hold }));
        self.phase = Phase::Held { until: now.since + hold };
        let ticket = self.ticket(None);
        actions.push(Action::Diagnose { ticket, has_ended: true });
    }

    /// Counts failures anew.
    pub(super) fn try_again(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.failures = Failures::default();
        actions.push(Action::Remember(self.failures.clone()));
        self.begin(now, actions);
    }

    pub(super) fn exit(&mut self, status: u8, actions: &mut Vec<Action>) {
        self.phase = Phase::Done;
        actions.push(Action::Exit(status));
    }
}

fn status_of(end: End) -> u8 {
    match end {
        End::Status(status) => status.max(1),
        End::Signal(number) => SIGNALLED.saturating_add(number),
    }
}
