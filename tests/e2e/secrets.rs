//! No command lets a secret out, wherever it stands; only fingerprints do, which differ from node to node.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use portreeve_tests::{Builder, Gateway, Home, OpenClaw, Portreeve};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{TOKEN_VARIABLE, telemetry};

const PASSWORD_VARIABLE: &str = "OPENCLAW_GATEWAY_PASSWORD";
/// A part of a secret of this length is as good as known.
const PART: usize = 12;

/// One secret for each place, and every form in which one may be written.
#[derive(Default)]
pub(crate) struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// A secret that stands nowhere else: 40 hexadecimal digits that follow from the place's name (FNV-1a).
    pub(crate) fn plant(&mut self, place: &str) -> String {
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        let mut secret = String::new();
        for round in 0..5_u8 {
            for byte in place.bytes().chain([round]) {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            secret.push_str(&format!("{:08x}", state >> 32));
        }
        self.add(place, &secret);
        secret
    }

    /// One that somebody else has made.
    pub(crate) fn add(&mut self, place: &str, secret: &str) {
        self.0.push((place.to_owned(), secret.to_owned()));
    }

    pub(crate) fn assert_absent(&self, text: &[u8], source: &str) {
        let text = String::from_utf8_lossy(text).to_lowercase();
        for (place, secret) in &self.0 {
            for form in forms(secret) {
                assert!(!text.contains(&form.to_lowercase()), "the secret of {place} in {source}, as `{form}`");
            }
        }
    }
}

