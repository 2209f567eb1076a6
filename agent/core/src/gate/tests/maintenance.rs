//! While somebody works on the node.

use super::{Bench, settings};
use crate::gate::{Action, End, Input, Seen, Settings, Signal};

#[test]
fn one_that_is_never_ready_is_left_alone_and_has_its_whole_time_afterwards() {
    let mut bench = Bench::new(settings());
    bench.started().maintenance(true).see(Seen::NotReady("upgrading".to_owned())).after(3_600);
    assert_eq!((bench.exit, bench.did(&Action::Terminate)), (None, 0));
    assert!(!bench.pending.iter().any(|action| matches!(action, Action::Diagnose { .. })));
    assert!(bench.machine.wake_at().is_none_or(|wake| wake > bench.since), "it does not spin");
    bench.maintenance(false).after(59);
    assert!(!bench.pending.iter().any(|action| matches!(action, Action::Diagnose { .. })));
    bench.after(1).diagnosed(Some(69));
    assert_eq!(bench.did(&Action::Terminate), 1);
}

#[test]
fn unready_is_told_and_nothing_is_stopped_until_it_is_over() {
    let mut bench = Bench::new(Settings { restart_unready: true, ..settings() });
    bench.started().ready().maintenance(true).after(1).see(Seen::NotReady("restarted by hand".to_owned())).after(3_600);
    assert_eq!(bench.did(&Action::Terminate), 0);
    assert!(bench.said.iter().any(|line| line.starts_with("not ready for ")), "{:?}", bench.said);
    bench.maintenance(false).after(59);
    assert_eq!(bench.did(&Action::Terminate), 0);
    assert_eq!(bench.after(1).did(&Action::Terminate), 1);
}

#[test]
fn a_stop_that_was_decided_and_not_begun_is_put_off() {
    let mut bench = Bench::new(settings());
    bench.started().see(Seen::NotReady("starting".to_owned())).after(60);
    bench.maintenance(true).diagnosed(Some(69));
    assert_eq!((bench.exit, bench.did(&Action::Terminate)), (None, 0));
    bench.ready().ended(End::Status(0)).planned(Some(false));
    assert_eq!(bench.exit, Some(0));
}

#[test]
fn failures_do_not_count_and_signals_do() {
    let mut bench = Bench::new(Settings { hold_after: 1, ..settings() });
    bench.maintenance(true).started().ended(End::Status(1));
    assert_eq!(bench.exit, Some(1));
    assert!(!bench.pending.iter().any(|action| matches!(action, Action::Remember(_))));
    let mut stopped = Bench::new(settings());
    stopped.started().ready().maintenance(true).on(Input::Signal(Signal::Terminate)).ended(End::Signal(15));
    assert_eq!(stopped.exit, Some(0));
}

#[test]
fn it_is_told_once_when_it_begins_and_when_it_ends() {
    let mut bench = Bench::new(settings());
    bench.started().maintenance(true).maintenance(true).maintenance(false).maintenance(false);
    let told: Vec<&String> = bench.said.iter().filter(|line| line.starts_with("maintenance")).collect();
    assert_eq!(
        told,
        [
            "maintenance until 1970-01-01T05:00:00Z: the command is not stopped for not being ready",
            "maintenance is over"
        ]
    );
}

#[test]
fn without_a_command_there_is_nothing_to_spare() {
    let mut bench = Bench::new(Settings { has_command: false, ..settings() });
    bench.maintenance(true).see(Seen::NotReady("no".to_owned())).after(60).diagnosed(Some(69));
    assert_eq!(bench.exit, Some(69));
}
