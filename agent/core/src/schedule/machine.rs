//! What the daemon does next.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Action, Ended, Event, Lane, Now, Place, Pulse, Settings, Urgency};
use crate::images::schedule::{Runs, jitter};
use crate::order::Gather as _;

/// An event that comes so much later than it was waited for means that the machine slept.
const SLEPT: Duration = Duration::from_secs(30);
/// After a wake the network and the engines get so long to come back.
const SETTLE: Duration = Duration::from_secs(5);
/// A step of the clock below this is ordinary.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Changes so far apart belong together: after an owner, and after a file.
const QUIET: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// A row of changes waits no longer than so.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// So many looks for a change follow each other at once; then one each [`RARELY`], by what changed. Owners come and go with each call of a
/// command line too, and a second one must not wait half a minute for that.
const BURST: usize = 6;
const BURST_WITHIN: Duration = Duration::from_mins(5);
const RARELY: [Duration; 2] = [Duration::from_secs(8), Duration::from_secs(30)];
/// The first time to wait after a failure.
const RETRY: Duration = Duration::from_secs(30);
/// So many that were given up and do not go away are left behind in one place before it is closed.
const MAX_STUCK: usize = 3;
/// After the start, other work comes before images.
const IMAGES_AFTER: Duration = Duration::from_mins(2);

/// The schedule. Told of each [`Event`] with its time, it gives the actions to take, in order.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    begun: Duration,
    last: Now,
    /// When it wanted to hear of the time.
    expected: Option<Duration>,
    tickets: u64,
    plans: BTreeMap<Lane, Plan>,
    running: BTreeMap<Place, Running>,
    stuck: BTreeMap<u64, Place>,
    change: Option<Change>,
    /// Looks that a change led to, oldest first.
    recent: VecDeque<Duration>,
    /// A look was begun anew for a change, and none has ended since.
    is_restarted: bool,
    fast_pulse: Option<Pulse>,
    slow_pulse: Option<Pulse>,
    images: Runs,
    node: String,
}

#[derive(Debug, Clone, Default)]
struct Plan {
    next: Option<Duration>,
    failures: u32,
    runs: u64,
    last: LaneState,
}

/// What became of a lane so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneState {
    /// When it last ended well.
    pub ended_at: Option<Timestamp>,
    /// How long that took.
    pub took: Option<Duration>,
    /// Runs that were begun.
    pub runs: u64,
    /// Why the last one ended badly; none where it ended well.
    pub failure: Option<String>,
    /// When it is due again, if nothing happens before.
    pub due_in: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    ticket: u64,
    lane: Lane,
    began: Duration,
    until: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    first: Duration,
    last: Duration,
    urgency: Urgency,
}

impl Change {
    fn ripe_at(&self) -> Duration {
        (self.last + self.of(QUIET)).min(self.first + self.of(PATIENCE))
    }

    fn of(&self, [owner, calm]: [Duration; 2]) -> Duration {
        if self.urgency == Urgency::Owner { owner } else { calm }
    }
}

impl Machine {
    /// A schedule that begins, and the first actions. `images` are the runs that are remembered, `node` names this node among others.
    pub fn new(settings: Settings, images: Runs, node: &str, now: Now) -> (Self, Vec<Action>) {
        let mut plans: BTreeMap<Lane, Plan> = Lane::ALL.into_iter().map(|lane| (lane, Plan::default())).gather();
        for (lane, plan) in &mut plans {
            plan.next = match lane {
                Lane::Glance | Lane::Slow => Some(now.since),
                Lane::Fast => Some(now.since + settings.fast),
                Lane::Locks => {
                    settings.period(Lane::Locks).map(|period| now.since + period.min(Duration::from_mins(1)))
                }
                Lane::Images | Lane::Acceptance => None,
            };
        }
        let mut machine = Self {
            settings,
            begun: now.since,
            last: now,
            expected: None,
            tickets: 0,
            plans,
            running: BTreeMap::new(),
            stuck: BTreeMap::new(),
            change: None,
            recent: VecDeque::new(),
            is_restarted: false,
            fast_pulse: None,
            slow_pulse: None,
            images,
            node: node.to_owned(),
        };
        let actions = machine.on(now, Event::Tick);
        (machine, actions)
    }