/// A secret's beginning, end, and what base64 and percent signs make of it.
fn forms(secret: &str) -> Vec<String> {
    let percent = secret.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    let hexadecimal = percent.replace('%', "");
    let mut forms = vec![secret[..PART].to_owned(), secret[secret.len() - PART..].to_owned(), percent, hexadecimal];
    // What precedes a text shifts its base64 by up to two bytes; the characters at the ends depend on the neighbours.
    for shift in 0..3 {
        let shifted = format!("{}{secret}", "x".repeat(shift));
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    forms
}

/// A running gateway, a client whose config is broken, and a folder of definitions, all full of secrets.
pub(crate) struct Bench {
    pub(crate) canaries: Canaries,
    pub(crate) gateway: Gateway,
    pub(crate) client: Home,
    pub(crate) portreeve: Portreeve,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(openclaw: &OpenClaw) -> Self {
        let mut canaries = Canaries::default();
        let mut secret = |place: &str| canaries.plant(place);
        let file = json!({ "source": "file", "path": "~/.openclaw/secrets.json", "mode": "json" });
        let remote = format!(
            "wss://op:{}@gateway.example.com/?token={}#{}",
            secret("the user info of a URL"),
            secret("the query of a URL"),
            secret("the fragment of a URL")
        );
        let mut gateway = Builder::new(openclaw)
            .config("/gateway/auth/mode", json!("token"))
            .token(&secret("gateway.auth.token"))
            .config("/gateway/remote/token", json!(secret("gateway.remote.token")))
            .config("/gateway/remote/url", json!(remote))
            .config(
                "/gateway/remote/password",
                json!({ "source": "file", "provider": "vault", "id": "/gateway/remote" }),
            )
            .config("/secrets/providers/vault", file)
            .config("/env/vars/OPENCLAW_GATEWAY_TOKEN", json!(secret("env.vars")))
            .config("/env/vars/ANTHROPIC_API_KEY", json!(secret("an API key in env.vars")))
            .config("/channels/telegram/enabled", json!(false))
            .config("/channels/telegram/botToken", json!(format!("123456789:{}", secret("a bot's token"))))
            .env(TOKEN_VARIABLE, &secret("the gateway's environment, token"))
            .env(PASSWORD_VARIABLE, &secret("the gateway's environment, password"))
            .build();
        let vault = json!({ "gateway": { "remote": secret("the file of a secret reference") } });
        gateway.write("secrets.json", &vault.to_string());
        gateway.write(".env", &format!("{TOKEN_VARIABLE}={}\n", secret("the state directory's .env")));
        gateway.write("gateway.systemd.env", &format!("{TOKEN_VARIABLE}={}\n", secret("a unit's environment file")));
        let unit = format!(
            "[Service]\nExecStart=/usr/bin/node /opt/openclaw/dist/index.js gateway --port {port} --token {token} \
             --password={password}\nEnvironmentFile=-{state}/gateway.systemd.env\n\
             Environment={TOKEN_VARIABLE}={variable} OPENCLAW_SERVICE_KIND=gateway HOME={home}\nRestart=always\n",
            port = gateway.port(),
            token = secret("--token in a unit"),
            password = secret("--password in a unit"),
            variable = secret("Environment= in a unit"),
            state = gateway.state().display(),
            home = gateway.home().display(),
        );
        write(&gateway.home().join(".config/systemd/user/openclaw-gateway.service"), &unit);
        let client = Home::new();
        // The parser stops at the comma that is missing, right beside the token.
        let broken = format!(
            "{{ gateway: {{ remote: {{ url: 'ws://127.0.0.1:{}', token: '{}' password: '{}' }} }} }}",
            gateway.port(),
            secret("before a syntax error"),
            secret("after a syntax error")
        );
        client.write("openclaw.json", &broken);
        let folder = tempfile::tempdir().unwrap();
        let definition = format!(
            "<plist version=\"1.0\"><dict><key>Label</key><string>ai.openclaw.gateway</string><key>ProgramArguments</key>\
             <array><string>/opt/homebrew/bin/node</string><string>/opt/openclaw/dist/index.js</string>\
             <string>gateway</string><string>--token</string><string>{}</string></array>\
             <key>EnvironmentVariables</key><dict><key>{TOKEN_VARIABLE}</key><string>{}</string></dict></dict></plist>",
            secret("--token in a property list"),
            secret("a variable in a property list")
        );
        let definitions = folder.path().join("definitions");
        write(&definitions.join("ai.openclaw.gateway.plist"), &definition);
        let cut = format!("<plist><dict><key>{TOKEN_VARIABLE}</key><string>{}<", secret("a broken property list"));
        write(&definitions.join("ai.openclaw.broken.plist"), &cut);
        write(&definitions.join("openclaw-gateway.service"), &unit);
        let portreeve = gateway
            .portreeve()
            .home(client.path())
            .env(TOKEN_VARIABLE, &secret("the shell's token"))
            .env(PASSWORD_VARIABLE, &secret("the shell's password"))
            .env(
                "OPENCLAW_GATEWAY_URL",
                &format!(
                    "ws://op:{}@127.0.0.1:{}/?token={}",
                    secret("the shell's URL, user info"),
                    gateway.port(),
                    secret("the shell's URL, query")
                ),
            )
            .env("PORTREEVE_DATA_DIR", folder.path().join("data").to_str().unwrap());
        let lines = format!(
            "{}\n2026-11-20T03:12:07.000+00:00 [gateway] Authorization: Bearer {} token={}\n\
             2026-11-20T03:12:08.000+00:00 [ws] closed before connect url=ws://op:{}@127.0.0.1/ code=1006 reason=n/a\n",
            json!({ "0": format!("{{\"subsystem\":\"gateway\"}} token: {}", secret("a log line in JSON")), "time": "2026-11-20T03:12:06.000Z" }),
            secret("a header in a log line"),
            secret("a log line"),
            secret("a URL in a log line")
        );
        gateway.start_until_ready();
        let mut log = OpenOptions::new().append(true).open(gateway.home().join("gateway.log")).unwrap();
        log.write_all(lines.as_bytes()).unwrap();
        let database = Connection::open(gateway.state().join("state/openclaw.sqlite")).unwrap();
        let row = ("canary", "operator", secret("a device's token"));
        database.execute("INSERT INTO device_auth_tokens VALUES (?, ?, ?, '[]', 1795247677591)", row).unwrap();
        Self { canaries, gateway, client, portreeve, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Nothing but what the command says and where it says it is looked at; it may well fail.
    pub(crate) fn look(&self, output: &Output, call: &[&str]) {
        for (text, stream) in [(&output.stdout, "output"), (&output.stderr, "error")] {
            self.canaries.assert_absent(text, &format!("standard {stream} of `{}`", call.join(" ")));
        }
    }
}

#[test]
fn no_secret_of_any_place_gets_out_by_any_command() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut bench = Bench::new(&openclaw);
    let (facts, sick, definitions) = (bench.path("facts.json"), bench.path("sick.json"), bench.path("definitions"));
    let healthy: [&[&str]; 14] = [
        &["check"],
        &["check", "-v"],
        &["check", "-vv"],
        &["check", "--json"],
        &["check", "--only", "auth"],
        &["check", "-vv", "--save", &facts],
        &["check", "--save", "/nowhere/facts.json"],
        &["tokens"],
        &["tokens", "-vv"],
        &["tokens", "--json"],
        &["map", "-vv"],
        &["map", "--format", "json"],
        &["map", "--format", "mermaid"],
        &["check", "--timeout", "1", "-vv"],
    ];
    for call in healthy {
        bench.look(&bench.portreeve.run(call), call);
    }
    let checked = bench.portreeve.check();
    // Otherwise nothing of the sort was read, and its absence proves nothing.
    for code in ["config.invalid", "token.exposed"] {
        assert!(!checked.findings(code).is_empty(), "no `{code}`\n{checked}");
    }
    let config = bench.gateway.state().join("openclaw.json").to_str().unwrap().to_owned();
    let read = fingerprints(&bench.portreeve).len();
    assert!(read >= 9, "only {read} of the secrets were read");
    let elsewhere: [&[&str]; 12] = [
        &["units", "-vv"],
        &["units", "--json"],
        &["units", &definitions],
        &["units", &definitions, "--json", "-vv"],
        &["explain", "token.exposed"],
        &["config", "show"],
        &["config", "show", "--json"],
        &["check", "-vv", "--from", &facts],
        &["check", "--json", "--from", &facts],
        &["tokens", "--from", &facts],
        &["map", "--from", &facts],
        &["check", "--from", &config],
    ];
    for call in elsewhere {
        bench.look(&bench.portreeve.command().args(call).output().unwrap(), call);
    }
    // The agent's own configuration, when it is not one.
    for file in [config.into(), bench.client.state().join("openclaw.json"), bench.gateway.state().join(".env")] {
        let call = ["config", "show", "--config", file.to_str().unwrap()];
        bench.look(&bench.portreeve.command().args(call).output().unwrap(), &call);
    }
    telemetry::secrets::look_at_all_that_is_told(&mut bench);
    bench.gateway.kill();
    for call in [&["check", "-vv", "--save", &sick][..], &["check", "--json"], &["tokens"], &["map"]] {
        bench.look(&bench.portreeve.run(call), call);
    }
    for path in files_below(bench.folder.path()) {
        if !path.starts_with(&definitions) {
            bench.canaries.assert_absent(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

#[test]
fn no_secret_gets_out_by_what_measures_accepts_or_gathers() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut bench = Bench::new(&openclaw);
    let project = format!(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw\n    command: gateway --token {}\n    environment:\n      \
         {TOKEN_VARIABLE}: {}\n      OPENCLAW_GATEWAY_URL: ws://op:{}@127.0.0.1:18789/\n",
        bench.canaries.plant("--token in a Compose file"),
        bench.canaries.plant("a variable in a Compose file"),
        bench.canaries.plant("a URL in a Compose file"),
    );
    let compose = bench.path("project/compose.yaml");
    write(Path::new(&compose), &project);
    let url = format!("ws://op:{}@127.0.0.1:{}", bench.canaries.plant("an argument"), bench.gateway.port());
    let state = bench.gateway.state().to_str().unwrap().to_owned();
    let (facts, bundle) = (bench.path("facts.json"), bench.path("bundle"));
    fs::create_dir(&bundle).unwrap();
    let looking: [&[&str]; 15] = [
        &["logs", "-vv"],
        &["logs", "--timeline", "--all"],
        &["logs", "--timeline", "--all", "--json"],
        &["connect", "-vv", "--count", "3", "--spread", "1"],
        &["connect", "--count", "3", "--spread", "1", "--json", &url],
        &["locks", "--for", "1", &state],
        &["locks", "--for", "1", "--json"],
        &["images", "-vv", "--offline"],
        &["gate", "-vv", "--timeout", "2"],
        &["gate", "--timeout", "2", "--", "false"],
        &["check", "--deep", "--save", &facts],
        &["accept", "--from", &facts, "--reason", "a test"],
        &["accept", "--by-hand", "--reason", "a test"],
        &["evidence", "--output", &bundle],
        &["evidence", "--json", "--output", &bundle, "--force"],
    ];
    for call in looking {
        bench.look(&bench.portreeve.run(call), call);
    }
    let own: [&[&str]; 9] = [
        &["lint", "-f", &compose],
        &["lint", "--format", "json", "-f", &compose],
        &["lint", "--format", "sarif", "-f", &compose],
        &["maintenance", "status"],
        &["status", "-vv"],
        &["spool", "inspect", "--json"],
        &["selftest", "--json"],
        &["evidence", "--from", &facts, "--output", &bundle, "--force"],
        &["images", "--from", &facts],
    ];
    for call in own {
        bench.look(&bench.portreeve.command().args(call).output().unwrap(), call);
    }
    let written = files_below(Path::new(&bundle));
    assert!(written.iter().any(|path| path.extension() == Some(OsStr::new("html"))), "{written:?}");
    for archive in written.iter().filter(|path| path.extension() == Some(OsStr::new("gz"))) {
        let unpacked = Command::new("tar").arg("-xzOf").arg(archive).output().unwrap();
        assert!(unpacked.status.success() && unpacked.stdout.len() > 10_000);
        bench.canaries.assert_absent(&unpacked.stdout, &archive.display().to_string());
    }
    for path in files_below(bench.folder.path()) {
        if !path.starts_with(bench.path("definitions")) && path != Path::new(&compose) {
            bench.canaries.assert_absent(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

#[test]
fn fingerprints_of_two_nodes_differ_unless_they_share_a_key() {
    let home = Home::new();
    let token = Canaries::default().plant("gateway.auth.token");
    home.write("openclaw.json", &json!({ "gateway": { "mode": "local", "auth": { "token": token } } }).to_string());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("shared.key");
    write(&key, "0b7d54a91ce8f2630b7d54a91ce8f263");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let node =
        |name: &str| Portreeve::new(home.path()).env("PORTREEVE_DATA_DIR", folder.path().join(name).to_str().unwrap());
    let shared = |name: &str| node(name).env("PORTREEVE_FINGERPRINT_SHARED_KEY_FILE", key.to_str().unwrap());
    let (first, second) = (fingerprints(&node("first")), fingerprints(&node("second")));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    assert_eq!(first, fingerprints(&node("first")), "a node's own key is not kept");
    assert_eq!(fingerprints(&shared("first")), fingerprints(&shared("second")));
    assert_ne!(first, fingerprints(&shared("first")));
}

fn fingerprints(portreeve: &Portreeve) -> BTreeSet<String> {
    let output = portreeve.run(&["tokens", "--json"]);
    let readers: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sources = readers.as_array().unwrap().iter().flat_map(|reader| reader["sources"].as_array().unwrap());
    sources.filter_map(|source| source["fingerprint"].as_str().map(ToOwned::to_owned)).collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let output = Command::new("find").arg(folder).args([OsStr::new("-type"), OsStr::new("f")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}
