//! Processes: a cheap look at all of them, a close look at those that matter.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{OpenPath, Process, ProcessRole};
use portreeve_openclaw::environment::{self, Environment};

use crate::file;
use crate::os;
pub use crate::os::ProcessEntry;
pub use portreeve_facts::workload::mask;

/// Most arguments that are looked at.
const MAX_ARGUMENTS: usize = 64;
/// Most open files that are listed of one directory.
const MAX_OPEN_PATHS: usize = 4_096;

/// All processes at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProcessTable {
    entries: Vec<ProcessEntry>,
}

impl ProcessTable {
    /// Every process, by pid.
    pub fn entries(&self) -> &[ProcessEntry] {
        &self.entries
    }

    /// The process with this pid.
    pub fn get(&self, pid: u32) -> Option<&ProcessEntry> {
        let at = self.entries.binary_search_by_key(&pid, |entry| entry.pid).ok()?;
        self.entries.get(at)
    }

    /// The process with this pid, unless it has ended and waits for its parent.
    pub fn alive(&self, pid: u32) -> Option<&ProcessEntry> {
        self.get(pid).filter(|entry| !entry.zombie)
    }
}

impl FromIterator<ProcessEntry> for ProcessTable {
    fn from_iter<I: IntoIterator<Item = ProcessEntry>>(entries: I) -> Self {
        let mut entries: Vec<ProcessEntry> = entries.into_iter().collect();
        entries.order_by_key(|entry| entry.pid);
        Self { entries }
    }
}

/// Looks at every process, without environments and open files.
pub fn table(at: Timestamp) -> Fact<ProcessTable> {
    file::from_io(os::processes().map(ProcessTable::from_iter), os::PROCESS_SOURCE, at)
}

impl ProcessEntry {
    /// Whether its program, arguments or command name speak of `OpenClaw` at all: only then is a close look worth its price.
    ///
    /// A gateway overwrites its arguments with a title, so that its script's path is gone; a node host or a command in its
    /// first seconds still has it.
    pub fn may_be_openclaw(&self) -> bool {
        const NAMES: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];
        let speaks = |text: &str| {
            let text = text.to_ascii_lowercase();
            NAMES.iter().any(|name| text.contains(name))
        };
        speaks(&self.comm)
            || self.exe.as_deref().is_some_and(|exe| speaks(&exe.to_string_lossy()))
            || self.argv.iter().take(MAX_ARGUMENTS).any(|argument| speaks(argument))
    }

    /// Share of one core used over its life, in percent.
    #[expect(clippy::cast_possible_truncation, reason = "a percentage needs no more than 24 bits")]
    pub fn cpu_percent(&self, now: Timestamp) -> Option<f32> {
        let age = now.duration_since(self.started_at?).as_secs_f64();
        (age > 0.0).then_some(())?;
        Some((self.cpu?.as_secs_f64() / age * 100.0) as f32)
    }
}

/// The variables that `OpenClaw` reads, and those named, as the process got them when it started. What it has set or read from
/// dotenv files since is not among them.
pub fn environment(entry: &ProcessEntry, names: &BTreeSet<String>, at: Timestamp) -> Fact<Environment> {
    let wanted = |name: &str| environment::is_relevant(name) || names.contains(name);
    let answer = os::environment(entry.pid, entry.start_raw, &wanted);
    file::from_io(answer.map(Environment::all), os::ENVIRONMENT_SOURCE, at)
}

/// Files below a directory (given resolved) that these processes hold open, each path once a process.
///
/// Denied when none of them may be looked into; where only some may, the source says how many.
pub fn open_paths<'a>(
    entries: impl IntoIterator<Item = &'a ProcessEntry>,
    below: &Path,
    at: Timestamp,
) -> Fact<Vec<OpenPath>> {
    let mut open: Vec<OpenPath> = Vec::new();
    let (mut asked, mut answered) = (0_usize, 0_usize);
    let mut refusal = None;
    for entry in entries {
        let files = match os::open_files(entry.pid, entry.start_raw) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                asked += 1;
                refusal = Some(error);
                continue;
            }
        };
        asked += 1;
        answered += 1;
        let below = files.into_iter().filter(|file| file.path.starts_with(below));
        open.extend(below.map(|file| OpenPath {
            pid: entry.pid,
            path: file.path.to_string_lossy().into_owned(),
            writable: file.writable,
        }));
    }
    if let Some(error) = refusal.filter(|_| answered == 0) {
        return file::error_fact(&error, os::OPEN_FILE_SOURCE, at);
    }
    open.order_by(|left, right| (left.pid, &left.path, right.writable).cmp(&(right.pid, &right.path, left.writable)));
    open.dedup_by(|later, first| (later.pid, &later.path) == (first.pid, &first.path));
    open.truncate(MAX_OPEN_PATHS);
    let source = match asked - answered {
        0 => os::OPEN_FILE_SOURCE.to_owned(),
        _ => format!("{} ({answered} of {asked} processes)", os::OPEN_FILE_SOURCE),
    };
    Fact::known(open, source, at)
}

/// What is known of a process beyond its entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Particulars {
    /// What it is.
    pub role: ProcessRole,
    /// The state directory it uses, resolved.
    pub state_dir: Option<String>,
    /// The port that its environment or arguments name.
    pub port: Option<u16>,
    /// Its supervisor.
    pub supervisor: Option<String>,
    /// A secret stands in its arguments.
    pub shows_secret: bool,
    /// Names of the variables that were read of it.
    pub environment: Fact<Vec<String>>,
}

/// An entry as the snapshot keeps it.
pub fn process(entry: &ProcessEntry, particulars: Particulars, at: Timestamp) -> Process {
    Process {
        pid: entry.pid,
        ppid: entry.ppid,
        uid: entry.uid,
        started_at: entry.started_at,
        exe: entry.exe.as_deref().map(|exe| exe.to_string_lossy().into_owned()),
        comm: entry.comm.clone(),
        argv: mask(&entry.argv),
        role: particulars.role,
        stopped: entry.stopped,
        cpu_percent: entry.cpu_percent(at),
        foreign_netns: entry.foreign_netns.is_some(),
        foreign_pidns: entry.foreign_pidns,
        state_dir: particulars.state_dir,
        port: particulars.port,
        supervisor: particulars.supervisor,
        environment: particulars.environment,
        shows_secret: particulars.shows_secret,
        workload: None,
    }
}

#[cfg(test)]
mod tests;
