//! A real fleet, which is killed too.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use portreeve_tests::Fleet;
use serde_json::Value;

use super::tally::{Tally, Told, wait_until_told};
use super::{Agent, kills};

/// The longest life, in milliseconds.
const LIFE: u64 = 1_500;

#[test]
fn a_fleet_has_each_event_once_though_it_and_the_daemon_are_killed() {
    let mut fleet = Fleet::start();
    let mut agent = Agent::new("");
    let code = agent.folder().join("code");
    fs::write(&code, fleet.say(&["code", "create"])).unwrap();
    fs::set_permissions(&code, Permissions::from_mode(0o600)).unwrap();
    let mut enrol = agent.command();
    let output = enrol.args(["enrol", &fleet.url(), "--name", "mini-7", "--code-file"]).arg(&code).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut tally = Tally::default();
    for _ in 0..kills(5).div_ceil(2) {
        if fastrand::bool() {
            agent.turn();
        }
        agent.start();
        thread::sleep(Duration::from_millis(fastrand::u64(..LIFE)));
        fleet.kill();
        thread::sleep(Duration::from_millis(fastrand::u64(..LIFE / 2)));
        agent.kill();
        tally.look(&agent);
        fleet.come_back();
    }
    agent.start();
    wait_until_told(&agent);
    agent.kill();
    tally.look(&agent);

    tally.assert_told(&told(&fleet), &agent.log());
    let nodes = fleet.say(&["node", "list", "--json"]);
    let node: Value = serde_json::from_str(&nodes).unwrap();
    assert_eq!((&node["name"], &node["verdict"]), (&"mini-7".into(), &agent.verdict().into()), "{nodes}");
}

/// Events in the order in which the fleet took them; its index lets none in twice.
fn told(fleet: &Fleet) -> Vec<Told> {
    let database = fleet.database();
    let mut statement = database.prepare("SELECT uid, name, body FROM event ORDER BY seq").unwrap();
    let rows = statement.query_map([], |row| {
        let uid: [u8; 16] = row.get(0)?;
        let body: Option<String> = row.get(2)?;
        let body = body.map_or(Value::Null, |body| serde_json::from_str(&body).unwrap());
        Ok(Told { id: uuid::Uuid::from_bytes(uid).to_string(), name: row.get(1)?, body })
    });
    rows.unwrap().map(Result::unwrap).collect()
}
