//! Containers of gateways: whether they run, how they ended, and how their service is defined.

pub(super) mod stage;

use super::Rule;
use crate::catalogue::Code;
use crate::snapshot::{RunState, Runtime};

pub(super) const RULES: &[Rule] = &[];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[];

/// The state of a container in words: `exited with status 78`, `restarting`.
pub(super) fn state(runtime: &Runtime) -> String {
    let word = match runtime.state {
        RunState::Created => "created and was never started",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Restarting => "between two starts",
        RunState::Exited => "stopped",
        RunState::Removing => "being removed",
        RunState::Dead => "dead",
    };
    match runtime.exit_code {
        Some(status) if matches!(runtime.state, RunState::Exited | RunState::Restarting | RunState::Dead) => {
            format!("{word}, last exit status {status}")
        }
        _ => word.to_owned(),
    }
}
