//! The daemon: does what [`portreeve_core::schedule::Machine`] says, and keeps what came of it.
//!
//! Whatever looks at the node runs in a process of its own, a lane, which is a hidden command of the same program. So this process stays
//! small and does not grow, a look that hangs can be killed, and a system call that never returns holds nothing up. A lane gets its
//! settings as one document through its standard input, which stays open as long as this process lives, and gives what it found as one
//! document through its standard output. Only the [glance](portreeve_observe::glance) is taken here, in a thread.

mod daemon;
mod engines;
mod error;
mod glancer;
mod keeper;
mod lane;
pub mod os;
mod sink;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;

use portreeve_core::schedule::Settings;

pub use daemon::run;
pub use error::DaemonError;
pub use keeper::{HISTORY_FILE, LOCKS_FILE, REPORT_FILE, SNAPSHOT_FILE, moment};
pub use lane::END_OF_SETTINGS;
pub use sink::Sink;

/// What the daemon is to do.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often and how long.
    pub schedule: Settings,
    /// The folder for what it keeps.
    pub data_dir: PathBuf,
    /// The document that everybody may read.
    pub status_file: PathBuf,
    /// Version of the agent.
    pub version: String,
    /// Words before the name of a lane on the command line of this program.
    pub lane_words: Vec<OsString>,
    /// What a lane reads: the settings, in a form that only it has to understand.
    pub lane_settings: String,
}
