use std::collections::BTreeMap;
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

/// Lines by layer (transport, auth, channels, other) and events by kind, of each file.
const COUNTED: &[(&str, [usize; 4], &str)] = &[
    (
        "channels-telegram-start-ok-and-fail.console.txt",
        [13, 0, 9, 3],
        "1 channel-exited, 1 channel-starting, 1 channel-terminal, 1 listening, 1 loading-configuration, 1 resolving-authentication, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes",
    ),
    (
        "channels-telegram-start-ok-and-fail.jsonl",
        [51, 0, 15, 15],
        "1 admission-closed, 1 breaker-tripped, 1 channel-exited, 1 channel-starting, 1 channel-suppressed, 1 channel-terminal, 1 drain, 4 listening, 4 loading-configuration, 1 ready, 4 resolving-authentication, 1 stability-bundle, 4 starting, 2 starting-channels, 4 starting-http, 2 startup-outcomes, 1 stopped-by-signal, 1 stopped-cleanly",
    ),
    (
        "config-auto-restored.console.txt",
        [5, 0, 0, 2],
        "1 config-auto-restored, 1 loading-configuration, 1 resolving-authentication, 1 starting",
    ),
    (
        "crash-loop-breaker.console.txt",
        [20, 0, 4, 3],
        "1 admission-closed, 1 breaker-tripped, 1 channel-suppressed, 1 drain, 1 listening, 1 loading-configuration, 1 ready, 1 resolving-authentication, 1 stability-bundle, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes, 1 stopped-by-signal, 1 stopped-cleanly",
    ),
    (
        "default-log-excerpts.jsonl",
        [49, 7, 3, 65],
        "1 already-listening, 1 breaker-recovered, 2 breaker-tripped, 1 cleared-stale, 3 client-plaintext-refused, 10 client-unreachable, 2 closed-before-connect, 2 config-auto-restored, 2 database-verified, 2 disconnected, 1 handshake-timeout, 2 incumbent-healthy-leaving, 1 invalid-handshake, 1 killed-stale, 1 lifecycle-acquired, 4 maintenance-contention, 6 port-in-use, 2 protocol-mismatch, 1 slow-lock-wait, 1 stability-bundle, 5 unauthorized, 1 waiting-for-lifecycle, 6 write-denied",
    ),
    (
        "lan-pairing-ratelimit-trustedproxy-reload-restart.console.txt",
        [44, 43, 2, 8],
        "3 admission-closed, 2 bound-beyond-loopback, 14 closed-before-connect, 3 config-changed, 3 config-reloaded, 2 device-approved, 2 device-upgrade-requested, 1 drain, 2 listening, 1 loading-configuration, 9 pairing-required, 1 proxy-headers, 2 ready, 2 request-failed, 1 resolving-authentication, 1 restart-mode, 1 starting, 2 starting-channels, 2 starting-http, 2 startup-outcomes, 2 stopped-by-signal, 2 stopped-cleanly, 14 unauthorized",
    ),
    (
        "lan-pairing-ratelimit-trustedproxy-reload-restart.jsonl",
        [63, 51, 3, 35],
        "3 admission-closed, 3 bound-beyond-loopback, 14 closed-before-connect, 3 config-changed, 3 config-reloaded, 4 database-verified, 2 device-approved, 2 device-upgrade-requested, 1 drain, 3 listening, 2 loading-configuration, 13 pairing-required, 1 proxy-headers, 3 ready, 6 request-failed, 2 resolving-authentication, 1 restart-mode, 2 starting, 3 starting-channels, 3 starting-http, 3 startup-outcomes, 2 stopped-by-signal, 2 stopped-cleanly, 14 unauthorized",
    ),
    (
        "lock-wait.gateway-lifecycle.console.txt",
        [22, 0, 1, 3],
        "1 admission-closed, 1 database-verified, 1 drain, 1 lifecycle-acquired, 1 listening, 1 loading-configuration, 1 ready, 1 repeated-stops, 1 resolving-authentication, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes, 1 stopped-by-signal, 1 stopped-cleanly, 1 waiting-for-lifecycle",
    ),
    ("node-host-token-mismatch.console.txt", [0, 3, 0, 1], "3 node-host-refused"),
    (
        "port-ping-pong.two-supervised-gateways.console.txt",
        [67, 0, 3, 10],
        "3 admission-closed, 3 cleared-stale, 1 database-verified, 3 drain, 3 killed-stale, 3 listening, 3 loading-configuration, 2 ready, 3 resolving-authentication, 3 starting, 3 starting-channels, 3 starting-http, 3 startup-outcomes, 3 stopped-by-signal, 2 stopped-cleanly",
    ),
    (
        "second-gateway-same-port.foreground.console.txt",
        [11, 0, 1, 4],
        "1 already-listening, 1 loading-configuration, 3 port-in-use, 1 resolving-authentication, 1 starting, 1 starting-http, 1 stopped-cleanly",
    ),
    (
        "second-gateway-same-port.launchd-simulated.console.txt",
        [8, 0, 2, 2],
        "1 breaker-tripped, 1 incumbent-healthy-leaving, 1 loading-configuration, 1 resolving-authentication, 1 stability-bundle, 1 starting, 1 starting-http, 1 stopped-cleanly",
    ),
    (
        "second-gateway-same-port.supervised-kills-incumbent.console.txt",
        [29, 0, 1, 6],
        "2 admission-closed, 1 cleared-stale, 1 database-verified, 2 drain, 1 killed-stale, 1 listening, 1 loading-configuration, 1 ready, 1 resolving-authentication, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes, 2 stopped-by-signal, 2 stopped-cleanly",
    ),
    (
        "second-gateway-same-port.systemd-stale-lease.console.txt",
        [12, 0, 1, 3],
        "1 incumbent-healthy-leaving, 1 loading-configuration, 3 port-in-use, 1 resolving-authentication, 1 starting, 1 starting-http, 1 stopped-cleanly",
    ),
    (
        "second-gateway-same-state.foreground.console.txt",
        [3, 0, 0, 1],
        "2 maintenance-contention, 1 requires-state-migration",
    ),
    (
        "second-gateway-same-state.launchd-simulated.console.txt",
        [3, 0, 0, 4],
        "2 maintenance-contention, 1 requires-state-migration",
    ),
    (
        "start-refusals.console.txt",
        [10, 5, 0, 32],
        "1 auth-disabled, 5 loading-configuration, 5 resolving-authentication, 7 start-refused",
    ),
    (
        "startup-ready.console.txt",
        [19, 0, 1, 3],
        "1 admission-closed, 1 database-verified, 1 drain, 1 listening, 1 loading-configuration, 1 ready, 1 resolving-authentication, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes, 1 stopped-by-signal, 1 stopped-cleanly",
    ),
    (
        "state-dir-other-uid.console.txt",
        [5, 0, 0, 1],
        "1 loading-configuration, 1 owner-lease-active, 1 resolving-authentication, 1 stability-bundle, 1 starting",
    ),
    (
        "state-dir-readonly.console.txt",
        [9, 0, 0, 1],
        "1 loading-configuration, 1 readonly-database, 1 resolving-authentication, 1 starting, 4 write-denied",
    ),
    ("ws-debug-success.console.txt", [13, 0, 0, 1], "2 connected, 2 disconnected"),
    (
        "ws-handshake-failures.console.txt",
        [39, 29, 1, 4],
        "1 admission-closed, 27 closed-before-connect, 1 connection-error, 1 database-verified, 2 device-approved, 1 drain, 2 frame-unreadable, 1 handshake-timeout, 1 invalid-handshake, 1 listening, 1 loading-configuration, 1 non-local-host, 2 protocol-mismatch, 1 proxy-headers, 1 ready, 6 request-failed, 1 resolving-authentication, 1 starting, 1 starting-channels, 1 starting-http, 1 startup-outcomes, 1 stopped-by-signal, 1 stopped-cleanly, 5 unauthorized",
    ),
];

#[test]
fn each_log_of_the_corpus_is_counted_as_labelled() {
    let Some(files) = corpus_logs() else { return };
    let mut differences = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let log = fs::read(&file).unwrap();
        let (mut layers, mut kinds) = ([0; 4], BTreeMap::new());
        for event in log.split(|byte| *byte == b'\n').filter_map(parse_line) {
            layers[event.layer as usize] += 1;
            if event.kind != EventKind::Other {
                *kinds.entry(event.kind.name()).or_insert(0_usize) += 1;
            }
        }
        let kinds = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ");
        if !COUNTED.contains(&(&name, layers, &kinds)) {
            differences.push(format!("    (\n        \"{name}\",\n        {layers:?},\n        \"{kinds}\",\n    ),"));
        }
    }
    assert!(differences.is_empty(), "counted otherwise:\n{}", differences.join("\n"));
}
