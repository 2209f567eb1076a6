//! Containers of gateways: whether they run, how they ended, and how their service is defined.

mod lost;
pub(super) mod run;
pub(super) mod stage;
mod wedged;

use super::Rule;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, RunState, Runtime, Workload};

pub(super) const RULES: &[Rule] =
    &[run::exit_config, run::oom, run::down, run::starting, run::storm, wedged::wedged, lost::storm];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::GatewayOom];

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

/// A finding about the container of a gateway, with what its engine says.
fn about(
    context: Context<'_>,
    code: Code,
    gateway: &Gateway,
    workload: &Workload,
    summary: String,
    seen: String,
) -> Draft {
    let source = workload.engine.clone().unwrap_or_else(|| "definition".to_owned());
    Draft::new(code, "container", workload.id.clone(), summary).gateway(gateway).workload(workload).evidence(
        seen,
        source,
        context.snapshot.taken_at,
    )
}
