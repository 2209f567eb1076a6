use serde_json::json;

use crate::program::{Fleet, beat};

#[tokio::test]
async fn a_code_counts_as_often_as_it_says() {
    let fleet = Fleet::start();
    let code = fleet.say(&["code", "create", "--uses", "2"]);
    assert_eq!(fleet.enrol("prj_wrong", "n1").await.status(), 403);
    assert_eq!(fleet.enrol(&code, "n1").await.status(), 200);
    assert_eq!(fleet.enrol(&code, "n2").await.status(), 200);
    assert_eq!(fleet.enrol(&code, "n3").await.status(), 403);
    assert!(fleet.say(&["code", "list"]).is_empty());
    let code = fleet.code();
    let label = fleet.say(&["code", "list"]).split_whitespace().next().unwrap().to_owned();
    fleet.say(&["code", "revoke", &label]);
    assert_eq!(fleet.enrol(&code, "n3").await.status(), 403);
    let names: Vec<_> = fleet.nodes().iter().map(|node| node["name"].clone()).collect();
    assert_eq!(names, [json!("mac.local"), json!("mac.local-2")]);
    let audit = fleet.say(&["audit"]);
    assert!(audit.contains("enrol.refused") && audit.contains("code.revoke"), "{audit}");
    assert!(!audit.contains("prj_") && !audit.contains("prn_"), "{audit}");
}

#[tokio::test]
async fn nobody_takes_a_working_node_over() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    // Its answer may have been lost: until it was used, it may ask again.
    let again = fleet.join("n1").await.token;
    assert_eq!(fleet.metrics(&token, beat("n1")).await.status(), 401);
    assert_eq!(fleet.metrics(&again, beat("n1")).await.status(), 200);
    let code = fleet.code();
    assert_eq!(fleet.enrol(&code, "n1").await.status(), 409);
    // A code for this node, or a revoked one, is different.
    let own = fleet.say(&["code", "create", "--node", "n1"]);
    assert_eq!(fleet.enrol(&own, "n2").await.status(), 403);
    assert_eq!(fleet.enrol(&own, "n1").await.status(), 200);
    assert_eq!(fleet.metrics(&again, beat("n1")).await.status(), 200);
    fleet.say(&["node", "revoke", "n1"]);
    assert_eq!(fleet.enrol(&code, "n1").await.status(), 200);
}

#[tokio::test]
async fn the_old_credential_counts_until_the_new_one_is_used() {
    let fleet = Fleet::start();
    let old = fleet.join("n1").await.token;
    assert_eq!(fleet.metrics(&old, beat("n1")).await.status(), 200);
    let rotate = || async {
        let request = fleet.client.post(format!("{}/v1/enrol/rotate", fleet.url)).bearer_auth(&old);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let granted: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        granted["token"].as_str().unwrap().to_owned()
    };
    let lost = rotate().await;
    assert_eq!(fleet.metrics(&old, beat("n1")).await.status(), 200);
    let new = rotate().await;
    assert_eq!(fleet.metrics(&lost, beat("n1")).await.status(), 401);
    assert_eq!(fleet.metrics(&new, beat("n1")).await.status(), 200);
    assert_eq!(fleet.metrics(&old, beat("n1")).await.status(), 401);
    let leave = fleet.client.post(format!("{}/v1/enrol/leave", fleet.url)).bearer_auth(&new);
    assert_eq!(leave.send().await.unwrap().status(), 204);
    assert_eq!(fleet.metrics(&new, beat("n1")).await.status(), 401);
    assert_eq!(fleet.node("n1")["presence"], "revoked");
}

#[tokio::test]
async fn a_revoked_node_is_refused_within_a_second_or_two() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.metrics(&token, beat("n1")).await.status(), 200);
    fleet.say(&["node", "revoke", "mac.local"]);
    let end = std::time::Instant::now() + crate::program::DEADLINE;
    while fleet.metrics(&token, beat("n1")).await.status() != 401 {
        assert!(std::time::Instant::now() < end);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_strange_request_is_refused() {
    let fleet = Fleet::start();
    let code = fleet.code();
    for (node, hostname) in [("", "mac"), ("a\u{1b}[31mb", "mac"), ("n1", ""), ("n1", "a\nb")] {
        let asked = json!({ "code": code, "node": node, "hostname": hostname, "agent_version": "1" });
        let request = fleet.client.post(format!("{}/v1/enrol", fleet.url)).body(asked.to_string());
        assert_eq!(request.send().await.unwrap().status(), 400, "{node:?} {hostname:?}");
    }
    for body in ["{}".to_owned(), "[".repeat(10_000)] {
        let request = fleet.client.post(format!("{}/v1/enrol", fleet.url)).body(body);
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
    let large = fleet.client.post(format!("{}/v1/enrol", fleet.url)).body("x".repeat(20_000));
    assert_eq!(large.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn what_is_written_down_of_each_try_has_a_rate() {
    let fleet = Fleet::start();
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.metrics(&token, beat("n1")).await.status(), 200);
    let mut granted = 0;
    for _ in 0..40 {
        let rotate = fleet.client.post(format!("{}/v1/enrol/rotate", fleet.url)).bearer_auth(&token);
        match rotate.send().await.unwrap().status().as_u16() {
            200 => granted += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((1..10).contains(&granted), "{granted}");
    assert_eq!(fleet.count("SELECT count(*) FROM audit WHERE action = 'enrol.rotate'"), granted);

    let code = fleet.say(&["code", "create", "--uses", "1"]);
    assert_eq!(fleet.enrol(&code, "n2").await.status(), 200);
    for _ in 0..60 {
        assert_eq!(fleet.enrol(&code, "n3").await.status(), 403);
    }
    let refused = fleet.count("SELECT count(*) FROM audit WHERE action = 'enrol.refused'");
    assert!((1..40).contains(&refused), "{refused}");
}
