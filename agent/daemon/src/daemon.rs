//! The loop.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use portreeve_core::Verdict;
use portreeve_core::images::schedule::Runs;
use portreeve_core::schedule::{Action, Ended, Event, Found, Lane, Machine, Now, Subjects, Urgency};
use portreeve_core::status::Judgement;
use portreeve_store::{Folder, StoreError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::engines::Engines;
use crate::glancer::Glancer;
use crate::keeper::{self, Keeper};
use crate::lane::Running;
use crate::usage::Meter;
use crate::{Config, DaemonError, Sink, os};

/// Held for the daemon's whole life, in the data folder.
const LOCK: &str = "daemon.lock";
/// Files of the data folder that other commands write.
const OWN_FILES: [&str; 3] = ["maintenance.json", "accepted.json", "selftest.json"];
/// How long a daemon that ends before this one may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest time between two documents that everybody may read.
const MAX_BEAT: Duration = Duration::from_mins(1);
/// Between two looks at what the daemon itself uses.
const MEASURE: Duration = Duration::from_mins(1);
/// How long lanes may take to end with the daemon.
const LAST: Duration = Duration::from_secs(1);
/// After which the daemon ends in any case.
const END: Duration = Duration::from_millis(1_800);

/// What comes to the loop.
#[derive(Debug)]
pub(crate) enum Heard {
    /// For the schedule.
    Event(Event),
    /// Something on the node is not as it was: what.
    Changed(Urgency, String),
    /// A lane has ended.
    Lane { ticket: u64, lane: Lane, found: Result<Box<Found>, String> },
}

/// Runs until a signal ends it. `reload` reads the configuration anew; what it refuses changes nothing.
pub async fn run(
    config: Config,
    images: Runs,
    reload: impl Fn() -> Result<Config, String>,
    sink: impl Sink,
) -> Result<(), DaemonError> {
    let system = |doing: &'static str| move |source: io::Error| DaemonError::System { doing, source };
    let folder = Folder::create(&config.data_dir).map_err(DaemonError::Folder)?;
    let _lock = folder.lock(LOCK, PATIENCE).map_err(|error| match error {
        StoreError::Held { .. } => DaemonError::Runs(error),
        other => DaemonError::Folder(other),
    })?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system("take signals over"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("take signals over"))?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(system("take signals over"))?;
    let patience = config.schedule.slow * 2 + Duration::from_mins(1);
    let keeper = Keeper::open(folder, patience)?;
    let (answers, mut heard) = unbounded_channel();
    let glancer = Glancer::start(answers.clone()).map_err(system("start a thread"))?;
    os::uptime().map_err(system("read the clock"))?;
    let node = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (machine, actions) = Machine::new(config.schedule, images, &node, now());
    let mut work = Work {
        config,
        machine,
        keeper,
        glancer,
        sink,
        answers,
        subjects: Subjects::default(),
        engines: Engines::default(),
        running: BTreeMap::new(),
        given_up: BTreeMap::new(),
        meter: Meter::default(),
        next_beat: Duration::ZERO,
        next_measure: now().since,
    };
    tracing::info!(pid = std::process::id(), version = work.config.version, "the daemon has begun");
    work.act(actions);
    loop {
        work.publish_if_due();
        let sleep = work.sleep();
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => work.reload(&reload),
            Some(heard) = heard.recv() => work.hear(heard),
            () = tokio::time::sleep(sleep) => work.tell(Event::Tick),
        }
    }
    work.end(&mut heard).await;
    Ok(())
}

fn now() -> Now {
    // That the clock can be read was seen at the start.
    Now { since: os::uptime().unwrap_or_default(), wall: Timestamp::now() }
}

struct Work<S> {
    config: Config,
    machine: Machine,
    keeper: Keeper,
    glancer: Glancer,
    sink: S,
    answers: UnboundedSender<Heard>,
    subjects: Subjects,
    engines: Engines,
    running: BTreeMap<u64, Running>,
    given_up: BTreeMap<u64, Running>,
    meter: Meter,
    next_beat: Duration,
    next_measure: Duration,
}

