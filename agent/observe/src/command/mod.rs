//! The only place that starts programs.
//!
//! A program gets an absolute path, an argument vector, a closed standard input, a minimal environment and a deadline. It runs in a
//! process group of its own, which is killed when the deadline passes or the output grows too large, so that neither a program that
//! ignores `TERM` nor a grandchild that keeps the pipes open can hold up an observation.

mod awaited;
mod replay;
mod system;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

pub(crate) use awaited::{Awaited, Said};
pub use replay::Replay;
pub use system::System;

/// How many bytes of each stream are taken unless an invocation says otherwise.
pub const DEFAULT_OUTPUT_LIMIT: usize = 4 << 20;
/// How long a program may run unless an invocation says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

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

impl Ending {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
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
