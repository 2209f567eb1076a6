//! The healthy node behind a proxy that works.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::Snapshot;
use crate::diagnose::fixture::*;
use crate::snapshot::{
    Attachment, Challenge, FailureKind, GatewayUrl, Image, Network, NetworkMode, Phase, Place, Probe, ProbeOutcome,
    ProxyConfig, ProxyRoute, TlsSeen, Workload, WorkloadRole,
};

const FILE: &str = "/etc/nginx/conf.d/claw.conf";

/// The healthy node with nginx before its gateway.
pub(in super::super) fn behind(change: impl FnOnce(&mut ProxyRoute)) -> Snapshot {
    let mut route = route();
    change(&mut route);
    node(|node| node.proxies = vec![route])
}

/// The healthy gateway in a container, and nginx in another on its network, trusted by it.
pub(in super::super) fn in_containers(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut node = node(|node| {
        node.networks = vec![Network {
            id: "docker/net".to_owned(),
            name: "claw_default".to_owned(),
            engine: Some("docker".to_owned()),
            project: Some("claw".to_owned()),
            driver: "bridge".to_owned(),
            internal: false,
            subnets: vec!["172.18.0.0/16".to_owned()],
            gateways: Vec::new(),
        }];
        node.workloads = vec![workload("gateway", WorkloadRole::Gateway), workload("proxy", WorkloadRole::Proxy)];
        gateway(node).workload = Some("service:claw/gateway".to_owned());
        let gateway_id = gateway(node).id.clone();
        value(&mut gateway(node).config).trusted_proxies = vec!["172.18.0.0/16".to_owned()];
        node.proxies = vec![ProxyRoute {
            workload: Some("service:claw/proxy".to_owned()),
            gateway: Some(gateway_id),
            peer: None,
            ..route()
        }];
        value(&mut node.proxies[0].config).forwards = vec!["X-Forwarded-For".to_owned()];
    });
    change(&mut node);
    node
}

/// A refusal of the upgrade.
pub(in super::super) fn refused(status: u16, reason: Option<&str>) -> Probe<Challenge> {
    let mut probe = failed(Phase::Http, FailureKind::HttpStatus);
    if let ProbeOutcome::Failed { failure } = &mut probe.outcome {
        failure.http_status = Some(status);
        failure.reason = reason.map(str::to_owned);
    }
    probe
}

/// Nothing was tried.
pub(in super::super) fn untried_both(route: &mut ProxyRoute) {
    (route.direct, route.through, route.tls) = (untried(), untried(), absent());
}

fn route() -> ProxyRoute {
    let challenge = Challenge { tcp_ms: 0.2, challenge_ms: 1.0, skew_ms: Some(0), skew_uncertainty_ms: Some(1) };
    let place = |line, column| Place { file: FILE.to_owned(), line, column };
    let url = |scheme: &str, host: &str, port| GatewayUrl {
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        port,
        path: "/".to_owned(),
    };
    ProxyRoute {
        id: "process:77 wss://claw.example:443/".to_owned(),
        workload: None,
        program: "nginx".to_owned(),
        front: url("wss", "claw.example", 443),
        upstream: Some(url("ws", "127.0.0.1", PORT)),
        gateway: Some(STATE.to_owned()),
        config: known(ProxyConfig {
            upgrade: true,
            read_timeout_s: Some(3_600.0),
            buffering: false,
            forwards: Vec::new(),
            origin: None,
            certificate: Some("/etc/ssl/claw.pem".to_owned()),
            places: BTreeMap::from([
                (String::new(), place(12, 5)),
                ("upstream".to_owned(), place(13, 9)),
                ("read_timeout".to_owned(), place(17, 9)),
            ]),
        }),
        direct: answered(challenge.clone()),
        through: answered(challenge),
        idle: untried(),
        tls: known(TlsSeen {
            names: vec!["claw.example".to_owned()],
            issuer: Some("Example CA".to_owned()),
            not_before: Some(ago(86_400)),
            not_after: Some(now() + SignedDuration::from_hours(24 * 60)),
            name_matches: true,
            self_signed: false,
            chain_length: 2,
            refusal: None,
        }),
        peer: Some("127.0.0.1".to_owned()),
        http: Some(200),
        http_only: false,
    }
}

/// A service that is only written down.
pub(in super::super) fn workload(service: &str, role: WorkloadRole) -> Workload {
    Workload {
        id: format!("service:claw/{service}"),
        name: service.to_owned(),
        engine: None,
        container_id: None,
        project: Some("claw".to_owned()),
        service: Some(service.to_owned()),
        role,
        role_reason: "a test".to_owned(),
        image: Image {
            reference: String::new(),
            written: None,
            built: false,
            id: None,
            digests: Vec::new(),
            platform: None,
            version: None,
        },
        user: None,
        command: Vec::new(),
        environment: Vec::new(),
        listens: None,
        network_mode: NetworkMode::Own,
        networks: vec![Attachment {
            network: "docker/net".to_owned(),
            aliases: vec![service.to_owned()],
            address: None,
        }],
        ports: Vec::new(),
        mounts: Vec::new(),
        state_dir: None,
        read_only_root: false,
        extra_hosts: Vec::new(),
        healthcheck: None,
        restart: None,
        depends_on: Vec::new(),
        profiles: Vec::new(),
        memory_limit: None,
        runtime: None,
        view: absent(),
        places: BTreeMap::new(),
        written: Vec::new(),
    }
}
