//! Images beside a real registry.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portreeve_tests::{LIST, Portreeve, Pushed, Registry, container, serve};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A user with a home, and what runs in containers there by saved facts.
struct Bench {
    home: TempDir,
    facts: PathBuf,
}

/// What `portreeve images --json` gave.
struct Said {
    report: Value,
    status: i32,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let facts = home.path().join("facts.json");
        let output =
            Self::portreeve(&home).run(&["check", "--no-containers", "--json", "--save", facts.to_str().unwrap()]);
        assert!(facts.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { home, facts }
    }

    fn portreeve(home: &TempDir) -> Portreeve {
        Portreeve::new(home.path()).env("PORTREEVE_DATA_DIR", home.path().join("data").to_str().unwrap())
    }

    /// Lets these containers run and nothing else.
    fn runs(&self, containers: &[Value]) {
        let mut facts: Value = serde_json::from_slice(&fs::read(&self.facts).unwrap()).unwrap();
        facts["workloads"] = json!(containers);
        fs::write(&self.facts, facts.to_string()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> std::process::Output {
        let facts = self.facts.to_str().unwrap();
        let mut command = Self::portreeve(&self.home).command();
        command.args(arguments).args(["--from", facts]).output().unwrap()
    }

    fn images(&self, arguments: &[&str]) -> Said {
        let output = self.command(&[&["images", "--json"], arguments].concat());
        assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        Said { report, status: output.status.code().unwrap() }
    }

    fn kept(&self) -> PathBuf {
        self.home.path().join("data/images.json")
    }

    /// Stores a login as `docker login` does.
    fn log_in(&self, port: u16, password: &str) {
        let folder = self.home.path().join(".docker");
        fs::create_dir_all(&folder).unwrap();
        let auths = json!({ "auths": { format!("127.0.0.1:{port}"): { "auth": Registry::login(password) } } });
        fs::write(folder.join("config.json"), auths.to_string()).unwrap();
    }
}

impl Said {
    fn standing(&self) -> &str {
        assert_eq!(self.report["images"].as_array().unwrap().len(), 1, "{}", self.report);
        self.report["images"][0]["standing"].as_str().unwrap()
    }

    fn detail(&self) -> &str {
        self.report["images"][0]["detail"].as_str().unwrap_or_default()
    }

    /// HEADs and GETs.
    fn requests(&self) -> (u64, u64) {
        (self.report["requests"]["head"].as_u64().unwrap(), self.report["requests"]["get"].as_u64().unwrap())
    }
}

#[test]
fn a_tag_that_moves_and_moves_back_and_goes_is_told_by_one_head_each() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let image = registry.name("openclaw:latest");
    let first = registry.push("openclaw", "latest", "first");
    bench.runs(&[container("gateway", "gateway", &image, &first)]);
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("same", 0), "{}", said.report);
    assert_eq!(said.report["images"][0]["registry"]["kind"], "list", "{}", said.report);
    assert_eq!(said.requests().1, 0, "{}", said.report);

    let second = registry.push("openclaw", "latest", "second");
    assert_eq!(bench.images(&[]).standing(), "moved-forward");
    bench.runs(&[container("gateway", "gateway", &image, &second)]);
    assert_eq!(bench.images(&[]).standing(), "same");
    registry.tag("openclaw", "latest", &first.digest);
    assert_eq!(bench.images(&[]).standing(), "moved-back");
    registry.delete("openclaw", &first.digest);
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("gone", 0), "{}", said.report);
    // The first look is one for TLS and one without it.
    assert_eq!(said.requests(), (2, 0), "{}", said.report);
    assert_eq!(said.report["images"][0]["registry"]["digest"], first.digest, "the last result stays");
}

#[test]
fn digests_of_different_kinds_are_compared_by_the_manifest() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let image = registry.name("openclaw:1");
    let pushed = registry.push("openclaw", "1", "first");
    let mut loaded = container("gateway", "gateway", &image, &pushed);
    loaded["image"]["digests"] = json!([]);
    bench.runs(&[loaded.clone()]);
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.requests().1), ("same", 2), "{}", said.report);
    // What a digest stands for need not be asked twice.
    assert_eq!(bench.images(&[]).requests().1, 0);
    registry.push("openclaw", "1", "second");
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.requests().1), ("moved-forward", 2), "{}", said.report);
    // Where an engine names what runs by the manifest of its platform.
    loaded["image"]["id"] = json!(pushed.manifest);
    loaded["image"]["digests"] = json!([format!("{}@{}", registry.name("openclaw"), pushed.manifest)]);
    registry.tag("openclaw", "1", &pushed.digest);
    bench.runs(&[loaded]);
    assert_eq!(bench.images(&[]).standing(), "same");
}

