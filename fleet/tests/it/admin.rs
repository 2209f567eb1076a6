use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::program::{Fleet, command, report};

#[tokio::test]
async fn a_backup_of_a_running_server_can_be_restored() {
    let mut fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.logs(&token, report("n1", Timestamp::now(), "ready", &[])).await.status(), 200);
    let file = fleet.folder.path().join("backup.db");
    let name = file.to_str().unwrap();
    assert!(fleet.say(&["backup", name]).contains("checked"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fleet.command(&["backup", name]).status.code(), Some(1));
    assert_eq!(fleet.command(&["restore", name, "--replace"]).status.code(), Some(74));
    fleet.say(&["node", "forget", "n1"]);
    assert_eq!(fleet.stop(), Some(0));
    assert!(fleet.nodes().is_empty());
    assert_eq!(fleet.command(&["restore", name]).status.code(), Some(1));
    fleet.say(&["restore", name, "--replace"]);
    assert_eq!(fleet.node("n1")["verdict"], "ready");
}

#[tokio::test]
async fn forgetting_a_node_leaves_nothing_of_it() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.logs(&token, report("n1", Timestamp::now(), "ready", &[])).await.status(), 200);
    fleet.say(&["node", "rename", "n1", "desk"]);
    assert_eq!(fleet.command(&["node", "rename", "desk", "\u{1b}"]).status.code(), Some(1));
    fleet.say(&["node", "forget", "desk"]);
    for table in ["node", "presence", "credential", "report", "event", "series", "series_tail", "series_due"] {
        assert_eq!(fleet.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(fleet.command(&["node", "forget", "desk"]).status.code(), Some(1));
}

#[test]
fn what_cannot_be_served_is_refused_clearly() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let serve = |arguments: &[&str]| {
        let output = command(&data, &[&["serve"], arguments].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, message) = serve(&["--listen", &address]);
    assert!(status == Some(74) && message.contains(&format!("cannot listen at {address}: ")), "{message}");
    assert_eq!(serve(&["--listen", "nowhere"]).0, Some(64));
    assert_eq!(serve(&["--config", "/does/not/exist"]).0, Some(78));
    let (status, message) = serve(&["--tls-cert", "/none.pem", "--tls-key", "/none.key"]);
    assert!(status == Some(78) && message.contains("`/none.pem`"), "{message}");
    let settings = folder.path().join("settings.toml");
    for (text, told) in [("x = 1", "unknown field `x`"), ("[limits]\nqueue = 0", "`limits.queue` must be greater")] {
        std::fs::write(&settings, text).unwrap();
        let (status, message) = serve(&["--config", settings.to_str().unwrap()]);
        assert!(status == Some(78) && message.contains(told), "{message}");
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (status, message) = serve(&[]);
    assert!(status == Some(74) && message.contains("is open to others (mode 0755)"), "{message}");
}

#[test]
fn a_database_of_a_later_version_or_of_others_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    assert!(command(&data, &["node", "list"]).status.success());
    let file = data.join("fleet.db");
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&file).unwrap();
    let output = command(&data, &["serve", "--listen", "127.0.0.1:0"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(74) && message.contains("use a newer portreeve-fleet"), "{message}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let message = String::from_utf8(command(&data, &["node", "list"]).stderr).unwrap();
    assert!(message.contains("no database of portreeve-fleet"), "{message}");
}

#[tokio::test]
async fn one_server_for_one_folder() {
    let fleet = Fleet::start();
    let output = fleet.command(&["serve", "--listen", "127.0.0.1:0"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(74) && message.contains("another server uses the folder"), "{message}");
}

#[tokio::test]
async fn it_tells_of_itself() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.logs(&token, report("n1", Timestamp::now(), "ready", &[])).await.status(), 200);
    assert_eq!(fleet.logs("prn_x", Vec::new()).await.status(), 401);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(fleet.get(path).await.text().await.unwrap(), "ok\n");
    }
    let text = fleet.get("/metrics").await.text().await.unwrap();
    for line in [
        "portreeve_fleet_nodes{presence=\"present\"} 1",
        "portreeve_fleet_verdicts{verdict=\"ready\"} 1",
        "portreeve_fleet_requests_total{signal=\"logs\",status=\"200\"} 1",
        "portreeve_fleet_refused_total{reason=\"credential\"} 1",
        "portreeve_fleet_events_total 1",
        "portreeve_fleet_ingest_seconds_count 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
    let far = fleet.client.get(format!("{}/metrics", fleet.url)).header("x-forwarded-for", "10.0.0.9");
    assert_eq!(far.send().await.unwrap().status(), 403);
    let response = fleet.get("/nothing").await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}
