//! What the rules on devices say and do not say.

use super::super::super::fixture::*;
use super::*;
use crate::snapshot::{Challenge, ClientKind, PendingPairing, Snapshot, SourceOutcome, event};

fn request(device: &str) -> PendingPairing {
    PendingPairing {
        request_id: "b2c4d6e8".to_owned(),
        device_id: device.to_owned(),
        role: Some("operator".to_owned()),
        scopes: vec!["operator.read".to_owned()],
        client_id: Some("cli".to_owned()),
        platform: Some("darwin".to_owned()),
        remote_ip: Some("10.0.0.2".to_owned()),
        requested_at: Some(ago(42)),
        repair: false,
    }
}

fn wait(snapshot: &mut Snapshot, request: PendingPairing) {
    value(&mut gateway(snapshot).pairing).pending.push(request);
}

fn refusals(snapshot: &mut Snapshot, kind: &str, detail: &str, count: usize, apart: i64) {
    for index in 0..count {
        let seconds = apart * i64::try_from(index).unwrap() + 5;
        log_event(snapshot, seconds, kind, "refused", &[]);
        value(&mut gateway(snapshot).log).events.last_mut().unwrap().detail = Some(detail.to_owned());
    }
}

#[test]
fn healthy_node_has_nothing_to_say_about_devices() {
    for rule in RULES {
        assert!(silent(*rule, &healthy()));
    }
}

#[test]
fn a_waiting_device_is_named_with_its_request_and_the_command() {
    let node = node(|node| wait(node, request("new")));
    assert_eq!(root_causes(&node), [Code::PairingPending]);
    let finding = finding(&node, Code::PairingPending);
    assert_eq!(finding.summary, "cli at 10.0.0.2 waits for approval: request b2c4d6e8, for 42 s");
    assert_eq!(finding.remedy[0].command.as_deref(), Some("openclaw devices approve b2c4d6e8"));
    assert_eq!(report(&node).exit_status(false), 77);
}

#[test]
fn the_command_names_a_state_directory_that_is_not_the_default() {
    let node = node(|node| {
        wait(node, request("new"));
        gateway(node).state_dir = Some("/srv/claw".to_owned());
    });
    let command = finding(&node, Code::PairingPending).remedy[0].command.clone();
    assert_eq!(command.as_deref(), Some("OPENCLAW_STATE_DIR=/srv/claw openclaw devices approve b2c4d6e8"));
}

#[test]
fn an_expired_request_and_a_hidden_list_are_no_findings() {
    let expired = node(|node| wait(node, PendingPairing { requested_at: Some(ago(301)), ..request("new") }));
    assert!(silent(pending, &expired));
    let hidden = node(|node| gateway(node).pairing = denied());
    for rule in RULES {
        assert!(silent(*rule, &hidden));
    }
}

#[test]
fn a_paired_device_that_asks_for_more_is_a_scope_upgrade() {
    let node = node(|node| wait(node, request(DEVICE)));
    assert_eq!(root_causes(&node), [Code::PairingScopeUpgrade]);
}

#[test]
fn a_client_whose_secret_does_not_resolve_never_gets_to_pairing() {
    let stranger = |loopback: bool, refusal: Option<&str>| {
        node(|node| {
            let client = first_client(node);
            value(&mut client.device).approved = None;
            value(&mut client.device).device_id = "stranger".to_owned();
            value(&mut client.url).loopback = loopback;
            client.credentials.winner = None;
            client.credentials.refusal = refusal.map(str::to_owned);
            client.credentials.sources[0].fingerprint = None;
            client.credentials.sources[0].outcome =
                SourceOutcome::Unresolved { why: "the file does not exist".to_owned() };
        })
    };
    let near = stranger(true, Some("the secret cannot be resolved"));
    assert!(silent(unapproved, &near), "with the secret it needs no device");
    assert_eq!(root_causes(&near), [Code::TokenSecretref]);
    let far = stranger(false, Some("the secret cannot be resolved"));
    assert_eq!(finding(&far, Code::PairingUnapproved).explained_by, Some(Code::TokenSecretref));
    assert!(!root_causes(&far).contains(&Code::PairingUnapproved));
    assert!(!silent(unapproved, &stranger(true, None)), "it connects without a secret");
}

