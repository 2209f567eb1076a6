use std::fs;
use std::path::PathBuf;

use super::super::glance::full_parse;
use super::super::*;

fn corpus_logs() -> Option<Vec<PathBuf>> {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else {
        #[expect(clippy::print_stderr, reason = "says why nothing is tested")]
        {
            eprintln!("skipped: PORTREEVE_CORPUS is not set");
        }
        return None;
    };
    let mut files: Vec<_> = fs::read_dir(PathBuf::from(corpus).join("openclaw/logs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".jsonl") || name.ends_with(".console.txt")
        })
        .collect();
    files.sort();
    Some(files)
}

/// Names of the events that files of known names must hold, in the form in which they are serialised.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "startup-ready",
        &[
            "loading_configuration",
            "starting",
            "starting_http",
            "listening",
            "starting_channels",
            "ready",
            "admission_closed",
            "stopped_by_signal",
            "drain",
            "stopped_cleanly",
            "database_verified",
        ],
    ),
    ("config-auto-restored", &["config_auto_restored"]),
    ("crash-loop-breaker", &["breaker_tripped", "stability_bundle", "channel_suppressed", "ready"]),
    ("lock-wait", &["waiting_for_lifecycle", "lifecycle_acquired", "repeated_stops"]),
    ("node-host-token-mismatch", &["node_host_refused"]),
    ("second-gateway-same-port.foreground", &["already_listening", "port_in_use"]),
    ("second-gateway-same-port.launchd", &["incumbent_healthy_leaving", "breaker_tripped"]),
    ("second-gateway-same-port.supervised", &["killed_stale", "cleared_stale", "ready"]),
    ("second-gateway-same-port.systemd", &["incumbent_healthy_leaving", "port_in_use"]),
    ("second-gateway-same-state.foreground", &["maintenance_contention", "requires_state_migration"]),
    ("second-gateway-same-state.launchd", &["maintenance_contention", "requires_state_migration"]),
    ("port-ping-pong", &["killed_stale", "cleared_stale", "stopped_by_signal"]),
    ("start-refusals", &["start_refused", "auth_disabled"]),
    ("state-dir-other-uid", &["owner_lease_active", "stability_bundle"]),
    ("state-dir-readonly", &["readonly_database", "write_denied"]),
    ("ws-debug-success", &["connected", "disconnected"]),
    (
        "ws-handshake-failures",
        &[
            "unauthorized",
            "closed_before_connect",
            "handshake_timeout",
            "invalid_handshake",
            "protocol_mismatch",
            "connection_error",
            "frame_unreadable",
            "request_failed",
            "proxy_headers",
            "non_local_host",
            "device_approved",
        ],
    ),
    (
        "lan-pairing",
        &[
            "pairing_required",
            "unauthorized",
            "device_upgrade_requested",
            "config_changed",
            "config_reloaded",
            "stopped_by_signal",
            "bound_beyond_loopback",
            "device_approved",
        ],
    ),
    ("channels-telegram", &["channel_starting", "channel_exited", "channel_terminal"]),
];

#[test]
fn corpus_of_logs_is_understood() {
    let Some(files) = corpus_logs() else { return };
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let log = fs::read(&file).unwrap();
        let is_json = file.extension().is_some_and(|extension| extension == "jsonl");
        let mut seen = Vec::new();
        let tally = scan(&log, |event| {
            assert!(event.text.len() <= MAX_TEXT_BYTES + 3, "{name}");
            let kind = serde_json::to_value(&event.kind).unwrap();
            seen.push(kind.get("kind").unwrap().as_str().unwrap().to_owned());
        });
        assert_eq!(tally.lines, tally.recognised + tally.other, "{name}");
        assert_eq!(tally.broken, 0, "{name}");
        for line in log.split(|byte| *byte == b'\n') {
            let Some(event) = parse_line(line) else { continue };
            assert_eq!(event, full_parse(line), "{name}");
            let class = classify(line);
            assert_eq!(class.layer, event.layer, "{name}: {event:?}");
            assert!(class.recognised || event.kind == EventKind::Other, "{name}: {event:?}");
            if is_json {
                assert!(event.time.is_some() && event.level.is_some(), "{name}: {event:?}");
                assert_eq!(event.form, Form::Json, "{name}");
            }
        }
        for (start, kinds) in EXPECTED.iter().filter(|(start, _)| name.starts_with(start) && !is_json) {
            for kind in *kinds {
                assert!(seen.iter().any(|seen| seen == kind), "{name} ({start}): no {kind} in {seen:?}");
            }
        }
    }
}
