//! The ways between containers: networks, and who connects or passes on to whom.

use super::containers::project_id;
use super::{HOST, Node, NodeKind, Picture, Relation};
use crate::snapshot::Network;

impl Picture<'_> {
    /// The networks that things of their own are on.
    pub(super) fn networks(&mut self) {
        let snapshot = self.snapshot;
        for workload in self.shown.clone() {
            for attachment in &workload.networks {
                let Some(network) = snapshot.networks.iter().find(|network| network.id == attachment.network) else {
                    continue;
                };
                let id = format!("network {}", network.id);
                self.node(Node {
                    id: id.clone(),
                    kind: NodeKind::Network,
                    lines: network_lines(network),
                    state: None,
                    group: Some(network_group(network)),
                });
                let names: Vec<&str> =
                    attachment.aliases.iter().filter(|alias| !is_id(alias)).map(String::as_str).take(3).collect();
                let detail = (!names.is_empty()).then(|| format!("as {}", names.join(", ")));
                self.edge(&format!("workload {}", workload.id), id, Relation::On, detail);
            }
        }
    }

    pub(super) fn clients(&mut self) {
        for client in &self.snapshot.clients {
            let (Some(workload), Some(facts)) = (&client.workload, client.url.get()) else { continue };
            let id = format!("workload {workload}");
            let (target, detail) = match &client.gateway {
                Some(gateway) => (self.gateway_id(gateway), Some(format!("to {}:{}", facts.url.host, facts.url.port))),
                None => (self.remote(&facts.url, facts.loopback.then_some(workload.as_str())), None),
            };
            self.edge_with(&id, target, Relation::Connects, detail, client.credentials.winner.clone());
        }
    }

    pub(super) fn proxies(&mut self) {
        for route in &self.snapshot.proxies {
            let id = if let Some(workload) = &route.workload {
                format!("workload {workload}")
            } else {
                let name = route.id.split(' ').next().unwrap_or(&route.id);
                let id = format!("proxy {name}");
                let lines = vec![format!("proxy {}", route.program), name.to_owned()];
                let group = Some(HOST.to_owned());
                self.node(Node { id: id.clone(), kind: NodeKind::Proxy, lines, state: None, group });
                id
            };
            let target = match (&route.gateway, &route.upstream) {
                (Some(gateway), _) => self.gateway_id(gateway),
                (None, Some(upstream)) => self.remote(upstream, route.workload.as_deref()),
                (None, None) => continue,
            };
            let front = format!("from {}://{}:{}", route.front.scheme, route.front.host, route.front.port);
            self.edge(&id, target, Relation::PassesOn, Some(front));
        }
    }

    pub(super) fn ingresses(&mut self) {
        for ingress in &self.snapshot.ingresses {
            let id = if let Some(workload) = &ingress.workload {
                format!("workload {workload}")
            } else {
                let id = format!("ingress {}", ingress.id);
                let lines = vec![format!("ingress {}", ingress.id)];
                let group = Some(HOST.to_owned());
                self.node(Node { id: id.clone(), kind: NodeKind::Ingress, lines, state: None, group });
                id
            };
            let (target, detail) = match &ingress.gateway {
                Some(gateway) => {
                    (self.gateway_id(gateway), Some(format!("to {}:{}", ingress.target.host, ingress.target.port)))
                }
                None => (self.remote(&ingress.target, ingress.workload.as_deref()), None),
            };
            self.edge(&id, target, Relation::SendsHooks, detail);
        }
    }
}

/// Whether an alias is only the beginning of the container's id, which engines add.
fn is_id(alias: &str) -> bool {
    alias.len() >= 12 && alias.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn network_lines(network: &Network) -> Vec<String> {
    let mut lines = vec![format!("network {}", network.name)];
    let kind = if network.internal { format!("{}, internal", network.driver) } else { network.driver.clone() };
    lines.extend((!kind.is_empty()).then_some(kind));
    lines.extend((!network.subnets.is_empty()).then(|| network.subnets.join(", ")));
    lines
}

fn network_group(network: &Network) -> String {
    match (&network.project, &network.engine) {
        (Some(project), engine) => project_id(engine.as_deref(), project),
        (None, Some(engine)) => format!("engine {engine}"),
        (None, None) => HOST.to_owned(),
    }
}
