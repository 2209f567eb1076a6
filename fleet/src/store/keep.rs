//! What the writer does from time to time: who is absent, what is added up, what is deleted.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::{StoreError, Tx, beat, events, millis};
use crate::Config;
use crate::auth::{AccessChange, Hash};
use crate::config::Retention;
use crate::index::{NodeSummary, Presence};
use crate::series;

/// Most nodes that become absent in one transaction.
const ABSENT: usize = 500;
/// Most entries of the audit.
const AUDIT: i64 = 1_000_000;
/// Most rows of a kind that are deleted in one transaction.
const SLICE: u32 = 2_000;
/// Rows that are dropped at once where the database has reached its bound, and for how long in one transaction: others wait meanwhile.
const DROP: u32 = 200;
const DROPPING: Duration = Duration::from_millis(250);
/// How far the database may grow over its bound before nothing more is taken in, but never by more than the bound again.
const SLACK: u64 = 256 * 1024 * 1024;

/// Marks those as absent that were silent for three beats. Before this server ran for as long, nobody is.
pub(super) fn absent(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let now = tx.now();
    let nodes = tx.shared().index.all();
    // This machine's clock was ahead when they were heard of: they count as heard of now.
    let is_ahead = |node: &&Arc<NodeSummary>| node.last_seen.is_some_and(|seen| seen > now);
    for node in nodes.iter().filter(is_ahead).take(ABSENT) {
        beat::put(tx, NodeSummary { last_seen: Some(now), ..(**node).clone() }, beat::News::default())?;
    }
    let ran = SignedDuration::try_from(tx.shared().started.elapsed()).unwrap_or(SignedDuration::MAX);
    let is_silent = |node: &Arc<NodeSummary>| {
        let beats = SignedDuration::from_secs(i64::from(node.interval_s.max(1)) * NodeSummary::BEATS);
        let silence = node.last_seen.map_or(SignedDuration::MAX, |seen| now.duration_since(seen));
        node.presence == Presence::Present && silence > beats && ran > beats
    };
    for node in nodes.into_iter().filter(is_silent).take(ABSENT) {
        let mut node = Arc::unwrap_or_clone(node);
        node.presence = Presence::Absent;
        node.presence_since = now;
        events::own(tx, node.key, events::ABSENT, now)?;
        beat::put(tx, node, beat::News { changed: true, event: true })?;
    }
    Ok(())
}

/// Adds some series up.
pub(super) fn roll_up(tx: &Tx<'_>, most: u32) -> Result<bool, StoreError> {
    series::advance(tx, &tx.shared().config.retention, millis(tx.now()), most)
}

/// Deletes what is older than it is kept, and some of what is oldest where the database is full.
pub(super) fn prune(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let retention = &tx.shared().config.retention;
    let now = tx.now();
    series::prune(tx, retention, millis(now))?;
    if series::prune_keys(tx, retention, millis(now))? > 0 {
        tx.shared().keys.lock().unwrap_or_else(PoisonError::into_inner).reset();
    }
    let before = |days: u32| millis(now) - i64::from(days) * 24 * 3_600 * 1_000;
    delete_events(tx, before(retention.events_d), SLICE)?;
    tx.execute(
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ? ORDER BY at LIMIT ?)",
        params![before(retention.audit_d), SLICE],
    )?;
    tx.execute("DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?", [AUDIT])?;
    let over: Vec<Hash> = tx
        .connection()
        .prepare_cached("DELETE FROM session WHERE expires_at < ? RETURNING hash")?
        .query_map([millis(now)], |row| Ok(Hash::from_bytes(row.get(0)?)))?
        .collect::<Result<_, _>>()?;
    for hash in over {
        tx.access(AccessChange::SessionEnded(hash));
    }
    tx.execute("DELETE FROM join_code WHERE expires_at < ?", [millis(now)])?;
    let begun = Instant::now();
    let mut dropped: BTreeMap<&'static str, usize> = BTreeMap::new();
    while used(tx)? > retention.database_bytes && begun.elapsed() < DROPPING {
        let Some((kind, rows)) = drop_oldest(tx, retention, now)? else { break };
        *dropped.entry(kind).or_default() += rows;
    }
    if dropped.is_empty() && is_full(tx, &tx.shared().config)? {
        tracing::error!(
            "`retention.database_bytes` is too little: nothing is left to drop, and nothing more is taken in"
        );
    }
    for (kind, rows) in dropped {
        note_dropped(tx, kind, rows)?;
    }
    tx.shared().meter.database(used(tx)?);
    Ok(())
}

