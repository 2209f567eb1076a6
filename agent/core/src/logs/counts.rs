//! Counters with a bounded number of keys.

use std::collections::BTreeMap;

use crate::order::Order as _;

/// Under what the keys beyond the bound are counted.
pub(super) const OTHERS: &str = "others";

/// How often each key came. Keys beyond the bound are counted together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts<K: Ord> {
    keys: BTreeMap<K, u64>,
    others: u64,
}

impl<K: Ord> Counts<K> {
    /// Counts a key; `own` makes it where it is new and `most` keys are not reached.
    pub(super) fn add<Q>(&mut self, key: &Q, most: usize, own: impl FnOnce() -> K)
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        if let Some(count) = self.keys.get_mut(key) {
            *count += 1;
        } else if self.keys.len() < most {
            self.keys.insert(own(), 1);
        } else {
            self.others += 1;
        }
    }

    /// The keys with their counts, most frequent first.
    pub(super) fn sorted(&self) -> Vec<(&K, u64)> {
        let mut counts: Vec<(&K, u64)> = self.keys.iter().map(|(key, count)| (key, *count)).collect();
        counts.order_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// What was counted without a key.
    pub(super) fn others(&self) -> u64 {
        self.others
    }
}
