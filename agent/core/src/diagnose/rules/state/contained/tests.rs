//! What the rules on state in containers say and do not say.

use super::*;
use crate::Severity;
use crate::catalogue::Code;
use crate::diagnose::fixture::project::*;
use crate::diagnose::fixture::*;
use crate::snapshot::{EngineKind, Mount, MountKind, RunState, Runtime, Snapshot};

/// A second gateway of another project, on another port.
fn second(node: &mut Snapshot) {
    let mut other = node.workloads[0].clone();
    let mut gateway = node.gateways[0].clone();
    other.id = other.id.replace("claw", "paw");
    other.name = "paw-openclaw-gateway-1".to_owned();
    other.project = Some("paw".to_owned());
    other.ports[0].host_port = Some(19_789);
    gateway.id = other.id.clone();
    gateway.workload = Some(other.id.clone());
    node.workloads.push(other);
    node.gateways.push(gateway);
}

#[test]
fn two_projects_on_one_volume_share_state() {
    let mut node = split();
    second(&mut node);
    assert_eq!(root_causes(&node), [Code::StateShared]);
    let finding = finding(&node, Code::StateShared);
    assert!(finding.summary.starts_with("volume `claw_state` is the state of 2 gateways"), "{}", finding.summary);
    // Written down, a name without an engine is its project's own.
    let mut node = written(split());
    second(&mut node);
    assert!(silent(shared, &node));
    bind(&mut node, "/srv/claw/state");
    assert_eq!(draft(shared, &node).code, Code::StateShared);
}

#[test]
fn a_container_that_ended_for_good_shares_nothing() {
    let mut node = split();
    second(&mut node);
    node.workloads[2].runtime = Some(Runtime { state: RunState::Exited, ..ended(0) });
    node.workloads[2].restart = Some("no".to_owned());
    assert!(silent(shared, &node));
}

#[test]
fn host_and_container_on_one_directory_share_it() {
    let by_path = beside_host(|node| bind(node, STATE));
    assert_eq!(root_causes(&by_path), [Code::StateShared], "{:#?}", report(&by_path).findings);
    let by_inode = beside_host(|node| {
        bind(node, "/mnt/elsewhere");
        let stat = value(&mut node.state_dirs[0].stat).clone();
        let seen = value(&mut value(&mut gateway_workload(node).view).state);
        (seen.stat.dev, seen.stat.ino) = (stat.dev, stat.ino);
    });
    assert_eq!(root_causes(&by_inode), [Code::StateShared]);
    assert!(root_causes(&beside_host(|_| {})).is_empty());
}

#[test]
fn across_the_border_of_a_virtual_machine_the_locks_are_blind() {
    let node = beside_host(|node| {
        bind(node, STATE);
        value(&mut node.engines[0].answer).in_vm = true;
    });
    assert_eq!(root_causes(&node), [Code::StateLockBlind]);
}

#[test]
fn a_directory_that_only_the_container_uses_is_the_containers() {
    let node = state_on_host();
    assert!(root_causes(&node).is_empty(), "{:#?}", report(&node).findings);
    assert_eq!(report(&node).gateways.len(), 1);
    assert_eq!(report(&node).verdict, crate::Verdict::Ready);
}

#[test]
fn neither_port_nor_secret_of_such_a_directory_is_judged() {
    for spoil in [
        (|node: &mut Snapshot| {
            add_process(node, foreign_process(99, "/usr/bin/ssh"));
            value(&mut node.listeners).push(listener(PORT, 99));
        }) as fn(&mut Snapshot),
        |node| {
            let credentials = &mut node.gateways.last_mut().unwrap().credentials;
            no_token(credentials);
            credentials.runtime_only = true;
        },
        |node| {
            let credentials = &mut node.gateways.last_mut().unwrap().credentials;
            no_token(credentials);
            credentials.remote_only = true;
        },
        |node| node.gateways.last_mut().unwrap().ladder.connect = rejected("AUTH_TOKEN_MISMATCH"),
    ] {
        let mut node = state_on_host();
        spoil(&mut node);
        assert_eq!(report(&node).verdict, crate::Verdict::Ready, "{:#?}", report(&node).findings);
    }
}

#[test]
fn state_in_the_writable_layer_goes_with_the_container() {
    let bare = |node: &mut Snapshot| node.workloads.iter_mut().for_each(|workload| workload.mounts.clear());
    for node in &both(split, bare) {
        assert_eq!(root_causes(node), [Code::StateEphemeral], "{:#?}", report(node).findings);
    }
    let memory = |node: &mut Snapshot| {
        let mount = Mount { kind: MountKind::Tmpfs, source: None, ..state_mount() };
        gateway_workload(node).mounts = vec![mount];
    };
    assert_eq!(drafts(ephemeral, &both(split, memory)[0]).len(), 1);
    let database = |node: &mut Snapshot| {
        gateway_workload(node).mounts[0].target = format!("{INNER_STATE}/state");
    };
    let home = |node: &mut Snapshot| gateway_workload(node).mounts[0].target = "/home/node".to_owned();
    let unknown = |node: &mut Snapshot| gateway_workload(node).state_dir = None;
    for node in both(split, database).iter().chain(&both(split, home)).chain(&both(split, unknown)) {
        assert!(silent(ephemeral, node));
    }
}

