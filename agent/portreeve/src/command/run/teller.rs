//! What the daemon comes to know, handed on to a thread that compares, counts and spools it. The daemon waits for none of that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use portreeve_core::delivery::Delivery;
use portreeve_core::history::{Change, Spell};
use portreeve_core::measure::Measures;
use portreeve_core::schedule::Lane;
use portreeve_core::status::{Judgement, Status};
use portreeve_daemon::{Sink, os};

use super::worker::Worker;
use crate::command::delivery::Deliveries;
use crate::settings::Settings;

/// How long the thread may take to end.
const END: Duration = Duration::from_millis(300);

/// What the thread hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// A verdict, how it differs from the one before, and all spells where there may be others than before.
    Judged(Box<Judgement>, Option<Box<Change>>, Vec<Spell>),
    /// A look ended.
    Looked(Lane, bool, Option<Measures>),
    /// The machine slept.
    Slept(Duration),
    /// How the daemon does.
    Beat(Box<Status>),
    /// The configuration was read anew.
    Configured(Box<Settings>),
    /// It is to end, and to say that it has.
    End(SyncSender<()>),
}

/// How the thread does.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How delivery goes; none where nothing is delivered.
    pub(super) delivery: Option<Delivery>,
    /// What is wrong.
    pub(super) problem: Option<String>,
}

/// Hands on what the daemon comes to know.
pub(super) struct Teller {
    to: Sender<Heard>,
    deliveries: Deliveries,
    interval_s: Arc<AtomicU64>,
    state: Arc<Mutex<State>>,
    due: Duration,
    has_judged: bool,
}

/// Tells a [`Teller`] of another configuration.
pub(super) struct Follower {
    to: Sender<Heard>,
    deliveries: Deliveries,
    interval_s: Arc<AtomicU64>,
}

impl Teller {
    /// Starts the thread. It touches nothing before the daemon tells it something.
    pub(super) fn start(settings: &Settings) -> Result<(Self, Follower)> {
        let (to, heard) = channel();
        let state = Arc::<Mutex<State>>::default();
        let deliveries = Deliveries::new(settings);
        let interval_s = Arc::new(AtomicU64::new(settings.deliver.interval_s));
        let worker = Worker::new(settings.clone(), deliveries.clone(), Arc::clone(&state));
        std::thread::Builder::new().name("tell".to_owned()).spawn(move || worker.run(&heard))?;
        let follower = Follower { to: to.clone(), deliveries: deliveries.clone(), interval_s: Arc::clone(&interval_s) };
        let teller =
            Self { to, deliveries, interval_s, state, due: os::uptime().unwrap_or_default(), has_judged: false };
        Ok((teller, follower))
    }

    fn tell(&self, heard: Heard) {
        // A thread that is gone has said why.
        drop(self.to.send(heard));
    }
}

impl Follower {
    pub(super) fn follow(&self, settings: &Settings) {
        self.interval_s.store(settings.deliver.interval_s, Ordering::Relaxed);
        self.deliveries.reload(settings);
        drop(self.to.send(Heard::Configured(Box::new(settings.clone()))));
    }
}

impl Sink for Teller {
    fn judged(&mut self, judgement: &Judgement, change: Option<&Change>, spells: &[Spell]) {
        let is_first = !std::mem::replace(&mut self.has_judged, true);
        let spells = if is_first || change.is_some() { spells.to_vec() } else { Vec::new() };
        self.tell(Heard::Judged(Box::new(judgement.clone()), change.cloned().map(Box::new), spells));
    }

    fn looked(&mut self, lane: Lane, well: bool, measures: Option<Measures>) {
        self.tell(Heard::Looked(lane, well, measures));
    }

    fn slept(&mut self, slept: Duration) {
        self.tell(Heard::Slept(slept));
    }

    fn due(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn beat(&mut self, status: &Status) {
        let interval = Duration::from_secs(self.interval_s.load(Ordering::Relaxed).max(1));
        self.due = os::uptime().unwrap_or(self.due) + interval;
        self.tell(Heard::Beat(Box::new(status.clone())));
    }

    fn delivery(&self) -> Option<Delivery> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).delivery.clone()
    }

    fn problem(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    fn ending(&mut self) {
        self.deliveries.ending();
    }

    fn end(&mut self) {
        let (done, ended) = sync_channel(1);
        self.tell(Heard::End(done));
        // A disk that hangs must not hold the end up.
        let _ = ended.recv_timeout(END);
        self.deliveries.end();
    }
}
