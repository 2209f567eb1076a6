//! Takes glances in a thread of its own: what it asks may hang on a dead file system.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use portreeve_core::schedule::{Ended, Event, Subjects};
use portreeve_observe::glance::{Difference, Glance};
use tokio::sync::mpsc::UnboundedSender;

use crate::daemon::Heard;

/// A thread needs no more for a glance.
const STACK: usize = 256 * 1024;

/// The thread.
#[derive(Debug)]
pub(crate) struct Glancer {
    asks: SyncSender<(u64, Subjects)>,
}

impl Glancer {
    pub(crate) fn start(answers: UnboundedSender<Heard>) -> io::Result<Self> {
        let (asks, asked) = sync_channel::<(u64, Subjects)>(1);
        let work = move || {
            let mut glance = Glance::default();
            for (ticket, subjects) in asked {
                let seen = glance.look(&subjects);
                let heard = told(ticket, seen);
                if heard.into_iter().any(|heard| answers.send(heard).is_err()) {
                    return;
                }
            }
        };
        thread::Builder::new().name("portreeve-glance".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self { asks })
    }

    /// Asks; the schedule asks no second time before there was an answer.
    pub(crate) fn ask(&self, ticket: u64, subjects: Subjects) {
        drop(self.asks.try_send((ticket, subjects)));
    }
}

fn told(ticket: u64, seen: io::Result<Option<Difference>>) -> Vec<Heard> {
    let ended = match &seen {
        Ok(_) => Ended::Well { pulse: None, images: None },
        Err(error) => Ended::Badly(error.to_string()),
    };
    let changed = seen.ok().flatten().map(|difference| Heard::Changed(difference.urgency, difference.what));
    changed.into_iter().chain([Heard::Event(Event::Done { ticket, ended })]).collect()
}
