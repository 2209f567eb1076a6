//! How long the observers take.

use std::time::{Duration, Instant};

use portreeve_core::snapshot::Timing;

/// Wall times of observers.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(crate) timings: Vec<Timing>,
}

impl Clock {
    pub(crate) fn time<T>(&mut self, observer: &str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.note(observer, started.elapsed());
        result
    }

    pub(crate) async fn time_async<T>(&mut self, observer: &str, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let result = work.await;
        self.note(observer, started.elapsed());
        result
    }

    pub(crate) fn note(&mut self, observer: &str, elapsed: Duration) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        match self.timings.iter_mut().find(|timing| timing.observer == observer) {
            Some(timing) => timing.elapsed_ms += elapsed_ms,
            None => self.timings.push(Timing { observer: observer.to_owned(), elapsed_ms }),
        }
    }
}

/// What comes of work, and how long it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let result = work.await;
    (result, started.elapsed())
}
