use tokio::net::UnixListener;

use super::*;

#[tokio::test]
async fn an_engine_is_whose_listens_and_nobody_elses_later() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let own = nix::unistd::geteuid().as_raw();
    let client = Client { socket: Arc::from(socket), prefix: Arc::from(""), peer: Arc::default() };
    assert_eq!(client.owner(), None);
    client.open().await.unwrap();
    assert_eq!(client.owner(), Some(own).filter(|uid| *uid != 0 || os::RUNS_CONTAINERS));
    let of_another = Client { peer: Arc::new(OnceLock::from(own + 1)), ..client };
    let error = of_another.open().await.unwrap_err();
    assert!(error.sentence().contains("another user"), "{error}");
}
