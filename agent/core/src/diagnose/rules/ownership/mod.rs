//! Who owns the port.

mod claim;
#[cfg(test)]
mod containers;
mod contended;
mod facing;
mod foreign;
mod namespace;
mod orphan;
mod rung;
mod silent;

pub(super) use claim::{is_active, publishers, supervised, wants_to_run};
pub(super) use foreign::{Listening, listening, process_name};
pub(crate) use rung::one_owner;

use super::super::Rule;
use crate::catalogue::Code;

pub(super) const RULES: &[Rule] =
    &[silent::silent, contended::contended, namespace::in_one_namespace, foreign::foreign, orphan::orphan];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::PortSilent, Code::PortContended, Code::PortForeign, Code::PortOrphan];
