//! Delivery beside the daemon, in a thread of its own: nothing that an endpoint does holds a verdict up.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Secret;
use portreeve_core::delivery::{Delivery, DeliveryError};
use portreeve_store::{Audience, Folder};
use secrecy::ExposeSecret as _;
use tokio::sync::{Notify, watch};

use super::client::Client;
use super::destination::Options;
use super::machine::{Deed, Machine, Order, Policy, Sent, Step};
use super::{Outcome, sentence};
use crate::spool::{Batch, Record, Signal, Spool, SpoolError};

/// How delivery goes, in the data folder: a [`Delivery`].
pub const DELIVERY_FILE: &str = "delivery.json";

/// How often that file is written where nothing changes for better or worse.
const NOTE: Duration = Duration::from_mins(1);
/// A pause after the spool could not be read or written.
const DISK: Duration = Duration::from_secs(30);
/// What the end of the thread may take beyond the last request.
const END: Duration = Duration::from_millis(200);

/// Delivers what is spooled.
#[derive(Debug)]
pub struct Deliverer {
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Instant>>,
    ended: Receiver<()>,
}

#[derive(Debug)]
struct Shared {
    spool: Mutex<Spool>,
    wake: Notify,
    arrived: [AtomicBool; 2],
    options: Mutex<Option<Options>>,
    state: Mutex<Delivery>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic could leave behind is no worse than what a crash could, and each change of the spool is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(spool: Spool) -> Arc<Self> {
        Arc::new(Self {
            spool: Mutex::new(spool),
            wake: Notify::new(),
            arrived: Default::default(),
            options: Mutex::new(None),
            state: Mutex::new(Delivery::default()),
        })
    }

    fn arrived(&self, signal: Signal) -> &AtomicBool {
        let [metrics, logs] = &self.arrived;
        match signal {
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        }
    }
}

impl Deliverer {
    /// Begins to deliver. `data_dir` holds the enrolment, and gets [`DELIVERY_FILE`].
    pub fn start(spool: Spool, options: Options, data_dir: PathBuf, policy: Policy) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Shared::new(spool);
        let (stop, stopped) = watch::channel(None);
        let (end, ended) = channel();
        let work = Work::new(Arc::clone(&shared), options, data_dir, policy, stopped);
        thread::Builder::new().name("deliver".to_owned()).spawn(move || {
            runtime.block_on(work.run());
            runtime.shutdown_background();
            // Nobody listens where it was not waited for.
            let _ = end.send(());
        })?;
        Ok(Self { shared, stop, ended })
    }

    /// Spools records: they are on the disk when this returns.
    pub fn append(&self, records: &[Record], now: Timestamp) -> Result<(), SpoolError> {
        locked(&self.shared.spool).append(records, now)?;
        for record in records {
            self.shared.arrived(record.signal).store(true, Ordering::Release);
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Does something with the spool, while nothing else does.
    pub fn with_spool<T>(&self, work: impl FnOnce(&mut Spool) -> T) -> T {
        work(&mut locked(&self.shared.spool))
    }

    /// Follows other settings from now on.
    pub fn reload(&self, options: Options) {
        *locked(&self.shared.options) = Some(options);
        self.shared.wake.notify_one();
    }

    /// How it goes.
    pub fn state(&self) -> Delivery {
        let mut state = locked(&self.shared.state).clone();
        count(&mut state, &locked(&self.shared.spool));
        state
    }

    /// Tries once more to deliver what waits, for at most this long, and then ends; this does not wait for it.
    pub fn ending(&self, patience: Duration) {
        self.stop.send_if_modified(|stop| {
            let is_first = stop.is_none();
            stop.get_or_insert(Instant::now() + patience);
            is_first
        });
    }

    /// Ends. What is not delivered stays spooled.
    pub fn end(self) {
        self.ending(Duration::ZERO);
        let left = self.stop.borrow().map_or(Duration::ZERO, |stop| stop.saturating_duration_since(Instant::now()));
        // A disk that hangs must not hold the end up.
        let _ = self.ended.recv_timeout(left + END);
    }

    /// Both.
    pub fn stop(self, patience: Duration) {
        self.ending(patience);
        self.end();
    }
}

/// Delivers what is spooled now, until nothing waits, `patience` is over or nothing can be sent before it is. Gives how it went.
pub fn flush(spool: Spool, options: Options, data_dir: PathBuf, patience: Duration) -> io::Result<(Spool, Delivery)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shared = Shared::new(spool);
    let (_stop, stopped) = watch::channel(Some(Instant::now() + patience));
    let mut work = Work::new(Arc::clone(&shared), options, data_dir, Policy::default(), stopped);
    work.waits_for_pauses = true;
    runtime.block_on(work.run());
    runtime.shutdown_background();
    let mut state = locked(&shared.state).clone();
    let shared = Arc::into_inner(shared).ok_or_else(|| io::Error::other("the spool is still in use"))?;
    let spool = shared.spool.into_inner().unwrap_or_else(PoisonError::into_inner);
    count(&mut state, &spool);
    Ok((spool, state))
}

