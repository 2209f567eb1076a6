//! What `fuzz/` keeps, through the functions that it is for: it guards these in every test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/checks/openclaw.rs"]
mod openclaw;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

use portreeve_openclaw::credentials::GatewayUrl;
use portreeve_openclaw::log::{EventKind, classify, parse_line};

#[test]
fn config() {
    seeds::each("config", openclaw::config);
}

#[test]
fn environment() {
    seeds::each("environment", openclaw::environment);
}

#[test]
fn log() {
    seeds::each("log", openclaw::log);
}

#[test]
fn seeds_of_logs_are_seen_by_the_quick_look() {
    seeds::each_seed("log", |data| {
        let event = parse_line(data).unwrap();
        assert!(classify(data).recognised || event.kind == EventKind::Other, "{event:?}");
    });
}

#[test]
fn lock() {
    seeds::each("lock", openclaw::lock);
}

#[test]
fn state_db() {
    seeds::each("state_db", openclaw::state_db);
}

#[test]
fn machine() {
    seeds::each("machine", openclaw::machine);
}

#[test]
fn upgrade() {
    seeds::each("upgrade", openclaw::upgrade);
}

#[test]
fn http_bodies() {
    seeds::each("http", openclaw::bodies);
}

#[test]
fn url() {
    seeds::each("url", openclaw::url);
}

#[test]
fn seeds_of_urls_are_urls() {
    seeds::each_seed("url", |data| {
        GatewayUrl::parse(str::from_utf8(data).unwrap()).unwrap();
    });
}
