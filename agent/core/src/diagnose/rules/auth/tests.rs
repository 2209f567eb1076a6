//! What the rules on secrets say and do not say.

use super::super::super::fixture::*;
use super::*;
use crate::catalogue::Severity;
use crate::snapshot::{ConfigProblem, SecretQuality, Snapshot};

const ENVIRONMENT: &str = "OPENCLAW_GATEWAY_TOKEN in the environment of pid 4242";

fn not_read() -> SourceOutcome {
    SourceOutcome::NotRead { why: "a URL override".to_owned() }
}

fn environment_wins(client: &mut Client, secret: &str) {
    client.credentials.sources =
        vec![source(ENVIRONMENT, secret, wins()), source("gateway.auth.token in x", "the healthy token", loses())];
    client.credentials.winner = Some(fingerprint(secret));
}

#[test]
fn healthy_node_has_nothing_to_say_about_secrets() {
    for rule in RULES {
        assert!(silent(*rule, &healthy()));
    }
}

#[test]
fn another_value_in_the_gateways_environment_is_a_warning_while_the_configuration_wins() {
    let node = node(|node| gateway(node).credentials.sources.push(source(ENVIRONMENT, "another", loses())));
    assert_eq!(finding(&node, Code::TokenShadowed).severity, Severity::Warning);
    assert!(root_causes(&node).is_empty());
    assert_eq!(report(&node).exit_status(false), 0);
}

#[test]
fn a_node_host_that_prefers_its_environment_is_shadowed_and_that_explains_the_split() {
    let node = node(|node| {
        let client = first_client(node);
        client.kind = ClientKind::NodeHost;
        environment_wins(client, "another");
    });
    assert_eq!(root_causes(&node), [Code::TokenShadowed]);
    assert_eq!(finding(&node, Code::TokenSplit).explained_by, Some(Code::TokenShadowed));
    assert_eq!(report(&node).exit_status(false), 77);
}

#[test]
fn with_a_url_override_only_the_environment_counts_and_the_split_is_the_root_cause() {
    let node = node(|node| {
        let client = first_client(node);
        environment_wins(client, "another");
        client.credentials.sources[1].outcome = not_read();
        value(&mut client.url).is_override = true;
    });
    assert_eq!(root_causes(&node), [Code::TokenSplit]);
    assert_eq!(report(&node).exit_status(false), 77);
}

#[test]
fn a_warning_on_the_gateways_side_does_not_hide_a_split() {
    let node = node(|node| {
        gateway(node).credentials.sources.push(source(ENVIRONMENT, "another", loses()));
        environment_wins(first_client(node), "another");
        first_client(node).credentials.sources.truncate(1);
    });
    assert_eq!(root_causes(&node), [Code::TokenSplit]);
}

#[test]
fn no_split_is_said_where_either_side_is_not_known() {
    let unknown_gateway = node(|node| gateway(node).credentials.winner = None);
    assert!(silent(split, &unknown_gateway));
    let elsewhere = node(|node| {
        environment_wins(first_client(node), "another");
        first_client(node).gateway = None;
    });
    assert!(silent(split, &elsewhere));
    assert!(silent(shadowed, &node_without_sources()));
}

fn node_without_sources() -> Snapshot {
    node(|node| {
        gateway(node).credentials.sources.clear();
        first_client(node).credentials.sources.clear();
    })
}

#[test]
fn a_remote_gateways_token_competes_with_nothing_here() {
    let node = node(|node| {
        gateway(node).credentials.sources.push(source("gateway.remote.token in x", "another", loses()));
    });
    assert!(silent(shadowed, &node));
}

#[test]
fn one_value_in_two_places_is_a_warning() {
    let doubled = node(|node| {
        gateway(node).credentials.sources.push(source(ENVIRONMENT, "the healthy token", loses()));
    });
    assert_eq!(draft(duplicated, &doubled).code, Code::TokenDuplicated);
    assert!(silent(shadowed, &doubled));
    assert!(silent(duplicated, &node_without_sources()));
}