fn count(state: &mut Delivery, spool: &Spool) {
    let spooled = spool.state();
    state.records = spooled.records;
    state.bytes = spooled.bytes;
    state.oldest = spooled.oldest;
    state.delivered_total = spooled.delivered_total;
    state.dropped_total = spooled.dropped_total;
    state.refused_total = spooled.refused_total;
}

struct Work {
    shared: Arc<Shared>,
    options: Options,
    data_dir: PathBuf,
    machine: Machine,
    policy: Policy,
    begun: Instant,
    stopped: watch::Receiver<Option<Instant>>,
    /// Whether pauses are waited for although it is to end.
    waits_for_pauses: bool,
    client: Option<Client>,
    /// When a client is made, where there is none.
    client_at: Duration,
    /// What was refused, by signal: metrics, logs.
    refused: [Option<Secret>; 2],
    failing: [bool; 2],
    noted: Option<(Duration, bool)>,
    disk_at: Duration,
}

impl Work {
    fn new(
        shared: Arc<Shared>,
        options: Options,
        data_dir: PathBuf,
        policy: Policy,
        stopped: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            shared,
            options,
            data_dir,
            machine: Machine::new(policy, Duration::ZERO, fastrand::u64(..)),
            policy,
            begun: Instant::now(),
            stopped,
            waits_for_pauses: false,
            client: None,
            client_at: Duration::ZERO,
            refused: [None, None],
            failing: [false, false],
            noted: None,
            disk_at: Duration::ZERO,
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn run(mut self) {
        loop {
            self.take_orders();
            let now = self.now();
            let stop = *self.stopped.borrow();
            if stop.is_some_and(|stop| stop <= Instant::now()) {
                break;
            }
            if stop.is_some() {
                self.machine.hurry(now);
            }
            if self.client.is_none() && self.client_at <= now {
                self.build();
            }
            let next = match self.client {
                None => Step::Sleep(Some(self.client_at)),
                Some(_) if self.disk_at > now => Step::Sleep(Some(self.disk_at)),
                Some(_) => self.machine.step(now),
            };
            match next {
                Step::Send(order) => self.send(order).await,
                Step::Sleep(until) if self.is_over(until, stop) => break,
                Step::Sleep(until) => self.sleep(until).await,
            }
        }
        self.note(true);
    }

    fn is_over(&self, until: Option<Duration>, stop: Option<Instant>) -> bool {
        match (stop, until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(stop), Some(until)) => !self.waits_for_pauses || self.client.is_none() || self.begun + until >= stop,
        }
    }

    fn take_orders(&mut self) {
        let now = self.now();
        for signal in Signal::ALL {
            if self.shared.arrived(signal).swap(false, Ordering::AcqRel) {
                self.machine.arrived(now, signal);
            }
        }
        let options = locked(&self.shared.options).take();
        if let Some(options) = options {
            self.options = options;
            self.client = None;
            self.client_at = now;
            self.machine.renewed(now);
        }
    }

    fn build(&mut self) {
        self.client_at = self.now() + self.policy.first_slow_pause;
        match Client::new(&self.options, &self.data_dir) {
            Ok(Some(client)) => {
                locked(&self.shared.state).endpoint = client.destination().name();
                self.client = Some(client);
            }
            Ok(None) => {
                let mut state = locked(&self.shared.state);
                state.endpoint.clear();
                state.is_failing = false;
            }
            Err(error) => self.complain(None, error.sentence()),
        }
    }

