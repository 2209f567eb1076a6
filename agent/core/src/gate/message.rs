//! What the gate tells people: one line for each change of state, with its cause.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{Cause, End, Signal};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The command runs.
    Started {
        /// Its process id.
        pid: u32,
        /// Whether it ran before.
        again: bool,
    },
    /// It could not be started.
    NotStarted(String),
    /// Why it is not ready yet, said when the reason changes.
    Waiting(String),
    /// Ready.
    Ready {
        /// How long it took.
        after: Duration,
        /// What proved it.
        proof: String,
    },
    /// It was ready and is not.
    Unready {
        /// For how long.
        since: Duration,
        /// Why.
        why: String,
    },
    /// It is ready again.
    ReadyAgain {
        /// How long it was not.
        after: Duration,
    },
    /// The deadline passed.
    NeverReady {
        /// The deadline.
        timeout: Duration,
        /// What was seen last.
        why: Option<String>,
    },
    /// What the diagnosis says.
    Cause(Option<Cause>),
    /// The gate passes a signal on, and waits for the end.
    Stopping(Signal),
    /// The gate itself ends the command, since it is unready.
    StoppingUnready,
    /// The command ended.
    Ended {
        /// How.
        end: End,
        /// Whether it was ready before.
        was_ready: bool,
    },
    /// The terminal stopped the command, and both go on.
    Resumed {
        /// How long they were stopped.
        after: Duration,
    },
    /// What did not end in time is killed.
    Killing {
        /// How long it had.
        after: Duration,
    },
    /// Even killed it does not go.
    Left,
    /// It ended to be started again.
    Restart {
        /// Whether the gate starts it.
        respawn: bool,
    },
    /// Whether it ended to be started again could not be read.
    RestartUnknown,
    /// Too many failures.
    Held {
        /// How many.
        failures: usize,
        /// Within which time.
        within: Duration,
        /// How long the gate holds.
        hold: Duration,
    },
    /// Somebody works on the node.
    Maintenance {
        /// Until when.
        until: Timestamp,
    },
    /// Nobody does any more.
    MaintenanceOver,
}

impl Message {
    /// Whether it is of use to somebody who wants to hear of errors alone.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::NotStarted(_) | Self::NeverReady { .. } | Self::Held { .. } | Self::Left)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { pid, again: false } => write!(f, "started pid {pid}"),
            Self::Started { pid, again: true } => write!(f, "started again as pid {pid}"),
            Self::NotStarted(why) => write!(f, "cannot start the command: {why}"),
            Self::Waiting(why) => write!(f, "not ready yet: {why}"),
            Self::Ready { after, proof } => write!(f, "ready after {:.1} s: {proof}", after.as_secs_f64()),
            Self::Unready { since, why } => write!(f, "not ready for {} s: {why}", since.as_secs()),
            Self::ReadyAgain { after } => write!(f, "ready again after {} s", after.as_secs()),
            Self::NeverReady { timeout, why } => {
                write!(f, "not ready within {} s", timeout.as_secs())?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Cause(Some(cause)) => write!(f, "cause: {}", cause.text),
            Self::Cause(None) => f.write_str("no certain cause was found; `portreeve check` shows what was seen"),
            Self::Stopping(signal) => write!(f, "got {}, waiting for the command to end", name(*signal)),
            Self::StoppingUnready => f.write_str("stopping the command, since it is not ready"),
            Self::Ended { end, was_ready } => {
                match end {
                    End::Status(status) => write!(f, "the command ended with exit status {status}")?,
                    End::Signal(number) => write!(f, "the command was ended by signal {number}")?,
                }
                f.write_str(if *was_ready { "" } else { ", and was never ready" })
            }
            Self::Resumed { after } => write!(f, "going on after {} s", after.as_secs()),
            Self::Killing { after } => write!(f, "killing what did not end within {} s", after.as_secs()),
            Self::Left => f.write_str("processes of the command are left that even SIGKILL does not end"),
            Self::Restart { respawn: true } => f.write_str("a planned restart"),
            Self::Restart { respawn: false } => f.write_str("a planned restart, left to the supervisor of the gate"),
            Self::RestartUnknown => {
                f.write_str("the state database cannot be read, so that the end may be a planned restart: no success")
            }
            Self::Held { failures, within, hold } => write!(
                f,
                "holding for {} s after {failures} failures within {} s; SIGHUP tries again at once",
                hold.as_secs(),
                within.as_secs()
            ),
            Self::Maintenance { until } => {
                write!(f, "maintenance until {until:.0}: the command is not stopped for not being ready")
            }
            Self::MaintenanceOver => f.write_str("maintenance is over"),
        }
    }
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Interrupt => "SIGINT",
        Signal::Terminate => "SIGTERM",
        Signal::Quit => "SIGQUIT",
        Signal::HangUp => "SIGHUP",
        Signal::User1 => "SIGUSR1",
        Signal::User2 => "SIGUSR2",
        Signal::WindowChange => "SIGWINCH",
        Signal::TerminalStop => "SIGTSTP",
        Signal::Continue => "SIGCONT",
    }
}
