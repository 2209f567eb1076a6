//! Each rule of the contract by itself.

use super::*;
use crate::spool::MAX_RECORD;

#[test]
fn what_is_appended_comes_out_in_order_and_goes_when_it_is_acknowledged() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!(spool.batch(10, 1000).unwrap(), None);
    spool.append(&[log(1), record(Signal::Metrics, 2, 50), log(3)], at(3)).unwrap();
    spool.append(&[log(4)], at(4)).unwrap();
    let batch = spool.batch(2, usize::MAX).unwrap().unwrap();
    assert_eq!((batch.signal(), ids(batch.records())), (Signal::Logs, vec![1, 3]));
    assert_eq!(batch.body(), [log(1).bytes, log(3).bytes].concat());
    assert_eq!(spool.batch(2, usize::MAX).unwrap(), Some(batch.clone()), "not removed");
    spool.acknowledge(&batch).unwrap();
    let batch = spool.batch(10, usize::MAX).unwrap().unwrap();
    assert_eq!(ids(batch.records()), [2]);
    spool.acknowledge(&batch).unwrap();
    drop(spool);
    let mut spool = open(&sim, LIMITS, 5).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [4]);
    let batch = spool.batch(10, usize::MAX).unwrap().unwrap();
    spool.acknowledge(&batch).unwrap();
    let state = spool.state();
    assert_eq!((state.spooled_total, state.delivered_total, state.records, state.bytes), (4, 4, 0, 0));
    assert_eq!((state.oldest, state.since, state.healed_total), (None, at(0), 0));
    assert_eq!(sim.state().files.keys().cloned().collect::<Vec<_>>(), ["ledger.v1"], "no segment is left");
}

#[test]
fn a_batch_is_bounded_but_never_empty() {
    let mut spool = open(&Sim::default(), LIMITS, 0).unwrap();
    spool.append(&[log(1), log(2), log(3)], at(3)).unwrap();
    assert_eq!(spool.batch(1, usize::MAX).unwrap().unwrap().records().len(), 1);
    assert_eq!(spool.batch(9, 200).unwrap().unwrap().records().len(), 2);
    assert_eq!(spool.batch(9, 0).unwrap().unwrap().records().len(), 1);
}

#[test]
fn a_batch_is_halved_down_to_one_record() {
    let mut spool = open(&Sim::default(), LIMITS, 0).unwrap();
    spool.append(&[log(1), log(2), log(3)], at(3)).unwrap();
    let (older, newer) = spool.batch(9, usize::MAX).unwrap().unwrap().halves();
    assert_eq!((ids(older.records()), ids(newer.as_ref().unwrap().records())), (vec![1, 2], vec![3]));
    spool.acknowledge(&newer.unwrap()).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [1, 2]);
    assert_eq!(spool.state().delivered_total, 1, "out of turn, and counted");
    let (oldest, _) = older.halves();
    let (oldest, none) = oldest.halves();
    assert_eq!(none, None);
    spool.set_aside(&oldest.records()[0], "status 400: no field 7").unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [2]);
    assert_adds_up(&spool);
}

#[test]
fn poison_is_kept_apart_counted_once_and_bounded() {
    let sim = Sim::default();
    let limits = Limits { max_bytes: 64 * 1024, ..LIMITS };
    let mut spool = open(&sim, limits, 0).unwrap();
    for number in 0..100 {
        let poison = record(Signal::Logs, number, 1000);
        spool.append(std::slice::from_ref(&poison), at(0)).unwrap();
        spool.set_aside(&poison, "status 400").unwrap();
        spool.set_aside(&poison, "status 400").unwrap();
    }
    let state = open(&sim, limits, 0).unwrap().state();
    assert_eq!((state.refused_total, state.records, state.dropped_total), (100, 0, 0));
    assert!(state.refused_kept > 50 && state.refused_kept < 65, "{state:?}");
    assert!(state.file_bytes < 70 * 1024, "{state:?}");
}

#[test]
fn the_bound_drops_the_oldest_and_tells_of_it_once() {
    let sim = Sim::default();
    let limits = Limits { max_bytes: 10 * 82, ..LIMITS };
    let mut spool = open(&sim, limits, 0).unwrap();
    for number in 0..10 {
        spool.append(&[log(number)], at(0)).unwrap();
    }
    assert_eq!((spool.state().dropped_total, spool.take_dropped()), (0, None));
    spool.append(&[log(10), log(11)], at(0)).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), (2..12).collect::<Vec<_>>());
    let dropped = spool.take_dropped().unwrap();
    assert_eq!((dropped.records, dropped.total, dropped.bytes), (2, 2, 164));
    assert_eq!(dropped.span, Some((at(0), at(1))));
    assert_eq!(spool.take_dropped(), None);
    drop(spool);
    let mut spool = open(&sim, limits, 0).unwrap();
    let again = spool.take_dropped().unwrap();
    assert_eq!((again.records, again.total), (2, 2), "nothing was spooled since: perhaps nobody heard");
    spool.append(&[log(12)], at(0)).unwrap();
    drop(spool);
    let dropped = open(&sim, limits, 0).unwrap().take_dropped().unwrap();
    assert_eq!((dropped.records, dropped.total), (1, 3));
}

