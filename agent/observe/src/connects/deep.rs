//! The series of a deep look: from this node to each of its gateways, and from each client in a container to its own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use portreeve_core::Series;
use portreeve_core::snapshot::{Client, FailureKind, Gateway, NetworkMode, Workload};
use portreeve_facts::Pace;
use portreeve_facts::request::SeriesAsked;
use portreeve_openclaw::endpoint::{Scheme, Target};

use crate::containers::Callers;

/// Series at a time: what they ask of one gateway together stays below what one browser asks.
const AT_A_TIME: usize = 4;
/// Most series; each takes a share of the time.
const MOST: usize = 16;
/// From one connect of a series to the next.
const STEP: Duration = Duration::from_millis(100);
/// Connects of one series that are under way at once.
const CONCURRENCY: u32 = 4;
/// How long the last connects may take.
const LAST: Duration = Duration::from_secs(15);

/// A gateway or a client, by its place in its list.
enum Whose {
    Gateway(usize),
    Client(usize),
}

/// Connects so many times to each gateway that answered, from where its clients are. `known` has the gateways that this node itself reaches
/// by what it knows of them, by their ids.
pub(crate) async fn observe(
    gateways: &mut [Gateway],
    clients: &mut [Client],
    workloads: &[Workload],
    known: &BTreeMap<String, Target>,
    callers: &Callers<'_>,
    count: u32,
) {
    let spread = STEP * count;
    let pace = Pace { count, spread, concurrency: CONCURRENCY, deadline: spread + LAST };
    let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    let asked = SeriesAsked { url: None, count, spread_ms, concurrency: CONCURRENCY };
    let mut series: Vec<BoxFuture<'_, (Whose, Series)>> = Vec::new();
    for (index, gateway) in gateways.iter().enumerate().filter(|(_, gateway)| is_up(gateway)) {
        let target = known.get(&gateway.id).cloned().or_else(|| published(gateway, workloads));
        if let Some(target) = target {
            let pace = &pace;
            let made =
                async move { (Whose::Gateway(index), portreeve_facts::series(&target, pace, "this node").await) };
            series.push(Box::pin(made));
        }
    }
    for (index, client) in clients.iter().enumerate() {
        let gateway = client.gateway.as_ref().and_then(|id| gateways.iter().find(|gateway| gateway.id == *id));
        let was_tried = client.handshake.not_tried_because().is_none();
        if let Some(id) = client.workload.as_deref().filter(|_| was_tried && gateway.is_none_or(is_up)) {
            let asked = &asked;
            series.push(Box::pin(async move { (Whose::Client(index), callers.series(id, asked).await) }));
        }
    }
    series.truncate(MOST);
    let made: Vec<(Whose, Series)> = stream::iter(series).buffer_unordered(AT_A_TIME).collect().await;
    for (whose, series) in made {
        match whose {
            Whose::Gateway(index) => gateways.get_mut(index).map(|gateway| gateway.connects = Some(series)),
            Whose::Client(index) => clients.get_mut(index).map(|client| client.connects = Some(series)),
        };
    }
}

/// Whether there is something to count: what nobody listens for, or what is somebody else's, is told by one connect.
fn is_up(gateway: &Gateway) -> bool {
    let by_chance = |kind| matches!(kind, FailureKind::Timeout | FailureKind::Reset);
    let handshake = &gateway.ladder.handshake;
    handshake.answer().is_some() || handshake.failure().is_some_and(|failure| by_chance(failure.kind))
}

/// Where this node reaches a gateway in a container: by a port that its engine publishes, or on the node's own network.
fn published(gateway: &Gateway, workloads: &[Workload]) -> Option<Target> {
    let workload = workloads.iter().find(|workload| Some(&workload.id) == gateway.workload.as_ref())?;
    let has_tls = gateway.config.get().is_none_or(|config| config.tls);
    if has_tls || !workload.is_running() {
        // A certificate of its own is known within the container alone.
        return None;
    }
    if workload.network_mode == NetworkMode::Host {
        return Target::loopback(gateway.port).ok();
    }
    let port = workload.ports.iter().find(|port| port.container_port == gateway.port && port.protocol == "tcp")?;
    let address: Option<IpAddr> = port.host_address.as_deref().and_then(|address| address.parse().ok());
    let host = address.filter(|address| !address.is_unspecified()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    Target::new(Scheme::Ws, &host.to_string(), port.host_port?).ok()
}
