//! The rows of a table, read from the bytes of a database without SQLite.
//!
//! Only what a small table needs: table B-trees with their overflow pages, in the form that SQLite has kept since 2004
//! (<https://www.sqlite.org/fileformat2.html>). A damaged file gives fewer rows and never an endless walk.

use super::StateDbError;
use super::wal::Overlay;

/// Most pages looked at in one walk.
const MAX_PAGES: usize = 16_384;
/// Most rows kept of one table.
const MAX_ROWS: usize = 1_000;
/// Longest record that is put together, in bytes; a device's key, a token and the text of a table's schema are far below it.
const MAX_RECORD: usize = 1 << 16;
/// Most values of a row, each of which costs more than the byte that it may take in the file.
const MAX_COLUMNS: usize = 256;
/// Deepest B-tree; one of this depth holds more than any disk.
const MAX_DEPTH: usize = 20;

const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;

/// A value of a row, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    /// A number with a fraction, or bytes.
    Other,
}

impl Cell {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// A table: the names of its columns in small letters, and its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The values of a column, row by row; none where there is no such column. A column that was added later is null in earlier rows.
    pub(super) fn column<'a>(&'a self, name: &str) -> Option<impl Iterator<Item = &'a Cell> + use<'a>> {
        let index = self.columns.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(move |row| row.get(index).unwrap_or(&Cell::Null)))
    }
}

/// A database with its log laid over it, page by page.
pub(super) struct Pages<'a> {
    overlay: Overlay<'a>,
    page_size: usize,
    /// Bytes of a page without what is reserved at its end.
    usable: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(overlay: Overlay<'a>) -> Result<Self, StateDbError> {
        let mut pages = Self { overlay, page_size: 512, usable: 512 };
        let head = pages.page(1).ok_or(StateDbError::NotADatabase)?;
        let page_size = match u16::from_be_bytes(array(head, 16).ok_or(StateDbError::NotADatabase)?) {
            1 => 65536,
            size => usize::from(size),
        };
        let reserved = usize::from(head.get(20).copied().unwrap_or_default());
        let is_utf8 = array(head, 56).map(u32::from_be_bytes) == Some(1);
        if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() || page_size - reserved < 480 || !is_utf8
        {
            return Err(StateDbError::NotADatabase);
        }
        pages.page_size = page_size;
        pages.usable = page_size - reserved;
        Ok(pages)
    }

    /// The table of this name; none where there is no such table.
    pub(super) fn table(&self, name: &str) -> Option<Table> {
        // type, name, tbl_name, rootpage, sql
        let schema = self.rows(1);
        let entry = schema.iter().find(|row| {
            let is = |index: usize, wanted: &str| {
                row.get(index).and_then(Cell::text).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            };
            is(0, "table") && is(1, name)
        })?;
        let columns = columns(entry.get(4)?.text()?)?;
        let root = usize::try_from(entry.get(3)?.integer()?).ok()?;
        Some(Table { columns, rows: self.rows(root) })
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let at = number.checked_sub(1)?.checked_mul(self.page_size)?;
        self.overlay.bytes(at, self.page_size)
    }

    fn rows(&self, root: usize) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut left = MAX_PAGES;
        self.walk(root, MAX_DEPTH, &mut left, &mut rows);
        rows
    }

    fn walk(&self, number: usize, depth: usize, left: &mut usize, rows: &mut Vec<Vec<Cell>>) -> Option<()> {
        *left = left.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        let page = self.page(number)?;
        // The first page begins with the header of the file.
        let head = if number == 1 { 100 } else { 0 };
        let kind = *page.get(head)?;
        let cells = usize::from(u16::from_be_bytes(array(page, head + 3)?));
        let pointers = head + if kind == INTERIOR { 12 } else { 8 };
        for index in 0..cells {
            if rows.len() >= MAX_ROWS {
                return None;
            }
            let Some(at) = array(page, pointers + index * 2).map(|at| usize::from(u16::from_be_bytes(at))) else {
                break;
            };
            match kind {
                INTERIOR => {
                    let child = array(page, at).map(u32::from_be_bytes)?;
                    self.walk(usize::try_from(child).ok()?, depth, left, rows);
                }
                LEAF => rows.extend(self.record(page, at, left).and_then(|record| cells_of(&record))),
                _ => return None,
            }
        }
        if kind == INTERIOR {
            let right = array(page, head + 8).map(u32::from_be_bytes)?;
            self.walk(usize::try_from(right).ok()?, depth, left, rows);
        }
        Some(())
    }

    /// The record of a leaf's cell, with what lies on overflow pages.
    fn record(&self, page: &[u8], at: usize, left: &mut usize) -> Option<Vec<u8>> {
        let (length, used) = varint(page.get(at..)?)?;
        let at = at + used;
        let (_, used) = varint(page.get(at..)?)?;
        let at = at + used;
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_RECORD)?;
        let most = self.usable - 35;
        if length <= most {
            return page.get(at..at + length).map(<[u8]>::to_vec);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        let here = if fitting <= most { fitting } else { least };
        let mut record = page.get(at..at + here)?.to_vec();
        let mut next = u32::from_be_bytes(array(page, at + here)?);
        while record.len() < length {
            *left = left.checked_sub(1)?;
            let page = self.page(usize::try_from(next).ok()?)?;
            let wanted = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(page.get(4..4 + wanted)?);
            next = u32::from_be_bytes(array(page, 0)?);
        }
        Some(record)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// SQLite's number of one to nine bytes, and how many they are.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for index in 0..8 {
        let byte = *bytes.get(index)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

fn cells_of(record: &[u8]) -> Option<Vec<Cell>> {
    let (head, mut at) = varint(record)?;
    let head = usize::try_from(head).ok()?;
    let mut body = head;
    let mut cells = Vec::new();
    while at < head {
        if cells.len() == MAX_COLUMNS {
            return None;
        }
        let (kind, used) = varint(record.get(at..)?)?;
        at += used;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = record.get(body..body.checked_add(length)?)?;
        body += length;
        cells.push(match kind {
            0 => Cell::Null,
            8 => Cell::Integer(0),
            9 => Cell::Integer(1),
            1..=6 => Cell::Integer(integer(bytes)),
            kind if kind >= 13 && kind % 2 == 1 => Cell::Text(String::from_utf8_lossy(bytes).into_owned()),
            _ => Cell::Other,
        });
    }
    Some(cells)
}

/// A big-endian number with a sign, of at most eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| value << 8 | i64::from(*byte))
}

