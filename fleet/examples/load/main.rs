//! Simulated nodes that report to a server, in mid-restart too. See `scripts/bench fleet`.
//!
//! Each node has a credential and a connection of its own and sends its metrics and its report once a beat; the beats of all are spread
//! evenly. What is not acknowledged is sent again with the same identities, as the agent does. The times of answers count from the moment
//! at which a request was due, so that a server that holds the load up gets no rest for it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    reason = "numbers of one run"
)]

mod client;
mod node;
mod server;
mod verify;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use client::{Client, Outcome};
use node::{Fleet, Node};
use server::Server;

/// Enrolments under way at once.
const ENROLLING: usize = 32;
/// Longest wait before something is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Simulates nodes that report, and prints what the server made of it as JSON.
#[derive(Parser)]
struct Arguments {
    /// Where the server listens.
    #[arg(long)]
    address: SocketAddr,
    /// File that holds a join code; without it, nothing is enrolled and only metrics are sent, without a credential.
    #[arg(long)]
    code: Option<PathBuf>,
    /// Path for metrics.
    #[arg(long, default_value = portreeve_telemetry::otlp::METRICS_PATH)]
    metrics_path: String,
    /// Nodes.
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,
    /// Seconds between two reports of a node.
    #[arg(long, default_value_t = 60)]
    beat: u64,
    /// Beats that are measured, after one that is not.
    #[arg(long, default_value_t = 3)]
    beats: u32,
    /// Restart the server by SIGTERM and by SIGKILL, a beat after the measured ones each.
    #[arg(long)]
    restarts: bool,
    /// Folder of which the size is measured.
    #[arg(long)]
    folder: PathBuf,
    /// Database in which what was acknowledged is looked for at the end.
    #[arg(long)]
    database: Option<PathBuf>,
    /// File that is made once the first, unmeasured beat is over.
    #[arg(long)]
    ready: Option<PathBuf>,
    /// Kept facts of nodes, as `portreeve check --save` writes them.
    #[arg(long, required = true)]
    facts: Vec<PathBuf>,
    /// The server's command line.
    #[arg(last = true, required = true)]
    server: Vec<String>,
}

/// What one request came to.
struct Sample {
    at: Instant,
    is_metrics: bool,
    outcome: Outcome,
    elapsed: Duration,
    bytes: usize,
}

/// What all tasks share.
struct Shared {
    address: SocketAddr,
    metrics_path: String,
    beat: Duration,
    end: Instant,
    fleet: Fleet,
    samples: mpsc::UnboundedSender<Sample>,
    acknowledged: mpsc::UnboundedSender<node::Told>,
    connections: AtomicU64,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments = Arguments::parse();
    let fleet = Fleet::read(&arguments.facts);
    let mut server = Server::start(&arguments.server, arguments.address, &arguments.folder).await;

    let begun = Instant::now();
    let nodes = match &arguments.code {
        Some(file) => enrol(&arguments, std::fs::read_to_string(file).unwrap().trim()).await,
        None => (0..arguments.nodes).map(|index| Node::new(index, String::new())).collect(),
    };
    let enrolled_in = begun.elapsed();
    eprintln!("{} nodes after {:.1} s", nodes.len(), enrolled_in.as_secs_f64());

    let beat = Duration::from_secs(arguments.beat);
    let restarts = if arguments.restarts { 2 } else { 0 };
    let first = Instant::now();
    let end = first + beat * (1 + arguments.beats + restarts + u32::from(arguments.restarts));
    let (samples, mut received) = mpsc::unbounded_channel();
    let (acknowledged, mut told) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        address: arguments.address,
        metrics_path: arguments.metrics_path.clone(),
        beat,
        end,
        fleet,
        samples,
        acknowledged,
        connections: AtomicU64::new(0),
    });
    let count = nodes.len();
    let logs = arguments.code.is_some();
    for node in nodes {
        let start = first + beat.mul_f64(node.index as f64 / count as f64);
        tokio::spawn(report(node, start, logs, Arc::clone(&shared)));
    }

    let measured_from = first + beat;
    let measured_to = measured_from + beat * arguments.beats;
    server.sample_until(measured_from).await;
    if let Some(file) = &arguments.ready {
        std::fs::write(file, "").unwrap();
    }
    let before = server.processor();
    server.sample_until(measured_to).await;
    let processor = server.processor() - before;
    let mut stops = Vec::new();
    if arguments.restarts {
        for (name, signal) in [("SIGTERM", nix::sys::signal::SIGTERM), ("SIGKILL", nix::sys::signal::SIGKILL)] {
            server.sample_until(Instant::now() + beat / 2).await;
            let (stopped, down) = server.restart(signal).await;
            stops.push((
                stopped,
                json!({ "signal": name, "stop_ms": millis(stopped.elapsed() - down), "start_ms": millis(down) }),
            ));
            server.sample_until(Instant::now() + beat / 2).await;
        }
    }
    server.sample_until(end + LONGEST_PAUSE).await;
    let connections = shared.connections.load(Ordering::Relaxed);
    drop(shared);

    let mut all = Vec::new();
    while let Some(sample) = received.recv().await {
        all.push(sample);
    }
    let mut events = Vec::new();
    while let Some(event) = told.recv().await {
        events.push(event);
    }
    let measured: Vec<&Sample> =
        all.iter().filter(|sample| (measured_from..measured_to).contains(&sample.at)).collect();
    let stops: Vec<Value> = stops
        .into_iter()
        .map(|(at, mut stop)| {
            let after: Vec<&Sample> = all.iter().filter(|sample| (at..at + beat).contains(&sample.at)).collect();
            stop["again"] = after.iter().filter(|sample| matches!(sample.outcome, Outcome::Broken(_))).count().into();
            stop["after"] = latency(&after);
            stop
        })
        .collect();
    let seconds = (measured_to - measured_from).as_secs_f64();
    let beats: Vec<Value> = (0..arguments.beats)
        .map(|index| {
            let from = measured_from + beat * index;
            let of = measured.iter().filter(|sample| (from..from + beat).contains(&sample.at));
            latency(&of.copied().collect::<Vec<_>>())
        })
        .collect();
    let mut result = json!({
        "nodes": count,
        "beat_s": arguments.beat,
        "enrolled_s": enrolled_in.as_secs_f64(),
        "seconds": seconds,
        "metrics": latency(&measured.iter().filter(|sample| sample.is_metrics).copied().collect::<Vec<_>>()),
        "logs": latency(&measured.iter().filter(|sample| !sample.is_metrics).copied().collect::<Vec<_>>()),
        "beats": beats,
        "measured": outcomes(&measured),
        "all": outcomes(&all.iter().collect::<Vec<_>>()),
        "sent_bytes": measured.iter().map(|sample| sample.bytes).sum::<usize>(),
        "connections": connections,
        "processor_percent": processor.as_secs_f64() / seconds * 100.0,
        "memory": server.memory(),
        "folder_bytes": server.sizes(),
        "restarts": stops,
    });
    server.stop().await;
    if let Some(database) = &arguments.database {
        result["kept"] = verify::compare(database, &events);
    }
    println!("{result:#}");
}

