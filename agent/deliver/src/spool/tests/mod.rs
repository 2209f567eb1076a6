//! A spool on a disk of which the tests decide what it does.

mod crash;
mod model;
mod rules;
mod sim;
mod torn;

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Limits, Record, Signal, Spool, SpoolError};
use sim::Sim;

const LIMITS: Limits = Limits { max_bytes: 1024 * 1024, max_age: Duration::from_hours(24) };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn record(signal: Signal, number: u32, size: usize) -> Record {
    let id = Uuid::from_u128(u128::from(number) + 1);
    let bytes = (0..size).map(|index| index.to_le_bytes()[0].wrapping_mul(number.to_le_bytes()[0] | 1)).collect();
    Record { id, signal, at: at(i64::from(number)), bytes }
}

fn log(number: u32) -> Record {
    record(Signal::Logs, number, 30)
}

fn open(sim: &Sim, limits: Limits, second: i64) -> Result<Spool, SpoolError> {
    Spool::on(Box::new(sim.clone()), None, limits, at(second))
}

/// All that waits, without taking it out.
fn waiting(spool: &mut Spool, signal: Signal) -> Vec<Record> {
    let batch = spool.batch_of(signal, usize::MAX, usize::MAX).unwrap();
    batch.map(|batch| batch.records().to_vec()).unwrap_or_default()
}

fn ids(records: &[Record]) -> Vec<u128> {
    records.iter().map(|record| record.id.as_u128() - 1).collect()
}

/// Each record that was spooled is somewhere.
fn assert_adds_up(spool: &Spool) {
    let state = spool.state();
    let gone = state.delivered_total + state.dropped_total + state.refused_total + state.lost_total;
    assert_eq!(state.spooled_total, gone + state.records, "{state:?}");
}
