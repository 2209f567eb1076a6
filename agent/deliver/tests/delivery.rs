//! What was spooled arrives once, whatever the endpoint does and whenever the process that delivers it is killed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portreeve_deliver::send::{Deliverer, Options, Policy, flush};
use portreeve_deliver::spool::{Limits, Place, Record, Signal, Spool, SpoolError, SpoolState, Survey};
use portreeve_store::Folder;
use portreeve_telemetry::event;
use portreeve_telemetry::otlp::{
    AnyValue, ExportLogsServiceRequest, KeyValue, LogRecord, Message as _, ResourceLogs, ScopeLogs, any_value,
};
use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint, Item};
use uuid::Uuid;

/// Name the data folder, the endpoint, the hour and the bound for a process that a test starts.
const FOLDER: &str = "PORTREEVE_TEST_DATA";
const URL: &str = "PORTREEVE_TEST_URL";
const HOUR: &str = "PORTREEVE_TEST_HOUR";
const BOUND: &str = "PORTREEVE_TEST_BOUND";
/// How often it is killed; set it for more.
const KILLS: &str = "PORTREEVE_KILLS";
/// Name of an event that the endpoint refuses whenever it takes anything.
const POISON: &str = "poison";

/// More than is ever spooled here.
const WIDE: u64 = 64 * 1024 * 1024;
/// Less than is spooled while the endpoint is away.
const NARROW: u64 = 64 * 1024;

/// A second of the default is some milliseconds.
const POLICY: Policy = Policy {
    max_records: 16,
    max_bytes: 16 * 1024,
    linger: Duration::from_millis(2),
    first_pause: Duration::from_millis(3),
    max_pause: Duration::from_millis(30),
    first_slow_pause: Duration::from_millis(10),
    max_slow_pause: Duration::from_millis(40),
    look: Duration::from_millis(20),
    max_retry_after: Duration::from_millis(40),
    size_memory: Duration::from_millis(100),
};

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::from_hours(hour)
}

fn string(text: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) }
}

