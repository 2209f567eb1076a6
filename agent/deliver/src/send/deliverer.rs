//! Delivery beside the daemon, in a thread of its own: nothing that an endpoint does holds a verdict up.

mod work;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::delivery::Delivery;
use tokio::sync::{Notify, watch};

use super::destination::Options;
use super::machine::Policy;
use crate::spool::{Record, Signal, Spool, SpoolError};
use work::Work;

/// How delivery goes, in the data folder: a [`Delivery`].
pub const DELIVERY_FILE: &str = "delivery.json";

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
