//! Every order of events.

use std::time::Duration;

use proptest::prelude::*;

use super::{Bench, settings};
use crate::gate::machine::{DIAGNOSIS, RESTART_QUESTION, VANISH};
use crate::gate::{Action, Depth, End, Input, OnRestart, Seen, Settings, Signal};

/// What may happen next, without regard to what was asked for.
fn inputs() -> impl Strategy<Value = (u64, Event)> {
    let event = prop_oneof![
        4 => Just(Event::Tick),
        4 => Just(Event::Says),
        3 => Just(Event::Proven),
        3 => Just(Event::Not),
        2 => any::<u8>().prop_map(|status| Event::Ended(End::Status(status % 3))),
        1 => Just(Event::Ended(End::Signal(15))),
        3 => Just(Event::Gone),
        2 => prop_oneof![Just(None), Just(Some(true)), Just(Some(false))].prop_map(Event::Planned),
        2 => prop_oneof![Just(None), Just(Some(69)), Just(Some(0))].prop_map(Event::Diagnosed),
        2 => prop_oneof![
            Just(Signal::Interrupt), Just(Signal::Terminate), Just(Signal::HangUp), Just(Signal::WindowChange)
        ].prop_map(Event::Signal),
        3 => Just(Event::Started),
        1 => Just(Event::NotStarted),
        1 => Just(Event::Stale),
        1 => any::<bool>().prop_map(Event::Maintenance),
    ];
    ((0_u64..15_000), event)
}

#[derive(Debug, Clone)]
enum Event {
    Tick,
    Says,
    Proven,
    Not,
    Ended(End),
    Gone,
    Planned(Option<bool>),
    Diagnosed(Option<u8>),
    Signal(Signal),
    Started,
    NotStarted,
    Stale,
    Maintenance(bool),
}

fn all_settings() -> impl Strategy<Value = Settings> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..3).prop_map(
        |(has_command, restart_unready, respawn, hold)| Settings {
            has_command,
            restart_unready,
            on_restart: if respawn { OnRestart::Respawn } else { OnRestart::Exit },
            hold_after: hold,
            ..settings()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_order_of_events_is_a_success_without_a_proof(settings in all_settings(), story in prop::collection::vec(inputs(), 0..60)) {
        let mut bench = Bench::new(settings);
        // Whether the present run was proven, and whether that was taken back by a new start.
        let mut proven = false;
        for (millis, event) in story {
            if bench.exit.is_some() {
                break;
            }
            bench.since += Duration::from_millis(millis);
            let starts = bench.did(&Action::Start);
            let ticket = bench.ticket();
            let asked_proof = bench.pending.iter().rev().find_map(|action| match action {
                Action::Look { depth, .. } => Some(*depth == Depth::Proof),
                Action::Diagnose { .. } | Action::AskRestart { .. } => Some(false),
                _ => None,
            });
            match event {
                Event::Tick => bench.on(Input::Tick),
                Event::Says => bench.see(Seen::SaysReady),
                Event::Proven if asked_proof == Some(true) => {
                    proven = true;
                    bench.see(Seen::Proven("proof".to_owned()))
                }
                Event::Proven | Event::Not => bench.see(Seen::NotReady("no".to_owned())),
                Event::Ended(end) => bench.on(Input::Ended(end)),
                Event::Gone => bench.on(Input::Gone),
                Event::Planned(planned) => bench.planned(planned),
                Event::Diagnosed(status) => bench.diagnosed(status),
                Event::Signal(signal) => bench.on(Input::Signal(signal)),
                Event::Started => bench.started(),
                Event::NotStarted => bench.on(Input::NotStarted { status: 126, why: String::new() }),
                Event::Maintenance(on) => bench.maintenance(on),
                Event::Stale => bench.on(Input::Seen { ticket: ticket.wrapping_sub(1), seen: Seen::Proven("old".to_owned()) }),
            };
            if bench.did(&Action::Start) > starts {
                proven = false;
            }
            if bench.exit == Some(0) {
                prop_assert!(proven);
            }
        }
    }

    /// Nothing answers, nothing obeys but `SIGKILL`, and nothing is ever ready: the gate ends within the sum of its deadlines.
    #[test]
    fn every_story_ends_within_the_deadlines(
        settings in all_settings(),
        story in prop::collection::vec(inputs(), 0..40),
        is_immortal in any::<bool>(),
    ) {
        let settings = Settings { hold_after: 0, restart_unready: true, on_restart: OnRestart::Exit, ..settings };
        let limit = settings.timeout + DIAGNOSIS * 2 + RESTART_QUESTION + settings.stop_timeout + VANISH + Duration::from_secs(2);
        let mut bench = Bench::new(settings);
        if bench.did(&Action::Start) == 1 {
            bench.started();
        }
        let begun = bench.since;
        for (millis, event) in story {
            if bench.exit.is_some() {
                return Ok(());
            }
            bench.since += Duration::from_millis(millis / 10);
            match event {
                Event::Tick | Event::Started | Event::NotStarted | Event::Stale | Event::Proven => bench.on(Input::Tick),
                Event::Says => bench.see(Seen::SaysReady),
                Event::Not => bench.see(Seen::NotReady("no".to_owned())),
                Event::Ended(end) => bench.on(Input::Ended(end)),
                Event::Gone => bench.on(Input::Gone),
                Event::Planned(planned) => bench.planned(planned),
                Event::Diagnosed(status) => bench.diagnosed(status),
                Event::Signal(signal) => bench.on(Input::Signal(signal)),
                Event::Maintenance(on) => bench.maintenance(on),
            };
        }
        // Maintenance may have put deadlines off until now.
        let begun = if bench.did_maintain { bench.since } else { begun };
        bench.maintenance(false);
        while bench.exit.is_none() {
            let wake = bench.machine.wake_at();
            prop_assert!(wake.is_some(), "it waits for ever: {:?}", bench.machine);
            bench.since = wake.unwrap_or_default().max(bench.since + Duration::from_millis(1));
            prop_assert!(bench.since < begun + limit, "{:?}", bench.machine);
            bench.on(Input::Tick);
            if !is_immortal && bench.did(&Action::Kill) > 0 {
                bench.on(Input::Ended(End::Signal(9))).on(Input::Gone);
            }
        }
        prop_assert_ne!(bench.exit, Some(0));
    }
}