#[test]
fn a_gateway_that_refuses_its_own_secret_holds_an_older_one() {
    let stale = node(|node| gateway(node).ladder.connect = rejected("AUTH_TOKEN_MISMATCH"));
    assert_eq!(root_causes(&stale), [Code::TokenStaleProcess]);
    let other = node(|node| gateway(node).ladder.connect = rejected("DEVICE_IDENTITY_REQUIRED"));
    assert!(silent(stale_process, &other));
    let unknown = node(|node| {
        gateway(node).ladder.connect = rejected("AUTH_TOKEN_MISMATCH");
        gateway(node).credentials.sources.clear();
    });
    assert!(silent(stale_process, &unknown));
}

#[test]
fn a_client_without_secret_and_device_is_missing_one() {
    let bare = |node: &mut Snapshot| {
        let client = first_client(node);
        client.credentials.sources.clear();
        client.credentials.winner = None;
        client.device = absent();
    };
    assert_eq!(draft(missing, &node(bare)).code, Code::TokenMissing);
    let paired_device = node(|node| {
        bare(node);
        first_client(node).device = healthy().clients[0].device.clone();
    });
    assert!(silent(missing, &paired_device));
    let hidden = node(|node| {
        bare(node);
        first_client(node).device = denied();
    });
    assert!(silent(missing, &hidden));
    let unseen_source = node(|node| {
        bare(node);
        first_client(node).credentials.blind.push("environment of pid 7".to_owned());
    });
    assert!(silent(missing, &unseen_source));
}

#[test]
fn secrets_of_a_configuration_that_is_refused_are_not_missing() {
    let refused = |node: &mut Snapshot, fatal: bool| {
        first_client(node).credentials.winner = None;
        first_client(node).device = absent();
        let problem = ConfigProblem {
            path: CONFIG.to_owned(),
            line: Some(4),
            column: Some(7),
            message: "`gateway.auth.mode` has to be said".to_owned(),
            fatal,
        };
        value(&mut gateway(node).config).problems.push(problem);
    };
    assert!(silent(missing, &node(|node| refused(node, true))));
    assert!(!silent(missing, &node(|node| refused(node, false))));
    let overridden = node(|node| {
        refused(node, true);
        value(&mut first_client(node).url).is_override = true;
    });
    assert!(!silent(missing, &overridden));
}

fn without_any_secret(node: &mut Snapshot) {
    let gateway = gateway(node);
    gateway.credentials.runtime_only = true;
    gateway.credentials.winner = None;
    gateway.credentials.sources.clear();
    gateway.ladder.connect = untried();
    gateway.ladder.channels = untried();
}

#[test]
fn of_a_configuration_that_cannot_be_read_nothing_is_said() {
    let node = node(|node| {
        without_any_secret(node);
        value(&mut gateway(node).config).problems.push(ConfigProblem {
            path: CONFIG.to_owned(),
            line: Some(3),
            column: Some(3),
            message: "it is not valid JSON5".to_owned(),
            fatal: true,
        });
    });
    assert!(silent(runtime_only, &node));
}

#[test]
fn a_token_for_one_run_is_a_warning_and_the_connect_stays_unproven() {
    let node = node(without_any_secret);
    assert_eq!(finding(&node, Code::TokenRuntimeOnly).severity, Severity::Warning);
    assert!(root_causes(&node).is_empty());
    assert_eq!(report(&node).verdict, crate::Verdict::Unknown);
    assert!(silent(runtime_only, &healthy()));
}

#[test]
fn a_flipped_mode_is_the_root_cause_of_the_refusal() {
    let node = node(|node| {
        gateway(node).credentials.mode_flipped = true;
        gateway(node).ladder.connect = rejected("AUTH_PASSWORD_MISMATCH");
    });
    assert_eq!(root_causes(&node), [Code::AuthModeFlipped]);
}

