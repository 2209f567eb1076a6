//! What a daemon sends, keeps and logs about a node full of secrets, and what a fleet keeps and shows of it.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::process::Stdio;

use flate2::read::DeflateDecoder;
use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint, Item};
use portreeve_tests::{Daemon, Fleet, wait_until};
use rusqlite::Connection;
use serde_json::Value;

use super::LIMIT;
use crate::secrets::{Bench, files_below};

/// Runs a daemon on the bench's homes: first for an endpoint that takes nothing, so that all of it waits, then for one that takes it, then
/// for a fleet.
pub(crate) fn look_at_all_that_is_told(bench: &mut Bench) {
    let fleet = Fleet::start();
    let (code, viewer) = (fleet.say(&["code", "create"]), fleet.say(&["viewer", "add", "alice"]));
    bench.canaries.add("the join code", &code);
    bench.canaries.add("a viewer's token", &viewer);
    let homes = [bench.gateway.home(), bench.client.path()];
    let settings = "[daemon]\nfast_s = 2\nlocks_s = 0\n\n[deliver]\ninterval_s = 5\n";
    let mut daemon = Daemon::new(bench.portreeve.clone(), &homes, settings);
    let folder = daemon.folder();
    let enrol = ["enrol", &fleet.url(), "--code-file", "-"];
    let mut command = daemon.command();
    command.args(enrol).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    bench.look(&child.wait_with_output().unwrap(), &enrol);
    let enrolment: Value = serde_json::from_slice(&fs::read(daemon.data().join("enrolment.json")).unwrap()).unwrap();
    bench.canaries.add("the node's credential", enrolment["token"].as_str().unwrap());

    let endpoint = Endpoint::start();
    endpoint.always(Behaviour::retry_after(503, "1"));
    daemon.configure(&format!("{settings}endpoint = \"{}\"\n", endpoint.url()));
    daemon.start();
    let is_report = |item: &Item| matches!(item, Item::Event(event) if event.name == "portreeve.report");
    let is_told = |request: &portreeve_tests::otlp_endpoint::Request| request.items.iter().any(is_report);
    endpoint.wait_until("a report that waits", LIMIT, |requests| requests.iter().any(is_told));
    let look = |bench: &Bench| {
        let own = folder.join("data/enrolment.json");
        for file in files_below(&folder).iter().filter(|file| **file != own) {
            match fs::read(file) {
                Ok(bytes) => bench.canaries.assert_absent(&bytes, &file.display().to_string()),
                // A running daemon puts new files in the place of old ones; what stays is looked at once more when it is gone.
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}", file.display()),
            }
        }
    };
    look(bench);
    endpoint.always(Behaviour::Accept);
    let taken = |request: &portreeve_tests::otlp_endpoint::Request| request.taken > 0 && is_told(request);
    let requests = endpoint.wait_until("a report that is taken", LIMIT, |requests| requests.iter().any(taken));
    for request in requests {
        assert_eq!(request.malformed, None);
        let said = format!("{:?} {:?}", request.head, request.items);
        for text in [said.as_bytes(), &request.plain] {
            bench.canaries.assert_absent(text, "what an endpoint is sent");
        }
        let mut points = request.items.iter().filter(|item| matches!(item, Item::Point(_)));
        let is_private = |item: &Item| format!("{item:?}").contains(&*bench.gateway.home().to_string_lossy());
        assert!(!points.any(is_private), "a path in a metric");
    }

    // Without an endpoint of its own, the enrolment counts.
    daemon.configure(settings);
    daemon.reload();
    wait_until(&format!("a report at the fleet of\n{}", daemon.log()), LIMIT, || {
        let count = "SELECT count(*) FROM report";
        fleet.database().query_row(count, [], |row| row.get::<_, i64>(0)).ok().filter(|count| *count == 1)
    });
    let pages = views(&fleet.page("/", &viewer).unwrap().1);
    assert!(pages.len() > 5, "{pages:?}");
    for page in pages.into_iter().chain([node_page(&enrolment)]) {
        let (status, text) = fleet.page(&page, &viewer).unwrap();
        assert_eq!(status, 200, "{page}");
        bench.canaries.assert_absent(text.as_bytes(), &page);
    }
    assert!(fleet.page(&node_page(&enrolment), &viewer).unwrap().1.contains("token.exposed"));
    daemon.kill();
    look(bench);
    for file in files_below(&fleet.data()) {
        bench.canaries.assert_absent(&fs::read(&file).unwrap(), &file.display().to_string());
    }
    bench.canaries.assert_absent(report(&fleet.database()).as_bytes(), "the report that a fleet keeps");
    bench.canaries.assert_absent(fleet.log().as_bytes(), "the fleet's log");
    assert!(daemon.data().join("spool").is_dir());
}

/// The addresses that the head of a page leads to.
fn views(page: &str) -> Vec<String> {
    let (_, nav) = page.split_once("<nav").unwrap();
    let (nav, _) = nav.split_once("</nav>").unwrap();
    nav.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn node_page(enrolment: &Value) -> String {
    format!("/nodes/{}", enrolment["node"].as_str().unwrap())
}

/// The report as it was packed.
fn report(database: &Connection) -> String {
    let packed: Vec<u8> = database.query_row("SELECT body FROM report", [], |row| row.get(0)).unwrap();
    let mut text = String::new();
    DeflateDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    assert!(text.contains("portreeve.report/1"));
    text
}