/// Refuses what a node sends where the database is so far over its bound that what is oldest must go first.
pub fn room(tx: &Tx<'_>) -> Result<(), StoreError> {
    if is_full(tx, &tx.shared().config)? { Err(StoreError::Overloaded) } else { Ok(()) }
}

/// Whether the database is so far over its bound.
pub(super) fn is_full(connection: &Connection, config: &Config) -> Result<bool, StoreError> {
    let bound = config.retention.database_bytes;
    Ok(used(connection)? > bound.saturating_add(bound.min(SLACK)))
}

/// Bytes of the database that hold something.
fn used(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
    Ok(u64::try_from(pages.saturating_mul(pragma("page_size")?)).unwrap_or_default())
}

/// Drops some rows of the kind whose oldest row has used up most of the time that it is kept for. The kind, and how many rows; none
/// where there are none.
fn drop_oldest(
    tx: &Tx<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Option<(&'static str, usize)>, StoreError> {
    let now = millis(now) / 1_000;
    let day = 24 * 3_600;
    let kinds = [
        (series::MINUTE, i64::from(retention.minutes_h) * 3_600),
        (series::TEN_MINUTES, i64::from(retention.ten_minutes_d) * day),
        (series::TWO_HOURS, i64::from(retention.two_hours_d) * day),
        (0, i64::from(retention.events_d) * day),
    ];
    let mut oldest: Option<(f64, i64)> = None;
    for (seconds, kept) in kinds {
        let start: Option<i64> = if seconds == 0 {
            tx.query_row("SELECT min(at) / 1000 FROM event", [], |row| row.get(0))?
        } else {
            tx.query_row("SELECT min(start) FROM series WHERE seconds = ?", [seconds], |row| row.get(0))?
        };
        #[expect(clippy::cast_precision_loss, reason = "a share of a time")]
        let share = start.map(|start| (now - start) as f64 / kept.max(1) as f64);
        if let Some(share) = share
            && oldest.is_none_or(|(most, _)| share > most)
        {
            oldest = Some((share, seconds));
        }
    }
    let (name, dropped) = match oldest {
        None => return Ok(None),
        Some((_, 0)) => ("events", delete_events(tx, i64::MAX, DROP)?),
        Some((_, seconds)) => ("series", series::delete_before(tx, seconds, i64::MAX, DROP)?),
    };
    Ok((dropped > 0).then_some((name, dropped)))
}

fn note_dropped(tx: &Tx<'_>, name: &'static str, dropped: usize) -> Result<(), StoreError> {
    tracing::warn!(kind = name, rows = dropped, "the database is full: the oldest rows were dropped");
    tx.execute(
        "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        params![format!("dropped.{name}"), i64::try_from(dropped).unwrap_or(i64::MAX)],
    )?;
    tx.shared().meter.dropped(name, dropped as u64);
    Ok(())
}

fn delete_events(connection: &Connection, before: i64, most: u32) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached("DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < ? ORDER BY at LIMIT ?)")?
        .execute(params![before, most])?)
}

/// What was dropped so far, by kind.
pub(super) fn dropped(connection: &Connection) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let value = |name: &str| {
        let sum = "SELECT coalesce(sum(value), 0) FROM counter WHERE name = ?";
        let count = connection.query_row(sum, [format!("dropped.{name}")], |row| row.get::<_, i64>(0));
        count.map(|count| u64::try_from(count).unwrap_or_default())
    };
    Ok(vec![("events", value("events")?), ("series", value("series")?)])
}
