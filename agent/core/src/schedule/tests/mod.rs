//! Days that pass in a moment.

mod world;

use proptest::prelude::*;

use self::world::World;
use super::*;
use crate::catalogue::Code;
use crate::report::Verdict;

const HOUR: u64 = 3_600;

#[test]
fn a_day_of_sleeps_upgrades_clock_jumps_and_restarts() {
    let mut world = World::new(Settings::default());
    let first = world.since;
    world.pass(2 * HOUR);
    // An upgrade: many files, then another process.
    for _ in 0..20 {
        world.pass(1);
        world.tell(Event::Changed(Urgency::Calm));
    }
    world.owner = 2;
    world.tell(Event::Changed(Urgency::Owner));
    world.pass(HOUR);
    // Asleep for four hours, and what was missed is made up for once.
    world.sleep(4 * HOUR);
    let woken = world.since;
    world.pass(60);
    assert_eq!((world.woke, world.count(Lane::Slow, woken)), (1, 1));
    assert!(world.count(Lane::Fast, woken) <= 2 && world.count(Lane::Locks, woken) <= 1);
    assert!(world.count(Lane::Glance, woken) <= 13);
    world.pass(HOUR);
    // The clock is set back by two hours, then on by five.
    world.offset -= 7_200;
    world.pass(HOUR);
    world.offset += 18_000;
    world.pass(HOUR);
    assert_eq!(world.set, 2);
    // The engine starts anew.
    world.wrong = Some(Code::EngineSilent);
    for _ in 0..30 {
        world.pass(1);
        world.tell(Event::Changed(Urgency::Owner));
    }
    world.pass(120);
    world.wrong = None;
    world.pass(2 * HOUR);
    // Logs rotate: files that are written, and nothing else.
    world.tell(Event::Changed(Urgency::Calm));
    world.pass(2 * HOUR);
    // The gateway dies, and nobody says so.
    world.wrong = Some(Code::PortSilent);
    world.pass(10 * 60);
    world.wrong = None;
    world.pass(2 * HOUR);
    // What is looked at hangs.
    world.hangs = true;
    world.tell(Event::Changed(Urgency::Owner));
    world.pass(10 * 60);
    world.hangs = false;
    let so_far = world.since.saturating_sub(first).as_secs();
    world.pass(24 * HOUR - so_far);

    let ready = (Verdict::Ready, None);
    assert_eq!(
        world.verdicts(),
        [
            ready,
            (Verdict::Blocked, Some(Code::EngineSilent)),
            ready,
            (Verdict::Blocked, Some(Code::PortSilent)),
            ready,
            (Verdict::Unknown, None),
            ready,
        ]
    );
    let spells = &world.history.spells;
    let total: u64 = spells.iter().map(|spell| spell.lasted_s).sum();
    assert!((24 * HOUR - 1_200..=24 * HOUR).contains(&total), "{total}");
    let lasted = |index: usize| spells.get(index).unwrap().lasted_s;
    assert!((120..240).contains(&lasted(1)) && (600..660).contains(&lasted(3)), "{spells:?}");
    // Twenty hours awake: every fifteen minutes and up to a tenth more, and some for changes.
    let slow = world.count(Lane::Slow, first);
    assert!((72..=115).contains(&slow), "{slow}");
    let locks = world.count(Lane::Locks, first);
    assert!((110..=120).contains(&locks), "{locks}");
    assert_eq!(world.count(Lane::Images, first), 1, "once a week");
    assert_eq!(world.given_up.iter().filter(|lane| **lane != Lane::Slow).count(), 0);
    assert!(world.machine.stuck() == 0 && world.running.len() <= 1);
}

#[test]
fn images_come_once_a_period_whatever_the_clock_does() {
    let mut world = World::new(Settings { images_s: 6 * HOUR, ..Settings::default() });
    let first = world.since;
    world.pass(HOUR);
    assert_eq!(world.count(Lane::Images, first), 1);
    world.sleep(40 * HOUR);
    world.pass(HOUR);
    assert_eq!(world.count(Lane::Images, first), 2, "several were missed, and one is made up for");
    world.offset -= 400_000;
    world.pass(HOUR);
    assert_eq!(world.count(Lane::Images, first), 3, "the last one lies in the future");
    world.pass(5 * HOUR);
    assert_eq!(world.count(Lane::Images, first), 3);
}

