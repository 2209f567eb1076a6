use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnose::fixture::*;
use crate::topology::Topology;
use crate::{FingerprintKey, LocksReport};

fn redactor() -> Redactor {
    let mut node = healthy();
    node.gateways[0].user = Some("jane".to_owned());
    node.state_dirs[0].home = Some("/Users/jane".to_owned());
    Redactor::new(FingerprintKey::new(&[7; 32]).unwrap(), &node, &["192.168.1.20".parse().unwrap()])
}

fn shown(text: &str) -> String {
    redactor().text(text)
}

#[test]
fn secrets_are_masked_by_what_announces_them() {
    for (text, expected) in [
        ("--token hunter2 next", "--token *** next"),
        ("--password=pa55 next", "--password=*** next"),
        ("OPENCLAW_GATEWAY_TOKEN=q.r/s next", "OPENCLAW_GATEWAY_TOKEN=*** next"),
        (r#"{"token": "a b", "n": 1}"#, r#"{"token": "***", "n": 1}"#),
        (r#"{\"botToken\":\"a\"}"#, r#"{\"botToken\":\"***\"}"#),
        ("password: hunter22", "password: ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("Authorization: Basic b3A6cGFzcw==", "Authorization: Basic ***"),
        ("Cookie: \"sid\"", "Cookie: \"***\""),
        ("<key>Token</key> <string>abc</string>", "<key>Token</key> <string>***</string>"),
        ("wss://op:pa/ss@gw.example.com:8443/x?token=abc&y=1", "wss://***@host-1:8443/x?token=***&y=1"),
        ("https://claw.example.com/#access_token=abc", "https://host-1/#access_token=***"),
    ] {
        assert_eq!(shown(text), expected, "of {text}");
    }
}

#[test]
fn who_announced_or_accepted_something_is_no_word_of_our_own() {
    let mut node = healthy();
    node.maintenance = Some(crate::Maintenance { since: now(), until: now(), reason: None, by: "mary".to_owned() });
    let mut redactor = Redactor::new(FingerprintKey::new(&[7; 32]).unwrap(), &node, &[]);
    assert_eq!(redactor.text("announced by mary"), "announced by user-1");
    let mut facts = json!([{"by": "mary"}, {"by": "accepted"}]);
    redactor.value(&mut facts);
    assert_eq!(facts, json!([{"by": "user-1"}, {"by": "accepted"}]));
}

#[test]
fn each_place_of_a_secret_counts_whoever_masked_it() {
    let mut redactor = redactor();
    redactor.text("--token hunter2 of wss://op:pass@gw.example.com");
    assert_eq!(redactor.redacted().secrets, 2);
    redactor.text("Authorization: Bearer *** in a line of a log");
    assert_eq!(redactor.redacted().secrets, 3);
    redactor.text("the token is missing");
    assert_eq!(redactor.redacted().secrets, 3);
}

#[test]
fn secrets_are_masked_by_their_looks() {
    for secret in [
        "4f9d0c1e2b3a49586776859493a2b1c0d9e8f7a6b5c4d3e2",
        "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x",
        "sk-ant-api03-Ab3dEf6hIj9lMn2pQr5tUv8x",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "github_pat_11ABCDEFG0abcdefghijkl_mnopqr",
        "glpat-zzzzzzzzzz1234567890",
        "xoxb-123456789012-abcdefABCDEF",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "hf_abcdefghijklmnopQRST",
        "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
        "MCowBQYDK2VwAyEA0BrLqZCJGk22rvSubuwgKOXMNmHQh0",
        "AAAAC3NzaC1lZDI1NTE5AAAAIJ1v/9Gq4cQ+0mZ2yUuR1oXk3w8bS7nT6pVdHqLfEaYc",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYabcdef",
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQ8",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQ",
    ] {
        for text in
            [format!("got {secret} from it"), format!("x={secret}"), format!("`{secret}`"), format!("[\"{secret}\"]")]
        {
            let out = shown(&text);
            assert!(!out.contains(secret) && out.contains(MASK), "{text} became {out}");
        }
    }
}

#[test]
fn what_a_reader_needs_stays() {
    for text in [
        "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)",
        "conn=e2bcf082-d687-4e1c-9fd1-0eeec0ef97bf peer=127.0.0.1:35888->127.0.0.1:19789 auth=token device=no",
        "ghcr.io/openclaw/openclaw:2026.9.6@sha256:ced680620907d93ce35d97f15b1ed0c005650c3d5dfc01c3f50aed812f2c1276",
        "the token is missing: set `OPENCLAW_GATEWAY_TOKEN=${OPENCLAW_GATEWAY_TOKEN}`",
        "launchctl bootout gui/501/ai.openclaw.gateway at 2026-11-21T04:30:23.876Z",
        "wrote /opt/homebrew/lib/node_modules/openclaw/dist/index.js on 0.0.0.0, [::]:18789 and 192.168.1.20",
        "Basic authentication is off; a bearer token is not needed",
        "/Users/Shared/state and /home/node/.openclaw of user@501.service",
        "mini-7.local waits for api.telegram.org and host.docker.internal",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn people_are_pseudonyms_everywhere() {
    let mut redactor = redactor();
    assert_eq!(
        redactor.text("/Users/jane/.openclaw of jane, not of janet"),
        "/Users/user-1/.openclaw of user-1, not of janet"
    );
    assert_eq!(redactor.text("/srv/home/.openclaw/openclaw.json"), "/srv/home/.openclaw/openclaw.json");
    assert_eq!(redactor.text("file:///home/ahmed/x and /home/ahmed"), "file:///home/user-2/x and /home/user-2");
    assert_eq!(redactor.text("ahmed wrote this"), "ahmed wrote this", "a log cannot make a word a name");
    assert_eq!(redactor.text("mail to jane.doe+x@corp.example.com."), "mail to mail-1.");
    let cloud = "/Users/jane/Library/CloudStorage/GoogleDrive-jane@corp.example.com/My Drive/x";
    assert_eq!(redactor.text(cloud), "/Users/user-1/Library/CloudStorage/GoogleDrive-account-1/My Drive/x");
    assert_eq!(redactor.text("/Users/jane/OneDrive - Contoso Ltd/state"), "/Users/user-1/OneDrive - account-2/state");
    let redacted = redactor.redacted();
    assert_eq!((redacted.users, redacted.mails, redacted.accounts), (2, 1, 2));
}

#[test]
fn addresses_outside_the_node_are_peers() {
    let mut redactor = redactor();
    let text =
        "peer=203.0.113.9:4711 and 10.1.2.3, again 203.0.113.9; [2001:4860::8888]:443, fe80::1%en0, ::ffff:10.1.2.3";
    assert_eq!(redactor.text(text), "peer=peer-1:4711 and peer-2, again peer-1; [peer-3]:443, peer-4, peer-5");
    assert_eq!(redactor.text("ether 3c:22:fb:01:02:03 or 3C-22-FB-01-02-03"), "ether mac-1 or mac-2");
    assert_eq!(
        redactor.text("at 08:12:07, version 2026.9.6, a::g, 1.2.3"),
        "at 08:12:07, version 2026.9.6, a::g, 1.2.3"
    );
    let mut value = json!({ "addresses": ["203.0.113.9", "127.0.0.1"], "host": "203.0.113.9" });
    redactor.value(&mut value);
    assert_eq!(value, json!({ "addresses": ["2001:db8::1", "127.0.0.1"], "host": "peer-1" }));
}

#[test]
fn other_hosts_are_pseudonyms_and_ids_fingerprints() {
    let mut redactor = redactor();
    assert_eq!(
        redactor.text("ws://nas:1/ and /live/claw.example.com/x, CLAW.example.com"),
        "ws://host-1:1/ and /live/host-2/x, host-2"
    );
    let id = "ced680620907d93ce35d97f15b1ed0c005650c3d5dfc01c3f50aed812f2c1276";
    let out = redactor.text(&format!("device={id} {DEVICE}"));
    assert!(!out.contains(id) && !out.contains(DEVICE) && out.matches("id-").count() == 2, "{out}");
    assert_eq!(redactor.text(&out), out);
}

#[test]
fn facts_and_reports_keep_their_form() {
    let mut node = project::split();
    node.gateways[0].user = Some("blocked".to_owned());
    node.node.host.console_user = known("gateway".to_owned());
    let mut redactor = Redactor::new(FingerprintKey::new(&[7; 32]).unwrap(), &node, &[]);
    let report = report(&node);
    let topology = Topology::of(&node);
    let locks = LocksReport::of(&node, crate::locks::Thresholds::default(), report.agent.clone());
    let mut through = |value: serde_json::Value| {
        let mut value = value;
        redactor.value(&mut value);
        value
    };
    let facts: Snapshot = serde_json::from_value(through(serde_json::to_value(&node).unwrap())).unwrap();
    assert_eq!(facts.workloads.len(), node.workloads.len());
    let again: crate::Report = serde_json::from_value(through(serde_json::to_value(&report).unwrap())).unwrap();
    assert_eq!((again.verdict, again.root_causes), (report.verdict, report.root_causes));
    serde_json::from_value::<Topology>(through(serde_json::to_value(&topology).unwrap())).unwrap();
    serde_json::from_value::<LocksReport>(through(serde_json::to_value(&locks).unwrap())).unwrap();
}

#[test]
fn a_text_is_bounded() {
    let out = shown(&"é ".repeat(MAX_TEXT_BYTES));
    assert!(out.len() <= MAX_TEXT_BYTES && out.ends_with('…'));
    assert_eq!(shown(&out), out);
    let mut deep = json!("x");
    for _ in 0..200 {
        deep = json!([deep]);
    }
    redactor().value(&mut deep);
}

#[test]
fn what_a_fuzzer_begins_with_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/redact");
    for seed in std::fs::read_dir(folder).unwrap() {
        let text = String::from_utf8(std::fs::read(seed.unwrap().path()).unwrap()).unwrap();
        let mut redactor = redactor();
        let once = redactor.text(&text);
        assert_ne!(once, text);
        assert_eq!(redactor.text(&once), once);
    }
}

fn parts() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "token=",
        "\"password\": \"",
        "--token ",
        "Bearer ",
        "Basic ",
        "://",
        "user:pa@",
        "@",
        "/Users/",
        "/home/",
        "jane",
        "***",
        "-----BEGIN ",
        "-----END ",
        "-----",
        "sha256:",
        "host-1",
        "peer-1",
        "user-1",
        "/CloudStorage/",
        "GoogleDrive-",
        "OneDrive - ",
        "203.0.113.9",
        "::1",
        "%en0",
        "claw.example.com",
        "=",
        "\"",
        "\\\"",
        "'",
        " ",
        ":",
        ".",
        "-",
        "_",
        "</key>",
        "<string>",
        "eyJ",
        "sk-",
        "…",
        "é",
    ]);
    prop_oneof![
        4 => fixed.prop_map(str::to_owned),
        1 => "[a-zA-Z0-9]{1,24}",
        1 => "[a-f0-9]{64}",
        1 => "\\PC{0,6}",
        1 => "[0-9a-f:.]{1,16}",
    ]
}

proptest! {
    #[test]
    fn twice_is_once(parts in prop::collection::vec(parts(), 0..14)) {
        let mut redactor = redactor();
        let once = redactor.text(&parts.concat());
        prop_assert_eq!(redactor.text(&once), once);
    }

    #[test]
    fn never_panics(text in "\\PC{0,200}") {
        shown(&text);
    }

    #[test]
    fn a_random_token_never_stands(secret in "[a-f][0-9][A-Za-z0-9]{30,60}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
        let out = shown(&format!("{before}{secret}{after}"));
        prop_assert!(!out.contains(&secret), "{}", out);
    }
}
