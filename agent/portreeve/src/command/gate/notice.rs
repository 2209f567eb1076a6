//! Whether somebody works on the node.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_observe::maintenance;
use tokio::time::Instant;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Looks for an announcement now and then.
#[derive(Debug)]
pub(super) struct Notice {
    data_dir: PathBuf,
    next: Option<Instant>,
    /// What could not be read, told once.
    told: Option<String>,
}

impl Notice {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), next: None, told: None }
    }

    /// Waits for the time of the next look.
    pub(super) async fn due(&self) {
        if let Some(next) = self.next {
            tokio::time::sleep_until(next).await;
        }
    }

    /// Until when somebody works on the node, if anybody does.
    pub(super) fn read(&mut self) -> Option<Timestamp> {
        self.next = Some(Instant::now() + INTERVAL);
        match maintenance::current(&self.data_dir, Timestamp::now()) {
            Ok(current) => {
                self.told = None;
                current.map(|current| current.until)
            }
            Err(error) => {
                let words = error.to_string();
                if self.told.as_ref() != Some(&words) {
                    tracing::warn!("no maintenance is assumed: {words}");
                    self.told = Some(words);
                }
                None
            }
        }
    }
}
