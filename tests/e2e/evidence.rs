//! The bundle for a ticket, of a sick node with a real gateway: what it says, what it does not hold, and how a browser shows it.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use portreeve_tests::{Builder, OpenClaw, skip};
use serde_json::{Value, json};

use crate::TOKEN_VARIABLE;
use crate::secrets::Canaries;

/// The one file of a folder whose name ends so.
fn file(folder: &Path, end: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .find(|path| path.to_str().unwrap().ends_with(end))
        .unwrap_or_else(|| panic!("no {end} in {}", folder.display()))
}

/// The parts of an archive.
fn parts(archive: &Path, folder: &Path) -> Vec<PathBuf> {
    let status = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder).status().unwrap();
    assert!(status.success());
    let inner = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(inner).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What a browser makes of a page without any network. None where there is no browser, which no Linux may lack where nothing may be left
/// out.
fn opened(page: &Path) -> Option<String> {
    let profile = tempfile::tempdir().unwrap();
    let started = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--timeout=20000"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output();
    let output = match started {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if env::consts::OS == "linux" {
                skip("there is no `chromium`");
            }
            return None;
        }
        Err(error) => panic!("chromium: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    // The page's own policy would be told here if anything in it were refused.
    assert!(!said.contains("Content Security Policy"), "{said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_sick_node_is_told_in_full_and_no_secret_is_in_any_part() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut canaries = Canaries::default();
    let mut secret = |place: &str| canaries.plant(place);
    let remote = format!(
        "wss://op:{}@canaryhost.example.com/?token={}",
        secret("the user info of a URL"),
        secret("the query of a URL")
    );
    let mut gateway = Builder::new(&openclaw)
        .config("/gateway/auth/mode", json!("token"))
        .token(&secret("gateway.auth.token"))
        .config("/gateway/remote/url", json!(remote))
        .config("/env/vars/ANTHROPIC_API_KEY", json!(format!("sk-ant-{}", secret("an API key"))))
        .env("CANARY_API_KEY", &secret("the gateway's environment"))
        .build();
    let unit = format!(
        "[Service]\nExecStart=/usr/bin/node /opt/openclaw/dist/index.js gateway --port {} --token {}\n\
         Environment={TOKEN_VARIABLE}={} OPENCLAW_SERVICE_KIND=gateway HOME={}\nRestart=always\n",
        gateway.port(),
        secret("--token in a unit"),
        secret("Environment= in a unit"),
        gateway.home().display(),
    );
    let units = gateway.home().join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("openclaw-gateway.service"), unit).unwrap();
    gateway.start_until_ready();
    let now = jiff::Timestamp::now();
    let lines = format!(
        "{now} [gateway] Authorization: Bearer {} from 203.0.113.77 <script>alert(1)</script>\n\
         {now} [ws] closed before connect url=ws://op:{}@canaryhost.example.com/ code=1006 reason=n/a\n\
         {now} [gateway] /Users/janecanary/.openclaw of jane.canary@corp.example.com\n",
        secret("a header in a log line"),
        secret("a URL in a log line")
    );
    // The gateway goes on to write beside it.
    let mut log = OpenOptions::new().append(true).open(gateway.home().join("gateway.log")).unwrap();
    log.write_all(lines.as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let portreeve = gateway
        .portreeve()
        .env("PORTREEVE_DATA_DIR", folder.path().join("data").to_str().unwrap())
        .env(TOKEN_VARIABLE, &secret("the shell's token"))
        .env(
            "OPENCLAW_GATEWAY_URL",
            &format!("ws://127.0.0.1:{}/?token={}", gateway.port(), secret("the shell's URL")),
        );

    let ticket = folder.path().join("ticket");
    fs::create_dir(&ticket).unwrap();
    let output = portreeve.run(&[
        "evidence",
        "--no-containers",
        "--json",
        "--since",
        "1h",
        "--output",
        ticket.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let evidence: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evidence["schema"], "portreeve.evidence/1");
    let causes: Vec<&str> = evidence["root_causes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(causes.contains(&"token.split"), "{causes:?}");
    let asked = |question: &str| {
        let all = evidence["questions"].as_array().unwrap();
        all.iter().find(|answer| answer["question"] == question).unwrap().to_string()
    };
    assert!(asked("namespace").contains("in the host's own namespaces"), "{}", asked("namespace"));
    assert!(asked("token-source").contains("gateway.auth.token"), "{}", asked("token-source"));
    assert!(asked("token-source").contains("NOT the gateway's"), "{}", asked("token-source"));
    assert!(asked("proxy").contains("No proxy"), "{}", asked("proxy"));
    assert!(asked("digest").contains("so that it has no digest: OpenClaw "), "{}", asked("digest"));
    assert!(evidence["timeline"]["kinds"].to_string().contains("\"ready\""), "{}", evidence["timeline"]);
    assert!(evidence["levels"].as_array().is_some_and(|levels| !levels.is_empty()), "{evidence}");
    assert!(evidence["redacted"]["secrets"].as_u64() > Some(0), "{}", evidence["redacted"]);

    let page = file(&ticket, ".html");
    let unpacked = tempfile::tempdir().unwrap();
    let mut files = parts(&file(&ticket, ".tar.gz"), unpacked.path());
    assert!(files.iter().any(|part| part.ends_with("locks.svg")), "{files:?}");
    files.push(page.clone());
    let mut texts: Vec<(String, Vec<u8>)> =
        files.iter().map(|part| (part.display().to_string(), fs::read(part).unwrap())).collect();
    texts.push(("standard output".to_owned(), output.stdout.clone()));
    texts.push(("standard error".to_owned(), output.stderr));
    for (part, text) in &texts {
        canaries.assert_absent(text, part);
        let text = String::from_utf8_lossy(text);
        for private in ["203.0.113.77", "janecanary", "jane.canary", "canaryhost"] {
            assert!(!text.contains(private), "{private} in {part}");
        }
        let extension = Path::new(part).extension().and_then(|extension| extension.to_str());
        let is_data = matches!(extension, Some("json" | "jsonl")) || part == "standard output";
        assert!(is_data || !text.contains("<script"), "{part}");
    }

    let Some(shown) = opened(&page) else { return };
    for words in [
        "BLOCKED",
        "token.split",
        "What to do",
        "Was pairing tried before tokens were edited?",
        "&lt;script&gt;alert(1)",
        "</svg>",
    ] {
        assert!(shown.contains(words), "no `{words}` in the page as it is shown");
    }
    assert!(!shown.contains("<script"), "a script got into the page");
}