    async fn send(&mut self, order: Order) {
        let signal = order.signal;
        let wanted = self.client.as_ref().is_some_and(|client| client.destination().url(signal).is_some());
        let batch = if wanted {
            locked(&self.shared.spool).batch_of(signal, order.max_records, order.max_bytes)
        } else {
            Ok(None)
        };
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => return self.machine.empty(signal),
            Err(error) => return self.disk_fails(&error),
        };
        let body = batch.body();
        let Some(client) = &self.client else { return };
        let outcome = tokio::select! {
            outcome = client.send(signal, &body) => outcome,
            () = last_moment(self.stopped.clone()) => return,
        };
        let sent = Sent { signal, records: batch.records().len(), bytes: body.len() };
        drop(body);
        self.judge(sent, &batch, &outcome);
        if self.stopped.borrow().is_none() {
            self.note(false);
        }
    }

    fn judge(&mut self, sent: Sent, batch: &Batch, outcome: &Outcome) {
        let signal = sent.signal;
        tracing::debug!(signal = signal.as_str(), records = sent.records, bytes = sent.bytes, ?outcome, "sent");
        let now = self.now();
        let deed = self.machine.judge(now, sent, outcome);
        if let Outcome::Unwelcome { .. } = outcome {
            let token = self.token(signal);
            *slot(&mut self.refused, signal) = token;
        }
        let kept = match deed {
            Deed::Acknowledge => {
                self.succeed(signal, outcome);
                locked(&self.shared.spool).acknowledge(batch)
            }
            Deed::SetAside => {
                let why = outcome.why().unwrap_or_default();
                tracing::error!(signal = signal.as_str(), "a record is refused and was set aside: {why}");
                self.complain(Some(signal), why.to_owned());
                let mut spool = locked(&self.shared.spool);
                batch.records().iter().try_for_each(|record| spool.set_aside(record, why))
            }
            Deed::Keep => {
                self.complain(Some(signal), outcome.why().unwrap_or_default().to_owned());
                Ok(())
            }
        };
        if let Err(error) = kept {
            self.disk_fails(&error);
        }
        if matches!(outcome, Outcome::Failed { .. }) && self.has_files() {
            // A certificate may have been exchanged on the disk.
            self.client = None;
            self.client_at = now;
        }
    }

    fn has_files(&self) -> bool {
        self.options.ca_file.is_some() || self.options.client_cert_file.is_some()
    }

    fn token(&self, signal: Signal) -> Option<Secret> {
        self.client.as_ref().and_then(|client| client.destination().token(signal).ok().flatten())
    }

    fn succeed(&mut self, signal: Signal, outcome: &Outcome) {
        if std::mem::take(slot(&mut self.failing, signal)) {
            tracing::info!(signal = signal.as_str(), "the endpoint takes records again");
        }
        let still = self.failing.contains(&true);
        let mut state = locked(&self.shared.state);
        state.last_success = Some(Timestamp::now());
        state.is_failing = still;
        if let Outcome::Partly { rejected, why } = outcome {
            tracing::warn!(signal = signal.as_str(), "{why}");
            state.rejected = state.rejected.saturating_add(*rejected);
            state.last_error = Some(error_of(Some(signal), why.clone()));
        }
    }

    fn complain(&mut self, signal: Option<Signal>, why: String) {
        let was_failing = match signal {
            Some(signal) => std::mem::replace(slot(&mut self.failing, signal), true),
            None => false,
        };
        let mut state = locked(&self.shared.state);
        let is_new = state.last_error.as_ref().is_none_or(|last| last.why != why);
        if is_new || !was_failing && signal.is_some() {
            tracing::warn!(signal = signal.map(Signal::as_str), "cannot deliver: {why}");
        }
        state.is_failing = true;
        state.last_error = Some(error_of(signal, why));
    }

    fn disk_fails(&mut self, error: &SpoolError) {
        self.disk_at = self.now() + DISK;
        self.complain(None, sentence(error));
    }

    /// Waits until then, or until something comes.
    async fn sleep(&mut self, until: Option<Duration>) {
        let until = if self.machine.is_unwelcome() {
            let look = self.now() + self.policy.look;
            Some(until.map_or(look, |until| until.min(look)))
        } else {
            until
        };
        let pause = async {
            match until {
                Some(until) => tokio::time::sleep_until((self.begun + until).into()).await,
                None => std::future::pending().await,
            }
        };
        let mut stopped = self.stopped.clone();
        let stops = async {
            // Where the other side is gone nothing stops this.
            if stopped.borrow().is_some() || stopped.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = pause => {}
            () = self.shared.wake.notified() => {}
            () = stops => {}
        }
        self.look_for_credential();
    }

    /// Where the credential was refused, and there is another one now, that one is tried at once.
    fn look_for_credential(&mut self) {
        if !self.machine.is_unwelcome() {
            return;
        }
        let is_other = Signal::ALL.into_iter().any(|signal| {
            let now = self.token(signal);
            let before = match signal {
                Signal::Metrics => &self.refused[0],
                Signal::Logs => &self.refused[1],
            };
            before
                .as_ref()
                .is_some_and(|before| now.as_ref().is_some_and(|now| now.expose_secret() != before.expose_secret()))
                || before.is_none() && now.is_some()
        });
        if is_other {
            self.refused = [None, None];
            self.client = None;
            self.client_at = self.now();
            let now = self.now();
            self.machine.renewed(now);
        }
    }

    /// Keeps how it goes, for other commands of the agent.
    fn note(&mut self, is_last: bool) {
        let now = self.now();
        let mut state = locked(&self.shared.state).clone();
        let is_due = self.noted.is_none_or(|(at, was_failing)| now >= at + NOTE || was_failing != state.is_failing);
        if !is_due && !is_last {
            return;
        }
        self.noted = Some((now, state.is_failing));
        count(&mut state, &locked(&self.shared.spool));
        let kept =
            Folder::create(&self.data_dir).and_then(|folder| folder.write_json(DELIVERY_FILE, &state, Audience::Owner));
        if let Err(error) = kept {
            tracing::debug!("{}", error.sentence());
        }
    }
}

/// The end, once it was asked for.
async fn last_moment(mut stopped: watch::Receiver<Option<Instant>>) {
    let at = stopped.wait_for(Option::is_some).await.ok().and_then(|at| *at);
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn slot<T>(of: &mut [T; 2], signal: Signal) -> &mut T {
    let [metrics, logs] = of;
    match signal {
        Signal::Metrics => metrics,
        Signal::Logs => logs,
    }
}

fn error_of(signal: Option<Signal>, why: String) -> DeliveryError {
    DeliveryError { at: Timestamp::now(), signal: signal.map(|signal| signal.as_str().to_owned()), why }
}
