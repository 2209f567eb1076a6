use super::super::fixture::*;
use super::super::fixture::{node, report};
use super::super::{Policy, diagnose};
use super::*;
use crate::snapshot::{AccountStatus, ChannelStatus, FailureKind, KeepAlive, Phase};

fn with_waivers(snapshot: &Snapshot, codes: &[Code]) -> Report {
    let waivers = codes
        .iter()
        .map(|&code| Waiver {
            code,
            subject: None,
            until: now() + jiff::SignedDuration::from_hours(1),
            reason: "known".to_owned(),
        })
        .collect();
    diagnose(snapshot, &Policy { waivers, ..Policy::default() })
}

fn only(snapshot: &Snapshot, layer: Layer) -> Report {
    diagnose(snapshot, &Policy { only: Some(layer), ..Policy::default() })
}

fn state_of(report: &Report, layer: Layer) -> LayerState {
    report.layers[&layer].state
}

/// A syntax error keeps the gateway down: the config explains the unit's exit, which explains the silence.
fn chain(node: &mut Snapshot) {
    kill_gateway(node);
    runtime(node).last_exit_code = Some(78);
    value(&mut gateway(node).config).problems.push(crate::snapshot::ConfigProblem {
        path: CONFIG.to_owned(),
        line: Some(4),
        column: Some(2),
        message: "expected `}`".to_owned(),
        fatal: true,
    });
}

fn failing_channel(node: &mut Snapshot) {
    let account = AccountStatus {
        id: "default".to_owned(),
        enabled: true,
        configured: true,
        running: false,
        connected: None,
        lifecycle: None,
        health_state: None,
        last_error: Some("401".to_owned()),
        probe_ok: Some(false),
        probe_error: None,
        ingress_ok: None,
    };
    answer(&mut gateway(node).ladder.channels).channels.push(ChannelStatus {
        id: "telegram".to_owned(),
        configured: true,
        accounts: vec![account],
    });
}

#[test]
fn a_chain_of_causes_ends_at_its_first_link() {
    let report = report(&node(chain));
    assert_eq!(report.root_causes, [Code::ConfigInvalid]);
    let silent = report.findings.iter().find(|finding| finding.code == Code::PortSilent).unwrap();
    assert_eq!(silent.explained_by, Some(Code::ConfigInvalid));
    assert!(report.findings[0].explains.contains(&Code::PortSilent));
    assert!(report.findings[0].explains.contains(&Code::UnitExitConfig));
    assert_eq!((report.verdict, report.exit_status(false)), (Verdict::Blocked, 78));
    assert_eq!(state_of(&report, Layer::Alignment), LayerState::Fail);
    assert_eq!(state_of(&report, Layer::Transport), LayerState::Unknown);
}

#[test]
fn a_cause_on_another_gateway_explains_nothing_here() {
    let node = node(|node| {
        let mut other = silent_gateway("/Users/op/.openclaw-work", 19_999);
        other.expected = vec![crate::snapshot::Expectation::Unit];
        node.gateways.push(other);
        chain(node);
    });
    let report = report(&node);
    assert!(report.root_causes.contains(&Code::PortSilent), "{:?}", report.root_causes);
    assert!(report.root_causes.contains(&Code::ConfigInvalid));
}

#[test]
fn nothing_to_judge_is_unknown() {
    let report = report(&node(|node| node.gateways.clear()));
    assert_eq!((report.verdict, report.exit_status(false)), (Verdict::Unknown, 75));
    assert_eq!(report.layers[&Layer::Transport].detail, "no gateway to judge");
}

#[test]
fn a_rung_that_was_not_asked_is_never_green() {
    for spoil in [
        (|node| gateway(node).ladder.healthz = untried()) as fn(&mut Snapshot),
        |node| gateway(node).ladder.startupz = untried(),
        |node| gateway(node).ladder.readyz = untried(),
        |node| gateway(node).ladder.handshake = untried(),
        |node| gateway(node).ladder.connect = untried(),
        |node| gateway(node).ladder.channels = untried(),
        |node| node.listeners = denied(),
        |node| node.processes = denied(),
        |node| gateway(node).config = denied(),
        |node| first_state(node).stat = denied(),
    ] {
        assert_eq!(report(&node(spoil)).verdict, Verdict::Unknown);
    }
}

#[test]
fn a_rung_that_fails_without_a_finding_is_never_green() {
    for spoil in [
        (|node| gateway(node).ladder.healthz = failed(Phase::Http, FailureKind::HttpStatus)) as fn(&mut Snapshot),
        |node| gateway(node).ladder.startupz = failed(Phase::Http, FailureKind::HttpStatus),
        |node| gateway(node).ladder.readyz = failed(Phase::Http, FailureKind::Malformed),
        |node| gateway(node).ladder.handshake = failed(Phase::Http, FailureKind::HttpStatus),
        |node| gateway(node).ladder.connect = failed(Phase::Connect, FailureKind::Closed),
        |node| gateway(node).ladder.channels = failed(Phase::After, FailureKind::Timeout),
    ] {
        let verdict = report(&node(spoil)).verdict;
        assert!(matches!(verdict, Verdict::Unknown | Verdict::Blocked), "{verdict:?}");
    }
}

