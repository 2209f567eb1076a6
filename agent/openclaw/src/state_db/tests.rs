use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const SCHEMA: &str = "
CREATE TABLE state_leases (scope TEXT NOT NULL, lease_key TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER,
  heartbeat_at INTEGER, payload_json TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  PRIMARY KEY (scope, lease_key)) STRICT;
CREATE TABLE gateway_boot_lifecycle (boot_id TEXT NOT NULL PRIMARY KEY, pid INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,
  completed_at_ms INTEGER, outcome TEXT, startup_reason TEXT, reason TEXT) STRICT;
CREATE TABLE device_identities (identity_key TEXT NOT NULL PRIMARY KEY, device_id TEXT NOT NULL, public_key_pem TEXT NOT NULL,
  private_key_pem TEXT NOT NULL, created_at_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE device_auth_tokens (device_id TEXT NOT NULL, role TEXT NOT NULL, token TEXT NOT NULL, scopes_json TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL, PRIMARY KEY (device_id, role)) STRICT;
CREATE TABLE device_pairing_pending (request_id TEXT NOT NULL PRIMARY KEY, device_id TEXT NOT NULL, public_key TEXT NOT NULL,
  display_name TEXT, platform TEXT, device_family TEXT, client_id TEXT, client_mode TEXT, browser_origin TEXT, role TEXT,
  roles_json TEXT, scopes_json TEXT, remote_ip TEXT, silent INTEGER, is_repair INTEGER, ts INTEGER NOT NULL,
  refreshed_at_ms INTEGER) STRICT;
CREATE TABLE device_pairing_paired (device_id TEXT NOT NULL PRIMARY KEY, public_key TEXT NOT NULL, display_name TEXT,
  platform TEXT, client_id TEXT, client_mode TEXT, role TEXT, roles_json TEXT, scopes_json TEXT, approved_scopes_json TEXT,
  tokens_json TEXT, approved_via TEXT, created_at_ms INTEGER NOT NULL, approved_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER) STRICT;
CREATE TABLE gateway_restart_sentinel (sentinel_key TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, kind TEXT NOT NULL,
  status TEXT NOT NULL, ts INTEGER NOT NULL, message TEXT, doctor_hint TEXT, payload_json TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE agent_databases (agent_id TEXT NOT NULL, path TEXT NOT NULL, schema_version INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL, size_bytes INTEGER, PRIMARY KEY (agent_id, path)) STRICT;
";

const SECRET: &str = "planted4f9d0c1e2b3a49586776859493a2b1c0d9e8f7a6";

const ROWS: &str = "
INSERT INTO state_leases VALUES ('gateway-owner','global','9bbaa2bd-16e1-42af-b15a-edc04571ac80',1795248033664,1795247733664,
  '{\"owner\":{\"pid\":10256,\"host\":\"vm\",\"startedAt\":80507},\"port\":33871,\"mode\":\"supervised\",\"supervisor\":{\"kind\":\"launchd\",\"name\":\"ai.openclaw.gateway\"}}',
  1795247673388,1795247733664), ('other','global','x',NULL,NULL,NULL,1,1);
INSERT INTO gateway_boot_lifecycle VALUES ('b1',10256,1795247673675,1795247852373,'clean_stop',NULL,'stop (SIGTERM)'),
  ('b2',10300,1795247900000,NULL,NULL,NULL,NULL);
INSERT INTO device_identities VALUES ('primary','bd8086f22bd8fe776173f32a320dcb990f75b7fe3fc0c7e8ed1ec93a17d1df36','SECRET','SECRET',1795247677591,1795247677591);
INSERT INTO device_auth_tokens VALUES ('bd80','operator','SECRET','[\"operator.read\"]',1795247677591);
INSERT INTO device_pairing_pending VALUES ('d4a7ec7b-4f18-45b2-abf5-7d5bdc842796','8beb','SECRET','box','linux',NULL,'cli','cli',NULL,
  'operator','[\"operator\"]','[\"operator.read\"]','198.51.100.2',0,0,1795247677591,NULL);
INSERT INTO device_pairing_paired VALUES ('8bec','SECRET','box','linux','cli','cli','operator','[\"operator\"]','[\"operator.read\"]',
  '[\"operator.read\"]','{\"operator\":\"SECRET\"}','cli',1795247677591,1795247677592,NULL);
INSERT INTO gateway_restart_sentinel VALUES ('gateway',1,'update','ok',1795247677591,'token SECRET','run doctor','SECRET',1);
INSERT INTO agent_databases VALUES ('main','/Users/op/.openclaw/agents/main/agent/openclaw-agent.sqlite',23,1795247677591,4096);
PRAGMA user_version = 18;
";

/// Makes a database with an open connection, so that the log is not moved into it; returns the bytes of both.
fn make(dir: &Path, batches: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let path = dir.join("openclaw.sqlite");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
    for batch in batches {
        db.execute_batch(&batch.replace("SECRET", SECRET)).unwrap();
    }
    let database = fs::read(&path).unwrap();
    let log = fs::read(dir.join("openclaw.sqlite-wal")).unwrap();
    drop(db);
    (database, log)
}

static SAMPLE: LazyLock<(Vec<u8>, Vec<u8>)> =
    LazyLock::new(|| make(tempfile::tempdir().unwrap().path(), &[SCHEMA, ROWS]));

#[test]
fn reads_what_is_only_in_the_log() {
    let (database, log) = &*SAMPLE;
    let state = read(database, Some(log), DEFAULT_MAX_BYTES).unwrap();
    let shown = serde_json::to_string(&state).unwrap();
    assert!(!shown.contains(SECRET) && !format!("{state:?}").contains(SECRET), "{shown}");
    assert!(matches!(state.wal, WalUse::Applied { frames: 1.., dropped_bytes: 0 }));
    assert_eq!((state.schema_version, state.port_guardians.state), (18, TableState::Missing));
    let lines = [
        serde_json::to_string(&state.owner_leases),
        serde_json::to_string(&state.boots),
        serde_json::to_string(&state.own_devices),
        serde_json::to_string(&state.paired),
        serde_json::to_string(&state.pending),
        serde_json::to_string(&state.auth_tokens),
        serde_json::to_string(&state.restart_sentinels),
        serde_json::to_string(&state.agent_databases),
    ]
    .map(Result::unwrap);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"rows":[{"owner_id":"9bbaa2bd-16e1-42af-b15a-edc04571ac80","pid":10256,"host":"vm","start_time":80507,"port":33871,"mode":"supervised","supervisor":{"kind":"launchd","name":"ai.openclaw.gateway"},"created_at":"2026-11-21T07:54:33.388Z","heartbeat_at":"2026-11-21T07:55:33.664Z","expires_at":"2026-11-21T08:00:33.664Z"}],"state":"complete"}
    {"rows":[{"id":"b2","pid":10300,"started_at":"2026-11-21T07:58:20Z","completed_at":null,"outcome":null,"reason":null},{"id":"b1","pid":10256,"started_at":"2026-11-21T07:54:33.675Z","completed_at":"2026-11-21T07:57:32.373Z","outcome":"clean_stop","reason":"stop (SIGTERM)"}],"state":"complete"}
    {"rows":[{"key":"primary","device_id":"bd8086f22bd8fe776173f32a320dcb990f75b7fe3fc0c7e8ed1ec93a17d1df36","created_at":"2026-11-21T07:54:37.591Z"}],"state":"complete"}
    {"rows":[{"device_id":"8bec","display_name":"box","platform":"linux","client_id":"cli","client_mode":"cli","role":"operator","roles":["operator"],"scopes":["operator.read"],"approved_scopes":["operator.read"],"approved_via":"cli","has_tokens":true,"created_at":"2026-11-21T07:54:37.591Z","approved_at":"2026-11-21T07:54:37.592Z","last_seen_at":null}],"state":"complete"}
    {"rows":[{"request_id":"d4a7ec7b-4f18-45b2-abf5-7d5bdc842796","device_id":"8beb","display_name":"box","platform":"linux","client_id":"cli","client_mode":"cli","role":"operator","scopes":["operator.read"],"remote_ip":"198.51.100.2","is_repair":false,"requested_at":"2026-11-21T07:54:37.591Z","refreshed_at":null}],"state":"complete"}
    {"rows":[{"device_id":"bd80","role":"operator","scopes":["operator.read"],"is_present":true,"updated_at":"2026-11-21T07:54:37.591Z"}],"state":"complete"}
    {"rows":[{"kind":"update","status":"ok","at":"2026-11-21T07:54:37.591Z","message":"token ***","hint":"run doctor"}],"state":"complete"}
    {"rows":[{"agent_id":"main","path":"/Users/op/.openclaw/agents/main/agent/openclaw-agent.sqlite","last_seen_at":"2026-11-21T07:54:37.591Z"}],"state":"complete"}
    "#);
}

#[test]
fn without_its_log_the_database_is_as_it_was() {
    let (database, _) = &*SAMPLE;
    let state = read(database, None, DEFAULT_MAX_BYTES).unwrap();
    assert_eq!((state.schema_version, state.wal, state.boots.state), (0, WalUse::Absent, TableState::Missing));
}

#[test]
fn a_torn_log_counts_up_to_its_last_commit() {
    let (database, log) =
        make(tempfile::tempdir().unwrap().path(), &[SCHEMA, "PRAGMA user_version = 7", "PRAGMA user_version = 8"]);
    let version = |log: &[u8]| read(&database, Some(log), DEFAULT_MAX_BYTES).unwrap().schema_version;
    assert_eq!(version(&log), 8);
    assert_eq!(version(&log[..log.len() - 1]), 7);
    let mut flipped = log.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(version(&flipped), 7);
    // Frames of an earlier generation behind the last commit are no part of the log.
    let mut longer = log.clone();
    longer.extend_from_slice(&log[WAL_HEADER_BYTES..]);
    assert_eq!(version(&longer), 8);
    let mut header = log;
    header[20] ^= 1;
    let state = read(&database, Some(&header), DEFAULT_MAX_BYTES).unwrap();
    assert_eq!((state.wal, state.schema_version), (WalUse::Ignored, 0));
}

#[test]
fn a_checkpointed_part_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("openclaw.sqlite");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode = WAL; {SCHEMA}")).unwrap();
    let before = WalHeader::parse(&fs::read(dir.path().join("openclaw.sqlite-wal")).unwrap()).unwrap();
    db.execute_batch(&format!("{ROWS} PRAGMA wal_checkpoint(PASSIVE); PRAGMA user_version = 19;")).unwrap();
    let (database, log) = (fs::read(&path).unwrap(), fs::read(dir.path().join("openclaw.sqlite-wal")).unwrap());
    let state = read(&database, Some(&log), DEFAULT_MAX_BYTES).unwrap();
    assert_eq!((state.schema_version, state.boots.rows.len()), (19, 2));
    // The log was begun anew, and its header tells.
    assert_ne!(WalHeader::parse(&log), Some(before));
}