#[test]
fn an_unknown_device_matters_only_where_a_device_is_needed() {
    let stranger = |node: &mut Snapshot| {
        let device = value(&mut first_client(node).device);
        device.approved = None;
        device.device_id = "stranger".to_owned();
    };
    assert!(silent(unapproved, &node(stranger)), "loopback with the shared secret needs no device");
    let remote = node(|node| {
        stranger(node);
        value(&mut first_client(node).url).loopback = false;
    });
    assert_eq!(root_causes(&remote), [Code::PairingUnapproved]);
    let hidden = node(|node| {
        stranger(node);
        value(&mut first_client(node).url).loopback = false;
        gateway(node).pairing = denied();
    });
    assert!(silent(unapproved, &hidden));
}

#[test]
fn a_command_line_without_a_device_that_comes_by_the_lan_will_be_refused() {
    let newcomer = |node: &mut Snapshot| {
        let client = first_client(node);
        client.device = absent();
        client.handshake =
            answered(Challenge { tcp_ms: 0.3, challenge_ms: 1.0, skew_ms: Some(0), skew_uncertainty_ms: Some(1) });
        let url = value(&mut client.url);
        (url.url.host, url.loopback) = ("10.0.0.1".to_owned(), false);
    };
    let refused = node(newcomer);
    assert_eq!(root_causes(&refused), [Code::PairingUnapproved]);
    let summary = finding(&refused, Code::PairingUnapproved).summary.clone();
    let told = "has no device, without which the gateway on port 18789 grants no scope to who comes by 10.0.0.1";
    assert!(summary.ends_with(told), "{summary}");
    assert_eq!(report(&refused).exit_status(false), 77);

    let changes: [&dyn Fn(&mut Snapshot); 9] = [
        &|node| value(&mut first_client(node).url).loopback = true,
        &|node| first_client(node).kind = ClientKind::NodeHost,
        &|node| value(&mut first_client(node).url).refusal = Some("plaintext".to_owned()),
        &|node| first_client(node).credentials.winner = Some(fingerprint("another")),
        &|node| first_client(node).credentials.winner = None,
        &|node| first_client(node).device = denied(),
        &|node| first_client(node).handshake = untried(),
        &|node| first_client(node).url = denied(),
        &|node| gateway(node).pairing = denied(),
    ];
    for (index, change) in changes.iter().enumerate() {
        let other = node(|node| {
            newcomer(node);
            change(node);
        });
        assert!(silent(unapproved, &other), "{index}");
    }
}

#[test]
fn a_deadlock_needs_that_no_other_way_to_approve_is_left() {
    let locked = |node: &mut Snapshot| {
        gateway(node).credentials.winner = None;
        wait(node, request(DEVICE));
    };
    assert!(codes(&node(locked)).contains(&Code::PairingDeadlock));
    let other_approver = node(|node| {
        locked(node);
        let mut other = paired("other");
        other.scopes.push("operator.admin".to_owned());
        value(&mut gateway(node).pairing).paired.push(other);
    });
    assert!(silent(deadlock, &other_approver));
    assert!(silent(deadlock, &node(|node| wait(node, request(DEVICE)))), "the shared secret approves");
}

#[test]
fn a_lost_identity_explains_why_a_known_client_waits() {
    let mut old = paired("old");
    old.remote_ip = Some("10.0.0.2".to_owned());
    let lost = node(|node| {
        wait(node, request("new"));
        value(&mut gateway(node).pairing).paired.push(old.clone());
    });
    assert_eq!(root_causes(&lost), [Code::PairingIdentityLost]);
    let elsewhere = node(|node| {
        wait(node, PendingPairing { remote_ip: Some("10.0.0.3".to_owned()), ..request("new") });
        value(&mut gateway(node).pairing).paired.push(old.clone());
    });
    assert!(silent(identity_lost, &elsewhere));
}

