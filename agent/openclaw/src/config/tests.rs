use std::error::Error as _;
use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::environment::Environment;
use crate::file::Reader;

struct Fixture {
    _dir: tempfile::TempDir,
    dir: PathBuf,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self { _dir: dir, dir: path }
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let reader = Reader::for_self(Some(self.dir.clone()));
        load(&self.dir.join("openclaw.json"), &LoadOptions::new(&reader))
    }

    fn message(&self) -> String {
        self.load().unwrap_err().to_string().replace(&self.dir.display().to_string(), "~")
    }
}

fn config(text: &str) -> Config {
    Fixture::new(&[("openclaw.json", text)]).load().unwrap()
}

#[test]
fn json5_with_typed_settings() {
    let config = config(
        r"{
        // a comment
        meta: { lastTouchedVersion: '2026.9.6' },
        gateway: {
            mode: 'local', port: 18800, bind: 'lan',
            auth: { mode: 'token', token: 'abc', rateLimit: { maxAttempts: 3 } },
            trustedProxies: ['10.0.0.1'],
            remote: { url: 'wss://user:pw@gw.example:8443/x?token=abc', remotePort: 70000 },
            tls: { enabled: true },
        },
        channels: { defaults: {}, telegram: { enabled: false, accounts: { main: {}, b: { enabled: false } } }, discord: {} },
        logging: { consoleStyle: 'json', redactPatterns: ['x'] },
    }",
    );
    assert!(config.has_meta());
    assert_eq!(config.last_touched_version(), Some("2026.9.6"));
    let gateway = config.gateway(&Environment::default());
    assert_eq!(gateway.mode, Some(GatewayMode::Local));
    assert_eq!(gateway.port, Some(18800));
    assert_eq!(gateway.bind, Some(BindMode::Lan));
    assert_eq!(gateway.auth_mode, Some(AuthMode::Token));
    assert_eq!((gateway.rate_limit.max_attempts, gateway.rate_limit.window_ms), (3, 60_000));
    assert_eq!(gateway.remote.url.as_deref(), Some("wss://gw.example:8443/x"));
    assert_eq!(gateway.remote.remote_port, None);
    assert!(gateway.tls.enabled && gateway.pairing.auto_approve_local);
    assert_eq!(config.logging(&Environment::default()).console_style, Some(ConsoleStyle::Json));
    let channels = config.channels();
    assert_eq!(channels.iter().map(|channel| channel.id.as_str()).collect::<Vec<_>>(), ["discord", "telegram"]);
    assert_eq!(channels.iter().map(|channel| channel.accounts.len()).collect::<Vec<_>>(), [0, 2]);
    assert!(!channels.last().unwrap().is_enabled());
    assert!(config.issues().is_empty(), "{:?}", config.issues());
}

#[test]
fn includes_merge_and_keep_their_origin() {
    let fixture = Fixture::new(&[
        (
            "openclaw.json",
            "{\n  $include: ['base.json5', './more/extra.json'],\n  gateway: { port: 1, trustedProxies: ['c'] },\n}",
        ),
        ("base.json5", "{gateway: {auth: {token: 'base', mode: 'token'}, port: 2, trustedProxies: ['a']}}"),
        ("more/extra.json", "{\"gateway\": {\"auth\": {\"$include\": \"auth.json\"}, \"trustedProxies\": [\"b\"]}}"),
        ("more/auth.json", "{\n  \"token\": \"deep\"\n}"),
    ]);
    let config = fixture.load().unwrap();
    let gateway = config.gateway(&Environment::default());
    assert_eq!((gateway.port, gateway.auth_mode), (Some(1), Some(AuthMode::Token)));
    assert_eq!(gateway.trusted_proxies, ["a", "b", "c"]);
    assert_eq!(config.value_at(&["gateway", "auth", "token"]).unwrap(), "deep");
    let origin = config.origin_of(&["gateway", "auth", "token"]).unwrap();
    assert_eq!(origin.file, fixture.dir.join("more/auth.json"));
    assert_eq!(origin.position, Position { line: 2, column: 3 });
    assert_eq!(config.origin_of(&["gateway", "port"]).unwrap().file, fixture.dir.join("openclaw.json"));
    assert_eq!(config.files().len(), 4);
}

