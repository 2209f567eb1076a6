//! Whether connects are counted as they are.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use portreeve_tests::{Builder, Gateway, Namespaces, OpenClaw, Portreeve, is_root, skip};
use serde_json::Value;

use crate::CONFIG_TOKEN;
use crate::shared::alike;

/// Passes connections on to a port of this machine, but for each of which the number says otherwise, which it drops.
fn lossy(port: u16, drops: fn(usize) -> bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let count = AtomicUsize::new(0);
        for client in listener.incoming().map_while(Result::ok) {
            if drops(count.fetch_add(1, Ordering::Relaxed)) {
                continue;
            }
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            pass(client.try_clone().unwrap(), server.try_clone().unwrap());
            pass(server, client);
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if buffer.get(..read).is_none_or(|bytes| to.write_all(bytes).is_err()) {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn connect(portreeve: &Portreeve, arguments: &[&str]) -> (Value, i32) {
    let fast = ["connect", "--json", "--spread", "2"];
    let output = portreeve.run(&[&fast, arguments].concat());
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

#[test]
fn the_rate_of_a_path_that_loses_each_fifth_connect_is_within_the_interval() {
    let Some(gateway) = alike() else { return };
    let relay = lossy(gateway.port(), |number| number % 5 == 4);
    let (report, status) = connect(&gateway.portreeve(), &[&format!("ws://{relay}")]);
    assert_eq!((report["made"].as_u64(), report["connected"].as_u64(), status), (Some(100), Some(80), 69), "{report}");
    let [low, high] = [0, 1].map(|side| report["interval"][side].as_f64().unwrap());
    assert!(low < 0.8 && 0.8 < high, "{report}");
    // Whether an ended connection or a reset is seen first is chance.
    let failures = report["failures"].as_array().unwrap();
    assert_eq!(failures.iter().filter_map(|failure| failure["count"].as_u64()).sum::<u64>(), 20, "{report}");
    assert!(failures.iter().all(|failure| failure["phase"] == "http" && failure["kind"] == "reset"), "{report}");
}

#[test]
fn each_connect_to_the_gateway_itself_comes_through() {
    let Some(gateway) = alike() else { return };
    let (report, status) = connect(&gateway.portreeve(), &[]);
    assert_eq!((report["connected"].as_u64(), report["verdict"].as_str(), status), (Some(100), Some("reliable"), 0));
    assert_eq!(report["target"], format!("ws://127.0.0.1:{}", gateway.port()), "{report}");
    gateway.portreeve().check().assert_passes();
}

#[test]
fn no_connect_to_a_port_without_a_listener_comes_through() {
    let home = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let picture = home.path().join("connects.svg");
    let (report, status) =
        connect(&Portreeve::new(home.path()), &[&format!("ws://{free}"), "--svg", picture.to_str().unwrap()]);
    assert_eq!((report["connected"].as_u64(), status), (Some(0), 69), "{report}");
    assert_eq!(report["failures"][0]["kind"], "refused", "{report}");
    assert_eq!(report["failures"][0]["errno"], "ECONNREFUSED", "{report}");
    let picture = std::fs::read_to_string(picture).unwrap();
    assert!(
        picture.starts_with("<svg ") && picture.contains("TCP: the connection was refused (ECONNREFUSED)"),
        "{picture}"
    );
}

const REFUSE: &str = "REJECT --reject-with tcp-reset";

/// A gateway in a network namespace of its own, whose kernel loses connects when told to. None where this system cannot.
fn behind_a_lossy_cable() -> Option<(Namespaces, Gateway)> {
    let openclaw = OpenClaw::find()?;
    if !is_root() {
        skip("network namespaces need root");
        return None;
    }
    let network = Namespaces::new();
    if !network.lose(1, 1, 5, REFUSE) {
        skip("no `iptables`, or a kernel without its match `statistic`");
        return None;
    }
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).bind_lan().through(network.prefix(0)).build();
    gateway.start_until_ready();
    Some((network, gateway))
}

#[test]
fn a_path_that_loses_packets_is_told_as_it_is_and_blocks_a_deep_check() {
    let Some((network, gateway)) = behind_a_lossy_cable() else { return };
    let home = tempfile::tempdir().unwrap();
    let from = Portreeve::new(home.path()).through(network.prefix(1));
    let url = format!("ws://{}:{}", network.address(0), gateway.port());
    let run = |arguments: &[&str]| connect(&from, &[&[url.as_str(), "--concurrency", "16"], arguments].concat());

    network.lose(0, gateway.port(), 5, REFUSE);
    let (report, status) = run(&[]);
    assert_eq!((report["connected"].as_u64(), status, network.lost(0)), (Some(80), 69, vec![20]), "{report}");
    assert_eq!(report["failures"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["failures"][0]["errno"], "ECONNREFUSED", "{report}");
    network.heal(0);

    // TCP sends a lost packet again after a second, and after two more: a fifth has to wait, and only who is hit twice is kept away.
    network.lose(0, gateway.port(), 5, "DROP");
    let (report, status) = run(&[]);
    let connected = report["connected"].as_u64().unwrap();
    assert!(connected >= 90, "{report}");
    assert_eq!(status, if connected >= 97 { 0 } else { 69 }, "{report}");
    let failures = report["failures"].as_array().unwrap();
    assert!(failures.iter().all(|failure| failure["kind"] == "timeout" && failure["phase"] == "tcp"), "{report}");
    assert!(network.lost(0)[0] >= 20, "{:?}", network.lost(0));
    assert!(report["tcp"]["p95"].as_f64().unwrap() > 900.0, "{report}");
    assert!(report["tcp"]["p50"].as_f64().unwrap() < 500.0, "{report}");
    network.heal(0);

    network.lose(0, gateway.port(), 1, "DROP");
    let (report, status) = run(&["--count", "16"]);
    assert_eq!((report["connected"].as_u64(), status), (Some(0), 69), "{report}");
    assert_eq!((&report["failures"][0]["kind"], &report["failures"][0]["phase"]), (&"timeout".into(), &"tcp".into()));
    network.heal(0);

    // The few connects of the other rungs come through.
    network.lose(0, gateway.port(), 8, REFUSE);
    let checked = gateway.portreeve().env("PORTREEVE_DEEP_CONNECTS", "60").check_deep();
    assert!(checked.root_causes().contains(&"transport.flaky"), "{checked}");
    checked.assert_says("transport.flaky", &["of 60 connects", "ECONNREFUSED", "97 % are wanted"]);
    assert_eq!(checked.rung("steady")["state"], "fail", "{checked}");
}
