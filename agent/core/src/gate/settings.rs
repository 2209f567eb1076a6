//! What the gate is to do.

use std::time::Duration;

/// The rung up to which a gateway must be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Through {
    /// One owner, live, started, ready, handshake: rungs 1 to 3.
    Transport,
    /// `hello-ok` with the token of its state: rung 4.
    Auth,
    /// Channels: rung 5.
    Channels,
}

/// What to do when `OpenClaw` ends to be started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRestart {
    /// Start it again.
    Respawn,
    /// End, not as a success, so that the gate's own supervisor starts it.
    Exit,
}

/// What the gate is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether there is a command to supervise.
    pub has_command: bool,
    /// How long a start may take.
    pub timeout: Duration,
    /// How long the command may take to end before it is killed.
    pub stop_timeout: Duration,
    /// How long a gateway that was ready may be unready before that is said.
    pub grace: Duration,
    /// Whether to stop it then.
    pub restart_unready: bool,
    /// What a planned restart leads to.
    pub on_restart: OnRestart,
    /// After so many failures within [`Settings::hold_within`] the gate holds; never where it is 0.
    pub hold_after: usize,
    /// The time over which failures are counted, and for which the gate then holds.
    pub hold_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            has_command: false,
            timeout: Duration::from_mins(5),
            stop_timeout: Duration::from_secs(18),
            grace: Duration::from_mins(1),
            restart_unready: false,
            on_restart: OnRestart::Respawn,
            hold_after: 5,
            hold_within: Duration::from_mins(10),
        }
    }
}