impl<S: Sink> Work<S> {
    fn tell(&mut self, event: Event) {
        let actions = self.machine.on(now(), event);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Run { ticket, lane: Lane::Glance, .. } => self.glancer.ask(ticket, self.subjects.clone()),
                Action::Run { ticket, lane, .. } => self.start(ticket, lane),
                Action::GiveUp { ticket, lane, after, is_overdue } => self.give_up(ticket, lane, after, is_overdue),
                Action::Woke { slept } => {
                    tracing::info!(slept_s = slept.as_secs(), "the machine has slept");
                    self.sink.slept(slept);
                }
                Action::ClockSet { by } => tracing::warn!(by_s = by.as_secs(), "the clock was set"),
            }
        }
    }

    fn start(&mut self, ticket: u64, lane: Lane) {
        tracing::debug!(lane = lane.name(), "begins");
        let settings = self.config.lane_settings.clone();
        match Running::start(ticket, lane, &self.config.lane_words, settings, self.answers.clone()) {
            Ok(running) => {
                self.running.insert(ticket, running);
            }
            Err(error) => {
                let found = Err(format!("it cannot be started: {error}"));
                // The loop listens as long as it lives.
                drop(self.answers.send(Heard::Lane { ticket, lane, found }));
            }
        }
    }

    fn give_up(&mut self, ticket: u64, lane: Lane, after: Duration, is_overdue: bool) {
        let lane_name = lane.name();
        if let Some(running) = self.running.remove(&ticket) {
            running.give_up();
            self.given_up.insert(ticket, running);
        }
        if !is_overdue {
            tracing::debug!(lane = lane_name, "begins anew, since an owner has changed");
            return;
        }
        tracing::error!(lane = lane_name, after_s = after.as_secs(), "does not end, and is given up");
        self.sink.looked(lane, false, None);
        if lane == Lane::Slow {
            self.judge(Judgement::unknown(
                &format!("looking at the node did not end within {} s", after.as_secs()),
                Timestamp::now(),
            ));
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Event(event) => self.tell(event),
            Heard::Changed(urgency, what) => {
                tracing::info!("{what}");
                self.tell(Event::Changed(urgency));
            }
            Heard::Lane { ticket, lane, found } => {
                if self.given_up.remove(&ticket).is_some() {
                    return self.tell(Event::Gone { ticket });
                }
                self.running.remove(&ticket);
                let acceptance = found.as_ref().ok().and_then(|found| found.acceptance_in_s);
                let ended = match found {
                    Ok(found) => self.take(lane, *found),
                    Err(why) => {
                        tracing::error!(lane = lane.name(), "{why}");
                        self.sink.looked(lane, false, None);
                        if lane == Lane::Slow {
                            self.judge(Judgement::unknown(
                                &format!("looking at the node failed: {why}"),
                                Timestamp::now(),
                            ));
                        }
                        Ended::Badly(why)
                    }
                };
                self.tell(Event::Done { ticket, ended });
                if let Some(seconds) = acceptance {
                    self.tell(Event::Wanted(Lane::Acceptance, Duration::from_secs(seconds)));
                }
            }
        }
    }

    fn take(&mut self, lane: Lane, found: Found) -> Ended {
        for note in found.notes {
            tracing::warn!(lane = lane.name(), "{note}");
        }
        if let Some(mut subjects) = found.subjects {
            // What other commands of this program leave there bears on the verdict.
            let own = self.keeper.folder().path();
            subjects.files.extend(OWN_FILES.map(|name| own.join(name).display().to_string()));
            self.engines.follow(&subjects, &self.answers);
            self.subjects = subjects;
        }
        self.sink.looked(lane, true, found.measures);
        if let Some(judgement) = found.judgement {
            self.judge(judgement);
        }
        Ended::Well { pulse: found.pulse, images: found.images }
    }

    fn judge(&mut self, judgement: Judgement) {
        let change = self.keeper.note(judgement);
        if let Some(judgement) = self.keeper.judgement() {
            self.sink.judged(judgement, change.as_ref(), self.keeper.spells());
        }
        if let Some(change) = change {
            keeper::say(&change);
        }
        self.next_beat = Duration::ZERO;
    }

    fn reload(&mut self, reload: &impl Fn() -> Result<Config, String>) {
        let read = reload().and_then(|config| {
            if config.data_dir == self.config.data_dir {
                Ok(config)
            } else {
                Err("another `data_dir` is taken at the next start only".to_owned())
            }
        });
        match read {
            Ok(config) => {
                tracing::info!("the configuration was read anew");
                self.keeper.problem("configuration", None);
                self.config = config;
                self.tell(Event::Configured(self.config.schedule));
            }
            Err(why) => {
                tracing::error!("the configuration is refused, and the one before stays: {why}");
                self.keeper.problem("configuration", Some(format!("the configuration is refused: {why}")));
            }
        }
        self.next_beat = Duration::ZERO;
    }

    fn beat(&self) -> Duration {
        self.config.schedule.fast.clamp(Duration::from_secs(1), MAX_BEAT)
    }

    fn publish_if_due(&mut self) {
        let now = now().since;
        if now >= self.next_measure {
            self.next_measure = now + MEASURE;
            let usage = self.meter.measure(now, self.machine.stuck());
            let before = self.keeper.usage.as_ref().map_or(0, |usage| usage.over.len());
            if usage.over.len() > before {
                tracing::warn!("the daemon uses more than it may: {}", usage.over.join("; "));
            }
            self.keeper.usage = Some(usage);
        }
        let beat = self.beat();
        if self.sink.due().is_some_and(|due| now >= due) {
            self.sink.beat(&self.keeper.status(&self.config, &self.machine, beat, self.sink.delivery()));
        }
        let is_known = self.keeper.judgement().is_some_and(|judgement| judgement.verdict != Verdict::Unknown);
        if is_known && self.machine.is_closed() {
            // No later look would take back what was found before.
            let why = "looks that were given up do not end, and no other is begun";
            self.judge(Judgement::unknown(why, Timestamp::now()));
        }
        if now >= self.next_beat {
            self.next_beat = now + beat;
            self.keeper.problem("delivery", self.sink.problem());
            self.keeper.publish(&self.config, &self.machine, beat, self.sink.delivery());
        }
    }

    fn sleep(&self) -> Duration {
        let now = now().since;
        let wake =
            self.machine.wake_at().into_iter().chain([self.next_beat, self.next_measure]).chain(self.sink.due()).min();
        wake.map_or(MEASURE, |wake| wake.saturating_sub(now)).min(MEASURE)
    }

    /// Ends what was begun, and keeps what is known.
    async fn end(mut self, heard: &mut UnboundedReceiver<Heard>) {
        // A disk that hangs must not hold the end up.
        std::thread::spawn(|| {
            std::thread::sleep(END);
            std::process::exit(1);
        });
        let lanes = |work: &Self, signal: Signal| {
            work.running.values().chain(work.given_up.values()).for_each(|lane| lane.signal(signal));
        };
        lanes(&self, Signal::SIGTERM);
        self.sink.ending();
        let all_end = async {
            while !(self.running.is_empty() && self.given_up.is_empty()) {
                match heard.recv().await {
                    Some(Heard::Lane { ticket, .. }) => {
                        self.running.remove(&ticket);
                        self.given_up.remove(&ticket);
                    }
                    Some(Heard::Event(_) | Heard::Changed(..)) => {}
                    None => break,
                }
            }
        };
        let has_ended = tokio::time::timeout(LAST, all_end).await.is_ok();
        if !has_ended {
            lanes(&self, Signal::SIGKILL);
        }
        self.keeper.save();
        self.sink.end();
        tracing::info!("the daemon has ended");
    }
}