#[test]
fn other_schemas_are_read_as_far_as_they_go() {
    let (database, log) = make(
        tempfile::tempdir().unwrap().path(),
        &[
            "CREATE TABLE gateway_boot_lifecycle (started_at_ms INTEGER, novel TEXT); INSERT INTO gateway_boot_lifecycle VALUES (5, 'x');
             CREATE TABLE device_identities (renamed TEXT);
             CREATE VIEW device_pairing_paired AS WITH RECURSIVE n(device_id) AS (SELECT 1 UNION ALL SELECT device_id + 1 FROM n) SELECT * FROM n;",
        ],
    );
    let state = read(&database, Some(&log), DEFAULT_MAX_BYTES).unwrap();
    assert_eq!(state.boots.rows.len(), 1);
    assert_eq!(state.boots.rows.first().unwrap().started_at.unwrap().as_millisecond(), 5);
    assert_eq!(state.own_devices.state, TableState::Missing);
    assert_eq!(state.paired.state, TableState::Missing);
    assert_eq!(state.owner_leases.state, TableState::Missing);
}

#[test]
fn many_rows_are_cut_to_the_newest() {
    let (database, log) = make(
        tempfile::tempdir().unwrap().path(),
        &[
            SCHEMA,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO gateway_boot_lifecycle SELECT 'b' || i, i, i, NULL, NULL, NULL, NULL FROM n;",
        ],
    );
    let boots = read(&database, Some(&log), DEFAULT_MAX_BYTES).unwrap().boots;
    assert_eq!((boots.state, boots.rows.len()), (TableState::Truncated, rows::MAX_ROWS));
    assert_eq!(boots.rows.first().unwrap().pid, Some(3000));
}

