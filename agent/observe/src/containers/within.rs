//! Looks from within containers that run `OpenClaw`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use portreeve_core::snapshot::{Gateway, GatewayUrl, NamespaceView, NetworkMode, Workload, WorkloadRole};
use portreeve_core::{Fact, Fingerprint, FingerprintKey};
use portreeve_facts::request::{ConnectAsked, NodeTarget, Request, Role, SeriesAsked, SocketAsked};
use portreeve_facts::workload::flags;
use portreeve_openclaw::credentials;
use portreeve_openclaw::environment::GATEWAY_URL;

use super::route::Plan;
use super::services::Written;
use super::{entries, is_container};
use crate::engine::{Client, Observed, Seen};
use crate::inside::{Inside, Subject};

/// Looks at a time.
const CONCURRENT: usize = 4;
/// Most containers that are looked into.
const MAX_LOOKS: usize = 32;
/// Milliseconds that the program itself may take.
pub(super) const PROGRAM_MS: u64 = 4_000;
/// How often an address is connected to.
const ATTEMPTS: u32 = 3;
/// Least time in which a look is worth to be begun.
const LEAST: Duration = Duration::from_millis(500);
/// Most sockets of one environment that are looked at.
const MAX_SOCKETS: usize = 8;

/// How to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// Runs the probe.
    pub(super) inside: &'a Inside,
    /// Makes fingerprints.
    pub(super) key: &'a FingerprintKey,
    /// A series of connects from the client of one container, known by its name, service or id.
    pub(super) series: Option<(&'a str, &'a SeriesAsked)>,
    /// When to stop.
    pub(super) until: Instant,
    /// Time of the observation.
    pub(super) at: Timestamp,
}

/// Looks from within every container that runs a gateway and then, when it is known which secrets the gateways take, from within those of
/// their clients.
pub(super) async fn look(observed: &mut Observed, written: &[Written], how: &Look<'_>) {
    let Look { inside, key, series, until, at } = *how;
    sweep(observed, until).await;
    let is_gateway = |workload: &Workload| workload.role == WorkloadRole::Gateway;
    let asked = requests(observed, written, is_gateway, |seen| gateway_request(seen, key));
    run(observed, written, inside, asked, until, at).await;

    let gateways: Vec<Gateway> = observed
        .workloads
        .iter()
        .filter_map(|seen| entries::gateway(&seen.workload, portreeve_core::snapshot::Expectation::Container, at))
        .collect();
    let workloads: Vec<Workload> = observed.workloads.iter().map(|seen| seen.workload.clone()).collect();
    let plan = Plan {
        gateways: &gateways,
        workloads: &workloads,
        networks: &observed.networks,
        engines: &observed.engines,
        addresses: &[],
    };
    let is_client = |workload: &Workload| matches!(workload.role, WorkloadRole::Cli | WorkloadRole::NodeHost);
    let asked = requests(observed, written, is_client, |seen| {
        let mut request = client_request(seen, key, &plan);
        if let Some((_, asked)) = series.filter(|(wanted, _)| is_container(&seen.workload, wanted)) {
            request.series = Some(asked.clone());
            request.deadline_ms = PROGRAM_MS + asked.spread_ms;
        }
        request
    });
    run(observed, written, inside, asked, until, at).await;
    // An engine may still have been at work on what a killed agent asked for.
    sweep(observed, until).await;
}

/// Removes what an agent that was killed left behind.
async fn sweep(observed: &Observed, until: Instant) {
    for (engine, client) in &observed.clients {
        if let Err(error) = crate::inside::sweep(client, until).await {
            tracing::debug!(%engine, error = %error.sentence(), "throw-away containers were not swept");
        }
    }
}

struct Asked {
    index: usize,
    engine: String,
    container: Option<String>,
    request: Request,
}

fn requests(
    observed: &Observed,
    written: &[Written],
    wanted: impl Fn(&Workload) -> bool,
    request: impl Fn(&Seen) -> Request,
) -> Vec<Asked> {
    let asked = observed.workloads.iter().enumerate().filter_map(|(index, seen)| {
        let workload = &seen.workload;
        if !wanted(workload) || matches!(&workload.network_mode, NetworkMode::Shared { found: false, .. }) {
            return None;
        }
        Some(Asked {
            index,
            engine: workload.engine.clone().or_else(|| {
                let written = written.iter().find(|written| written.index == index)?;
                Some(written.engine.clone())
            })?,
            container: workload.container_id.clone(),
            request: request(seen),
        })
    });
    asked.take(MAX_LOOKS).collect()
}

