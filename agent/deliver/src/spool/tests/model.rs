//! A spool behaves as a plain list does, whatever is done to it and whenever it is opened anew.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::sim::Tear;
use super::*;
use crate::spool::Batch;
use crate::spool::record::HEADER;

#[derive(Debug, Clone)]
enum Step {
    /// Appends records of these signals and sizes, so many seconds later.
    Append(Vec<(bool, usize)>, i64),
    /// Takes so many and acknowledges them.
    Deliver(usize),
    /// Takes so many and acknowledges the newer half first.
    DeliverHalves(usize),
    /// Takes one and sets it aside.
    SetAside,
    /// Lets time pass.
    Expire(i64),
    Reopen,
    /// The next change but so many is cut short.
    Crash(usize, Tear),
    /// An append on a full disk.
    Full(Vec<(bool, usize)>),
    /// An append of which nothing succeeds.
    Broken(Vec<(bool, usize)>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let records = || prop::collection::vec((any::<bool>(), 0_usize..900), 1..5);
    let tear = prop_oneof![any::<u8>().prop_map(Tear::Prefix), any::<u8>().prop_map(Tear::Garbage)];
    let step = prop_oneof![
        6 => (records(), 1_i64..20).prop_map(|(records, later)| Step::Append(records, later)),
        3 => (1_usize..6).prop_map(Step::Deliver),
        1 => (2_usize..6).prop_map(Step::DeliverHalves),
        1 => Just(Step::SetAside),
        1 => (1_i64..60).prop_map(Step::Expire),
        2 => Just(Step::Reopen),
        2 => (0_usize..4, tear).prop_map(|(skip, tear)| Step::Crash(skip, tear)),
        1 => records().prop_map(Step::Full),
        1 => records().prop_map(Step::Broken),
    ];
    prop::collection::vec(step, 1..60)
}

/// The plain list.
#[derive(Debug, Clone, Default)]
struct Model {
    lanes: [VecDeque<Record>; 2],
    delivered: u64,
    dropped: u64,
    refused: u64,
}

const BOUND: Limits = Limits { max_bytes: 6_000, max_age: Duration::from_secs(100) };

impl Model {
    fn lane(&mut self, signal: Signal) -> &mut VecDeque<Record> {
        &mut self.lanes[usize::from(signal == Signal::Logs)]
    }

    fn bytes(&self) -> u64 {
        self.lanes.iter().flatten().map(|record| (HEADER + record.bytes.len()) as u64).sum()
    }

    fn oldest(&self) -> Option<Record> {
        let heads = self.lanes.iter().filter_map(VecDeque::front);
        heads.min_by_key(|record| (record.at, record.signal)).cloned()
    }

    fn bound(&mut self, now: i64) {
        while let Some(oldest) = self.oldest() {
            if oldest.at >= at(now - 100) && self.bytes() <= BOUND.max_bytes {
                break;
            }
            self.lane(oldest.signal).pop_front();
            self.dropped += 1;
        }
    }

    fn take(&mut self, records: &[Record]) {
        for record in records {
            self.lane(record.signal).retain(|kept| kept.id != record.id);
        }
    }
}

struct Pair {
    sim: Sim,
    spool: Spool,
    model: Model,
    now: i64,
    next: u32,
    /// Records of an append that a crash cut short.
    pending: Vec<Record>,
}

impl Pair {
    fn new() -> Self {
        let sim = Sim::default();
        let spool = open(&sim, BOUND, 0).unwrap();
        Self { sim, spool, model: Model::default(), now: 0, next: 0, pending: Vec::new() }
    }

    fn records(&mut self, of: &[(bool, usize)]) -> Vec<Record> {
        let now = self.now;
        let make = |(is_log, size): &(bool, usize)| {
            self.next += 1;
            Record { at: at(now), ..record(Signal::ALL[usize::from(*is_log)], self.next, *size) }
        };
        of.iter().map(make).collect()
    }