#[test]
fn refuses_what_it_cannot_read() {
    let (database, log) = &*SAMPLE;
    let refused = |database: &[u8], log: Option<&[u8]>, limit| read(database, log, limit).unwrap_err().to_string();
    assert_eq!(refused(b"", None, 9), "state database is empty");
    assert_eq!(refused(b"not a database, not at all", None, 99), "state database is not a SQLite file");
    assert_eq!(refused(&[0; 4096], None, 9999), "state database is not a SQLite file");
    let size = refused(database, Some(log), 5000);
    assert!(size.starts_with("state database has ") && size.ends_with(" bytes, more than 5000"), "{size}");
    let mut other = database.clone();
    other[16..18].copy_from_slice(&8192_u16.to_be_bytes());
    assert_eq!(
        refused(&other, Some(log), DEFAULT_MAX_BYTES),
        "state database has pages of 8192 bytes and its log of 4096"
    );
    assert!(matches!(
        read(&database[..100], None, DEFAULT_MAX_BYTES),
        Err(StateDbError::Damaged(_) | StateDbError::NotADatabase | StateDbError::Open(_))
    ));
}

#[test]
fn a_new_database_may_live_in_its_log_alone() {
    let (_, log) = &*SAMPLE;
    // The first page is in the log, so the database file need not hold anything.
    let state = read(b"", Some(log), DEFAULT_MAX_BYTES).unwrap();
    assert_eq!(state.schema_version, 18);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_is_an_error_and_never_a_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        in_log: bool,
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        // One file without log, and one log whose sums are not looked at again would hide the damage: use both.
        static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("plain.sqlite");
            Connection::open(&path).unwrap().execute_batch(&format!("{SCHEMA}{ROWS}")).unwrap();
            fs::read(path).unwrap()
        });
        let (database, log) = if in_log { (SAMPLE.0.clone(), SAMPLE.1.clone()) } else { (PLAIN.clone(), Vec::new()) };
        let (mut database, mut log) = (database, log);
        let target = if in_log { &mut log } else { &mut database };
        for (at, byte) in changes {
            let at = at.index(target.len());
            target[at] = byte;
        }
        if let Some(cut) = cut {
            let cut = cut.index(target.len());
            target.truncate(cut);
        }
        if let Ok(state) = read(&database, Some(&log), DEFAULT_MAX_BYTES) {
            prop_assert!(!serde_json::to_string(&state).unwrap().contains(SECRET));
        }
    }

    #[test]
    fn any_log_is_bounded(log in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&SAMPLE.0, Some(&log), DEFAULT_MAX_BYTES);
    }
}

