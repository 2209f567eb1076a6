//! Whether a node is accepted.

use super::*;

fn question(snapshot: &Snapshot) -> Decision {
    decide(Question { snapshot, policy: &Policy::default(), moved: false })
}

fn op() -> By {
    By { name: "op".to_owned(), by_hand: false, reason: None }
}

/// A deep look at a node that was accepted with another build.
fn upgraded() -> Snapshot {
    let mut node = looked_deep();
    let mut record = accepted(&node);
    record.baseline.system.as_mut().unwrap().build = "25A354".to_owned();
    node.accepted = known(record);
    node
}

#[test]
fn the_first_full_acceptance_makes_the_record() {
    let node = looked_deep();
    let decision = question(&node);
    assert_eq!((decision.outcome, &decision.reasons), (Outcome::Accepted, &Vec::new()));
    let record = record(&node, &decision, &op()).unwrap();
    assert_eq!((record.how, &*record.baseline), (How::Passed, &Baseline::of(&node)));
    let report = AcceptanceReport::of(&node, &decision, &op());
    assert!(report.first && report.occasions.is_empty() && report.exit_status == 0);
}

#[test]
fn a_look_that_is_not_deep_accepts_nothing() {
    let decision = question(&healthy());
    assert_eq!(decision.outcome, Outcome::Refused);
    let open: Vec<&str> = decision
        .checks
        .iter()
        .filter(|check| check.state == CheckState::Unknown)
        .map(|check| check.check.as_str())
        .collect();
    assert_eq!(open, ["connects", "locks", "command-line"]);
    assert_eq!(record(&healthy(), &decision, &op()), None);
    assert_eq!(AcceptanceReport::of(&healthy(), &decision, &op()).exit_status, 75);
}

#[test]
fn an_upgrade_that_changed_nothing_else_passes() {
    let node = upgraded();
    assert_eq!(root_causes(&node), [crate::Code::HostOsChanged]);
    let decision = question(&node);
    assert_eq!((decision.outcome, decision.report.verdict), (Outcome::Accepted, Verdict::Ready));
    let mut after = node.clone();
    after.accepted = known(record(&node, &decision, &op()).unwrap());
    assert!(report(&after).quarantine.is_none());
}

#[test]
fn what_was_lost_refuses_once_the_patience_is_over() {
    let mut node = upgraded();
    let machine = value(&mut node.time_machine);
    machine.dirs[0].excluded = absent();
    machine.destinations = known(Vec::new());
    let first = question(&node);
    let lost = "/Users/op/.openclaw is no longer excluded from Time Machine, /Users/op/.openclaw was";
    assert_eq!((first.outcome, &first.reasons), (Outcome::NotYet, &vec![lost.to_owned()]));
    let kept = record(&node, &first, &op()).unwrap();
    assert_eq!(kept.pending.as_ref().map(|pending| (pending.since, pending.attempts)), Some((ago(864_000), 1)));
    assert_eq!(kept.baseline, node.accepted.get().unwrap().baseline, "what was accepted stays");

    node.accepted = known(kept);
    node.taken_at = now() + jiff::SignedDuration::from_secs(PATIENCE_S);
    let final_try = question(&node);
    assert_eq!((final_try.outcome, final_try.attempts, final_try.since), (Outcome::Refused, 2, Some(ago(864_000))));
    let report = AcceptanceReport::of(&node, &final_try, &op());
    assert_eq!((report.exit_status, report.retry_after_s), (78, Some(60)));
}

#[test]
fn an_error_refuses_with_the_status_of_its_layer() {
    let mut node = upgraded();
    kill_gateway(&mut node);
    node.taken_at = now();
    value(&mut node.accepted).pending = Some(Pending {
        since: ago(PATIENCE_S),
        occasions: Vec::new(),
        first: ago(PATIENCE_S),
        attempts: 4,
        last: ago(60),
        reasons: Vec::new(),
    });
    let decision = question(&node);
    assert_eq!((decision.outcome, decision.attempts), (Outcome::Refused, 5));
    assert_eq!(AcceptanceReport::of(&node, &decision, &op()).exit_status, report(&node).exit_status(false).max(69));
}

#[test]
fn attempts_of_a_quarantine_that_ended_by_itself_count_for_no_later_one() {
    let mut node = upgraded();
    value(&mut node.accepted).pending = Some(Pending {
        since: ago(8_000_000),
        occasions: vec![Occasion::HardwareChanged],
        first: ago(8_000_000),
        attempts: 8,
        last: ago(7_000_000),
        reasons: vec!["rungs: not ready".to_owned()],
    });
    let quarantine = report(&node).quarantine.unwrap();
    assert_eq!((quarantine.attempts, quarantine.reasons.len()), (0, 0));
    assert!(quarantine.since > Some(ago(8_000_000)));
    kill_gateway(&mut node);
    let decision = question(&node);
    assert_eq!((decision.outcome, decision.attempts), (Outcome::NotYet, 1));
}

