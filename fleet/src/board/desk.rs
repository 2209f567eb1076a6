//! Where pages are drawn: threads of their own, few enough that reports are taken in meanwhile.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::BoardError;

/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Turns to draw. Half of the processors are left to those who report.
pub(crate) struct Desk {
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Desk {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self::new((processors / 2).max(1), PATIENCE)
    }
}

impl Desk {
    fn new(turns: usize, patience: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), patience }
    }

    /// Does `work` in its turn. [`BoardError::Busy`] where none comes in time.
    pub(crate) async fn draw<T, F>(&self, work: F) -> Result<T, BoardError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(BoardError::Busy)?;
        let drawn = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        drawn.await.map_err(BoardError::Panicked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_is_told() {
        let desk = Arc::new(Desk::new(1, Duration::from_millis(50)));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let desk = Arc::clone(&desk);
            async move {
                desk.draw(move || {
                    begun.send(()).unwrap();
                    wait.recv()
                })
                .await
            }
        });
        begins.await.unwrap();
        assert!(matches!(desk.draw(|| 1).await, Err(BoardError::Busy)));
        go.send(()).unwrap();
        first.await.unwrap().unwrap().unwrap();
        assert_eq!(desk.draw(|| 2).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_page_that_fails_gives_its_turn_back() {
        let desk = Desk::new(1, Duration::from_millis(50));
        let failed: Result<(), _> = desk.draw(|| panic!("a mistake")).await;
        assert!(matches!(failed, Err(BoardError::Panicked(_))));
        assert_eq!(desk.draw(|| 2).await.unwrap(), 2);
    }
}
