mod decide;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{accepted, looked_deep, rich};
use super::*;
use crate::diagnose::fixture::*;
use crate::report::MirrorState;
use crate::snapshot::KeepAlive;
use crate::{Fact, Policy, Snapshot, Verdict};

type Change = fn(&mut Baseline);

const ENGINE: &str = "docker:/var/run/docker.sock";
const CONTAINER: &str = "container:claw-gateway-1";

fn unit(base: &mut Baseline) -> &mut UnitBaseline {
    base.units.get_mut(UNIT).unwrap()
}

/// Every change that is made of one field alone, with the sentence that names it.
const CHANGES: &[(Change, Weight, &str)] = &[
    (
        |base| base.system.as_mut().unwrap().build = "25C56".to_owned(),
        Weight::Changed,
        "operating system: macOS 26.1 (25B78) → macOS 26.1 (25C56)",
    ),
    (|base| base.stays_awake = Some(false), Weight::Lost, "the machine may sleep, it was kept awake"),
    (
        |base| base.restarts_alone = Some(false),
        Weight::Lost,
        "the machine stays off after a power failure, it started by itself",
    ),
    (|base| base.automatic_login = Some(false), Weight::Lost, "nobody is logged in by itself after boot any more"),
    (
        |base| base.file_vault = Some(true),
        Weight::Changed,
        "FileVault was switched on: after a boot the disk waits for a password",
    ),
    (
        |base| base.automatic_updates = Some(true),
        Weight::Changed,
        "updates of the system are installed by themselves now",
    ),
    (
        |base| base.gateways.get_mut(STATE).unwrap().port = 19_001,
        Weight::Changed,
        "port of gateway /Users/op/.openclaw: 18789 → 19001",
    ),
    (
        |base| base.gateways.get_mut(STATE).unwrap().version = Some("2026.9.8".to_owned()),
        Weight::Changed,
        "OpenClaw of gateway /Users/op/.openclaw: 2026.9.6 → 2026.9.8",
    ),
    (|base| unit(base).enabled = Some(false), Weight::Lost, "unit gui/501/ai.openclaw.gateway was switched off"),
    (
        |base| unit(base).background = None,
        Weight::Unseen,
        "unit gui/501/ai.openclaw.gateway was allowed to run in the background, and whether it still is cannot be seen",
    ),
    (
        |base| {
            // One fact in the snapshot: a unit that is not loaded has no process.
            let unit = unit(base);
            (unit.loaded, unit.running) = (Some(false), Some(false));
        },
        Weight::Lost,
        "unit gui/501/ai.openclaw.gateway is no longer loaded",
    ),
    (
        |base| unit(base).keep_alive = KeepAlive::Always,
        Weight::Changed,
        "restart policy of unit gui/501/ai.openclaw.gateway: restarted when SuccessfulExit=false → restarted on any exit",
    ),
    (
        |base| {
            base.ports.as_mut().unwrap().remove("18789");
        },
        Weight::Lost,
        "nobody listens on port 18789 any more, it was gateway of /Users/op/.openclaw's",
    ),
    (
        |base| base.engines.get_mut(ENGINE).unwrap().version = Some("28.2.0".to_owned()),
        Weight::Changed,
        "version of OrbStack (docker:/var/run/docker.sock): 28.1.0 → 28.2.0",
    ),
    (
        |base| base.containers.get_mut(CONTAINER).unwrap().running = false,
        Weight::Lost,
        "container:claw-gateway-1 no longer runs",
    ),
    (
        |base| base.containers.get_mut(CONTAINER).unwrap().digest = Some("sha256:bb".to_owned()),
        Weight::Changed,
        "image of container:claw-gateway-1: sha256:aa → sha256:bb",
    ),
    (
        |base| {
            base.exclusions.insert(STATE.to_owned(), ExclusionBaseline::Included);
        },
        Weight::Lost,
        "/Users/op/.openclaw is no longer excluded from Time Machine, /Users/op/.openclaw was",
    ),
    (
        |base| {
            base.mirrors.values_mut().for_each(|state| *state = MirrorState::Copies);
        },
        Weight::Lost,
        "Syncthing of /Users/op, for /Users/op/.openclaw: copies what it left out",
    ),
    (
        |base| base.state_dirs.get_mut(STATE).unwrap().owner = Some("502:20".to_owned()),
        Weight::Changed,
        "owner of /Users/op/.openclaw: 501:20 → 502:20",
    ),
    (
        |base| base.state_dirs.get_mut(STATE).unwrap().mode = Some("0755".to_owned()),
        Weight::Changed,
        "mode of /Users/op/.openclaw: 0700 → 0755",
    ),
    (
        |base| base.state_dirs.get_mut(STATE).unwrap().file_system = Some("smbfs".to_owned()),
        Weight::Changed,
        "file system of /Users/op/.openclaw: apfs → smbfs",
    ),
    (
        |base| base.clients.get_mut(CLIENT).unwrap().gateway = None,
        Weight::Lost,
        "client cli:/Users/op/.openclaw no longer leads to gateway /Users/op/.openclaw",
    ),
    (
        |base| base.clients.get_mut(CLIENT).unwrap().approved = Some(false),
        Weight::Lost,
        "the device of client cli:/Users/op/.openclaw is no longer approved",
    ),
];

