//! `ingress.split`

use super::{about, gateway_of};
use crate::Snapshot;
use crate::catalogue::Code;
use crate::diagnose::rules::contained::{namespace, place_named};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Ingress};

/// The port of a gateway that was not given one.
const DEFAULT_PORT: u16 = 18_789;

/// `ingress.split`: web hooks end at another gateway than the one that is meant.
pub(in super::super) fn elsewhere(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for ingress in &snapshot.ingresses {
        let Some(meant) = meant(snapshot, ingress) else { continue };
        let ends = match gateway_of(snapshot, ingress) {
            Some(gateway) if gateway.id == meant.id => continue,
            Some(gateway) => format!("that is another gateway, {}", place_named(&gateway.id)),
            // A name with a dot may be anywhere in the world.
            None if is_foreign(&ingress.target.host) => continue,
            None => "no gateway is known there".to_owned(),
        };
        let summary = format!(
            "{} passes web hooks on to `{}:{}` (`{}`), and {ends}; port {} belongs to {}",
            ingress.workload.as_deref().map_or_else(|| format!("`{}`", ingress.id), place_named),
            ingress.target.host,
            ingress.target.port,
            ingress.source,
            meant.port,
            place_named(&meant.id)
        );
        let mut draft = about(context, Code::IngressSplit, ingress, summary).gateway(meant);
        draft = if meant.ladder.handshake.answer().is_some() {
            draft.answered("it answers", meant.ladder.target.clone(), &meant.ladder.handshake)
        } else {
            draft.seen(format!("it is to listen on port {}: {}", meant.port, meant.port_source), &meant.config)
        };
        out.push(draft.remedy(format!("point {} to `{}`", ingress.source, address(snapshot, meant))));
    }
}

/// The gateway at which an ingress should end: that of its project, or of several the one that owns the default port of the host, else the
/// only one that listens here.
fn meant<'a>(snapshot: &'a Snapshot, ingress: &Ingress) -> Option<&'a Gateway> {
    let project = ingress.workload.as_deref().and_then(|id| snapshot.workload(id)).and_then(|w| w.project.as_ref());
    let of_project = |gateway: &&Gateway| {
        let workload = gateway.workload.as_deref().and_then(|id| snapshot.workload(id));
        project.is_some() && workload.is_some_and(|workload| workload.project.as_ref() == project)
    };
    let only = |all: Vec<&'a Gateway>| match all.as_slice() {
        [gateway] => Some(*gateway),
        _ => None,
    };
    let mine: Vec<&Gateway> = snapshot.gateways.iter().filter(of_project).collect();
    if !mine.is_empty() {
        return only(mine.clone()).or_else(|| {
            // Who passes hooks on to several of them knows what it does.
            let ends = |gateway: &Gateway| {
                let mut own = snapshot.ingresses.iter().filter(|other| other.workload == ingress.workload);
                own.any(|other| other.gateway.as_ref() == Some(&gateway.id))
            };
            let owners = mine.into_iter().filter(|gateway| publishes(snapshot, gateway, DEFAULT_PORT)).collect();
            only(owners).filter(|owner| !ends(owner))
        });
    }
    let listening = |gateway: &&Gateway| gateway.ladder.handshake.answer().is_some();
    let live: Vec<&Gateway> = snapshot.gateways.iter().filter(listening).collect();
    // Of several, the one on the port that everybody takes without being told.
    only(live.clone()).or_else(|| only(live.into_iter().filter(|gateway| gateway.port == DEFAULT_PORT).collect()))
}

/// Whether a port of the host leads to a gateway in a container.
fn publishes(snapshot: &Snapshot, gateway: &Gateway, port: u16) -> bool {
    let workload = gateway.workload.as_deref().and_then(|id| snapshot.workload(id));
    workload.is_some_and(|workload| {
        let ports = &namespace(snapshot, workload).ports;
        ports.iter().any(|published| published.host_port == Some(port) && published.container_port == gateway.port)
    })
}

fn is_foreign(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    let local = host.ends_with(".internal") || host.ends_with(".localhost");
    match address {
        Ok(address) => !address.is_loopback(),
        Err(_) => host.contains('.') && !local,
    }
}

fn address(snapshot: &Snapshot, gateway: &Gateway) -> String {
    let workload = gateway.workload.as_deref().and_then(|id| snapshot.workload(id));
    let name = workload.and_then(|workload| workload.service.clone().or_else(|| Some(workload.name.clone())));
    format!("http://{}:{}", name.as_deref().unwrap_or("127.0.0.1"), gateway.port)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::with_ingress;
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::diagnose::rules::proxy::fixture::workload;
    use crate::snapshot::{PublishedPort, WorkloadRole};

    #[test]
    fn an_ingress_to_another_gateway_is_the_root_cause() {
        let mut node = with_ingress(|ingress| {
            ingress.gateway = Some("/other".to_owned());
            ingress.target.port = 18_999;
        });
        let other =
            Gateway { expected: vec![crate::snapshot::Expectation::Remains], ..silent_gateway("/other", 18_999) };
        node.gateways.push(other);
        assert_eq!(
            draft(elsewhere, &node).summary,
            "service `n8n` of project `claw` passes web hooks on to `gateway:18999` (`OPENCLAW_HOOKS_URL of service n8n`), and \
             that is another gateway, `/other`; port 18789 belongs to `/Users/op/.openclaw`"
        );
    }

    #[test]
    fn of_several_gateways_in_a_project_the_one_that_owns_the_port_is_meant() {
        let project = |published: bool| {
            let mut node = with_ingress(|ingress| ingress.gateway = Some("/other".to_owned()));
            let mut workload = |service: &str, ports: Vec<PublishedPort>| {
                let mut workload = workload(service, WorkloadRole::Gateway);
                workload.ports = ports;
                node.workloads.push(workload);
                Some(format!("service:claw/{service}"))
            };
            let port = |host_port| PublishedPort {
                host_address: None,
                host_port: Some(host_port),
                container_port: PORT,
                protocol: "tcp".to_owned(),
                key: "ports.0".to_owned(),
            };
            let own = workload("gateway", vec![port(if published { 18_789 } else { 18_790 })]);
            let other = workload("spare", Vec::new());
            gateway(&mut node).workload = own;
            node.gateways.push(Gateway { workload: other, ..silent_gateway("/other", PORT) });
            node
        };
        assert_eq!(drafts(elsewhere, &project(true)).len(), 1);
        assert!(silent(elsewhere, &project(false)));
        let mut both = project(true);
        both.ingresses.push(Ingress { gateway: Some(STATE.to_owned()), ..both.ingresses[0].clone() });
        assert!(silent(elsewhere, &both));
    }

    #[test]
    fn one_that_ends_nowhere_is_told_unless_it_leaves_the_node() {
        let node = |host: &str| {
            with_ingress(|ingress| {
                ingress.gateway = None;
                ingress.target.host = host.to_owned();
            })
        };
        assert_eq!(drafts(elsewhere, &node("old-gateway")).len(), 1);
        assert_eq!(drafts(elsewhere, &node("127.0.0.1")).len(), 1);
        assert!(silent(elsewhere, &node("hooks.example.org")) && silent(elsewhere, &node("192.0.2.9")));
    }

    #[test]
    fn without_a_gateway_that_is_meant_nothing_is_said() {
        let mut node = with_ingress(|ingress| ingress.gateway = None);
        gateway(&mut node).ladder.handshake = untried();
        assert!(silent(elsewhere, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(elsewhere, &healthy()) && silent(elsewhere, &with_ingress(|_| {})));
    }
}
