use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::logs::{CloseBucket, Tally};
use portreeve_core::report::Agent;
use portreeve_core::snapshot::{Challenge, Failure, FailureKind, Phase, Probe};
use portreeve_core::{ConnectReport, Series};

use portreeve_core::snapshot::Waits;

use super::locks::{WaitCurve, points};
use super::logs::Bucket;
use super::*;
use crate::render::map::assert_well_formed;

fn at() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

/// 94 come through, most within some milliseconds, the rest after a retransmitted packet.
pub(in crate::render) fn series() -> Series {
    let came = (0..94_u32).map(|n| {
        let ms = if n % 13 == 12 { 1_000.0 + f64::from(n) } else { 2.0 + f64::from(n * n) / 900.0 };
        Probe::answered(
            Challenge { tcp_ms: ms / 3.0, challenge_ms: 1.0, skew_ms: None, skew_uncertainty_ms: None },
            ms,
            at(),
        )
    });
    let refused = Failure {
        errno: Some("ECONNREFUSED".to_owned()),
        ..Failure::new(Phase::Tcp, FailureKind::Refused, "the connection was refused")
    };
    let late = Failure::new(Phase::Challenge, FailureKind::Timeout, "no challenge came within 10000 ms");
    let failed = [&refused, &refused, &refused, &refused, &late, &late];
    let failed = failed.map(|failure| Probe::failed(failure.clone(), 1.0, at()));
    Series {
        target: "ws://127.0.0.1:18789".to_owned(),
        from: "this node".to_owned(),
        asked: 100,
        cut_short: None,
        connects: came.chain(failed).collect(),
    }
}

fn connects(series: &Series) -> String {
    connects_svg(&ConnectReport::of(series, Agent { version: "1".to_owned() }, at()), series).unwrap()
}

fn waits() -> LockChart {
    // Of who comes at a random time while a lock is held for `hold` seconds and a share of the time.
    let curve = |name: &str, held: f64, hold: f64| WaitCurve {
        name: name.to_owned(),
        about: format!("held {:.0} % of the time, longest hold {hold} s", held * 100.0),
        points: (0..=20).map(|n| f64::from(n) / 20.0).map(|part| (hold * part, 1.0 - held * (1.0 - part))).collect(),
    };
    LockChart {
        title: "Waits for locks of /home/op/.openclaw".to_owned(),
        about: "2026-01-01 00:00:00 UTC · 60 s · 12000 samples".to_owned(),
        threshold_s: 2.5,
        locks: vec![
            curve("state coordinator", 0.4, 6.0),
            curve("openclaw.sqlite", 0.05, 0.04),
            curve("sessions.lock", 0.8, 0.9),
        ],
    }
}

fn closes(hours: i64) -> CloseChart {
    let bucket = |hour: i64| {
        let n = u64::try_from(hour).unwrap();
        Bucket {
            start: at() + SignedDuration::from_hours(hour),
            counts: vec![12 + n % 5, if n % 24 == 9 { 31 } else { n % 3 }, n % 7 / 5, u64::from(n % 11 == 3)],
        }
    };
    CloseChart {
        title: "Closed connections of the gateway on port 18789".to_owned(),
        about: "from 4 logs, 2026-01-01 to 2026-01-04 UTC".to_owned(),
        names: ["1000 normal closure", "1006 no close frame", "1008 unauthorized", "1012 service restart"]
            .map(str::to_owned)
            .to_vec(),
        bucket_s: 3_600,
        buckets: (0..hours).map(bucket).collect(),
    }
}

#[test]
fn of_a_longer_time_the_last_bars_are_drawn() {
    let mut report = Tally::default().report(Agent { version: "0".to_owned() }, at(), None, None);
    let bucket = |start| CloseBucket { start, total: 1, codes: Vec::new(), reasons: Vec::new() };
    // One line has a time of long ago.
    let buckets = vec![bucket(at() - SignedDuration::from_hours(24 * 7 * 2_000)), bucket(at())];
    report.closes.days.clone_from(&buckets);
    report.closes.weeks = buckets;
    let drawn = CloseChart::of(&report).buckets;
    assert_eq!((drawn.len(), drawn.last().map(|bucket| bucket.start)), (400, Some(at())));
}

#[test]
fn pictures_are_as_they_were() {
    insta::assert_snapshot!("connects", connects(&series()));
    insta::assert_snapshot!("locks", locks_svg(&waits()).unwrap());
    insta::assert_snapshot!("logs", logs_svg(&closes(72)).unwrap());
}

