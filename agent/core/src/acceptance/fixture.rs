//! A node that was accepted, and a baseline that has one of each.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::Snapshot;
use crate::diagnose::fixture::{STATE, UNIT, ago, healthy, known};
use crate::report::MirrorState;
use crate::snapshot::{
    Acceptance, AcceptanceOutcome, ChannelsAnswer, EngineKind, ExclusionKind, LockWait, WorkloadRole,
};

/// The record of a full acceptance of this node, a day ago.
pub(crate) fn accepted(snapshot: &Snapshot) -> AcceptedNode {
    AcceptedNode {
        schema: RECORD_SCHEMA.to_owned(),
        at: ago(86_400),
        by: "op".to_owned(),
        how: How::Passed,
        reason: None,
        in_spite_of: Vec::new(),
        agent_version: "0.1.0".to_owned(),
        hardware: snapshot.node.id.get().cloned(),
        folder: None,
        baseline: Box::new(Baseline::of(snapshot)),
        pending: None,
    }
}

/// The healthy node after a deep look: connects, locks and the real command line, all well.
pub(crate) fn looked_deep() -> Snapshot {
    let mut node = healthy();
    let answer = node.gateways[0].ladder.handshake.clone();
    node.gateways[0].connects = Some(crate::Series {
        target: "ws://127.0.0.1:18789".to_owned(),
        from: "this node".to_owned(),
        asked: 100,
        cut_short: None,
        connects: vec![answer; 100],
    });
    node.clients[0].acceptance = Some(Acceptance {
        command: "`openclaw channels status --probe` as op".to_owned(),
        version: Some("2026.9.6".to_owned()),
        outcome: AcceptanceOutcome::Accepted { channels: ChannelsAnswer { channels: Vec::new() } },
        exit: Some(0),
        elapsed_ms: 2_300.0,
        at: ago(0),
    });
    node.lock_waits = vec![LockWait {
        state_dir: STATE.to_owned(),
        at: ago(0),
        watched_s: 10.0,
        cpu_percent: None,
        locks: Vec::new(),
        file_system: known(crate::snapshot::LockLatency { median_us: 20.0, p95_us: 40.0, rounds: 100 }),
    }];
    node
}

/// A baseline with one of each kind.
pub(crate) fn rich() -> Baseline {
    let mut base = Baseline::of(&healthy());
    base.engines.insert(
        "docker:/var/run/docker.sock".to_owned(),
        EngineBaseline {
            kind: EngineKind::Orbstack,
            version: Some("28.1.0".to_owned()),
            answers: Some(true),
            needed: true,
        },
    );
    base.containers.insert(
        "container:claw-gateway-1".to_owned(),
        ContainerBaseline {
            role: WorkloadRole::Gateway,
            engine: Some("docker:/var/run/docker.sock".to_owned()),
            running: true,
            digest: Some("sha256:aa".to_owned()),
        },
    );
    base.mirrors.insert(format!("Syncthing of /Users/op, for {STATE}"), MirrorState::Excluded);
    base.exclusions = BTreeMap::from([(
        STATE.to_owned(),
        ExclusionBaseline::Excluded { by: ExclusionKind::Attribute, path: STATE.to_owned() },
    )]);
    base.stays_awake = Some(true);
    base.restarts_alone = Some(true);
    base.automatic_updates = Some(false);
    base.unseen_units = BTreeSet::new();
    assert!(base.units.contains_key(UNIT));
    base
}
