//! The only place that starts programs.
//!
//! A program gets an absolute path, an argument vector, a closed standard input, a minimal environment and a deadline. It runs in a
//! process group of its own, which is killed when the deadline passes or the output grows too large, so that neither a program that
//! ignores `TERM` nor a grandchild that keeps the pipes open can hold up an observation.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How many bytes of each stream are taken unless an invocation says otherwise.
pub const DEFAULT_OUTPUT_LIMIT: usize = 4 << 20;
/// How long a program may run unless an invocation says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait for a killed program to vanish.
const REAP_DEADLINE: Duration = Duration::from_millis(500);
/// The longest sleep between two looks at a program that closed its output or left it to others.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A program to run, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Absolute path.
    pub program: &'static str,
    /// Arguments after the program's name.
    pub arguments: Vec<OsString>,
    /// Variables besides `LC_ALL` and `PATH`.
    pub environment: Vec<(&'static str, OsString)>,
    /// Time until it is killed.
    pub deadline: Duration,
    /// Bytes of each stream after which it is killed.
    pub output_limit: usize,
}

impl Invocation {
    /// An invocation with the default limits.
    pub fn new<A: Into<OsString>>(program: &'static str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            deadline: DEFAULT_DEADLINE,
            output_limit: DEFAULT_OUTPUT_LIMIT,
        }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same with one variable more.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// The same with another limit of output.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.program.rsplit('/').next().unwrap_or(self.program);
        f.write_str(name)?;
        for argument in &self.arguments {
            write!(f, " {}", argument.to_string_lossy())?;
        }
        Ok(())
    }
}

/// What a program printed. `Debug` shows sizes only, because output can hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output {{ stdout: {} bytes, stderr: {} bytes }}", self.stdout.len(), self.stderr.len())
    }
}

/// How a program that failed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Why a program gave no usable output.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It is not there or may not be run.
    #[error("`{command}` could not be started")]
    Start {
        /// The command line.
        command: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("`{command}` did not end within {} ms", .after.as_millis())]
    TimedOut {
        /// The command line.
        command: String,
        /// The deadline.
        after: Duration,
    },
    /// It printed too much and was killed.
    #[error("`{command}` printed more than {limit} bytes")]
    TooLarge {
        /// The command line.
        command: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// It ended with something else than 0. What it printed may still be of use.
    #[error("`{command}` ended with {ending}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        ending: Ending,
        /// What it printed.
        output: Output,
    },
    /// Its output could not be read.
    #[error("the output of `{command}` could not be read")]
    Io {
        /// The command line.
        command: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl CommandError {
    /// Whether the program is not installed.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Exit status and output of a program that ended with something else than 0.
    pub fn exit(&self) -> Option<(i32, &Output)> {
        match self {
            Self::Failed { ending: Ending::Exit(status), output, .. } => Some((*status, output)),
            _ => None,
        }
    }
}

/// Runs programs. Tests put a [`Replay`] in the place of [`System`].
pub trait Runner: Send + Sync {
    /// Runs a program to its end. Blocks, at most for about the invocation's deadline.
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError>;
}

/// Runs programs for real.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Runner for System {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let started = Instant::now();
        let mut child = spawn(invocation)?;
        let result = collect(&mut child, invocation, started);
        if result.is_err() {
            kill(&mut child);
        }
        let (output, status) = result?;
        finish(invocation, output, status)
    }
}

fn spawn(invocation: &Invocation) -> Result<Child, CommandError> {
    let start = |source| CommandError::Start { command: invocation.to_string(), source };
    if !invocation.program.starts_with('/') {
        return Err(start(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute")));
    }
    std::process::Command::new(invocation.program)
        .args(&invocation.arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start)
}

fn finish(invocation: &Invocation, output: Output, status: ExitStatus) -> Result<Output, CommandError> {
    if status.success() {
        return Ok(output);
    }
    let ending = match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exit(code),
        (None, signal) => Ending::Signal(signal.unwrap_or_default()),
    };
    Err(CommandError::Failed { command: invocation.to_string(), ending, output })
}

/// Both streams until they end or the program does, and its status.
fn collect(child: &mut Child, invocation: &Invocation, started: Instant) -> Result<(Output, ExitStatus), CommandError> {
    let io = |source| CommandError::Io { command: invocation.to_string(), source };
    let mut stdout = Stream::new(child.stdout.take()).map_err(io)?;
    let mut stderr = Stream::new(child.stderr.take()).map_err(io)?;
    let mut pause = Duration::from_millis(1);
    loop {
        let status = child.try_wait().map_err(io)?;
        for stream in [&mut stdout as &mut dyn Drain, &mut stderr] {
            stream.drain(invocation.output_limit).map_err(|fault| match fault {
                Fault::Io(source) => io(source),
                Fault::TooLarge => {
                    CommandError::TooLarge { command: invocation.to_string(), limit: invocation.output_limit }
                }
            })?;
        }
        if let Some(status) = status {
            if stdout.pipe.is_some() || stderr.pipe.is_some() {
                kill_group(child);
            }
            return Ok((Output { stdout: stdout.bytes, stderr: stderr.bytes }, status));
        }
        let Some(left) = invocation.deadline.checked_sub(started.elapsed()) else {
            return Err(CommandError::TimedOut { command: invocation.to_string(), after: invocation.deadline });
        };
        let mut waiting = Vec::new();
        waiting.extend(stdout.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        waiting.extend(stderr.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        if waiting.is_empty() {
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LOOK_INTERVAL);
        } else {
            // A child may end while a grandchild holds its pipes, so the wait for output is short.
            let wait = PollTimeout::try_from(LOOK_INTERVAL.min(left)).unwrap_or(PollTimeout::ZERO);
            match poll(&mut waiting, wait) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(io(errno.into())),
            }
        }
    }
}

struct Stream<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
}

