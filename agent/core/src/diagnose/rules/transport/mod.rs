//! The way from a client to its gateway, and the configuration that decides it.

mod bind;
mod close;
mod config;
mod flaky;
mod port;
mod refusal;
mod url;

pub(super) use bind::weakness;
pub(crate) use flaky::steady;

use super::super::Rule;
use crate::catalogue::Code;

pub(super) const RULES: &[Rule] = &[
    bind::exposed,
    close::abnormal,
    close::slow_challenge,
    config::invalid,
    config::rolled_back,
    config::unapplied,
    flaky::flaky,
    port::loopback,
    port::wrong_port,
    url::plaintext_refused,
    url::unresolvable,
    url::wrong_scheme,
];

/// What they may raise, `bind.loopback` aside.
pub(super) const RAISES: &[Code] = &[
    Code::UrlUnresolvable,
    Code::UrlWrongPort,
    Code::UrlWrongScheme,
    Code::UrlPlaintextRefused,
    Code::BindExposed,
    Code::TransportFlaky,
    Code::TransportSlowChallenge,
    Code::ConfigInvalid,
    Code::ConfigRolledBack,
    Code::ConfigUnapplied,
    Code::Close1006,
];