    /// What to do after an event.
    pub fn on(&mut self, now: Now, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        // A clock that cannot go back may still be read by two processors.
        let now = Now { since: now.since.max(self.last.since), wall: now.wall };
        self.pass(now, &mut actions);
        match event {
            Event::Tick => {}
            Event::Changed(urgency) => self.changed(now, urgency),
            Event::Done { ticket, ended } => self.done(now, ticket, ended),
            Event::Gone { ticket } => {
                self.stuck.remove(&ticket);
            }
            Event::Wanted(lane, after) => {
                let wanted = now.since + after;
                let runs = self.running.values().any(|running| running.lane == lane);
                if let Some(plan) = self.plans.get_mut(&lane).filter(|_| !runs) {
                    plan.next = Some(plan.next.map_or(wanted, |next| next.min(wanted)));
                }
            }
            Event::Configured(settings) => self.configured(now, settings),
        }
        self.overdue(now, &mut actions);
        self.start(now, &mut actions);
        self.expected = self.wake_at();
        actions
    }

    /// When it wants to hear of the time again, on the clock that is never set.
    pub fn wake_at(&self) -> Option<Duration> {
        let deadlines = self.running.values().map(|running| running.until);
        let plans = self.plans.iter().filter(|(lane, _)| self.is_free(lane.place()));
        let due = plans.filter_map(|(_, plan)| plan.next);
        let change = self
            .change
            .filter(|change| self.is_free(Place::Short) || (change.urgency == Urgency::Owner && !self.is_restarted));
        deadlines.chain(due).chain(change.map(|change| self.change_due(&change))).min()
    }

    /// What became of a lane.
    pub fn state(&self, lane: Lane) -> LaneState {
        let plan = self.plans.get(&lane).cloned().unwrap_or_default();
        let next = match lane {
            Lane::Images => self.images_next(),
            _ => plan.next.map(|next| next.saturating_sub(self.last.since)),
        };
        LaneState { runs: plan.runs, due_in: next, ..plan.last }
    }

    /// How many of those that were given up have not gone away.
    pub fn stuck(&self) -> usize {
        self.stuck.len()
    }

    /// Whether no look that gives a verdict can begin any more, since too many do not go away.
    pub fn is_closed(&self) -> bool {
        self.stuck.values().filter(|stuck| **stuck == Place::Short).count() >= MAX_STUCK
    }

    /// Notices sleep and a clock that was set.
    fn pass(&mut self, now: Now, actions: &mut Vec<Action>) {
        let passed = now.since.saturating_sub(self.last.since);
        let late = self.expected.map_or(Duration::ZERO, |expected| now.since.saturating_sub(expected));
        let wall = now.wall.duration_since(self.last.wall);
        let by = SignedDuration::try_from(passed).map_or(SignedDuration::ZERO, |passed| wall - passed);
        self.last = now;
        if late >= SLEPT {
            actions.push(Action::Woke { slept: late });
            for running in self.running.values_mut() {
                // What slept along has not used its time.
                running.until += late;
            }
            for (lane, plan) in self.plans.iter_mut().filter(|(lane, _)| **lane != Lane::Glance) {
                // What was missed is made up for once, and the look at everything does for the quick one.
                let first = now.since + SETTLE + if *lane == Lane::Fast { self.settings.fast } else { Duration::ZERO };
                plan.next = plan.next.map(|next| next.max(first));
            }
            self.changed(now, Urgency::Calm);
            if let Some(change) = &mut self.change {
                change.last = now.since + SETTLE;
            }
        }
        if by.abs() > STEP {
            actions.push(Action::ClockSet { by });
            self.changed(now, Urgency::Calm);
        }
    }

