//! What is kept: the history, and the document that everybody may read.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::delivery::Delivery;
use portreeve_core::error::chain;
use portreeve_core::history::{Change, History, Moment, Spell};
use portreeve_core::report::{Agent, Verdict};
use portreeve_core::schedule::{Lane, Machine};
use portreeve_core::status::{Daemon, Judgement, LaneSummary, SCHEMA, Status, Usage};
use portreeve_store::{Audience, Folder, StoreError};

use crate::{Config, DaemonError, os};

/// The verdicts so far, in the data folder.
pub const HISTORY_FILE: &str = "history.json";
/// The last snapshot, in the data folder.
pub const SNAPSHOT_FILE: &str = "snapshot.json";
/// The last report, in the data folder.
pub const REPORT_FILE: &str = "report.json";
/// The last windows of looks at locks, in the data folder.
pub const LOCKS_FILE: &str = "locks.json";

/// Most bytes of a history.
const MAX_HISTORY: u64 = 8 << 20;

/// Now, by all clocks.
pub fn moment() -> Moment {
    Moment { wall: Timestamp::now(), uptime: os::uptime().unwrap_or_default(), boot: os::boot() }
}

/// Keeps what came of it.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: Folder,
    boot: Option<String>,
    history: History,
    judgement: Option<Judgement>,
    daemon: (u32, Option<u64>, Timestamp),
    problems: BTreeMap<&'static str, String>,
    pub(crate) usage: Option<Usage>,
}

impl Keeper {
    /// Takes up what was kept. What is damaged or of a later version is set aside.
    pub(crate) fn open(folder: Folder, patience: Duration) -> Result<Self, DaemonError> {
        let now = moment();
        let mut history = read_history(&folder).map_err(DaemonError::Folder)?;
        history.resume(&now, patience);
        let pid = std::process::id();
        Ok(Self {
            folder,
            boot: now.boot,
            history,
            judgement: None,
            daemon: (pid, os::start_of(pid).ok(), now.wall),
            problems: BTreeMap::new(),
            usage: None,
        })
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Says that something is wrong with the daemon itself, or is not any more.
    pub(crate) fn problem(&mut self, what: &'static str, why: Option<String>) {
        match why {
            Some(why) => self.problems.insert(what, why),
            None => self.problems.remove(what),
        };
    }

    /// Takes a verdict in, and keeps it.
    pub(crate) fn note(&mut self, judgement: Judgement) -> Option<Change> {
        let change = self.history.note(&judgement, &self.moment());
        self.judgement = Some(judgement);
        self.save();
        change
    }

    /// Whether the last verdict is one that rests on a look.
    pub(crate) fn judgement(&self) -> Option<&Judgement> {
        self.judgement.as_ref()
    }

    /// The verdicts so far, oldest first; the last one goes on.
    pub(crate) fn spells(&self) -> &[Spell] {
        &self.history.spells
    }

    /// Writes the history.
    pub(crate) fn save(&mut self) {
        let kept = self.folder.write_json(HISTORY_FILE, &self.history, Audience::Owner);
        self.complain("history", kept);
    }

    /// Writes the document that everybody may read.
    pub(crate) fn publish(&mut self, config: &Config, machine: &Machine, beat: Duration, delivery: Option<Delivery>) {
        if let Some(judgement) = &self.judgement {
            // It lasts; what is kept of that may lag behind.
            self.history.note(&judgement.clone(), &self.moment());
        }
        let status = self.status(config, machine, beat, delivery);
        let written = write(&config.status_file, &status);
        self.complain("status", written);
    }

    fn complain(&mut self, what: &'static str, outcome: Result<(), StoreError>) {
        let why = outcome.err().map(|error| chain(&error));
        if let Some(why) = why.as_ref().filter(|why| self.problems.get(what) != Some(why)) {
            tracing::error!("{why}");
        }
        self.problem(what, why);
    }

    fn moment(&self) -> Moment {
        Moment { boot: self.boot.clone(), wall: Timestamp::now(), uptime: os::uptime().unwrap_or_default() }
    }

    /// How it stands now.
    pub(crate) fn status(
        &self,
        config: &Config,
        machine: &Machine,
        beat: Duration,
        delivery: Option<Delivery>,
    ) -> Status {
        let now = self.moment();
        let not_yet = Judgement::unknown("the node has not been looked at since the daemon started", now.wall);
        let judgement = self.judgement.as_ref().unwrap_or(&not_yet);
        let spell = self.history.current().filter(|_| self.judgement.is_some());
        let (pid, start, since) = self.daemon;
        Status {
            schema: SCHEMA.to_owned(),
            written_at: now.wall,
            beat_s: beat.as_secs().max(1),
            agent: Agent { version: config.version.clone() },
            daemon: Daemon { pid, start, since, boot: now.boot, uptime_s: now.uptime.as_secs() },
            node: judgement.node.clone(),
            verdict: judgement.verdict,
            exit_status: judgement.exit_status,
            since: spell.map_or(since, |spell| spell.since),
            lasted_s: spell.map_or(0, |spell| spell.lasted_s),
            judged_at: self.judgement.as_ref().map(|judgement| judgement.at),
            causes: judgement.causes.clone(),
            layers: judgement.layers.clone(),
            maintenance: judgement.maintenance.clone().filter(|maintenance| maintenance.holds(now.wall)),
            quarantine: judgement.quarantine.clone(),
            lanes: Lane::ALL.into_iter().map(|lane| (lane, LaneSummary::from(machine.state(lane)))).collect(),
            usage: self.usage.clone(),
            delivery,
            problems: self.problems.values().cloned().collect(),
        }
    }
}

/// Says a change, as loud as it is bad.
pub(crate) fn say(change: &Change) {
    let from = change.from.map_or("nothing", Verdict::name);
    let to = change.to.verdict.name();
    let after_s = change.after_s.unwrap_or_default();
    let causes: Vec<String> = change
        .to
        .causes
        .iter()
        .map(|cause| match cause.code {
            Some(code) => format!("{code}: {}", cause.summary),
            None => cause.summary.clone(),
        })
        .collect();
    let causes = causes.join("; ");
    match change.to.verdict {
        Verdict::Ready => tracing::info!(from, after_s, "the node is {to}"),
        Verdict::Degraded => tracing::warn!(from, after_s, "the node is {to}"),
        Verdict::Unknown => tracing::warn!(from, after_s, "the node's readiness is {to}: {causes}"),
        Verdict::Blocked => tracing::error!(from, after_s, "the node is {to}: {causes}"),
    }
}

fn read_history(folder: &Folder) -> Result<History, StoreError> {
    let why = match folder.read(HISTORY_FILE, MAX_HISTORY) {
        Ok(None) => return Ok(History::default()),
        Ok(Some(bytes)) => match History::parse(&bytes) {
            Ok(history) => return Ok(history),
            Err(error) => error.to_string(),
        },
        Err(error @ StoreError::TooLong { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    let aside = folder.set_aside(HISTORY_FILE)?;
    tracing::error!("{why}; it is kept as `{aside}`, and a new one begins");
    Ok(History::default())
}

fn write(path: &Path, status: &Status) -> Result<(), StoreError> {
    let untrusted = || StoreError::Untrusted { path: path.to_owned(), why: "it names no file in a folder".to_owned() };
    let folder = path.parent().ok_or_else(untrusted)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(untrusted)?;
    Folder::create_for(folder, Audience::Everybody)?.write_json(name, status, Audience::Everybody)
}
