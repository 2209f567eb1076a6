//! What the rules on secrets and devices say of containers, running and only written down.

use crate::Severity;
use crate::catalogue::Code;
use crate::diagnose::fixture::project::*;
use crate::diagnose::fixture::*;
use crate::snapshot::{FailureKind, PendingPairing, Phase, Place, Snapshot, TokenSource};

fn place(file: &str, line: u32) -> Place {
    Place { file: file.to_owned(), line, column: 7 }
}

fn only(node: &Snapshot, code: Code) {
    assert_eq!(root_causes(node), [code], "{:#?}", report(node).findings);
}

#[test]
fn a_token_in_an_override_file_that_shadows_the_first_is_the_cause() {
    let overridden = |node: &mut Snapshot| {
        let sources = &mut cli_client(node).credentials.sources;
        let mut base: TokenSource = sources[0].clone();
        base.outcome = loses();
        base.place = Some(place(COMPOSE, 31));
        base.path = Some("/srv/claw/.env".to_owned());
        sources[0].fingerprint = Some(fingerprint("the token of the override"));
        sources[0].location = "OPENCLAW_GATEWAY_TOKEN in /srv/claw/compose.override.yaml".to_owned();
        sources[0].place = Some(place("/srv/claw/compose.override.yaml", 4));
        sources[0].path = Some("/srv/claw/compose.override.yaml".to_owned());
        sources.push(base);
        cli_client(node).credentials.winner = Some(fingerprint("the token of the override"));
        node.projects[0].files.push("/srv/claw/compose.override.yaml".to_owned());
    };
    for node in &both(split, overridden) {
        only(node, Code::TokenShadowed);
        let shadowed = finding(node, Code::TokenShadowed);
        assert_eq!(shadowed.explains, [Code::TokenSplit]);
        assert!(
            shadowed
                .evidence
                .iter()
                .any(|evidence| evidence.place == Some(place("/srv/claw/compose.override.yaml", 4)))
        );
        let exposed = finding(node, Code::TokenExposed);
        assert_eq!(exposed.severity, Severity::Warning);
        assert!(exposed.summary.contains("compose.override.yaml"), "the value of `.env` is not in the file");
    }
}

#[test]
fn the_environment_and_a_configuration_that_overrules_it_differ() {
    let differing = |node: &mut Snapshot| {
        let credentials = &mut gateway(node).credentials;
        let mut environment = credentials.sources[0].clone();
        environment.outcome = loses();
        other_token(credentials, "the token of the configuration");
        credentials.sources[0].location = "gateway.auth.token in /home/node/.openclaw/openclaw.json".to_owned();
        credentials.sources.push(environment);
    };
    for node in &both(bridged, differing) {
        only(node, Code::TokenShadowed);
    }
    // A client that reads the same configuration agrees.
    let agreeing = |node: &mut Snapshot| {
        differing(node);
        other_token(&mut cli_client(node).credentials, "the token of the configuration");
    };
    for node in &both(split, agreeing) {
        assert!(root_causes(node).is_empty());
        assert_eq!(finding(node, Code::TokenShadowed).severity, Severity::Warning);
    }
}

