//! A node and a daemon that pass their days in a moment.

use std::collections::BTreeMap;

use super::*;
use crate::history::{History, Moment};
use crate::status::{Cause, Judgement};

/// A node and a daemon whose clocks are turned by the test.
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) since: Duration,
    /// Time of day less [`World::since`], in seconds.
    pub(super) offset: i64,
    pub(super) running: BTreeMap<u64, (Lane, Duration)>,
    /// What is wrong with the node; the gateway is proven where nothing is.
    pub(super) wrong: Option<Code>,
    pub(super) owner: u32,
    pub(super) hangs: bool,
    pub(super) history: History,
    pub(super) begun: Vec<(Duration, Lane)>,
    pub(super) given_up: Vec<Lane>,
    pub(super) woke: usize,
    pub(super) set: usize,
    images: Runs,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let since = Duration::from_secs(1_000);
        let offset = 1_800_000_000;
        let now = Now { since, wall: Timestamp::from_second(offset + 1_000).unwrap() };
        let (machine, actions) = Machine::new(settings, Runs::default(), "node", now);
        let mut world = Self {
            machine,
            since,
            offset,
            running: BTreeMap::new(),
            wrong: None,
            owner: 1,
            hangs: false,
            history: History::default(),
            begun: Vec::new(),
            given_up: Vec::new(),
            woke: 0,
            set: 0,
            images: Runs::default(),
        };
        world.take(actions);
        world
    }

    fn now(&self) -> Now {
        let seconds = i64::try_from(self.since.as_secs()).unwrap();
        let nanos = i32::try_from(self.since.subsec_nanos()).unwrap();
        Now { since: self.since, wall: Timestamp::new(self.offset + seconds, nanos).unwrap() }
    }

    fn moment(&self) -> Moment {
        Moment { wall: self.now().wall, uptime: self.since, boot: Some("one".to_owned()) }
    }

    pub(super) fn tell(&mut self, event: Event) {
        let actions = self.machine.on(self.now(), event);
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Run { ticket, lane, .. } => {
                    let takes = match lane {
                        Lane::Glance => Duration::from_millis(1),
                        Lane::Fast => Duration::from_millis(40),
                        Lane::Slow if self.hangs => Duration::from_secs(100_000),
                        Lane::Slow => Duration::from_secs(2),
                        Lane::Locks => Duration::from_secs(10),
                        Lane::Images => Duration::from_secs(5),
                        Lane::Acceptance => Duration::from_mins(2),
                    };
                    assert!(self.running.values().filter(|(other, _)| *other == lane).count() == 0, "{lane:?} twice");
                    self.begun.push((self.since, lane));
                    self.running.insert(ticket, (lane, self.since + takes));
                }
                Action::GiveUp { ticket, lane, is_overdue, .. } => {
                    self.given_up.push(lane);
                    self.running.remove(&ticket);
                    if is_overdue && lane == Lane::Slow {
                        self.history.note(&Judgement::unknown("overdue", self.now().wall), &self.moment());
                    }
                    self.tell(Event::Gone { ticket });
                }
                Action::Woke { .. } => self.woke += 1,
                Action::ClockSet { .. } => self.set += 1,
            }
        }
    }

    fn pulse(&self) -> Pulse {
        match self.wrong {
            None => Pulse { proven: true, what: format!("pid {}", self.owner) },
            Some(code) => Pulse { proven: false, what: format!("{code} after {} ms", self.since.as_millis()) },
        }
    }

    fn end(&mut self, ticket: u64, lane: Lane) {
        self.running.remove(&ticket);
        let mut images = None;
        let mut pulse = None;
        match lane {
            Lane::Slow => {
                pulse = Some(self.pulse());
                let at = self.now().wall;
                let causes =
                    self.wrong.map(|code| Cause { code: Some(code), subject: "it".to_owned(), summary: String::new() });
                let verdict = if self.wrong.is_some() { Verdict::Blocked } else { Verdict::Ready };
                let judged = Judgement { verdict, causes: causes.into_iter().collect(), ..Judgement::unknown("", at) };
                self.history.note(&judged, &self.moment());
            }
            Lane::Fast => pulse = Some(self.pulse()),
            Lane::Images => {
                self.images = self.images.after(self.now().wall, true);
                images = Some(self.images);
            }
            Lane::Glance | Lane::Locks | Lane::Acceptance => {}
        }
        self.tell(Event::Done { ticket, ended: Ended::Well { pulse, images } });
    }

    /// Lets time pass, with the daemon at work.
    pub(super) fn pass(&mut self, seconds: u64) {
        let end = self.since + Duration::from_secs(seconds);
        loop {
            let done = self.running.iter().map(|(ticket, (lane, at))| (*at, *ticket, *lane)).min();
            let wake = self.machine.wake_at().unwrap_or(end).max(self.since);
            match done {
                Some((at, ticket, lane)) if at <= wake && at <= end => {
                    self.since = at;
                    self.end(ticket, lane);
                }
                _ if wake <= end => {
                    self.since = wake;
                    self.tell(Event::Tick);
                }
                _ => break,
            }
        }
        self.since = end;
    }

    /// Time passes and nothing runs, as in sleep. What ran goes on where it was.
    pub(super) fn sleep(&mut self, seconds: u64) {
        let slept = Duration::from_secs(seconds);
        self.since += slept;
        for (_, at) in self.running.values_mut() {
            *at += slept;
        }
        self.tell(Event::Tick);
    }

    pub(super) fn count(&self, lane: Lane, from: Duration) -> usize {
        self.begun.iter().filter(|(at, begun)| *begun == lane && *at >= from).count()
    }

    pub(super) fn verdicts(&self) -> Vec<(Verdict, Option<Code>)> {
        self.history
            .spells
            .iter()
            .map(|spell| (spell.verdict, spell.causes.first().and_then(|cause| cause.code)))
            .collect()
    }
}
