//! Delivery beside the daemon.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::delivery::Delivery;
use portreeve_core::error::chain;
use portreeve_deliver::send::{Deliverer, Destination, Policy};
use portreeve_deliver::spool::{Limits, Record, Signal, Spool};
use portreeve_store::Folder;

use crate::settings::Settings;

/// The spool's folder in the data folder.
pub(crate) const SPOOL: &str = "spool";
/// How long the last try may take when the daemon ends, which ends within two seconds.
const LAST: Duration = Duration::from_millis(700);

/// What delivers for the daemon, where there is somewhere to deliver to. Its copies are one.
#[derive(Debug, Clone)]
pub(crate) struct Deliveries(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    settings: Settings,
    deliverer: Option<Deliverer>,
    problem: Option<String>,
}

impl Deliveries {
    pub(crate) fn new(settings: &Settings) -> Self {
        let deliveries =
            Self(Arc::new(Mutex::new(State { settings: settings.clone(), deliverer: None, problem: None })));
        deliveries.state().look();
        deliveries
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows other settings. Where there is nowhere to deliver to any more, what waits stays where it is.
    pub(crate) fn reload(&self, settings: &Settings) {
        let mut state = self.state();
        state.settings = settings.clone();
        state.look();
        if let Some(deliverer) = &state.deliverer {
            deliverer.reload(settings.deliver.options.clone());
        }
    }

    /// Looks whether the node was enrolled meanwhile.
    pub(crate) fn look(&self) {
        self.state().look();
    }

    /// Whether records of a signal are wanted anywhere.
    pub(crate) fn wants(&self, signal: Signal) -> bool {
        let state = self.state();
        state.deliverer.is_some()
            && Destination::new(&state.settings.deliver.options, &state.settings.data_dir)
                .is_ok_and(|destination| destination.is_some_and(|destination| destination.url(signal).is_some()))
    }

    /// Spools records. Gives whether they are on the disk; what went wrong is told as the state of delivery.
    pub(crate) fn append(&self, records: &[Record]) -> bool {
        let mut state = self.state();
        let Some(deliverer) = &state.deliverer else { return false };
        let spooled = deliverer.append(records, Timestamp::now());
        state.problem = spooled.err().map(|error| format!("cannot spool: {}", chain(&error)));
        state.problem.is_none()
    }

    /// Does something with the spool; none where there is none.
    pub(crate) fn with_spool<T>(&self, work: impl FnOnce(&mut Spool) -> T) -> Option<T> {
        self.state().deliverer.as_ref().map(|deliverer| deliverer.with_spool(work))
    }

    /// How it goes; none where nothing is delivered.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        self.state().deliverer.as_ref().map(Deliverer::state)
    }

    /// What keeps records from being spooled.
    pub(crate) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Begins to end, without waiting.
    pub(crate) fn ending(&self) {
        if let Some(deliverer) = &self.state().deliverer {
            deliverer.ending(LAST);
        }
    }

    /// Waits for the end, which begins now if it did not before.
    pub(crate) fn end(&self) {
        if let Some(deliverer) = self.state().deliverer.take() {
            deliverer.stop(LAST);
        }
    }
}

impl State {
    fn look(&mut self) {
        if self.deliverer.is_some() {
            return;
        }
        let (options, data_dir) = (&self.settings.deliver.options, &self.settings.data_dir);
        let destination = Destination::new(options, data_dir);
        match destination {
            Ok(None) => self.problem = None,
            Err(error) => self.complain(format!("nothing can be delivered: {}", error.sentence())),
            Ok(Some(destination)) => {
                let limits = Limits {
                    max_bytes: self.settings.deliver.spool_bytes,
                    max_age: Duration::from_secs(self.settings.deliver.spool_age_s),
                };
                let spool = Folder::create(data_dir)
                    .and_then(|folder| folder.folder(SPOOL))
                    .map_err(|error| error.sentence())
                    .and_then(|folder| Spool::open(folder, limits, Timestamp::now()).map_err(|error| chain(&error)));
                let deliverer = spool.and_then(|spool| {
                    Deliverer::start(spool, options.clone(), data_dir.clone(), Policy::default())
                        .map_err(|error| error.to_string())
                });
                match deliverer {
                    Ok(deliverer) => {
                        tracing::info!("reports go to {}", destination.name());
                        self.problem = None;
                        self.deliverer = Some(deliverer);
                    }
                    Err(why) => self.complain(format!("nothing can be spooled: {why}")),
                }
            }
        }
    }

    fn complain(&mut self, why: String) {
        if self.problem.as_ref() != Some(&why) {
            tracing::error!("{why}");
        }
        self.problem = Some(why);
    }
}
