use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::report::Agent;

fn at(seconds: i64) -> Timestamp {
    // A Thursday, 2026-11-19T00:00:00Z.
    Timestamp::from_second(1_795_046_400 + seconds).unwrap()
}

fn seen<'a>(seconds: i64, kind: &'static str, mark: Mark<'a>) -> Seen<'a> {
    Seen { at: Some(at(seconds)), layer: LogLayer::Auth, kind: Some(kind), mark }
}

fn report(lines: &[Seen<'_>]) -> LogReport {
    let mut tally = Tally::default();
    tally.source("/tmp/gateway.log", Origin::Gateway, None);
    for line in lines {
        tally.line(line);
    }
    tally.report(Agent { version: "1".to_owned() }, at(0), None, None)
}

#[test]
fn refusals_are_counted_in_any_window_of_five_minutes() {
    let mismatch = |seconds| seen(seconds, "unauthorized", Mark::Mismatch);
    let apart: Vec<_> = (0..10).map(|n| mismatch(n * 101)).collect();
    let counted = report(&apart).token_mismatches;
    assert_eq!((counted.total, counted.most, counted.is_storm()), (10, 3, false));
    let close: Vec<_> = [0, 400, 450, 500, 700, 1_200].map(mismatch).into();
    let counted = report(&close).token_mismatches;
    assert_eq!((counted.most, counted.most_at, counted.is_storm()), (4, Some(at(700)), true));
}

#[test]
fn windows_of_different_logs_do_not_mix() {
    let mut tally = Tally::default();
    for source in ["a", "b"] {
        tally.source(source, Origin::Gateway, None);
        for second in 0..3 {
            tally.line(&seen(second, "unauthorized", Mark::Mismatch));
        }
    }
    let report = tally.report(Agent { version: "1".to_owned() }, at(0), None, None);
    assert_eq!((report.token_mismatches.total, report.token_mismatches.most), (6, 3));
}

#[test]
fn ends_are_counted_by_hour_day_and_week() {
    let close = |seconds, code, reason| seen(seconds, "closed", Mark::Close { code, reason, pairing: false });
    let report = report(&[
        close(10, Some(1008), "pairing required: device is not approved yet (requestId: 1)"),
        close(3_599, Some(1008), "pairing required: device is not approved yet (requestId: 2)"),
        close(3_600, Some(1006), ""),
        close(4 * 86_400, None, "timeout"),
    ]);
    assert_eq!(report.closes.total, 4);
    assert_eq!(report.closes.codes[0], CodeCount { code: Some(1008), count: 2 });
    assert_eq!(report.closes.reasons[0].reason, "pairing required: device is not approved yet");
    assert_eq!(report.closes.hours.iter().map(|hour| hour.total).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(report.closes.days.iter().map(|day| day.start).collect::<Vec<_>>(), [at(0), at(4 * 86_400)]);
    assert_eq!(report.closes.weeks.iter().map(|week| week.total).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(report.closes.weeks[1].start, at(4 * 86_400), "a Monday");
}

#[test]
fn a_start_is_ready_when_it_says_so() {
    let report = report(&[
        seen(0, "loading-configuration", Mark::Start),
        seen(4, "ready", Mark::Ready),
        seen(5, "ready", Mark::Ready),
        seen(60, "loading-configuration", Mark::Start),
        seen(120, "loading-configuration", Mark::Start),
        seen(122, "ready", Mark::Ready),
    ]);
    let starts = report.starts;
    assert_eq!((starts.counted.total, starts.counted.most, starts.ready), (3, 3, 2));
    assert_eq!(starts.latest.iter().map(|start| start.ready_ms).collect::<Vec<_>>(), [Some(4_000), None, Some(2_000)]);
    assert!(starts.counted.is_storm());
}

#[test]
fn a_restart_is_a_start_whether_in_the_same_process_or_in_another() {
    let starts = |between: &[Seen<'_>]| {
        let begin = [
            seen(0, "loading-configuration", Mark::Start),
            seen(2, "starting-http", Mark::Binding),
            seen(3, "ready", Mark::Ready),
        ];
        let again = [seen(100, "stopped-by-signal", Mark::Restarting)];
        let end = [seen(105, "starting-http", Mark::Binding), seen(106, "ready", Mark::Ready)];
        let starts = report(&[&begin[..], &again, between, &end].concat()).starts;
        starts.latest.iter().map(|start| start.ready_ms).collect::<Vec<_>>()
    };
    assert_eq!(starts(&[]), [Some(3_000), Some(6_000)]);
    assert_eq!(starts(&[seen(102, "loading-configuration", Mark::Start)]), [Some(3_000), Some(4_000)]);
}

#[test]
fn many_reasons_take_bounded_room() {
    let reasons: Vec<String> = (0..10_000).map(|n| format!("reason {n}")).collect();
    let lines: Vec<_> = reasons
        .iter()
        .zip(0..)
        .map(|(reason, n)| {
            let code = Some(u16::try_from(n % 5_000).unwrap());
            seen(n * 3_600, "closed", Mark::Close { code, reason, pairing: false })
        })
        .collect();
    let closes = report(&lines).closes;
    assert_eq!(closes.total, 10_000);
    assert_eq!(closes.reasons.iter().map(|reason| reason.count).sum::<u64>(), 10_000);
    assert_eq!(closes.codes.iter().map(|code| code.count).sum::<u64>(), 10_000);
    assert_eq!((closes.reasons.len(), closes.codes.len(), closes.hours.len()), (65, 33, 336));
    assert_eq!((closes.days.len(), closes.weeks.len()), (366, 60));
}

fn entry(source: &str, ms: i64) -> Entry {
    Entry {
        at: at(0) + SignedDuration::from_millis(ms),
        origin: Origin::Gateway,
        source: source.into(),
        layer: LogLayer::Other,
        level: None,
        kind: None,
        text: format!("{source} {ms}"),
        conn: None,
        port: None,
        offset_ms: 0,
    }
}

#[test]
fn a_merge_keeps_each_writers_order() {
    let lists = [vec![entry("a", 1), entry("a", 5), entry("a", 3)], vec![entry("b", 4), entry("b", 6)]];
    let texts: Vec<String> = Merge::new(lists.map(Vec::into_iter)).map(|entry| entry.text).collect();
    assert_eq!(texts, ["a 1", "b 4", "a 5", "a 3", "b 6"]);
}

#[test]
fn what_a_gateway_prints_and_writes_is_told_once() {
    let printed = |text: &str, ms| Entry { origin: Origin::ServiceManager, text: text.to_owned(), ..entry("out", ms) };
    let written = vec![entry("a", 1), entry("a", 2)];
    let out = vec![printed("a 1 cause=x", 1), printed("a 1", 2), printed("a crash", 3)];
    let texts: Vec<String> =
        Unrepeated::new(Merge::new([written.into_iter(), out.into_iter()])).map(|entry| entry.text).collect();
    assert_eq!(texts, ["a 1", "a 2", "a 1", "a crash"]);
}

proptest! {
    #[test]
    fn the_fullest_window_is_that_of_a_count_by_hand(mut seconds in prop::collection::vec(0_i64..2_000, 0..60)) {
        seconds.sort_unstable();
        let lines: Vec<_> = seconds.iter().map(|second| seen(*second, "unauthorized", Mark::Mismatch)).collect();
        let by_hand = seconds.iter().map(|end| seconds.iter().filter(|second| (end - 300..=*end).contains(second)).count());
        let most = by_hand.max().unwrap_or(0) as u64;
        prop_assert_eq!(report(&lines).token_mismatches.most, most);
    }

    #[test]
    fn a_merge_of_sorted_lists_is_sorted_and_whole(lists in prop::collection::vec(prop::collection::vec(0_i64..100, 0..20), 0..5)) {
        let count = lists.iter().map(Vec::len).sum::<usize>();
        let lists = lists.into_iter().map(|mut times| {
            times.sort_unstable();
            times.into_iter().map(|ms| entry("x", ms)).collect::<Vec<_>>().into_iter()
        });
        let merged: Vec<Timestamp> = Merge::new(lists).map(|entry| entry.at).collect();
        prop_assert_eq!(merged.len(), count);
        prop_assert!(merged.is_sorted());
    }
}