#[test]
fn stored_logins_are_sent_and_never_shown() {
    let Some(registry) = Registry::closed() else { return };
    let bench = Bench::new();
    let pushed = registry.push("openclaw", "latest", "first");
    bench.runs(&[container("gateway", "gateway", &registry.name("openclaw:latest"), &pushed)]);
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("denied", 75), "{}", said.report);
    assert!(said.detail().contains("no login"), "{}", said.report);
    bench.log_in(registry.port(), "wrong password");
    let said = bench.images(&[]);
    assert_eq!(said.standing(), "denied", "{}", said.report);
    assert!(said.detail().contains(".docker/config.json"), "{}", said.report);
    bench.log_in(registry.port(), Registry::password());
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("same", 0), "{}", said.report);
    let kept = fs::read_to_string(bench.kept()).unwrap();
    let secrets = [Registry::password(), "wrong password", &Registry::login(Registry::password())];
    assert!(secrets.iter().all(|secret| !kept.contains(*secret) && !said.report.to_string().contains(*secret)));
}

#[test]
fn another_media_type_is_named() {
    let bench = Bench::new();
    let media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let port = front(move |_| answer(200, &[("Content-Type", media_type), ("Docker-Content-Digest", "sha256:00")], ""));
    bench.runs(&[container("gateway", "gateway", &format!("127.0.0.1:{port}/openclaw:old"), &nothing())]);
    let said = bench.images(&[]);
    assert_eq!(said.standing(), "wrong-type", "{}", said.report);
    assert!(said.detail().contains("schema 1"), "{}", said.report);
}

#[test]
fn a_registry_that_wants_to_be_left_alone_is() {
    let bench = Bench::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    // What Docker Hub answers beyond its limit.
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
    let port = front(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        let headers =
            [("Content-Type", "application/json"), ("Retry-After", "3600"), ("RateLimit-Remaining", "0;w=21600")];
        answer(429, &headers, body)
    });
    let name = |image: &str| format!("127.0.0.1:{port}/{image}");
    bench.runs(&[
        container("gateway", "gateway", &name("openclaw:1"), &nothing()),
        container("cli", "cli", &name("openclaw-cli:1"), &nothing()),
    ]);
    let said = bench.images(&[]);
    assert!(
        said.report["images"].as_array().unwrap().iter().all(|image| image["standing"] == "rate-limited"),
        "{}",
        said.report
    );
    assert_eq!((asked.load(Ordering::Relaxed), said.status), (1, 75), "{}", said.report);
    bench.images(&[]);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "an hour is not over");
    let detail = said.report["images"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("asked again after"), "{}", said.report);
}

#[test]
fn a_stale_login_on_a_public_image_is_told_apart() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let pushed = registry.push("openclaw", "latest", "first");
    // ghcr.io gives a token to anybody, and none to a login that it does not know any more.
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (record, digest) = (Arc::clone(&seen), pushed.digest.clone());
    let port = front(move |request| {
        record.lock().unwrap().push(request.to_owned());
        let port = header(request, "host").unwrap().rsplit(':').next().unwrap().to_owned();
        let authorization = header(request, "authorization").unwrap_or_default();
        if request.starts_with("GET /token?") {
            return if authorization.is_empty() {
                answer(200, &[("Content-Type", "application/json")], r#"{"token":"for anybody"}"#)
            } else {
                answer(403, &[], r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#)
            };
        }
        if authorization == "Bearer for anybody" {
            return answer(200, &[("Content-Type", LIST), ("Docker-Content-Digest", &digest)], "");
        }
        let challenge =
            format!(r#"Bearer realm="http://127.0.0.1:{port}/token",service="x",scope="repository:a:pull""#);
        answer(401, &[("WWW-Authenticate", &challenge)], "")
    });
    bench.runs(&[container("gateway", "gateway", &format!("127.0.0.1:{port}/openclaw:latest"), &pushed)]);
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("same", 0), "{}", said.report);
    bench.log_in(port, "expired");
    let said = bench.images(&[]);
    assert_eq!((said.standing(), said.status), ("same", 0), "{}", said.report);
    assert!(said.detail().contains("gives it to anybody"), "{}", said.report);
    let requests = seen.lock().unwrap();
    let with_login = |request: &&String| request.contains(&Registry::login("expired"));
    assert_eq!(requests.iter().filter(with_login).count(), 1, "the token's address alone sees it: {requests:#?}");
}

#[test]
fn a_login_follows_no_redirect() {
    let bench = Bench::new();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&seen);
    let digest = nothing().digest;
    let elsewhere = front(move |request| {
        record.lock().unwrap().push(request.to_owned());
        answer(200, &[("Content-Type", LIST), ("Docker-Content-Digest", &digest)], "")
    });
    let port = front(move |request| match header(request, "authorization") {
        None => answer(401, &[("WWW-Authenticate", "Basic realm=x")], ""),
        Some(_) => answer(307, &[("Location", &format!("http://127.0.0.1:{elsewhere}/x"))], ""),
    });
    bench.log_in(port, "anything");
    bench.runs(&[container("gateway", "gateway", &format!("127.0.0.1:{port}/openclaw:1"), &nothing())]);
    assert_eq!(bench.images(&[]).standing(), "same");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert!(header(&seen[0], "authorization").is_none(), "{seen:?}");
}