#[test]
fn a_read_only_mount_keeps_the_gateway_from_its_state() {
    let ro = |node: &mut Snapshot| node.workloads.iter_mut().for_each(|workload| workload.mounts[0].read_only = true);
    for mut node in both(split, ro) {
        assert_eq!(root_causes(&node), [Code::StateReadonly], "{:#?}", report(&node).findings);
        if node.workloads[0].runtime.is_some() {
            end_gateway(&mut node, Runtime { restart_count: 5, state: RunState::Restarting, ..ended(1) });
            assert_eq!(root_causes(&node), [Code::StateReadonly], "{:#?}", report(&node).findings);
        }
    }
}

#[test]
fn a_volume_of_root_explains_the_refusal_to_start() {
    let mut node = split();
    end_gateway(&mut node, Runtime { restart_count: 4, state: RunState::Restarting, ..ended(78) });
    let state = value(&mut value(&mut gateway_workload(&mut node).view).state);
    (state.stat.uid, state.stat.gid, state.writable, state.readable) = (0, 0, false, false);
    assert_eq!(root_causes(&node), [Code::StateUidDrift], "{:#?}", report(&node).findings);
    let finding = finding(&node, Code::StateUidDrift);
    assert!(finding.summary.ends_with("belongs to uid 0, and it runs as uid 1000"), "{}", finding.summary);
    assert!(finding.remedy[0].command.as_ref().unwrap().contains("chown -v claw_state:/state"));
    gateway_workload(&mut node).view = denied();
    assert!(silent(uid_drift, &node));
}

#[test]
fn the_owner_of_a_volume_is_mended_by_its_own_engine_and_where_the_state_lies() {
    let mut node = split();
    node.engines[0].kind = EngineKind::Podman;
    let mount = &mut gateway_workload(&mut node).mounts[0];
    (mount.source, mount.target) = (Some("claw state".to_owned()), "/home/node".to_owned());
    let state = value(&mut value(&mut gateway_workload(&mut node).view).state);
    (state.stat.uid, state.writable) = (0, false);
    assert_eq!(
        draft(uid_drift, &node).remedy[0].command.as_deref(),
        Some(
            "podman run --rm -u 0 --entrypoint chown -v 'claw state:/state' ghcr.io/openclaw/openclaw:2026.9.6 \
             -R 1000:1000 /state/.openclaw"
        )
    );
}

#[test]
fn files_of_another_user_below_are_named() {
    let mut node = split();
    value(&mut value(&mut gateway_workload(&mut node).view).state).foreign =
        vec![(format!("{INNER_STATE}/state/openclaw.sqlite"), 0)];
    assert!(draft(uid_drift, &node).summary.contains("has files of uid 0"));
}

#[test]
fn a_command_line_without_the_gateways_state_misses_its_secret() {
    let apart = |node: &mut Snapshot| {
        cli_workload(node).mounts[0].source = Some("claw_cli".to_owned());
        no_token(&mut cli_client(node).credentials);
    };
    for mut node in both(split, apart) {
        if node.workloads[0].runtime.is_some() {
            cli_client(&mut node).device = absent();
            cli_client(&mut node).connect = rejected("AUTH_TOKEN_MISSING");
        }
        assert_eq!(root_causes(&node), [Code::StateNotShared], "{:#?}", report(&node).findings);
    }
}

#[test]
fn a_command_line_that_gets_along_with_its_own_state_only_warns_or_is_left_alone() {
    let apart = |node: &mut Snapshot| cli_workload(node).mounts[0].source = Some("claw_cli".to_owned());
    for node in &both(split, apart) {
        assert_eq!(draft(not_shared, node).severity, Severity::Warning);
    }
    for node in &both(bridged, apart) {
        assert!(silent(not_shared, node), "its URL, secret and device are its own");
    }
    let hidden = |node: &mut Snapshot| {
        apart(node);
        cli_workload(node).state_dir = None;
    };
    assert!(silent(not_shared, &both(split, hidden)[0]));
}

#[test]
fn an_identity_that_goes_with_its_container_is_never_approved_for_long() {
    let apart = |node: &mut Snapshot| cli_workload(node).mounts.clear();
    let mut node = both(bridged, apart)[0].clone();
    cli_workload(&mut node).runtime = Some(ended(0));
    let device = value(&mut cli_client(&mut node).device);
    (device.device_id, device.approved) = ("another".to_owned(), None);
    assert_eq!(root_causes(&node), [Code::StateNotShared], "{:#?}", report(&node).findings);
}

#[test]
fn healthy_they_say_nothing() {
    for node in [split(), bridged(), written(split()), written(bridged()), healthy()] {
        for rule in [ephemeral, not_shared, readonly, shared, uid_drift] {
            assert!(silent(rule, &node));
        }
    }
}
