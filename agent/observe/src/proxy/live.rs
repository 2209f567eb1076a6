//! What proxies do: the handshake through them beside the one with the gateway itself, an idle socket, their certificates.
//!
//! No secret goes through a proxy: up to the challenge none is needed, and a gateway leaves a silent connection open for 15 s, which is
//! long enough for the timeouts that are too short.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{
    Blind, Gateway, GatewayUrl, IdleSocket, Ingress, NetworkMode, Probe, ProxyRoute, Workload, WorkloadRole,
};
use portreeve_facts::failure::of_connect;
use portreeve_openclaw::client::{Deadlines, ErrorKind, hold};
use portreeve_openclaw::endpoint::{Scheme, Target, TlsPolicy};
use portreeve_openclaw::http::{HttpDeadlines, Prober};

use super::host::{self, MAX_SHOWN, in_time};
use super::inside::parse_inside;
use super::relate::related;
use super::tls::look;
use super::{Owner, Parsed, Program, PublicUrl, RouteFound, World};
use crate::engine::{Client, line};
use crate::greeting::handshake;
use crate::process::ProcessTable;

/// Time that the files of one proxy of the host get.
const FILES: Duration = Duration::from_secs(2);
/// Time that the files of all of them get together: anybody may start one, with files that never answer.
const ALL_FILES: Duration = Duration::from_secs(4);
/// Most proxies of the host whose files are read, those of root first.
const MAX_RUNNING: usize = 64;
/// How many of them are read at a time.
const AT_A_TIME: usize = 4;
/// Most ways that are tried.
const MAX_TRIED: usize = 32;
/// Longest that a silent connection is held: less than the 15 s after which a gateway itself ends it.
const MAX_HOLD: Duration = Duration::from_secs(13);
/// How much longer than the proxy's timeout it is held.
const MARGIN: Duration = Duration::from_millis(1_500);
/// Assumed between two ticks where no gateway says, in milliseconds.
const TICK_MS: u64 = 30_000;
/// How a gateway refuses what came through a proxy that it does not trust.
const UNATTRIBUTED: &str = "proxy_attribution_required";

/// What to look at.
pub struct Question<'a> {
    /// What may be led to.
    pub world: World<'a>,
    /// Processes of the host.
    pub processes: &'a ProcessTable,
    /// URLs by which clients reach gateways from outside.
    pub public_urls: &'a [PublicUrl],
    /// Engines by their id, for files of containers that are not mounted from the host.
    pub engines: &'a BTreeMap<String, Client>,
    /// Ingresses found so far, to be asked.
    pub ingresses: Vec<Ingress>,
    /// Whether a silent connection is held also where nothing says when the proxy cuts it. That takes its time beyond the deadline.
    pub deep: bool,
    /// When to stop.
    pub deadline: Duration,
    /// When the observation began.
    pub at: Timestamp,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Ways through proxies to gateways.
    pub routes: Vec<ProxyRoute>,
    /// The ingresses, asked.
    pub ingresses: Vec<Ingress>,
    /// What could not be seen.
    pub blind: Vec<Blind>,
}

/// One way, and how to try it.
struct Way {
    route: ProxyRoute,
    target: Option<Target>,
    /// The front listens where others than this node reach it, and it can only be tried from the loopback.
    from_loopback: bool,
}

/// Finds the proxies before gateways and tries each way through them.
pub async fn observe(question: Question<'_>) -> Seen {
    let begun = Instant::now();
    let mut blind = Vec::new();
    if question.world.gateways.is_empty() {
        return Seen { ingresses: question.ingresses, ..Seen::default() };
    }
    let until = begun + question.deadline;
    let mut ways = of_processes(&question, until, &mut blind).await;
    ways.extend(of_workloads(&question, until, &mut blind).await);
    ways.extend(question.public_urls.iter().filter_map(|url| of_url(url, &question)));
    let left = question.deadline.saturating_sub(begun.elapsed());
    let (at, deep) = (question.at, question.deep);
    let tried = ways.into_iter().enumerate().map(|(n, way)| async move {
        if n >= MAX_TRIED || way.route.http_only { way.route } else { attempt(way, left, deep, at).await }
    });
    let asked = question.ingresses.into_iter().map(|ingress| ask(ingress, question.world, left));
    let (routes, ingresses) = tokio::join!(join_all(tried), join_all(asked));
    Seen { routes, ingresses, blind }
}

