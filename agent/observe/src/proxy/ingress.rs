//! What takes web hooks: to which gateway it is told to pass them on.

use jiff::Timestamp;
use portreeve_core::snapshot::{GatewayUrl, Ingress, Probe, Workload, WorkloadRole};
use portreeve_facts::workload::Definition;
use portreeve_openclaw::credentials;
use portreeve_openclaw::port::DEFAULT_PORT;

use super::World;

/// Longest value that is looked at, in bytes.
const MAX_VALUE_BYTES: usize = 2048;

/// Targets of a workload that takes web hooks, by its environment and its command. Empty for any other workload.
///
/// Of the values in its environment and command only scheme, host and port are kept.
pub fn ingresses(workload: &Workload, definition: &Definition, world: &World<'_>, at: Timestamp) -> Vec<Ingress> {
    if workload.role != WorkloadRole::Ingress {
        return Vec::new();
    }
    let environment = &definition.environment;
    let command = definition.entrypoint.iter().chain(&definition.command).flatten();
    let variables = environment.names().filter_map(|name| Some((name.to_owned(), environment.text(name)?)));
    let named = |name: &str| format!("{name} of {}", workload.service.as_deref().unwrap_or(&workload.name));
    let variables = variables.map(|(name, value)| (named(&name), format!("environment.{name}"), name, value));
    let words = command.map(|word| (named("command"), "command".to_owned(), String::new(), word.as_str()));
    let mut found: Vec<Ingress> = Vec::new();
    for (source, key, name, value) in variables.chain(words) {
        let Some((target, is_hook)) = target(value) else { continue };
        let from = world.workloads.iter().find(|other| other.id == workload.id);
        let gateway = world.gateway_at(&target.host, target.port, from);
        let told = ["OPENCLAW", "CLAWDBOT", "MOLTBOT"].iter().any(|word| name.contains(word));
        if gateway.is_none() && !told && !is_hook && target.port != DEFAULT_PORT {
            continue;
        }
        if found.iter().any(|known| known.target == target) {
            continue;
        }
        found.push(Ingress {
            id: format!("{} {}", workload.id, if name.is_empty() { "command" } else { &name }),
            workload: Some(workload.id.clone()),
            target,
            source,
            place: workload.place(&key).cloned(),
            gateway: gateway.map(|gateway| gateway.id.clone()),
            answer: Probe::not_tried("not asked", at),
        });
    }
    found
}

/// Scheme, host and port of a URL, and whether its path is that of a gateway's web hooks.
fn target(value: &str) -> Option<(GatewayUrl, bool)> {
    let value = value.trim();
    if value.len() > MAX_VALUE_BYTES || !value.contains("://") {
        return None;
    }
    let (scheme, rest) = value.split_once("://")?;
    let scheme = match scheme {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    let url = credentials::GatewayUrl::parse(&format!("{scheme}://{rest}")).ok()?;
    let mut target = portreeve_facts::gateway_url(&url);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    if path.is_empty() { "/" } else { "/…" }.clone_into(&mut target.path);
    Some((target, path == "hooks" || path.starts_with("hooks/")))
}
