//! The rules, by family.

pub(super) mod acceptance;
pub(super) mod agent;
mod auth;
mod channels;
mod clock;
mod command;
mod compose;
pub(crate) mod contained;
mod container;
mod engine;
mod gateway;
pub(super) mod host;
pub(super) mod image;
mod ingress;
mod life;
pub(super) mod mirror;
pub(super) mod network;
pub(crate) mod ownership;
mod pairing;
mod proxy;
mod registry;
mod state;
pub(super) mod transport;
mod unit;

use super::Rule;
use crate::catalogue::Code;

/// One family: its rules, and every code that they may raise.
type Family = (&'static [Rule], &'static [Code]);

const FAMILIES: &[Family] = &[
    (agent::RULES, agent::RAISES),
    (auth::RULES, auth::RAISES),
    (channels::RULES, channels::RAISES),
    (clock::RULES, clock::RAISES),
    (compose::RULES, compose::RAISES),
    (container::RULES, container::RAISES),
    (engine::RULES, engine::RAISES),
    (gateway::RULES, gateway::RAISES),
    (host::RULES, host::RAISES),
    (image::RULES, image::RAISES),
    (ingress::RULES, ingress::RAISES),
    (mirror::RULES, mirror::RAISES),
    (network::RULES, network::RAISES),
    (ownership::RULES, ownership::RAISES),
    (pairing::RULES, pairing::RAISES),
    (proxy::RULES, proxy::RAISES),
    (registry::RULES, registry::RAISES),
    (state::RULES, state::RAISES),
    (transport::RULES, transport::RAISES),
    (unit::RULES, unit::RAISES),
    // The last: what the others say of the same is said better.
    (acceptance::RULES, &[]),
];

/// All rules. Their order does not matter.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|(rules, _)| *rules)
}

/// Every code that some rule may raise.
#[cfg(test)]
pub(super) fn raises() -> impl Iterator<Item = Code> {
    FAMILIES.iter().flat_map(|(_, codes)| *codes).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_declared_twice() {
        let mut codes: Vec<Code> = raises().collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }

    #[test]
    fn each_code_has_a_rule() {
        let without: Vec<Code> =
            Code::ALL.iter().copied().filter(|code| !raises().any(|raised| raised == *code)).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
