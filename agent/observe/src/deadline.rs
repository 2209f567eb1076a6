//! Calls that may never return, with an end to the waiting.
//!
//! A system call on a dead network mount sits in the kernel and cannot be ended from outside. It is made on a thread of its own;
//! after the deadline the caller goes on and the thread stays behind until the kernel lets it go. At most [`MAX_STUCK`] threads
//! stay behind at a time: beyond that a call is refused at once, so that a daemon on a sick machine does not collect them. A thread
//! that answered in time is asked again, since making one costs more than most answers.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Most threads that are left behind at a time.
const MAX_STUCK: usize = 8;

/// Most threads that wait for the next question.
const MAX_IDLE: usize = 4;

static STUCK: AtomicUsize = AtomicUsize::new(0);
static IDLE: Mutex<Vec<Worker>> = Mutex::new(Vec::new());

type Call = Box<dyn FnOnce() + Send>;

/// A thread that makes one call after the other, and ends once nobody can ask it any more.
struct Worker(SyncSender<Call>);

impl Worker {
    fn start() -> io::Result<Self> {
        let (calls, asked) = sync_channel::<Call>(1);
        let thread = thread::Builder::new().name("portreeve-wait".to_owned());
        thread.spawn(move || asked.into_iter().for_each(|call| call()))?;
        Ok(Self(calls))
    }

    /// One that makes this call: an idle one, or a new one.
    fn ask(call: Call) -> io::Result<Self> {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match idle {
            Some(worker) => worker,
            None => Self::start()?,
        };
        worker.0.send(call).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(worker)
    }

    fn keep(self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(self);
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Overdue {
    /// The deadline passed.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Too many earlier calls still hang.
    #[error("not asked, since {MAX_STUCK} earlier questions still hang")]
    TooMany,
    /// The call ended without an answer.
    #[error("the call failed without an answer")]
    Failed,
    /// No thread could be made.
    #[error("no thread could be made")]
    Thread(#[source] io::Error),
}

/// The answer of `call`, if it comes within `deadline`.
pub(crate) fn within<T: Send + 'static>(
    deadline: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Overdue> {
    if STUCK.load(Ordering::Relaxed) >= MAX_STUCK {
        return Err(Overdue::TooMany);
    }
    let (sender, receiver) = sync_channel(1);
    let (given_up, was_given_up) = sync_channel(1);
    let ask = move || {
        // The receiver may be gone; the answer is then nobody's.
        let _ = sender.send(call());
        drop(sender);
        if was_given_up.recv().is_ok() {
            STUCK.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let worker = Worker::ask(Box::new(ask)).map_err(Overdue::Thread)?;
    match receiver.recv_timeout(deadline) {
        Ok(answer) => {
            drop(given_up);
            worker.keep();
            Ok(answer)
        }
        Err(RecvTimeoutError::Timeout) => {
            STUCK.fetch_add(1, Ordering::Relaxed);
            let _ = given_up.send(());
            Err(Overdue::Timeout(deadline))
        }
        Err(RecvTimeoutError::Disconnected) => Err(Overdue::Failed),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use super::*;

    #[test]
    fn an_answer_in_time_is_given() {
        assert_eq!(within(Duration::from_secs(10), || 7).unwrap(), 7);
    }

    #[test]
    fn a_call_that_hangs_is_left_behind_and_forgotten_when_it_ends() {
        let (release, released) = channel::<()>();
        let begun = Instant::now();
        let answer = within(Duration::from_millis(20), move || released.recv());
        assert!(matches!(answer, Err(Overdue::Timeout(_))));
        assert!(begun.elapsed() < Duration::from_secs(5));
        release.send(()).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while STUCK.load(Ordering::Relaxed) != 0 {
            assert!(Instant::now() < until, "the thread is still counted");
            thread::yield_now();
        }
    }
}