#[test]
fn another_owner_is_judged_within_seconds_even_while_something_else_is_looked_at() {
    let mut world = World::new(Settings::default());
    world.pass(300);
    world.tell(Event::Changed(Urgency::Calm));
    world.pass(3);
    let began = world.begun.iter().rfind(|(_, lane)| *lane == Lane::Slow).unwrap().0;
    assert!(world.since.saturating_sub(began) <= Duration::from_secs(1), "a look has begun");
    world.wrong = Some(Code::PortContended);
    world.tell(Event::Changed(Urgency::Owner));
    let seen = world.since;
    world.pass(5);
    assert_eq!(world.verdicts().last(), Some(&(Verdict::Blocked, Some(Code::PortContended))));
    assert!(world.since.saturating_sub(seen) <= Duration::from_secs(5));
}

#[test]
fn what_flaps_is_looked_at_often_and_then_rarely() {
    let mut world = World::new(Settings::default());
    world.pass(300);
    for (urgency, few, many) in [(Urgency::Owner, 30, 45), (Urgency::Calm, 8, 14)] {
        let from = world.since;
        for _ in 0..300 {
            world.tell(Event::Changed(urgency));
            world.pass(1);
        }
        let looks = world.count(Lane::Slow, from);
        assert!((few..=many).contains(&looks), "{urgency:?}: {looks} looks in five minutes");
    }
}

#[test]
fn another_owner_that_is_seen_is_judged_within_ten_seconds_where_processes_come_and_go() {
    let mut world = World::new(Settings::default());
    world.pass(300);
    for second in 0..600 {
        if second == 500 {
            world.wrong = Some(Code::PortContended);
        }
        world.tell(Event::Changed(Urgency::Owner));
        world.pass(1);
        if second == 510 {
            assert_eq!(world.verdicts().last(), Some(&(Verdict::Blocked, Some(Code::PortContended))));
        }
    }
}

#[test]
fn failures_wait_ever_longer_and_a_success_forgets_them() {
    let begun = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Run { ticket, lane: Lane::Slow, .. } => Some(*ticket),
            _ => None,
        })
    };
    let at = |second: u64| {
        let wall = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        Now { since: Duration::from_secs(second), wall }
    };
    let settings = Settings { fast: Duration::from_hours(100), ..Settings::default() };
    let (mut machine, mut actions) = Machine::new(settings, Runs::default(), "node", at(0));
    let mut waits = Vec::new();
    for second in 1..8_000 {
        let ended =
            if waits.len() < 8 { Ended::Badly("no".to_owned()) } else { Ended::Well { pulse: None, images: None } };
        if let Some(ticket) = begun(&actions) {
            machine.on(at(second), Event::Done { ticket, ended });
            waits.push(machine.state(Lane::Slow).due_in.unwrap().as_secs());
        }
        if waits.len() == 8 {
            assert_eq!(machine.state(Lane::Slow).failure.as_deref(), Some("no"));
        }
        actions = machine.on(at(second), Event::Tick);
    }
    let (failed, well) = waits.split_at(8);
    assert_eq!(failed, [30, 60, 120, 240, 480, 900, 900, 900]);
    assert!(well.iter().all(|wait| (900..=990).contains(wait)), "{well:?}");
    assert_eq!(machine.state(Lane::Slow).failure, None);
}

#[test]
fn an_acceptance_comes_when_it_is_wanted_and_the_verdict_after_it() {
    let mut world = World::new(Settings::default());
    world.pass(300);
    let from = world.since;
    world.tell(Event::Wanted(Lane::Acceptance, Duration::from_secs(30)));
    world.tell(Event::Wanted(Lane::Acceptance, Duration::from_secs(500)));
    world.pass(29);
    assert_eq!(world.count(Lane::Acceptance, from), 0);
    world.pass(HOUR / 12);
    assert_eq!(world.count(Lane::Acceptance, from), 1);
    let ended = from + Duration::from_secs(150);
    assert_eq!(world.begun.iter().filter(|(at, lane)| *lane == Lane::Slow && *at >= ended).count(), 1);
    assert!(world.count(Lane::Fast, from) >= 9, "they go on meanwhile");
}

