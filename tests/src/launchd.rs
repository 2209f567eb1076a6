//! A small launchd: what `launchd.plist(5)` says of `RunAtLoad`, `KeepAlive` (a boolean, or `SuccessfulExit`), `ThrottleInterval`,
//! `ExitTimeOut` and the end of a job's process group, and as much of `launchctl` as the agent uses.
//!
//! Jobs run as the user of the tests, whatever `UserName` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plist::{Dictionary, Value};
use portreeve_observe::command::{CommandError, Ending, Invocation, Output, Runner};

use crate::Guard;

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// launchd's own `ThrottleInterval`, in seconds.
const THROTTLE_S: u64 = 10;
/// launchd's own `ExitTimeOut`, in seconds: "system-defined", 20 on the releases that were seen.
const EXIT_TIMEOUT_S: u64 = 20;

/// Jobs and what is switched off, in one domain.
pub struct Launchd {
    domain: String,
    root: PathBuf,
    /// Real time for a second of launchd.
    second: Duration,
    /// Words of command lines that are put in the place of others.
    words: Vec<(String, String)>,
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    disabled: Mutex<BTreeSet<String>>,
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it was started.
    pub started: Instant,
    /// When and how it ended.
    pub ended: Option<(Instant, ExitStatus)>,
    /// Whether launchd killed it, since it had not ended in time.
    pub was_killed: bool,
}

/// A loaded job.
pub struct Job {
    label: String,
    keep_alive: KeepAlive,
    starts_at_load: bool,
    throttle: Duration,
    exit_timeout: Duration,
    command: Mutex<Command>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy)]
enum KeepAlive {
    Never,
    Always,
    /// As long as the last end was successful, or was not.
    Ended {
        well: bool,
    },
}

#[derive(Default)]
struct State {
    runs: Vec<Run>,
    pid: Option<u32>,
    /// It is loaded, and nothing will start it.
    rests: bool,
    is_unloading: bool,
    is_gone: bool,
}

impl Launchd {
    /// A launchd that writes logs below `root` only, and in which a second takes this long.
    pub fn new(domain: &str, root: &Path, second: Duration) -> Self {
        Self {
            domain: domain.to_owned(),
            root: root.to_owned(),
            second,
            words: Vec::new(),
            jobs: Mutex::default(),
            disabled: Mutex::default(),
        }
    }

    /// Puts a word of command lines in the place of another.
    #[must_use]
    pub fn word(mut self, from: &str, to: &str) -> Self {
        self.words.push((from.to_owned(), to.to_owned()));
        self
    }

    /// The seconds of a property list in real time.
    pub fn seconds(&self, seconds: u64) -> Duration {
        self.second * u32::try_from(seconds).unwrap()
    }

    /// A loaded job.
    pub fn job(&self, label: &str) -> Option<Arc<Job>> {
        lock(&self.jobs).get(label).cloned()
    }

    /// Loads a property list, as `launchctl bootstrap` does; else why not.
    pub fn load(&self, path: &Path) -> Result<Arc<Job>, String> {
        let metadata = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
        if !metadata.is_file() || metadata.mode() & 0o022 != 0 {
            return Err("Path had bad ownership/permissions".to_owned());
        }
        let list = Value::from_file(path).map_err(|error| error.to_string())?;
        let list = list.as_dictionary().ok_or("no dictionary")?;
        let label = list["Label"].as_string().ok_or("no label")?.to_owned();
        if lock(&self.disabled).contains(&label) || lock(&self.jobs).contains_key(&label) {
            return Err("5: Input/output error".to_owned());
        }
        let job = Arc::new(self.define(&label, list));
        lock(&self.jobs).insert(label, Arc::clone(&job));
        let kept = Arc::clone(&job);
        thread::spawn(move || kept.keep());
        Ok(job)
    }

    /// Ends a job and forgets it, as `launchctl bootout` does. Gives whether it was loaded.
    pub fn unload(&self, label: &str) -> bool {
        let Some(job) = self.job(label) else { return false };
        let mut state = lock(&job.state);
        state.is_unloading = true;
        job.changed.notify_all();
        while !state.is_gone {
            state = job.changed.wait(state).unwrap();
        }
        drop(state);
        lock(&self.jobs).remove(label);
        true
    }