#[test]
fn what_an_observer_could_not_see_keeps_the_verdict_open_where_readiness_rests_on_it() {
    let blind = |readiness| {
        report(&node(|node| {
            node.blind.push(Blind {
                what: "engines".to_owned(),
                why: "timed out".to_owned(),
                remedy: "run as root".to_owned(),
                readiness,
            });
        }))
        .verdict
    };
    assert_eq!((blind(true), blind(false)), (Verdict::Unknown, Verdict::Ready));
}

#[test]
fn a_waived_warning_leaves_the_node_ready() {
    let warned = node(|node| {
        first_unit(node).gated = false;
        first_unit(node).keep_alive = KeepAlive::Always;
    });
    assert_eq!(report(&warned).verdict, Verdict::Degraded);
    assert_eq!(report(&warned).exit_status(true), 1);
    let waived = with_waivers(&warned, &[Code::UnitKeepaliveBlind]);
    assert_eq!(waived.verdict, Verdict::Ready);
    assert!(waived.findings.iter().any(|finding| finding.waived.is_some()));
}

#[test]
fn a_waived_error_does_not_leave_its_layer_unproven() {
    let node = node(failing_channel);
    assert_eq!(report(&node).root_causes, [Code::ChannelFailing]);
    let waived = with_waivers(&node, &[Code::ChannelFailing]);
    assert_eq!(waived.verdict, Verdict::Ready, "{:#?}", waived.layers);
}

#[test]
fn a_waiver_excuses_no_rung_that_its_finding_does_not_break() {
    let node = node(|node| {
        failing_channel(node);
        gateway(node).ladder.connect = failed(Phase::Connect, FailureKind::Closed);
    });
    assert_eq!(with_waivers(&node, &[Code::ChannelFailing]).verdict, Verdict::Unknown);
}

#[test]
fn a_waiver_of_readiness_excuses_no_connect_that_was_not_tried() {
    let node = node(|node| {
        answer(&mut gateway(node).ladder.readyz).ready = false;
        gateway(node).ladder.connect = untried();
    });
    let context = Context { snapshot: &node, policy: &Policy::default() };
    let breaker = &node.gateways[0];
    let waived = Judged {
        draft: Draft::new(Code::GatewayBreaker, "gateway", STATE, "no channel runs").gateway(breaker),
        waived: Some(Waived { until: now(), reason: "known".to_owned() }),
        cause: None,
        explains: Vec::new(),
    };
    let summary = GatewaySummary::new(breaker, &node, one_owner(context, breaker), []);
    let standing = Standing::new(&Scope::of(breaker), &summary, &[waived]);
    let unproven: Vec<&str> = standing.unproven.iter().map(|rung| rung.rung.as_str()).collect();
    assert_eq!((unproven, standing.set_aside), (vec!["authenticated"], false));
}

#[test]
fn a_waived_cause_excuses_no_error_that_nobody_accepted() {
    let report = with_waivers(&node(chain), &[Code::ConfigInvalid]);
    assert!(!report.root_causes.is_empty());
    assert_eq!(report.verdict, Verdict::Blocked);
}

#[test]
fn a_gateway_that_is_waived_dead_proves_nothing_for_the_node() {
    let dead = node(kill_gateway);
    assert_eq!(with_waivers(&dead, &[Code::PortSilent]).verdict, Verdict::Unknown);
    let beside = node(|node| {
        node.gateways.push(silent_gateway("/Users/op/.openclaw-work", 19_999));
        node.state_dirs.push(state_dir("/Users/op/.openclaw-work", 300));
    });
    assert_eq!(report(&beside).root_causes, [Code::PortSilent]);
    let waived = with_waivers(&beside, &[Code::PortSilent]);
    assert_eq!(waived.verdict, Verdict::Ready, "{:#?}", waived.layers);
}

#[test]
fn a_waiver_ends_and_names_its_subject() {
    let node = node(kill_gateway);
    let one = |subject: Option<&str>, until| {
        let waivers = vec![Waiver {
            code: Code::PortSilent,
            subject: subject.map(str::to_owned),
            until,
            reason: "known".to_owned(),
        }];
        diagnose(&node, &Policy { waivers, ..Policy::default() }).verdict
    };
    assert_eq!(one(Some("18789"), now() + jiff::SignedDuration::from_secs(1)), Verdict::Unknown);
    assert_eq!(one(Some("19001"), now() + jiff::SignedDuration::from_secs(1)), Verdict::Blocked);
    assert_eq!(one(None, now()), Verdict::Blocked);
}

