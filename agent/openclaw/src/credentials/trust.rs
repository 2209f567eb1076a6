//! Which certificates a client takes.

use super::client::{ClientInputs, ClientKind, UrlSource};
use super::{GatewayUrl, Surface};
use crate::config::{GatewayMode, GatewaySettings};
use crate::endpoint::{CertFingerprint, Scheme};
use crate::environment::{self, Environment};

/// Which certificates a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The one with this SHA-256, whatever stands in it and whoever signed it.
    Pinned(CertFingerprint),
    /// Those that the authorities signed which Node.js brings.
    Authorities,
}

/// Variables of Node.js that name more authorities, or let it take every certificate.
const WIDER: [&str; 3] =
    [environment::NODE_EXTRA_CA_CERTS, environment::NODE_USE_SYSTEM_CA, environment::NODE_TLS_REJECT_UNAUTHORIZED];

/// What a client takes at its URL; none where it speaks no TLS, or where something else than configuration and environment decides: the
/// certificate of its own gateway, or what a node host has saved.
pub(super) fn of(
    inputs: &ClientInputs<'_>,
    url: Option<&GatewayUrl>,
    (surface, source): (Surface, UrlSource),
    settings: Option<&GatewaySettings>,
    environment: &Environment,
) -> Option<Trust> {
    let is_pinned_itself = source == UrlSource::Local && settings.is_some_and(|settings| settings.tls.enabled);
    if inputs.kind == ClientKind::NodeHost || url?.scheme() != Scheme::Wss || is_pinned_itself {
        return None;
    }
    let remote = settings.filter(|settings| {
        settings.mode == Some(GatewayMode::Remote) && matches!(surface, Surface::Remote | Surface::UrlEnvironment)
    });
    let pin = remote.and_then(|settings| settings.remote.tls_fingerprint.as_deref()).filter(|pin| !pin.is_empty());
    if let Some(pin) = pin {
        return pin.parse().ok().map(Trust::Pinned);
    }
    let more = environment.text(environment::NODE_OPTIONS).is_some_and(|options| options.contains("-ca"));
    let is_wider = more || WIDER.iter().any(|name| environment.text(name).is_some());
    (!is_wider).then_some(Trust::Authorities)
}
