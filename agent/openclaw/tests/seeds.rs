//! The seeds of `fuzz/`, through the functions that they are for: they guard these in every test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use std::fs;

use portreeve_openclaw::client::{Input, Machine, ResponseHead};
use portreeve_openclaw::config::{LoadOptions, load};
use portreeve_openclaw::credentials::{GatewayUrl, parse_dotenv};
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::lock::parse_owner;
use portreeve_openclaw::log::{EventKind, classify, parse_line};
use portreeve_openclaw::protocol::{ClientIdentity, Close, ConnectParams, Credential};
use portreeve_openclaw::service::{parse_launchd, parse_systemd};
use portreeve_openclaw::{http, state_db};

#[test]
fn config() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("openclaw.json");
    seeds::each("config", |data| {
        fs::write(&file, data).unwrap();
        if let Ok(config) = load(&file, &LoadOptions::new(&Reader::for_self(None))) {
            let environment = Environment::all([]);
            let _ = (config.gateway(&environment), config.logging(&environment), config.channels());
            let _ = (config.env_vars(), config.referenced_variables());
        }
    });
}

#[test]
fn environment() {
    seeds::each("environment", |data| {
        let _ = (parse_dotenv(&String::from_utf8_lossy(data)), parse_launchd(data), parse_systemd(data));
    });
}

#[test]
fn log() {
    seeds::each("log", |data| {
        let event = parse_line(data).unwrap();
        // Of every seed: JSON among them is in the gateway's own shape.
        assert!(classify(data).recognised || event.kind == EventKind::Other, "{event:?}");
    });
}

#[test]
fn lock() {
    seeds::each("lock", |data| {
        let _ = parse_owner(data);
    });
}

#[test]
fn state_db() {
    seeds::each("state_db", |data| {
        let log = data.windows(3).position(|word| word == b"\x37\x7f\x06").unwrap_or(data.len());
        let (database, log) = data.split_at(log);
        let _ = state_db::read(database, Some(log), 1 << 20);
    });
}

#[test]
fn machine() {
    seeds::each("machine", |data| {
        let credential = Credential::Token("planted-secret".into());
        let mut machine = Machine::new(ConnectParams::reader(ClientIdentity::Cli, credential), "c1");
        for line in str::from_utf8(data).unwrap().lines() {
            let close = line.strip_prefix("close ").map(|reason| Input::Close(Some(Close::new(1008, reason))));
            let step = machine.on(close.unwrap_or(Input::Text(line)));
            assert!(!format!("{step:?}").contains("planted-secret") || line.contains("connect.challenge"));
        }
    });
}

#[test]
fn upgrade() {
    seeds::each("upgrade", |data| {
        if let Ok(Some(head)) = ResponseHead::parse(data) {
            let _ = (head.verify("dGhlIHNhbXBsZSBub25jZQ=="), head.refusal(&data[head.length()..]));
        }
    });
}

#[test]
fn http_bodies() {
    seeds::each("http", |data| {
        for status in [200, 404, 503] {
            let _ = (http::liveness(status, data), http::startup(status, data), http::readiness(status, data));
        }
    });
}

#[test]
fn url() {
    seeds::each("url", |data| {
        let text = str::from_utf8(data).unwrap();
        let url = GatewayUrl::parse(text).unwrap();
        assert!(GatewayUrl::parse(&url.to_string()).is_ok());
        let _ = (url.plaintext_verdict(false), Target::from_url(text));
    });
}