fn note(blind: &mut Vec<Blind>, what: String, why: &str) {
    let remedy = "name the public address in `public_urls`, so that the way through it is tried".to_owned();
    blind.push(Blind { what, why: why.to_owned(), remedy, readiness: false });
}

/// What of a configuration was not read: all of it, or what came after a bound.
fn note_partly(blind: &mut Vec<Blind>, what: String, parsed: &Parsed) {
    let nothing = parsed.problems.first().filter(|_| parsed.routes.is_empty());
    if let Some(problem) = nothing.or(parsed.cut.as_ref()) {
        note(blind, what, &problem.message);
    }
}

/// Files that gave no answer.
fn note_silent(blind: &mut Vec<Blind>, what: String, why: String) {
    let remedy = "look at the volume that its files lie on, or name the public address in `public_urls`".to_owned();
    blind.push(Blind { what, why, remedy, readiness: false });
}

async fn of_processes(question: &Question<'_>, until: Instant, blind: &mut Vec<Blind>) -> Vec<Way> {
    let until = until.min(Instant::now() + ALL_FILES);
    let mut running = host::running(question.processes);
    running.order_by_key(|running| running.uid != 0);
    let more = running.split_off(running.len().min(MAX_RUNNING));
    if !more.is_empty() {
        note(blind, format!("configurations of {} more proxies of this node", more.len()), "too many run");
    }
    let read = running.into_iter().map(|running| async move {
        let asked = running.clone();
        let parsed = in_time(until.min(Instant::now() + FILES), move || asked.parse()).await;
        (running, parsed)
    });
    let read: Vec<(host::Running, Result<Parsed, String>)> = stream::iter(read).buffered(AT_A_TIME).collect().await;
    let mut ways = Vec::new();
    for (running, parsed) in read {
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                note_silent(blind, running.what(), why);
                continue;
            }
        };
        note_partly(blind, running.what(), &parsed);
        let id = format!("process:{}", running.pid);
        let owner = Owner { id: &id, workload: None };
        for (route, found) in related(&parsed.routes, owner, &question.world, question.at) {
            let (address, from_loopback) = reachable(found.address, question.world.addresses);
            ways.push(Way { target: target(&route.front, found, Some(address)), route, from_loopback });
        }
    }
    ways
}

/// An address at which to reach what listens: one that is not the loopback where there is one, since a gateway takes a client on the
/// loopback behind a proxy for nobody.
fn reachable(listens: Option<IpAddr>, addresses: &[IpAddr]) -> (IpAddr, bool) {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match listens {
        Some(address) => (address, false),
        None => {
            let usable = |address: &&IpAddr| match address {
                IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
                IpAddr::V6(_) => false,
            };
            addresses.iter().find(usable).map_or((loopback, true), |address| (*address, false))
        }
    }
}

