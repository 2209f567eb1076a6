use jiff::{SignedDuration, Timestamp};
use portreeve_fleet::index::NodeKey;
use portreeve_fleet::series::{self, Figure};
use portreeve_telemetry::encode::{self, Attributes, Point, PointValue};
use portreeve_telemetry::histogram::Histogram;
use portreeve_telemetry::metric;
use portreeve_telemetry::otlp::{ExportMetricsServiceResponse, Message};

use crate::program::{Fleet, origin};

/// What a node tells each minute for so many minutes, ending long enough ago to have been added up.
fn told(minutes: i64, end: Timestamp) -> Vec<Vec<u8>> {
    let attributes = Attributes::from([("gateway".to_owned(), "alice/default:18789".to_owned())]);
    let closes: Attributes =
        [("gateway", "a"), ("code", "1008"), ("reason", "x")].map(|(key, value)| (key.into(), value.into())).into();
    let start = end - SignedDuration::from_mins(minutes);
    let mut histogram = Histogram::default();
    let mut requests = Vec::new();
    for minute in 1..=minutes {
        let at = start + SignedDuration::from_mins(minute);
        histogram.record(0.1, 9);
        histogram.record(4.0, 1);
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let points = [
            (&metric::GATEWAY_UP, &attributes, PointValue::Number((minute % 2) as f64)),
            (&metric::CLOSES, &closes, PointValue::Number(3.0 * minute as f64)),
            (&metric::CONNECT_DURATION, &attributes, PointValue::Histogram(&histogram)),
        ];
        let points = points.map(|(metric, attributes, value)| Point { metric, attributes, start, value });
        requests.push(encode::metrics(&origin("n1"), at, points).encode_to_vec());
    }
    requests
}

#[tokio::test]
async fn minutes_become_ten_minutes_and_two_hours_each_counted_once() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    let end = Timestamp::now() - SignedDuration::from_mins(20);
    for request in told(45, end) {
        for _ in 0..2 {
            let response = fleet.metrics(&token, request.clone()).await;
            assert_eq!(response.status(), 200);
            let answer = ExportMetricsServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
            assert_eq!(answer.partial_success, None);
        }
    }
    let until = std::time::Instant::now() + crate::program::DEADLINE;
    while fleet.count("SELECT count(*) FROM series_due") > 0 {
        assert!(std::time::Instant::now() < until, "it is not added up");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let database = fleet.database();
    let names = [metric::GATEWAY_UP.name, metric::CLOSES.name, metric::CONNECT_DURATION.name];
    let from = end - SignedDuration::from_hours(3);
    for seconds in [series::MINUTE, series::TEN_MINUTES, series::TWO_HOURS] {
        let read = series::of_node(&database, NodeKey(1), &names, seconds, from, Timestamp::now()).unwrap();
        let [connects, closes, up] = read.as_slice() else { panic!("{read:?}") };
        let sum: f64 = closes
            .buckets
            .iter()
            .map(|bucket| if let Figure::Growth(growth) = bucket.figure { growth } else { panic!("{bucket:?}") })
            .sum();
        assert!((sum - 135.0).abs() < 1e-6, "{seconds}: {sum}");
        let mut all = Histogram::default();
        for bucket in &connects.buckets {
            let Figure::Distribution(one) = &bucket.figure else { panic!("{bucket:?}") };
            all.merge(one);
        }
        assert_eq!(all.count(), 450);
        assert!((3.5..4.5).contains(&all.quantile(0.95).unwrap()) && all.quantile(0.5).unwrap() < 0.2);
        // The first and the last may hold but one minute.
        let is_up_half_of_it = |figure: &Figure| matches!(figure, Figure::Gauge { min, max, mean, .. } if *min < 0.1 && *max > 0.9 && (0.3..0.7).contains(mean));
        assert!(seconds == series::MINUTE || up.buckets.iter().any(|one| is_up_half_of_it(&one.figure)), "{up:?}");
    }
    let all = series::fleet(&database, &names, series::TWO_HOURS, from, Timestamp::now()).unwrap();
    let closes = all.iter().find(|series| series.name == metric::CLOSES.name).unwrap();
    assert!(!closes.attributes.contains_key("gateway"));
    let sum: f64 = closes.buckets.iter().map(|one| if let Figure::Growth(sum) = one.figure { sum } else { 0.0 }).sum();
    assert!((sum - 135.0).abs() < 1e-6, "{sum}");
}

#[tokio::test]
async fn what_was_spooled_for_days_goes_where_it_belongs() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    for request in told(30, Timestamp::now() - SignedDuration::from_hours(30)) {
        for _ in 0..2 {
            assert_eq!(fleet.metrics(&token, request.clone()).await.status(), 200);
        }
    }
    assert_eq!(fleet.count("SELECT count(*) FROM series WHERE seconds = 60"), 0);
    let from = Timestamp::now() - SignedDuration::from_hours(40);
    let read = series::of_node(
        &fleet.database(),
        NodeKey(1),
        &[metric::CLOSES.name],
        series::TEN_MINUTES,
        from,
        Timestamp::now(),
    );
    let sum: f64 = read.unwrap()[0]
        .buckets
        .iter()
        .map(|one| if let Figure::Growth(growth) = one.figure { growth } else { 0.0 })
        .sum();
    assert!((sum - 90.0).abs() < 1e-6, "{sum}");
    // What is far in the future, or older than anything that is kept, is told.
    let wrong = [SignedDuration::from_hours(2), SignedDuration::from_hours(-24 * 400)];
    for request in wrong.into_iter().flat_map(|by| told(1, Timestamp::now() + by)) {
        let response = fleet.metrics(&token, request).await;
        let answer = ExportMetricsServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer.partial_success.unwrap().rejected_data_points, 3);
    }
}