fn log(id: Uuid, name: &str, at: Timestamp) -> Record {
    let uid = KeyValue { key: event::ID.to_owned(), value: Some(string(&id.to_string())), ..KeyValue::default() };
    let record = LogRecord {
        event_name: name.to_owned(),
        attributes: vec![uid],
        body: Some(string(&"x".repeat(fastrand::usize(10..1500)))),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    Record { id, signal: Signal::Logs, at, bytes: ExportLogsServiceRequest { resource_logs }.encode_to_vec() }
}

fn metric(at: Timestamp) -> Record {
    Record { id: Uuid::new_v4(), signal: Signal::Metrics, at, bytes: Vec::new() }
}

fn options(url: &str) -> Options {
    Options { endpoint: Some(url.to_owned()), ..Options::default() }
}

fn spool(data_dir: &Path, max_bytes: u64, hour: i64) -> Result<Spool, SpoolError> {
    let limits = Limits { max_bytes, max_age: Duration::from_hours(24 * 365) };
    Spool::open(Folder::create(data_dir).unwrap().folder("spool").unwrap(), limits, at(hour))
}

#[test]
#[ignore = "run by the tests that kill it"]
fn spool_and_deliver_until_killed() {
    let Some(data_dir) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let url = std::env::var(URL).unwrap();
    let hour = std::env::var(HOUR).unwrap().parse().unwrap();
    let spool = spool(&data_dir, std::env::var(BOUND).unwrap().parse().unwrap(), hour).unwrap();
    let deliverer = Deliverer::start(spool, options(&url), data_dir, POLICY).unwrap();
    loop {
        let mut records = Vec::new();
        for _ in 0..fastrand::u8(1..6) {
            let name = if fastrand::u8(..) < 2 { POISON } else { "event" };
            records.push(log(Uuid::new_v4(), name, at(hour)));
        }
        records.push(metric(at(hour)));
        match deliverer.append(&records, at(hour)) {
            Ok(()) => {
                for one in records.iter().filter(|one| one.signal == Signal::Logs) {
                    println!("\nid {}", one.id);
                }
            }
            Err(SpoolError::Full { .. }) => println!("\nfull"),
            Err(error) => panic!("{error:?}"),
        }
        thread::sleep(Duration::from_millis(fastrand::u64(0..8)));
    }
}

/// What an endpoint rejected out of what it took, by the number of the request.
type Rejected = Arc<Mutex<BTreeMap<usize, usize>>>;

fn behave(endpoint: &Endpoint, rejected: &Rejected) {
    let rejected = Arc::clone(rejected);
    let all_bad = fastrand::u8(..20) == 0;
    let is_well = fastrand::u8(..4) == 0;
    endpoint.behave(move |head| {
        if all_bad {
            return Behaviour::status(400);
        }
        let take = || Behaviour::poison(|item| matches!(item, Item::Event(event) if event.name == POISON));
        if is_well {
            return take();
        }
        match fastrand::u8(..16) {
            0 => Behaviour::Hang,
            1 => Behaviour::Reset { after: fastrand::usize(..2000) },
            2 => Behaviour::retry_after(429, "7200"),
            3 => Behaviour::status(500),
            4 => Behaviour::retry_after(503, "1"),
            5 => Behaviour::AcceptThenClose,
            6 => Behaviour::AcceptThenCut,
            7 => Behaviour::Slow(Duration::from_micros(200)),
            8 => Behaviour::Limit { bytes: 3000 },
            9 => Behaviour::Gibberish,
            10 => Behaviour::status(401),
            11 => {
                rejected.lock().unwrap().insert(head.number, 1);
                Behaviour::Partial { rejected: 1 }
            }
            _ => take(),
        }
    });
}

/// The ids that were set aside, and the totals.
fn look(data_dir: &Path, hour: i64) -> (BTreeSet<String>, SpoolState) {
    let folder = Folder::open(&data_dir.join("spool")).unwrap().unwrap();
    let survey = Survey::read(&folder, at(hour)).unwrap();
    let aside = survey.records.iter().filter(|record| record.place == Place::SetAside);
    (aside.map(|record| record.id.to_string()).collect(), survey.state)
}

fn kills(default: u32) -> u32 {
    std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(default)
}

#[test]
fn every_event_arrives_once_whatever_happens() {
    let (missing, state) = survive(kills(40), WIDE, 5);
    assert_eq!((missing, state.dropped_total), (0, 0), "{state:?}");
}

#[test]
fn every_event_arrives_once_or_is_dropped_by_the_bound_and_counted() {
    let kills = kills(15);
    let (missing, state) = survive(kills, NARROW, kills / 3);
    assert!(missing <= state.dropped_total, "{missing} are missing: {state:?}");
}

/// Kills so often, with an endpoint that is away for up to so many kills at a time. Gives how many events are nowhere, and the last state.
fn survive(kills: u32, bound: u64, longest: u32) -> (u64, SpoolState) {
    let dir = tempfile::tempdir().unwrap();
    // On macOS the temporary folder is reached by a link.
    let data_dir = dir.path().canonicalize().unwrap();
    let endpoint = Endpoint::start();
    let rejected = Rejected::default();
    let (mut known, mut aside) = (BTreeSet::new(), BTreeSet::new());
    let (mut full, mut away, mut totals) = (0, 0_u32, None::<SpoolState>);
    let mut hour = 0;
    for round in 0..kills {
        behave(&endpoint, &rejected);
        if away == 0 && fastrand::u8(..12) == 0 {
            endpoint.go_away();
            away = fastrand::u32(1..=longest.clamp(1, 60));
        }
        hour += fastrand::i64(0..3);
        let limit = if fastrand::u8(..5) == 0 { "trap '' XFSZ; ulimit -f 32;" } else { "" };
        let mut process = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{limit} exec \"$0\" \"$@\""))
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "spool_and_deliver_until_killed", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([(URL, endpoint.url()), (HOUR, hour.to_string()), (BOUND, bound.to_string())])
            .env(FOLDER, &data_dir)
            .env_remove("http_proxy")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let reader = thread::spawn(move || lines.collect::<Vec<_>>());
        thread::sleep(Duration::from_micros(fastrand::u64(0..200_000)));
        assert_eq!(process.try_wait().unwrap(), None, "it ended by itself in round {round}");
        process.kill().unwrap();
        process.wait().unwrap();
        for line in reader.join().unwrap() {
            full += u32::from(line == "full");
            known.extend(line.strip_prefix("id ").map(str::to_owned));
        }
        if away > 0 {
            away -= 1;
            if away == 0 {
                endpoint.come_back();
            }
        }
        if data_dir.join("spool").exists() {
            let (ids, state) = look(&data_dir, hour);
            aside.extend(ids);
            assert_eq!(state.lost_total, 0, "round {round}: {state:?}");
            let grows = totals.is_none_or(|before| {
                before.delivered_total <= state.delivered_total
                    && before.dropped_total <= state.dropped_total
                    && before.refused_total <= state.refused_total
            });
            assert!(grows, "round {round}: {totals:?} {state:?}");
            totals = Some(state);
        }
    }
    endpoint.come_back();
    endpoint.behave(|_| Behaviour::poison(|item| matches!(item, Item::Event(event) if event.name == POISON)));
    let spool = spool(&data_dir, bound, hour).unwrap();
    let (spool, delivery) = flush(spool, options(&endpoint.url()), data_dir.clone(), Duration::from_mins(1)).unwrap();
    let state = spool.state();
    assert_eq!(state.records, 0, "{delivery:?}");
    drop(spool);
    aside.extend(look(&data_dir, hour).0);

    let gone = state.delivered_total + state.dropped_total + state.refused_total;
    assert_eq!((state.spooled_total, state.lost_total), (gone, 0), "{state:?}");
    let mut there = endpoint.event_ids();
    let taken = there.len();
    let rejected = rejected.lock().unwrap();
    for request in endpoint.requests() {
        let count = rejected.get(&request.head.number).copied().unwrap_or_default();
        let first = request.items.iter().take(count);
        there
            .extend(first.filter_map(|item| if let Item::Event(event) = item { Some(event.id.clone()) } else { None }));
    }
    let missing = known.iter().filter(|id| !there.contains(*id) && !aside.contains(*id)).count() as u64;
    println!(
        "{kills} kills over {hour} h: {} events spooled, {taken} arrived in {} requests, {} set aside, {missing} missing of {} dropped, {full} times no room, {} torn ends healed",
        known.len(),
        endpoint.requests().len(),
        aside.len(),
        state.dropped_total,
        state.torn_total,
    );
    assert!(!known.is_empty());
    // What arrived was spooled, though a process may have been killed before it could say so.
    assert!(taken as u64 <= state.spooled_total);
    (missing, state)
}

