use super::*;

#[test]
fn environment_files_are_bounded_and_checked() {
    let lab = Lab::new("{}", &[]);
    let read = |kind, name: &str| EnvironmentFile::read(kind, &lab.dir.join(name), &lab.reader);
    assert!(read(EnvironmentFileKind::StateDotenv, "none").unwrap_err().is_missing());
    fs::write(lab.dir.join("big"), vec![b'A'; 1024 * 1024 + 1]).unwrap();
    assert!(matches!(read(EnvironmentFileKind::StateDotenv, "big"), Err(EnvironmentFileError::Read { .. })));
    fs::write(lab.dir.join("plain"), "export A='1'\n").unwrap();
    assert!(matches!(read(EnvironmentFileKind::ServiceEnv, "plain"), Err(EnvironmentFileError::Refused { .. })));
    let file = read(EnvironmentFileKind::StateDotenv, "plain").unwrap();
    assert_eq!(file.environment.text("A"), Some("1"));
    assert!(file.meta.is_readable_by_others());
}

#[test]
fn corpus_service_environment_files_parse() {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else {
        #[expect(clippy::print_stdout, reason = "a skipped test says so")]
        {
            println!("skipped: PORTREEVE_CORPUS is not set");
        }
        return;
    };
    let dir = Path::new(&corpus).join("openclaw/logs");
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("launchd-sample.") && name.ends_with(".env.txt") {
            let environment = crate::service::parse_launchd(&fs::read(&path).unwrap()).unwrap().variables;
            assert_eq!(environment.text(crate::environment::SERVICE_MARKER), Some("openclaw"), "{name}");
            assert!(environment.text(crate::environment::LAUNCHD_LABEL).is_some(), "{name}");
        }
    }
}

#[test]
fn a_running_process_tells_delivered_from_stale() {
    let lab = Lab::new("{}", &[(TOKEN, "old"), ("OPENCLAW_SERVICE_MANAGED_ENV_KEYS", TOKEN)])
        .running()
        .with_file(EnvironmentFileKind::ServiceEnv, &[(TOKEN, "new")])
        .with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "old")]);
    let auth = lab.gateway();
    assert_eq!(accepted(&auth), Some("old"));
    insta::assert_snapshot!(lab.list(&auth.sources), @r"
    token old at environment of process 7 `OPENCLAW_GATEWAY_TOKEN` — WINS
    token new at ~/ServiceEnv `OPENCLAW_GATEWAY_TOKEN` — loses: the running process holds another value
    token old at ~/StateDotenv `OPENCLAW_GATEWAY_TOKEN` — loses: the process environment has this value from here
    ");

    let mut lab = lab;
    lab.layers.process.as_mut().unwrap().is_running = false;
    assert_eq!(accepted(&lab.gateway()), Some("new"));
}

#[test]
fn a_blank_variable_stops_dotenv_but_not_the_configuration() {
    let lab = Lab::new("{}", &[(TOKEN, " ")]).with_file(EnvironmentFileKind::StateDotenv, &[(TOKEN, "dotenv")]);
    let auth = lab.gateway();
    assert!(auth.is_runtime_only);
    assert_eq!(auth.sources.len(), 1);
    assert_eq!(auth.sources.first().unwrap().outcome, Outcome::NotRead(NotReadReason::BlankBefore));

    let lab = Lab::new("{ env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'vars' } } }", &[(TOKEN, "")]);
    assert_eq!(accepted(&lab.gateway()), Some("vars"));
}

