//! Ports of interest.

use std::collections::BTreeSet;

use portreeve_core::snapshot::Unit;
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::port::DEFAULT_PORT;

use crate::Options;
use crate::gateway::Draft;

/// Ports that matter whatever else is found.
pub(crate) fn known_ports(options: &Options, environment: &Environment) -> BTreeSet<u16> {
    let mut ports = BTreeSet::from([DEFAULT_PORT]);
    ports.extend(&options.ports);
    ports.extend(environment.text("OPENCLAW_GATEWAY_PORT").and_then(portreeve_openclaw::port::parse_environment));
    let url = environment.text("OPENCLAW_GATEWAY_URL").map(portreeve_openclaw::credentials::GatewayUrl::parse);
    ports.extend(url.and_then(Result::ok).map(|url| url.port()));
    ports
}

/// Those, and the ports that gateways and units claim.
pub(super) fn ports<'a>(
    known: BTreeSet<u16>,
    drafts: impl Iterator<Item = &'a Draft>,
    units: &[Unit],
) -> BTreeSet<u16> {
    let mut ports = known;
    ports.extend(units.iter().filter_map(|unit| unit.port));
    for draft in drafts {
        ports.insert(draft.gateway.port);
        ports.extend(draft.gateway.config.get().and_then(|config| config.port));
    }
    ports
}
