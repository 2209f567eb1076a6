//! Single stories.

mod maintenance;
mod orders;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;

const PID: u32 = 77;

/// A machine with a clock.
struct Bench {
    machine: Machine,
    since: Duration,
    said: Vec<String>,
    pending: Vec<Action>,
    exit: Option<u8>,
    did_maintain: bool,
}

fn settings() -> Settings {
    Settings { has_command: true, timeout: Duration::from_mins(1), ..Settings::default() }
}

fn wall(since: Duration) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::try_from(since).unwrap()
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self::with(settings, Failures::default())
    }

    fn with(settings: Settings, failures: Failures) -> Self {
        let since = Duration::from_hours(1);
        let (machine, actions) = Machine::new(settings, failures, Now { since, wall: wall(since) });
        let mut bench = Self { machine, since, said: Vec::new(), pending: Vec::new(), exit: None, did_maintain: false };
        bench.take(actions);
        bench
    }

    fn take(&mut self, actions: Vec<Action>) {
        assert!(self.exit.is_none() || actions.is_empty(), "{actions:?} after the end");
        for action in actions {
            match action {
                Action::Say(message) => self.said.push(message.to_string()),
                Action::Exit(status) => self.exit = Some(status),
                other => self.pending.push(other),
            }
        }
    }

    fn on(&mut self, input: Input) -> &mut Self {
        let now = Now { since: self.since, wall: wall(self.since) };
        let actions = self.machine.on(now, input);
        self.take(actions);
        self
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.since += Duration::from_secs(seconds);
        self.on(Input::Tick)
    }

    fn ticket(&self) -> u64 {
        let ticket = self.pending.iter().rev().find_map(|action| match action {
            Action::Look { ticket, .. } | Action::Diagnose { ticket, .. } | Action::AskRestart { ticket } => {
                Some(*ticket)
            }
            _ => None,
        });
        ticket.unwrap_or_default()
    }

    fn see(&mut self, seen: Seen) -> &mut Self {
        let ticket = self.ticket();
        self.on(Input::Seen { ticket, seen })
    }

    fn ready(&mut self) -> &mut Self {
        self.see(Seen::SaysReady).see(Seen::Proven("proof".to_owned()))
    }

    fn started(&mut self) -> &mut Self {
        self.on(Input::Started { pid: PID })
    }

    fn ended(&mut self, end: End) -> &mut Self {
        self.on(Input::Ended(end)).on(Input::Gone)
    }

    fn planned(&mut self, planned: Option<bool>) -> &mut Self {
        let ticket = self.ticket();
        self.on(Input::Restart { ticket, planned })
    }

    fn diagnosed(&mut self, status: Option<u8>) -> &mut Self {
        let ticket = self.ticket();
        let cause = status.map(|status| Cause { status, text: "cause".to_owned() });
        self.on(Input::Diagnosed { ticket, cause })
    }

    fn maintenance(&mut self, on: bool) -> &mut Self {
        self.did_maintain |= on;
        let until = on.then(|| wall(Duration::from_hours(5)));
        self.on(Input::Maintenance(until))
    }

    fn did(&self, action: &Action) -> usize {
        self.pending.iter().filter(|done| *done == action).count()
    }
}

#[test]
fn without_a_command_ready_is_success() {
    let mut bench = Bench::new(Settings { has_command: false, ..settings() });
    bench.ready();
    assert_eq!(bench.exit, Some(0));
    assert_eq!(bench.said, ["ready after 0.0 s: proof"]);
}

#[test]
fn what_only_says_that_it_is_ready_is_not() {
    let mut bench = Bench::new(Settings { has_command: false, ..settings() });
    bench.see(Seen::SaysReady).see(Seen::NotReady("one-owner: no".to_owned()));
    assert_eq!(bench.exit, None);
    bench.after(60).diagnosed(Some(69));
    assert_eq!(bench.exit, Some(69));
}

#[test]
fn without_a_command_a_signal_ends_it_as_a_shell_says() {
    let mut bench = Bench::new(Settings { has_command: false, ..settings() });
    bench.on(Input::Signal(Signal::WindowChange)).on(Input::Signal(Signal::Interrupt));
    assert_eq!(bench.exit, Some(130));
}

