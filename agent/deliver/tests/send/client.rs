use std::time::{Duration, Instant};

use portreeve_deliver::send::{Client, Options, Outcome};
use portreeve_deliver::spool::Signal;
use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint};

use crate::given::{LIMIT, block_on, event, measurement, options, send, token_file};

#[test]
fn requests_are_packed_signed_and_on_one_connection() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    let options = Options { token_file: Some(token_file(data.path(), "tok-1\n")), ..options(&endpoint.url()) };
    block_on(async {
        let client = Client::new(&options, data.path()).unwrap().unwrap();
        let body: Vec<u8> = (0..50).flat_map(|number| event(number).bytes).collect();
        assert_eq!(client.send(Signal::Logs, &body).await, Outcome::Accepted);
        assert_eq!(client.send(Signal::Metrics, &measurement(7).bytes).await, Outcome::Accepted);
        token_file(data.path(), "tok-2\n");
        assert_eq!(client.send(Signal::Logs, &event(50).bytes).await, Outcome::Accepted);
    });
    let requests = endpoint.requests();
    let of = |name| requests.iter().map(|request| request.head.header(name).unwrap()).collect::<Vec<_>>();
    assert_eq!(of("authorization"), ["Bearer tok-1", "Bearer tok-1", "Bearer tok-2"]);
    assert_eq!(of("content-encoding"), ["gzip"; 3]);
    assert_eq!(of("content-type"), ["application/x-protobuf"; 3]);
    assert!(of("user-agent")[0].starts_with("portreeve/"));
    assert!(requests[0].wire_bytes * 5 < requests[0].bytes, "{} of {}", requests[0].wire_bytes, requests[0].bytes);
    assert_eq!((endpoint.connections(), endpoint.event_ids().len()), (1, 51));
    assert!((endpoint.points()[0].value - 7.0).abs() < f64::EPSILON);
}

#[test]
fn each_way_to_fail_has_its_outcome_and_none_takes_long() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    let options = Options { timeout: Duration::from_millis(500), ..options(&endpoint.url()) };
    let begun = Instant::now();
    let ask = |behaviour: Behaviour| {
        endpoint.always(behaviour);
        send(&options, data.path())
    };
    let failed = |behaviour: Behaviour| {
        let name = format!("{behaviour:?}");
        let outcome = ask(behaviour);
        assert!(matches!(outcome, Outcome::Failed { .. }), "{name}: {outcome:?}");
    };
    failed(Behaviour::Hang);
    failed(Behaviour::Reset { after: 10 });
    failed(Behaviour::AcceptThenClose);
    failed(Behaviour::AcceptThenCut);
    failed(Behaviour::Slow(Duration::from_millis(50)));
    failed(Behaviour::Endless);
    failed(Behaviour::Gibberish);
    endpoint.always(Behaviour::Slow(Duration::from_millis(1)));
    let patient = Options { timeout: Duration::from_secs(10), ..options.clone() };
    assert_eq!(send(&patient, data.path()), Outcome::Accepted);
    assert!(matches!(ask(Behaviour::status(400)), Outcome::Refused { .. }));
    assert!(matches!(ask(Behaviour::status(401)), Outcome::Unwelcome { .. }));
    assert_eq!(ask(Behaviour::Limit { bytes: 10 }), Outcome::TooLarge);
    assert!(matches!(ask(Behaviour::Partial { rejected: 1 }), Outcome::Partly { rejected: 1, .. }));
    let Outcome::Busy { retry_after, .. } = ask(Behaviour::retry_after(429, "7")) else { panic!("429") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    endpoint.go_away();
    failed(Behaviour::Accept);
    assert!(begun.elapsed() < LIMIT);
}

#[test]
fn a_redirect_is_not_followed() {
    let (endpoint, other, data) = (Endpoint::start(), Endpoint::start(), tempfile::tempdir().unwrap());
    let headers = vec![("Location".to_owned(), format!("{}/v1/logs", other.url()))];
    endpoint.always(Behaviour::Status { status: 307, headers, body: Vec::new() });
    let outcome = send(&options(&endpoint.url()), data.path());
    assert!(matches!(outcome, Outcome::Unwelcome { .. }), "{outcome:?}");
    assert_eq!(other.connections(), 0);
}
