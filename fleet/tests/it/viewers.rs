//! Who may look is asked of `/metrics` here, which every viewer may read; the board's own tests ask of its pages.

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
