use serde_json::json;

use super::*;
use crate::event::Name;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn finding(code: &str, severity: &str) -> Value {
    json!({
        "code": code, "severity": severity, "layer": "transport", "subject": {"kind": "port", "id": "18789"},
        "summary": "…", "evidence": [], "explains": [], "explained_by": null, "remedy": [], "waived": null,
    })
}

fn report(second: i64, findings: &[Value]) -> Vec<u8> {
    let report = json!({
        "generated_at": at(second), "agent": {"version": "1"}, "findings": findings,
        "node": {"id": null, "hostname": null, "os": null, "os_version": null, "os_build": "25B78", "arch": "arm64", "uptime_s": second},
    });
    serde_json::to_vec(&report).unwrap()
}

fn tell(told: &mut Told, json: &[u8]) -> Vec<Name> {
    let outline: Outline = serde_json::from_slice(json).unwrap();
    let is_due = told.reported(&outline, &Sameness::of(json).unwrap());
    let mut names: Vec<Name> = told.pending().map(|event| event.unwrap().name()).collect();
    names.extend(is_due.then_some(Name::Report));
    told.settled();
    names
}

#[test]
fn a_finding_is_opened_once_and_closed_once() {
    let mut told = Told::new(Uuid::nil(), "test");
    let silent = finding("port.silent", "error");
    assert_eq!(tell(&mut told, &report(0, std::slice::from_ref(&silent))), [Name::FindingOpened, Name::Report]);
    assert_eq!(tell(&mut told, &report(30, &[silent.clone(), silent.clone()])), [Name::Report], "one more line of it");
    assert!(tell(&mut told, &report(60, &[silent.clone(), silent])).is_empty());
    let outline = report(100, &[]);
    let outline: Outline = serde_json::from_slice(&outline).unwrap();
    told.compare_findings(&outline);
    let closed: Vec<Event> = told.pending().map(Result::unwrap).collect();
    let [Event { body: Body::FindingClosed(closed), .. }] = closed.as_slice() else { panic!("{closed:?}") };
    assert_eq!((closed.lasted_s, closed.opened_at), (100, at(0)));
    assert_eq!(closed.key, "port.silent port:18789");
}

#[test]
fn another_severity_or_a_waiver_is_told_as_a_change() {
    let mut told = Told::new(Uuid::nil(), "test");
    tell(&mut told, &report(0, &[finding("bind.exposed", "warning")]));
    let mut waived = finding("bind.exposed", "error");
    waived["waived"] = json!({"until": at(1_000), "reason": "test"});
    let outline: Outline = serde_json::from_slice(&report(10, &[waived])).unwrap();
    told.compare_findings(&outline);
    let events: Vec<Event> = told.pending().map(Result::unwrap).collect();
    let [Event { body: Body::FindingOpened(opened), .. }] = events.as_slice() else { panic!("{events:?}") };
    assert!(opened.changed && !opened.root_cause);
}

#[test]
fn after_a_crash_the_same_events_come_again_and_later_ones_are_others() {
    let mut told = Told::new(Uuid::nil(), "test");
    let json = report(0, &[finding("port.silent", "error")]);
    let outline: Outline = serde_json::from_slice(&json).unwrap();
    let sameness = Sameness::of(&json).unwrap();
    assert!(told.reported(&outline, &sameness));
    let kept = serde_json::to_vec(&told).unwrap();
    let before: Vec<Event> = told.pending().map(Result::unwrap).collect();
    let mut resumed = Told::parse(&kept).unwrap();
    assert_eq!(resumed, told);
    let again: Vec<Event> = resumed.pending().map(Result::unwrap).collect();
    assert_eq!(again, before);
    assert_eq!(resumed.pending_report(&sameness.exact), told.pending_report(&sameness.exact));
    resumed.settled();
    assert!(!resumed.is_pending());
    tell(&mut resumed, &report(50, &[]));
    tell(&mut resumed, &report(0, &[finding("port.silent", "error")]));
    assert_ne!(resumed.report.unwrap().id, told.report.unwrap().id);
}

#[test]
fn a_report_that_is_gone_is_told_no_more() {
    let mut told = Told::new(Uuid::nil(), "test");
    let json = report(0, &[]);
    let outline: Outline = serde_json::from_slice(&json).unwrap();
    assert!(told.reported(&outline, &Sameness::of(&json).unwrap()));
    assert_eq!(told.pending_report("another"), None);
    assert!(!told.is_pending());
}