#[test]
fn a_copy_is_never_accepted_without_a_persons_word() {
    let mut node = looked_deep();
    node.accepted = known(accepted(&node));
    node.node.id = known(fingerprint("another uuid"));
    let decision = question(&node);
    assert_eq!(decision.outcome, Outcome::Refused, "no patience helps");
    assert!(decision.reasons[0].starts_with("identity: the hardware is another one"));
    let moved = decide(Question { snapshot: &node, policy: &Policy::default(), moved: true });
    assert_eq!(moved.outcome, Outcome::Accepted);
}

#[test]
fn by_hand_keeps_what_was_said_against_it() {
    let mut node = upgraded();
    node.lock_waits.clear();
    let by = By { by_hand: true, reason: Some("locks are fine".to_owned()), ..op() };
    let decision = question(&node);
    let record = record(&node, &decision, &by).unwrap();
    assert_eq!(record.how, How::ByHand);
    assert_eq!(record.in_spite_of, ["locks: locks of /Users/op/.openclaw were not watched"]);
    let report = AcceptanceReport::of(&node, &decision, &by);
    assert!(report.by_hand && report.exit_status == 0 && report.retry_after_s.is_none());
}

#[test]
fn a_damaged_record_is_compared_with_by_nobody() {
    let mut node = looked_deep();
    node.accepted = Fact::unreadable("of no known form", "accepted.json", now());
    let decision = question(&node);
    assert_eq!(decision.outcome, Outcome::Refused);
    assert!(decision.reasons[0].starts_with("comparison: the record of the last acceptance cannot be read"));
}

#[test]
fn another_openclaw_and_another_engine_are_occasions() {
    let mut node = healthy();
    let mut record = accepted(&node);
    record.baseline.gateways.get_mut(STATE).unwrap().version = Some("2026.9.4".to_owned());
    node.accepted = known(record);
    let quarantine = report(&node).quarantine.unwrap();
    assert_eq!((quarantine.because().as_str(), quarantine.since), ("OpenClaw 2026.9.4 → 2026.9.6", None));

    let mut node = project::bridged();
    let mut record = accepted(&node);
    let engines: BTreeMap<String, EngineBaseline> = record.baseline.engines.clone();
    let (id, engine) = engines.into_iter().next().unwrap();
    assert!(engine.needed);
    record.baseline.engines.insert(id, EngineBaseline { version: Some("1.0.0".to_owned()), ..engine });
    node.accepted = known(record);
    assert!(report(&node).quarantine.unwrap().because().contains("1.0.0 → "));
}

#[test]
fn the_daemon_tries_at_once_and_then_less_often() {
    let due = |node: &Snapshot, tried| due_in_s(node, &report(node), tried);
    let mut node = upgraded();
    assert_eq!(due(&node, None), Some(0));
    let mut tried = |attempts, seconds| {
        value(&mut node.accepted).pending = Some(Pending {
            since: ago(900),
            occasions: Vec::new(),
            first: ago(900),
            attempts,
            last: ago(seconds),
            reasons: Vec::new(),
        });
        due(&node, None)
    };
    assert_eq!([tried(1, 10), tried(3, 10), tried(3, 500), tried(20, 0)], [Some(20), Some(110), Some(0), Some(3_600)]);

    let mut copy = looked_deep();
    copy.accepted = known(accepted(&copy));
    assert_eq!(due(&copy, None), None, "it is as it was");
    copy.node.id = known(fingerprint("another uuid"));
    assert_eq!(due(&copy, None), None, "a person must have a say");
    let decision = question(&copy);
    assert_eq!(AcceptanceReport::of(&copy, &decision, &op()).retry_after_s, None);
}

#[test]
fn the_first_acceptance_waits_until_the_node_is_ready() {
    let due = |node: &Snapshot, tried| due_in_s(node, &report(node), tried);
    assert_eq!(due(&healthy(), None), Some(600));
    assert_eq!(due(&healthy(), Some(ago(86_400 - 3_600))), Some(3_600));
    assert_eq!(due(&healthy(), Some(ago(90_000))), Some(600));
    assert_eq!(due(&node(kill_gateway), None), None);
    assert_eq!(due(&node(|node| node.accepted = denied()), None), None);
}

#[test]
fn a_self_test_that_failed_refuses() {
    use crate::selftest::{Outcome as SeamOutcome, Seam, SeamResult, SelfTest};
    let mut node = looked_deep();
    let mut test = SelfTest {
        schema: crate::selftest::SCHEMA.to_owned(),
        at: now(),
        agent_version: node.agent_version.clone(),
        system: node.node.system.get().cloned(),
        uid: 0,
        results: vec![SeamResult { seam: Seam::HostName, outcome: SeamOutcome::Passed, elapsed_ms: 1 }],
    };
    node.selftest = known(test.clone());
    assert_eq!(question(&node).outcome, Outcome::Accepted);
    test.results[0].outcome = SeamOutcome::Failed { expected: "mini-7".to_owned(), seen: "nothing".to_owned() };
    node.selftest = known(test.clone());
    let decision = question(&node);
    assert!(decision.reasons.iter().any(|reason| reason == "selftest: failed: host-name"), "{:#?}", decision.reasons);
    test.agent_version = "0.0.9".to_owned();
    node.selftest = known(test);
    assert_eq!(question(&node).outcome, Outcome::Accepted, "it says nothing of this agent");
}
