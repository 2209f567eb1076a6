use super::super::super::fixture::*;
use super::*;
use crate::acceptance::fixture::accepted;
use crate::acceptance::{DataFolder, Pending};
use crate::snapshot::{PowerSettings, UpdateSettings};
use crate::{Fact, Verdict};

/// The healthy node, accepted as it is but for what is changed.
fn since(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut node = healthy();
    node.accepted = known(accepted(&node));
    change(&mut node);
    node
}

fn upgraded() -> Snapshot {
    since(|node| value(&mut node.accepted).baseline.system.as_mut().unwrap().build = "25A354".to_owned())
}

#[test]
fn an_accepted_node_that_is_as_it_was_is_ready() {
    let node = since(|_| {});
    let report = report(&node);
    assert_eq!((report.verdict, report.quarantine), (Verdict::Ready, None));
    assert_eq!(report.accepted.unwrap().os_build.as_deref(), Some("25B78"));
    assert!(silent(quarantined, &node) && silent(by_hand, &node));
}

#[test]
fn another_build_is_a_quarantine_that_blocks() {
    let node = upgraded();
    assert_eq!(root_causes(&node), [Code::HostOsChanged]);
    let report = report(&node);
    assert_eq!(report.exit_status(false), 1);
    let quarantine = report.quarantine.unwrap();
    assert_eq!(quarantine.because(), "build 25A354 → 25B78");
    assert_eq!(quarantine.since, Some(ago(864_000)), "the boot brought it");
    let finding = finding(&node, Code::HostOsChanged);
    assert_eq!(finding.summary, "in quarantine until a full acceptance has passed: build 25A354 → 25B78");
}

#[test]
fn the_first_attempt_says_since_when() {
    let mut node = upgraded();
    value(&mut node.accepted).pending = Some(Pending {
        since: ago(600),
        occasions: Vec::new(),
        first: ago(600),
        attempts: 3,
        last: ago(60),
        reasons: vec!["locks: not watched".to_owned()],
    });
    let quarantine = report(&node).quarantine.unwrap();
    assert_eq!((quarantine.since, quarantine.attempts), (Some(ago(600)), 3));
    assert!(draft(quarantined, &node).evidence.iter().any(|piece| piece.fact.ends_with("locks: not watched")));
}

#[test]
fn other_hardware_needs_a_persons_word() {
    let node = since(|node| node.node.id = known(fingerprint("another uuid")));
    assert_eq!(root_causes(&node), [Code::HostOsChanged]);
    assert!(report(&node).quarantine.unwrap().needs_consent);
    assert!(
        draft(quarantined, &node)
            .remedy
            .iter()
            .any(|step| step.command.as_deref() == Some("sudo portreeve accept --moved"))
    );
}

#[test]
fn a_copied_folder_is_a_quarantine_without_other_hardware() {
    let node = since(|node| {
        value(&mut node.accepted).folder = Some(DataFolder { inode: Some(7), key: None });
        node.data_folder = Some(DataFolder { inode: Some(8), key: None });
    });
    assert_eq!(report(&node).quarantine.unwrap().because(), "restored or copied");
}

#[test]
fn under_another_key_the_hardware_is_not_judged_and_not_trusted() {
    let node = since(|node| {
        let folder = |key: &str| Some(DataFolder { inode: Some(7), key: Some(fingerprint(key)) });
        value(&mut node.accepted).folder = folder("old");
        node.data_folder = folder("new");
        node.node.id = known(fingerprint("the same uuid under another key"));
    });
    assert!(silent(quarantined, &node));
    assert_eq!(report(&node).verdict, Verdict::Unknown);
}

#[test]
fn a_record_that_cannot_be_read_is_neither_green_nor_a_quarantine() {
    let denied = node(|node| node.accepted = denied());
    let damaged = node(|node| node.accepted = Fact::unreadable("of no known form", "accepted.json", now()));
    let hidden = since(|node| node.node.system = Fact::unreadable("no answer", "sysctl", now()));
    for node in [denied, damaged, hidden] {
        assert!(silent(quarantined, &node) && silent(by_hand, &node));
        let report = report(&node);
        assert_eq!((report.verdict, report.quarantine), (Verdict::Unknown, None));
        assert!(codes(&node).contains(&Code::AgentBlind));
    }
}

#[test]
fn what_was_accepted_by_hand_is_said_until_an_acceptance_passes() {
    let node = since(|node| {
        let accepted = value(&mut node.accepted);
        accepted.how = How::ByHand;
        accepted.reason = Some("the engine is being replaced".to_owned());
        accepted.in_spite_of = vec!["rungs: gateway on port 18789: channels: 1 account".to_owned()];
    });
    assert_eq!(report(&node).verdict, Verdict::Degraded);
    let draft = draft(by_hand, &node);
    assert_eq!(draft.severity, Severity::Warning);
    assert_eq!(
        draft.summary,
        "accepted by hand by op on 2026-11-19, and by no full acceptance since: the engine is being replaced"
    );
}

fn power(sleep_minutes: Option<u32>, auto_restart: Option<bool>, sleep_disabled: Option<bool>) -> Snapshot {
    node(|node| node.node.host.power = known(PowerSettings { sleep_minutes, auto_restart, sleep_disabled }))
}

#[test]
fn a_machine_that_may_sleep_or_stays_off_is_a_warning() {
    assert_eq!(draft(sleep, &power(Some(1), Some(true), None)).summary, "this machine sleeps after 1 idle minutes");
    let both = draft(sleep, &power(Some(10), Some(false), Some(false)));
    assert_eq!(both.summary, "this machine sleeps after 10 idle minutes, and stays off after a power failure");
    assert_eq!((both.severity, both.remedy.len()), (Severity::Warning, 2));
    assert_eq!(report(&power(Some(1), None, None)).verdict, Verdict::Degraded);
}

#[test]
fn a_machine_that_is_kept_awake_or_does_not_tell_is_none() {
    for well in [power(Some(0), Some(true), None), power(Some(1), None, Some(true)), power(None, None, None)] {
        assert!(silent(sleep, &well));
    }
    assert!(silent(sleep, &healthy()), "no such settings on this system");
    assert!(silent(sleep, &node(|node| node.node.host.power = denied())));
}

fn updates(settings: UpdateSettings) -> Snapshot {
    node(|node| node.node.host.updates = known(settings))
}

#[test]
fn updates_that_install_themselves_are_worth_knowing() {
    let on = UpdateSettings { checks: Some(true), installs: Some(true), ..UpdateSettings::default() };
    assert_eq!(draft(auto_update, &updates(on)).severity, Severity::Information);
    assert_eq!(report(&updates(on)).verdict, Verdict::Ready);
    let critical = UpdateSettings { installs_critical: Some(true), ..on };
    assert!(draft(auto_update, &updates(critical)).summary.contains("security responses too"));
}

#[test]
fn updates_that_wait_for_a_person_are_not() {
    for settings in [
        UpdateSettings { checks: Some(false), installs: Some(true), ..UpdateSettings::default() },
        UpdateSettings { installs: Some(false), ..UpdateSettings::default() },
        UpdateSettings::default(),
    ] {
        assert!(silent(auto_update, &updates(settings)));
    }
    assert!(silent(auto_update, &healthy()));
    assert!(silent(auto_update, &node(|node| node.node.host.updates = denied())));
}
