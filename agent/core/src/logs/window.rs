//! How many events fell into any window of one length.

use std::collections::VecDeque;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many events came, and how many of them within any one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Windowed {
    /// How many came in all.
    pub total: u64,
    /// Length of the window, in seconds.
    pub window_s: u32,
    /// More than so many within one window are a finding.
    pub bar: u64,
    /// The most that any window held.
    pub most: u64,
    /// When the fullest window ended; none where no event had a time.
    #[schemars(with = "Option<String>")]
    pub most_at: Option<Timestamp>,
}

/// Counts events of one source within a sliding window, second by second.
#[derive(Debug, Clone)]
pub(super) struct Sliding {
    window_s: i64,
    /// Seconds with their counts, oldest first; at most as many as the window has.
    seconds: VecDeque<(i64, u64)>,
    held: u64,
    pub(super) total: u64,
    pub(super) most: u64,
    pub(super) most_at: Option<Timestamp>,
}

impl Sliding {
    pub(super) fn new(window_s: u32) -> Self {
        Self { window_s: window_s.into(), seconds: VecDeque::new(), held: 0, total: 0, most: 0, most_at: None }
    }

    pub(super) fn add(&mut self, at: Option<Timestamp>) {
        self.total += 1;
        let Some(at) = at else { return };
        let second = at.as_second();
        let last = self.seconds.back().map_or(second, |(last, _)| *last);
        // Another run of a log that was read out of order begins a window of its own.
        if second < last - self.window_s {
            self.seconds.clear();
            self.held = 0;
        }
        // Lines that overtook one another by a little belong together.
        let second = second.max(self.seconds.back().map_or(second, |(last, _)| *last));
        match self.seconds.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        self.held += 1;
        while let Some((first, count)) = self.seconds.front().copied()
            && first < second - self.window_s
        {
            self.seconds.pop_front();
            self.held -= count;
        }
        if self.held > self.most {
            self.most = self.held;
            self.most_at = Some(at);
        }
    }
}

impl Windowed {
    /// What several sources counted: their sum, and the fullest window of any.
    pub(super) fn of<'a>(counts: impl Iterator<Item = &'a Sliding>, window_s: u32, bar: u64) -> Self {
        let mut all = Self { total: 0, window_s, bar, most: 0, most_at: None };
        for count in counts {
            all.total += count.total;
            if count.most > all.most {
                all.most = count.most;
                all.most_at = count.most_at;
            }
        }
        all
    }

    /// Whether some window held more than the bar.
    pub fn is_storm(&self) -> bool {
        self.most > self.bar
    }
}
