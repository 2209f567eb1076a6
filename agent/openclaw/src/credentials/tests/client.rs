use super::*;

#[test]
fn cli_in_local_and_remote_mode() {
    let both = "auth: { token: 'config' }, remote: { url: 'wss://gw.example', token: 'remote' }";
    let local = Lab::new(&format!("{{ gateway: {{ {both} }} }}"), &[(TOKEN, "process")]);
    assert_eq!(sent(&local.cli()), (Some("config"), None));
    assert_eq!(local.cli().surface, Surface::Local);
    assert_eq!(local.cli().target.url.unwrap().to_string(), "ws://127.0.0.1:18789");

    let remote = Lab::new(&format!("{{ gateway: {{ mode: 'remote', {both} }} }}"), &[(TOKEN, "process")]);
    let auth = remote.cli();
    assert_eq!(sent(&auth), (Some("remote"), None));
    assert_eq!(auth.target.source, UrlSource::RemoteConfig);
    insta::assert_snapshot!(remote.list(&auth.sources), @r"
    token remote at ~/openclaw.json:1:92 `gateway.remote.token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — loses: `gateway.remote` comes first
    token config at ~/openclaw.json:1:38 `gateway.auth.token` — loses: `gateway.remote` comes first
    ");

    let fallback = Lab::new("{ gateway: { remote: { token: 'remote', password: 'rpw' } } }", &[]);
    assert_eq!(sent(&fallback.cli()), (Some("remote"), Some("rpw")));
    let env = Lab::new(
        "{ gateway: { mode: 'remote', auth: { token: 'config' }, remote: { url: 'wss://x' } } }",
        &[(TOKEN, "process")],
    );
    assert_eq!(sent(&env.cli()), (Some("process"), None));
}

#[test]
fn url_overrides_count_no_configured_credentials() {
    let config = "{ gateway: { auth: { token: 'config' } } }";
    let lab = Lab::new(config, &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1"), (TOKEN, "process")]);
    let auth = lab.cli();
    assert_eq!((auth.surface, sent(&auth)), (Surface::UrlEnvironment, (Some("process"), None)));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — not read: with a URL override, configured credentials do not count
    ");

    let lab = Lab::new(config, &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1")]);
    assert_eq!(lab.cli().refusals, [Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Environment }]);
    assert!(lab.client(|inputs| inputs.has_device_token = true).refusals.is_empty());

    let flag = SecretString::from("flag");
    let lab = Lab::new(config, &[(TOKEN, "process")]);
    let auth = lab.client(|inputs| inputs.url_flag = Some("ws://127.0.0.1:1"));
    assert_eq!(auth.refusals, [Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Flag }]);
    let auth = lab.client(|inputs| {
        inputs.url_flag = Some("ws://127.0.0.1:1");
        inputs.token_flag = Some(&flag);
    });
    assert_eq!(sent(&auth), (Some("flag"), None));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token flag at `--token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — not read: with `--url`, only credentials of the command line count
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — not read: with `--url`, only credentials of the command line count
    ");
}

#[test]
fn node_host_takes_the_environment_first() {
    let config = "{ gateway: { auth: { token: 'config' }, remote: { token: 'remote' } } }";
    let target = NodeTarget { host: "gw.example".into(), port: 443, tls: Some(true) };
    let lab = Lab::new(config, &[(TOKEN, "process")]);
    let auth = lab.node();
    assert_eq!(sent(&auth), (Some("process"), None));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — loses: the process environment comes first
    token remote at ~/openclaw.json:1:51 `gateway.remote.token` — not read: a local node host does not look at `gateway.remote`
    ");
    assert_eq!(sent(&Lab::new(config, &[]).node()), (Some("config"), None));

    let auth = lab.client(|inputs| {
        inputs.kind = ClientKind::NodeHost;
        inputs.node_target = Some(&target);
    });
    assert_eq!(auth.target.url.unwrap().to_string(), "wss://gw.example:443");

    let lab = Lab::new(config, &[]);
    let auth = lab.client(|inputs| {
        inputs.kind = ClientKind::NodeHost;
        inputs.environment_only = true;
        inputs.has_device_token = true;
    });
    assert!(auth.sends_device_token() && auth.token().is_none());
}

#[test]
fn an_unresolved_reference_is_not_passed_over_in_local_mode() {
    let lab = Lab::new("{ gateway: { auth: { token: '${NOPE}' } } }", &[(TOKEN, "process")]);
    let auth = lab.cli();
    assert_eq!(sent(&auth), (None, None));
    assert!(matches!(auth.refusals.as_slice(), [Refusal::Unresolved { key, .. }] if key == "gateway.auth.token"));

    let lab = Lab::new("{ gateway: { auth: { token: '${NOPE}' } } }", &[(PASSWORD, "pw")]);
    assert_eq!((sent(&lab.cli()), lab.cli().refusals), ((None, Some("pw")), vec![]));

    let remote = "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:1', token: '${NOPE}' } } }";
    let lab = Lab::new(remote, &[(TOKEN, "process")]);
    assert_eq!((sent(&lab.cli()), lab.cli().refusals), ((Some("process"), None), vec![]));
    let lab = Lab::new(remote, &[]);
    assert!(
        matches!(lab.cli().refusals.as_slice(), [Refusal::Unresolved { key, .. }] if key == "gateway.remote.token")
    );
}

#[test]
fn device_token_only_where_no_secret_is_shared() {
    let lab = Lab::new("{}", &[]);
    assert!(lab.client(|inputs| inputs.has_device_token = true).sends_device_token());
    assert_eq!(lab.cli().refusals, [Refusal::NoCredentials { slot: Slot::Token }]);
    let lab = Lab::new("{}", &[(TOKEN, "process")]);
    assert!(!lab.client(|inputs| inputs.has_device_token = true).sends_device_token());
}

#[test]
fn targets_that_are_refused() {
    let remote = |url: &str| format!("{{ gateway: {{ mode: 'remote', remote: {{ url: '{url}', token: 'x' }} }} }}");
    let refusals = |config: &str, process: &[(&str, &str)]| Lab::new(config, process).cli().refusals;
    let from = UrlSource::RemoteConfig;
    assert_eq!(refusals(&remote("ws://gw.example:1"), &[]), [Refusal::Plaintext { from }]);
    assert_eq!(refusals(&remote("ws://gw.example:1"), &[("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1")]), []);
    assert_eq!(refusals(&remote("ws://192.168.7.7:1"), &[]), []);
    assert_eq!(refusals(&remote("gw:1"), &[]), [Refusal::BadUrl { from, error: UrlError::Scheme }]);
    assert_eq!(refusals(&remote("${NOPE}"), &[]), [Refusal::UnresolvedUrl { from }]);
    assert_eq!(refusals("{ gateway: { mode: 'remote', remote: { token: 'x' } } }", &[]), [Refusal::RemoteUrlMissing]);
}

#[test]
fn a_client_takes_the_certificate_that_it_pinned_or_what_authorities_signed() {
    let pin = "ab".repeat(32);
    let remote = |tls: &str| format!("{{ gateway: {{ mode: 'remote', remote: {{ url: 'wss://gw.example'{tls} }} }} }}");
    let pinned = remote(&format!(", tlsFingerprint: 'SHA256:{pin}'"));
    let trust = |config: &str, variables: &[(&str, &str)]| Lab::new(config, variables).cli().target.trust;
    let fingerprint = Trust::Pinned(pin.parse().unwrap());
    assert_eq!(trust(&pinned, &[]), Some(fingerprint));
    assert_eq!(trust(&pinned, &[("OPENCLAW_GATEWAY_URL", "wss://other.example")]), Some(fingerprint));
    assert_eq!(trust(&pinned, &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1")]), None, "without TLS there is none");
    assert_eq!(trust(&remote(""), &[]), Some(Trust::Authorities));
    assert_eq!(trust(&remote(", tlsFingerprint: 'nonsense'"), &[]), None);
    let local = "{ gateway: { tls: { enabled: true }, remote: { tlsFingerprint: 'x' } } }";
    assert_eq!(trust(local, &[]), None, "it pins the certificate of its own gateway");
    assert_eq!(trust(local, &[("OPENCLAW_GATEWAY_URL", "wss://other.example")]), Some(Trust::Authorities));
}

#[test]
fn what_node_js_was_told_of_other_authorities_is_not_known_here() {
    let config = "{ gateway: { mode: 'remote', remote: { url: 'wss://gw.example' } } }";
    for (name, value) in [
        ("NODE_EXTRA_CA_CERTS", "/etc/own.pem"),
        ("NODE_USE_SYSTEM_CA", "1"),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("NODE_OPTIONS", "--use-system-ca"),
    ] {
        assert_eq!(Lab::new(config, &[(name, value)]).cli().target.trust, None, "{name}");
    }
    assert_eq!(Lab::new(config, &[("NODE_OPTIONS", "--no-warnings")]).cli().target.trust, Some(Trust::Authorities));
    assert_eq!(Lab::new(config, &[]).node().target.trust, None, "a node host has what it saved");
}
