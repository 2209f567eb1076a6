//! A crash at each change of a file, in a life that has everything in it.

use std::collections::BTreeSet;

use super::sim::Tear;
use super::*;

/// What the caller knows: what it was promised, what the endpoint took, and what it set aside.
#[derive(Debug, Default)]
struct Known {
    spooled: BTreeSet<u128>,
    delivered: BTreeSet<u128>,
    refused: BTreeSet<u128>,
}

/// Appends, delivers, sets aside and drops, until something fails.
fn live(sim: &Sim, known: &mut Known, limits: Limits, first: u32) -> Result<(), SpoolError> {
    let mut spool = open(sim, limits, 0)?;
    for round in 0..6 {
        let number = first + round * 4;
        let records: Vec<_> =
            (number..number + 4).map(|number| record(Signal::ALL[usize::from(number % 3 == 0)], number, 700)).collect();
        spool.append(&records, at(0))?;
        known.spooled.extend(ids(&records));
        if round % 2 == 0 {
            continue;
        }
        let Some(batch) = spool.batch(3, usize::MAX)? else { continue };
        let (older, newer) = batch.halves();
        known.delivered.extend(ids(older.records()));
        spool.acknowledge(&older)?;
        if let Some(newer) = newer {
            known.refused.extend(ids(newer.records()));
            spool.set_aside(&newer.records()[0], "status 400")?;
        }
    }
    Ok(())
}

#[test]
fn a_crash_at_each_change_loses_nothing() {
    let limits = Limits { max_bytes: 9_000, ..LIMITS };
    let whole = Sim::default();
    live(&whole, &mut Known::default(), limits, 0).unwrap();
    let changes = whole.state().changes;
    assert!(changes > 25, "{changes}");
    for tear in [0, 1, 100, 254, 255].into_iter().flat_map(|share| [Tear::Prefix(share), Tear::Garbage(share)]) {
        for change in 1..=changes {
            let sim = Sim::default();
            let mut known = Known::default();
            sim.state().crash_at = Some((change, tear));
            live(&sim, &mut known, limits, 0).unwrap_err();
            sim.restart();
            let spool = open(&sim, limits, 0).unwrap();
            assert_eq!(spool.state().lost_total, 0, "{tear:?} at {change}");
            assert_adds_up(&spool);
            drop(spool);
            live(&sim, &mut known, limits, 1000).unwrap();
            let mut spool = open(&sim, limits, 0).unwrap();
            let left: BTreeSet<u128> =
                Signal::ALL.iter().flat_map(|signal| ids(&waiting(&mut spool, *signal))).collect();
            let gone = known
                .spooled
                .iter()
                .filter(|id| !left.contains(id) && !known.delivered.contains(id) && !known.refused.contains(id));
            let state = spool.state();
            assert!(gone.count() as u64 <= state.dropped_total, "{tear:?} at {change}: {state:?}");
            assert!(state.refused_total <= known.refused.len() as u64, "{tear:?} at {change}: {state:?}");
            assert_eq!(state.lost_total, 0, "{tear:?} at {change}");
            assert_adds_up(&spool);
        }
    }
}

#[test]
fn an_append_that_fails_and_cannot_be_undone_is_undone_before_the_next() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    spool.append(&[log(1)], at(0)).unwrap();
    sim.state().is_broken = true;
    assert!(matches!(spool.append(&[log(2), record(Signal::Metrics, 3, 9)], at(0)), Err(SpoolError::Store { .. })));
    assert!(matches!(spool.append(&[log(2)], at(0)), Err(SpoolError::Store { .. })));
    sim.state().is_broken = false;
    spool.append(&[log(4)], at(0)).unwrap();
    drop(spool);
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [1, 4]);
    assert_eq!((spool.state().spooled_total, spool.state().healed_total), (2, 0));
}
