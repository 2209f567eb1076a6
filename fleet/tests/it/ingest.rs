use std::io::Write;

use jiff::{SignedDuration, Timestamp};
use portreeve_telemetry::event::Name;
use portreeve_telemetry::otlp::{
    ExportLogsServiceResponse, ExportMetricsServiceResponse, METRICS_PATH, Message, PROTOBUF,
};
use serde_json::json;
use uuid::Uuid;

use crate::program::{Fleet, beat, event, report};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_report_arrives_and_outlives_a_crash() {
    let mut fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    let at = Timestamp::now();
    let first = report("n1", at, "blocked", &["token.shadowed"]);
    let response = fleet.logs(&token, first.clone()).await;
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, PROTOBUF));
    let answer = ExportLogsServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success, None);
    fleet.crash();
    let node = fleet.node("n1");
    assert_eq!(
        (&node["verdict"], &node["root_causes"], &node["presence"]),
        (&json!("blocked"), &json!(["token.shadowed"]), &json!("present"))
    );
    // The last to arrive counts, whatever its clock says; one that arrives again changes nothing.
    let back = at - SignedDuration::from_hours(2);
    for body in [report("n1", back, "degraded", &[]), first] {
        assert_eq!(fleet.logs(&token, body).await.status(), 200);
        assert_eq!(fleet.node("n1")["verdict"], "degraded");
    }
    assert_eq!(fleet.stop(), Some(0));
}

#[tokio::test]
async fn an_event_that_arrives_twice_counts_once() {
    let fleet = Fleet::start();
    let tokens = [fleet.join("n1").await.token, fleet.join("n2").await.token];
    let id = Uuid::new_v4();
    for node in [0, 0, 1, 0, 1] {
        let body = event(["n1", "n2"][node], id, Timestamp::now(), Name::AgentStarted, &json!({ "version": "1" }));
        // A batch is the concatenation of its records.
        let twice = [body.clone(), body].concat();
        assert_eq!(fleet.logs(&tokens[node], twice).await.status(), 200);
    }
    assert_eq!(fleet.count("SELECT count(*) FROM event"), 2);
}

#[tokio::test]
async fn what_lies_in_the_future_is_of_now() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    let before = Timestamp::now().as_millisecond();
    let at = Timestamp::now() + SignedDuration::from_hours(48);
    assert_eq!(fleet.logs(&token, report("n1", at, "ready", &[])).await.status(), 200);
    let stored = fleet.count("SELECT at FROM event");
    assert!((before..=Timestamp::now().as_millisecond()).contains(&stored));
    assert!(fleet.count("SELECT clock_ahead_s FROM presence") > 47 * 3_600);
    // The next report counts, though it says it is from before.
    assert_eq!(fleet.logs(&token, report("n1", Timestamp::now(), "blocked", &["x"])).await.status(), 200);
    assert_eq!(fleet.node("n1")["verdict"], "blocked");
    assert_eq!(fleet.count("SELECT clock_ahead_s IS NULL FROM presence"), 1, "its clock was set right");
}

#[tokio::test]
async fn a_node_speaks_for_itself_alone() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    fleet.join("n2").await;
    let mixed = [beat("n1"), beat("n2")].concat();
    for body in [beat("n2"), mixed] {
        let response = fleet.metrics(&token, body).await;
        assert_eq!(response.status(), 403);
        assert!(!response.bytes().await.unwrap().is_empty());
    }
    assert_eq!(fleet.logs(&token, report("n2", Timestamp::now(), "ready", &[])).await.status(), 403);
    assert_eq!(fleet.node("n2")["verdict"], "none");
    assert_eq!(fleet.node("n2")["presence"], "new");
    // Once a minute is enough.
    let audit = fleet.say(&["audit"]);
    assert_eq!(audit.matches("ingest.other-node n2").count(), 1, "{audit}");
    for token in ["", "prn_wrong"] {
        let response = fleet.metrics(token, beat("n1")).await;
        assert_eq!((response.status().as_u16(), response.headers().contains_key("www-authenticate")), (401, true));
    }
}

