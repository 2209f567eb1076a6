//! Changes as they happen, as server-sent events: counts, and the rows that a page shows.

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
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Semaphore, broadcast};

use super::Board;
use super::decisions::Decisions;
use super::nodes::{Row, Tally, items};
use super::query::{Pages, Query, ROWS};
use super::standing::{Item, Standing};
use crate::AppState;
use crate::auth::Viewer;
use crate::index::NodeKey;

/// Streams at once.
const MOST: usize = 512;
/// Least time between two looks of one stream, and how long all streams share one look.
const PACE: Duration = Duration::from_secs(1);
/// After so long without news a beat says that the stream lives.
const BEAT: Duration = Duration::from_secs(10);
/// Least time between two looks at whether rows would stand elsewhere.
const SORT_PACE: Duration = Duration::from_secs(5);
/// A stream ends after so long; the page asks for a new one, and is asked anew who it is of.
const LIFE: Duration = Duration::from_mins(10);

/// What streams share.
pub(crate) struct Watch {
    permits: Arc<Semaphore>,
    last: Mutex<Option<(Instant, Arc<Look>)>>,
}

/// All nodes at one time.
struct Look {
    items: HashMap<NodeKey, Item>,
    decisions: Arc<Decisions>,
    tally: Tally,
    at: Timestamp,
}

impl Default for Watch {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MOST)), last: Mutex::default() }
    }
}

impl Watch {
    async fn look(&self, board: &Board, state: &AppState) -> Option<Arc<Look>> {
        let fresh = || {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.as_ref().filter(|(at, _)| at.elapsed() < PACE / 2).map(|(_, look)| Arc::clone(look))
        };
        if let Some(look) = fresh() {
            return Some(look);
        }
        let decisions = board.decisions(state).await.ok()?;
        if let Some(look) = fresh() {
            return Some(look);
        }
        let at = Timestamp::now();
        let items = items(state, &decisions, at);
        let tally = Tally::of(&items);
        let items = items.into_iter().map(|item| (item.node.key, item)).collect();
        let look = Arc::new(Look { items, decisions, tally, at });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&look)));
        Some(look)
    }
}

/// What a page shows.
enum Shown {
    /// A page of the list.
    List(Box<Query>),
    /// One node.
    Node(NodeKey),
}

struct Stream {
    state: AppState,
    board: Arc<Board>,
    changes: broadcast::Receiver<crate::index::Change>,
    shown: Shown,
    rows: Vec<(NodeKey, Row)>,
    report_at: Option<Timestamp>,
    tally: Option<Tally>,
    moved: bool,
    sorted_at: Instant,
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
    let Ok(permit) = Arc::clone(&board.live.permits).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are kept current\n").into_response();
    };
    let one = form_urlencoded::parse(raw.as_deref().unwrap_or_default().as_bytes()).find(|(key, _)| key == "one");
    let node = one.and_then(|(_, id)| state.index.by_id(&id));
    let shown = match &node {
        Some(node) => Shown::Node(node.key),
        None => Shown::List(Box::new(Query::parse(raw.as_deref()))),
    };
    let changes = state.changes.subscribe();
    let now = Instant::now();
    let mut stream = Stream {
        state,
        board,
        changes,
        shown,
        rows: Vec::new(),
        report_at: node.and_then(|node| node.report_at),
        tally: None,
        moved: false,
        sorted_at: now,
        until: now + LIFE,
        ready: VecDeque::from([Event::default().event("beat").data("{}")]),
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
                    self.ready.push_back(Event::default().event("beat").data("{}"));
                }
            }
        }
    }

    /// Finds what is not as it was told last.
    async fn look(&mut self) {
        let Some(look) = self.board.live.look(&self.board, &self.state).await else { return };
        if self.tally != Some(look.tally) {
            self.tally = Some(look.tally);
            let mut counts: HashMap<&str, usize> =
                Standing::ALL.into_iter().map(|standing| (standing.key(), look.tally.count(standing))).collect();
            counts.insert("nodes", look.tally.nodes);
            self.tell("tally", &counts);
        }
        let first = self.rows.is_empty();
        let keys: Vec<NodeKey> = match &self.shown {
            Shown::Node(key) => vec![*key],
            Shown::List(query) if first => shown(query, &look),
            Shown::List(_) => self.rows.iter().map(|(key, _)| *key).collect(),
        };
        let rows: Vec<(NodeKey, Row)> = keys
            .iter()
            .filter_map(|key| Some((*key, Row::of(look.items.get(key)?, &look.decisions, look.at))))
            .collect();
        let mut events = Vec::new();
        for (key, row) in &rows {
            let before = self.rows.iter().find(|(other, _)| other == key).map(|(_, row)| row);
            if first || before.is_some_and(|before| !is_same(before, row)) {
                events.push(RowEvent::of(row).to_event());
            }
        }
        self.ready.extend(events.into_iter().flatten());
        let gone = !first && rows.len() < self.rows.len();
        if !gone {
            self.rows = rows;
        }
        let moved = match &self.shown {
            Shown::Node(key) => look.items.get(key).is_none_or(|item| item.node.report_at != self.report_at),
            Shown::List(query) if !first && self.sorted_at.elapsed() >= SORT_PACE => {
                self.sorted_at = Instant::now();
                shown(query, &look) != keys
            }
            Shown::List(_) => self.moved,
        };
        if moved != self.moved {
            self.moved = moved;
            self.tell("moved", &MovedEvent { moved });
        }
    }

    fn tell(&mut self, name: &'static str, body: &impl Serialize) {
        self.ready.extend(event(name, body));
    }
}

/// The nodes that a page of the list shows.
fn shown(query: &Query, look: &Look) -> Vec<NodeKey> {
    let picked = query.pick(look.items.values().cloned().collect(), look.at);
    let pages = Pages::new(picked.len(), ROWS, query.page, "nodes", |_| String::new());
    picked.get(pages.range()).unwrap_or_default().iter().map(|item| item.node.key).collect()
}

/// Whether a reader sees the same, but for ages, which the page counts itself.
fn is_same(one: &Row, other: &Row) -> bool {
    let ageless = |row: &Row| Row {
        since: super::moment::Moment { age: String::new(), ..row.since.clone() },
        heard: other.heard.clone(),
        ..row.clone()
    };
    // That it was heard of again is told no more often than a beat is worth: with what else changed.
    ageless(one) == ageless(other) && minute(&one.heard.iso) == minute(&other.heard.iso)
}

fn minute(iso: &str) -> &str {
    iso.get(..16).unwrap_or(iso)
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

    fn to_event(&self) -> Option<Event> {
        event("row", self)
    }
}