#[test]
fn what_gives_no_usable_answer_is_unreachable_with_the_reason() {
    let bench = Bench::new();
    let endless = "x".repeat(8 << 20);
    let answers: [(&str, String); 5] = [
        ("it answers 503", answer(503, &[], "")),
        ("is no registry", answer(404, &[("Content-Type", "text/html")], "")),
        ("no digest", answer(200, &[("Content-Type", LIST)], &endless)),
        ("no digest", answer(200, &[("Content-Type", LIST), ("Docker-Content-Digest", "sha256:../../etc")], "")),
        ("redirects", answer(302, &[("Location", "http://example.com/")], "")),
    ];
    for (why, text) in answers {
        let port = front(move |_| text.clone());
        bench.runs(&[container("gateway", "gateway", &format!("127.0.0.1:{port}/openclaw:1"), &nothing())]);
        let said = bench.images(&[]);
        assert_eq!((said.standing(), said.status), ("unreachable", 75), "{}", said.report);
        assert!(said.detail().contains(why), "{why}: {}", said.report);
    }
    let output = bench.command(&["images", "--if-due", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["asked"], false, "the next try is an hour and more away: {report}");
}

#[test]
fn a_week_is_waited_for_and_eight_days_of_sleep_are_made_up_for_once() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let pushed = registry.push("openclaw", "latest", "first");
    bench.runs(&[container("gateway", "gateway", &registry.name("openclaw:latest"), &pushed)]);
    let asks = |bench: &Bench| bench.images(&["--if-due"]).report["asked"].as_bool().unwrap();
    assert_eq!([asks(&bench), asks(&bench)], [true, false]);
    for days in [8_i64, 80, -8] {
        // To move every time that is kept is to set the clock.
        shift(&bench, days);
        assert_eq!([asks(&bench), asks(&bench), asks(&bench)], [true, false, false], "{days} days");
    }
}

#[test]
fn what_is_accepted_is_held_against_what_runs() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let image = registry.name("openclaw:latest");
    let first = registry.push("openclaw", "latest", "first");
    let second = registry.push("openclaw", "latest", "second");
    bench.runs(&[container("gateway", "gateway", &image, &first)]);
    let output = bench.command(&["images", "accept", "--reason", "reviewed", &image]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((bench.images(&[]).status, bench.images(&[]).standing()), (0, "moved-forward"));
    bench.runs(&[container("gateway", "gateway", &image, &second)]);
    let said = bench.images(&["--offline"]);
    assert_eq!((said.status, &said.report["images"][0]["drift"]), (78, &json!(true)), "{}", said.report);
    assert!(bench.command(&["images", "accept"]).status.success());
    assert_eq!(bench.images(&[]).status, 0);
    let output = bench.command(&["images", "accept", "nowhere:1"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_damaged_file_is_set_aside_with_a_word() {
    let Some(registry) = Registry::open() else { return };
    let bench = Bench::new();
    let pushed = registry.push("openclaw", "latest", "first");
    bench.runs(&[container("gateway", "gateway", &registry.name("openclaw:latest"), &pushed)]);
    bench.images(&[]);
    fs::write(bench.kept(), "{").unwrap();
    let said = bench.images(&[]);
    assert_eq!(said.standing(), "same", "{}", said.report);
    assert!(said.report["notes"].to_string().contains("images.json.damaged"), "{}", said.report);
    assert_eq!(fs::read_to_string(bench.kept().with_extension("json.damaged")).unwrap(), "{");
}

/// What runs where the registry is none that could know it.
fn nothing() -> Pushed {
    let digest = |c: char| format!("sha256:{}", c.to_string().repeat(64));
    Pushed { digest: digest('a'), manifest: digest('b'), config: digest('c') }
}

/// Moves every time that is kept into the past.
fn shift(bench: &Bench, days: i64) {
    let mut kept: Value = serde_json::from_slice(&fs::read(bench.kept()).unwrap()).unwrap();
    let last = kept["runs"]["last"].as_str().unwrap();
    let output = std::process::Command::new("date")
        .args(["--utc", "--date", &format!("{last} {} days", -days), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    let earlier = String::from_utf8(output.stdout).unwrap();
    kept["runs"]["last"] = json!(earlier.trim());
    fs::write(bench.kept(), kept.to_string()).unwrap();
}

/// A front that answers each request by its head, and ends the connection.
fn front(respond: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
    let respond = Arc::new(respond);
    serve(move |stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        // What speaks TLS sends no text.
        while matches!(reader.read_line(&mut head), Ok(1..)) && !head.ends_with("\r\n\r\n") {}
        let known = ["HEAD /", "GET /", "POST /"].iter().any(|method| head.starts_with(method));
        let text = if known { respond(&head) } else { answer(400, &[], "") };
        let _ = (&stream).write_all(text.as_bytes());
    })
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    format!("HTTP/1.1 {status} X\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}
