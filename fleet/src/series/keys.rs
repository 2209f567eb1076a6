//! Which number stands for which series.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::Point;
use crate::index::NodeKey;
use crate::store::StoreError;

/// Series that one node may bring up between two starts of the server.
const MAX_NEW: usize = 3_000;
/// How old the note that a series is in use may grow, in milliseconds.
const NOTE: i64 = 24 * 3_600 * 1_000;

/// By name and attributes.
type Known = HashMap<String, HashMap<String, Key>>;

/// All series' names and attributes.
#[derive(Default)]
pub struct Keys {
    known: Option<Known>,
    is_uncommitted: bool,
    count: usize,
    brought_up: HashMap<NodeKey, usize>,
}

struct Key {
    id: u32,
    seen_at: i64,
}

impl Keys {
    /// Forgets what is known: it is read again.
    pub fn reset(&mut self) {
        self.known = None;
    }

    /// What was added since the last call is committed.
    pub fn committed(&mut self) {
        self.is_uncommitted = false;
    }

    /// Work was undone: what was added may be among it. What is read again may be undone as well, until it is committed.
    pub fn undone(&mut self) {
        if self.is_uncommitted {
            self.reset();
        }
    }

    /// The number of a point's series; none where there are too many series.
    pub(super) fn id(
        &mut self,
        connection: &Connection,
        node: NodeKey,
        point: &Point,
        max: usize,
        now: i64,
    ) -> Result<Option<u32>, StoreError> {
        let known = match &mut self.known {
            Some(known) => known,
            None => {
                let (read, count) = read(connection)?;
                self.count = count;
                self.known.insert(read)
            }
        };
        let existing = known.get_mut(&point.name).and_then(|of_name| of_name.get_mut(&point.attributes));
        if let Some(key) = existing {
            if now - key.seen_at > NOTE {
                connection
                    .prepare_cached("UPDATE metric_key SET seen_at = ? WHERE id = ?")?
                    .execute(params![now, key.id])?;
                key.seen_at = now;
            }
            return Ok(Some(key.id));
        }
        let brought_up = self.brought_up.entry(node).or_default();
        if self.count >= max || *brought_up >= MAX_NEW {
            return Ok(None);
        }
        let id = connection
            .prepare_cached(
                "INSERT INTO metric_key (name, attributes, unit, seen_at) VALUES (?, ?, ?, ?)
                 ON CONFLICT (name, attributes) DO UPDATE SET seen_at = excluded.seen_at RETURNING id",
            )?
            .query_row(params![point.name, point.attributes, point.unit, now], |row| row.get(0))?;
        self.is_uncommitted = true;
        *brought_up += 1;
        self.count += 1;
        known.entry(point.name.clone()).or_default().insert(point.attributes.clone(), Key { id, seen_at: now });
        Ok(Some(id))
    }
}

fn read(connection: &Connection) -> Result<(Known, usize), StoreError> {
    let mut known = Known::new();
    let mut count = 0;
    let mut statement = connection.prepare("SELECT name, attributes, id, seen_at FROM metric_key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = Key { id: row.get(2)?, seen_at: row.get(3)? };
        known.entry(row.get(0)?).or_default().insert(row.get(1)?, key);
        count += 1;
    }
    Ok((known, count))
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;

    #[test]
    fn a_name_that_was_read_again_and_never_committed_is_forgotten() {
        let connection = Connection::open_in_memory().unwrap();
        crate::store::schema::migrate(&connection).unwrap();
        let text = |text: &str| text.to_owned();
        let point =
            Point { name: text("a"), attributes: text("{}"), unit: text("1"), at: 0, sample: Sample::Gauge(1.0) };
        let mut keys = Keys::default();
        let bring_up = |keys: &mut Keys| keys.id(&connection, NodeKey(1), &point, 10, 0).unwrap().unwrap();
        connection.execute_batch("BEGIN").unwrap();
        bring_up(&mut keys);
        // Later work of the transaction fails, more work reads the names again, and then the commit fails.
        keys.undone();
        bring_up(&mut keys);
        connection.execute_batch("ROLLBACK").unwrap();
        keys.undone();
        bring_up(&mut keys);
        let count: i64 = connection.query_row("SELECT count(*) FROM metric_key", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }
}
