//! `spool flush` beside a daemon that was told to wait.

use std::time::{Duration, Instant};

use portreeve_tests::otlp_endpoint::{Behaviour, Endpoint};

use super::{Agent, LIMIT};

#[test]
fn a_daemon_that_was_told_to_wait_is_made_to_deliver_at_once() {
    let endpoint = Endpoint::start();
    endpoint.always(Behaviour::retry_after(503, "3600"));
    let mut agent = Agent::new(&format!("endpoint = \"{}\"", endpoint.url()));
    agent.start();
    endpoint.wait_until("both signals", LIMIT, |requests| requests.len() >= 2);

    let flush = |timeout: &str| {
        let output = agent.command().args(["spool", "flush", "--timeout", timeout]).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (output.status.code(), said)
    };
    let before = endpoint.requests().len();
    let (status, said) = flush("2");
    assert_eq!(status, Some(75), "{said}");
    assert!(said.contains("the daemon runs, and delivers") && said.contains("503"), "{said}");
    assert!(endpoint.requests().len() > before, "it did not try");

    endpoint.always(Behaviour::Accept);
    let begun = Instant::now();
    let (status, said) = flush("50");
    assert_eq!(status, Some(0), "{said}\n{}", agent.log());
    assert!(said.contains("left the spool") && begun.elapsed() < Duration::from_secs(50), "{said}");
    assert!(!endpoint.event_ids().is_empty());
    agent.kill();
}
