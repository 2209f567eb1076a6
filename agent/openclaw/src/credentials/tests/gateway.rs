use super::*;

#[test]
fn gateway_lists_every_source_in_order() {
    let lab = Lab::new(EVERYWHERE, &[(TOKEN, "process")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")])
        .with_file(EnvironmentFileKind::GatewayDotenv, &[(TOKEN, "gateway-env")]);
    let auth = lab.gateway();
    assert_eq!((auth.mode, auth.mode_reason), (AuthMode::Token, ModeReason::TokenPresent(SourceKind::AuthConfig)));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — WINS
    token process at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — loses: `gateway.auth` comes first
    token dotenv at ~/StateDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token gateway-env at ~/GatewayDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token vars at ~/openclaw.json:1:87 env.vars `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment comes first
    token remote at ~/openclaw.json:1:51 `gateway.remote.token` — not read: a gateway with a `gateway.auth` block takes no credential from `gateway.remote`
    ");
}

#[test]
fn gateway_order_step_by_step() {
    let mut lab =
        Lab::new(EVERYWHERE, &[(TOKEN, "process")]).with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")]);
    assert_eq!(accepted(&lab.gateway_with(Some("flag"), None)), Some("flag"));
    assert_eq!(accepted(&lab.gateway()), Some("config"));
    lab.configure("{ gateway: { remote: { token: 'remote' } }, env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'vars' } } }");
    assert_eq!(accepted(&lab.gateway()), Some("process"));
    lab.layers.process = None;
    assert_eq!(accepted(&lab.gateway()), Some("dotenv"));
    lab.layers.dotenv_files.clear();
    assert_eq!(accepted(&lab.gateway()), Some("vars"));
}

#[test]
fn nothing_configured_and_remote_only() {
    let auth = Lab::new("{}", &[]).gateway();
    assert!(auth.is_runtime_only && !auth.is_remote_only && auth.refusals.is_empty());
    assert_eq!(auth.mode_reason, ModeReason::Default);

    for block in ["auth: {}, remote: { token: 'remote' }", "auth: {}, remote: { password: 'remote' }"] {
        let auth = Lab::new(&format!("{{ gateway: {{ {block} }} }}"), &[]).gateway();
        assert!(auth.is_remote_only && !auth.is_runtime_only, "{block}");
        assert_eq!(accepted(&auth), None);
    }
    let auth = Lab::new("{ gateway: { auth: { mode: 'token' }, remote: { password: 'remote' } } }", &[]).gateway();
    assert!(auth.is_runtime_only);
}

#[test]
fn without_an_auth_block_the_gateway_takes_what_is_meant_for_clients() {
    let gateway = |remote: &str, process: &[(&str, &str)]| {
        let auth = Lab::new(&format!("{{ gateway: {{ remote: {{ {remote} }} }} }}"), process).gateway();
        (auth.mode, accepted(&auth).map(str::to_owned), auth.is_mode_flipped)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(gateway("token: 'remote'", &[]), (AuthMode::Token, some("remote"), false));
    assert_eq!(gateway("token: 'remote'", &[(TOKEN, "process")]), (AuthMode::Token, some("process"), false));
    assert_eq!(gateway("password: 'rpw'", &[(TOKEN, "process")]), (AuthMode::Password, some("rpw"), true));
    assert_eq!(gateway("token: 'remote', password: 'rpw'", &[]), (AuthMode::Password, some("rpw"), true));
}

#[test]
fn a_password_in_the_environment_flips_the_mode() {
    let lab = Lab::new("{ gateway: { auth: { token: 'config' } } }", &[(PASSWORD, "pw")]);
    let auth = lab.gateway();
    assert!(auth.is_mode_flipped && auth.refusals.is_empty());
    assert_eq!((auth.mode, accepted(&auth)), (AuthMode::Password, Some("pw")));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token config at ~/openclaw.json:1:22 `gateway.auth.token` — loses: the mode is `password`
    password pw at environment of process 7 `OPENCLAW_GATEWAY_PASSWORD` — WINS
    ");
    assert_eq!(sent(&lab.cli()), (Some("config"), Some("pw")));

    let lab = Lab::new("{ gateway: { auth: { mode: 'token', token: 'config' } } }", &[(PASSWORD, "pw")]);
    let auth = lab.gateway();
    assert!(!auth.is_mode_flipped);
    assert_eq!(accepted(&auth), Some("config"));
}

#[test]
fn gateway_refusals() {
    let refusals = |config: &str, process: &[(&str, &str)]| {
        let texts: Vec<String> = Lab::new(config, process).gateway().refusals.iter().map(ToString::to_string).collect();
        texts.join("; ")
    };
    let listed = [
        refusals("{ gateway: { auth: { token: 'a', password: 'b' } } }", &[]),
        refusals("{ gateway: { auth: { token: '${NOPE}' } } }", &[(TOKEN, "process")]),
        refusals("{ gateway: { auth: { token: {source: 'exec', provider: 'p', id: 'x'} } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'password' } } }", &[(TOKEN, "process")]),
        refusals("{ gateway: { auth: { token: '__OPENCLAW_REDACTED__' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'trusted-proxy', token: 't' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'tokn', token: 't' } } }", &[]),
        refusals("{ gateway: { auth: { mode: 'none' } } }", &[]),
    ];
    insta::assert_snapshot!(listed.join("\n"), @r"
    `gateway.auth.token` and `gateway.auth.password` are both configured and `gateway.auth.mode` is not set
    `gateway.auth.token` cannot be resolved: environment variable `NOPE` is not set
    `gateway.auth.token` cannot be resolved: `secrets.providers.p` does not exist
    the mode is `password` and no password is configured
    the token is a redaction mark
    the mode is `trusted-proxy` and `gateway.auth.trustedProxy.userHeader` is not set; the mode is `trusted-proxy` and a token is configured as well
    `gateway.auth.mode` is not one of `none`, `token`, `password`, `trusted-proxy`
    ");
}