#[test]
fn a_glance_that_hangs_is_not_begun_again_before_it_ends() {
    let now = |second| Now { since: Duration::from_secs(second), wall: Timestamp::UNIX_EPOCH };
    let (mut machine, actions) = Machine::new(Settings::default(), Runs::default(), "node", now(0));
    let Some(Action::Run { ticket, lane: Lane::Glance, .. }) = actions.first().cloned() else { panic!("{actions:?}") };
    let runs =
        |actions: &[Action]| actions.iter().any(|action| matches!(action, Action::Run { lane: Lane::Glance, .. }));
    let late = machine.on(now(6), Event::Tick);
    assert!(late.iter().any(|action| matches!(action, Action::GiveUp { lane: Lane::Glance, is_overdue: true, .. })));
    for second in 7..60 {
        assert!(!runs(&machine.on(now(second), Event::Tick)));
    }
    let mut actions = machine.on(now(61), Event::Gone { ticket });
    actions.extend(machine.on(now(80), Event::Tick));
    assert!(runs(&actions));
}

#[test]
fn a_new_configuration_is_followed_at_once() {
    let mut world = World::new(Settings { locks: Duration::ZERO, ..Settings::default() });
    world.pass(HOUR);
    assert_eq!(world.count(Lane::Locks, Duration::ZERO), 0);
    let from = world.since;
    world.tell(Event::Configured(Settings { fast: Duration::from_secs(10), ..Settings::default() }));
    world.pass(HOUR / 2);
    assert_eq!(world.count(Lane::Locks, from), 2);
    assert!((150..=182).contains(&world.count(Lane::Fast, from)), "{}", world.count(Lane::Fast, from));
}

#[test]
fn a_look_that_began_with_the_old_configuration_is_repeated() {
    let mut world = World::new(Settings::default());
    world.pass(300);
    world.tell(Event::Changed(Urgency::Calm));
    world.pass(3);
    let from = world.since;
    world.tell(Event::Configured(Settings::default()));
    world.pass(10);
    assert_eq!(world.count(Lane::Slow, from), 1);
}

#[test]
fn looks_that_never_go_away_close_the_way_for_others() {
    let now = |second| Now { since: Duration::from_secs(second), wall: Timestamp::UNIX_EPOCH };
    let (mut machine, _) = Machine::new(Settings::default(), Runs::default(), "node", now(0));
    assert!(!machine.is_closed());
    for second in 1..4 * HOUR {
        machine.on(now(second), Event::Tick);
    }
    assert!(machine.is_closed());
    let more: Vec<Action> = (4 * HOUR..5 * HOUR).flat_map(|second| machine.on(now(second), Event::Tick)).collect();
    assert!(!more.iter().any(|action| matches!(action, Action::Run { lane: Lane::Slow | Lane::Fast, .. })));
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Sleep(u64),
    Set(i64),
    Change(bool),
    Hang(bool),
    Break(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..3_000).prop_map(Step::Pass),
        (0_u64..50_000).prop_map(Step::Sleep),
        (-500_000_i64..500_000).prop_map(Step::Set),
        any::<bool>().prop_map(Step::Change),
        any::<bool>().prop_map(Step::Hang),
        any::<bool>().prop_map(Step::Break),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Whatever happens, once it is over the daemon comes to the right verdict, and no lane runs more often than it may.
    #[test]
    fn whatever_happens_the_verdict_is_right_in_the_end(steps in steps()) {
        let mut world = World::new(Settings::default());
        for step in steps {
            match step {
                Step::Pass(seconds) => world.pass(seconds),
                Step::Sleep(seconds) => world.sleep(seconds),
                Step::Set(by) => world.offset += by,
                Step::Change(owner) => world.tell(Event::Changed(if owner { Urgency::Owner } else { Urgency::Calm })),
                Step::Hang(hangs) => world.hangs = hangs,
                Step::Break(breaks) => world.wrong = breaks.then_some(Code::PortSilent),
            }
        }
        world.hangs = false;
        world.pass(HOUR);
        let right = if world.wrong.is_some() { Verdict::Blocked } else { Verdict::Ready };
        prop_assert_eq!(world.history.spells.last().map(|spell| spell.verdict), Some(right));
        let from = world.since;
        world.pass(HOUR);
        prop_assert!(world.count(Lane::Slow, from) <= 4 && world.count(Lane::Fast, from) <= 121);
        prop_assert!(world.count(Lane::Glance, from) <= 721 && world.count(Lane::Locks, from) <= 6);
    }
}
