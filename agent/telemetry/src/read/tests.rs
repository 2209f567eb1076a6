use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::measure::Value;
use portreeve_core::snapshot::{LockKind, LockWait, LogEvent, Waits, WatchedLock, event};

use super::gateway::{code, names_port, pairings, reason};
use super::locks::{counted, window};
use crate::metric;

fn at() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn close(detail: Option<&str>, text: &str) -> LogEvent {
    LogEvent {
        at: Some(at()),
        kind: event::CLOSED_BEFORE_CONNECT.to_owned(),
        detail: detail.map(str::to_owned),
        pids: Vec::new(),
        text: text.to_owned(),
    }
}

#[test]
fn close_codes_are_read_and_nothing_else_becomes_one() {
    assert_eq!(code(&close(Some("1006"), "")), "1006");
    assert_eq!(code(&close(Some("handshake-timeout"), "closed code=1008 reason")), "1008");
    assert_eq!(code(&close(None, "gateway closed (1006 abnormal)")), "1006");
    for text in ["code=99", "code=123456", "pid (x)", ""] {
        assert_eq!(code(&close(None, text)), "none", "{text}");
    }
}

#[test]
fn a_reason_is_a_word_of_the_gateways_own() {
    assert_eq!(reason(&close(Some("handshake-timeout"), "")), "handshake-timeout");
    let long = "x".repeat(41);
    for hostile in ["/Users/alice/.openclaw", "Bearer abc", "1006", "", "a=b", long.as_str()] {
        assert_eq!(reason(&close(Some(hostile), "")), "other", "{hostile}");
    }
}

#[test]
fn a_port_is_not_the_beginning_of_another() {
    for line in ["listens on 127.0.0.1:1900", "peer=127.0.0.1:35888->127.0.0.1:1900 auth=token", ":19001 :1900"] {
        assert!(names_port(line, 1900), "{line}");
    }
    for line in ["listens on 127.0.0.1:19001", "1900", ""] {
        assert!(!names_port(line, 1900), "{line}");
    }
}

#[test]
fn rare_long_waits_are_not_lost_among_short_ones() {
    let total = |values: &[(f64, u64)]| values.iter().map(|(_, count)| count).sum::<u64>();
    let even = counted([(1, 9_000_000), (500_000, 900_000), (4_000_000, 100_000)].into());
    assert_eq!(even, [(4.0, 100), (0.5, 900), (1e-6, 9_000)]);
    // Each of them is less than a millisecond.
    let crumbs = counted((1..=10_000).map(|wait| (wait, 100)).collect());
    assert_eq!(total(&crumbs), 1_000);
    assert!(counted([(7, 10)].into()).is_empty());
}

#[test]
fn locks_that_are_meant_for_life_are_left_out() {
    let lock = |held_for_life: bool| WatchedLock {
        path: "/Users/alice/.openclaw/state/openclaw.sqlite".to_owned(),
        kind: LockKind::WalWriter,
        purpose: "database".to_owned(),
        held_for_life,
        waits: Fact::known(Waits { buckets: vec![(2_000_000, 5_000_000)], ..Waits::default() }, "test", at()),
    };
    let wait = |locks: Vec<WatchedLock>| LockWait {
        state_dir: "/Users/alice/.openclaw".to_owned(),
        at: at(),
        watched_s: 5.0,
        cpu_percent: None,
        locks,
        file_system: Fact::absent("test", at()),
    };
    assert!(window(&[wait(vec![lock(true)])]).readings.is_empty());
    let readings = window(&[wait(vec![lock(false)]), wait(vec![lock(false)])]).readings;
    let [reading] = readings.as_slice() else { panic!("{readings:?}") };
    assert_eq!(
        (reading.metric.as_str(), &reading.value),
        (metric::LOCK_WAIT.name, &Value::Weighed(vec![(2.0, 10_000)]))
    );
    assert_eq!(reading.attributes.values().collect::<Vec<_>>(), ["wal-writer", "database"]);
}

#[test]
fn a_pairing_takes_from_the_first_attempt_to_the_approval() {
    let after = |seconds: i64| at() + jiff::SignedDuration::from_secs(seconds);
    let took = pairings(&[after(50), after(10), after(5_000)], &[after(70), after(80), after(20_000)]);
    assert_eq!(took, [(after(70), 60.0)]);
}
