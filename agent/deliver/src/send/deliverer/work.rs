//! What the thread does: asks the machine, sends, and keeps what came of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Secret;
use portreeve_core::delivery::DeliveryError;
use portreeve_core::error::chain;
use portreeve_store::{Audience, Folder};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::{DELIVERY_FILE, Shared, count, locked};
use crate::send::Outcome;
use crate::send::client::Client;
use crate::send::destination::Options;
use crate::send::machine::{Deed, Machine, Order, Policy, Sent, Step};
use crate::spool::{Batch, Signal, SpoolError};

/// How often [`DELIVERY_FILE`] is written where nothing changes for better or worse.
const NOTE: Duration = Duration::from_mins(1);
/// A pause after the spool could not be read or written.
const DISK: Duration = Duration::from_secs(30);

pub(super) struct Work {
    shared: Arc<Shared>,
    options: Options,
    data_dir: PathBuf,
    machine: Machine,
    policy: Policy,
    begun: Instant,
    stopped: watch::Receiver<Option<Instant>>,
    /// Whether pauses are waited for although it is to end.
    pub(super) waits_for_pauses: bool,
    client: Option<Client>,
    /// When a client is made, where there is none.
    client_at: Duration,
    /// By signal: metrics, logs.
    refused: [Option<Refused>; 2],
    failing: [bool; 2],
    noted: Option<(Duration, bool)>,
    disk_at: Duration,
}

impl Work {
    pub(super) fn new(
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

    pub(super) async fn run(mut self) {
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
                let mut state = locked(&self.shared.state);
                state.endpoint = client.destination().name();
                state.is_failing = self.failing.contains(&true);
                drop(state);
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
        // The one that is sent is the one that may be refused: by then there can be another.
        let (outcome, token) = match client.destination().token(signal) {
            Err(error) => (Outcome::Unwelcome { why: error.sentence() }, None),
            Ok(token) => tokio::select! {
                outcome = client.send_as(signal, &body, token.as_ref()) => (outcome, token),
                () = last_moment(self.stopped.clone()) => return,
            },
        };
        let is_unwelcome = matches!(outcome, Outcome::Unwelcome { .. });
        *slot(&mut self.refused, signal) = is_unwelcome.then_some(Refused(token));
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
        // A certificate may have been exchanged on the disk, or the enrolment be another one or none.
        let may_be_other = match outcome {
            Outcome::Failed { .. } => self.has_files(),
            Outcome::Unwelcome { .. } => true,
            _ => false,
        };
        if may_be_other {
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
        self.complain(None, chain(error));
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
        let is_other = Signal::ALL.into_iter().zip(&self.refused).any(|(signal, refused)| {
            refused.as_ref().is_some_and(|before| {
                let now = self.token(signal);
                now.is_some() && exposed(now.as_ref()) != exposed(before.0.as_ref())
            })
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

/// A credential that was refused; none where there was none to send.
struct Refused(Option<Secret>);

/// The end, once it was asked for.
async fn last_moment(mut stopped: watch::Receiver<Option<Instant>>) {
    let at = stopped.wait_for(Option::is_some).await.ok().and_then(|at| *at);
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn exposed(token: Option<&Secret>) -> Option<&str> {
    token.map(ExposeSecret::expose_secret)
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
