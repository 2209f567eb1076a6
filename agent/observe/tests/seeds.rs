//! The seeds of `fuzz/`, through the functions that they are for: they guard these in every test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/compose.rs"]
mod compose;
#[path = "../../../fuzz/mirror.rs"]
mod mirror;
#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::topology::Topology;
use portreeve_core::{ImageReference, Policy, Snapshot, diagnose};
use portreeve_observe::commands::{
    apple_container, colima, log, lsof, multipass, pmset, sfltool, sw_vers, tmutil, xattr,
};
use portreeve_observe::images;
use portreeve_observe::launchd::{Job, disabled, domain, list, procinfo, service};
use portreeve_observe::plist;
use portreeve_observe::proxy::{Program, certificate, parse_text};
use portreeve_observe::registry::{challenges, logins, manifest, retry_after};
use portreeve_observe::sntp;
use portreeve_observe::systemd::service::Specifiers;
use portreeve_observe::systemd::{Service, show, unit_file};

#[test]
fn compose() {
    seeds::each("compose", compose::check);
}

#[test]
fn mirror() {
    seeds::each("mirror", mirror::check);
}

#[test]
fn plist() {
    seeds::each("plist", |data| {
        let _ = plist::parse(data).map(|value| Job::from_plist(&value));
    });
}

#[test]
fn launchctl() {
    seeds::each("launchctl", |data| {
        let _ = (service::parse(data), domain::parse(data), disabled::parse(data));
        let _ = (list::parse_table(data), list::parse_details(data), procinfo::parse(data));
    });
}

#[test]
fn sntp() {
    let took = std::time::Duration::from_millis(40);
    seeds::each("sntp", |data| {
        let _ = sntp::parse(data, 0x1234_5678_9abc_def0, std::time::Duration::from_secs(1_750_000_000), took, "x");
    });
}

#[test]
fn macos() {
    seeds::each("macos", |data| {
        let _ = (sfltool::parse(data), log::parse(data), sw_vers::parse(data));
        let _ = (pmset::parse(data), pmset::parse_schedule(data));
        let _ = (xattr::parse_names(data), xattr::exclusion(data));
    });
}

#[test]
fn registry() {
    seeds::each("registry", |data| {
        let text = String::from_utf8_lossy(data);
        let _ = (ImageReference::parse(&text), challenges(&text), retry_after(&text, Timestamp::UNIX_EPOCH));
        let _ = (manifest(data, "linux/arm64"), logins(data), images::parse(data));
    });
}

#[test]
fn tmutil() {
    seeds::each("tmutil", |data| {
        let _ = (tmutil::parse_destinations(data), tmutil::parse_destinations_xml(data), tmutil::parse_status(data));
        let _ = (tmutil::parse_excluded(data), tmutil::parse_excluded_xml(data));
        let _ = (tmutil::parse_snapshots(data), tmutil::parse_latest(data));
    });
}

#[test]
fn lsof() {
    seeds::each("lsof", |data| {
        let _ = (lsof::parse_fields(data), lsof::parse_table(data));
    });
}

#[test]
fn guests() {
    seeds::each("guests", |data| {
        let _ = (apple_container::parse(data), colima::parse(data), multipass::parse(data));
    });
}

#[test]
fn proxy() {
    seeds::each("proxy", |data| {
        let text = str::from_utf8(data).unwrap();
        if text.contains("BEGIN CERTIFICATE") {
            assert!(certificate(data, None, Timestamp::UNIX_EPOCH).is_ok());
            return;
        }
        let routes = [Program::Nginx, Program::Caddy].map(|program| parse_text(program, "/etc/proxy", text).routes);
        assert!(routes.iter().flatten().any(|route| route.upstream.is_some()));
    });
}

#[test]
fn systemd_unit() {
    let home = Some(Path::new("/home/op"));
    let specifiers = Specifiers { unit: "openclaw-gateway.service", home, user: Some("op"), uid: 1000 };
    seeds::each("systemd_unit", |data| {
        let _ = Service::from_files([&unit_file::parse(data)], &specifiers).keep_alive();
    });
}

#[test]
fn systemd_show() {
    seeds::each("systemd_show", |data| {
        for shown in show::parse(data).value {
            let _ = shown.runtime("system");
        }
    });
}

#[test]
fn diagnose_and_topology() {
    seeds::each("diagnose", |data| {
        let snapshot: Snapshot = serde_json::from_slice(data).unwrap();
        let _ = (diagnose(&snapshot, &Policy::default()), Topology::of(&snapshot));
    });
}
