//! `portreeve spool`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use jiff::Timestamp;
use portreeve_deliver::spool::{Limits, Record, Signal, Spool};
use portreeve_store::Folder;
use serde_json::Value;

use crate::bench::Bench;

/// A spool with so many records of metrics.
fn spooled(bench: &Bench, count: u8) -> Spool {
    let path = bench.path("").canonicalize().unwrap().join("data/spool");
    let mut spool = Spool::open(Folder::create(&path).unwrap(), Limits::default(), Timestamp::now()).unwrap();
    let record = |number| Record {
        id: format!("00000000-0000-4000-8000-0000000000{number:02}").parse().unwrap(),
        signal: Signal::Metrics,
        at: Timestamp::now(),
        bytes: Vec::new(),
    };
    spool.append(&(0..count).map(record).collect::<Vec<_>>(), Timestamp::now()).unwrap();
    spool
}

/// An endpoint that takes everything.
fn endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            drop(stream.read_exact(&mut body));
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        }
    });
    url
}

#[test]
fn a_node_without_a_spool_has_none() {
    let run = Bench::new().run(&["spool", "inspect"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("there is no spool at") && run.stderr.contains("deliver.endpoint"), "{run}");
}

#[test]
fn what_waits_is_inspected_beside_who_has_it_open_and_follows_its_schema() {
    let bench = Bench::new();
    let spool = spooled(&bench, 3);
    let run = bench.run(&["spool", "inspect"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.stdout.starts_with("3 records wait") && run.stdout.contains("nothing was delivered yet"), "{run}");
    assert!(run.stdout.contains(&format!("in use by process {}", std::process::id())), "{run}");
    let value: Value = serde_json::from_str(&bench.run(&["spool", "inspect", "--json"]).stdout).unwrap();
    assert_eq!((&value["schema"], &value["waiting"]["metrics"]["records"]), (&"portreeve.spool/1".into(), &3.into()));
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler
        .add_resource("spool.json", serde_json::from_str(&bench.run(&["schema", "--spool"]).stdout).unwrap())
        .unwrap();
    let schema = compiler.compile("spool.json", &mut schemas).unwrap();
    assert!(schemas.validate(&value, schema).is_ok(), "{value}");
    drop(spool);
    let run = bench.run(&["spool", "verify"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "sound  3 records in 1 file\n"), "{run}");
}

#[test]
fn what_is_damaged_is_found_and_left_as_it_is() {
    let bench = Bench::new();
    drop(spooled(&bench, 3));
    let path = bench.path("data/spool/metrics-00000000000000000000.v1");
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let run = bench.run(&["spool", "verify"]);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run}");
    assert!(run.stdout.starts_with("damaged  2 records in 1 file"), "{run}");
    assert!(run.stdout.contains("metrics-00000000000000000000.v1: 52 B at byte 52"), "{run}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_waits_is_delivered_at_once() {
    let bench = Bench::new();
    let spool = spooled(&bench, 3);
    let run = bench.run(&["spool", "flush"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("no endpoint is set"), "{run}");

    bench.file("portreeve.toml", &format!("[deliver]\nendpoint = \"{}\"\n", endpoint()));
    let run = bench.run(&["spool", "flush", "--timeout", "1"]);
    assert_eq!((run.status, run.stdout.as_str()), (75, "0 records left the spool, 3 still wait\n"), "{run}");
    assert_eq!(run.stderr, "portreeve: the daemon runs, and delivers\n", "{run}");
    drop(spool);

    let run = bench.run(&["spool", "flush"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "3 records left the spool\n"), "{run}");
    let run = bench.run(&["spool", "flush"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, "portreeve: nothing waits to be delivered\n"), "{run}");
    let run = bench.run(&["spool", "inspect"]);
    assert!(run.stdout.starts_with("nothing waits") && run.stdout.contains("delivered  3"), "{run}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    drop(spooled(&bench, 1));
    bench.file("portreeve.toml", &format!("[deliver]\nendpoint = \"http://{silent}\"\n"));
    let run = bench.run(&["spool", "flush", "--timeout", "1"]);
    assert_eq!(run.status, 75, "{run}");
    assert!(run.stdout.starts_with("0 records left the spool, 1 still wait: no connection"), "{run}");
}
