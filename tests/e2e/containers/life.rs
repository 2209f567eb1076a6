//! Starts, ends and health checks of containers.

use std::time::Duration;

use portreeve_tests::{Project, wait_until};
use serde_json::{Value, json};

use super::{GATEWAY, bench};
use crate::CONFIG_TOKEN;

const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn a_gateway_without_enough_memory_is_killed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "memory", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-gateway/mem_limit", json!("150m"));
    project.save();
    // The command line waits for the gateway, and cannot share the namespace of one that has ended.
    project.command(&["up", "--detach", GATEWAY]).output().unwrap();
    assert_eq!(project.wait_until_exit(GATEWAY), 137);
    project.check().assert_blocked(&["gateway.oom"], 69);
}

#[test]
fn a_gateway_that_ends_at_every_start_is_a_storm() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "storm", CONFIG_TOKEN)
        .set("/services/openclaw-gateway/restart", json!("always"))
        .set("/services/openclaw-gateway/command/5", json!("--no-such-option"));
    project.up(&[GATEWAY]);
    let container = project.container(GATEWAY);
    wait_until("the third restart", LIMIT, || {
        let count = node.docker(&["inspect", "--format", "{{.RestartCount}}", &container]);
        (count.trim().parse::<u32>().unwrap() >= 3).then_some(())
    });
    let checked = project.check();
    checked.assert_blocked(&["gateway.restart-storm"], 69);
}

fn healthcheck(test: &str, interval: &str, retries: u32) -> Value {
    json!({ "test": ["CMD-SHELL", test], "interval": interval, "timeout": "2s", "retries": retries })
}

#[test]
fn a_health_check_that_looks_at_the_process_only_is_blind() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "blind", CONFIG_TOKEN)
        .set("/services/openclaw-gateway/healthcheck", healthcheck("kill -0 1", "30s", 3))
        .set("/services/openclaw-cli/depends_on", json!({ "openclaw-gateway": { "condition": "service_healthy" } }));
    project.save();
    project.lint().assert_finds("compose.health-blind");
    project.up(&[GATEWAY]);
    project.wait_until_ready(GATEWAY);
    let checked = project.check();
    checked.assert_passes();
    checked.assert_has("compose.health-blind", "warning");
}

#[test]
fn a_liveness_shorter_than_the_start_is_harsh() {
    let Some((openclaw, node)) = bench() else { return };
    let test = "wget -q -O /dev/null http://127.0.0.1:18789/readyz";
    let project = Project::split(&node, &openclaw, "harsh", CONFIG_TOKEN)
        .set("/services/openclaw-gateway/healthcheck", healthcheck(test, "1s", 2));
    project.save();
    project.lint().assert_finds("compose.liveness-harsh");
    project.up(&[GATEWAY]);
    let container = project.container(GATEWAY);
    wait_until("the engine's own verdict in mid-start", LIMIT, || {
        let health = node.docker(&["inspect", "--format", "{{.State.Health.Status}}", &container]);
        (health.trim() == "unhealthy").then_some(())
    });
    project.wait_until_ready(GATEWAY);
    let checked = project.check();
    checked.assert_passes();
    checked.assert_has("compose.liveness-harsh", "warning");
}