#[test]
fn channels_that_keep_the_gateway_from_ready_fail_their_own_layer() {
    let node = node(|node| answer(&mut gateway(node).ladder.readyz).suppressed = vec!["telegram".to_owned()]);
    let report = report(&node);
    assert_eq!(state_of(&report, Layer::Transport), LayerState::Pass);
    assert_eq!(state_of(&report, Layer::Channels), LayerState::Fail);
}

#[test]
fn one_layer_alone_is_judged_with_the_causes_of_all() {
    let sick = node(chain);
    let transport = only(&sick, Layer::Transport);
    assert!(transport.root_causes.is_empty(), "{:?}", transport.root_causes);
    assert_eq!(transport.verdict, Verdict::Unknown);
    assert_eq!(transport.layers.len(), 1);
    assert!(transport.findings.iter().all(|finding| finding.layer == Layer::Transport));
    let alignment = only(&sick, Layer::Alignment);
    assert_eq!((alignment.verdict, alignment.exit_status(false)), (Verdict::Blocked, 78));
    assert_eq!(only(&healthy(), Layer::Auth).verdict, Verdict::Ready);
}

#[test]
fn what_is_hidden_of_the_node_leaves_the_nodes_own_layer_open() {
    let hidden = node(|node| node.accepted = denied());
    assert_eq!(only(&hidden, Layer::Node).verdict, Verdict::Unknown);
    assert_eq!(only(&healthy(), Layer::Node).verdict, Verdict::Ready);
}

#[test]
fn one_subject_that_concerns_two_gateways_explains_on_both() {
    let draft =
        |state: &str| Draft::new(Code::PortForeign, "port", "18789", "taken").gateway(&silent_gateway(state, PORT));
    let silent = |state: &str| {
        Draft::new(Code::GatewayNotReady, "gateway", state, "not ready").gateway(&silent_gateway(state, PORT))
    };
    let snapshot = healthy();
    let context = Context { snapshot: &snapshot, policy: &Policy::default() };
    let judged = judge(context, vec![draft("/a"), draft("/b"), silent("/a"), silent("/b")]);
    assert_eq!(judged.len(), 3);
    let causes: Vec<Option<Code>> = judged.iter().map(|one| one.cause).collect();
    assert_eq!(causes, [None, Some(Code::PortForeign), Some(Code::PortForeign)]);
}

#[test]
fn what_passes_by_itself_explains_and_leaves_the_verdict_open() {
    let gateway = silent_gateway(STATE, PORT);
    let snapshot = healthy();
    let context = Context { snapshot: &snapshot, policy: &Policy::default() };
    let drafts = vec![
        Draft::new(Code::PortSilent, "port", "18789", "silent").gateway(&gateway),
        Draft::new(Code::GatewayStarting, "gateway", STATE, "starting").gateway(&gateway),
    ];
    let report = super::report(context, drafts);
    assert_eq!((report.verdict, report.exit_status(false)), (Verdict::Unknown, 75));
    assert!(report.root_causes.is_empty());
    assert_eq!(report.layers[&Layer::Transport].detail, "port.silent, explained by gateway.starting");
}

#[test]
fn root_causes_come_first_and_the_most_upstream_before_the_others() {
    let node = node(|node| {
        chain(node);
        value(&mut first_state(node).volume).read_only = true;
        first_unit(node).throttle_s = Some(1);
    });
    let report = report(&node);
    let roots = report.findings.iter().take_while(|finding| finding.is_root_cause()).count();
    assert_eq!(roots, report.root_causes.len());
    assert!(report.findings[..roots].is_sorted_by_key(|finding| finding.layer));
}

#[test]
fn every_finding_reads_as_one_sentence_with_evidence_and_remedy() {
    for snapshot in [node(chain), node(kill_gateway), node(failing_channel)] {
        for finding in report(&snapshot).findings {
            assert!(!finding.summary.ends_with('.'), "{finding:?}");
            assert!(!finding.evidence.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
        }
    }
}

#[test]
fn maintenance_is_told_while_it_holds_and_changes_no_verdict() {
    let mut node = node(chain);
    let verdict = report(&node).verdict;
    let until = now() + jiff::SignedDuration::from_hours(1);
    let announced = crate::Maintenance::new(now(), until, None, "op".to_owned()).unwrap();
    node.maintenance = Some(announced.clone());
    let report = report(&node);
    assert_eq!((report.verdict, report.maintenance), (verdict, Some(announced)));
    node.taken_at = until;
    assert_eq!(diagnose(&node, &Policy::default()).maintenance, None);
}