#[test]
fn a_client_that_cannot_write_its_state_is_named() {
    let node = node(|node| value(&mut first_client(node).device).state_writable = false);
    assert_eq!(root_causes(&node), [Code::PairingStateReadonly]);
    let mounted = super::super::super::fixture::node(|node| {
        value(&mut first_client(node).device).state_writable = false;
        value(&mut first_state(node).volume).read_only = true;
    });
    assert_eq!(root_causes(&mounted), [Code::StateReadonly]);
    let unknown = super::super::super::fixture::node(|node| first_client(node).device = denied());
    assert!(silent(state_readonly, &unknown));
}

#[test]
fn attempts_and_refusals_are_counted_in_their_windows() {
    let many = node(|node| refusals(node, event::PAIRING_REQUIRED, "b2c4d6e8", 6, 60));
    assert_eq!(draft(retries, &many).code, Code::PairingRetries);
    assert!(silent(retries, &node(|node| refusals(node, event::PAIRING_REQUIRED, "x", 5, 60))));
    let approved = node(|node| {
        refusals(node, event::PAIRING_REQUIRED, "b2c4d6e8", 6, 60);
        log_event(node, 1, event::DEVICE_APPROVED, "device pairing approved", &[]);
    });
    assert!(silent(retries, &approved), "it came through");

    let storming = node(|node| refusals(node, event::UNAUTHORIZED, "token_mismatch", 4, 60));
    assert_eq!(root_causes(&storming), [Code::TokenStorm], "alone, the symptom is the root cause");
    assert!(silent(storm, &node(|node| refusals(node, event::UNAUTHORIZED, "token_mismatch", 4, 200))));
    assert!(silent(storm, &node(|node| refusals(node, event::UNAUTHORIZED, "token_missing", 9, 10))));
    assert!(silent(storm, &node(|node| gateway(node).log = denied())));
}

#[test]
fn a_lockout_is_seen_in_the_log_and_in_the_answer() {
    let logged = node(|node| refusals(node, event::UNAUTHORIZED, "rate_limited", 1, 1));
    assert_eq!(draft(rate_limited, &logged).code, Code::RateLimited);
    let answered = node(|node| gateway(node).ladder.connect = rejected("AUTH_RATE_LIMITED"));
    assert_eq!(draft(rate_limited, &answered).code, Code::RateLimited);
    let old = node(|node| {
        refusals(node, event::UNAUTHORIZED, "rate_limited", 1, 1);
        value(&mut gateway(node).log).events[0].at = Some(ago(3_600));
    });
    assert!(silent(rate_limited, &old));
}

#[test]
fn a_stale_device_token_is_named_only_while_the_shared_secret_works() {
    let outdated = node(|node| value(&mut first_client(node).device).token_outdated = true);
    assert_eq!(root_causes(&outdated), [Code::DeviceTokenStale]);
    let logged = |node: &mut Snapshot| refusals(node, event::UNAUTHORIZED, "device_token_mismatch", 1, 1);
    assert_eq!(draft(token_stale, &node(logged)).code, Code::DeviceTokenStale);
    let unproven = node(|node| {
        logged(node);
        gateway(node).ladder.connect = untried();
    });
    assert!(silent(token_stale, &unproven));
}

#[test]
fn clock_origin_and_protocol_follow_recent_refusals() {
    let skewed = node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = Some(-130_000));
    assert_eq!((draft(clock, &skewed).code, root_causes(&skewed)), (Code::DeviceClock, vec![Code::HostClock]));
    let absurd = node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = Some(i64::MIN));
    assert_eq!(draft(clock, &absurd).code, Code::DeviceClock);
    assert!(silent(clock, &node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = None)));

    let refused = node(|node| refusals(node, event::CLOSED_BEFORE_CONNECT, "origin-mismatch", 1, 1));
    assert_eq!(root_causes(&refused), [Code::OriginRefused]);

    let answered = node(|node| gateway(node).ladder.connect = rejected("PROTOCOL_MISMATCH"));
    assert_eq!(root_causes(&answered), [Code::ProtocolMismatch]);
    let logged = node(|node| refusals(node, event::PROTOCOL_MISMATCH, "5", 1, 1));
    assert_eq!(root_causes(&logged), [Code::ProtocolMismatch]);
}