#[tokio::test]
async fn a_credential_reads_nothing() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    for path in ["/metrics?x", "/v1/metrics", "/v1/logs", "/v1/enrol", "/nodes", "/../fleet.db", "/%2e%2e/fleet.db"] {
        let request = fleet.client.get(format!("{}{path}", fleet.url)).bearer_auth(&token);
        let status = request.header("x-forwarded-for", "10.0.0.1").send().await.unwrap().status().as_u16();
        assert!([303, 401, 403, 404, 405].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn forms_and_sizes_are_bounded() {
    let settings = "[limits]\nbody_bytes = 100000\nunpacked_bytes = 1000000\nmessages = 5000";
    let fleet = Fleet::configured(settings);
    let token = fleet.join("n1").await.token;
    let post = |media: &'static str, coding: Option<&'static str>, body: Vec<u8>| {
        let request = fleet.client.post(format!("{}{METRICS_PATH}", fleet.url)).bearer_auth(&token);
        let request = request.header("content-type", media).body(body);
        let request = if let Some(coding) = coding { request.header("content-encoding", coding) } else { request };
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post(PROTOBUF, None, beat("n1")).await, 200);
    assert_eq!(post(PROTOBUF, Some("gzip"), gzip(&beat("n1"))).await, 200);
    assert_eq!(post("application/json", None, b"{}".to_vec()).await, 415);
    assert_eq!(post(PROTOBUF, Some("br"), beat("n1")).await, 415);
    assert_eq!(post(PROTOBUF, Some("gzip"), beat("n1")).await, 400);
    assert_eq!(post(PROTOBUF, None, b"\xff\xff\xff".to_vec()).await, 400);
    assert_eq!(post(PROTOBUF, None, vec![0; 100_001]).await, 413);
    assert_eq!(post(PROTOBUF, Some("gzip"), gzip(&vec![0; 50_000_000])).await, 413);
    // Each pair of bytes would become a message.
    assert_eq!(post(PROTOBUF, None, [0x0a, 0x00].repeat(40_000)).await, 413);
    assert_eq!(post(PROTOBUF, None, beat("n1")).await, 200);
}

#[tokio::test]
async fn who_is_too_fast_waits() {
    let fleet = Fleet::configured("[limits]\nburst = 3\nrequests_per_minute = 6");
    let (fast, other) = (fleet.join("n1").await.token, fleet.join("n2").await.token);
    for _ in 0..3 {
        assert_eq!(fleet.metrics(&fast, beat("n1")).await.status(), 200);
    }
    let response = fleet.metrics(&fast, beat("n1")).await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=11).contains(&wait));
    assert_eq!(fleet.metrics(&other, beat("n2")).await.status(), 200);
}

#[tokio::test]
async fn records_that_cannot_be_stored_are_counted() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    let large = json!({ "text": "x".repeat(100_000) });
    let good = event("n1", Uuid::new_v4(), Timestamp::now(), Name::ImageChanged, &json!({}));
    let bad = event("n1", Uuid::new_v4(), Timestamp::now(), Name::ImageChanged, &large);
    let response = fleet.logs(&token, [good, bad].concat()).await;
    assert_eq!(response.status(), 200);
    let answer = ExportLogsServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!((partial.rejected_log_records, partial.error_message.as_str()), (1, "a body is too large"));
    let response = fleet.metrics(&token, Vec::new()).await;
    let answer = ExportMetricsServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success, None);
}

/// Tells that the node `n1` beats each second.
async fn beat_each_second(fleet: &Fleet, token: &str) {
    use portreeve_telemetry::encode::{self, Attributes, Point, PointValue};
    let attributes = Attributes::new();
    let now = Timestamp::now();
    let interval = Point {
        metric: &portreeve_telemetry::metric::AGENT_INTERVAL,
        attributes: &attributes,
        start: now,
        value: PointValue::Number(1.0),
    };
    let body = encode::metrics(&crate::program::origin("n1"), now, [interval]).encode_to_vec();
    assert_eq!(fleet.metrics(token, body).await.status(), 200);
}

#[tokio::test]
async fn who_is_silent_for_three_beats_is_absent_until_it_reports() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    fleet.join("n2").await;
    beat_each_second(&fleet, &token).await;
    fleet.until("n1", |node| node["presence"] == "absent").await;
    assert_eq!(fleet.node("n2")["presence"], "new");
    assert_eq!(fleet.metrics(&token, beat("n1")).await.status(), 200);
    assert_eq!(fleet.node("n1")["presence"], "present");
    let told = "SELECT group_concat(name) = 'portreeve.fleet.node.absent,portreeve.fleet.node.returned' FROM event";
    assert_eq!(fleet.count(told), 1);
}

