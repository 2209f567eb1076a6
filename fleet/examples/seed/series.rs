//! What simulated nodes measured: lock waits of a day, and closes and restarts of twelve weeks.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portreeve_fleet::Config;
use portreeve_fleet::index::Presence;
use portreeve_fleet::series::{self, Point, Sample};
use portreeve_fleet::store::Writer;
use portreeve_fleet::store::beat::{self, News};
use portreeve_telemetry::metric;
use serde_json::{Value, json};

use super::node::mixed;

/// Locks, with how long 95 of 100 newcomers wait for them, in milliseconds.
const LOCKS: [(&str, &str, usize); 3] =
    [("wal-writer", "database", 4), ("sqlite-lock-file", "gateway-lifecycle", 30), ("exclusive-file", "session", 120)];
/// Close codes, with most of a week and node.
const CLOSES: [(&str, usize); 6] = [("1006", 60), ("1008", 14), ("1000", 30), ("1012", 9), ("1001", 7), ("1011", 2)];
const WEEKS: i64 = 12;

/// Puts what nodes measured into the database of a folder, by the server's own hand.
pub(crate) async fn tell(folder: &Path, now: Timestamp) -> Result<(), Box<dyn Error>> {
    let config = Config { data: folder.to_owned(), ..Config::default() };
    let (writer, store, shared) = Writer::start(Arc::new(config))?;
    for node in shared.index.all().into_iter().filter(|node| node.presence == Presence::Present) {
        let points = points(usize::try_from(node.key.0)?, now);
        store
            .write(move |tx| {
                let mut node = Arc::unwrap_or_clone(node);
                series::write(tx, &mut node, points)?;
                beat::put(tx, node, News::default())
            })
            .await?;
    }
    drop(store);
    tokio::task::spawn_blocking(|| writer.join()).await?;
    Ok(())
}

fn points(number: usize, now: Timestamp) -> Vec<Point> {
    let mut points = Vec::new();
    let mut add = |metric: &metric::Metric, attributes: Value, ago: SignedDuration, sample| {
        points.push(Point {
            name: metric.name.to_owned(),
            attributes: attributes.to_string(),
            unit: metric.unit.to_owned(),
            at: (now - ago).as_millisecond(),
            sample,
        });
    };
    // One of so many nodes has a lock that all wait for.
    let is_slow = mixed(number, 60).is_multiple_of(40);
    for half_hour in 0..48 {
        for (place, (kind, purpose, usual)) in LOCKS.into_iter().enumerate() {
            let spread = mixed(number * 64 + half_hour, 61 + place as u64) % 100;
            let slow = if is_slow && purpose == "session" { 40 } else { 1 };
            let wait = seconds(usual * slow * (50 + spread) / 100);
            let ago = SignedDuration::from_mins(30 * i64::try_from(half_hour).unwrap_or(0));
            add(&metric::LOCK_WAIT_P95, json!({ "kind": kind, "purpose": purpose }), ago, Sample::Gauge(wait));
        }
    }
    for week in 0..WEEKS {
        let ago = SignedDuration::from_hours(24 * 7 * week + 7);
        for (place, (code, most)) in CLOSES.into_iter().enumerate() {
            let count = mixed(number * 16 + place, 70 + week.unsigned_abs()) % most;
            let attributes = json!({ "code": code, "gateway": "op/default:18789", "reason": "other" });
            add(&metric::CLOSES, attributes, ago, Sample::Delta(whole(count), None));
        }
        let restarts = whole(mixed(number, 80 + week.unsigned_abs()) % 3);
        add(&metric::GATEWAY_RESTARTS, json!({ "gateway": "op/default:18789" }), ago, Sample::Delta(restarts, None));
    }
    points
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn seconds(millis: usize) -> f64 {
    whole(millis) / 1_000.0
}