#[test]
fn secret_references() {
    let lab = Lab::new("{}", &[("MY_TOKEN", "from-env")]);
    let write = |name: &str, text: &str, mode: u32| {
        let path = lab.dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("secrets.json", "{\"gw\": {\"a/b\": \"from-json\", \"n\": 1}}", 0o600);
    write("single", "from-single\r\n", 0o600);
    write("open", "x", 0o644);
    symlink("/etc/shadow", lab.dir.join("link")).unwrap();
    fs::hard_link(lab.dir.join("single"), lab.dir.join("second")).unwrap();
    write("alone", "from-alone\n", 0o600);

    let file = |name: &str, mode: &str| format!("{{ source: 'file', path: '{}/{name}'{mode} }}", lab.dir.display());
    let single = ", mode: 'singleValue'";
    let providers = [
        ("json", file("secrets.json", "")),
        ("alone", file("alone", single)),
        ("linked", file("single", single)),
        ("open", file("open", single)),
        ("link", file("link", single)),
        ("none", file("none", single)),
        ("run", "{ source: 'exec', command: '/bin/true' }".to_owned()),
        ("allow", "{ source: 'env', allowlist: ['OTHER'] }".to_owned()),
    ];
    let providers: Vec<String> = providers.iter().map(|(name, body)| format!("{name}: {body}")).collect();
    let reference = |source: &str, provider: &str, id: &str| {
        format!("{{ source: '{source}', provider: '{provider}', id: '{id}' }}")
    };
    let cases = [
        "'$MY_TOKEN'".to_owned(),
        "'x-${MY_TOKEN}'".to_owned(),
        "'$${MY_TOKEN}'".to_owned(),
        "{ source: 'env', id: 'MY_TOKEN' }".to_owned(),
        reference("env", "default", "UNSET"),
        reference("env", "allow", "MY_TOKEN"),
        reference("file", "json", "/gw/a~1b"),
        reference("file", "json", "/gw/n"),
        reference("file", "alone", "value"),
        reference("file", "alone", "other"),
        reference("file", "linked", "value"),
        reference("file", "open", "value"),
        reference("file", "link", "value"),
        reference("file", "none", "value"),
        reference("file", "run", "value"),
        reference("exec", "run", "x"),
        reference("store", "default", "x"),
        reference("file", "missing", "x"),
        "['list']".to_owned(),
    ];
    let mut lines = Vec::new();
    for case in cases {
        let text = format!(
            "{{ gateway: {{ auth: {{ token: {case} }} }}, secrets: {{ providers: {{ {} }} }} }}",
            providers.join(", ")
        );
        let path = lab.dir.join("openclaw.json");
        fs::write(&path, text).unwrap();
        let config = load(&path, &LoadOptions::new(&lab.reader)).unwrap();
        let environment = lab.layers.effective(Some(&config));
        let found = lab.resolver().configured(&config, &["gateway", "auth", "token"], &environment);
        let shown = match found {
            secret_ref::Configured::Absent => "absent".to_owned(),
            secret_ref::Configured::Value(value) => format!("value {}", value.expose_secret()),
            secret_ref::Configured::Unresolved(reason) => format!("unresolved: {reason}"),
        };
        lines.push(format!("{case} -> {shown}").replace(&lab.dir.display().to_string(), "~"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    '$MY_TOKEN' -> value from-env
    'x-${MY_TOKEN}' -> value x-from-env
    '$${MY_TOKEN}' -> value ${MY_TOKEN}
    { source: 'env', id: 'MY_TOKEN' } -> value from-env
    { source: 'env', provider: 'default', id: 'UNSET' } -> unresolved: environment variable `UNSET` is not set
    { source: 'env', provider: 'allow', id: 'MY_TOKEN' } -> unresolved: `secrets.providers.allow.allowlist` does not name `MY_TOKEN`
    { source: 'file', provider: 'json', id: '/gw/a~1b' } -> value from-json
    { source: 'file', provider: 'json', id: '/gw/n' } -> unresolved: `~/secrets.json` holds no text at `/gw/n`
    { source: 'file', provider: 'alone', id: 'value' } -> value from-alone
    { source: 'file', provider: 'alone', id: 'other' } -> unresolved: `~/alone` holds no text at `other`
    { source: 'file', provider: 'linked', id: 'value' } -> unresolved: `~/single` is not private to its user
    { source: 'file', provider: 'open', id: 'value' } -> unresolved: `~/open` is not private to its user
    { source: 'file', provider: 'link', id: 'value' } -> unresolved: `~/link` is not a readable regular file
    { source: 'file', provider: 'none', id: 'value' } -> unresolved: `~/none` does not exist
    { source: 'file', provider: 'run', id: 'value' } -> unresolved: `secrets.providers.run` has another source
    { source: 'exec', provider: 'run', id: 'x' } -> unresolved: an exec provider is not run by an observer
    { source: 'store', provider: 'default', id: 'x' } -> unresolved: the secret store is not opened by an observer
    { source: 'file', provider: 'missing', id: 'x' } -> unresolved: `secrets.providers.missing` does not exist
    ['list'] -> unresolved: the value is neither text nor a secret reference
    ");
}
