//! The gate: when a gateway's start counts as a success, and what becomes of the command that runs it.
//!
//! [`Machine`] is told what happens and says what to do; it has neither clock nor I/O, so that every order of events can be tried. What
//! readiness rests on is judged by [`prove()`], from facts.

mod cause;
mod conflict;
mod failures;
mod machine;
mod message;
mod proof;
mod settings;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use conflict::{conflicts, is_gateway_unit};
pub use failures::Failures;
pub use machine::Machine;
pub use message::Message;
pub use proof::{Proof, prove, prove_project};
pub use settings::{OnRestart, Settings, Through};

use std::time::Duration;

use jiff::Timestamp;

/// Exit status of what was not decided in time (`EX_TEMPFAIL`).
pub const UNDECIDED: u8 = 75;
/// What a shell adds to the number of a signal that ended a program.
pub const SIGNALLED: u8 = 128;

/// The time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the gate began, on a clock that is never set.
    pub since: Duration,
    /// Time of day: failures are remembered by it over the gate's own end.
    pub wall: Timestamp,
}

/// A signal by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// `SIGINT`
    Interrupt,
    /// `SIGTERM`
    Terminate,
    /// `SIGQUIT`
    Quit,
    /// `SIGHUP`
    HangUp,
    /// `SIGUSR1`
    User1,
    /// `SIGUSR2`: `OpenClaw` restarts
    User2,
    /// `SIGWINCH`
    WindowChange,
    /// `SIGTSTP`
    TerminalStop,
    /// `SIGCONT`
    Continue,
}

impl Signal {
    /// Its number, the same on every system, where it may end a command.
    pub fn ending_number(self) -> Option<u8> {
        match self {
            Self::HangUp => Some(1),
            Self::Interrupt => Some(2),
            Self::Quit => Some(3),
            Self::Terminate => Some(15),
            Self::User1 | Self::User2 | Self::WindowChange | Self::TerminalStop | Self::Continue => None,
        }
    }

    /// Whether it asks for the end.
    pub fn asks_to_end(self) -> bool {
        matches!(self, Self::Interrupt | Self::Terminate | Self::Quit)
    }
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Status(u8),
    /// By this signal.
    Signal(u8),
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether the gateway itself says that it is ready. Cheap.
    Quick,
    /// Whether it can be proven, by identity and with its secret.
    Proof,
}

/// What a look gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The gateway says that it is ready; nothing is proven.
    SaysReady,
    /// Proven, with what proved it.
    Proven(String),
    /// Not ready, or not proven: why.
    NotReady(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// A look is over.
    Seen {
        /// That of the question.
        ticket: u64,
        /// What was seen.
        seen: Seen,
    },
    /// The command runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The command could not be started.
    NotStarted {
        /// Exit status to end with, as a shell gives it.
        status: u8,
        /// Why.
        why: String,
    },
    /// The command ended.
    Ended(End),
    /// Nothing of the command is left.
    Gone,
    /// The terminal stopped the command, and the gate with it; both go on again.
    Resumed {
        /// How long they were stopped.
        after: Duration,
    },
    /// What the diagnosis of the node says; none where there was none.
    Diagnosed {
        /// That of the question.
        ticket: u64,
        /// The cause.
        cause: Option<Cause>,
    },
    /// Whether the command ended to be started again; none where that could not be read.
    Restart {
        /// That of the question.
        ticket: u64,
        /// Whether it did.
        planned: Option<bool>,
    },
    /// The gate got a signal.
    Signal(Signal),
    /// Somebody works on the node until this time, or nobody does any more.
    Maintenance(Option<Timestamp>),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start the command.
    Start,
    /// Look, and say what was seen.
    Look {
        /// To be given with the answer.
        ticket: u64,
        /// How closely.
        depth: Depth,
    },
    /// Diagnose the node.
    Diagnose {
        /// To be given with the answer.
        ticket: u64,
        /// Whether the command has ended, so that it is no cause that nobody listens.
        has_ended: bool,
    },
    /// Find out whether the command ended to be started again.
    AskRestart {
        /// To be given with the answer.
        ticket: u64,
    },
    /// Send the command a signal.
    Forward(Signal),
    /// Ask all that is left of the command to end.
    Terminate,
    /// Kill all that is left of the command.
    Kill,
    /// Keep the failures for the next gate.
    Remember(Failures),
    /// Tell people.
    Say(Message),
    /// End with this status.
    Exit(u8),
}
