//! What copies state directories: Time Machine, sync clients, jobs. Everything is read; no client is asked to do anything.

pub mod copy;
mod icloud;
pub mod ignore;
mod jobs;
mod place;
mod providers;
mod refusal;
pub mod settings;
pub mod shell;
pub(crate) mod time_machine;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Blind, Mirror, StateDir, TimeMachine, Volume, Workload};

pub use jobs::{Entry as CronEntry, cron_entries};
pub use place::{Link, Marks, StatePlace, SystemMarks};

use crate::command::Runner;
use crate::deadline::within;
use crate::os::ProcessEntry;
use crate::units::Started;
use crate::users::Account;
use crate::volume::{self, is_remote_file_system};

/// How long all looks at mirrors may take together.
const DEADLINE: Duration = Duration::from_secs(8);

/// What mirrors are looked for with.
pub struct Question<'a> {
    /// The folder below which the system's folders lie: `/` but in tests.
    pub root: &'a Path,
    /// State directories.
    pub places: &'a [StatePlace],
    /// Accounts whose settings are read.
    pub accounts: &'a [Account],
    /// What services start.
    pub started: &'a [Started],
    /// Processes.
    pub processes: &'a [ProcessEntry],
    /// Runs `tmutil`.
    pub runner: &'a dyn Runner,
    /// Extended attributes.
    pub marks: &'a dyn Marks,
    /// The time of all facts.
    pub at: Timestamp,
}

impl Question<'_> {
    /// A path of the system below [`Question::root`].
    fn below(&self, path: &Path) -> PathBuf {
        if self.root == Path::new("/") {
            return path.to_path_buf();
        }
        // Settings of a made-up system may name its paths as they are.
        let inside = self.root.join(path.strip_prefix("/").unwrap_or(path));
        if path.starts_with(self.root) { path.to_path_buf() } else { inside }
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// Time Machine.
    pub time_machine: Fact<TimeMachine>,
    /// What else copies state directories.
    pub mirrors: Vec<Mirror>,
    /// What could not be seen.
    pub blind: Vec<Blind>,
}

impl Seen {
    /// Adds what was seen of further state directories.
    pub(crate) fn extend(&mut self, other: Self) {
        self.mirrors.extend(other.mirrors);
        let new = other.blind.into_iter().filter(|spot| !self.blind.contains(spot)).collect::<Vec<Blind>>();
        self.blind.extend(new);
        match (&mut self.time_machine.outcome, other.time_machine.outcome) {
            (Outcome::Known { value }, Outcome::Known { value: further }) => value.dirs.extend(further.dirs),
            (
                own @ Outcome::Absent,
                further @ (Outcome::Known { .. } | Outcome::Denied { .. } | Outcome::Unreadable { .. }),
            ) => {
                *own = further;
            }
            _ => {}
        }
    }

    /// What is known where the look gave nothing.
    pub(crate) fn failed(why: &str, at: Timestamp) -> Self {
        Self {
            time_machine: Fact::unreadable(why, "tmutil", at),
            mirrors: Vec::new(),
            blind: vec![Blind {
                what: "sync clients and jobs that copy state directories".to_owned(),
                why: why.to_owned(),
                remedy: "look for a folder that does not answer among those that sync clients and jobs name".to_owned(),
                readiness: true,
            }],
        }
    }
}

/// Looks for mirrors. Blocks for as long as commands and volumes take: call it with a deadline.
pub fn observe(question: &Question<'_>) -> Seen {
    let mut seen = Seen { time_machine: Fact::absent("tmutil", question.at), mirrors: Vec::new(), blind: Vec::new() };
    std::thread::scope(|scope| {
        let machine = scope.spawn(|| time_machine::observe(question));
        for place in question.places {
            seen.mirrors.extend(icloud::observe(place, question));
        }
        providers::observe(question, &mut seen);
        jobs::observe(question, &mut seen);
        seen.time_machine =
            machine.join().unwrap_or_else(|_| Fact::unreadable("the question failed", "tmutil", question.at));
    });
    seen
}

/// A state directory to look at.
#[derive(Debug, Clone)]
struct Dir {
    name: String,
    /// Its path, links not resolved.
    path: PathBuf,
    /// Its volume, where that was looked at.
    volume: Option<Volume>,
}

/// What an observation of mirrors owns, so that it can be left behind when it hangs.
#[derive(Clone)]
pub(crate) struct Task {
    dirs: Vec<Dir>,
    accounts: Vec<Account>,
    started: Vec<Started>,
    processes: Vec<ProcessEntry>,
    at: Timestamp,
}

