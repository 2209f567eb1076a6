use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::delivery::Delivery;
use portreeve_deliver::send::{DELIVERY_FILE, Deliverer, Options, Policy, enrolment, flush};
use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint, Item, Request};
use portreeve_tests::wait_until;
use uuid::Uuid;

use crate::given::{LIMIT, event, measurement, options, policy, spool, token_file};

fn start(options: Options, data_dir: &Path) -> Deliverer {
    Deliverer::start(spool(data_dir), options, data_dir.to_owned(), policy()).unwrap()
}

fn until_empty(deliverer: &Deliverer) -> Delivery {
    wait_until("nothing waits", LIMIT, || Some(deliverer.state()).filter(|state| state.records == 0))
}

#[test]
fn everything_arrives_whatever_the_endpoint_does_and_only_poison_is_set_aside() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    let poison: BTreeSet<String> = [13, 77].into_iter().map(|number| Uuid::from_u128(number).to_string()).collect();
    let poisonous = poison.clone();
    let is_poison = move |item: &Item| matches!(item, Item::Event(event) if poison.contains(&event.id));
    let mut trouble = vec![
        Behaviour::status(503),
        Behaviour::Reset { after: 100 },
        Behaviour::AcceptThenClose,
        Behaviour::retry_after(429, "0"),
        Behaviour::status(500),
        Behaviour::AcceptThenCut,
        Behaviour::Gibberish,
        Behaviour::status(502),
    ]
    .into_iter();
    let mut count = 0;
    endpoint.behave(move |_| {
        count += 1;
        let next = if count % 3 == 0 { trouble.next() } else { None };
        next.unwrap_or_else(|| Behaviour::poison(is_poison.clone()))
    });
    let deliverer = start(options(&endpoint.url()), data.path());
    for number in 0..120 {
        deliverer.append(&[event(number)], Timestamp::now()).unwrap();
        if number % 10 == 0 {
            deliverer.append(&[measurement(number)], Timestamp::now()).unwrap();
        }
    }
    let state = until_empty(&deliverer);
    let expected: BTreeSet<String> = (0..120)
        .filter(|number| ![13, 77].contains(number))
        .map(|number| Uuid::from_u128(number).to_string())
        .collect();
    // An endpoint that takes a request and does not say so may have taken poison with it.
    let taken: BTreeSet<String> = endpoint.event_ids().into_iter().filter(|id| !poisonous.contains(id)).collect();
    assert_eq!(taken, expected);
    assert!(endpoint.points().len() >= 12);
    assert_eq!((state.refused_total, state.dropped_total), (2, 0));
    assert!(state.last_success.is_some());
    deliverer.stop(Duration::from_secs(1));
}

#[test]
fn what_waits_while_the_endpoint_is_away_arrives_once_it_is_back() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    endpoint.go_away();
    let deliverer = start(options(&endpoint.url()), data.path());
    deliverer.append(&[event(1), measurement(1)], Timestamp::now()).unwrap();
    let state = wait_until("a failure", LIMIT, || Some(deliverer.state()).filter(|state| state.is_failing));
    assert_eq!((state.records, state.endpoint.as_str()), (2, endpoint.url().as_str()));
    let error = state.last_error.unwrap();
    assert!(error.why.contains("refused"), "{}", error.why);
    let kept: Delivery = wait_until("a note", LIMIT, || {
        let kept: Delivery = serde_json::from_slice(&fs::read(data.path().join(DELIVERY_FILE)).ok()?).unwrap();
        Some(kept).filter(|kept| kept.is_failing)
    });
    assert_eq!(kept.records, 2);
    deliverer.stop(Duration::ZERO);
    let deliverer = start(options(&endpoint.url()), data.path());
    endpoint.come_back();
    assert!(!until_empty(&deliverer).is_failing);
    assert_eq!((endpoint.events().len(), endpoint.points().len()), (1, 1));
}

#[test]
fn a_refused_credential_keeps_everything_and_a_new_one_delivers_it() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    endpoint.behave(|head| match head.header("authorization") {
        Some("Bearer good") => Behaviour::Accept,
        _ => Behaviour::status(401),
    });
    let options = Options { token_file: Some(token_file(data.path(), "bad")), ..options(&endpoint.url()) };
    let policy = Policy { first_slow_pause: Duration::from_mins(1), ..policy() };
    let deliverer = Deliverer::start(spool(data.path()), options, data.path().to_owned(), policy).unwrap();
    deliverer.append(&[event(1)], Timestamp::now()).unwrap();
    endpoint.wait_until("a refusal", LIMIT, |requests| requests.len() == 1);
    token_file(data.path(), "good");
    assert_eq!(until_empty(&deliverer).refused_total, 0);
    assert_eq!(endpoint.events().len(), 1);
}