/// The reader without SQLite says what SQLite says.
fn agree(database: &[u8], log: Option<&[u8]>) -> OwnDevices {
    let full = read(database, log, DEFAULT_MAX_BYTES).unwrap();
    let own = own_devices(database, log, DEFAULT_MAX_BYTES).unwrap();
    let ids: Vec<_> = full.own_devices.rows.iter().filter_map(|device| device.device_id.clone()).collect();
    assert_eq!(own.ids, ids);
    let present = full.auth_tokens.rows.iter().filter(|token| token.is_present);
    let mut tokens: Vec<_> = present.filter_map(|token| Some((token.device_id.clone()?, token.updated_at))).collect();
    let mut found = own.tokens.clone();
    tokens.sort();
    found.sort();
    assert_eq!(found, tokens);
    own
}

#[test]
fn own_devices_are_read_without_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let (database, log) = make(dir.path(), &[SCHEMA, ROWS]);
    let own = agree(&database, Some(&log));
    assert_eq!((own.ids.len(), own.tokens.len()), (1, 1));
    assert!(!format!("{own:?}").contains(SECRET));
    assert!(own_devices(&database, None, DEFAULT_MAX_BYTES).is_err() || agree(&database, None).ids.is_empty());
    assert!(matches!(own_devices(b"nonsense", None, 100), Err(StateDbError::NotADatabase)));
}

#[test]
fn a_deep_table_with_long_rows_is_read_without_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let mut many = String::new();
    for n in 0..300 {
        let pem = "x".repeat(n * 97 % 6_000);
        many += &format!("INSERT INTO device_identities VALUES ('k{n}','id{n:04}','{pem}','SECRET{pem}',{n},{n});");
    }
    for page_size in ["512", "4096", "65536"] {
        let path = dir.path().join(format!("{page_size}.sqlite"));
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!("PRAGMA page_size = {page_size};")).unwrap();
        db.execute_batch(SCHEMA).unwrap();
        db.execute_batch(&many).unwrap();
        db.execute_batch("ALTER TABLE device_auth_tokens ADD COLUMN later TEXT; INSERT INTO device_auth_tokens VALUES ('a','r','','[]',5,NULL), ('b','r','t','[]',-7,'x');").unwrap();
        drop(db);
        let own = agree(&fs::read(&path).unwrap(), None);
        assert_eq!(own.ids.len(), 300, "{page_size}");
        assert_eq!(own.tokens.len(), 1);
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_no_trouble_without_sqlite(
        changes in proptest::collection::vec((0_usize..40_000, any::<u8>()), 0..60),
        cut in 0_usize..60_000,
    ) {
        static GOOD: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
            let dir = tempfile::tempdir().unwrap();
            make(dir.path(), &[SCHEMA, ROWS])
        });
        let (database, log) = &*GOOD;
        let mut whole = database.clone();
        for (at, byte) in &changes {
            if let Some(place) = whole.get_mut(*at) {
                *place = *byte;
            }
        }
        whole.truncate(cut);
        let _ = own_devices(&whole, None, DEFAULT_MAX_BYTES);
        let _ = own_devices(&whole, Some(log), DEFAULT_MAX_BYTES);
    }
}