#[test]
fn numbers_alone_are_told_once_an_hour() {
    let mut told = Told::new(Uuid::nil(), "test");
    let with = |second: i64, words: &str| {
        let mut one = finding("state.wal", "warning");
        one["summary"] = json!(words);
        report(second, &[one])
    };
    tell(&mut told, &with(0, "5 MiB"));
    assert!(tell(&mut told, &with(900, "6 MiB")).is_empty());
    assert_eq!(tell(&mut told, &with(3_600, "6 MiB")), [Name::Report]);
    assert!(tell(&mut told, &with(7_300, "6 MiB")).is_empty());
}

#[test]
fn acceptances_are_told_whoever_made_them() {
    let mut told = Told::new(Uuid::nil(), "test");
    let mut one: Value = serde_json::from_slice(&report(0, &[])).unwrap();
    one["quarantine"] = json!({
        "since": at(0), "occasions": [], "attempts": 1, "last_attempt": at(5), "reasons": ["port.silent"],
        "needs_consent": false,
    });
    let json = serde_json::to_vec(&one).unwrap();
    assert_eq!(tell(&mut told, &json), [Name::AcceptanceFinished, Name::Report]);
    assert!(tell(&mut told, &json).is_empty());
    one["quarantine"] = Value::Null;
    one["accepted"] = json!({
        "at": at(9), "by": "root", "how": "by-hand", "reason": "known", "in_spite_of": ["port.silent"], "os_build": "25B78",
    });
    let json = serde_json::to_vec(&one).unwrap();
    assert_eq!(tell(&mut told, &json), [Name::AcceptanceFinished, Name::Report]);
}

fn spell(verdict: Verdict, second: i64) -> Spell {
    let (since, confirmed_at) = (at(second), at(second + 30));
    let (boot, confirmed_at_uptime_s) = (Some("one".to_owned()), 30);
    Spell { verdict, causes: Vec::new(), since, confirmed_at, lasted_s: 30, boot, confirmed_at_uptime_s, cut: false }
}

fn changes(told: &mut Told, spells: &[Spell]) -> Vec<(Option<Verdict>, Verdict, Timestamp)> {
    told.judged(spells);
    let events: Vec<Event> = told.pending().map(Result::unwrap).collect();
    told.settled();
    let bodies = events.into_iter().map(|event| match event.body {
        Body::VerdictChanged(changed) => (changed.from, changed.to, changed.since),
        other => panic!("{other:?}"),
    });
    bodies.collect()
}

#[test]
fn each_verdict_is_told_once_whoever_saw_it() {
    use Verdict::{Blocked, Degraded, Ready};
    let mut told = Told::new(Uuid::nil(), "test");
    assert!(changes(&mut told, &[]).is_empty());
    let mut spells = vec![spell(Blocked, 0), spell(Ready, 100)];
    // What was before there was anybody to tell is not told.
    assert_eq!(changes(&mut told, &spells), [(Some(Blocked), Ready, at(100))]);
    assert!(changes(&mut told, &spells).is_empty());
    // The daemon was killed before it could tell of two of these.
    spells.extend([spell(Blocked, 200), spell(Ready, 300), spell(Degraded, 400)]);
    let late = [(Some(Ready), Blocked, at(200)), (Some(Blocked), Ready, at(300)), (Some(Ready), Degraded, at(400))];
    assert_eq!(changes(&mut told, &spells), late);
    // A history that begins anew, as one does that was damaged.
    assert_eq!(changes(&mut told, &[spell(Blocked, 500)]), [(None, Blocked, at(500))]);

    let mut told = Told::new(Uuid::nil(), "test");
    told.started(AgentStarted {
        version: "1".to_owned(),
        since: at(150),
        boot: None,
        uptime_s: 0,
        interval_s: 60,
        updated_from: None,
    });
    told.settled();
    assert_eq!(changes(&mut told, &spells), [(Some(Ready), Blocked, at(200)), late[1], late[2]]);
}

#[test]
fn what_waits_is_bounded_and_what_is_given_up_is_counted() {
    let mut told = Told::new(Uuid::nil(), "test");
    for total in 0..=MAX_PENDING as u64 + 1 {
        told.refused(total, None, at(0));
    }
    assert_eq!((told.pending().count(), told.given_up), (MAX_PENDING, 1));
}
