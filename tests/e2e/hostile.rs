//! Input that means harm, or is only broken: an answer within the deadline, and no panic.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use portreeve_tests::{Checked, Home, Portreeve, serve};
use serde_json::json;

use crate::CONFIG_TOKEN;

/// What `check` may take on a sick node.
const SICK: Duration = Duration::from_secs(20);

#[test]
fn a_listener_that_says_nothing_costs_no_more_than_the_deadline() {
    let port = serve(|stream: TcpStream| {
        let _kept = stream;
        thread::sleep(SICK * 2);
    });
    check_on(port);
}

#[test]
fn a_listener_that_never_stops_talking_costs_no_more_than_the_deadline() {
    let port = serve(|mut stream: TcpStream| {
        let block = vec![b'x'; 1 << 20];
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        for _ in 0..1024 {
            if stream.write_all(&block).is_err() {
                return;
            }
        }
    });
    check_on(port);
}

#[test]
fn a_config_of_ten_megabytes_is_an_error_and_no_burden() {
    let home = Home::new();
    home.write("openclaw.json", &format!("{{ \"gateway\": \"{}\" }}", "x".repeat(10 << 20)));
    assert_sick(&Portreeve::new(home.path()).check());
}

#[test]
fn a_config_of_ten_thousand_levels_is_an_error_and_no_overflow() {
    let home = Home::new();
    home.write("openclaw.json", &"{a:".repeat(10_000));
    assert_sick(&Portreeve::new(home.path()).check());
    home.write("openclaw.json", &"[".repeat(1_000_000));
    assert_sick(&Portreeve::new(home.path()).check());
}

#[test]
fn a_pipe_in_place_of_the_config_does_not_hold_up_the_check() {
    let home = Home::new();
    let status = Command::new("mkfifo").arg(home.state().join("openclaw.json")).status().unwrap();
    assert!(status.success());
    assert_sick(&Portreeve::new(home.path()).check());
}

#[test]
fn a_link_out_of_the_state_directory_in_place_of_the_config_is_not_read_out() {
    let home = Home::new();
    symlink("/etc/shadow", home.state().join("openclaw.json")).unwrap();
    let checked = Portreeve::new(home.path()).check();
    assert_sick(&checked);
    assert!(!checked.stdout.contains("root:"), "{checked}");
}

fn check_on(port: u16) {
    let home = Home::new();
    let config = json!({ "gateway": { "mode": "local", "port": port, "auth": { "token": CONFIG_TOKEN } } });
    home.write("openclaw.json", &config.to_string());
    let checked = Portreeve::new(home.path()).check();
    assert_sick(&checked);
    checked.assert_lacks("gateway.starting");
}

/// Neither a good word nor a late one.
fn assert_sick(checked: &Checked) {
    let verdict = checked.report["verdict"].as_str().unwrap();
    assert!(verdict == "blocked" || verdict == "unknown", "{checked}");
    assert_ne!(checked.status, 0, "{checked}");
    assert!(checked.elapsed < SICK, "{checked}");
}
