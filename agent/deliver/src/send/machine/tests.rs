use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn machine() -> Machine {
    Machine::new(Policy::default(), second(0), 7)
}

fn failed() -> Outcome {
    Outcome::Failed { why: "refused".to_owned() }
}

fn refused() -> Outcome {
    Outcome::Refused { why: "400".to_owned() }
}

fn busy(retry_after: Option<Duration>) -> Outcome {
    Outcome::Busy { retry_after, why: "429".to_owned() }
}

fn one(signal: Signal) -> Sent {
    Sent { signal, records: 1, bytes: 100 }
}

fn ordered(machine: &mut Machine, now: Duration) -> Order {
    match machine.step(now) {
        Step::Send(order) => order,
        Step::Sleep(until) => panic!("sleeps until {until:?}"),
    }
}

#[test]
fn what_arrives_is_sent_after_a_moment_and_what_waits_on_at_once() {
    let mut machine = machine();
    for signal in [Signal::Logs, Signal::Metrics] {
        assert_eq!(ordered(&mut machine, second(0)).signal, signal);
        machine.empty(signal);
    }
    assert_eq!(machine.step(second(1)), Step::Sleep(None));
    machine.arrived(second(10), Signal::Logs);
    machine.arrived(second(11), Signal::Logs);
    assert_eq!(machine.step(second(11)), Step::Sleep(Some(second(12))));
    assert_eq!(ordered(&mut machine, second(12)).max_records, 512);
    machine.judge(second(12), one(Signal::Logs), &Outcome::Accepted);
    assert_eq!(ordered(&mut machine, second(12)).signal, Signal::Logs, "more may wait");
}

#[test]
fn hurry_ends_lingering_and_no_pause() {
    let mut machine = machine();
    machine.empty(Signal::Metrics);
    machine.judge(second(0), one(Signal::Logs), &busy(Some(second(600))));
    machine.arrived(second(0), Signal::Metrics);
    machine.hurry(second(1));
    assert_eq!(ordered(&mut machine, second(1)).signal, Signal::Metrics);
    machine.empty(Signal::Metrics);
    assert!(matches!(machine.step(second(1)), Step::Sleep(Some(until)) if until >= second(600)));
}

#[test]
fn a_refused_credential_is_tried_slowly_and_a_new_one_at_once() {
    let mut machine = machine();
    machine.empty(Signal::Metrics);
    let unwelcome = Outcome::Unwelcome { why: "401".to_owned() };
    assert_eq!(machine.judge(second(0), one(Signal::Logs), &unwelcome), Deed::Keep);
    assert!(machine.is_unwelcome());
    assert!(matches!(machine.step(second(14)), Step::Sleep(Some(_))));
    machine.renewed(second(14));
    assert_eq!(ordered(&mut machine, second(14)).signal, Signal::Logs);
}

#[test]
fn a_request_that_is_too_large_is_halved_for_a_while_and_a_record_that_is_too_large_set_aside() {
    let mut machine = machine();
    machine.empty(Signal::Logs);
    let sent = Sent { signal: Signal::Metrics, records: 100, bytes: 1_000_000 };
    assert_eq!(machine.judge(second(0), sent, &Outcome::TooLarge), Deed::Keep);
    assert_eq!(ordered(&mut machine, second(0)).max_bytes, 500_000);
    assert_eq!(machine.judge(second(0), one(Signal::Metrics), &Outcome::TooLarge), Deed::SetAside);
    machine.judge(second(1), one(Signal::Metrics), &Outcome::Accepted);
    assert_eq!(ordered(&mut machine, second(1)).max_bytes, 500_000);
    assert_eq!(ordered(&mut machine, second(3600)).max_bytes, Policy::default().max_bytes);
}

#[test]
fn an_endpoint_that_refuses_everything_does_not_empty_the_spool_in_a_moment() {
    let mut machine = machine();
    machine.empty(Signal::Metrics);
    let (mut now, mut aside) = (second(0), 0);
    while now < second(3600) {
        match machine.step(now) {
            Step::Send(order) => {
                let sent = Sent { signal: Signal::Logs, records: order.max_records, bytes: 1 };
                aside += u32::from(machine.judge(now, sent, &refused()) == Deed::SetAside);
            }
            Step::Sleep(until) => now = until.unwrap(),
        }
    }
    assert!((10..60).contains(&aside), "{aside} in an hour");
}

