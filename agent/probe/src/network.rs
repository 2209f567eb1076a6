//! Names, connects and HTTP probes.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::namespace::{ConnectSeries, HttpSeen, NameAnswer, Resolver};
use portreeve_core::snapshot::{Failure, FailureKind, Phase, Probe};
use portreeve_facts::file::from_io;
use portreeve_facts::request::ConnectAsked;
use portreeve_facts::{failure, http, resolv_conf};
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::file::{ReadError, Reader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant as Deadline, timeout_at};

/// Longest wait for one connect.
const CONNECT: Duration = Duration::from_secs(2);
/// Most bytes read of `resolv.conf`.
const MAX_RESOLV_CONF: u64 = 64 * 1024;
/// Most addresses kept of one name.
const MAX_ADDRESSES: usize = 16;

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// How names are resolved here.
pub(crate) fn resolver(reader: &Reader, at: Timestamp) -> Fact<Resolver> {
    const PATH: &str = "/etc/resolv.conf";
    match reader.read_linked(std::path::Path::new(PATH), MAX_RESOLV_CONF) {
        Ok(content) => Fact::known(resolv_conf::parse(&String::from_utf8_lossy(&content.bytes)), PATH, at),
        Err(ReadError::NotFound { .. }) => Fact::absent(PATH, at),
        Err(ReadError::Denied { source, .. }) => from_io(Err(source), PATH, at),
        Err(error) => Fact::unreadable(error.to_string(), PATH, at),
    }
}

/// Resolves one name.
pub(crate) async fn name(host: &str, by: Deadline) -> NameAnswer {
    let started = Instant::now();
    let (addresses, error) = match timeout_at(by, lookup_host((host, 0))).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip()) {
                if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
                    addresses.push(address);
                }
            }
            let error = addresses.is_empty().then(|| "no address".to_owned());
            (addresses, error)
        }
        Ok(Err(error)) => (Vec::new(), Some(error.to_string())),
        Err(_) => (Vec::new(), Some("no answer in time".to_owned())),
    };
    NameAnswer { host: host.to_owned(), addresses, error, elapsed_ms: milliseconds(started.elapsed()) }
}

/// Connects to one address as often as asked, one connect after the other.
pub(crate) async fn connects(asked: &ConnectAsked, by: Deadline) -> ConnectSeries {
    let target = if asked.host.contains(':') {
        format!("[{}]:{}", asked.host, asked.port)
    } else {
        format!("{}:{}", asked.host, asked.port)
    };
    let mut series = ConnectSeries { target, attempts: 0, connected: 0, median_ms: None, failures: Vec::new() };
    let mut times = Vec::new();
    for _ in 0..asked.attempts {
        let now = Deadline::now();
        if now >= by {
            break;
        }
        series.attempts += 1;
        let started = Instant::now();
        let failure = match timeout_at(by.min(now + CONNECT), connect(asked)).await {
            Ok(Ok(())) => {
                series.connected += 1;
                times.push(milliseconds(started.elapsed()));
                continue;
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::new(Phase::Tcp, FailureKind::Timeout, "no answer in time"),
        };
        let known = series
            .failures
            .iter()
            .any(|other| (other.phase, other.kind, &other.errno) == (failure.phase, failure.kind, &failure.errno));
        if !known {
            series.failures.push(failure);
        }
    }
    times.sort_by(f64::total_cmp);
    series.median_ms = times.get(times.len() / 2).copied();
    series
}

async fn connect(asked: &ConnectAsked) -> Result<(), Failure> {
    let addresses: Vec<_> = lookup_host((asked.host.as_str(), asked.port))
        .await
        .map_err(|error| Failure::new(Phase::Dns, FailureKind::Unresolved, error.to_string()))?
        .take(MAX_ADDRESSES)
        .collect();
    if addresses.is_empty() {
        return Err(Failure::new(Phase::Dns, FailureKind::Unresolved, "no address"));
    }
    TcpStream::connect(addresses.as_slice()).await.map(drop).map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => FailureKind::Refused,
            io::ErrorKind::TimedOut => FailureKind::Timeout,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
            _ => FailureKind::Unreachable,
        };
        let errno = error.raw_os_error().map(nix::errno::Errno::from_raw).map(failure::name);
        Failure { errno, ..Failure::new(Phase::Tcp, kind, error.to_string()) }
    })
}

/// Asks the HTTP probes of one gateway, without a secret.
pub(crate) async fn probes(url: &str, by: Deadline) -> HttpSeen {
    let at = Timestamp::now();
    let failed = |message: &str| Failure::new(Phase::Http, FailureKind::Timeout, message);
    let target = match Target::from_url(url) {
        Ok(target) => target,
        Err(error) => {
            let why = error.to_string();
            return HttpSeen {
                // Neither user information nor a path that may be a secret.
                target: "a URL that is none".to_owned(),
                healthz: Probe::not_tried(why.as_str(), at),
                startupz: Probe::not_tried(why.as_str(), at),
                readyz: Probe::not_tried(why, at),
            };
        }
    };
    let started = Instant::now();
    let shown = format!("{}://{}", target.scheme().as_str(), target.authority());
    if let Ok((healthz, startupz, readyz)) = timeout_at(by, http(&target)).await {
        return HttpSeen { target: shown, healthz, startupz, readyz };
    }
    let elapsed = milliseconds(started.elapsed());
    HttpSeen {
        target: shown,
        healthz: Probe::failed(failed("no answer in time"), elapsed, at),
        startupz: Probe::failed(failed("no answer in time"), elapsed, at),
        readyz: Probe::failed(failed("no answer in time"), elapsed, at),
    }
}
