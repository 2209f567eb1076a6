//! What a node's credential is good for: to write as that node, and nothing else.

use portreeve_telemetry::enrol::{ENROL_PATH, Granted, LEAVE_PATH, ROTATE_PATH};
use portreeve_telemetry::otlp::{LOGS_PATH, METRICS_PATH};
use serde_json::{Value, json};

use crate::fleet::{Fleet, Node};
use crate::telling::{counter, fresh_id, gauge, logs, metrics, now, record, report};
use crate::wire::{request, send};

fn told(node: &str) -> Vec<u8> {
    metrics(node, vec![gauge("portreeve.node.uptime", &[], 1.0)])
}

fn verdict(node: &str, verdict: &str) -> Vec<u8> {
    logs(node, vec![record("portreeve.report", &fresh_id(), now(), &report(node, verdict))])
}

/// What `portreeve-fleet node list` says of a node.
fn listed(fleet: &Fleet, id: &str) -> Value {
    let all = fleet.run(&["node", "list", "--json"]);
    all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|node| node["id"] == id).unwrap()
}

#[test]
fn a_node_writes_only_as_itself() {
    let fleet = Fleet::start("");
    let (a, b) = (fleet.enrol("a"), fleet.enrol("b"));
    assert_eq!(a.post_packed(&fleet, LOGS_PATH, &verdict("a", "ready")).status, 200);
    for answer in
        [a.post_packed(&fleet, LOGS_PATH, &verdict("b", "blocked")), a.post_packed(&fleet, METRICS_PATH, &told("b"))]
    {
        assert!(matches!(answer.status, 400 | 403), "{} {}", answer.status, answer.text());
    }
    // Messages that follow each other are one message: both parts are looked at.
    let both = [verdict("a", "ready"), verdict("b", "blocked")].concat();
    assert!(matches!(a.post(&fleet, LOGS_PATH, &both).status, 400 | 403));
    assert_eq!(listed(&fleet, "a")["verdict"], "ready");
    assert_eq!(listed(&fleet, "b")["verdict"], "none");
    assert_eq!(b.post_packed(&fleet, LOGS_PATH, &verdict("b", "degraded")).status, 200);
    assert_eq!(listed(&fleet, "b")["verdict"], "degraded");
}