#[test]
fn only_a_remote_token_is_named_by_configuration_and_by_answer() {
    let configured = node(|node| gateway(node).credentials.remote_only = true);
    assert_eq!(root_causes(&configured), [Code::AuthRemoteOnly]);
    let answered = node(|node| {
        gateway(node).ladder.connect = rejected("AUTH_TOKEN_NOT_CONFIGURED");
        gateway(node).credentials.winner = None;
        gateway(node).credentials.sources.clear();
    });
    assert_eq!(root_causes(&answered), [Code::AuthRemoteOnly]);
    let unasked = node(|node| gateway(node).ladder.connect = untried());
    assert!(silent(remote_only, &unasked));
}

#[test]
fn a_secret_that_was_set_after_the_start_asks_for_a_restart() {
    let mended = node(|node| gateway(node).ladder.connect = rejected("AUTH_TOKEN_NOT_CONFIGURED"));
    assert_eq!(root_causes(&mended), [Code::TokenStaleProcess]);
    assert_eq!(draft(stale_process, &mended).remedy[0].text, "restart the gateway: it began before it had a secret");
}

#[test]
fn a_placeholder_that_wins_is_an_error_and_one_that_loses_a_warning() {
    let quality =
        || Some(SecretQuality { length: 21, entropy_bits: 40.0, placeholder: Some("redaction mark".to_owned()) });
    let winner = node(|node| gateway(node).credentials.sources[0].quality = quality());
    assert_eq!(root_causes(&winner), [Code::TokenPlaceholder]);
    let loser = node(|node| {
        let mut other = source(ENVIRONMENT, "another", loses());
        other.quality = quality();
        gateway(node).credentials.sources.push(other);
    });
    assert_eq!(finding(&loser, Code::TokenPlaceholder).severity, Severity::Warning);
    let unknown = node(|node| gateway(node).credentials.sources[0].quality = None);
    assert!(silent(placeholder, &unknown));
}

#[test]
fn a_reference_is_an_error_only_where_it_is_needed() {
    let unresolved = |node: &mut Snapshot, refusal: Option<&str>| {
        let credentials = &mut gateway(node).credentials;
        credentials.sources[0].outcome = SourceOutcome::Unresolved { why: "`X` is not set".to_owned() };
        credentials.refusal = refusal.map(ToOwned::to_owned);
    };
    let needed = node(|node| unresolved(node, Some("required secrets are unavailable")));
    assert_eq!(draft(secret_ref, &needed).code, Code::TokenSecretref);
    assert!(silent(secret_ref, &node(|node| unresolved(node, None))));
}

#[test]
fn a_readable_secret_is_exposed_once_and_an_unknown_mode_is_no_finding() {
    let open = node(|node| {
        gateway(node).credentials.sources[0].readable_by_others = Some(true);
        first_client(node).credentials.sources[0].readable_by_others = Some(true);
    });
    assert_eq!(draft(exposed, &open).code, Code::TokenExposed);
    let unknown = node(|node| gateway(node).credentials.sources[0].readable_by_others = None);
    assert!(silent(exposed, &unknown));
    let shown = node(|node| value(&mut node.processes)[0].shows_secret = true);
    assert_eq!(draft(exposed, &shown).code, Code::TokenExposed);
}

#[test]
fn a_short_or_plain_secret_is_weak() {
    let quality = |length, entropy_bits| Some(SecretQuality { length, entropy_bits, placeholder: None });
    let short = node(|node| gateway(node).credentials.sources[0].quality = quality(12, 70.0));
    assert_eq!(draft(weak, &short).code, Code::TokenWeak);
    let plain = node(|node| gateway(node).credentials.sources[0].quality = quality(40, 20.0));
    assert_eq!(draft(weak, &plain).code, Code::TokenWeak);
    let unknown = node(|node| gateway(node).credentials.sources[0].quality = None);
    assert!(silent(weak, &unknown));
}