#[test]
fn metrics_that_nobody_takes_do_not_keep_events_back() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    endpoint.behave(|head| if head.path == "/v1/metrics" { Behaviour::status(404) } else { Behaviour::Accept });
    let options = Options { token_file: Some(token_file(data.path(), "token")), ..options(&endpoint.url()) };
    let policy = Policy { first_slow_pause: Duration::from_mins(1), ..policy() };
    let deliverer = Deliverer::start(spool(data.path()), options, data.path().to_owned(), policy).unwrap();
    for number in 0..5 {
        deliverer.append(&[measurement(number), event(number)], Timestamp::now()).unwrap();
        let arrived = usize::try_from(number).unwrap() + 1;
        wait_until("it arrived", LIMIT, || (endpoint.event_ids().len() == arrived).then_some(()));
    }
    let state = wait_until("events are gone", LIMIT, || Some(deliverer.state()).filter(|state| state.records == 5));
    assert!(state.is_failing);
    let asked = endpoint.requests().into_iter().filter(|request| request.head.path == "/v1/metrics").count();
    assert_eq!(asked, 1, "a credential that is no other is no reason to ask again");
}

#[test]
fn what_is_rejected_out_of_a_request_is_counted_and_not_sent_again() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    endpoint.always(Behaviour::Partial { rejected: 1 });
    let deliverer = start(options(&endpoint.url()), data.path());
    deliverer.append(&[event(1), event(2), event(3)], Timestamp::now()).unwrap();
    let state = until_empty(&deliverer);
    assert_eq!((state.rejected, state.is_failing, endpoint.requests().len()), (1, false, 1));
    assert!(state.last_error.unwrap().why.contains("too old"));
}

#[test]
fn the_end_is_in_time_whatever_the_endpoint_does() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    let lingering = Policy { linger: Duration::from_mins(1), ..policy() };
    let start = || Deliverer::start(spool(data.path()), options(&endpoint.url()), data.path().to_owned(), lingering);
    let deliverer = start().unwrap();
    deliverer.append(&[event(1)], Timestamp::now()).unwrap();
    deliverer.stop(Duration::from_secs(5));
    assert_eq!(endpoint.events().len(), 1, "the last try");
    endpoint.always(Behaviour::Hang);
    let deliverer = start().unwrap();
    deliverer.append(&[event(2)], Timestamp::now()).unwrap();
    let begun = Instant::now();
    deliverer.stop(Duration::from_millis(300));
    assert!(begun.elapsed() < Duration::from_millis(1_800), "{:?}", begun.elapsed());
    endpoint.go_away();
    endpoint.come_back();
    endpoint.always(Behaviour::Accept);
    let (spool, state) = wait_until("the spool is free", LIMIT, || {
        let folder = portreeve_store::Folder::create(&data.path().join("spool")).ok()?;
        let spool = portreeve_deliver::spool::Spool::open(
            folder,
            portreeve_deliver::spool::Limits::default(),
            Timestamp::now(),
        )
        .ok()?;
        Some(flush(spool, options(&endpoint.url()), data.path().to_owned(), LIMIT).unwrap())
    });
    assert_eq!((spool.state().records, state.records, endpoint.event_ids().len()), (0, 0, 2));
}

#[test]
fn what_was_left_is_told_nothing_more() {
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    endpoint.always(Behaviour::status(401));
    let granted = enrolment::Enrolment {
        endpoint: endpoint.url(),
        node: "n".to_owned(),
        name: "n".to_owned(),
        token: "granted-credential".into(),
        at: Timestamp::now(),
    };
    enrolment::write(data.path(), &granted).unwrap();
    let deliverer = start(Options { timeout: Duration::from_secs(2), ..Options::default() }, data.path());
    deliverer.append(&[event(1)], Timestamp::now()).unwrap();
    endpoint.wait_until("a refusal", LIMIT, |requests| !requests.is_empty());
    enrolment::remove(data.path()).unwrap();
    wait_until("nowhere", LIMIT, || deliverer.state().endpoint.is_empty().then_some(()));
    assert_eq!(deliverer.state().records, 1);
    let signed = |request: &Request| request.head.header("authorization").is_some();
    assert!(endpoint.requests().iter().all(signed));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_credential_is_in_no_log_no_error_and_no_file() {
    const CANARY: &str = "canary-5d1f0c7e-token";
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_max_level(tracing::Level::TRACE);
    drop(tracing::subscriber::set_global_default(subscriber.finish()));
    let (endpoint, data) = (Endpoint::start(), tempfile::tempdir().unwrap());
    let body = format!("no such token: {CANARY}").into_bytes();
    let headers = vec![
        ("Content-Type".to_owned(), "text/plain".to_owned()),
        ("Location".to_owned(), format!("http://127.0.0.1/{CANARY}")),
    ];
    let says = |status| Behaviour::Status { status, headers: headers.clone(), body: body.clone() };
    endpoint.script([says(403), says(500), says(307), says(400), Behaviour::Gibberish]);
    let options = Options { token_file: Some(token_file(data.path(), CANARY)), ..options(&endpoint.url()) };
    let deliverer = start(options, data.path());
    deliverer.append(&[event(1), event(2)], Timestamp::now()).unwrap();
    let mut told = String::new();
    wait_until("nothing waits", LIMIT, || {
        let state = deliverer.state();
        told.push_str(&format!("{state:?}"));
        (state.records == 0).then_some(())
    });
    told.push_str(&format!("{deliverer:?}"));
    deliverer.stop(Duration::from_secs(1));
    told.push_str(&fs::read_to_string(data.path().join(DELIVERY_FILE)).unwrap());
    told.push_str(&String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(told.contains("cannot deliver"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}