#[test]
fn a_container_that_was_made_before_its_variable_was_changed_holds_another_token() {
    let given = |secret: &'static str| {
        both(split, move |node| {
            let held = &mut gateway(node).credentials.sources[0];
            held.location = "`OPENCLAW_GATEWAY_TOKEN` in the environment of the container".to_owned();
            let mut now = held.clone();
            now.location = "`OPENCLAW_GATEWAY_TOKEN` in the environment of service `openclaw-gateway`".to_owned();
            now.fingerprint = Some(fingerprint(secret));
            now.place = Some(place(COMPOSE, 12));
            gateway_workload(node).written = vec![now];
        })
    };
    let [running, written] = given("the token after a rotation");
    only(&running, Code::TokenStaleProcess);
    let stale = finding(&running, Code::TokenStaleProcess);
    assert_eq!(
        stale.summary,
        "container `claw-openclaw-gateway-1` (service `openclaw-gateway` of project `claw`) was made before \
         `OPENCLAW_GATEWAY_TOKEN` in the environment of service `openclaw-gateway` was changed: its gateway holds the \
         former token, and each container that is made now gets the new one"
    );
    assert_eq!(
        stale.remedy[0].command.as_deref(),
        Some("docker compose -p claw -f /srv/claw/compose.yaml up -d openclaw-gateway")
    );
    assert!(stale.evidence.iter().any(|one| one.place == Some(place(COMPOSE, 12))));
    assert!(!codes(&written).contains(&Code::TokenStaleProcess), "what was never made is of no age");
    let mut same = running.clone();
    gateway_workload(&mut same).written[0].fingerprint = gateway(&mut same).credentials.winner.clone();
    assert!(!codes(&same).contains(&Code::TokenStaleProcess));
}

#[test]
fn a_gateway_without_a_secret_that_is_to_listen_beyond_its_container_does_not_start() {
    let without = |status: i64, healthz: bool| {
        let mut node = split();
        let of = gateway(&mut node);
        no_token(&mut of.credentials);
        of.credentials.runtime_only = true;
        if !healthz {
            of.ladder.healthz = failed(Phase::Tcp, FailureKind::Refused);
            gateway_workload(&mut node).runtime = Some(ended(status));
        }
        no_token(&mut cli_client(&mut node).credentials);
        node
    };
    let down = without(78, false);
    only(&down, Code::TokenMissing);
    assert!(!codes(&down).contains(&Code::TokenRuntimeOnly));
    assert_eq!(finding(&down, Code::UnitExitConfig).explained_by, Some(Code::TokenMissing));
    assert!(!codes(&without(0, true)).contains(&Code::TokenMissing), "one that answers has a secret");
}

#[test]
fn two_tokens_are_a_split() {
    let other = |node: &mut Snapshot| other_token(&mut cli_client(node).credentials, "another token");
    for node in &both(split, other) {
        only(node, Code::TokenSplit);
    }
}

#[test]
fn a_token_that_only_the_gateway_has_is_missing_at_the_client() {
    let missing = |node: &mut Snapshot| no_token(&mut cli_client(node).credentials);
    for mut node in both(split, missing) {
        cli_client(&mut node).device = absent();
        cli_client(&mut node).connect = untried();
        only(&node, Code::TokenMissing);
        let remedy = &finding(&node, Code::TokenMissing).remedy;
        assert!(remedy[0].text.contains("OPENCLAW_GATEWAY_TOKEN in the environment of service openclaw-gateway"));
    }
    let mut unseen = written(split());
    missing(&mut unseen);
    cli_client(&mut unseen).credentials.blind = vec!["openclaw.json in the volume claw_state".to_owned()];
    assert!(root_causes(&unseen).is_empty());
    assert_eq!(finding(&unseen, Code::TokenMissing).severity, Severity::Warning);
    let mut hidden = split();
    missing(&mut hidden);
    cli_client(&mut hidden).credentials.blind = vec!["openclaw.json".to_owned()];
    assert!(!codes(&hidden).contains(&Code::TokenMissing));
}

fn unpaired(node: &mut Snapshot) {
    cli_workload(node).mounts[0].source = Some("claw_cli".to_owned());
    let device = value(&mut cli_client(node).device);
    (device.device_id, device.approved) = ("new".to_owned(), None);
}

fn request(node: &mut Snapshot) {
    value(&mut gateway(node).pairing).pending.push(PendingPairing {
        request_id: "b2c4d6e8".to_owned(),
        device_id: "new".to_owned(),
        role: Some("operator".to_owned()),
        scopes: vec!["operator.read".to_owned()],
        client_id: Some("cli".to_owned()),
        platform: Some("linux".to_owned()),
        remote_ip: Some("172.18.0.3".to_owned()),
        requested_at: Some(ago(20)),
        repair: false,
    });
}