#[tokio::test]
async fn who_was_heard_of_while_the_servers_clock_was_ahead_is_absent_as_soon() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    beat_each_second(&fleet, &token).await;
    fleet.database().execute("UPDATE presence SET last_seen = last_seen + 3600000", []).unwrap();
    fleet.until("n1", |node| node["presence"] == "absent").await;
}

#[tokio::test]
async fn what_was_acknowledged_outlives_crashes_and_counts_once() {
    let mut fleet = Fleet::configured("[limits]\nburst = 100000");
    let mut tokens = Vec::new();
    for node in 0..4 {
        tokens.push(fleet.join(&format!("n{node}")).await.token);
    }
    let mut acknowledged = 0;
    // What is not acknowledged is sent again, under the same identity.
    let mut waiting: Vec<(usize, Uuid)> = (0..200).map(|index| (index % 4, Uuid::new_v4())).collect();
    let total = waiting.len();
    for round in 0.. {
        let mut sending = tokio::task::JoinSet::new();
        for (node, id) in waiting.drain(..) {
            let (client, url, token) = (fleet.client.clone(), fleet.url.clone(), tokens[node].clone());
            let body = event(&format!("n{node}"), id, Timestamp::now(), Name::AgentStarted, &json!({}));
            sending.spawn(async move {
                let request = client.post(format!("{url}/v1/logs")).bearer_auth(token);
                let answer = request.header("content-type", PROTOBUF).body(body).send().await;
                (node, id, answer.is_ok_and(|answer| answer.status() == 200))
            });
        }
        let mut done = 0;
        while let Some(sent) = sending.join_next().await {
            let (node, id, is_acknowledged) = sent.unwrap();
            if is_acknowledged {
                acknowledged += 1;
                done += 1;
                let hex = id.simple().to_string();
                assert_eq!(fleet.count(&format!("SELECT count(*) FROM event WHERE hex(uid) = upper('{hex}')")), 1);
            } else {
                waiting.push((node, id));
            }
            if done == 20 && round < 3 {
                done += 1;
                fleet.crash();
            }
        }
        if waiting.is_empty() {
            break;
        }
        assert!(round < 200, "{} are never acknowledged", waiting.len());
    }
    assert_eq!(acknowledged, total);
    assert_eq!(fleet.count("SELECT count(*) FROM event"), i64::try_from(total).unwrap());
}

#[tokio::test]
async fn a_full_database_drops_the_oldest_and_says_so() {
    let fleet = Fleet::configured("[retention]\ndatabase_bytes = 16777216");
    let token = fleet.join("n1").await.token;
    let body = json!({ "text": "x".repeat(60_000) });
    for minute in (0..40).rev() {
        let at = Timestamp::now() - SignedDuration::from_mins(minute);
        let events = (0..10).map(|_| event("n1", Uuid::new_v4(), at, Name::ImageChanged, &body));
        assert_eq!(fleet.logs(&token, events.collect::<Vec<_>>().concat()).await.status(), 200);
    }
    let end = std::time::Instant::now() + crate::program::DEADLINE;
    while fleet.count("SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'dropped.events'") == 0 {
        assert!(std::time::Instant::now() < end, "nothing is dropped");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(fleet.count("SELECT count(*) FROM event") > 100, "no more is dropped than must be");
    assert!(fleet.get("/metrics").await.text().await.unwrap().contains("dropped_rows_total{kind=\"events\"}"));
}

#[tokio::test]
async fn a_database_far_over_its_bound_takes_nothing_more_until_the_oldest_is_dropped() {
    let settings = "retention.database_bytes = 16777216\nlimits.requests_per_minute = 100000\nlimits.burst = 100000";
    let fleet = Fleet::configured(settings);
    let token = fleet.join("n1").await.token;
    let body = json!({ "text": "x".repeat(60_000) });
    let until = async |status: u16| {
        let end = std::time::Instant::now() + crate::program::DEADLINE;
        loop {
            let events = (0..30)
                .map(|_| event("n1", Uuid::new_v4(), Timestamp::now(), Name::ImageChanged, &body))
                .collect::<Vec<_>>();
            if fleet.logs(&token, events.concat()).await.status() == status {
                break;
            }
            assert!(std::time::Instant::now() < end, "it is never {status}");
        }
    };
    until(503).await;
    let bytes = fleet.count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    assert!(bytes < 36 * 1024 * 1024, "{bytes}");
    until(200).await;
}