/// Changes that hide others behind them.
const WHOLE: &[(Change, Weight, &str)] = &[
    (|base| unit(base).running = Some(false), Weight::Lost, "unit gui/501/ai.openclaw.gateway no longer runs"),
    (|base| base.units.clear(), Weight::Lost, "unit gui/501/ai.openclaw.gateway is gone"),
    (
        |base| {
            base.units.clear();
            base.unseen_units.insert("gui/501".to_owned());
        },
        Weight::Unseen,
        "unit gui/501/ai.openclaw.gateway is not seen, and gui/501 cannot be looked at",
    ),
    (|base| base.ports = None, Weight::Unseen, "who listens on port 18789 cannot be seen"),
    (
        |base| base.engines.get_mut(ENGINE).unwrap().answers = Some(false),
        Weight::Lost,
        "OrbStack (docker:/var/run/docker.sock) no longer answers",
    ),
    (
        |base| {
            base.engines.clear();
            base.containers.clear();
        },
        Weight::Lost,
        "OrbStack (docker:/var/run/docker.sock) is gone",
    ),
    (|base| base.containers.clear(), Weight::Lost, "container:claw-gateway-1 is gone"),
    (|base| base.gateways.clear(), Weight::Lost, "gateway /Users/op/.openclaw on port 18789 is gone"),
    (
        |base| {
            base.state_dirs.clear();
            base.exclusions.clear();
        },
        Weight::Lost,
        "state directory /Users/op/.openclaw is gone or no longer used",
    ),
    (
        |base| base.exclusions.clear(),
        Weight::Unseen,
        "/Users/op/.openclaw was excluded from Time Machine, and whether it still is cannot be seen",
    ),
    (|base| base.mirrors.clear(), Weight::Changed, "Syncthing of /Users/op, for /Users/op/.openclaw: is gone"),
    (|base| base.clients.clear(), Weight::Lost, "client cli:/Users/op/.openclaw is gone"),
];

#[test]
fn each_change_is_named_and_nothing_else() {
    for (index, (change, weight, summary)) in CHANGES.iter().chain(WHOLE).enumerate() {
        let mut after = rich();
        change(&mut after);
        let differences = compare(&rich(), &after);
        let said: Vec<(Weight, &str)> =
            differences.iter().map(|difference| (difference.weight, difference.summary.as_str())).collect();
        assert_eq!(said, [(*weight, *summary)], "change {index}");
    }
}

#[test]
fn what_is_new_refuses_nothing() {
    let differences = compare(&Baseline::default(), &rich());
    assert!(!differences.is_empty());
    assert!(differences.iter().all(|difference| difference.weight == Weight::Changed), "{differences:#?}");
}

#[test]
fn a_record_survives_json_and_an_older_one_is_read() {
    let mut record = accepted(&healthy());
    *record.baseline = rich();
    let text = serde_json::to_string(&Fact::known(record.clone(), "accepted.json", now())).unwrap();
    assert_eq!(serde_json::from_str::<Fact<AcceptedNode>>(&text).unwrap().get(), Some(&record));
    let least = r#"{"schema":"portreeve.accepted/1","at":"2026-01-01T00:00:00Z","by":"op","how":"passed",
        "agent_version":"0.1.0","baseline":{}}"#;
    assert_eq!(serde_json::from_str::<AcceptedNode>(least).unwrap().baseline, Box::default());
}

proptest! {
    #[test]
    fn equal_baselines_differ_in_nothing(picked in proptest::collection::vec(any::<bool>(), CHANGES.len())) {
        let mut base = rich();
        for ((change, ..), _) in CHANGES.iter().zip(&picked).filter(|(_, picked)| **picked) {
            change(&mut base);
        }
        prop_assert_eq!(compare(&base, &base), Vec::new());
    }

    #[test]
    fn every_change_of_many_is_named_once(picked in proptest::collection::vec(any::<bool>(), CHANGES.len())) {
        let mut after = rich();
        let mut wanted = Vec::new();
        for ((change, weight, summary), _) in CHANGES.iter().zip(&picked).filter(|(_, picked)| **picked) {
            change(&mut after);
            wanted.push((*weight, (*summary).to_owned()));
        }
        let mut said: Vec<(Weight, String)> =
            compare(&rich(), &after).into_iter().map(|difference| (difference.weight, difference.summary)).collect();
        said.sort();
        wanted.sort();
        prop_assert_eq!(said, wanted);
    }

    #[test]
    fn the_next_attempt_never_comes_too_soon_nor_too_late(attempts: u32) {
        let (this, next) = (retry_after_s(attempts), retry_after_s(attempts.saturating_add(1)));
        prop_assert!((30..=3_600).contains(&this) && next >= this);
    }
}