    fn step(&mut self, step: &Step) {
        let before = self.model.clone();
        match step {
            Step::Append(of, later) => {
                self.now += later;
                let records = self.records(of);
                let result = self.spool.append(&records, at(self.now));
                if result.is_ok() {
                    for record in records {
                        self.model.lane(record.signal).push_back(record);
                    }
                    self.model.bound(self.now);
                } else {
                    self.pending = records;
                }
            }
            Step::Deliver(count) => {
                let Some(batch) = self.spool.batch(*count, usize::MAX).unwrap() else { return };
                self.deliver(&batch);
            }
            Step::DeliverHalves(count) => {
                let Some(batch) = self.spool.batch(*count, usize::MAX).unwrap() else { return };
                let (older, newer) = batch.halves();
                if let Some(newer) = newer {
                    self.deliver(&newer);
                    self.check();
                }
                self.deliver(&older);
            }
            Step::SetAside => {
                let Some(batch) = self.spool.batch(1, usize::MAX).unwrap() else { return };
                if self.spool.set_aside(&batch.records()[0], "no").is_ok() || self.sim.state().is_crashed {
                    self.model.take(batch.records());
                    self.model.refused += 1;
                }
            }
            Step::Expire(later) => {
                self.now += later;
                self.model.bound(self.now);
                drop(self.spool.expire(at(self.now)));
            }
            Step::Reopen => self.reopen(),
            Step::Crash(skip, tear) => {
                let mut state = self.sim.state();
                state.crash_at = Some((state.changes + skip + 1, *tear));
            }
            Step::Full(of) => {
                let records = self.records(of);
                self.sim.state().is_full = true;
                self.spool.append(&records, at(self.now)).unwrap_err();
                self.sim.state().is_full = false;
                self.pending = records;
            }
            Step::Broken(of) => {
                let records = self.records(of);
                self.sim.state().is_broken = true;
                self.spool.append(&records, at(self.now)).unwrap_err();
                self.sim.state().is_broken = false;
                self.pending = records;
                if self.spool.expire(at(self.now)).is_ok() {
                    self.model.bound(self.now);
                }
            }
        }
        if self.sim.state().is_crashed {
            self.recover(&before);
        } else {
            self.pending.clear();
            self.check();
        }
    }

    fn deliver(&mut self, batch: &Batch) {
        self.model.take(batch.records());
        self.model.delivered += batch.records().len() as u64;
        drop(self.spool.acknowledge(batch));
    }

    fn reopen(&mut self) {
        if let Ok(spool) = open(&self.sim, BOUND, self.now) {
            self.spool = spool;
            self.model.bound(self.now);
        } else {
            assert!(self.sim.state().is_crashed);
        }
    }

    /// After a crash all is as it was before the step or after it, but for records that were being appended, of which each lane may have
    /// the first ones.
    fn recover(&mut self, before: &Model) {
        self.sim.restart();
        self.spool = open(&self.sim, BOUND, self.now).unwrap();
        let state = self.spool.state();
        let found = Signal::ALL.map(|signal| VecDeque::from(waiting(&mut self.spool, signal)));
        for model in [before.clone(), self.model.clone()] {
            let mut may = model;
            for lane in &found {
                let Some(last) = lane.back() else { continue };
                let end = self.pending.iter().position(|record| record.id == last.id);
                let came = self.pending.iter().take(end.map_or(0, |end| end + 1)).filter(|it| it.signal == last.signal);
                came.for_each(|record| may.lane(record.signal).push_back(record.clone()));
            }
            // What was dropped at once with the append may be all that came.
            may.bound(self.now);
            if may.lanes == found {
                // That nothing is missing in these, `assert_adds_up` tells.
                may.delivered = state.delivered_total;
                may.dropped = state.dropped_total;
                may.refused = state.refused_total;
                self.model = may;
                self.pending.clear();
                return self.check();
            }
        }
        panic!(
            "before {:?}\nafter {:?}\npending {:?}\nfound {:?}",
            before.lanes, self.model.lanes, self.pending, found
        );
    }

    fn check(&mut self) {
        for signal in Signal::ALL {
            let expected: Vec<Record> = self.model.lane(signal).iter().cloned().collect();
            assert_eq!(waiting(&mut self.spool, signal), expected);
        }
        let state = self.spool.state();
        assert_adds_up(&self.spool);
        assert_eq!(state.records, self.model.lanes.iter().flatten().count() as u64);
        assert_eq!(state.bytes, self.model.bytes());
        assert!(state.bytes <= BOUND.max_bytes);
        assert_eq!(state.oldest, self.model.oldest().map(|record| record.at));
        assert_eq!(state.lost_total, 0);
        assert_eq!(
            (state.delivered_total, state.dropped_total, state.refused_total),
            (self.model.delivered, self.model.dropped, self.model.refused)
        );
        // The bound, a segment and a record more for each lane, and what was set aside.
        let files: usize = self.sim.state().files.values().map(Vec::len).sum();
        assert!(files < 8192 + 6_000 + 3 * 5_200 + 64 * 1024, "{files}");
    }
}

proptest! {
    #[test]
    fn a_spool_is_a_list(steps in steps()) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
        }
        pair.sim.restart();
        pair.reopen();
        pair.check();
    }
}
