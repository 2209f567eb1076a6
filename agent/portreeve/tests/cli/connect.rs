//! `connect`.

use std::net::TcpListener;

use serde_json::Value;

use crate::bench::Bench;

/// A port of this machine on which nobody listens.
fn silent_url() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("ws://{address}")
}

#[test]
fn a_port_without_a_listener_is_told_with_the_rate_and_the_cause() {
    let bench = Bench::new();
    let url = silent_url();
    let run = bench.run(&["connect", &url, "--count", "20", "--spread", "1"]);
    assert_eq!(run.status, 69, "{run}");
    for words in ["UNRELIABLE  0 of 20 connects came through, 0.0 %", "0.0 to 16.1 % at 95 %", "connection was refused"]
    {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
}

#[test]
fn the_report_follows_its_schema() {
    let bench = Bench::new();
    let run = bench.run(&["connect", &silent_url(), "--count", "3", "--spread", "1", "--json"]);
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--connect"]).stdout).unwrap();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("connect.json", schema).unwrap();
    let schema = compiler.compile("connect.json", &mut schemas).unwrap();
    assert!(schemas.validate(&report, schema).is_ok(), "{run}");
}

#[test]
fn what_cannot_be_connected_to_is_told_without_what_may_be_a_secret() {
    let bench = Bench::new();
    for (arguments, words) in [
        (&["connect", "ftp://user:secret@host/secret"][..], "cannot connect to `ftp://host`"),
        (&["connect", "--in", "cli", "--spread", "31"], "at most 30 s and 500 connects"),
        (&["connect", "--count", "0"], "invalid value '0' for '--count <N>'"),
    ] {
        let run = bench.run(arguments);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.stderr.contains(words) && !run.stderr.contains("secret"), "{words}: {run}");
    }
}