#[test]
fn while_the_endpoint_is_away_the_oldest_go_by_the_bound_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().canonicalize().unwrap();
    let endpoint = Endpoint::start();
    endpoint.go_away();
    let mut known = Vec::new();
    let mut waits = spool(&data_dir, 4 * NARROW, 0).unwrap();
    for hour in 0..60 {
        let records: Vec<Record> = (0..10).map(|_| log(Uuid::new_v4(), "event", at(hour))).collect();
        waits.append(&records, at(hour)).unwrap();
        known.extend(records.into_iter().map(|record| record.id.to_string()));
    }
    let state = waits.state();
    let dropped = waits.take_dropped().unwrap();
    assert!(dropped.records > 100 && dropped.records == state.dropped_total, "{dropped:?} {state:?}");
    let (waits, delivery) =
        flush(waits, options(&endpoint.url()), data_dir.clone(), Duration::from_millis(50)).unwrap();
    assert!(delivery.is_failing && waits.state() == state, "{delivery:?}");
    endpoint.come_back();
    let (waits, delivery) = flush(waits, options(&endpoint.url()), data_dir, Duration::from_mins(1)).unwrap();
    assert_eq!(waits.state().records, 0, "{delivery:?}");
    let kept = known.split_off(usize::try_from(state.dropped_total).unwrap());
    assert_eq!(endpoint.event_ids(), kept.into_iter().collect());
}
