//! Whether the server lives, whether it can take reports, and what it counts of itself.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::AppState;
use crate::auth::{Hash, Peer, bearer};

/// For how long the writer may be silent and still count as alive.
const SILENCE_MS: i64 = 30_000;

/// It answers, so it lives.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether what arrives can be written.
pub(super) async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    let silent = Timestamp::now().as_millisecond() - state.shared.alive_at.load(Ordering::Relaxed);
    if silent > SILENCE_MS {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n");
    }
    if state.shared.broken.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not take what is written\n");
    }
    if *state.ending.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is ending\n");
    }
    (StatusCode::OK, "ok\n")
}

/// Metrics of the server, for those who may read them.
pub(super) async fn metrics(State(state): State<AppState>, peer: Peer, headers: HeaderMap) -> Response {
    let near = !peer.relayed && state.config.metrics.allow.iter().any(|network| network.contains(&peer.address));
    let viewer = bearer(&headers).and_then(|token| state.access.viewer(&Hash::of(token), Timestamp::now()));
    if !near && viewer.is_none() {
        return (StatusCode::FORBIDDEN, "from this address, metrics need a viewer's token\n").into_response();
    }
    let nodes = state.index.all();
    let text = state.meter.text(nodes.iter().map(AsRef::as_ref));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;
    use crate::Config;
    use crate::store::Writer;

    #[tokio::test]
    async fn it_is_not_ready_until_the_disk_takes_something_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let config = Config { data: folder.path().join("data"), ..Config::default() };
        let (writer, store, shared) = Writer::start(Arc::new(config)).unwrap();
        let (_ending, ended) = watch::channel(false);
        let state = crate::server::state(&shared, store.clone(), ended);
        let ready = async || ready(State(state.clone())).await.0;
        let pages = async |most: u32| {
            let bound = format!("PRAGMA max_page_count = {most}");
            store.write(move |tx| Ok(tx.query_row(&bound, [], |_| Ok(()))?)).await.unwrap();
        };
        let fill = async || {
            let row = "INSERT INTO setting (name, value) VALUES (hex(randomblob(8)), zeroblob(1000000))";
            store.write(move |tx| Ok(tx.execute(row, [])?)).await
        };
        assert_eq!(ready().await, StatusCode::OK);
        pages(1).await;
        assert!(fill().await.is_err());
        assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
        // What writes nothing proves nothing.
        pages(1_000_000).await;
        assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
        fill().await.unwrap();
        assert_eq!(ready().await, StatusCode::OK);
        drop((state, store));
        writer.join();
    }
}
