//! The database's tables, and how an older database becomes a current one.
//!
//! Times are milliseconds since 1970, UTC. Secrets are kept as SHA-256 of 256 random bits.

use rusqlite::Connection;

use super::StoreError;

/// Marks a database as ours: `PRAGMA application_id`.
const APPLICATION: i32 = 0x5052_464c;

/// Each migration leads from the version of its place to the next. Those that were released never change.
const MIGRATIONS: &[&str] = &[V1];

const V1: &str = "
CREATE TABLE node (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    hostname TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE TABLE presence (
    node INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    last_seen INTEGER,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    interval_s INTEGER NOT NULL,
    clock_ahead_s INTEGER,
    lock_wait TEXT
);
CREATE TABLE credential (
    hash BLOB PRIMARY KEY,
    node INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;
CREATE INDEX credential_node ON credential (node);
CREATE TABLE join_code (
    hash BLOB PRIMARY KEY,
    label TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    node TEXT
) WITHOUT ROWID;
CREATE TABLE viewer (
    hash BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;
CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    viewer TEXT NOT NULL REFERENCES viewer (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_viewer ON session (viewer);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
-- The current report of each node: `brief` for the index, `body` the whole of it, JSON, deflated.
CREATE TABLE report (
    node INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    at INTEGER NOT NULL,
    verdict_since INTEGER NOT NULL,
    brief TEXT NOT NULL,
    body BLOB NOT NULL
);
-- `uid` is `log.record.uid`, by which each counts once; `body` JSON, none where the report itself is the body.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    uid BLOB NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    name TEXT NOT NULL,
    severity INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    body TEXT
);
CREATE UNIQUE INDEX event_uid ON event (node, uid);
CREATE INDEX event_node ON event (node, at);
CREATE INDEX event_name ON event (name, at);
CREATE INDEX event_at ON event (at);
-- What a number in a series' row stands for.
CREATE TABLE metric_key (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    unit TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    UNIQUE (name, attributes)
);
-- All series of a node in one bucket, `seconds` long. Node 0 is all nodes.
CREATE TABLE series (
    seconds INTEGER NOT NULL,
    start INTEGER NOT NULL,
    node INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (seconds, start, node)
) WITHOUT ROWID;
-- Where each cumulative series of a node stood when it was last rolled up.
CREATE TABLE series_tail (
    node INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE series_due (
    start INTEGER NOT NULL,
    node INTEGER NOT NULL,
    PRIMARY KEY (start, node)
) WITHOUT ROWID;
-- What people decided on the board. It never travels to a node.
CREATE TABLE waiver (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER REFERENCES node ON DELETE CASCADE,
    code TEXT NOT NULL,
    subject TEXT,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT
);
CREATE INDEX waiver_node ON waiver (node);
CREATE TABLE acknowledgement (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    code TEXT NOT NULL,
    subject TEXT,
    note TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT
);
CREATE INDEX acknowledgement_node ON acknowledgement (node);
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT
);
CREATE INDEX maintenance_node ON maintenance (node);
-- Counts that survive a restart: what was dropped for want of room.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
";

/// The version that this program writes.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are a handful")]
pub const VERSION: i32 = MIGRATIONS.len() as i32;

/// Version of a database, where it is one of ours; `0` for an empty one.
pub fn version(connection: &Connection) -> Result<i32, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application = pragma("application_id").map_err(StoreError::Open)?;
    let version = pragma("user_version").map_err(StoreError::Open)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(StoreError::Open)?;
    match application {
        APPLICATION if version > VERSION => Err(StoreError::Newer { found: version, known: VERSION }),
        APPLICATION => Ok(version),
        0 if version == 0 && tables == 0 => Ok(0),
        _ => Err(StoreError::Foreign),
    }
}

/// Makes a database current. All of it, or nothing.
pub fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let from = usize::try_from(version(connection)?).unwrap_or_default();
    if from == MIGRATIONS.len() {
        return Ok(());
    }
    let mut script = String::from("BEGIN IMMEDIATE;");
    for migration in MIGRATIONS.iter().skip(from) {
        script.push_str(migration);
    }
    script.push_str(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"));
    connection.execute_batch(&script).map_err(|source| {
        let _ = connection.execute_batch("ROLLBACK");
        StoreError::Migrate(source)
    })
}
