use portreeve_fleet::auth::Hash;
use reqwest::Response;
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};

use crate::program::Fleet;

#[tokio::test]
async fn a_viewers_token_counts_until_it_is_revoked() {
    let fleet = Fleet::start();
    let token = fleet.say(&["viewer", "add", "alice", "--role", "operator"]);
    assert!(token.starts_with("prv_"));
    assert!(fleet.say(&["viewer", "list"]).starts_with("alice  operator"));
    assert_eq!(fleet.command(&["viewer", "add", "alice"]).status.code(), Some(1));
    let read = |token: String| {
        let request = fleet.client.get(format!("{}/metrics", fleet.url)).header("x-forwarded-for", "192.0.2.1");
        async move { request.bearer_auth(token).send().await.unwrap().status().as_u16() }
    };
    let until = async |status: u16| {
        let end = std::time::Instant::now() + crate::program::DEADLINE;
        while read(token.clone()).await != status {
            assert!(std::time::Instant::now() < end, "it is never {status}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    until(200).await;
    assert_eq!(read("prv_wrong".to_owned()).await, 403);
    fleet.say(&["viewer", "revoke", "alice"]);
    until(403).await;
    // A viewer's token is no node's.
    assert_eq!(fleet.metrics(&token, Vec::new()).await.status(), 401);
}

/// Asks for the board's first page as a browser does.
async fn page(fleet: &Fleet, headers: &[(&'static str, &str)]) -> Response {
    let mut request = fleet.client.get(format!("{}/", fleet.url)).header(ACCEPT, "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_login_is_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let fleet = Fleet::configured("public_url = \"https://fleet.example\"");
    let token = fleet.say(&["viewer", "add", "alice"]);
    let response = page(&fleet, &[]).await;
    assert_eq!((response.status().as_u16(), response.headers()[LOCATION].to_str().unwrap()), (303, "/login?next=/"));
    let log_in = |token: String| {
        let form = format!("token={token}&next=%2Fcauses");
        let request = fleet.client.post(format!("{}/login", fleet.url)).body(form);
        async { request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap() }
    };
    assert_eq!(log_in("prv_wrong".to_owned()).await.status(), 401);
    let end = std::time::Instant::now() + crate::program::DEADLINE;
    let response = loop {
        let response = log_in(token.clone()).await;
        if response.status() == 303 {
            break response;
        }
        assert!(std::time::Instant::now() < end, "nobody is logged in");
    };
    assert_eq!(response.headers()[LOCATION], "/causes");
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(&token));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(page(&fleet, &[(COOKIE.as_str(), cookie)]).await.status(), 200);
    // A form of another site, and one without its token, change nothing.
    for origin in ["https://evil.example", "https://fleet.example"] {
        let request = fleet.client.post(format!("{}/logout", fleet.url)).header(COOKIE, cookie);
        let request = request.header("origin", origin).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(request.body("csrf=wrong").send().await.unwrap().status(), 403);
    }
    assert_eq!(page(&fleet, &[(COOKIE.as_str(), cookie)]).await.status(), 200);
    fleet.say(&["viewer", "revoke", "alice"]);
    while page(&fleet, &[(COOKIE.as_str(), cookie)]).await.status() != 303 {
        assert!(std::time::Instant::now() < end, "a login outlives its viewer");
    }
    let audit = fleet.say(&["audit"]);
    assert!(audit.contains("viewer.login ") && audit.contains("viewer.login-refused"), "{audit}");
}

#[tokio::test]
async fn a_proxys_header_counts_from_the_proxy_alone() {
    let settings = |address: &str| {
        format!("[viewers.proxy]\naddresses = [\"{address}\"]\nheader = \"X-User\"\noperators = [\"bob\"]")
    };
    let near = Fleet::configured(&settings("127.0.0.1/32"));
    assert_eq!(page(&near, &[("x-user", "alice")]).await.status(), 200);
    assert_eq!(page(&near, &[]).await.status(), 303);
    assert_eq!(page(&near, &[("x-user", "")]).await.status(), 303);
    assert_eq!(page(&near, &[("x-user", "alice"), ("x-user", "bob")]).await.status(), 303);
    let far = Fleet::configured(&settings("192.0.2.0/24"));
    assert_eq!(page(&far, &[("x-user", "alice")]).await.status(), 303);
    assert_eq!(page(&far, &[("x-user", "alice"), ("x-forwarded-for", "192.0.2.1")]).await.status(), 303);
    let none = Fleet::start();
    assert_eq!(page(&none, &[("x-forwarded-user", "alice")]).await.status(), 303);
}

#[tokio::test]
async fn a_viewers_logins_are_few_at_once_and_not_too_fast() {
    let fleet = Fleet::start();
    let token = fleet.say(&["viewer", "add", "alice"]);
    let database = fleet.database();
    let login = "INSERT INTO session (hash, viewer, created_at, expires_at) VALUES (?, 'alice', ?, 4000000000000)";
    for number in 0..30 {
        let hash = Hash::of(&format!("prs_{number}"));
        database.execute(login, rusqlite::params![hash.bytes(), number]).unwrap();
    }
    let oldest = format!("{}=prs_0", portreeve_fleet::auth::COOKIE);
    let end = std::time::Instant::now() + crate::program::DEADLINE;
    while page(&fleet, &[(COOKIE.as_str(), &oldest)]).await.status() != 200 {
        assert!(std::time::Instant::now() < end, "the logins are never taken over");
    }
    let mut statuses = Vec::new();
    for _ in 0..50 {
        let request = fleet.client.post(format!("{}/login", fleet.url)).body(format!("token={token}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses[0], 303);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(fleet.count("SELECT count(*) FROM session"), 20);
    assert_eq!(page(&fleet, &[(COOKIE.as_str(), &oldest)]).await.status(), 303);
}

#[tokio::test]
async fn the_address_of_a_viewer_is_what_the_proxy_adds_last() {
    let settings = "[viewers.proxy]\naddresses = [\"127.0.0.1/32\"]\nheader = \"X-User\"";
    let fleet = Fleet::configured(settings);
    let mut request = fleet.client.post(format!("{}/login", fleet.url)).body("token=prv_wrong");
    for forwarded in ["192.0.2.1", "192.0.2.2, 192.0.2.3"] {
        request = request.header("x-forwarded-for", forwarded);
    }
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.unwrap().status(), 401);
    let audit = fleet.say(&["audit"]);
    assert!(audit.contains("192.0.2.3") && !audit.contains("192.0.2.1"), "{audit}");
}