    fn define(&self, label: &str, list: &Dictionary) -> Job {
        let number = |key: &str| list.get(key).and_then(Value::as_unsigned_integer);
        let keep_alive = match list.get("KeepAlive") {
            Some(Value::Boolean(true)) => KeepAlive::Always,
            Some(Value::Dictionary(conditions)) => {
                assert_eq!(conditions.keys().collect::<Vec<_>>(), ["SuccessfulExit"], "not played here");
                KeepAlive::Ended { well: conditions["SuccessfulExit"].as_boolean().unwrap() }
            }
            _ => KeepAlive::Never,
        };
        // `SuccessfulExit` "implies that RunAtLoad is set to true, since the job needs to run at least once".
        let starts_at_load =
            list.get("RunAtLoad").and_then(Value::as_boolean) == Some(true) || !matches!(keep_alive, KeepAlive::Never);
        Job {
            label: label.to_owned(),
            keep_alive,
            starts_at_load,
            throttle: self.seconds(number("ThrottleInterval").unwrap_or(THROTTLE_S)),
            exit_timeout: self.seconds(number("ExitTimeOut").unwrap_or(EXIT_TIMEOUT_S)),
            command: Mutex::new(self.command(label, list)),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn command(&self, label: &str, list: &Dictionary) -> Command {
        let words: Vec<String> = list["ProgramArguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| {
                let word = word.as_string().unwrap();
                let other = self.words.iter().find(|(from, _)| from == word);
                other.map_or(word, |(_, to)| to).to_owned()
            })
            .collect();
        let program = list.get("Program").and_then(Value::as_string).unwrap_or(&words[0]);
        let mut command = Command::new(program);
        command.args(&words[1..]).process_group(0).env_clear();
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("XPC_SERVICE_NAME", label);
        for (name, value) in list.get("EnvironmentVariables").and_then(Value::as_dictionary).into_iter().flatten() {
            command.env(name, value.as_string().unwrap());
        }
        command.current_dir(list.get("WorkingDirectory").and_then(Value::as_string).unwrap_or("/"));
        let stream = |key: &str| match list.get(key).and_then(Value::as_string) {
            Some(path) => Stdio::from(self.log(Path::new(path))),
            None => Stdio::null(),
        };
        command.stdin(Stdio::null()).stdout(stream("StandardOutPath")).stderr(stream("StandardErrorPath"));
        command
    }

    /// A log, below the root of this launchd.
    fn log(&self, path: &Path) -> File {
        let path = match path.strip_prefix("/") {
            Ok(below) if !path.starts_with(&self.root) && path != Path::new("/dev/null") => self.root.join(below),
            _ => path.to_owned(),
        };
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Drop for Launchd {
    fn drop(&mut self) {
        let labels: Vec<String> = lock(&self.jobs).keys().cloned().collect();
        for label in labels {
            self.unload(&label);
        }
    }
}

impl Job {
    /// Its runs so far.
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.state).runs.clone()
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.state).pid
    }

    /// Whether it is loaded and nothing will start it again.
    pub fn rests(&self) -> bool {
        lock(&self.state).rests
    }

    fn keep(&self) {
        let mut next = self.starts_at_load.then(Instant::now);
        while self.wait(next) {
            let started = Instant::now();
            let status = self.run(started);
            let again = match self.keep_alive {
                KeepAlive::Never => false,
                KeepAlive::Always => true,
                KeepAlive::Ended { well } => status.success() == well,
            };
            // "jobs will not be spawned more than once every 10 seconds": from start to start.
            next = again.then(|| started + self.throttle);
        }
        let mut state = lock(&self.state);
        state.is_gone = true;
        self.changed.notify_all();
    }

    /// Waits until it is to be started; false once it is unloaded.
    fn wait(&self, next: Option<Instant>) -> bool {
        let mut state = lock(&self.state);
        state.rests = next.is_none();
        loop {
            if state.is_unloading {
                return false;
            }
            state = match next.map(|next| next.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return true,
                Some(left) => self.changed.wait_timeout(state, left).unwrap().0,
                None => self.changed.wait(state).unwrap(),
            };
        }
    }

    fn run(&self, started: Instant) -> ExitStatus {
        let mut child = lock(&self.command).spawn().unwrap_or_else(|error| panic!("{}: {error}", self.label));
        // What is left of the group is killed when the job's process has ended (`AbandonProcessGroup`).
        let _group = Guard::new(&child, None);
        let mut state = lock(&self.state);
        state.runs.push(Run { started, ended: None, was_killed: false });
        state.pid = Some(child.id());
        drop(state);
        let (status, was_killed) = self.await_end(&mut child);
        let mut state = lock(&self.state);
        state.pid = None;
        let run = state.runs.last_mut().unwrap();
        (run.ended, run.was_killed) = (Some((Instant::now(), status)), was_killed);
        status
    }

    fn await_end(&self, child: &mut Child) -> (ExitStatus, bool) {
        let pid = Pid::from_raw(child.id().cast_signed());
        let mut asked = None;
        let mut was_killed = false;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, was_killed);
            }
            let is_unloading = lock(&self.state).is_unloading;
            match asked {
                None if is_unloading => {
                    let _ = kill(pid, Signal::SIGTERM);
                    asked = Some(Instant::now());
                }
                Some(at) if !was_killed && at.elapsed() >= self.exit_timeout => {
                    let _ = kill(pid, Signal::SIGKILL);
                    was_killed = true;
                }
                _ => {}
            }
            thread::sleep(LOOK);
        }
    }
}

impl Runner for Launchd {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let words: Vec<String> = invocation.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let fail = |status, stderr: String| {
            let output = Output { stdout: Vec::new(), stderr: stderr.into_bytes() };
            let ending = Ending::Exit(status);
            Err(CommandError::Failed { command: invocation.to_string(), ending, output })
        };
        let missing = |label: &str| fail(113, format!("Could not find service \"{label}\" in domain for system\n"));
        let said = |text: String| Ok(Output { stdout: text.into_bytes(), stderr: Vec::new() });
        let domain = format!("{}/", self.domain);
        let label = words[1].strip_prefix(&domain).unwrap_or_default();
        match words[0].as_str() {
            "print" if self.job(label).is_some() => said(String::new()),
            "bootout" if self.unload(label) => said(String::new()),
            "print" | "bootout" => missing(label),
            "enable" => {
                lock(&self.disabled).remove(label);
                said(String::new())
            }
            "disable" => {
                lock(&self.disabled).insert(label.to_owned());
                said(String::new())
            }
            "print-disabled" => {
                let mut text = "\tdisabled services = {\n".to_owned();
                for label in lock(&self.disabled).iter() {
                    text += &format!("\t\t\"{label}\" => disabled\n");
                }
                said(text + "\t}\n")
            }
            "bootstrap" => match self.load(Path::new(&words[2])) {
                Ok(_) => said(String::new()),
                Err(why) => fail(5, format!("Bootstrap failed: {why}\n")),
            },
            other => panic!("launchctl {other} is not played here"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