async fn of_workloads(question: &Question<'_>, until: Instant, blind: &mut Vec<Blind>) -> Vec<Way> {
    let mut ways = Vec::new();
    let proxies = question.world.workloads.iter().filter(|workload| workload.role == WorkloadRole::Proxy);
    for workload in proxies {
        let by_command = workload.command.iter().find_map(|word| Program::of(word));
        let Some(program) = Program::of(&workload.image.reference).or(by_command) else { continue };
        let config = workload
            .command
            .iter()
            .position(|word| matches!(word.as_str(), "-c" | "--config"))
            .and_then(|at| workload.command.get(at + 1))
            .filter(|path| path.starts_with('/'));
        let path = config.map_or(program.default_config(), String::as_str);
        let parsed = match parse_inside(program, path, workload, question.engines, until).await {
            Ok(parsed) => parsed,
            Err(why) => {
                let path = line(path, MAX_SHOWN);
                note_silent(blind, format!("configuration of {}, `{path}`", workload.id), why);
                continue;
            }
        };
        let what = format!("configuration of {}", workload.id);
        if workload.is_running() && parsed.routes.is_empty() && parsed.problems.is_empty() {
            note(blind, what, "no site passes requests on");
        } else if workload.is_running() {
            note_partly(blind, what, &parsed);
        }
        let owner = Owner { id: &workload.id, workload: Some(workload) };
        for (route, found) in related(&parsed.routes, owner, &question.world, question.at) {
            let (address, from_loopback) = match door(workload, found, question.world.addresses) {
                Some(door) if workload.is_running() => door,
                _ => {
                    ways.push(Way { route, target: None, from_loopback: false });
                    continue;
                }
            };
            ways.push(Way { target: target(&route.front, found, Some(address)), route, from_loopback });
        }
    }
    ways
}

/// Where a container's port is reached from the host.
fn door(workload: &Workload, found: &RouteFound, addresses: &[IpAddr]) -> Option<(IpAddr, bool)> {
    if workload.network_mode == NetworkMode::Host {
        return Some(reachable(found.address, addresses));
    }
    let published = workload.ports.iter().find(|port| port.container_port == found.port && port.host_port.is_some())?;
    let listens = published.host_address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    Some(reachable(listens.filter(|address| !address.is_unspecified()), addresses))
}

fn target(front: &GatewayUrl, found: &RouteFound, address: Option<IpAddr>) -> Option<Target> {
    let scheme = if front.scheme == "wss" { Scheme::Wss } else { Scheme::Ws };
    let target = Target::new(scheme, &front.host, front.port).ok()?;
    let target = target.with_path(found.path.as_deref().unwrap_or("/")).ok()?;
    Some(match address {
        Some(address) => target.with_address(address),
        None => target,
    })
}

fn of_url(public: &PublicUrl, question: &Question<'_>) -> Option<Way> {
    let target = Target::from_url(&public.url).ok()?;
    let front = GatewayUrl {
        scheme: target.scheme().as_str().to_owned(),
        host: target.host().to_owned(),
        port: target.port(),
        path: if target.path() == "/" { "/" } else { "/…" }.to_owned(),
    };
    // Of several gateways nobody knows which one is behind it.
    let answering = |gateway: &&Gateway| gateway.ladder.handshake.answer().is_some();
    let gateways: Vec<&Gateway> = question.world.gateways.iter().filter(answering).collect();
    let named = public.gateway.as_ref().and_then(|id| gateways.iter().find(|gateway| gateway.id == *id)).copied();
    let gateway = match gateways.as_slice() {
        [only] if public.may_be_any => Some(*only),
        _ => named,
    };
    let untried = || "not tried yet".to_owned();
    let route = ProxyRoute {
        id: format!("url {}://{}/", target.scheme().http(), target.authority()),
        workload: None,
        program: String::new(),
        front,
        upstream: None,
        gateway: gateway.map(|gateway| gateway.id.clone()),
        config: Fact::absent(public.source.clone(), question.at),
        direct: gateway.map_or_else(
            || Probe::not_tried("it is not known which gateway is behind it", question.at),
            |gateway| gateway.ladder.handshake.clone(),
        ),
        through: Probe::not_tried(untried(), question.at),
        idle: Probe::not_tried(untried(), question.at),
        tls: Fact::unreadable(untried(), "TLS handshake", question.at),
        peer: None,
        http: None,
        http_only: false,
    };
    Some(Way { route, target: Some(target), from_loopback: false })
}