#[test]
fn a_command_that_ends_well_after_it_was_ready_is_a_success() {
    let mut bench = Bench::new(settings());
    bench.started().ready().ended(End::Status(0)).planned(Some(false));
    assert_eq!(bench.exit, Some(0));
}

#[test]
fn a_command_that_ends_well_and_was_never_ready_is_none() {
    for (cause, status) in [(None, 75), (Some(69), 69), (Some(78), 78)] {
        let mut bench = Bench::new(settings());
        bench.started().ended(End::Status(0)).planned(Some(false)).diagnosed(cause);
        assert_eq!(bench.exit, Some(status));
    }
}

#[test]
fn a_command_that_ends_badly_gives_its_status() {
    for (end, status) in [(End::Status(78), 78), (End::Status(1), 1), (End::Signal(9), 137), (End::Signal(15), 143)] {
        for is_ready in [false, true] {
            let mut bench = Bench::new(settings());
            bench.started();
            if is_ready {
                bench.ready();
            }
            assert_eq!(bench.ended(end).exit, Some(status), "{end:?}");
        }
    }
}

#[test]
fn the_end_that_a_signal_asked_for_is_a_good_one() {
    for end in [End::Status(0), End::Signal(15), End::Status(143)] {
        let mut bench = Bench::new(settings());
        bench.started().ready().on(Input::Signal(Signal::Terminate));
        assert_eq!(bench.did(&Action::Forward(Signal::Terminate)), 1);
        assert_eq!(bench.ended(end).exit, Some(0), "{end:?}");
        let mut unready = Bench::new(settings());
        assert_eq!(unready.started().on(Input::Signal(Signal::Terminate)).ended(end).exit, Some(75));
    }
    let mut bad = Bench::new(settings());
    assert_eq!(bad.started().ready().on(Input::Signal(Signal::Terminate)).ended(End::Status(1)).exit, Some(1));
}

#[test]
fn what_does_not_end_when_asked_is_killed() {
    let mut bench = Bench::new(settings());
    bench.started().ready().on(Input::Signal(Signal::Terminate)).after(17);
    assert_eq!(bench.did(&Action::Kill), 0);
    assert_eq!(bench.after(1).did(&Action::Kill), 1);
    assert_eq!(bench.ended(End::Signal(9)).exit, Some(137));
}

#[test]
fn what_a_command_leaves_behind_is_ended_before_the_gate_ends() {
    let mut bench = Bench::new(settings());
    bench.started().ready().on(Input::Ended(End::Status(0)));
    assert_eq!((bench.exit, bench.did(&Action::Terminate)), (None, 1));
    assert_eq!(bench.after(18).did(&Action::Kill), 1);
    bench.on(Input::Gone).planned(Some(false));
    assert_eq!(bench.exit, Some(0));
}

#[test]
fn one_that_is_never_ready_is_diagnosed_while_it_runs_then_stopped() {
    let mut bench = Bench::new(settings());
    bench.started().see(Seen::NotReady("starting".to_owned())).after(60);
    assert_eq!(bench.did(&Action::Terminate), 0);
    bench.diagnosed(Some(77));
    assert_eq!(bench.did(&Action::Terminate), 1);
    assert_eq!(bench.ended(End::Signal(15)).exit, Some(77));
}

#[test]
fn a_planned_restart_starts_anew_and_must_be_ready_anew() {
    let mut bench = Bench::new(settings());
    bench.started().ready().ended(End::Status(0)).planned(Some(true));
    assert_eq!((bench.exit, bench.did(&Action::Start)), (None, 2));
    bench.started().ended(End::Status(0)).planned(Some(false)).diagnosed(None);
    assert_eq!(bench.exit, Some(75));
}

#[test]
fn a_planned_restart_is_no_success_where_it_is_left_to_the_supervisor() {
    let mut bench = Bench::new(Settings { on_restart: OnRestart::Exit, ..settings() });
    bench.started().ready().ended(End::Status(0)).planned(Some(true));
    assert_eq!(bench.exit, Some(75));
    let mut unknown = Bench::new(settings());
    assert_eq!(unknown.started().ready().ended(End::Status(0)).planned(None).exit, Some(75));
}

#[test]
fn restarts_without_an_end_are_a_failure() {
    let mut bench = Bench::new(settings());
    for _ in 0..20 {
        bench.started().ready().ended(End::Status(0)).planned(Some(true));
    }
    assert_eq!(bench.exit, Some(75));
}

