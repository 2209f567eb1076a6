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
    let workloads = all(observed);
    let plan = plan_of(observed, &workloads, &[]);
    let is_gateway = |workload: &Workload| workload.role == WorkloadRole::Gateway;
    let asked = requests(observed, written, is_gateway, |seen| gateway_request(seen, key, &plan));
    run(observed, written, inside, asked, until, at).await;

    let gateways: Vec<Gateway> = observed
        .workloads
        .iter()
        .filter_map(|seen| entries::gateway(&seen.workload, portreeve_core::snapshot::Expectation::Container, at))
        .collect();
    let workloads = all(observed);
    let plan = plan_of(observed, &workloads, &gateways);
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

fn all(observed: &Observed) -> Vec<Workload> {
    observed.workloads.iter().map(|seen| seen.workload.clone()).collect()
}

fn plan_of<'a>(observed: &'a Observed, workloads: &'a [Workload], gateways: &'a [Gateway]) -> Plan<'a> {
    Plan { gateways, workloads, networks: &observed.networks, engines: &observed.engines, addresses: &[] }
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
        let is_lost = match &workload.network_mode {
            NetworkMode::Shared { found: false, .. } => true,
            // What is joined by the other's name is the namespace of its last start, and not the one that this workload is in.
            NetworkMode::Shared { with, found: true } => observed
                .workloads
                .iter()
                .any(|other| other.workload.id == *with && workload.is_older_than(&other.workload)),
            _ => false,
        };
        if !wanted(workload) || is_lost {
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

/// A gateway's own secret goes to the loopback of its own namespace, where only what is in containers listens.
fn gateway_request(seen: &Seen, key: &FingerprintKey, plan: &Plan<'_>) -> Request {
    let mut request = common(seen, key, Role::Gateway);
    request.may_send_secret = seen.workload.is_running() && is_contained(&seen.workload, plan);
    request
}

/// Whether a workload has a network namespace of containers. In that of the machine, anybody may listen where a gateway should.
fn is_contained(workload: &Workload, plan: &Plan<'_>) -> bool {
    !matches!(plan.namespace(workload).network_mode, NetworkMode::Host | NetworkMode::Shared { .. })
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
    if let Some(secret) = plan.leads_to(&url, Some(&seen.workload)).and_then(|gateway| secret_of(gateway, plan)) {
        request.may_send_secret = true;
        request.only_secret = Some(secret);
    }
    request
}

/// The one secret that a gateway is known to take, where nobody else may listen in its place.
fn secret_of(gateway: &Gateway, plan: &Plan<'_>) -> Option<Fingerprint> {
    let workload = plan.workloads.iter().find(|workload| Some(&workload.id) == gateway.workload.as_ref())?;
    gateway.credentials.winner.clone().filter(|_| is_contained(workload, plan))
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

#[cfg(test)]
mod tests {
    use portreeve_core::Secret;
    use portreeve_core::snapshot::Expectation;
    use portreeve_facts::workload::Definition;

    use super::*;
    use crate::engine::test_workload;

    fn seen(name: &str, command: &str, network_mode: NetworkMode) -> Seen {
        let command = command.split(' ').map(str::to_owned).collect();
        let definition = Definition { command: Some(command), ..Definition::default() };
        let workload = Workload { network_mode, ..test_workload(name, &definition) };
        Seen { workload, definition, client: None }
    }

    #[test]
    fn no_secret_goes_where_anybody_on_the_machine_may_listen() {
        let key = FingerprintKey::new(&[1; 32]).unwrap();
        for (of_web, may) in [(NetworkMode::Own, true), (NetworkMode::Host, false)] {
            let web = seen("web", "nginx", of_web);
            let beside = || NetworkMode::Shared { with: web.workload.id.clone(), found: true };
            let gateway = seen("gateway", "openclaw gateway", beside());
            let client = seen("cli", "openclaw channels status", beside());
            let mut entry = entries::gateway(&gateway.workload, Expectation::Container, Timestamp::UNIX_EPOCH).unwrap();
            entry.credentials.winner = Some(key.fingerprint(&Secret::from("its token")));
            let all_seen = vec![web.clone(), gateway.clone(), client.clone()];
            let observed = Observed { workloads: all_seen, ..Observed::default() };
            let (workloads, gateways) = (all(&observed), [entry]);
            let plan = plan_of(&observed, &workloads, &gateways);
            assert_eq!(gateway_request(&gateway, &key, &plan).may_send_secret, may);
            assert_eq!(client_request(&client, &key, &plan).may_send_secret, may);
        }
        let lost = seen("lost", "openclaw gateway", NetworkMode::Shared { with: "gone".to_owned(), found: false });
        let nothing = Observed::default();
        let plan = plan_of(&nothing, &[], &[]);
        assert!(!gateway_request(&lost, &key, &plan).may_send_secret);
    }
}
