use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::ImageReference;
use portreeve_observe::commands::{
    apple_container, colima, log, lsof, multipass, pmset, sfltool, sw_vers, tmutil, xattr,
};
use portreeve_observe::launchd::{Job, disabled, domain, list, procinfo, service};
use portreeve_observe::proxy::{Program, certificate, parse_text};
use portreeve_observe::registry::{challenges, logins, manifest, retry_after};
use portreeve_observe::systemd::service::Specifiers;
use portreeve_observe::systemd::{Service, show, unit_file};
use portreeve_observe::{images, plist as property_list, sntp as time};

/// Property lists of all three forms, and the launchd job in one.
pub(crate) fn plist(data: &[u8]) {
    if let Ok(value) = property_list::parse(data)
        && let Ok(job) = Job::from_plist(&value)
    {
        let _ = job.command_line();
    }
}

/// What `launchctl print`, `print-disabled`, `list` and `procinfo` print.
pub(crate) fn launchctl(data: &[u8]) {
    let _ = service::parse(data).map(|print| print.value.state());
    let _ = (domain::parse(data), disabled::parse(data));
    let _ = (list::parse_table(data), list::parse_details(data), procinfo::parse(data));
}

/// What a time server answers to the question that the seeds answer.
pub(crate) fn sntp(data: &[u8]) {
    let sent = Duration::from_secs(1_750_000_000);
    let _ = time::parse(data, 0x1234_5678_9abc_def0, sent, Duration::from_millis(40), "time.example");
}

/// What `sfltool`, `log show`, `pmset`, `sw_vers` and `xattr` print.
pub(crate) fn macos(data: &[u8]) {
    let _ = (sfltool::parse(data), log::parse(data), sw_vers::parse(data));
    let _ = (pmset::parse(data), pmset::parse_schedule(data));
    let _ = (xattr::parse_names(data), xattr::exclusion(data));
}

/// What registries say, logins as engines' command lines keep them, references, and what is kept of the last time.
pub(crate) fn registry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(reference) = ImageReference::parse(&text) {
        let again = ImageReference::parse(&reference.normal()).unwrap();
        assert_eq!(again.normal(), reference.normal());
    }
    for challenge in challenges(&text) {
        assert!(!challenge.scheme.is_empty());
    }
    let _ = (manifest(data, "linux/arm64"), logins(data), retry_after(&text, Timestamp::UNIX_EPOCH));
    if let Ok(kept) = images::parse(data) {
        for check in &kept.images {
            let _ = portreeve_core::images::standing(&[], Some(check));
        }
        let next = kept.runs.next(Timestamp::UNIX_EPOCH, 604_800, 0);
        assert!(next >= Timestamp::MIN);
    }
}

/// What `tmutil` prints.
pub(crate) fn tmutil(data: &[u8]) {
    let _ = (tmutil::parse_destinations(data), tmutil::parse_destinations_xml(data), tmutil::parse_status(data));
    let _ = (tmutil::parse_excluded(data), tmutil::parse_excluded_xml(data));
    let _ = (tmutil::parse_snapshots(data), tmutil::parse_latest(data));
}

/// What `lsof` prints, as a table and as fields.
pub(crate) fn lsof(data: &[u8]) {
    let _ = (lsof::parse_fields(data), lsof::parse_table(data));
}

/// What the tools of virtual machines and containers print.
pub(crate) fn guests(data: &[u8]) {
    let _ = (apple_container::parse(data), colima::parse(data), multipass::parse(data));
}

/// Configurations of reverse proxies, and the certificates that they name.
pub(crate) fn proxy(data: &[u8]) {
    let _ = certificate(data, None, Timestamp::UNIX_EPOCH);
    let text = String::from_utf8_lossy(data);
    for program in [Program::Nginx, Program::Caddy] {
        for route in parse_text(program, "/etc/proxy", &text).routes {
            assert!(!route.front().host.is_empty());
        }
    }
}

/// Unit files and drop-ins of systemd.
pub(crate) fn systemd_unit(data: &[u8]) {
    let home = Some(Path::new("/home/op"));
    let specifiers = Specifiers { unit: "openclaw-gateway.service", home, user: Some("op"), uid: 1000 };
    let _ = Service::from_files([&unit_file::parse(data)], &specifiers).keep_alive();
}

/// What `systemctl show` prints.
pub(crate) fn systemd_show(data: &[u8]) {
    for shown in show::parse(data).value {
        let _ = shown.runtime("system");
    }
}