#[test]
fn a_node_reads_nothing() {
    let fleet = Fleet::start("metrics.allow = []\n");
    let a = fleet.enrol("a");
    assert_eq!(a.post_packed(&fleet, LOGS_PATH, &verdict("a", "ready")).status, 200);
    let bearer = a.bearer();
    let cookie = format!("portreeve_session={}", a.token);
    for path in [
        "/",
        "/causes",
        "/nodes/a",
        "/metrics",
        "/live",
        "/events",
        "/v1/metrics",
        "/v1/logs",
        "/v1/enrol",
        "/versions",
        "/audit",
    ] {
        for headers in [
            [("Authorization", bearer.as_str()), ("Accept", "*/*")],
            [("Cookie", cookie.as_str()), ("Accept", "text/html")],
        ] {
            let answer = send(fleet.address, "GET", path, &headers, b"");
            assert!(matches!(answer.status, 303 | 401 | 403 | 404 | 405), "{path}: {}", answer.status);
            assert!(!answer.text().contains("25B78"), "{path}: {}", answer.text());
        }
    }
    let login = format!("token={}&next=%2F", a.token);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = send(fleet.address, "POST", "/login", &form, login.as_bytes());
    assert_ne!(answer.status, 303);
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn nobody_but_a_node_writes() {
    let fleet = Fleet::start("");
    let a = fleet.enrol("a");
    let viewer = Node { id: "a".to_owned(), token: fleet.viewer().to_owned() };
    let code = Node { id: "a".to_owned(), token: fleet.run(&["code", "create"]) };
    let cut = Node { id: "a".to_owned(), token: a.token[..a.token.len() - 1].to_owned() };
    let longer = Node { id: "a".to_owned(), token: format!("{}x", a.token) };
    for stranger in [viewer, code, cut, longer] {
        for path in [METRICS_PATH, LOGS_PATH, ROTATE_PATH, LEAVE_PATH] {
            let answer = stranger.post(&fleet, path, &told("a"));
            assert_eq!(answer.status, 401, "{path}: {}", answer.text());
        }
    }
    let answer = send(fleet.address, "POST", METRICS_PATH, &[("Content-Type", "application/x-protobuf")], &told("a"));
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")));
    let log = fleet.log();
    assert!(!log.contains(&a.token) && !log.contains(fleet.viewer()), "a secret is in the log");
}

#[test]
fn what_comes_twice_counts_once() {
    let fleet = Fleet::start("");
    let a = fleet.enrol("a");
    let start = now() - 120_000_000_000;
    let id = fresh_id();
    let event =
        logs("a", vec![record("portreeve.verdict.changed", &id, now(), &json!({ "from": "ready", "to": "blocked" }))]);
    let count = metrics(
        "a",
        vec![counter("portreeve.connect.attempts", &[("gateway", "g"), ("outcome", "connected")], 7.0, start, now())],
    );
    for _ in 0..5 {
        assert_eq!(a.post_packed(&fleet, LOGS_PATH, &event).status, 200);
        assert_eq!(a.post_packed(&fleet, METRICS_PATH, &count).status, 200);
    }
    // Twice within one request, too.
    let within = [event.as_slice(), event.as_slice()].concat();
    assert_eq!(a.post(&fleet, LOGS_PATH, &within).status, 200);
    assert_eq!(fleet.events(&id), 1);
}

#[test]
fn another_node_may_have_an_event_with_the_same_identity() {
    let fleet = Fleet::start("");
    let (a, b) = (fleet.enrol("a"), fleet.enrol("b"));
    let id = fresh_id();
    for node in [&a, &b] {
        let event = logs(&node.id, vec![record("portreeve.verdict.changed", &id, now(), &json!({ "to": "ready" }))]);
        assert_eq!(node.post_packed(&fleet, LOGS_PATH, &event).status, 200);
    }
    assert_eq!(fleet.events(&id), 2, "one node can keep another's event out");
}

#[test]
fn a_revoked_credential_counts_no_longer() {
    let fleet = Fleet::start("");
    let (a, b) = (fleet.enrol("a"), fleet.enrol("b"));
    assert_eq!(a.post_packed(&fleet, METRICS_PATH, &told("a")).status, 200);
    fleet.run(&["node", "revoke", "a"]);
    Fleet::until("the end of the credential", || a.post_packed(&fleet, METRICS_PATH, &told("a")).status == 401);
    assert_eq!(a.post(&fleet, ROTATE_PATH, b"").status, 401);
    assert_eq!(b.post_packed(&fleet, METRICS_PATH, &told("b")).status, 200);
    // With a code of its own it may come back.
    let code = fleet.run(&["code", "create", "--node", "a"]);
    let answer = fleet.ask(&code, "a", "a");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn an_old_credential_counts_until_the_new_one_was_used() {
    let fleet = Fleet::start("");
    let old = fleet.enrol("a");
    let answer = old.post(&fleet, ROTATE_PATH, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let granted: Granted = serde_json::from_slice(&answer.body).unwrap();
    assert_ne!(granted.token, old.token);
    let new = Node { id: "a".to_owned(), token: granted.token };
    assert_eq!(old.post_packed(&fleet, METRICS_PATH, &told("a")).status, 200);
    assert_eq!(new.post_packed(&fleet, METRICS_PATH, &told("a")).status, 200);
    Fleet::until("the end of the old credential", || old.post_packed(&fleet, METRICS_PATH, &told("a")).status == 401);
    assert_eq!(new.post_packed(&fleet, METRICS_PATH, &told("a")).status, 200);
}

#[test]
fn who_left_writes_no_more() {
    let fleet = Fleet::start("");
    let a = fleet.enrol("a");
    let answer = a.post(&fleet, LEAVE_PATH, b"");
    assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text());
    Fleet::until("the end of the credential", || a.post_packed(&fleet, METRICS_PATH, &told("a")).status == 401);
}

#[test]
fn codes_are_used_up_and_cannot_be_guessed() {
    let fleet = Fleet::start("");
    let code = fleet.run(&["code", "create", "--uses", "2"]);
    assert_eq!(fleet.ask(&code, "a", "a").status, 200);
    assert_eq!(fleet.ask(&code, "b", "b").status, 200);
    assert!(matches!(fleet.ask(&code, "c", "c").status, 401 | 403), "used up");
    let code = fleet.run(&["code", "create", "--uses", "3"]);
    let d = fleet.enrol("d");
    assert_eq!(d.post_packed(&fleet, METRICS_PATH, &told("d")).status, 200);
    // A node that speaks is nobody else's to take, unless the code says so.
    assert!(matches!(fleet.ask(&code, "d", "thief").status, 401 | 403 | 409));
    assert_eq!(d.post_packed(&fleet, METRICS_PATH, &told("d")).status, 200);
    let mut guesses = (0..50).map(|guess| fleet.ask(&format!("prj_{guess:043}"), "e", "e").status);
    assert!(guesses.all(|status| matches!(status, 401 | 403 | 429)));
}

#[test]
fn what_asks_for_a_credential_is_checked() {
    let fleet = Fleet::start("");
    let right = json!({ "code": "", "node": "n", "hostname": "h", "agent_version": "1" });
    let cases = [
        ("node", json!("")),
        ("node", json!("x".repeat(10_000))),
        ("node", json!("a\r\nSet-Cookie: x=y")),
        ("node", json!("a\u{0}b")),
        ("node", json!("../../etc")),
        ("node", json!(7)),
        ("hostname", json!("h\u{1b}[2J\u{7}")),
        ("hostname", json!("x".repeat(100_000))),
        ("name", json!("\u{202e}evil\n")),
        ("agent_version", json!("<script>alert(1)</script>\u{9b}")),
        ("hostname", json!(null)),
    ];
    for (field, value) in cases {
        let mut body = right.clone();
        body["code"] = fleet.run(&["code", "create"]).into();
        body[field] = value.clone();
        let body = serde_json::to_vec(&body).unwrap();
        let answer = send(fleet.address, "POST", ENROL_PATH, &[("Content-Type", "application/json")], &body);
        assert!((200..500).contains(&answer.status), "{field}: {}", answer.status);
        if answer.status == 200 {
            let granted: Granted = serde_json::from_slice(&answer.body).unwrap();
            assert!(!granted.name.chars().any(char::is_control), "{:?}", granted.name);
            Node { id: granted.node.clone(), token: granted.token }.post(&fleet, LEAVE_PATH, b"");
        }
    }
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"{\"code\":",
        "[".repeat(16_000).as_bytes(),
        "{\"a\":".repeat(3_000).as_bytes(),
    ] {
        let answer = send(fleet.address, "POST", ENROL_PATH, &[("Content-Type", "application/json")], body);
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    let large = format!("{{\"code\":\"{}\"}}", "x".repeat(1_000_000));
    let answer = crate::wire::exchange(
        fleet.address,
        &request("POST", ENROL_PATH, &[("Content-Type", "application/json")], large.as_bytes()),
    )
    .0;
    assert!(answer.is_none_or(|answer| answer.status == 413));
    // What an administrator reads in a terminal moves no cursor.
    for listing in [fleet.run(&["audit"]), fleet.run(&["node", "list"]), fleet.run(&["code", "list"])] {
        assert!(!listing.chars().any(|one| one.is_control() && one != '\n'), "{listing:?}");
    }
    assert!(!fleet.log().contains('\u{1b}') || !fleet.log().contains("[2J\u{7}"));
    assert_eq!(fleet.get("/healthz").status, 200);
}

#[test]
fn a_node_that_is_too_fast_is_told_to_wait() {
    let fleet = Fleet::start("limits.requests_per_minute = 60\nlimits.burst = 10\n");
    let (fast, slow) = (fleet.enrol("a"), fleet.enrol("b"));
    let answers: Vec<_> = (0..40).map(|_| fast.post_packed(&fleet, METRICS_PATH, &told("a"))).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(answers.iter().filter(|answer| answer.status == 200).count() >= 10);
    assert_eq!(slow.post_packed(&fleet, METRICS_PATH, &told("b")).status, 200);
}

#[test]
fn the_audit_says_who_came_and_went() {
    let fleet = Fleet::start("");
    let a = fleet.enrol("a");
    a.post(&fleet, ROTATE_PATH, b"");
    fleet.run(&["node", "revoke", "a"]);
    let audit = fleet.run(&["audit", "--json"]);
    for action in ["viewer.add", "code.create", "node.revoke"] {
        assert!(audit.contains(action), "no {action}: {audit}");
    }
    assert!(audit.contains("127.0.0.1"), "{audit}");
    assert!(!audit.contains(&a.token) && !audit.contains(fleet.viewer()), "a secret is in the audit");
}
