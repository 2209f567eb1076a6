//! The containers of a report, as a table.

use portreeve_core::report::{ContainerSummary, Report};
use portreeve_core::snapshot::{PublishedPort, RunState, WorkloadRole};

use super::text::columns;
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Containers of gateways, clients, proxies and ingresses; the others are counted.
pub(super) fn containers(report: &Report, width: usize) -> String {
    let (ours, others): (Vec<&ContainerSummary>, Vec<&ContainerSummary>) =
        report.containers.iter().partition(|container| container.role != WorkloadRole::Other);
    if ours.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(BOLD, "Containers"));
    let rows: Vec<Vec<String>> = ours.into_iter().map(row).collect();
    out.push_str(&columns(&rows, 2, width));
    if !others.is_empty() {
        out.push_str(&format!("  {}\n", styled(DIM, &format!("and {} others", others.len()))));
    }
    out
}

fn row(container: &ContainerSummary) -> Vec<String> {
    let mut facts: Vec<String> = vec![role(container.role).to_owned()];
    facts.push(if container.image.is_empty() { "built here".to_owned() } else { container.image.clone() });
    facts.extend(container.ports.iter().map(port));
    if container.restarts > 0 {
        facts.push(format!("started again {} times", container.restarts));
    }
    vec![state(container), plain(&container.name), plain(&facts.join(" · "))]
}

fn state(container: &ContainerSummary) -> String {
    match (container.state, container.health.as_deref()) {
        (None, _) => styled(DIM, "written"),
        (Some(RunState::Running), Some("unhealthy")) => styled(BAD, "unhealthy"),
        (Some(RunState::Running), Some("starting")) => styled(WARN, "starting"),
        (Some(RunState::Running), _) => styled(GOOD, "runs"),
        (Some(RunState::Exited), _) => match container.exit_code {
            Some(status) if status != 0 => styled(WARN, &format!("ended {status}")),
            _ => styled(DIM, "ended"),
        },
        (Some(RunState::Created), _) => styled(WARN, "created"),
        (Some(RunState::Paused), _) => styled(WARN, "paused"),
        (Some(RunState::Restarting), _) => styled(BAD, "restarting"),
        (Some(RunState::Removing | RunState::Dead), _) => styled(WARN, "dead"),
    }
}

fn role(role: WorkloadRole) -> &'static str {
    match role {
        WorkloadRole::Gateway => "gateway",
        WorkloadRole::Cli => "command line",
        WorkloadRole::NodeHost => "node host",
        WorkloadRole::Proxy => "proxy",
        WorkloadRole::Ingress => "ingress",
        WorkloadRole::Other => "other",
    }
}

/// `127.0.0.1:18789→18789`.
fn port(port: &PublishedPort) -> String {
    let address = port.host_address.as_deref().filter(|address| !address.is_empty()).unwrap_or("*");
    let host = port.host_port.map_or_else(|| "?".to_owned(), |port| port.to_string());
    format!("{address}:{host}→{}", port.container_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(role: WorkloadRole) -> ContainerSummary {
        ContainerSummary {
            id: "container:claw".to_owned(),
            name: "claw\u{1b}[2J".to_owned(),
            engine: Some("docker:/var/run/docker.sock".to_owned()),
            project: None,
            service: None,
            role,
            role_reason: "image".to_owned(),
            state: Some(RunState::Running),
            health: Some("healthy".to_owned()),
            restarts: 2,
            exit_code: None,
            started_at: None,
            image: "ghcr.io/openclaw/openclaw:2026.9.6".to_owned(),
            digest: None,
            version: None,
            ports: vec![PublishedPort {
                host_address: None,
                host_port: Some(18_789),
                container_port: 18_789,
                protocol: "tcp".to_owned(),
                key: String::new(),
            }],
            networks: Vec::new(),
            shares_network_of: None,
            not_seen: None,
        }
    }

    #[test]
    fn a_name_with_escape_codes_does_not_reach_the_terminal() {
        let row = row(&container(WorkloadRole::Gateway));
        assert!(!row.concat().contains("\u{1b}[2J"), "{row:?}");
        assert!(
            row.concat()
                .contains("gateway · ghcr.io/openclaw/openclaw:2026.9.6 · *:18789→18789 · started again 2 times")
        );
    }
}
