//! A write that is torn at each byte, and garbage at each byte.

use super::*;

const SEGMENT: &str = "logs-00000000000000000000.v1";
const SIZE: usize = 82;

/// A disk with records 1 to 3, of which 3 was the last write.
fn written() -> (Sim, Vec<u8>) {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    for number in 1..=3 {
        spool.append(&[log(number)], at(0)).unwrap();
    }
    let bytes = sim.state().files[SEGMENT].clone();
    assert_eq!(bytes.len(), 3 * SIZE);
    (sim, bytes)
}

/// Opens it, appends one more, opens it again; gives what waits before and after, and the last state.
fn survive(sim: &Sim) -> (Vec<u128>, Vec<u128>, crate::spool::SpoolState) {
    let mut spool = open(sim, LIMITS, 0).unwrap();
    let before = ids(&waiting(&mut spool, Signal::Logs));
    let healed = spool.state().healed_total;
    spool.append(&[log(9)], at(0)).unwrap();
    assert_adds_up(&spool);
    drop(spool);
    let mut spool = open(sim, LIMITS, 0).unwrap();
    let after = ids(&waiting(&mut spool, Signal::Logs));
    assert_eq!(spool.state().healed_total, healed, "counted once");
    assert_adds_up(&spool);
    (before, after, spool.state())
}

#[test]
fn the_last_write_is_cut_off_at_each_byte() {
    let (sim, bytes) = written();
    for length in 2 * SIZE..bytes.len() {
        let sim = sim.copy();
        sim.state().files.insert(SEGMENT.to_owned(), bytes[..length].to_vec());
        let (before, after, state) = survive(&sim);
        assert_eq!((before, after), (vec![1, 2], vec![1, 2, 9]), "at {length}");
        assert_eq!((state.torn_total, state.lost_total), (u64::from(length > 2 * SIZE), 0), "at {length}");
    }
}

#[test]
fn the_last_write_is_garbage_from_each_byte_on() {
    let (sim, bytes) = written();
    for begin in 2 * SIZE..bytes.len() {
        for garbage in [|_| 0, |_| 0xff, |byte: u8| byte ^ 0x10] {
            let mut torn = bytes.clone();
            torn[begin..].iter_mut().for_each(|byte| *byte = garbage(*byte));
            if torn == bytes {
                continue;
            }
            let sim = sim.copy();
            sim.state().files.insert(SEGMENT.to_owned(), torn);
            let (before, after, state) = survive(&sim);
            assert_eq!((before, after), (vec![1, 2], vec![1, 2, 9]), "at {begin}");
            assert_eq!((state.torn_total, state.lost_total), (1, 0), "at {begin}");
        }
    }
}

#[test]
fn each_byte_of_a_segment_is_flipped_and_only_its_record_is_lost() {
    let (sim, bytes) = written();
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1 << (index % 8);
        let sim = sim.copy();
        sim.state().files.insert(SEGMENT.to_owned(), flipped);
        let hit = index / SIZE;
        let (before, after, state) = survive(&sim);
        let left: Vec<u128> = (1..=3).filter(|number| *number != hit as u128 + 1).collect();
        assert_eq!(before, left, "at {index}");
        assert_eq!(after, [left, vec![9]].concat(), "at {index}");
        let is_last = hit == 2;
        assert_eq!((state.torn_total, state.lost_total), (u64::from(is_last), u64::from(!is_last)), "at {index}");
    }
}

#[test]
fn what_goes_bad_while_the_spool_is_open_is_skipped_and_counted() {
    let (sim, bytes) = written();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    let mut bad = bytes;
    bad[SIZE + 60] ^= 1;
    sim.state().files.insert(SEGMENT.to_owned(), bad);
    assert_eq!(ids(&waiting(&mut spool, Signal::Logs)), [1, 3]);
    assert_eq!((spool.state().lost_total, spool.state().records), (1, 2));
    let batch = spool.batch(9, usize::MAX).unwrap().unwrap();
    spool.acknowledge(&batch).unwrap();
    drop(spool);
    let spool = open(&sim, LIMITS, 0).unwrap();
    assert_eq!((spool.state().lost_total, spool.state().delivered_total), (1, 2));
    assert_adds_up(&spool);
}

#[test]
fn the_whole_of_all_files_is_garbage() {
    for byte in [0_u8, 0xff, b'P'] {
        let (sim, _) = written();
        sim.state().files.values_mut().for_each(|file| file.fill(byte));
        let (before, after, state) = survive(&sim);
        assert_eq!((before, after), (vec![], vec![9]));
        assert!(state.torn_total >= 1, "{state:?}");
    }
}

#[test]
fn each_byte_of_the_ledger_is_flipped_and_nothing_is_lost() {
    let sim = Sim::default();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    spool.append(&(0..20).map(log).collect::<Vec<_>>(), at(0)).unwrap();
    for _ in 0..3 {
        let batch = spool.batch(2, usize::MAX).unwrap().unwrap();
        spool.acknowledge(&batch).unwrap();
    }
    let ledger = sim.state().files["ledger.v1"].clone();
    for index in (0..ledger.len()).filter(|index| index % 4096 < 220) {
        let sim = sim.copy();
        sim.state().files.get_mut("ledger.v1").unwrap()[index] ^= 0x40;
        let (before, ..) = survive(&sim);
        // The older half of the ledger knows of the last but one.
        assert!(
            before == (6..20).collect::<Vec<_>>() || before == (4..20).collect::<Vec<_>>(),
            "at {index}: {before:?}"
        );
    }
}

#[test]
fn without_a_ledger_what_lies_there_is_delivered_again() {
    let (sim, _) = written();
    let mut spool = open(&sim, LIMITS, 0).unwrap();
    let batch = spool.batch(1, usize::MAX).unwrap().unwrap();
    spool.acknowledge(&batch).unwrap();
    drop(spool);
    sim.state().files.remove("ledger.v1");
    let (before, _, state) = survive(&sim);
    assert_eq!(before, [1, 2, 3]);
    assert_eq!((state.torn_total, state.lost_total), (1, 0));
}
