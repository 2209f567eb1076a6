//! What `fuzz/` keeps, through the functions that it is for: it guards these in every test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/checks/compose.rs"]
mod compose;
#[path = "../../../fuzz/checks/core.rs"]
mod core;
#[path = "../../../fuzz/checks/mirror.rs"]
mod mirror;
#[path = "../../../fuzz/checks/observe.rs"]
mod observe;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

use jiff::Timestamp;
use portreeve_observe::proxy::{Program, certificate, parse_text};

#[test]
fn compose() {
    seeds::each("compose", compose::check);
}

#[test]
fn mirror() {
    seeds::each("mirror", mirror::check);
}

#[test]
fn diagnose() {
    seeds::each("diagnose", core::snapshot);
}

#[test]
fn seeds_of_snapshots_are_snapshots() {
    seeds::each_seed("diagnose", |data| {
        serde_json::from_slice::<portreeve_core::Snapshot>(data).unwrap();
    });
}

#[test]
fn redact() {
    seeds::each("redact", core::redact);
}

#[test]
fn plist() {
    seeds::each("plist", observe::plist);
}

#[test]
fn launchctl() {
    seeds::each("launchctl", observe::launchctl);
}

#[test]
fn sntp() {
    seeds::each("sntp", observe::sntp);
}

#[test]
fn macos() {
    seeds::each("macos", observe::macos);
}

#[test]
fn registry() {
    seeds::each("registry", observe::registry);
}

#[test]
fn tmutil() {
    seeds::each("tmutil", observe::tmutil);
}

#[test]
fn lsof() {
    seeds::each("lsof", observe::lsof);
}

#[test]
fn guests() {
    seeds::each("guests", observe::guests);
}

#[test]
fn proxy() {
    seeds::each("proxy", observe::proxy);
}

#[test]
fn seeds_of_proxies_have_routes_or_certificates() {
    seeds::each_seed("proxy", |data| {
        let text = str::from_utf8(data).unwrap();
        let programs = [Program::Nginx, Program::Caddy];
        let mut routes = programs.iter().flat_map(|program| parse_text(*program, "/etc/proxy", text).routes);
        assert!(certificate(data, None, Timestamp::UNIX_EPOCH).is_ok() || routes.any(|route| route.upstream.is_some()));
    });
}

#[test]
fn systemd_unit() {
    seeds::each("systemd_unit", observe::systemd_unit);
}

#[test]
fn systemd_show() {
    seeds::each("systemd_show", observe::systemd_show);
}