#[test]
fn an_unpaired_command_line_is_told_its_request_and_the_container_to_approve_it_in() {
    let mut node = bridged();
    unpaired(&mut node);
    request(&mut node);
    value(&mut cli_client(&mut node).device).pending = Some(value(&mut gateway(&mut node).pairing).pending[0].clone());
    only(&node, Code::PairingPending);
    let finding = finding(&node, Code::PairingPending);
    assert_eq!(
        finding.summary,
        "the command line in container `claw-openclaw-cli-1` waits for approval: request b2c4d6e8, for 20 s"
    );
    assert_eq!(
        finding.remedy[0].command.as_deref(),
        Some("docker compose -p claw exec openclaw-gateway openclaw devices approve b2c4d6e8")
    );
    assert!(finding.remedy[0].text.contains("in container `claw-openclaw-gateway-1`"), "{:?}", finding.remedy);
}

#[test]
fn one_that_never_asked_is_told_how_to_ask() {
    let mut node = bridged();
    unpaired(&mut node);
    only(&node, Code::PairingUnapproved);
    let remedy = finding(&node, Code::PairingUnapproved).remedy;
    assert_eq!(remedy[0].command.as_deref(), Some("docker compose -p claw exec openclaw-cli openclaw channels status"));
    cli_workload(&mut node).runtime = Some(ended(0));
    let remedy = finding(&node, Code::PairingUnapproved).remedy;
    assert_eq!(
        remedy[0].command.as_deref(),
        Some("docker compose -p claw -f /srv/claw/compose.yaml run --rm openclaw-cli channels status")
    );
}

#[test]
fn a_container_that_is_no_services_is_named_itself() {
    let mut node = bridged();
    unpaired(&mut node);
    request(&mut node);
    let workload = gateway_workload(&mut node);
    (workload.project, workload.service, workload.name) = (None, None, "claw".to_owned());
    let command = finding(&node, Code::PairingPending).remedy[0].command.clone();
    assert_eq!(command.as_deref(), Some("docker exec claw openclaw devices approve b2c4d6e8"));
}

#[test]
fn an_identity_that_went_with_its_container_is_lost() {
    let mut node = bridged();
    unpaired(&mut node);
    request(&mut node);
    cli_workload(&mut node).mounts.clear();
    let mut old = paired("old");
    (old.platform, old.remote_ip) = (Some("linux".to_owned()), Some("172.18.0.9".to_owned()));
    value(&mut gateway(&mut node).pairing).paired = vec![old];
    only(&node, Code::PairingIdentityLost);
    cli_workload(&mut node).mounts.push(state_mount());
    assert!(!codes(&node).contains(&Code::PairingIdentityLost));
}

#[test]
fn a_client_that_needs_a_device_must_be_able_to_write_its_state() {
    let ro = |node: &mut Snapshot| {
        cli_workload(node).mounts[0].read_only = true;
    };
    let mut node = bridged();
    ro(&mut node);
    only(&node, Code::PairingStateReadonly);
    let mut node = split();
    ro(&mut node);
    assert!(root_causes(&node).is_empty(), "on the shared loopback the secret is enough");
}

#[test]
fn a_value_in_the_compose_file_is_exposed_and_a_variable_is_not() {
    let at = |path: Option<&'static str>| {
        both(split, move |node| {
            let source = &mut gateway(node).credentials.sources[0];
            source.place = Some(place(COMPOSE, 12));
            source.path = path.map(str::to_owned);
        })
    };
    for node in &at(Some(COMPOSE)) {
        assert_eq!(finding(node, Code::TokenExposed).severity, Severity::Warning);
    }
    for node in at(None).iter().chain(&at(Some("/srv/claw/.env"))) {
        assert!(!codes(node).contains(&Code::TokenExposed));
    }
}
