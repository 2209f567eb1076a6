//! Changes as they happen, as server-sent events: counts, and the rows that a page shows.

pub(super) mod told;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{Semaphore, broadcast};

use super::Board;
use super::nodes::Row;
use super::query::Query;
use super::standing::Standing;
use crate::AppState;
use crate::auth::Viewer;
use told::{News, Shown, Told};

/// Streams at once.
const MOST: usize = 512;
/// Least time between two looks of one stream.
const PACE: Duration = Duration::from_secs(1);
/// After so long without news a beat says that the stream lives.
const BEAT: Duration = Duration::from_secs(10);
/// A stream ends after so long; the page asks for a new one, and is asked anew who it is of.
const LIFE: Duration = Duration::from_mins(10);

/// Streams that may be open.
pub(crate) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

struct Stream {
    state: AppState,
    board: Arc<Board>,
    changes: broadcast::Receiver<crate::index::Change>,
    told: Arc<Mutex<Told>>,
    until: Instant,
    ready: VecDeque<Event>,
    ended: bool,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

#[derive(Serialize)]
struct RowEvent<'a> {
    id: &'a str,
    name: &'a str,
    verdict: &'static str,
    fields: HashMap<&'static str, &'a str>,
    times: HashMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct MovedEvent {
    moved: bool,
}

/// `GET /live`
pub(crate) async fn stream(
    _viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    RawQuery(raw): RawQuery,
) -> Response {
    let Ok(permit) = Arc::clone(&board.streams.0).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are kept current\n").into_response();
    };
    let one = form_urlencoded::parse(raw.as_deref().unwrap_or_default().as_bytes()).find(|(key, _)| key == "one");
    let node = one.and_then(|(_, id)| state.index.by_id(&id));
    let shown = match &node {
        Some(node) => Shown::Node(node.key, node.report_at),
        None => Shown::List(Box::new(Query::parse(raw.as_deref()))),
    };
    let changes = state.changes.subscribe();
    let now = Instant::now();
    let mut stream = Stream {
        state,
        board,
        changes,
        told: Arc::new(Mutex::new(Told::new(shown, now))),
        until: now + LIFE,
        ready: VecDeque::from([beat()]),
        ended: false,
        _permit: permit,
    };
    stream.look().await;
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    ([("x-accel-buffering", "no")], Sse::new(events)).into_response()
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if Instant::now() >= self.until {
                self.ended = true;
                return Some(Event::default().event("bye").data("{}"));
            }
            let mut ending = self.state.ending.clone();
            let changed = tokio::select! {
                changed = tokio::time::timeout(BEAT, self.changes.recv()) => changed,
                _ = ending.wait_for(|ending| *ending) => return None,
            };
            match changed {
                Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) => {
                    tokio::time::sleep(PACE).await;
                    while !matches!(
                        self.changes.try_recv(),
                        Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed)
                    ) {}
                    self.look().await;
                }
                Ok(Err(broadcast::error::RecvError::Closed)) => self.ended = true,
                Err(_) => {
                    // Waivers run out without anybody telling.
                    self.look().await;
                    self.ready.push_back(beat());
                }
            }
        }
    }

    /// Finds what is not as it was told last. Where the server has no time for that, the next look finds it.
    async fn look(&mut self) {
        let told = Arc::clone(&self.told);
        let news = self.board.draw_at(&self.board.stream_desk, &self.state, move |look| {
            told.lock().unwrap_or_else(PoisonError::into_inner).news(look, Instant::now())
        });
        let news = news.await.unwrap_or_default();
        self.ready.extend(news.iter().filter_map(event_of));
    }
}

fn beat() -> Event {
    Event::default().event("beat").data("{}")
}

fn event_of(news: &News) -> Option<Event> {
    match news {
        News::Tally(tally) => {
            let counts = Standing::ALL.into_iter().map(|standing| (standing.key(), tally.count(standing)));
            event("tally", &counts.chain([("nodes", tally.nodes)]).collect::<HashMap<_, _>>())
        }
        News::Row(row) => event("row", &RowEvent::of(row)),
        News::Moved(moved) => event("moved", &MovedEvent { moved: *moved }),
    }
}

fn event(name: &'static str, body: &impl Serialize) -> Option<Event> {
    // JSON has no line breaks, so that each event is one line of data.
    Some(Event::default().event(name).data(serde_json::to_string(body).ok()?))
}

impl<'a> RowEvent<'a> {
    fn of(row: &'a Row) -> Self {
        let fields = [
            ("word", row.standing.word()),
            ("name", &row.name),
            ("cause", &row.cause),
            ("says", &row.says),
            ("os", &row.os),
            ("build", &row.build),
            ("openclaw", &row.openclaw),
            ("digests", &row.digests),
        ];
        let times = [("since", row.since.iso.as_str()), ("heard", &row.heard.iso)];
        Self {
            id: &row.id,
            name: &row.name,
            verdict: row.standing.key(),
            fields: fields.into_iter().collect(),
            times: times.into_iter().collect(),
        }
    }
}