enum Fault {
    Io(io::Error),
    TooLarge,
}

impl<R: Read + AsFd> Stream<R> {
    fn new(pipe: Option<R>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
            fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe, bytes: Vec::new() })
    }
}

trait Drain {
    /// Takes what is there without waiting.
    fn drain(&mut self, limit: usize) -> Result<(), Fault>;
}

impl<R: Read + AsFd> Drain for Stream<R> {
    fn drain(&mut self, limit: usize) -> Result<(), Fault> {
        let mut buffer = [0; 16 * 1024];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    self.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    if self.bytes.len() > limit {
                        return Err(Fault::TooLarge);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        Ok(())
    }
}

fn kill_group(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // Nobody left in the group is the good case.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Kills the program with its whole group and waits for it, but not for ever: one that hangs in the kernel is left to a thread.
fn kill(child: &mut Child) {
    kill_group(child);
    let started = Instant::now();
    while started.elapsed() < REAP_DEADLINE {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    let Ok(pid) = i32::try_from(child.id()) else {
        return;
    };
    std::thread::spawn(move || {
        let _ = nix::sys::wait::waitpid(Pid::from_raw(pid), None);
    });
}

/// Answers from what was recorded, by the whole command line as [`Invocation`] displays it.
#[derive(Debug, Default)]
pub struct Replay {
    answers: std::collections::BTreeMap<String, (i32, Output)>,
}

impl Replay {
    /// Adds an answer: exit status, standard output, standard error.
    #[must_use]
    pub fn answer(mut self, command: &str, status: i32, stdout: impl AsRef<[u8]>, stderr: impl AsRef<[u8]>) -> Self {
        let output = Output { stdout: stdout.as_ref().to_vec(), stderr: stderr.as_ref().to_vec() };
        self.answers.insert(command.to_owned(), (status, output));
        self
    }
}

impl Runner for Replay {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let command = invocation.to_string();
        match self.answers.get(&command) {
            Some((0, output)) => Ok(output.clone()),
            Some((status, output)) => {
                Err(CommandError::Failed { command, ending: Ending::Exit(*status), output: output.clone() })
            }
            None => Err(CommandError::Start { command, source: io::ErrorKind::NotFound.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Invocation {
        Invocation::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn gives_both_streams_and_a_bare_environment() {
        let output = System
            .run(&shell("printf out; printf err >&2; test -z \"$HOME$TERM\" && printf \" $LC_ALL\"; cat"))
            .unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (b"out C".as_slice(), b"err".as_slice()));
        assert_eq!(format!("{output:?}"), "Output { stdout: 5 bytes, stderr: 3 bytes }");
    }

    #[test]
    fn a_failure_keeps_what_was_printed() {
        let error = System.run(&shell("echo partial; echo why >&2; exit 113")).unwrap_err();
        let (status, output) = error.exit().unwrap();
        assert_eq!(
            (status, output.stdout.as_slice(), output.stderr.as_slice()),
            (113, b"partial\n".as_slice(), b"why\n".as_slice())
        );
        let killed = System.run(&shell("kill -9 $$")).unwrap_err();
        assert_eq!(killed.to_string(), "`sh -c kill -9 $$` ended with signal 9");
    }

    #[test]
    fn a_program_that_is_not_there_is_no_failure_of_its_own() {
        assert!(System.run(&Invocation::new("/nonexistent/tool", [""; 0])).unwrap_err().is_missing());
        assert!(matches!(System.run(&Invocation::new("sh", [""; 0])), Err(CommandError::Start { .. })));
    }

    #[test]
    fn a_program_that_ignores_term_is_killed_with_its_children() {
        let started = Instant::now();
        let invocation =
            shell("trap '' TERM; (trap '' TERM; sleep 60) & echo $!; sleep 60").deadline(Duration::from_millis(300));
        assert!(matches!(System.run(&invocation), Err(CommandError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipes_open_does_not_hold_up_the_answer() {
        let started = Instant::now();
        let output = System.run(&shell("sleep 60 & printf done")).unwrap();
        assert_eq!(output.stdout, b"done");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn a_program_that_closes_its_output_is_still_waited_for() {
        let invocation = shell("exec >&- 2>&-; sleep 60").deadline(Duration::from_millis(200));
        assert!(matches!(System.run(&invocation), Err(CommandError::TimedOut { .. })));
    }

    #[test]
    fn endless_output_is_cut() {
        let invocation = shell("while :; do echo xxxxxxxxxxxxxxxx; done").output_limit(100_000);
        assert!(matches!(System.run(&invocation), Err(CommandError::TooLarge { limit: 100_000, .. })));
    }

    #[test]
    fn replay_answers_by_command_line() {
        let replay = Replay::default().answer("launchctl print gui/501", 113, "", "Could not find domain\n");
        let error = replay.run(&Invocation::new("/bin/launchctl", ["print", "gui/501"])).unwrap_err();
        assert_eq!(error.exit().map(|(status, _)| status), Some(113));
        assert!(replay.run(&Invocation::new("/bin/launchctl", ["list"])).unwrap_err().is_missing());
    }
}
