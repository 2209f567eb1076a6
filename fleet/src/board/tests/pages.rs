//! Pages as browsers get them, without their frame.

use axum::response::Response;
use http_body_util::BodyExt as _;
use insta::assert_snapshot;
use portreeve_telemetry::event::Name;
use serde_json::json;

use super::super::measures::{Closes, Measures, Spread};
use super::super::node::{self as node_page, History};
use super::super::page::Flash;
use super::super::views::{self, Fleet};
use super::super::{audit, causes, nodes};
use super::{HOUR, ago, decisions, look, look_at, node, now, operator, with};
use crate::auth::{Role, Viewer};
use crate::board::decisions::Decisions;
use crate::index::{GatewayState, NodeKey};
use crate::store::board::{AuditRow, EventRow};

async fn text(response: Response) -> String {
    assert_eq!(response.status(), 200);
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// What stands between the page's frame, but for what pictures are made of.
async fn main(response: Response) -> String {
    let text = text(response).await;
    let (_, rest) = text.split_once("<main id=\"main\" class=\"wrap\" tabindex=\"-1\">").unwrap();
    let mut main = rest.split_once("</main>").unwrap().0.trim().to_owned();
    let mut from = 0;
    while let Some(start) = main[from..].find("<svg class=\"chart\"").map(|at| from + at) {
        let begins = start + main[start..].find("</desc>").unwrap();
        let ends = start + main[start..].find("</svg>").unwrap();
        main.replace_range(begins + "</desc>".len()..ends, "…");
        from = begins;
    }
    main
}

async fn view(view: impl FnOnce(&Fleet<'_>) -> Response) -> String {
    let (look, viewer) = (look(), operator());
    main(view(&Fleet { viewer: &viewer, items: &look.items, now: now() })).await
}

#[tokio::test]
async fn the_frame() {
    let whole = text(nodes::draw(&operator(), &look_at(vec![], Decisions::default()), None, now())).await;
    let plain = whole.replace(env!("CARGO_PKG_VERSION"), "[version]");
    let plain = plain.split("/assets/").enumerate().map(|(at, part)| {
        if at == 0 { part.to_owned() } else { format!("/assets/[hash]{}", &part[part.find('.').unwrap()..]) }
    });
    assert_snapshot!("frame", plain.collect::<String>());
}

#[tokio::test]
async fn the_list() {
    assert_snapshot!("list", main(nodes::draw(&operator(), &look(), None, now())).await);
    let narrowed = Some("q=mini-1&sort=since&order=desc&openclaw=2026.3");
    assert_snapshot!("list-narrowed", main(nodes::draw(&operator(), &look(), narrowed, now())).await);
}

#[tokio::test]
async fn causes_and_waivers() {
    assert_snapshot!("causes", main(causes::draw(&operator(), &look(), now())).await);
}

#[tokio::test]
async fn views_of_the_fleet() {
    assert_snapshot!("locks", view(views::locks::view).await);
    assert_snapshot!("quarantine", view(|fleet| views::quarantine::view(fleet, None)).await);
    assert_snapshot!("ghosts", view(views::ghosts::view).await);
    assert_snapshot!("absent", view(|fleet| views::absent::view(fleet, None)).await);
    assert_snapshot!("images", view(|fleet| views::images::view(fleet, None)).await);
    assert_snapshot!("upgrade", view(views::upgrade::view).await);
    assert_snapshot!("versions", view(views::versions::view).await);
}

#[tokio::test]
async fn what_is_not_known_is_not_said_to_be_good() {
    let unknown = |key| {
        with(node(key, "a"), |brief| {
            brief.gateways = GatewayState::Unknown;
            brief.images.iter_mut().for_each(|image| image.digest = None);
        })
    };
    let (look, viewer) = (look_at(vec![unknown(1), unknown(2)], Decisions::default()), operator());
    let fleet = Fleet { viewer: &viewer, items: &look.items, now: now() };
    let absent = main(views::absent::view(&fleet, None)).await;
    assert!(absent.contains("No gateway is said to be down.") && !absent.contains("gateway answers"), "{absent}");
    let images = main(views::images::view(&fleet, None)).await;
    assert!(images.contains("No drift is known.") && !images.contains("No drift."), "{images}");
}

#[tokio::test]
async fn close_codes() {
    let close = |days: i64, code: &str, count| Closes { at: ago(days * 24 * HOUR), code: code.to_owned(), count };
    let closes = [close(1, "1006", 40), close(2, "1008", 3), close(9, "1006", 12), close(9, "none", 1)];
    assert_snapshot!("closes", main(views::closes::view(&operator(), &closes, now())).await);
    assert_snapshot!("closes-none", main(views::closes::view(&operator(), &[], now())).await);
}

#[tokio::test]
async fn who_did_what() {
    let entry = |seq, action: &str, detail: &str| AuditRow {
        seq,
        at: ago(600 - seq),
        actor: "viewer alice".to_owned(),
        action: action.to_owned(),
        subject: "node mini-2 (id-2)".to_owned(),
        detail: detail.to_owned(),
        address: "192.0.2.7".to_owned(),
    };
    let entries = vec![
        entry(2, "finding.waive", "token.shadowed until 2026-03-11T12:00:00Z: <i>a new one</i>"),
        entry(1, "login", ""),
    ];
    assert_snapshot!("audit", main(audit::draw(&operator(), "alice".to_owned(), entries, true, now())).await);
    assert_snapshot!("audit-none", main(audit::draw(&operator(), String::new(), vec![], true, now())).await);
}

fn history() -> History {
    let report = json!({
        "layers": { "auth": { "state": "fail", "detail": "the secret is refused" }, "transport": { "state": "pass", "detail": "port 18789" } },
        "findings": [{
            "code": "token.shadowed", "severity": "error", "layer": "auth", "subject": { "kind": "gateway", "id": "18789" },
            "summary": "What is seen of token.shadowed",
            "evidence": [{ "fact": "a variable <b>", "source": "launchctl print", "observed_at": ago(30) }],
            "explains": ["transport.flaky"], "remedy": [{ "text": "Take it out", "command": "openclaw config set …" }]
        }],
        "gateways": [{
            "id": "op/default:18789", "port": 18789, "version": "2026.3.2", "user": "op",
            "token_sources": [{ "kind": "env", "location": "ai.openclaw.gateway", "fingerprint": "5f1c2a90be77", "outcome": { "outcome": "wins" } }],
            "rungs": [{ "rung": "live", "state": "pass", "elapsed_ms": 3.2, "detail": "" }, { "rung": "authenticated", "state": "fail", "detail": "refused" }]
        }],
        "clients": [{
            "id": "op/cli", "kind": "cli", "gateway": "op/default:18789", "url": { "scheme": "ws", "host": "127.0.0.1", "port": 18789, "path": "/" },
            "token_sources": [{ "kind": "config", "location": "openclaw.json", "fingerprint": "9b0e44d1a2c3", "outcome": { "outcome": "loses" } }]
        }],
        "containers": [{ "id": "container:gateway", "name": "gateway", "role": "gateway", "state": "running", "image": "ghcr.io/openclaw/gateway:stable", "restarts": 2 }],
        "state_dirs": [{ "path": "/Users/op/.openclaw", "file_system": "apfs", "free_bytes": 91_000_000_000_u64, "wal_bytes": 4_194_304 }],
        "blind": [{ "what": "container engine", "why": "no answer within 3 s", "remedy": "start it", "readiness": true }]
    });
    let change = |hours, from, to| EventRow {
        at: ago(hours * HOUR),
        name: Name::VerdictChanged.as_str().to_owned(),
        body: json!({ "from": from, "to": to }),
    };
    let points =
        |value: f64| (0..4_u8).map(|turn| (ago(HOUR * (4 - i64::from(turn))), value * f64::from(turn + 1))).collect();
    let measures = Measures {
        hours: 24.0,
        lock_p95: vec![("database (wal-writer)".to_owned(), points(0.4))],
        latency: vec![("challenge, median".to_owned(), points(0.01))],
        restarts: Some(2.0),
        pairing: Some(Spread { count: 3, median: 12.0, p95: 40.0 }),
        pairing_attempts: Some(6.0),
        mismatches: Some(0.0),
    };
    History::of(report, vec![change(1, "ready", "blocked"), change(30, "unknown", "ready")], measures, now())
}

#[tokio::test]
async fn one_node() {
    let look = look();
    let item = look.item(NodeKey(2)).unwrap();
    let page = |viewer: &Viewer, flash| node_page::draw(viewer, item, &decisions(), &history(), (flash, now()));
    assert_snapshot!("node", main(page(&operator(), Some(Flash::Acknowledged))).await);
    let viewer = Viewer { role: Role::Viewer, ..operator() };
    let seen = main(page(&viewer, None)).await;
    assert!(!seen.contains("<form"), "who may only look gets no forms");
    let new = look.item(NodeKey(7)).unwrap();
    let none = History::of(json!(null), vec![], Measures::default(), now());
    assert_snapshot!("node-new", main(node_page::draw(&viewer, new, &decisions(), &none, (None, now()))).await);
}
