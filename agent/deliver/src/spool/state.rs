//! What a spool holds, and its totals.

use jiff::Timestamp;

use super::lane::{Fate, Kind};
use super::record::Signal;
use super::{Spool, timestamp};

/// What a spool holds, and its totals since [`SpoolState::since`], which survive restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolState {
    /// When the totals began.
    pub since: Timestamp,
    /// Records that wait.
    pub records: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// Bytes of all files of the spool, but for its ledger.
    pub file_bytes: u64,
    /// When the oldest record that waits came to be.
    pub oldest: Option<Timestamp>,
    /// Records that were spooled.
    pub spooled_total: u64,
    /// Records that the endpoint took.
    pub delivered_total: u64,
    /// Records that were dropped by the bound.
    pub dropped_total: u64,
    /// Their bytes.
    pub dropped_bytes_total: u64,
    /// Records that the endpoint refused for good.
    pub refused_total: u64,
    /// Of those, how many are still kept.
    pub refused_kept: u64,
    /// Records that could not be read any more.
    pub lost_total: u64,
    /// Ends of files that were not whole, as a crash leaves them.
    pub torn_total: u64,
    /// Both of these.
    pub healed_total: u64,
}

/// Records that were dropped by the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// How many since it was last told.
    pub records: u64,
    /// How many in all: what makes it one event however often it is told.
    pub total: u64,
    /// Bytes of those that this process dropped.
    pub bytes: u64,
    /// When the oldest and the newest that this process dropped came to be.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Spool {
    /// What it holds, and its totals.
    pub fn state(&self) -> SpoolState {
        let waits = Signal::ALL.map(|signal| self.lane(Kind::Waits(signal)));
        let sum = |of: fn(&super::Position) -> u64| self.ledger.lanes.iter().map(of).fold(0, u64::saturating_add);
        let gaps = self.lanes.iter().zip(&self.ledger.lanes).map(|(lane, position)| lane.gaps(position));
        let lost_total = gaps.fold(sum(|position| position.lost), u64::saturating_add);
        let torn_total = self.ledger.torn;
        let out_of_turn = |fate| waits.iter().map(|lane| lane.with_fate(fate)).sum::<u64>();
        let evicted = self.ledger.lanes.get(Kind::Refused.index()).map_or(0, |position| position.dropped);
        let evicted_bytes = self.ledger.lanes.get(Kind::Refused.index()).map_or(0, |position| position.dropped_bytes);
        SpoolState {
            since: timestamp(self.ledger.since),
            records: waits.iter().map(|lane| lane.records).sum(),
            bytes: waits.iter().map(|lane| lane.bytes).sum(),
            file_bytes: self.lanes.iter().map(super::lane::Lane::file_bytes).sum(),
            oldest: self.oldest().map(|(_, entry)| timestamp(entry.at)),
            spooled_total: waits.iter().map(|lane| lane.next).fold(0, u64::saturating_add),
            delivered_total: sum(|position| position.delivered).saturating_add(out_of_turn(Fate::Delivered)),
            dropped_total: sum(|position| position.dropped).saturating_sub(evicted),
            dropped_bytes_total: sum(|position| position.dropped_bytes).saturating_sub(evicted_bytes),
            refused_total: sum(|position| position.refused).saturating_add(out_of_turn(Fate::Refused)),
            refused_kept: self.lane(Kind::Refused).records,
            lost_total,
            torn_total,
            healed_total: lost_total.saturating_add(torn_total),
        }
    }

    /// Records that were dropped and that nobody was told of; none where there are none. They count as told of once something more was
    /// spooled, such as an event that tells of them: a crash before that tells again, with the same total.
    pub fn take_dropped(&mut self) -> Option<Dropped> {
        let total = self.state().dropped_total;
        let records = total.saturating_sub(self.taken);
        if records == 0 {
            return None;
        }
        self.taken = total;
        Some(Dropped { records, total, bytes: std::mem::take(&mut self.dropped_bytes), span: self.dropped_at.take() })
    }
}
