mod corpus;

use proptest::prelude::*;

use super::glance::full_parse;
use super::*;

/// A line of the log file in the gateway's own order of keys.
fn file_line(subsystem: &str, level: (u8, &str), message: &str, fields: Option<&str>) -> String {
    let bindings =
        if subsystem.is_empty() { String::new() } else { format!(r#""0":"{{\"subsystem\":\"{subsystem}\"}}","#) };
    let message = serde_json::to_string(message).unwrap();
    let arguments = match (subsystem, fields) {
        ("", _) => format!(r#""0":{message},"#),
        (_, Some(fields)) => format!(r#""1":{fields},"2":{message},"#),
        (_, None) => format!(r#""1":{message},"#),
    };
    format!(
        r#"{{{bindings}{arguments}"_meta":{{"runtime":"node","runtimeVersion":"24.21.0","hostname":"h","date":"2026-11-21T03:43:40.544Z","logLevelId":{},"logLevelName":"{}","name":"x","parentNames":["openclaw"]}},"time":"2026-11-21T03:43:40.544+00:00","hostname":"h","message":{message}}}"#,
        level.0, level.1
    )
}

fn kind_of(line: &str) -> EventKind {
    let event = parse_line(line.as_bytes()).unwrap();
    let glance = Glance::of(line.as_bytes());
    assert_eq!(event, full_parse(line.as_bytes()), "the quick look and the full parse differ on `{line}`");
    assert_eq!((glance.class().layer, glance.kind()), (event.layer, (event.layer, event.kind.clone())), "{line}");
    assert_eq!(glance.time(), event.time, "{line}");
    let name = serde_json::to_value(&event.kind).unwrap();
    assert_eq!(name["kind"].as_str().unwrap().replace('_', "-"), event.kind.name());
    event.kind
}

#[test]
fn file_and_console_say_the_same() {
    for (subsystem, short, file, console) in [
        ("gateway", "gateway", "loading configuration…", "loading configuration…"),
        ("gateway", "gateway", "starting...", "starting..."),
        ("gateway", "gateway", "gateway ready", "ready"),
        (
            "gateway",
            "gateway",
            "http server listening (14 plugins: a, b; 4.5s)",
            "http server listening (14 plugins: a, b; 4.5s)",
        ),
        ("gateway/admission", "admission", "admission closed: stop (SIGTERM)", "closed: stop (SIGTERM)"),
        ("gateway/shutdown", "shutdown", "shutdown completed cleanly in 132ms", "completed cleanly in 132ms"),
        ("gateway", "gateway", "received SIGUSR2; restarting", "received SIGUSR2; restarting"),
        (
            "gateway",
            "gateway",
            "gateway already running under launchd; existing gateway is healthy, leaving it in control",
            "already running under launchd; existing gateway is healthy, leaving it in control",
        ),
        (
            "gateway",
            "gateway",
            "gateway requires state migration; parked the managed LaunchAgent. Stop",
            "requires state migration; parked the managed LaunchAgent. Stop",
        ),
        (
            "gateway",
            "gateway",
            "Gateway auth token was missing. Generated a runtime token for this startup",
            "auth token was missing. Generated a runtime token for this startup",
        ),
        ("channels/telegram", "telegram", "[bad] channel exited: no", "[bad] channel exited: no"),
    ] {
        let from_file = kind_of(&file_line(subsystem, (3, "INFO"), file, None));
        let from_console = kind_of(&format!("2026-11-21T03:43:40.544+00:00 [{short}] {console}"));
        let coloured = kind_of(&format!(
            "\u{1b}[90m03:43:40\u{1b}[39m \u{1b}[36m[{short}]\u{1b}[39m \u{1b}[36m{console}\u{1b}[39m"
        ));
        assert_ne!(from_file, EventKind::Other, "{file}");
        assert_eq!(from_file, from_console);
        assert_eq!(from_file, coloured);
    }
}

#[test]
fn reads_the_numbers() {
    let console = |text: &str| kind_of(&format!("2026-11-21T03:43:40.544+00:00 {text}"));
    insta::assert_debug_snapshot!([
        console("[restart] killing 2 stale gateway process(es) before restart: 23538, 23540"),
        console("[gateway] service-mode: cleared 1 stale gateway pid(s) before bind on port 19789"),
        console("[gateway] waiting for gateway-lifecycle ownership held by another OpenClaw process, up to 300 s"),
        console("[gateway] gateway-lifecycle ownership acquired after 39.8 s"),
        console("[gateway] restart-loop breaker tripped: 3 unclean boot(s) within 300000ms; suppressing"),
        console("[lifecycle] stopped after SIGTERM 5 times in 5 min: another supervisor may be managing this Gateway"),
        console("Gateway failed to start: another gateway instance is already listening on ws://127.0.0.1:19789 | listen EADDRINUSE: address already in use 127.0.0.1:19789 | EADDRINUSE"),
        console("Gateway failed to start: gateway already running under systemd; existing gateway is healthy, exiting with code 78"),
        console("Gateway failed to start: gateway already running (pid 77); lock timeout after 5000ms"),
        console("Gateway failed to start: attempt to write a readonly database. Run openclaw"),
        console("Gateway failed to start: database is locked"),
        console("Port 19789 is already in use."),
        console("- pid 23538 root: openclaw-gateway ([::1]:19789)"),
        kind_of("Config auto-restored from backup: /s/openclaw.json (missing-meta-vs-last-good)"),
        console("[secrets] [SECRETS_DEGRADED] cold gateway:ingress-auth: not set. Retry: now."),
        console("[telegram] [good] auto-restart attempt 3/10 in 40s"),
        console("[health-monitor] [telegram:bad] health-monitor: restarting (reason: stuck)"),
    ], @r#"
    [
        KilledStale {
            pids: [
                23538,
                23540,
            ],
        },
        ClearedStale {
            count: Some(
                1,
            ),
            port: Some(
                19789,
            ),
        },
        WaitingForLifecycle {
            limit_seconds: Some(
                300.0,
            ),
        },
        LifecycleAcquired {
            seconds: Some(
                39.8,
            ),
        },
        BreakerTripped {
            unclean_boots: Some(
                3,
            ),
            window_ms: Some(
                300000,
            ),
        },
        RepeatedStops {
            count: Some(
                5,
            ),
        },
        AlreadyListening {
            port: Some(
                19789,
            ),
        },
        IncumbentHealthyLeaving {
            supervisor: Systemd,
        },
        LockTimeout {
            pid: Some(
                77,
            ),
            waited_ms: Some(
                5000,
            ),
        },
        ReadonlyDatabase,
        DatabaseLocked,
        PortInUse {
            port: Some(
                19789,
            ),
            pid: None,
        },
        PortInUse {
            port: Some(
                19789,
            ),
            pid: Some(
                23538,
            ),
        },
        ConfigAutoRestored {
            path: Some(
                "/s/openclaw.json",
            ),
            reason: Some(
                "missing-meta-vs-last-good",
            ),
        },
        SecretsDegraded {
            code: "SECRETS_DEGRADED",
            surface: Some(
                "gateway:ingress-auth",
            ),
        },
        ChannelRestarting {
            channel: "telegram",
            account: Some(
                "good",
            ),
            attempt: Some(
                3,
            ),
        },
        ChannelHealthRestart {
            target: Some(
                "telegram:bad",
            ),
            reason: Some(
                "stuck",
            ),
        },
    ]
    "#);
}

#[test]
fn a_refused_device_names_its_request() {
    let message = "closed before connect conn=c53a78cf-04c9-445f-8d68-10292203671b peer=198.51.100.2:57320->198.51.100.1:19789 remote=198.51.100.2 fwd=n/a origin=n/a host=198.51.100.1:19789 ua=n/a code=1008 reason=pairing required: device is not approved yet (requestId: d4a7ec7b-4f18-45b2-abf5-7d5bdc842796) phase=auth_validated";
    let fields = r#"{"cause":"pairing-required","durationMs":55,"phase":"auth_validated","reason":"not-paired","endpoint":"198.51.100.2:57320->198.51.100.1:19789","client":"cli"}"#;
    let line = file_line("gateway/ws", (4, "WARN"), message, Some(fields));
    let event = parse_line(line.as_bytes()).unwrap();
    assert_eq!((event.layer, event.level, event.port), (Layer::Auth, Some(Level::Warn), Some(19789)));
    assert_eq!(event.conn.as_deref(), Some("c53a78cf-04c9-445f-8d68-10292203671b"));
    let console = format!(
        "2026-11-21T03:43:40.544+00:00 [ws] {message} cause=pairing-required durationMs=55 phase=auth_validated client=cli"
    );
    assert_eq!(kind_of(&line), kind_of(&console));
    insta::assert_json_snapshot!(event.kind, @r#"
    {
      "kind": "pairing_required",
      "request_id": "d4a7ec7b-4f18-45b2-abf5-7d5bdc842796",
      "close": {
        "code": 1008,
        "reason": "pairing required: device is not approved yet (requestId: d4a7ec7b-4f18-45b2-abf5-7d5bdc842796)",
        "cause": "pairing-required",
        "phase": "auth_validated",
        "auth_reason": null,
        "remote": "198.51.100.2",
        "client": "cli",
        "duration_ms": 55
      }
    }
    "#);
}

#[test]
fn the_phase_tells_the_layer() {
    let line = |code: u16, phase: &str, cause: &str| {
        format!(
            "2026-11-21T03:43:40.544+00:00 [ws] closed before connect conn=a code={code} reason=n/a phase={phase}{cause}"
        )
    };
    for (line, layer) in [
        (line(1006, "ws_upgrade_started", ""), Layer::Transport),
        (line(1000, "ws_upgrade_started", " cause=handshake-timeout"), Layer::Transport),
        (line(1008, "ws_upgrade_started", " cause=device-required"), Layer::Auth),
        (line(1008, "auth_credentials_received", " cause=unauthorized"), Layer::Auth),
        (line(1006, "session_attached", ""), Layer::Transport),
    ] {
        kind_of(&line);
        assert_eq!(parse_line(line.as_bytes()).unwrap().layer, layer, "{line}");
    }
}

#[test]
fn faults_are_found_in_any_subsystem_but_not_in_chatter() {
    let fault = "Failed to open the plugin state database. | database disk image is malformed";
    assert_eq!(kind_of(&file_line("plugins/x", (5, "ERROR"), fault, None)), EventKind::DatabaseMalformed);
    assert_eq!(kind_of(&file_line("plugins/x", (3, "INFO"), fault, None)), EventKind::Other);
    assert_eq!(
        kind_of(&file_line(
            "channels/telegram",
            (5, "ERROR"),
            "[a] getUpdates: 409: Conflict: terminated by other",
            None
        )),
        EventKind::ChannelConflict { channel: "telegram".into() }
    );
}

#[test]
fn a_sub_agent_that_does_not_start_is_told_without_what_it_was_told() {
    let message = r#"[tools] sessions_spawn failed: gateway closed (1008): pairing required raw_params={"task":"call my mother"}"#;
    let expected = EventKind::SubagentFailed { reason: Some("gateway closed (1008): pairing required".to_owned()) };
    for line in [
        file_line("", (5, "ERROR"), message, None),
        format!("2026-11-21T03:43:40.544+00:00 {message}"),
        message.to_owned(),
    ] {
        assert_eq!(kind_of(&line), expected, "{line}");
        let event = parse_line(line.as_bytes()).unwrap();
        assert!(!event.text.contains("mother") && event.layer == Layer::Channels, "{event:?}");
    }
}

#[test]
fn secrets_do_not_come_through() {
    let secret = "4f9d0c1e2b3a49586776859493a2b1c0d9e8f7a6b5c4d3e2";
    for line in [
        file_line(
            "gateway/ws",
            (4, "WARN"),
            &format!("unauthorized conn=a reason={secret} client={secret} guidance=x token={secret}"),
            None,
        ),
        file_line(
            "gateway/ws",
            (4, "WARN"),
            "closed before connect conn=a",
            Some(&format!(r#"{{"cause":"{secret}","client":"{secret}","conn":"{secret}"}}"#)),
        ),
        format!("[telegram] [{secret}] channel exited: {secret}"),
        format!("[{secret}] x"),
        format!("Config auto-restored from backup: /{secret}/x (because {secret})"),
        secret.to_owned(),
    ] {
        let event = parse_line(line.as_bytes()).unwrap();
        let shown = format!("{event:?} {}", serde_json::to_string(&event).unwrap());
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn what_is_not_understood_is_counted() {
    let log = b"\n{\"0\":\"{\\\"subsystem\\\":\\\"gateway\\\"}\",\"1\":\"startin\n{}\nhello\n  \n[gateway] ready\r\n\xff\xfe\n";
    let mut events = Vec::new();
    let tally = scan(log, |event| events.push(event.kind));
    assert_eq!(events, [EventKind::Ready]);
    assert_eq!(tally, Tally { lines: 5, recognised: 1, other: 4, broken: 1 });
}

#[test]
fn a_long_line_is_cut() {
    let mut line = b"[gateway] ".to_vec();
    line.resize(10 * MAX_LINE_BYTES, b'x');
    assert!(parse_line(&line).unwrap().text.len() <= MAX_TEXT_BYTES + 3);
}

#[test]
fn a_record_in_another_form_takes_a_full_parse() {
    let line = file_line("gateway", (3, "INFO"), "ready", None);
    for (from, to) in [
        (r#","hostname":"h","message""#, r#","message""#),
        (r#""message":"ready"}"#, r#""message":"ready","traceId":"a","n":[1,{"b":2}],"ok":true}"#),
        (r#""message":"ready"}"#, r#""message":"ready"}{"0":"#),
        (r#""message":"ready"}"#, r#""message":"starting..."}"#),
        (r#""1":"ready""#, r#""1":"ready","2":"steady""#),
        (r#""1":"ready""#, r#""1":7"#),
        (r#""logLevelId":3"#, r#""logLevelId":33"#),
        ("2026-11-21T03:43:40.544+00:00", "yesterday"),
        (r#""}","1""#, r#""} ","1""#),
    ] {
        let changed = line.replace(from, to);
        assert_ne!(changed, line, "{from}");
        assert_eq!(Glance::of(changed.as_bytes()).event(), full_parse(changed.as_bytes()), "{changed}");
    }
}

proptest! {
    #[test]
    fn the_quick_look_reads_what_the_full_parse_reads(
        subsystem in prop::sample::select(vec!["gateway", "gateway/ws", "channels/telegram", "sqlite/transaction", "x", ""]),
        level in 1_u8..=6,
        start in prop::sample::select(vec!["closed before connect conn=a code=1008 reason=x", "unauthorized conn=1", "ready", "[a] channel exited: ", "slow SQLite "]),
        rest in "\\PC{0,40}",
        keys in prop::collection::btree_map("(phase|cause|reason|conn|endpoint|elapsedMs|authReason|[a-z]{1,4})", "\\PC{0,20}", 0..6),
        number in any::<i32>(),
    ) {
        let mut fields: serde_json::Map<String, serde_json::Value> =
            keys.into_iter().map(|(key, value)| (key, value.into())).collect();
        fields.insert("pid".to_owned(), number.into());
        fields.insert("durationMs".to_owned(), serde_json::json!([{"a": "}"}, number]));
        let fields = serde_json::Value::from(fields).to_string();
        let line = file_line(subsystem, (level, "LEVEL"), &format!("{start}{rest}"), Some(&fields));
        prop_assert_eq!(Glance::of(line.as_bytes()).event(), full_parse(line.as_bytes()));
    }

    #[test]
    fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (classify(&line), parse_line(&line), scan(&line, |_| ()));
    }

    #[test]
    fn never_panics_on_near_misses(
        head in "(\\{\"0\":\"\\{\\\\\"subsystem\\\\\":\\\\\"gateway/ws\\\\\"\\}\",\"1\":[{\"]|2026-11-21T00:00:00Z \\[ws\\] |\\[telegram\\] |Gateway failed to start: )",
        middle in "(closed before connect|unauthorized conn=|\\[|é|\"|\\\\|=| reason=| phase=|\\(requestId: |ws://|:|\\]|\u{1b}\\[|3|m|\\}|,\"2\":\"){0,12}",
    ) {
        let line = format!("{head}{middle}");
        let _ = (classify(line.as_bytes()), parse_line(line.as_bytes()));
    }
}