/// Tries one way, within what is left.
async fn attempt(way: Way, left: Duration, deep: bool, at: Timestamp) -> ProxyRoute {
    let Way { mut route, target, from_loopback } = way;
    let Some(target) = target else { return route };
    let begun = Instant::now();
    let deadlines = Deadlines::default();
    let mut target = target;
    if target.scheme() == Scheme::Wss {
        let look = look(&target, deadlines.tls.min(left), at).await;
        route.tls = look.seen;
        if let Some(pin) = look.pin {
            target = target.with_tls(TlsPolicy::Pinned(pin));
        }
    }
    route.through = handshake(&target, left.saturating_sub(begun.elapsed())).await;
    if let Some(failure) = route.through.failure().cloned() {
        let trusted = route.config.get().is_some_and(|config| !config.forwards.is_empty());
        if from_loopback && trusted && failure.reason.as_deref() == Some(UNATTRIBUTED) {
            // Clients from elsewhere may well be let in.
            let why =
                "this node has no other address than the loopback, from where a gateway lets nobody in behind a proxy";
            route.through = Probe::not_tried(why, at);
            return route;
        }
        if target.path() == "/" {
            route.http = status(&target, left.saturating_sub(begun.elapsed())).await;
        }
        if target.scheme() == Scheme::Ws && matches!(failure.http_status, Some(400) | None) {
            let look = look(&target, deadlines.tls.min(left.saturating_sub(begun.elapsed())), at).await;
            route.tls = look.seen;
        }
        return route;
    }
    let timeout = route.config.get().and_then(|config| config.read_timeout_s);
    match timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(timeout) => {
            let window = timeout.saturating_add(MARGIN);
            if window <= MAX_HOLD && (deep || window <= left.saturating_sub(begun.elapsed())) {
                route.idle = idle(&target, &deadlines, window).await;
            }
        }
        None if deep => route.idle = idle(&target, &deadlines, MAX_HOLD).await,
        None => {}
    }
    route
}

async fn idle(target: &Target, deadlines: &Deadlines, window: Duration) -> Probe<IdleSocket> {
    let at = Timestamp::now();
    let begun = Instant::now();
    match hold(target, deadlines, window).await {
        Err(error) => Probe::failed(of_connect(&error), milliseconds(begun.elapsed()), at),
        Ok(held) => {
            // A close frame is the gateway's own.
            let cut = matches!(held.ended, Some(ErrorKind::Abnormal { .. } | ErrorKind::Reset { .. }));
            let how = held.ended.as_ref().map(ToString::to_string);
            let held_ms = milliseconds(held.held);
            Probe::answered(IdleSocket { held_ms, cut, tick_ms: TICK_MS, how }, milliseconds(begun.elapsed()), at)
        }
    }
}

/// HTTP status of `/healthz` on the way.
async fn status(target: &Target, left: Duration) -> Option<u16> {
    let asked = tokio::time::timeout(left, async {
        let prober = Prober::new(target, HttpDeadlines::default()).await.ok()?;
        prober.liveness().await.ok().map(|answer| answer.status)
    });
    asked.await.ok().flatten()
}

/// Asks an ingress on the port that it publishes.
async fn ask(mut ingress: Ingress, world: World<'_>, left: Duration) -> Ingress {
    let workload = ingress.workload.as_deref().and_then(|id| world.workloads.iter().find(|one| one.id == id));
    let port = workload
        .filter(|workload| workload.is_running())
        .and_then(|workload| workload.ports.iter().find(|port| port.protocol == "tcp").and_then(|port| port.host_port));
    let Some(target) = port.and_then(|port| Target::loopback(port).ok()) else { return ingress };
    let at = Timestamp::now();
    let begun = Instant::now();
    ingress.answer = match status(&target, left).await {
        Some(status) => Probe::answered(status, milliseconds(begun.elapsed()), at),
        None => Probe::not_tried("its port did not answer over HTTP", at),
    };
    ingress
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