/// The columns of a `CREATE TABLE` in small letters; none for a table whose rows are kept in another form.
fn columns(sql: &str) -> Option<Vec<String>> {
    let (_, rest) = sql.split_once('(')?;
    let (body, tail) = rest.rsplit_once(')')?;
    if tail.to_ascii_uppercase().contains("WITHOUT") {
        return None;
    }
    let mut definitions = vec![String::new()];
    let (mut depth, mut quote) = (0_u32, None);
    for letter in body.chars() {
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '[') => quote = Some(']'),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                definitions.push(String::new());
                continue;
            }
            _ => {}
        }
        definitions.last_mut()?.push(letter);
    }
    let names = definitions.iter().filter_map(|definition| {
        let word = definition.split_ascii_whitespace().next()?;
        let name = word.trim_matches(['"', '`', '[', ']', '\'']).to_ascii_lowercase();
        let constraint = ["constraint", "primary", "unique", "check", "foreign"];
        (word.starts_with(['"', '`', '[']) || !constraint.contains(&name.as_str())).then_some(name)
    });
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read() {
        assert_eq!(varint(&[0x7f]), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0x80; 8]), None);
        assert_eq!((integer(&[0xff]), integer(&[0x01, 0x00]), integer(&[])), (-1, 256, 0));
    }

    #[test]
    fn a_row_of_countless_nulls_is_none() {
        // The length of the head in two bytes, then a null a byte.
        let record = |nulls: usize| {
            let head = nulls + 2;
            let first = u8::try_from(head >> 7).unwrap() | 0x80;
            [vec![first, u8::try_from(head & 0x7f).unwrap()], vec![0; nulls]].concat()
        };
        assert_eq!(cells_of(&record(MAX_COLUMNS)).unwrap().len(), MAX_COLUMNS);
        assert_eq!(cells_of(&record(MAX_COLUMNS + 1)), None);
    }

    #[test]
    fn columns_are_told_from_constraints() {
        let sql = "CREATE TABLE \"t\" (id TEXT NOT NULL CHECK (id IN ('a,(', 'b')), \"primary\" INTEGER,\n [x y] TEXT,PRIMARY KEY (id, x)) STRICT";
        assert_eq!(columns(sql).unwrap(), ["id", "primary", "x"]);
        assert_eq!(columns("CREATE TABLE t (id TEXT PRIMARY KEY) WITHOUT ROWID"), None);
        assert_eq!(columns("CREATE TABLE t AS SELECT 1"), None);
    }
}