impl Task {
    /// The task for some state directories. Those whose volume did not answer are left out: nothing may be asked below them.
    pub(crate) fn new(
        dirs: &[StateDir],
        accounts: &[Account],
        started: Vec<Started>,
        processes: &[ProcessEntry],
        at: Timestamp,
    ) -> Self {
        let dirs = dirs.iter().filter(|dir| dir.volume.blind().is_none()).map(|dir| Dir {
            name: dir.path.clone(),
            path: PathBuf::from(&dir.path),
            volume: dir.volume.get().cloned(),
        });
        Self {
            dirs: dirs.collect(),
            accounts: accounts.iter().filter(|account| account.unreachable.is_none()).cloned().collect(),
            started,
            processes: processes.iter().filter(|entry| jobs::may_copy(entry)).cloned().collect(),
            at,
        }
    }

    /// The same for folders of this machine that containers have as their state, besides the directories that were looked at already.
    pub(crate) fn contained(mut self, workloads: &[Workload], known: &[StateDir]) -> Self {
        let is_known =
            |path: &str| known.iter().any(|dir| dir.path == path || dir.aliases.iter().any(|one| one == path));
        let mut names: Vec<String> = workloads
            .iter()
            .filter(|workload| workload.runtime.is_some())
            .filter_map(Workload::state_on_host)
            .filter(|path| !is_known(path))
            .collect();
        names.order();
        names.dedup();
        self.dirs = names
            .into_iter()
            .map(|name| {
                // Docker Desktop mounts the paths of a Mac there.
                let path = PathBuf::from(name.strip_prefix("/host_mnt").unwrap_or(&name));
                Dir { name, path, volume: None }
            })
            .collect();
        self
    }

    /// Does it, within the deadline.
    pub(crate) fn run(self) -> Seen {
        let at = self.at;
        if self.dirs.is_empty() {
            let time_machine = Fact::absent("no state directory", at);
            return Seen { time_machine, mirrors: Vec::new(), blind: Vec::new() };
        }
        match within(DEADLINE, move || self.look()) {
            Ok(seen) => seen,
            Err(overdue) => Seen::failed(&overdue.to_string(), at),
        }
    }

    fn look(&self) -> Seen {
        let marks = SystemMarks;
        let (found, blind) = self.resolved();
        let places = found.into_iter().map(|(dir, path)| {
            let volume = dir.volume.clone().or_else(|| volume::observe(&dir.path, self.at).get().cloned());
            let mount = volume.as_ref().map(|volume| Path::new(&volume.mount_point));
            let is_share = volume.as_ref().is_some_and(|volume| is_remote_file_system(&volume.file_system));
            StatePlace::of(&path, mount, is_share, &marks).named(&dir.name)
        });
        let places: Vec<StatePlace> = places.collect();
        let mut seen = observe(&Question {
            root: Path::new("/"),
            places: &places,
            accounts: &self.accounts,
            started: &self.started,
            processes: &self.processes,
            runner: &crate::command::System,
            marks: &marks,
            at: self.at,
        });
        seen.blind.extend(blind);
        seen
    }

    /// The directories with their links resolved, and those that are hidden. One that is not there is nobody's.
    fn resolved(&self) -> (Vec<(&Dir, PathBuf)>, Vec<Blind>) {
        let (mut found, mut blind) = (Vec::new(), Vec::new());
        for dir in &self.dirs {
            match fs::canonicalize(&dir.path) {
                Ok(path) => found.push((dir, path)),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => {
                    let refused = refusal::of_io::<()>(&error, "realpath", self.at);
                    let why = refused.blind().unwrap_or_default();
                    let by_macos = why == refusal::NO_FULL_DISK_ACCESS;
                    blind.push(Blind {
                        what: format!("what copies {}", dir.name),
                        why: why.to_owned(),
                        remedy: if by_macos { "grant it to `portreeve`" } else { "run as root" }.to_owned(),
                        readiness: true,
                    });
                }
            }
        }
        (found, blind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_hides_itself_is_named_and_one_that_is_gone_is_not() {
        let base = tempfile::tempdir().unwrap();
        let circle = base.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let dir = |name: &str, path: PathBuf| Dir { name: name.to_owned(), path, volume: None };
        let task = Task {
            dirs: vec![
                dir("here", base.path().to_path_buf()),
                dir("gone", base.path().join("gone")),
                dir("hidden", circle),
            ],
            accounts: Vec::new(),
            started: Vec::new(),
            processes: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let (found, blind) = task.resolved();
        assert!(matches!(found[..], [(Dir { name, .. }, _)] if name == "here"));
        assert!(matches!(&blind[..], [spot] if spot.what == "what copies hidden" && spot.readiness), "{blind:?}");
    }
}
