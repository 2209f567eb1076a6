//! Logs of several places as they grow.

use portreeve_core::logs::Entry;
use portreeve_core::order::Order as _;

use super::follow::Follower;
use super::lines::Position;
use super::read::{Reading, Wanted};

/// Follows the files among some places.
#[derive(Debug)]
pub struct Tail {
    files: Vec<Followed>,
    wanted: Wanted,
}

#[derive(Debug)]
struct Followed {
    follower: Follower,
    reading: Reading,
    /// Whether its trouble was told.
    complained: bool,
}

impl Tail {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { files: Vec::new(), wanted }
    }

    pub(super) fn add(&mut self, follower: Follower, reading: Reading) {
        self.files.push(Followed { follower, reading, complained: false });
    }

    /// Whether there is a file to follow.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What was written since the last look, in the order of time.
    pub fn poll(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for Followed { follower, reading, complained } in &mut self.files {
            let result = follower.poll(&mut |line| entries.extend(reading.entry(line, &self.wanted)));
            match result {
                Ok(()) => *complained = false,
                Err(error) if !*complained => {
                    *complained = true;
                    tracing::warn!(%error, source = reading.source, "a log cannot be read");
                }
                Err(_) => {}
            }
        }
        entries.order_by_key(|entry| entry.at);
        entries
    }

    /// Where another process can go on, by path.
    pub fn positions(&self) -> impl Iterator<Item = (&str, &Position)> {
        self.files.iter().filter_map(|file| Some((file.reading.source.as_str(), file.follower.position()?)))
    }
}
