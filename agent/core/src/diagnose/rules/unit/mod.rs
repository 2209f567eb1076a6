//! Service definitions, and what the service manager makes of them.

mod contest;
mod definition;
mod duplicate;
mod environment;
mod exit;
mod loaded;
mod policy;
mod unfound;
mod war;

use super::super::{Context, Rule};
use super::contained::run_at;
use super::life::descends;
use crate::catalogue::Code;
use crate::diagnose::Draft;
use crate::snapshot::{Gateway, Unit, UnitRole};

pub(super) const RULES: &[Rule] = &[
    contest::relaunch_loop,
    contest::success_elsewhere,
    definition::off_boot_volume,
    definition::program_missing,
    definition::wrong_port,
    duplicate::duplicate,
    environment::env_not_inherited,
    environment::gui_only,
    exit::exit_config,
    loaded::background_off,
    loaded::parked,
    loaded::self_disabled,
    loaded::unloaded,
    policy::keepalive_blind,
    policy::throttle_short,
    unfound::program_unfound,
    war::port_war,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::UnitDuplicate,
    Code::UnitRelaunchLoop,
    Code::UnitPortWar,
    Code::UnitSelfDisabled,
    Code::UnitSuccessElsewhere,
    Code::UnitKeepaliveBlind,
    Code::UnitThrottleShort,
    Code::UnitUnloaded,
    Code::UnitParked,
    Code::UnitBackgroundOff,
    Code::UnitOffBootVolume,
    Code::UnitEnvNotInherited,
    Code::UnitGuiOnly,
    Code::UnitProgramMissing,
    Code::UnitExitConfig,
    Code::UnitWrongPort,
];

/// Units that run a gateway.
fn gateway_units(context: Context<'_>) -> impl Iterator<Item = &Unit> {
    context.snapshot.units.units.iter().filter(|unit| unit.role == UnitRole::Gateway)
}

/// The gateway that a unit runs.
fn gateway_of<'a>(context: Context<'a>, unit: &Unit) -> Option<&'a Gateway> {
    let gateways = &context.snapshot.gateways;
    let listed = gateways.iter().find(|gateway| gateway.units.contains(&unit.id));
    listed.or_else(|| gateways.iter().find(|gateway| unit.state_dir.is_some() && gateway.state_dir == unit.state_dir))
}

/// A finding about a unit, related to its gateway and its state directory.
fn about(context: Context<'_>, code: Code, unit: &Unit, summary: impl Into<String>) -> Draft {
    let mut draft = Draft::new(code, "unit", unit.id.clone(), summary);
    if let Some(gateway) = gateway_of(context, unit) {
        draft = draft.gateway(gateway);
    }
    if let Some(dir) = &unit.state_dir {
        draft = draft.state_dir(dir);
    }
    draft
}

/// The command that writes a unit's definition anew, as the gateway that it runs.
fn install(context: Context<'_>, unit: &Unit) -> String {
    let command = "gateway install --force";
    gateway_of(context, unit)
        .map_or_else(|| format!("openclaw {command}"), |gateway| run_at(context.snapshot, gateway, command))
}

/// Where a definition's words come from.
fn origin(unit: &Unit) -> String {
    unit.path.clone().unwrap_or_else(|| unit.id.clone())
}

/// Whether the unit has a process now.
fn runs(unit: &Unit) -> bool {
    unit.runtime.get().is_some_and(|runtime| runtime.pid.is_some())
}

/// Whether a process belongs to the unit's job.
fn owns(context: Context<'_>, unit: &Unit, pid: u32) -> bool {
    unit.runtime.get().and_then(|runtime| runtime.pid).is_some_and(|job| descends(context, pid, job))
}