#[test]
fn neither_signal_keeps_the_other_back() {
    let mut machine = machine();
    let order: Vec<Signal> = (0..10)
        .map(|_| {
            let signal = ordered(&mut machine, second(1)).signal;
            machine.judge(second(1), one(signal), &Outcome::Accepted);
            signal
        })
        .collect();
    assert_eq!(order.iter().filter(|signal| **signal == Signal::Metrics).count(), 2);
    let first = ordered(&mut machine, second(2)).signal;
    machine.judge(second(2), one(first), &failed());
    assert_ne!(ordered(&mut machine, second(2)).signal, first, "the other goes on");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Accepted),
        Just(failed()),
        Just(refused()),
        Just(Outcome::TooLarge),
        Just(Outcome::Unwelcome { why: String::new() }),
        proptest::option::of(0_u64..1_000_000).prop_map(|seconds| busy(seconds.map(Duration::from_secs))),
    ]
}

proptest! {
    /// No pause is shorter than half of its size or than what was asked for, and none is without end.
    #[test]
    fn pauses_are_bounded(outcomes in proptest::collection::vec(outcome(), 1..60), seed: u64) {
        let policy = Policy::default();
        let mut machine = Machine::new(policy, second(0), seed);
        machine.empty(Signal::Metrics);
        let mut now = second(0);
        for outcome in outcomes {
            let Step::Send(order) = machine.step(now) else { unreachable!("time has come") };
            prop_assert!(order.max_records >= 1 && order.max_records <= policy.max_records);
            let sent = Sent { signal: order.signal, records: order.max_records, bytes: order.max_bytes };
            machine.judge(now, sent, &outcome);
            let until = match machine.step(now) {
                Step::Sleep(until) => until.unwrap(),
                Step::Send(_) => now,
            };
            let pause = until.checked_sub(now).unwrap();
            match &outcome {
                Outcome::Failed { .. } => prop_assert!(pause >= policy.first_pause / 2 && pause <= policy.max_pause),
                Outcome::Unwelcome { .. } => {
                    prop_assert!(pause >= policy.first_slow_pause / 2 && pause <= policy.max_slow_pause);
                }
                Outcome::Busy { retry_after, .. } => {
                    let asked = retry_after.unwrap_or_default().min(policy.max_retry_after);
                    prop_assert!(pause >= asked);
                    prop_assert!(pause <= policy.max_pause.max(asked.mul_f64(1.1)) + Duration::from_millis(1));
                }
                Outcome::Accepted | Outcome::Partly { .. } => prop_assert!(pause.is_zero()),
                Outcome::TooLarge | Outcome::Refused { .. } => prop_assert!(pause <= policy.max_pause),
            }
            now = until;
        }
    }

    /// Whatever the endpoint does meanwhile, in the end exactly the poison is set aside and all else is delivered, in order.
    #[test]
    fn only_poison_is_set_aside(
        poison in proptest::collection::vec(proptest::bool::weighted(0.1), 0..200),
        trouble in proptest::collection::vec(0_u8..6, 0..100),
        seed: u64,
    ) {
        let mut queue: VecDeque<(usize, bool)> = poison.iter().copied().enumerate().collect();
        let mut trouble = trouble.into_iter();
        let mut machine = Machine::new(Policy { max_records: 32, ..Policy::default() }, second(0), seed);
        machine.empty(Signal::Metrics);
        let (mut delivered, mut aside) = (Vec::new(), Vec::new());
        let (mut now, mut requests) = (second(0), 0_usize);
        loop {
            let order = match machine.step(now) {
                Step::Send(order) => order,
                Step::Sleep(Some(until)) => { now = until; continue; }
                Step::Sleep(None) => break,
            };
            let records = order.max_records.min(queue.len()).min((order.max_bytes / 10).max(1));
            if records == 0 {
                machine.empty(Signal::Logs);
                continue;
            }
            requests += 1;
            let holds_poison = queue.iter().take(records).any(|(_, is_poison)| *is_poison);
            let outcome = match trouble.next() {
                Some(0) => failed(),
                Some(1) => busy(None),
                Some(2) => Outcome::Unwelcome { why: String::new() },
                Some(3) if records > 1 => Outcome::TooLarge,
                _ if holds_poison => refused(),
                _ => Outcome::Accepted,
            };
            let sent = Sent { signal: Signal::Logs, records, bytes: records * 10 };
            match machine.judge(now, sent, &outcome) {
                Deed::Acknowledge => delivered.extend(queue.drain(..records)),
                Deed::SetAside => { prop_assert_eq!(records, 1); aside.extend(queue.pop_front()); }
                Deed::Keep => {}
            }
        }
        prop_assert!(queue.is_empty());
        prop_assert!(delivered.iter().all(|(_, is_poison)| !is_poison));
        prop_assert!(aside.iter().all(|(_, is_poison)| *is_poison));
        prop_assert!(delivered.is_sorted());
        prop_assert_eq!(delivered.len() + aside.len(), poison.len());
        prop_assert!(requests <= 120 + poison.len() * 2 + aside.len() * 8, "{} requests", requests);
    }
}