#[test]
fn what_is_too_old_is_dropped_when_time_passes_and_when_the_spool_is_opened() {
    let sim = Sim::default();
    let limits = Limits { max_age: Duration::from_secs(100), ..LIMITS };
    let mut spool = open(&sim, limits, 0).unwrap();
    spool.append(&[log(0), record(Signal::Metrics, 50, 9), log(90)], at(90)).unwrap();
    spool.expire(at(100)).unwrap();
    assert_eq!(spool.state().dropped_total, 0, "as old as may be");
    spool.expire(at(101)).unwrap();
    assert_eq!((spool.state().dropped_total, spool.state().oldest), (1, Some(at(50))));
    drop(spool);
    let spool = open(&sim, limits, 151).unwrap();
    assert_eq!((spool.state().dropped_total, spool.state().records), (2, 1));
}

#[test]
fn a_record_that_is_dropped_on_its_way_is_counted_and_does_no_harm() {
    let limits = Limits { max_bytes: 2 * 82, ..LIMITS };
    let mut spool = open(&Sim::default(), limits, 0).unwrap();
    spool.append(&[log(1), log(2)], at(0)).unwrap();
    let batch = spool.batch(9, usize::MAX).unwrap().unwrap();
    spool.append(&[log(3)], at(0)).unwrap();
    spool.acknowledge(&batch).unwrap();
    spool.set_aside(&log(1), "gone").unwrap();
    let state = spool.state();
    assert_eq!((state.dropped_total, state.delivered_total, state.refused_total, state.records), (1, 1, 0, 1));
    assert_adds_up(&spool);
}

#[test]
fn what_is_too_large_is_refused_and_nothing_of_it_is_spooled() {
    let mut spool = open(&Sim::default(), LIMITS, 0).unwrap();
    let records = [log(1), record(Signal::Metrics, 2, 2 * 1024 * 1024)];
    assert!(matches!(spool.append(&records, at(0)), Err(SpoolError::TooLarge { .. })));
    assert_eq!(spool.state().records, 0);
}

#[test]
fn the_least_bound_takes_the_largest_record() {
    let limits = Limits { max_bytes: Limits::MIN_BYTES, ..LIMITS };
    let mut spool = open(&Sim::default(), limits, 0).unwrap();
    spool.append(&[log(1), record(Signal::Logs, 2, MAX_RECORD)], at(0)).unwrap();
    assert_eq!((spool.state().records, spool.state().dropped_total), (2, 0));
}

#[test]
fn segments_are_bounded_and_go_one_by_one() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    let records: Vec<_> = (0..40).map(|number| record(Signal::Logs, number, 10_000)).collect();
    spool.append(&records, at(0)).unwrap();
    let largest = |sim: &Sim| sim.state().files.values().map(Vec::len).max().unwrap();
    assert!(largest(&sim) < 80_000);
    assert_eq!(sim.state().files.len(), 1 + 6, "seven records in each");
    let batch = spool.batch(8, usize::MAX).unwrap().unwrap();
    spool.acknowledge(&batch).unwrap();
    assert_eq!(sim.state().files.len(), 1 + 5);
    drop(spool);
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!(waiting(&mut spool, Signal::Logs), records[8..]);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    spool.append(&[log(1)], at(0)).unwrap();
    sim.state().is_full = true;
    for _ in 0..3 {
        let error = spool.append(&[record(Signal::Metrics, 2, 10), log(3)], at(0)).unwrap_err();
        assert!(matches!(error, SpoolError::Full { .. }), "{error:?}");
    }
    let batch = spool.batch(9, usize::MAX).unwrap().unwrap();
    assert_eq!(ids(batch.records()), [1]);
    spool.acknowledge(&batch).unwrap();
    drop(spool);
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!((spool.state().records, spool.state().delivered_total), (0, 1));
    sim.state().is_full = false;
    spool.append(&[log(3)], at(0)).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [3]);
    assert_eq!(spool.state().healed_total, 0);
}

#[test]
fn a_spool_is_opened_on_a_full_disk() {
    let sim = Sim::default();
    sim.state().is_full = true;
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert!(matches!(spool.append(&[log(3)], at(0)), Err(SpoolError::Full { .. })));
    sim.state().is_full = false;
    spool.append(&[log(3)], at(0)).unwrap();
    drop(spool);
    assert_eq!(ids(&waiting(&mut open(&sim, LIMITS, 0).unwrap(), Signal::Logs)), [3]);
}

#[test]
fn what_a_newer_agent_wrote_is_refused_and_kept() {
    let sim = Sim::default();
    drop(open(&sim, LIMITS, 0).unwrap());
    let name = "logs-00000000000000000000.v2";
    sim.state().files.insert(name.to_owned(), b"?".to_vec());
    sim.state().files.insert("notes".to_owned(), b"?".to_vec());
    assert!(matches!(open(&sim, LIMITS, 0), Err(SpoolError::Newer { .. })));
    assert!(sim.state().files.contains_key(name));
    sim.state().files.remove(name);
    drop(open(&sim, LIMITS, 0).unwrap());
    assert!(sim.state().files.contains_key("notes"), "it is none of ours");
}

#[test]
fn a_segment_that_is_gone_is_counted_as_lost() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    for number in 0..20 {
        spool.append(&[record(Signal::Logs, number, 10_000)], at(0)).unwrap();
    }
    drop(spool);
    sim.state().files.remove("logs-00000000000000000007.v1").unwrap();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), (0..7).chain(14..20).collect::<Vec<_>>());
    assert_eq!((spool.state().lost_total, spool.state().torn_total), (7, 0));
    assert_adds_up(&spool);
    let batch = spool.batch(99, usize::MAX).unwrap().unwrap();
    spool.acknowledge(&batch).unwrap();
    let state = open(&sim, LIMITS, 0).unwrap().state();
    assert_eq!((state.lost_total, state.delivered_total, state.spooled_total), (7, 13, 20));
}
