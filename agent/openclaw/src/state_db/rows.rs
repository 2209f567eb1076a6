//! Reads rows of tables whose columns come and go with the schema's version.

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row};
use serde::{Deserialize, Serialize};

use crate::log::redact;

/// Most rows that are read of a table.
pub(super) const MAX_ROWS: usize = 1000;

/// Longest text that is kept of a value, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// How a table could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableState {
    /// All rows.
    Complete,
    /// The newest rows; there are more.
    Truncated,
    /// This schema has no such table, or none with the columns that it cannot do without.
    Missing,
    /// The rows up to a damaged place, or up to the limit of what reading may cost.
    Damaged,
}

/// The rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether these are all.
    pub state: TableState,
}

impl<T> Rows<T> {
    fn empty(state: TableState) -> Self {
        Self { rows: Vec::new(), state }
    }
}

/// What to read of a table.
pub(super) struct Select {
    pub(super) table: &'static str,
    /// Columns without which a row means nothing.
    pub(super) needed: &'static [&'static str],
    /// Columns, or expressions over one column: `(column, expression)`. What the schema lacks reads as null.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// A column to sort by, newest first.
    pub(super) newest_by: &'static str,
    /// A condition over needed columns, or empty.
    pub(super) condition: &'static str,
}

/// One row.
pub(super) struct Cells<'a>(&'a Row<'a>);

impl Cells<'_> {
    fn value(&self, at: usize) -> ValueRef<'_> {
        self.0.get_ref(at).unwrap_or(ValueRef::Null)
    }

    /// The raw text, for JSON that is looked into and not kept.
    pub(super) fn raw(&self, at: usize) -> Option<&str> {
        self.value(at).as_str().ok()
    }

    /// A text for people: redacted and bounded.
    pub(super) fn text(&self, at: usize) -> Option<String> {
        self.raw(at).map(|text| redact(text, MAX_VALUE_BYTES))
    }

    /// A public id.
    pub(super) fn id(&self, at: usize) -> Option<String> {
        self.raw(at).map(identifier)
    }

    pub(super) fn integer(&self, at: usize) -> Option<i64> {
        match self.value(at) {
            ValueRef::Integer(integer) => Some(integer),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, and times are far below the limit")]
            ValueRef::Real(real) => Some(real as i64),
            _ => None,
        }
    }

    pub(super) fn number<N: TryFrom<i64>>(&self, at: usize) -> Option<N> {
        self.integer(at).and_then(|integer| N::try_from(integer).ok())
    }

    pub(super) fn flag(&self, at: usize) -> Option<bool> {
        self.integer(at).map(|integer| integer != 0)
    }

    /// Milliseconds since the epoch.
    pub(super) fn time(&self, at: usize) -> Option<Timestamp> {
        self.integer(at).and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }

    /// A JSON array of strings.
    pub(super) fn list(&self, at: usize) -> Vec<String> {
        let Some(Ok(serde_json::Value::Array(items))) = self.raw(at).map(serde_json::from_str) else {
            return Vec::new();
        };
        items.iter().filter_map(|item| item.as_str()).take(64).map(|item| redact(item, 64)).collect()
    }
}

/// Keeps a public id: a SHA-256 in hex (a device) as it stands, anything else as text, whose redaction leaves UUIDs and words.
pub(super) fn identifier(text: &str) -> String {
    let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    if is_hash { text.to_owned() } else { redact(text, MAX_VALUE_BYTES) }
}

/// Reads the rows of a table, newest first.
pub(super) fn read<T>(db: &Connection, select: &Select, make: impl Fn(&Cells<'_>) -> T) -> Rows<T> {
    match try_read(db, select, make) {
        Ok(rows) => rows,
        Err(_) => Rows::empty(TableState::Damaged),
    }
}

fn try_read<T>(db: &Connection, select: &Select, make: impl Fn(&Cells<'_>) -> T) -> rusqlite::Result<Rows<T>> {
    // A view or a virtual table under this name would run code of whoever wrote the file.
    let sql: Option<String> = match db.query_row(
        "SELECT substr(sql, 1, 13) FROM sqlite_schema WHERE type = 'table' AND name = ?1",
        [select.table],
        |row| row.get(0),
    ) {
        Err(rusqlite::Error::QueryReturnedNoRows) => None,
        other => other?,
    };
    if !sql.is_some_and(|sql| sql.eq_ignore_ascii_case("CREATE TABLE ")) {
        return Ok(Rows::empty(TableState::Missing));
    }
    let mut present = Vec::new();
    let mut info = db.prepare("SELECT name FROM pragma_table_xinfo(?1)")?;
    let mut names = info.query([select.table])?;
    while let Some(row) = names.next()? {
        present.push(row.get::<_, String>(0)?);
    }
    let has = |column: &str| present.iter().any(|name| name == column);
    if !select.needed.iter().all(|column| has(column)) {
        return Ok(Rows::empty(TableState::Missing));
    }
    let columns: Vec<&str> =
        select.columns.iter().map(|(column, expression)| if has(column) { *expression } else { "NULL" }).collect();
    let condition = if select.condition.is_empty() { String::new() } else { format!(" WHERE {}", select.condition) };
    let order = if has(select.newest_by) { format!(" ORDER BY {} DESC", select.newest_by) } else { String::new() };
    let statement =
        format!("SELECT {} FROM main.{}{condition}{order} LIMIT {}", columns.join(", "), select.table, MAX_ROWS + 1);
    let mut statement = db.prepare(&statement)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    let mut state = TableState::Complete;
    loop {
        match found.next() {
            Ok(None) => break,
            Ok(Some(_)) if rows.len() == MAX_ROWS => {
                state = TableState::Truncated;
                break;
            }
            Ok(Some(row)) => rows.push(make(&Cells(row))),
            Err(_) => {
                state = TableState::Damaged;
                break;
            }
        }
    }
    Ok(Rows { rows, state })
}

/// Whether an error means that the file is no database at all.
pub(super) fn is_not_a_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::NotADatabase)
}
