//! What a look at the gateway means.

use super::{
    MAX_PROOF_PAUSE, Machine, PROOF_INTERVAL, Phase, READY_INTERVAL, STARTING_INTERVAL, TELL_INTERVAL, Unready,
};
use crate::gate::{Action, Depth, Message, Now, Seen};

impl Machine {
    pub(super) fn seen(&mut self, now: Now, depth: Option<Depth>, seen: Seen, actions: &mut Vec<Action>) {
        match &mut self.phase {
            Phase::Waiting { begun, next_look, next_proof, pause, .. } => {
                *next_look = now.since + STARTING_INTERVAL;
                match seen {
                    Seen::SaysReady if now.since >= *next_proof => {
                        *next_proof = now.since + *pause;
                        *pause = (*pause * 2).min(MAX_PROOF_PAUSE);
                        self.look(Depth::Proof, actions);
                    }
                    Seen::SaysReady => {}
                    Seen::NotReady(why) => {
                        if depth == Some(Depth::Proof) {
                            *next_look = *next_proof;
                        }
                        let is_due = self.told.is_none_or(|told| now.since >= told + TELL_INTERVAL);
                        if is_due && self.run.told_why.as_ref() != Some(&why) {
                            self.told = Some(now.since);
                            self.run.told_why = Some(why.clone());
                            actions.push(Action::Say(Message::Waiting(why.clone())));
                        }
                        self.run.last_why = Some(why);
                    }
                    Seen::Proven(proof) => {
                        let after = now.since.saturating_sub(*begun);
                        actions.push(Action::Say(Message::Ready { after, proof }));
                        self.run.was_ready = true;
                        if self.settings.has_command {
                            self.phase = Phase::Ready {
                                next_look: now.since + READY_INTERVAL,
                                next_proof: now.since + PROOF_INTERVAL,
                                unready: None,
                            };
                        } else {
                            self.exit(0, actions);
                        }
                    }
                }
            }
            Phase::Ready { next_look, next_proof, unready } => {
                *next_look = now.since + READY_INTERVAL;
                match (seen, &unready) {
                    // One that was unready is proven before it counts as ready again.
                    (Seen::SaysReady, None) if now.since < *next_proof => {}
                    (Seen::SaysReady, _) => {
                        *next_proof = now.since + PROOF_INTERVAL;
                        self.look(Depth::Proof, actions);
                    }
                    (Seen::Proven(_), None) => {}
                    (Seen::Proven(_), Some(was)) => {
                        if was.said {
                            let after = now.since.saturating_sub(was.since);
                            actions.push(Action::Say(Message::ReadyAgain { after }));
                        }
                        *unready = None;
                    }
                    (Seen::NotReady(why), None) => {
                        self.run.last_why = Some(why);
                        *unready = Some(Unready { since: now.since, said: false });
                    }
                    (Seen::NotReady(why), Some(_)) => self.run.last_why = Some(why),
                }
            }
            // The look began before something else did.
            Phase::Held { .. }
            | Phase::Starting
            | Phase::Diagnosing { .. }
            | Phase::Draining { .. }
            | Phase::Asking { .. }
            | Phase::Done => {}
        }
    }

    pub(super) fn look(&mut self, depth: Depth, actions: &mut Vec<Action>) {
        let ticket = self.ticket(Some(depth));
        actions.push(Action::Look { ticket, depth });
    }
}
