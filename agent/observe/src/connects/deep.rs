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

/// [`Series::from`] of those that begin here.
const THIS_NODE: &str = "this node";

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
    let mut series: Vec<(Whose, BoxFuture<'_, Series>)> = Vec::new();
    for (index, gateway) in gateways.iter().enumerate().filter(|(_, gateway)| is_up(gateway)) {
        let target = known.get(&gateway.id).cloned().or_else(|| published(gateway, workloads));
        if let Some(target) = target {
            let pace = &pace;
            let made = async move { portreeve_facts::series(&target, pace, THIS_NODE).await };
            series.push((Whose::Gateway(index), Box::pin(made)));
        }
    }
    for (index, client) in clients.iter().enumerate() {
        let gateway = client.gateway.as_ref().and_then(|id| gateways.iter().find(|gateway| gateway.id == *id));
        let was_tried = client.handshake.not_tried_because().is_none();
        if let Some(id) = client.workload.as_deref().filter(|_| was_tried && gateway.is_none_or(is_up)) {
            let asked = &asked;
            series.push((Whose::Client(index), Box::pin(callers.series(id, asked))));
        }
    }
    let left_out = series.split_off(series.len().min(MOST));
    let made = stream::iter(series).map(|(whose, made)| async move { (whose, made.await) });
    let made: Vec<(Whose, Series)> = made.buffer_unordered(AT_A_TIME).collect().await;
    let left_out = left_out.into_iter().map(|(whose, _)| {
        let from = match &whose {
            Whose::Gateway(_) => Some(THIS_NODE.to_owned()),
            Whose::Client(index) => clients.get(*index).and_then(|client| client.workload.clone()),
        };
        let cut_short = Some(format!("no more than {MOST} series are made in one look"));
        let (target, from) = (String::new(), from.unwrap_or_default());
        (whose, Series { target, from, asked: count, cut_short, connects: Vec::new() })
    });
    let all: Vec<(Whose, Series)> = made.into_iter().chain(left_out).collect();
    for (whose, series) in all {
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portreeve_core::FingerprintKey;
    use portreeve_core::snapshot::{Failure, Phase, Probe};
    use portreeve_facts::workload::Definition;

    use super::*;
    use crate::containers;
    use crate::engine::{Observed, Seen, test_workload};

    #[tokio::test]
    async fn a_series_that_is_one_too_many_is_not_made_and_says_so() {
        let definition = Definition {
            command: Some(["openclaw", "channels", "status"].map(str::to_owned).to_vec()),
            ..Definition::default()
        };
        let seen = Seen { workload: test_workload("cli", &definition), definition, client: None };
        let (_, clients) =
            containers::entries(&mut Observed { workloads: vec![seen], ..Observed::default() }, Timestamp::UNIX_EPOCH);
        let failure = Failure::new(Phase::Tcp, FailureKind::Timeout, "no answer");
        let handshake = Probe::failed(failure, 1.0, Timestamp::UNIX_EPOCH);
        let mut clients = vec![Client { handshake, ..clients[0].clone() }; MOST + 1];
        let key = FingerprintKey::new(&[1; 32]).unwrap();
        let callers = Callers { seen: &[], written: &[], engines: &BTreeMap::new(), inside: None, key: &key };
        observe(&mut [], &mut clients, &[], &BTreeMap::new(), &callers, 20).await;
        let why: Vec<&str> =
            clients.iter().filter_map(|client| client.connects.as_ref()?.cut_short.as_deref()).collect();
        assert_eq!(why.len(), MOST + 1);
        assert!(why[MOST - 1].contains("no probe") && why[MOST].contains("no more than 16"), "{why:?}");
    }
}
