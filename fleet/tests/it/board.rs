//! The board over HTTP: who gets in, what is recorded, and that nothing a node says is more than text.

use std::time::Instant;

use jiff::Timestamp;
use portreeve_telemetry::event::Name;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::{DEADLINE, Fleet, event};

const PAGES: [&str; 11] = [
    "/",
    "/causes",
    "/images",
    "/versions",
    "/upgrade",
    "/closes",
    "/locks",
    "/quarantine",
    "/ghosts",
    "/absent",
    "/audit",
];
/// What would be more than text, were it not escaped where it is written.
const HOSTILE: &str =
    "</title></text></script><script>alert(1)</script>\"' onfocus=alert(2) x=<img src=x onerror=alert(3)>{{7*7}}";

/// A browser that is signed in.
struct Browser<'a> {
    fleet: &'a Fleet,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn sign_in(fleet: &'a Fleet, role: &str) -> Self {
        let token = fleet.say(&["viewer", "add", role, "--role", role]);
        let end = Instant::now() + DEADLINE;
        loop {
            let response = sign_in(fleet, &token, "/causes").await;
            if response.status() == 303 {
                assert_eq!(response.headers()[LOCATION], "/causes");
                let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
                assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
                return Self { fleet, cookie: cookie.split(';').next().unwrap().to_owned() };
            }
            // A running server takes over what the command wrote within a second.
            assert!(Instant::now() < end, "{}", response.status());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    fn with(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(ACCEPT, "text/html").header("cookie", &self.cookie)
    }

    async fn get(&self, path: &str) -> Response {
        self.with(self.fleet.client.get(format!("{}{path}", self.fleet.url))).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.with(self.fleet.client.post(format!("{}{path}", self.fleet.url)))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded(form))
            .send()
            .await
            .unwrap()
    }

    async fn csrf(&self, path: &str) -> String {
        let page = self.page(path).await;
        let rest = page.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

async fn sign_in(fleet: &Fleet, token: &str, next: &str) -> Response {
    fleet
        .client
        .post(format!("{}/login", fleet.url))
        .header(ACCEPT, "text/html")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(encoded(&[("token", token), ("next", next)]))
        .send()
        .await
        .unwrap()
}

/// A report whose every text is `words`.
fn report(node: &str, words: &str, verdict: &str) -> Value {
    let finding = json!({
        "code": "token.shadowed", "severity": "error", "layer": "auth", "subject": { "kind": "gateway", "id": "18789" },
        "summary": words, "evidence": [{ "fact": words, "source": words, "observed_at": Timestamp::now() }], "explains": [words],
        "explained_by": null, "remedy": [{ "text": words, "command": words }], "waived": null
    });
    let other = json!({ "code": words, "severity": words, "layer": words, "subject": { "kind": words, "id": words }, "summary": words });
    json!({
        "schema": "portreeve.report/1", "verdict": verdict, "root_causes": ["token.shadowed", words],
        "node": { "id": node, "hostname": words, "os": words, "os_version": words, "os_build": words, "arch": words },
        "quarantine": { "since": null, "attempts": 2, "reasons": [words, words], "needs_consent": true, "occasions": [] },
        "accepted": { "at": Timestamp::now(), "by": words, "how": words, "os_build": words },
        "maintenance": { "since": Timestamp::now(), "until": "2999-01-01T00:00:00Z", "reason": words, "by": words },
        "layers": { words: { "state": words, "detail": words } },
        "findings": [finding, other],
        "gateways": [{
            "id": words, "user": words, "profile": words, "expected": ["unit"], "workload": words, "state_dir": words, "config": words,
            "port": 18789, "port_source": words, "pids": [], "units": [words], "version": words,
            "token_sources": [{ "kind": words, "location": words, "fingerprint": words, "outcome": { "outcome": words } }],
            "rungs": [{ "rung": words, "state": "fail", "elapsed_ms": 1.0, "detail": words }, { "rung": "live", "state": "fail", "detail": words }]
        }],
        "clients": [{
            "id": words, "kind": words, "url": { "scheme": words, "host": words, "port": 1, "path": words }, "gateway": words,
            "token_sources": [], "device_id": words
        }],
        "units": [{ "id": words, "label": words, "state": words, "last_exit_code": 1, "keep_alive": words }],
        "containers": [{
            "id": words, "name": words, "role": "gateway", "state": words, "health": words, "restarts": 1, "image": words,
            "digest": words, "version": words
        }],
        "state_dirs": [{ "path": words, "file_system": words, "free_bytes": 1, "wal_bytes": 2 }],
        "blind": [{ "what": words, "why": words, "remedy": words, "readiness": true }]
    })
}

async fn tell(fleet: &Fleet, token: &str, node: &str, body: &Value) {
    let sent = event(node, Uuid::new_v4(), Timestamp::now(), Name::Report, body);
    assert_eq!(fleet.logs(token, sent).await.status(), 200);
}

#[tokio::test]
async fn nobody_sees_anything_without_signing_in() {
    let fleet = Fleet::start();
    for path in PAGES.into_iter().chain(["/nodes/x", "/?q=%22"]) {
        let asked = fleet.client.get(format!("{}{path}", fleet.url)).header(ACCEPT, "text/html").send().await.unwrap();
        assert_eq!(asked.status(), 303, "{path}");
        assert!(asked.headers()[LOCATION].to_str().unwrap().starts_with("/login?next="));
        assert_eq!(fleet.get(path).await.status(), 401, "{path}");
    }
    assert_eq!(fleet.get("/live").await.status(), 401);
    let wrong = sign_in(&fleet, "prv_wrong", "//evil.example").await;
    assert_eq!(wrong.status(), 401);
    assert!(!wrong.headers().contains_key(SET_COOKIE));
    let page = wrong.text().await.unwrap();
    assert!(page.contains("not known") && !page.contains("evil.example") && !page.contains("prv_wrong"), "{page}");
}

#[tokio::test]
async fn pages_load_nothing_but_their_own_files() {
    let fleet = Fleet::start();
    let browser = Browser::sign_in(&fleet, "viewer").await;
    for path in PAGES.into_iter().chain(["/nodes/none", "/none"]) {
        let response = browser.get(path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(response.headers()["cache-control"], "no-store");
        let page = response.text().await.unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("<h1"), "{path}");
        assert!(!page.contains(" style=\"") && !page.contains("<style") && !page.contains("http://"), "{path}");
    }
    let page = browser.page("/").await;
    for file in ["css", "js", "svg"] {
        let start =
            page.split("/assets/").skip(1).find(|rest| rest.split('"').next().unwrap().ends_with(file)).unwrap();
        let response = fleet.get(&format!("/assets/{}", start.split('"').next().unwrap())).await;
        assert_eq!(response.status(), 200);
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(fleet.get("/assets/board.css").await.status(), 404);
}

#[tokio::test]
async fn what_a_node_says_is_text_on_every_page() {
    let fleet = Fleet::start();
    let granted = [fleet.join("one").await, fleet.join("two").await];
    for one in &granted {
        tell(&fleet, &one.token, &one.node, &report(&one.node, HOSTILE, "blocked")).await;
    }
    let browser = Browser::sign_in(&fleet, "operator").await;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", HOSTILE)
        .append_pair("cause", HOSTILE)
        .finish();
    let pages = PAGES.map(str::to_owned).into_iter().chain([
        "/nodes/one".to_owned(),
        format!("/?{query}"),
        format!("/audit?{query}"),
    ]);
    let mut seen = 0;
    for path in pages {
        let page = browser.page(&path).await;
        assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains("</text></script>"), "{path}");
        assert!(!page.contains("\"' onfocus"), "an attribute ends early: {path}");
        seen += page.matches("&#60;script&#62;").count() + page.matches("&lt;script&gt;").count();
    }
    assert!(seen > 40, "{seen}");
    // What arrives live is JSON on one line.
    let mut live = browser.with(fleet.client.get(format!("{}/live", fleet.url))).send().await.unwrap();
    let mut text = String::new();
    while text.matches("event: row").count() < 2 {
        text.push_str(&String::from_utf8_lossy(&live.chunk().await.unwrap().unwrap()));
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        let data = line.strip_prefix("data: ");
        assert!(
            line.starts_with("event: ") || data.is_some_and(|data| serde_json::from_str::<Value>(data).is_ok()),
            "{line}"
        );
    }
}

#[tokio::test]
async fn decisions_are_recorded_shown_and_taken_back() {
    let fleet = Fleet::start();
    let granted = fleet.join("one").await;
    tell(&fleet, &granted.token, "one", &{
        let mut body = report("one", "words", "blocked");
        body["findings"].as_array_mut().unwrap().truncate(1);
        body["quarantine"] = Value::Null;
        // All else is proven, and was seen.
        body["layers"] = json!({});
        body["blind"] = json!([]);
        body
    })
    .await;
    let browser = Browser::sign_in(&fleet, "operator").await;
    assert!(browser.page("/nodes/one").await.contains("data-field=\"word\">blocked"));
    let csrf = browser.csrf("/nodes/one").await;
    let form = [
        ("csrf", csrf.as_str()),
        ("code", "token.shadowed"),
        ("subject", "gateway 18789"),
        ("hours", "24"),
        ("reason", "we know <b>"),
    ];

    // Without the page's own token, by somebody who may only look, and of a node that is not there, nothing is recorded.
    assert_eq!(browser.post("/nodes/one/waive", &form[1..]).await.status(), 403);
    assert_eq!(browser.post("/nodes/one/waive", &[&[("csrf", "x")], &form[1..]].concat()).await.status(), 403);
    let looker = Browser::sign_in(&fleet, "viewer").await;
    assert!(!looker.page("/nodes/one").await.contains("/waive"));
    let own = looker.csrf("/").await;
    assert_eq!(looker.post("/nodes/one/waive", &[&[("csrf", own.as_str())], &form[1..]].concat()).await.status(), 403);
    assert_eq!(looker.post("/nodes/one/waive", &form).await.status(), 403);
    assert_eq!(browser.post("/nodes/none/waive", &form).await.status(), 404);
    for wrong in [("hours", "0"), ("reason", " "), ("code", "port.silent")] {
        let changed = form.map(|pair| if pair.0 == wrong.0 { wrong } else { pair });
        let response = browser.post("/nodes/one/waive", &changed).await;
        let to = response.headers()[LOCATION].to_str().unwrap().to_owned();
        assert!(browser.page(&to).await.contains("Nothing was recorded"), "{wrong:?}");
    }
    assert_eq!(fleet.count("SELECT count(*) FROM waiver"), 0);

    // A waived finding stays, and is out of the verdict.
    let response = browser.post("/nodes/one/waive", &form).await;
    assert_eq!(response.status(), 303);
    let page = browser.page(response.headers()[LOCATION].to_str().unwrap()).await;
    assert!(
        page.contains("data-field=\"word\">ready")
            && page.contains("we know &#60;b&#62;")
            && page.contains("token.shadowed")
    );
    assert!(browser.page("/").await.contains("1 waived"));
    assert!(browser.page("/causes").await.contains("we know &#60;b&#62;"));
    assert!(browser.page("/audit?q=finding.waive").await.contains("viewer operator"));

    let form = [("csrf", csrf.as_str()), ("code", "token.shadowed"), ("subject", "gateway 18789"), ("note", "mine")];
    assert_eq!(browser.post("/nodes/one/acknowledge", &form).await.status(), 303);
    let form = [("csrf", csrf.as_str()), ("hours", "4"), ("reason", "new disk")];
    assert_eq!(browser.post("/nodes/one/maintenance", &form).await.status(), 303);
    let page = browser.page("/nodes/one").await;
    assert!(page.contains("Acknowledged by operator") && page.contains("new disk"));

    for kind in ["waiver", "acknowledgement", "maintenance"] {
        let form = [("csrf", csrf.as_str()), ("kind", kind), ("id", "1")];
        for done in ["?done=ended", "?done=gone"] {
            let response = browser.post("/nodes/one/end", &form).await;
            assert!(response.headers()[LOCATION].to_str().unwrap().ends_with(done), "{kind}");
        }
    }
    let page = browser.page("/nodes/one").await;
    assert!(page.contains("data-field=\"word\">blocked") && !page.contains("new disk"));
    assert_eq!(fleet.count("SELECT count(*) FROM audit WHERE action LIKE '%.end'"), 3);
    let csrf = browser.csrf("/").await;
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.headers()[LOCATION], "/login");
    assert_eq!(browser.get("/").await.status(), 303);
}

#[tokio::test]
async fn the_list_is_what_its_address_asks_for() {
    let fleet = Fleet::start();
    for (node, verdict) in [("mac-9", "ready"), ("mac-10", "ready"), ("mac-2", "blocked")] {
        let granted = fleet.join(node).await;
        let body = json!({
            "verdict": verdict, "root_causes": if verdict == "blocked" { vec!["port.silent"] } else { vec![] },
            "node": { "os_build": "25B78", "os_version": "26.1" }, "findings": [], "gateways": [{ "version": "2026.3.2" }]
        });
        tell(&fleet, &granted.token, node, &body).await;
    }
    let browser = Browser::sign_in(&fleet, "viewer").await;
    let order = async |query: &str| {
        let page = browser.page(&format!("/?{query}")).await;
        let ids = page.split("data-node=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        ids.collect::<Vec<_>>().join(" ")
    };
    for (query, ids) in [
        ("", "mac-2 mac-9 mac-10"),
        ("verdict=ready", "mac-9 mac-10"),
        ("cause=PORT.silent", "mac-2"),
        ("q=port+25b78", "mac-2"),
        ("build=25B78&openclaw=2026.3&verdict=ready&sort=verdict&order=desc", "mac-9 mac-10"),
        ("image=abc", ""),
        ("since=over1d", ""),
        ("page=99999999999999999999&sort=nonsense&verdict=%ff&since=%00", "mac-2 mac-9 mac-10"),
    ] {
        assert_eq!(order(query).await, ids, "{query}");
    }
    assert!(browser.page("/?sort=since&order=desc").await.contains("aria-sort=\"descending\""));
}