#[test]
fn includes_stay_within_bounds() {
    let outside = Fixture::new(&[("x.json", "{}")]);
    let far = outside.dir.join("x.json").display().to_string();
    let cases: [(&str, Vec<(&str, String)>); 6] = [
        ("outside", vec![("openclaw.json", format!("{{$include: '{far}'}}"))]),
        ("cycle", vec![("openclaw.json", "{$include: 'a'}".into()), ("a", "{$include: 'openclaw.json'}".into())]),
        ("kind", vec![("openclaw.json", "{a: {$include: 7}}".into())]),
        ("siblings", vec![("openclaw.json", "{a: {$include: 'a', b: 1}}".into()), ("a", "[1]".into())]),
        ("missing", vec![("openclaw.json", "{$include: 'none.json'}".into())]),
        ("broken", vec![("openclaw.json", "{$include: 'a'}".into()), ("a", "{\n  token: s3cret s3cret}".into())]),
    ];
    let mut messages = Vec::new();
    for (name, files) in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        messages.push(format!("{name}: {}", Fixture::new(&files).message().replace(&far, "/far/x.json")));
    }
    let fixture = Fixture::new(&[("openclaw.json", "{$include: 'link.json'}")]);
    symlink(outside.dir.join("x.json"), fixture.dir.join("link.json")).unwrap();
    messages.push(format!("link: {}", fixture.message()));
    insta::assert_snapshot!(messages.join("\n"), @r"
    outside: `$include` of `/far/x.json` in `~/openclaw.json` lies outside of the configuration's directory and of `OPENCLAW_INCLUDE_ROOTS`
    cycle: `$include` of `openclaw.json` in `~/a` includes itself
    kind: `$include` of `$include` in `~/openclaw.json` is neither a path nor a list of paths
    siblings: `$include` of `a` in `~/openclaw.json` is no object, but keys beside it would override some of it
    missing: `~/none.json`, included by `~/openclaw.json`, could not be read
    broken: `~/a` line 2 column 10 is not valid JSON5: expected value
    link: `$include` of `link.json` in `~/openclaw.json` lies outside of the configuration's directory and of `OPENCLAW_INCLUDE_ROOTS`
    ");
}

