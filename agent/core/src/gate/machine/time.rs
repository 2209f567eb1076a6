//! What the passing of time means.

use std::time::Duration;

use jiff::Timestamp;

use super::{DRAIN_INTERVAL, LOOK, Machine, Phase, Stop, Unready, VANISH};
use crate::gate::{Action, Depth, Message, Now};

impl Machine {
    pub(super) fn tick(&mut self, now: Now, actions: &mut Vec<Action>) {
        let spares = self.spares();
        match &mut self.phase {
            Phase::Held { until } => {
                if now.since >= *until {
                    self.try_again(now, actions);
                }
            }
            Phase::Waiting { deadline, next_look, .. } => {
                if now.since >= *deadline && !spares {
                    let (timeout, why) = (self.settings.timeout, self.run.last_why.clone());
                    actions.push(Action::Say(Message::NeverReady { timeout, why }));
                    self.run.stop = Some(Stop::NeverReady);
                    self.diagnose(now, actions);
                } else if self.asked.is_none() && now.since >= *next_look {
                    self.look(Depth::Quick, actions);
                }
            }
            Phase::Ready { next_look, unready, .. } => {
                if self.asked.is_some() && unready.is_none() && now.since >= *next_look + LOOK {
                    self.run.last_why = Some("a look at the gateway does not end".to_owned());
                    *unready = Some(Unready { since: now.since, said: false });
                }
                if let Some(unready) = unready
                    && !unready.said
                    && now.since >= unready.since + self.settings.grace
                {
                    unready.said = true;
                    let since = now.since.saturating_sub(unready.since);
                    let why = self.run.last_why.clone().unwrap_or_default();
                    actions.push(Action::Say(Message::Unready { since, why }));
                    if self.settings.restart_unready && !spares {
                        actions.push(Action::Say(Message::StoppingUnready));
                        self.run.stop = Some(Stop::Unready);
                        self.drain(now, actions);
                        return;
                    }
                }
                if self.asked.is_none() && now.since >= *next_look {
                    self.look(Depth::Quick, actions);
                }
            }
            Phase::Diagnosing { until } => {
                if now.since >= *until {
                    self.diagnosed(now, None, actions);
                }
            }
            Phase::Asking { until } => {
                if now.since >= *until {
                    self.asked_restart(now, None, actions);
                }
            }
            Phase::Draining { since, killed, next_count } => {
                if now.since >= *next_count {
                    *next_count = now.since + DRAIN_INTERVAL;
                }
                match killed {
                    Some(at) if now.since >= *at + VANISH => {
                        actions.push(Action::Say(Message::Left));
                        self.drained(now, actions);
                    }
                    None if now.since >= *since + self.settings.stop_timeout => {
                        *killed = Some(now.since);
                        actions.push(Action::Say(Message::Killing { after: self.settings.stop_timeout }));
                        actions.push(Action::Kill);
                    }
                    Some(_) | None => {}
                }
            }
            Phase::Starting | Phase::Done => {}
        }
    }

    /// Time during which the gate itself stood still does not count.
    pub(super) fn shift(&mut self, by: Duration) {
        let later = |at: &mut Duration| *at += by;
        match &mut self.phase {
            Phase::Held { until } | Phase::Diagnosing { until } | Phase::Asking { until } => later(until),
            Phase::Waiting { begun, deadline, .. } => [begun, deadline].into_iter().for_each(later),
            Phase::Ready { next_look, unready, .. } => {
                later(next_look);
                if let Some(unready) = unready {
                    later(&mut unready.since);
                }
            }
            Phase::Draining { since, killed, .. } => std::iter::once(since).chain(killed).for_each(later),
            Phase::Starting | Phase::Done => {}
        }
    }

    /// Whether the command is left alone though it is not ready.
    pub(super) fn spares(&self) -> bool {
        self.settings.has_command && self.maintenance.is_some()
    }

    /// Somebody begins to work on the node, or has ended. Afterwards each deadline begins anew.
    pub(super) fn maintenance(&mut self, now: Now, until: Option<Timestamp>, actions: &mut Vec<Action>) {
        if until == self.maintenance {
            return;
        }
        self.maintenance = until;
        if let Some(until) = until {
            actions.push(Action::Say(Message::Maintenance { until }));
            return;
        }
        actions.push(Action::Say(Message::MaintenanceOver));
        match &mut self.phase {
            Phase::Waiting { deadline, .. } if self.settings.has_command => {
                *deadline = now.since + self.settings.timeout;
            }
            Phase::Ready { unready: Some(unready), .. } => *unready = Unready { since: now.since, said: false },
            _ => {}
        }
    }
}