    fn changed(&mut self, now: Now, urgency: Urgency) {
        let change = self.change.get_or_insert(Change { first: now.since, last: now.since, urgency });
        change.last = now.since;
        if urgency > change.urgency {
            change.urgency = urgency;
            change.first = now.since;
        }
    }

    fn done(&mut self, now: Now, ticket: u64, ended: Ended) {
        let Some(running) = self.running.values().find(|running| running.ticket == ticket).copied() else {
            // It was given up, and ended after all.
            self.stuck.remove(&ticket);
            return;
        };
        self.running.remove(&running.lane.place());
        match ended {
            Ended::Well { pulse, images } => {
                self.well(now, &running);
                if let Some(runs) = images {
                    // One that left nothing behind is not to be begun again at once.
                    self.images = if runs.last == self.images.last { runs.after(now.wall, false) } else { runs };
                }
                match running.lane {
                    Lane::Slow => {
                        self.slow_pulse = pulse;
                        self.is_restarted = false;
                        // It has looked at the rungs as well.
                        if let Some(fast) = self.plans.get_mut(&Lane::Fast) {
                            fast.next = Some(now.since + self.settings.fast);
                        }
                    }
                    Lane::Fast => self.compare(now, pulse),
                    // What was found may change the verdict.
                    Lane::Acceptance => self.changed(now, Urgency::Calm),
                    Lane::Glance | Lane::Locks | Lane::Images => {}
                }
            }
            Ended::Badly(why) => self.badly(now, running.lane, why),
        }
    }

    /// A pulse that is neither that of the last fast look nor that of the last verdict calls for a new verdict.
    fn compare(&mut self, now: Now, pulse: Option<Pulse>) {
        let Some(pulse) = pulse else { return };
        let known = |before: &Option<Pulse>| before.as_ref().is_some_and(|before| before.is_same(&pulse));
        if !known(&self.fast_pulse) && !known(&self.slow_pulse) {
            self.changed(now, Urgency::Owner);
        }
        self.fast_pulse = Some(pulse);
    }

    fn well(&mut self, now: Now, running: &Running) {
        let settings = self.settings;
        if let Some(plan) = self.plans.get_mut(&running.lane) {
            plan.failures = 0;
            plan.last = LaneState {
                ended_at: Some(now.wall),
                took: Some(now.since.saturating_sub(running.began)),
                ..LaneState::default()
            };
            plan.next = settings
                .period(running.lane)
                .map(|period| now.since + period + settings.jitter(running.lane, plan.runs));
        }
    }

    fn badly(&mut self, now: Now, lane: Lane, why: String) {
        if lane == Lane::Images {
            self.images = self.images.after(now.wall, false);
        }
        let period = self.settings.period(lane);
        if let Some(plan) = self.plans.get_mut(&lane) {
            plan.failures = plan.failures.saturating_add(1);
            plan.last.failure = Some(why);
            plan.next = period.map(|period| now.since + pause(period, plan.failures));
        }
        if lane == Lane::Fast {
            // What the quick way cannot tell, the long one says.
            self.changed(now, Urgency::Owner);
        }
    }

    fn overdue(&mut self, now: Now, actions: &mut Vec<Action>) {
        let late: Vec<Running> = self.running.values().filter(|running| running.until <= now.since).copied().collect();
        for running in late {
            self.give_up(now, running, true, actions);
            let limit = self.settings.limit(running.lane).as_secs();
            self.badly(now, running.lane, format!("it did not end within {limit} s"));
        }
    }

    fn give_up(&mut self, now: Now, running: Running, is_overdue: bool, actions: &mut Vec<Action>) {
        let place = running.lane.place();
        self.running.remove(&place);
        self.stuck.insert(running.ticket, place);
        let after = now.since.saturating_sub(running.began);
        actions.push(Action::GiveUp { ticket: running.ticket, lane: running.lane, after, is_overdue });
    }

    fn is_free(&self, place: Place) -> bool {
        let stuck = self.stuck.values().filter(|stuck| **stuck == place).count();
        // A glance cannot be killed.
        let most = if place == Place::Glance { 1 } else { MAX_STUCK };
        !self.running.contains_key(&place) && stuck < most
    }