#[test]
fn a_fan_of_includes_ends() {
    let list: Vec<&str> = vec!["'b.json'"; 60];
    let wide = format!("[{{$include: [{}]}}]", list.join(","));
    let files = [
        ("openclaw.json", format!("{{a: {{$include: [{}]}}}}", vec!["'a.json'"; 60].join(","))),
        ("a.json", format!("{{x: {wide}}}")),
        ("b.json", "{y: [1]}".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert!(matches!(Fixture::new(&files).load(), Err(ConfigError::Include { problem: IncludeProblem::TooMany, .. })));
}

#[test]
fn what_a_huge_key_includes_is_not_kept_under_it_for_each_key() {
    let below: Vec<String> = (0..1000).map(|number| format!("k{number}: 1")).collect();
    let main = format!("{{'{}': {{$include: 'a'}}}}", "a".repeat(1 << 16));
    let config = Fixture::new(&[("openclaw.json", &main), ("a", &format!("{{{}}}", below.join(",")))]).load().unwrap();
    assert!(config.origins.keys().flatten().map(String::len).sum::<usize>() <= 4 << 20);
}

#[test]
fn unknown_keys_are_bounded_in_number_and_length() {
    let long = format!("tok-{}", "a1b2c3d4".repeat(100));
    let many: Vec<String> = (0..300).map(|number| format!("'{number:03}-{long}': 1")).collect();
    let config = config(&format!("{{gateway: {{{}, {}}}}}", many.join(","), "y: 1,".repeat(100)));
    let last = config.issues().iter().rfind(|issue| issue.kind == IssueKind::Unknown).unwrap();
    assert!(config.issues().len() <= 100, "{}", config.issues().len());
    assert!(config.issues().iter().all(|issue| issue.key.len() <= 210 && !issue.key.contains("a1b2c3d4a1b2c3d4")));
    assert_eq!(last.message, "OpenClaw 2026.9 does not know it, nor 269 others beside it");
}

#[test]
fn errors_say_where_and_repeat_nothing() {
    let token = "tok-super-secret";
    let message = |text: &str| Fixture::new(&[("openclaw.json", text)]).message();
    let messages = [
        message(&format!("{{\n  gateway: {{ auth: {{ token: {token} }} }}\n}}")),
        message(&format!("{{\n  a: '{token}\n}}")),
        message(&format!("{{\"{token}\" 1}}")),
        message("[1]"),
        message(""),
        message(&"[".repeat(10_000)),
        Fixture::new(&[]).message(),
    ];
    for message in &messages {
        assert!(!message.contains("secret"), "{message}");
    }
    insta::assert_snapshot!(messages.join("\n"), @r"
    `~/openclaw.json` line 2 column 30 is not valid JSON5: expected bool
    `~/openclaw.json` line 2 column 23 is not valid JSON5: line terminator in string
    `~/openclaw.json` line 1 column 21 is not valid JSON5: expected colon
    configuration `~/openclaw.json` is not an object
    `~/openclaw.json` is not valid JSON5: EOF parsing value
    `~/openclaw.json` line 1 column 65 nests deeper than 64 levels
    configuration `~/openclaw.json` does not exist
    ");
}

#[test]
fn hostile_files_are_errors() {
    let fixture = Fixture::new(&[]);
    let path = fixture.dir.join("openclaw.json");
    let source = |fixture: &Fixture| fixture.load().unwrap_err().source().unwrap().to_string();

    fs::write(&path, format!("{{a: '{}'}}", "x".repeat(10 * 1024 * 1024))).unwrap();
    assert!(source(&fixture).contains("larger than 2097152 bytes"));

    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(source(&fixture).contains("a named pipe"));

    fs::remove_file(&path).unwrap();
    symlink("/etc/shadow", &path).unwrap();
    assert!(source(&fixture).contains("is a symbolic link"));

    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("{}{}", "{a:".repeat(10_000), "}".repeat(10_000))).unwrap();
    assert!(matches!(fixture.load(), Err(ConfigError::TooDeep { .. })));
}

#[test]
fn issues_name_the_key_and_the_place() {
    let config = config(
        "{\n  gateway: {\n    mode: 'lokal', port: 70000, bind: '0.0.0.0', token: 'x', extra: 1,\n    auth: { token: 5 },\n    port: 70000,\n  },\n}",
    );
    let listed: Vec<String> = config
        .issues()
        .iter()
        .map(|issue| {
            let position = issue.origin.as_ref().map(|origin| origin.position.line);
            format!("{:?} {} line {position:?} refused={}: {}", issue.kind, issue.key, issue.refused, issue.message)
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r"
    Duplicate gateway.port line Some(5) refused=false: hides the same key in line 3
    Retired gateway.token line Some(3) refused=true: use `gateway.auth.token`
    Unknown gateway.extra line Some(3) refused=true: OpenClaw 2026.9 does not know it
    BadValue gateway.mode line Some(3) refused=true: expected one of `local`, `remote`
    OldValue gateway.bind line Some(3) refused=false: OpenClaw rewrites it to a bind mode
    BadValue gateway.port line Some(5) refused=false: expected a number from 1 to 65535
    BadValue gateway.auth.token line Some(4) refused=true: expected a string or a secret reference
    ");
}

#[test]
fn values_of_another_form_are_named() {
    let config = config(
        "{\n  gateway: {\n    trustedProxies: '127.0.0.1', controlUi: { allowedOrigins: ['https://a', 1], enabled: 'yes' },\n    \
         tls: { enabled: '${TLS}' }, remote: 'ws://a', auth: { allowTailscale: true },\n  },\n  logging: { file: 3 },\n}",
    );
    let listed: Vec<String> = config.issues().iter().map(|issue| format!("{}: {}", issue.key, issue.message)).collect();
    assert_eq!(
        listed,
        [
            "gateway.controlUi.enabled: expected `true` or `false`",
            "gateway.tls.enabled: expected `true` or `false`",
            "logging.file: expected a text",
            "gateway.controlUi.allowedOrigins: expected a list of texts",
            "gateway.trustedProxies: expected a list of texts",
            "gateway.remote: expected an object",
        ]
    );
    assert!(config.issues().iter().all(|issue| issue.refused && issue.kind == IssueKind::BadValue));
}

#[test]
fn a_token_and_a_password_need_a_mode() {
    let issues = |auth: &str| config(&format!("{{ gateway: {{ auth: {{ {auth} }} }} }}")).issues().to_vec();
    let both = issues("token: 'a', password: {source: 'env', provider: 'default', id: 'P'}");
    assert!(both.len() == 1 && both[0].refused && both[0].key == "gateway.auth.mode", "{both:?}");
    assert_eq!(both[0].origin.as_ref().map(|origin| origin.position.line), Some(1));
    for well in ["token: 'a', password: 'b', mode: 'token'", "token: 'a', password: ' '", "password: 'b'", ""] {
        assert_eq!(issues(well), [], "{well}");
    }
}

#[test]
fn variables_are_replaced_on_demand_only() {
    let config = config(
        "{ gateway: { auth: { token: '${TOKEN}', password: {source: 'env', provider: 'default', id: 'PASSWORD'} }, remote: { token: '$SHORT' } }, env: { vars: { A: 'x', B: '${A}', 'bad-name': 'y', C: ' ' } } }",
    );
    assert_eq!(config.value_at(&["gateway", "auth", "token"]).unwrap(), "${TOKEN}");
    let names: Vec<String> = config.referenced_variables().into_iter().collect();
    assert_eq!(names, ["A", "PASSWORD", "SHORT", "TOKEN"]);
    let names: Vec<&str> = config.env_vars().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["A"]);
    assert!(matches!(config.text_at(&["gateway", "auth", "token"], &Environment::default()), Text::Unresolved(_)));
    assert!(!format!("{config:?}").contains("TOKEN"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_give_a_config_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = load::parse(&bytes, Path::new("/x"), 64);
    }

    #[test]
    fn any_json5_like_text_gives_a_value_or_an_error(text in "[{}\\[\\]:,'\"a1$ \n/*\\\\-]{0,60}") {
        let _ = load::parse(text.as_bytes(), Path::new("/x"), 64);
    }
}