#[test]
fn the_proof_of_an_earlier_run_proves_nothing() {
    let mut bench = Bench::new(settings());
    bench.started().see(Seen::SaysReady);
    let stale = bench.ticket();
    bench.ended(End::Status(0)).planned(Some(true)).started();
    bench.on(Input::Seen { ticket: stale, seen: Seen::Proven("old".to_owned()) });
    bench.ended(End::Status(0)).planned(Some(false)).diagnosed(None);
    assert_eq!(bench.exit, Some(75));
}

#[test]
fn unready_for_longer_than_the_grace_is_told_and_stops_only_where_asked() {
    for restart_unready in [false, true] {
        let mut bench = Bench::new(Settings { restart_unready, ..settings() });
        bench.started().ready().after(1).see(Seen::NotReady("telegram".to_owned())).after(59);
        assert_eq!(bench.did(&Action::Terminate), 0);
        bench.after(1);
        assert_eq!(bench.did(&Action::Terminate), usize::from(restart_unready));
        assert!(bench.said.iter().any(|line| line == "not ready for 60 s: telegram"), "{:?}", bench.said);
        if restart_unready {
            assert_eq!(bench.ended(End::Status(0)).exit, Some(75));
        }
    }
}

#[test]
fn a_look_that_does_not_end_is_no_proof_that_the_command_still_works() {
    let mut bench = Bench::new(Settings { restart_unready: true, ..settings() });
    bench.started().ready().after(1).after(30);
    assert_eq!(bench.did(&Action::Terminate), 0);
    bench.after(60);
    assert_eq!(bench.did(&Action::Terminate), 1);
    let line = "not ready for 60 s: a look at the gateway does not end";
    assert!(bench.said.iter().any(|said| said == line), "{:?}", bench.said);
}

#[test]
fn ready_again_is_told_only_when_unready_was() {
    let mut bench = Bench::new(settings());
    bench.started().ready().after(1).see(Seen::NotReady("busy".to_owned())).after(2).ready();
    assert_eq!(bench.said.len(), 2, "{:?}", bench.said);
}

#[test]
fn a_storm_of_failures_holds_instead_of_ending() {
    let mut failures = Failures::default();
    let mut exits = Vec::new();
    for _ in 0..5 {
        let mut bench = Bench::with(settings(), failures.clone());
        bench.started().ended(End::Status(1));
        exits.push(bench.exit);
        for action in bench.pending {
            if let Action::Remember(kept) = action {
                failures = kept;
            }
        }
    }
    assert_eq!(exits, [Some(1), Some(1), Some(1), Some(1), None]);

    let mut held = Bench::with(settings(), failures.clone());
    held.diagnosed(Some(78));
    assert_eq!(held.said.last().map(String::as_str), Some("cause: cause"));
    assert_eq!(held.did(&Action::Start), 0);
    assert_eq!(held.after(599).did(&Action::Start), 0);
    assert_eq!(held.after(1).did(&Action::Start), 1);
    let mut asked = Bench::with(settings(), failures.clone());
    assert_eq!(asked.on(Input::Signal(Signal::HangUp)).did(&Action::Start), 1);
    let mut stopped = Bench::with(settings(), failures.clone());
    assert_eq!(stopped.on(Input::Signal(Signal::Terminate)).exit, Some(75));
    let mut never = Bench::with(Settings { hold_after: 0, ..settings() }, failures);
    assert_eq!(never.started().ended(End::Status(1)).exit, Some(1));
}

#[test]
fn a_command_that_cannot_be_started_gives_the_status_of_a_shell() {
    let mut bench = Bench::new(settings());
    bench.on(Input::NotStarted { status: 127, why: "no such file".to_owned() });
    assert_eq!(bench.exit, Some(127));
}

#[test]
fn time_stopped_at_the_terminal_does_not_count() {
    let mut bench = Bench::new(settings());
    bench.started().after(50);
    bench.since += Duration::from_secs(100);
    bench.on(Input::Resumed { after: Duration::from_secs(100) });
    assert_eq!(bench.after(9).did(&Action::Terminate), 0);
    assert!(bench.after(1).pending.iter().any(|action| matches!(action, Action::Diagnose { .. })));
}