    /// When a change is looked at: soon, unless there were many.
    fn change_due(&self, change: &Change) -> Duration {
        let ripe = change.ripe_at();
        match self.recent.back() {
            Some(last) if self.recent.len() >= BURST => ripe.max(*last + change.of(RARELY)),
            _ => ripe,
        }
    }

    fn images_next(&self) -> Option<Duration> {
        let period = self.settings.images_s;
        (period > 0).then_some(())?;
        let next = self.images.next(self.last.wall, period, jitter(&self.node, period));
        let due = Duration::try_from(next.duration_since(self.last.wall)).unwrap_or_default();
        Some(due.max((self.begun + IMAGES_AFTER).saturating_sub(self.last.since)))
    }

    fn start(&mut self, now: Now, actions: &mut Vec<Action>) {
        while self.recent.front().is_some_and(|oldest| *oldest + BURST_WITHIN < now.since) {
            self.recent.pop_front();
        }
        let is_due = self.change.is_some_and(|change| self.change_due(&change) <= now.since);
        if is_due {
            let looking = self.running.get(&Place::Short).copied();
            let is_urgent = self.change.is_some_and(|change| change.urgency == Urgency::Owner);
            if let Some(running) = looking
                && is_urgent
                && !self.is_restarted
                && self.change.is_some_and(|change| change.last >= running.began)
            {
                self.is_restarted = true;
                self.give_up(now, running, false, actions);
            }
            if self.is_free(Place::Short) {
                self.change = None;
                self.recent.push_back(now.since);
                if self.recent.len() > BURST {
                    self.recent.pop_front();
                }
                self.run(now, Lane::Slow, actions);
            }
        }
        for lane in [Lane::Glance, Lane::Slow, Lane::Fast, Lane::Acceptance, Lane::Locks] {
            let due = self.plans.get(&lane).and_then(|plan| plan.next).is_some_and(|next| next <= now.since);
            if due && self.is_free(lane.place()) {
                if lane == Lane::Slow {
                    self.change = None;
                }
                self.run(now, lane, actions);
            }
        }
        if self.images_next() == Some(Duration::ZERO) && self.is_free(Place::Long) {
            self.run(now, Lane::Images, actions);
        }
    }

    fn run(&mut self, now: Now, lane: Lane, actions: &mut Vec<Action>) {
        self.tickets += 1;
        let limit = self.settings.limit(lane);
        let running = Running { ticket: self.tickets, lane, began: now.since, until: now.since + limit };
        self.running.insert(lane.place(), running);
        if let Some(plan) = self.plans.get_mut(&lane) {
            plan.runs += 1;
            plan.next = None;
        }
        actions.push(Action::Run { ticket: self.tickets, lane, limit });
    }

    fn configured(&mut self, now: Now, settings: Settings) {
        self.settings = settings;
        for (lane, plan) in &mut self.plans {
            match settings.period(*lane) {
                Some(period) => plan.next = plan.next.map(|next| next.min(now.since + period)),
                None => plan.next = plan.next.filter(|_| *lane == Lane::Acceptance),
            }
        }
        if let (Some(period), Some(locks)) = (settings.period(Lane::Locks), self.plans.get_mut(&Lane::Locks))
            && locks.next.is_none()
            && !self.running.values().any(|running| running.lane == Lane::Locks)
        {
            locks.next = Some(now.since + period);
        }
        if let Some(slow) = self.plans.get_mut(&Lane::Slow) {
            slow.next = Some(now.since);
        }
        if self.running.values().any(|running| running.lane == Lane::Slow) {
            // What runs goes by the settings of before.
            self.changed(now, Urgency::Calm);
        }
    }
}

/// The time to wait after so many failures in a row: it doubles, up to the period, and at least to some minutes.
fn pause(period: Duration, failures: u32) -> Duration {
    let first = period.min(RETRY);
    let most = period.max(first * 10);
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most)
}