/// For a look at them: `PORTREEVE_PICTURES=/tmp cargo test -p portreeve pictures`.
#[test]
fn pictures_can_be_kept() {
    let Some(folder) = std::env::var_os("PORTREEVE_PICTURES").map(std::path::PathBuf::from) else { return };
    for (name, svg) in [
        ("connects.svg", connects(&series())),
        ("locks.svg", locks_svg(&waits()).unwrap()),
        ("logs.svg", logs_svg(&closes(72)).unwrap()),
    ] {
        std::fs::write(folder.join(name), svg).unwrap();
    }
}

#[test]
fn what_was_watched_becomes_a_curve() {
    // Held for two of ten seconds in one go: who comes then waits evenly from nothing to two seconds.
    let buckets = vec![(500_000, 500_000), (1_000_000, 500_000), (1_500_000, 500_000), (2_000_000, 500_000)];
    let waits = Waits {
        buckets,
        observed_us: 10_000_000,
        held_us: 2_000_000,
        samples: 1_000,
        holds: 1,
        longest: None,
        running: None,
    };
    assert_eq!(points(&waits), [(0.0, 0.8), (0.5, 0.85), (1.0, 0.9), (1.5, 0.95), (2.0, 1.0)]);
    assert_eq!(points(&Waits::default()), []);
}

#[test]
fn nothing_in_them_is_fetched_or_run_and_foreign_text_is_text() {
    let hostile = "</text><script>alert(1)</script>\u{1b}[2J\u{fffe}&'\"]]>";
    let mut series = series();
    series.target = hostile.to_owned();
    series.from = hostile.repeat(50);
    series.connects.push(Probe::failed(Failure::new(Phase::Http, FailureKind::NotHttp, hostile), 1.0, at()));
    let mut waits = waits();
    (waits.title, waits.about) = (hostile.to_owned(), hostile.to_owned());
    for lock in &mut waits.locks {
        (lock.name, lock.about) = (hostile.to_owned(), hostile.to_owned());
    }
    let mut closes = closes(3);
    (closes.title, closes.about) = (hostile.to_owned(), hostile.to_owned());
    closes.names = vec![hostile.to_owned(); 4];
    for svg in [connects(&series), locks_svg(&waits).unwrap(), logs_svg(&closes).unwrap()] {
        assert_well_formed(&svg);
        let tags: BTreeSet<&str> =
            svg.split('<').skip(1).filter_map(|tag| tag.split([' ', '>', '\n']).next()).collect();
        let known = ["svg", "title", "desc", "rect", "text", "line", "polyline", "polygon", "circle"];
        assert!(tags.iter().all(|tag| known.contains(&tag.trim_start_matches('/'))), "{tags:?}");
        assert!(!svg.contains('\u{1b}') && !svg.contains('\u{fffe}'), "{svg}");
        assert_eq!(svg.matches("://").count(), 1, "only the name space is a reference");
        assert!(svg.contains("<title id=\"title\">") && svg.contains("<desc id=\"desc\">"), "{svg}");
    }
}

#[test]
fn nothing_measured_is_drawn_all_the_same() {
    let none = Series { connects: Vec::new(), cut_short: Some("the time was up".to_owned()), ..series() };
    assert_well_formed(&connects(&none));
    let odd = Series {
        connects: vec![Probe::answered(
            Challenge { tcp_ms: f64::NAN, challenge_ms: 0.0, skew_ms: None, skew_uncertainty_ms: None },
            f64::INFINITY,
            at(),
        )],
        ..series()
    };
    assert_well_formed(&connects(&odd));
    assert_well_formed(&locks_svg(&LockChart { locks: Vec::new(), ..waits() }).unwrap());
    let odd = WaitCurve {
        points: vec![(f64::NAN, 0.1), (0.0, f64::NAN), (1e300, 2.0), (0.1, -1.0)],
        ..waits().locks[0].clone()
    };
    assert_well_formed(&locks_svg(&LockChart { locks: vec![odd; 9], threshold_s: 0.0, ..waits() }).unwrap());
    assert_well_formed(&logs_svg(&closes(0)).unwrap());
    let huge = CloseChart {
        buckets: vec![Bucket { start: at(), counts: vec![u64::MAX, u64::MAX] }],
        bucket_s: 0,
        ..closes(0)
    };
    assert_well_formed(&logs_svg(&huge).unwrap());
}
