//! What a stream has told of, and what is news since.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::look::Look;
use super::super::moment::Moment;
use super::super::nodes::{Row, Tally};
use super::super::query::{Pages, Query};
use super::super::standing::Item;
use crate::index::NodeKey;

/// Least time between two looks at whether rows would stand elsewhere.
const SORT_PACE: Duration = Duration::from_secs(5);

/// What a page shows.
pub(in crate::board) enum Shown {
    /// A page of the list.
    List(Box<Query>),
    /// One node, with the time of the report that the page was drawn from.
    Node(NodeKey, Option<Timestamp>),
}

/// What was told.
pub(in crate::board) struct Told {
    shown: Shown,
    keys: Option<Vec<NodeKey>>,
    rows: HashMap<NodeKey, (Item, Row)>,
    tally: Option<Tally>,
    moved: bool,
    sorted_at: Instant,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::board) enum News {
    /// How many nodes stand how.
    Tally(Tally),
    /// A node that the page shows.
    Row(Box<Row>),
    /// Whether the page would be another one if it were drawn anew.
    Moved(bool),
}

impl Told {
    /// Nothing was told yet of what a page shows.
    pub(in crate::board) fn new(shown: Shown, now: Instant) -> Self {
        Self { shown, keys: None, rows: HashMap::new(), tally: None, moved: false, sorted_at: now }
    }

    /// What is not as it was told last.
    pub(in crate::board) fn news(&mut self, look: &Look, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        if self.tally != Some(look.tally) {
            self.tally = Some(look.tally);
            news.push(News::Tally(look.tally));
        }
        let is_first = self.keys.is_none();
        let keys = self.keys.get_or_insert_with(|| shown(&self.shown, look));
        for key in keys.iter() {
            let Some(item) = look.item(*key) else { continue };
            let known = self.rows.get_mut(key);
            if known.as_ref().is_some_and(|(known, _)| known.is_same(item)) {
                continue;
            }
            let row = Row::of(item, &look.decisions, look.at);
            match known {
                Some((known, told)) if is_same(told, &row) => known.clone_from(item),
                _ => {
                    self.rows.insert(*key, (item.clone(), row.clone()));
                    news.push(News::Row(Box::new(row)));
                }
            }
        }
        let moved = match &self.shown {
            Shown::Node(key, report_at) => look.item(*key).is_none_or(|item| item.node.report_at != *report_at),
            list @ Shown::List(_) if !is_first && now.duration_since(self.sorted_at) >= SORT_PACE => {
                self.sorted_at = now;
                shown(list, look) != *keys
            }
            Shown::List(_) => self.moved,
        };
        if moved != self.moved {
            self.moved = moved;
            news.push(News::Moved(moved));
        }
        news
    }
}

/// The nodes that a page shows.
fn shown(shown: &Shown, look: &Look) -> Vec<NodeKey> {
    match shown {
        Shown::Node(key, _) => vec![*key],
        Shown::List(query) => {
            let picked = look.pick(query);
            let places = picked.get(Pages::of_nodes(picked.len(), query).range()).unwrap_or_default();
            look.these(places).map(|item| item.node.key).collect()
        }
    }
}

/// Whether a reader sees the same, but for ages, which the page counts itself.
fn is_same(one: &Row, other: &Row) -> bool {
    let ageless = |row: &Row| Row {
        since: Moment { age: String::new(), ..row.since.clone() },
        heard: other.heard.clone(),
        ..row.clone()
    };
    // That it was heard of again is told no more often than a beat is worth: with what else changed.
    ageless(one) == ageless(other) && minute(&one.heard.iso) == minute(&other.heard.iso)
}

fn minute(iso: &str) -> &str {
    iso.get(..16).unwrap_or(iso)
}