/// Gives each node its credential.
async fn enrol(arguments: &Arguments, code: &str) -> Vec<Node> {
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..ENROLLING {
        let (code, address, count) = (code.to_owned(), arguments.address, arguments.nodes);
        tasks.spawn(async move {
            let mut client = Client::new(address);
            let mut nodes = Vec::new();
            for index in (worker..count).step_by(ENROLLING) {
                let body = serde_json::to_vec(&Node::asks(index, &code)).unwrap();
                let (status, answer) = loop {
                    let answer = client
                        .post(portreeve_telemetry::enrol::ENROL_PATH, "", "application/json", None, body.clone())
                        .await;
                    match answer {
                        Ok((429, _)) => sleep(Duration::from_millis(200)).await,
                        Ok(answer) => break answer,
                        Err(why) => panic!("node {index} could not enrol: {why}"),
                    }
                };
                assert!((200..300).contains(&status), "node {index}: {status} {}", String::from_utf8_lossy(&answer));
                let granted: portreeve_telemetry::enrol::Granted = serde_json::from_slice(&answer).unwrap();
                nodes.push(Node::new(index, granted.token));
            }
            nodes
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// One node, from its first beat to the end.
async fn report(mut node: Node, start: Instant, logs: bool, shared: Arc<Shared>) {
    let mut client = Client::new(shared.address);
    let mut due = start;
    while due < shared.end {
        sleep_until(due).await;
        let mut due_now = due;
        for is_metrics in [true, false].into_iter().take(if logs { 2 } else { 1 }) {
            let (body, told) =
                if is_metrics { (node.metrics(&shared.fleet), Vec::new()) } else { node.logs(&shared.fleet) };
            let path = if is_metrics { shared.metrics_path.as_str() } else { portreeve_telemetry::otlp::LOGS_PATH };
            let mut pause = Duration::from_millis(250);
            loop {
                let answer = client
                    .post(path, &node.token, portreeve_telemetry::otlp::PROTOBUF, Some("gzip"), body.clone())
                    .await;
                let outcome = Outcome::of(answer);
                let done = matches!(outcome, Outcome::Accepted);
                let _ = shared.samples.send(Sample {
                    at: due_now,
                    is_metrics,
                    outcome,
                    elapsed: due_now.elapsed(),
                    bytes: body.len(),
                });
                if done {
                    for event in told {
                        let _ = shared.acknowledged.send(event);
                    }
                    break;
                }
                if Instant::now() > shared.end {
                    break;
                }
                sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                due_now = Instant::now();
            }
            due_now = Instant::now();
        }
        due += shared.beat;
        // A beat that was missed while the server was away is not made up for.
        while due < Instant::now() {
            due += shared.beat;
        }
    }
    shared.connections.fetch_add(client.connections(), Ordering::Relaxed);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// Quantiles of the answers' times, in milliseconds.
fn latency(samples: &[&Sample]) -> Value {
    let mut all: Vec<Duration> = samples
        .iter()
        .filter(|sample| matches!(sample.outcome, Outcome::Accepted))
        .map(|sample| sample.elapsed)
        .collect();
    all.sort_unstable();
    let at = |share: f64| {
        let index = ((all.len() as f64 * share).ceil() as usize).saturating_sub(1);
        all.get(index).map(|duration| duration.as_secs_f64() * 1000.0)
    };
    json!({ "count": all.len(), "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1.0) })
}

/// How many requests came to what.
fn outcomes(samples: &[&Sample]) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for sample in samples {
        *counts.entry(sample.outcome.to_string()).or_default() += 1;
    }
    json!(counts)
}