async fn run(
    observed: &mut Observed,
    written: &[Written],
    inside: &Inside,
    asked: Vec<Asked>,
    until: Instant,
    at: Timestamp,
) {
    let clients: &BTreeMap<String, Client> = &observed.clients;
    let looks = stream::iter(asked).map(|asked| async move {
        let view: Fact<NamespaceView> = match clients.get(&asked.engine) {
            Some(_) if Instant::now() + LEAST > until => {
                Fact::unreadable("the time was over before a probe could be run", "portreeve-probe", at)
            }
            Some(client) => {
                let service = written.iter().find(|written| written.index == asked.index);
                let subject = match (&asked.container, service) {
                    (Some(id), _) => Subject::Container { id },
                    (None, Some(written)) => Subject::Service(&written.definition),
                    (None, None) => return None,
                };
                inside.look(client, subject, &asked.request, until).await
            }
            None => Fact::unreadable("its engine gave no answer", "portreeve-probe", at),
        };
        Some((asked.index, view))
    });
    let views: Vec<(usize, Fact<NamespaceView>)> =
        looks.buffer_unordered(CONCURRENT).filter_map(std::future::ready).collect().await;
    for (index, view) in views {
        if let Some(seen) = observed.workloads.get_mut(index) {
            seen.workload.view = view;
        }
    }
}

fn common(seen: &Seen, key: &FingerprintKey, role: Role) -> Request {
    let said = flags(&seen.definition);
    let mut request = Request::new(key.expose(), PROGRAM_MS);
    request.role = Some(role);
    request.profile = said.profile;
    request.token = said.token;
    request.password = said.password;
    request.sockets = sockets(seen);
    match role {
        Role::Gateway => request.port = said.port,
        Role::Cli => request.url = said.url,
        Role::NodeHost => {
            request.node_target = said.host.map(|host| NodeTarget {
                host,
                port: said.port.unwrap_or(portreeve_openclaw::port::DEFAULT_PORT),
                tls: said.tls.then_some(true),
            });
        }
    }
    request
}

/// A gateway's own secret goes to the loopback of its own namespace, where only what is in that container listens.
fn gateway_request(seen: &Seen, key: &FingerprintKey) -> Request {
    let mut request = common(seen, key, Role::Gateway);
    request.may_send_secret = seen.workload.is_running() && seen.workload.network_mode != NetworkMode::Host;
    request
}

/// A request that sends no secret.
pub(super) fn caller_request(seen: &Seen, key: &FingerprintKey) -> Request {
    let role = if seen.workload.role == WorkloadRole::NodeHost { Role::NodeHost } else { Role::Cli };
    common(seen, key, role)
}

fn client_request(seen: &Seen, key: &FingerprintKey, plan: &Plan<'_>) -> Request {
    let mut request = caller_request(seen, key);
    let url = likely_url(seen, &request);
    if url.host.parse::<std::net::IpAddr>().is_err() && url.host != "localhost" {
        request.names.push(url.host.clone());
    }
    request.connects.push(ConnectAsked { host: url.host.clone(), port: url.port, attempts: ATTEMPTS });
    if let Some(secret) = secret_of(plan.leads_to(&url, Some(&seen.workload))) {
        request.may_send_secret = true;
        request.only_secret = Some(secret);
    }
    request
}

/// The one secret that a gateway is known to take.
fn secret_of(gateway: Option<&Gateway>) -> Option<Fingerprint> {
    gateway?.credentials.winner.clone()
}

/// Where its command and environment send a client; the loopback where they say nothing. Its configuration may say otherwise, which the
/// probe finds out.
fn likely_url(seen: &Seen, request: &Request) -> GatewayUrl {
    if let Some(target) = &request.node_target {
        let scheme = if target.tls == Some(true) { "wss" } else { "ws" };
        return GatewayUrl {
            scheme: scheme.to_owned(),
            host: target.host.clone(),
            port: target.port,
            path: "/".to_owned(),
        };
    }
    let said = request.url.as_deref().or_else(|| seen.definition.environment.text(GATEWAY_URL));
    let parsed = said.and_then(|url| credentials::GatewayUrl::parse(url).ok());
    parsed.as_ref().map_or_else(
        || GatewayUrl {
            scheme: "ws".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: seen
                .definition
                .environment
                .text(portreeve_openclaw::environment::GATEWAY_PORT)
                .and_then(portreeve_openclaw::port::parse_environment)
                .unwrap_or(portreeve_openclaw::port::DEFAULT_PORT),
            path: "/".to_owned(),
        },
        portreeve_facts::gateway_url,
    )
}

/// Unix sockets that an environment names.
fn sockets(seen: &Seen) -> Vec<SocketAsked> {
    let environment = &seen.definition.environment;
    let named = environment.names().filter_map(|name| {
        let value = environment.text(name)?;
        let path = value.strip_prefix("unix://").or_else(|| Some(value).filter(|value| is_socket_name(value)))?;
        let is_path = path.starts_with('/') && path.len() <= 256 && !path.contains('\0');
        is_path.then(|| SocketAsked { path: path.to_owned(), source: format!("{name} of its environment") })
    });
    named.take(MAX_SOCKETS).collect()
}

fn is_socket_name(value: &str) -> bool {
    std::path::Path::new(value).extension().is_some_and(|extension| extension == "sock")
}
