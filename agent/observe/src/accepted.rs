//! The record of the last acceptance, and the full acceptance that makes the next.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::acceptance::{
    AcceptanceReport, AcceptedNode, By, DataFolder, Question, RECORD_SCHEMA, decide, record,
};
use portreeve_core::delivery::{self, Delivery};
use portreeve_core::{Fact, FingerprintKey, Policy, Secret, Snapshot};
use portreeve_store::{Audience, Folder, StoreError};

use crate::{Options, STATUS_FILE, is_root, observe};

/// The record of the last acceptance, in the agent's folder.
pub const RECORD: &str = "accepted.json";
/// The report on the last full acceptance that was tried, in the agent's folder.
pub const REPORT: &str = "acceptance.json";
/// The lock of those who accept, in the agent's folder.
const LOCK: &str = "accept.lock";
/// Most bytes of the record: a node with a thousand units stays far below.
const MAX_RECORD: u64 = 8 << 20;
/// How long another acceptance is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long locks are watched: twice as long as the longest wait that is judged, and as long again.
pub const LOCK_WINDOW: Duration = Duration::from_secs(10);
/// The least time that a full acceptance has.
const LEAST_DEADLINE: Duration = Duration::from_mins(1);
/// Connects of a full acceptance: fewer prove nothing.
const CONNECTS: u32 = 100;
/// A text whose fingerprint tells keys from one another.
const KEY_SIGN: &str = "portreeve: the key of this node's fingerprints";

/// Why a node was not accepted nor refused.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The agent's folder.
    #[error("cannot keep what was accepted")]
    Store(#[from] StoreError),
}

/// What to accept.
#[derive(Debug, Clone)]
pub struct Acceptance<'a> {
    /// What to observe, and where the record lies.
    pub options: &'a Options,
    /// Thresholds and waivers.
    pub policy: &'a Policy,
    /// Who accepts, and whether in spite of all.
    pub by: By,
    /// Whether a person says that this is the accepted node on other hardware.
    pub moved: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// A full acceptance: looks deep, judges, compares with what was accepted, and keeps what came of it.
///
/// It takes about half a minute. Another acceptance at the same time is waited for a little, and is then an error.
pub async fn accept(acceptance: &Acceptance<'_>) -> Result<(AcceptanceReport, Snapshot), AcceptError> {
    let Acceptance { options, .. } = acceptance;
    let folder = (!acceptance.dry_run).then(|| Folder::create(&options.data_dir)).transpose()?;
    let _alone = folder.as_ref().map(|folder| folder.lock(LOCK, PATIENCE)).transpose()?;
    let deep = Options {
        deep: true,
        deep_connects: options.deep_connects.max(CONNECTS),
        lock_window: Some(LOCK_WINDOW),
        deadline: options.deadline.max(LEAST_DEADLINE),
        ..(*options).clone()
    };
    let snapshot = observe(&deep).await;
    let (report, kept) = judge(&snapshot, acceptance.policy, &acceptance.by, acceptance.moved);
    if let Some(folder) = &folder {
        if let Some(kept) = kept {
            folder.write_json(RECORD, &kept, Audience::Owner)?;
        }
        folder.write_json(REPORT, &report, Audience::Owner)?;
    }
    Ok((report, snapshot))
}

/// What a full acceptance says of these facts, and the record that is to be kept of it.
pub fn judge(snapshot: &Snapshot, policy: &Policy, by: &By, moved: bool) -> (AcceptanceReport, Option<AcceptedNode>) {
    let decision = decide(Question { snapshot, policy, moved });
    (AcceptanceReport::of(snapshot, &decision, by), record(snapshot, &decision, by))
}

/// When a full acceptance was tried last; none where that is not told.
pub fn last_try(folder: &Folder) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct Tried {
        at: Timestamp,
    }
    // A damaged report is as good as none: it is written anew by the next.
    folder.read_json::<Tried>(REPORT, MAX_RECORD).ok().flatten().map(|tried| tried.at)
}

/// The record of the last acceptance, and the folder that it lies in.
pub(crate) fn last(data_dir: &Path, key: &FingerprintKey, at: Timestamp) -> (Fact<AcceptedNode>, Option<DataFolder>) {
    let source = data_dir.join(RECORD).display().to_string();
    let folder = match Folder::open(data_dir) {
        Ok(Some(folder)) => folder,
        Ok(None) => return (none(source, at), None),
        Err(error) => return (unreadable(&error, source, at), None),
    };
    let inode = std::fs::symlink_metadata(folder.path()).ok().map(|metadata| metadata.ino());
    let here = DataFolder { inode, key: Some(key.fingerprint(&Secret::from(KEY_SIGN))) };
    let record = match folder.read_json::<AcceptedNode>(RECORD, MAX_RECORD) {
        Ok(Some(record)) if record.schema == RECORD_SCHEMA => Fact::known(record, source, at),
        Ok(Some(record)) => Fact::unreadable(format!("its schema is `{}`", record.schema), source, at),
        Ok(None) => none(source, at),
        Err(error) => unreadable(&error, source, at),
    };
    (record, Some(here))
}

/// How delivery goes, as the daemon last wrote it down.
pub(crate) fn delivery(data_dir: &Path, at: Timestamp) -> Fact<Delivery> {
    let source = data_dir.join(delivery::FILE).display().to_string();
    let read = Folder::open(data_dir)
        .and_then(|folder| folder.map_or(Ok(None), |folder| folder.read_json::<Delivery>(delivery::FILE, MAX_RECORD)));
    match read {
        Ok(Some(delivery)) => Fact::known(delivery, source, at),
        Ok(None) => Fact::absent(source, at),
        Err(error) => {
            let why = portreeve_facts::file::chain(&error);
            if error.is_denied() { Fact::denied(why, source, at) } else { Fact::unreadable(why, source, at) }
        }
    }
}

/// No record in the caller's own folder. On a node that the daemon keeps, the daemon has one that only root may read.
fn none(source: String, at: Timestamp) -> Fact<AcceptedNode> {
    if !is_root() && Path::new(STATUS_FILE).exists() {
        return Fact::denied("the daemon keeps the record of this node, and only root may read it", source, at);
    }
    Fact::absent(source, at)
}

fn unreadable(error: &StoreError, source: String, at: Timestamp) -> Fact<AcceptedNode> {
    let why = portreeve_facts::file::chain(error);
    if error.is_denied() { Fact::denied(why, source, at) } else { Fact::unreadable(why, source, at) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(byte: u8) -> FingerprintKey {
        FingerprintKey::new(&[byte; 32]).unwrap()
    }

    fn record() -> AcceptedNode {
        let text = r#"{"schema":"portreeve.accepted/1","at":"2026-01-01T00:00:00Z","by":"op","how":"passed",
            "agent_version":"0.1.0","baseline":{}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        let at = Timestamp::now();
        assert_eq!(last(&data_dir, &key(1), at).1, None);
        let folder = Folder::create(&data_dir).unwrap();
        let (fact, here) = last(&data_dir, &key(1), at);
        assert!(fact.is_absent() && here.unwrap().inode.is_some());
        folder.write_json(RECORD, &record(), Audience::Owner).unwrap();
        assert_eq!(last(&data_dir, &key(1), at).0.get(), Some(&record()));
        for damaged in [&b"{"[..], b"", br#"{"schema":"portreeve.accepted/2"}"#] {
            folder.write(RECORD, damaged, Audience::Owner).unwrap();
            assert!(last(&data_dir, &key(1), at).0.blind().is_some());
        }
        let newer = AcceptedNode { schema: "portreeve.accepted/2".to_owned(), ..record() };
        folder.write_json(RECORD, &newer, Audience::Owner).unwrap();
        assert_eq!(last(&data_dir, &key(1), at).0.blind(), Some("its schema is `portreeve.accepted/2`"));
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        Folder::create(&data_dir).unwrap();
        let elsewhere = dir.path().join("elsewhere.json");
        fs::write(&elsewhere, serde_json::to_vec(&record()).unwrap()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, data_dir.join(RECORD)).unwrap();
        assert!(last(&data_dir, &key(1), Timestamp::now()).0.blind().is_some());
    }

    #[test]
    fn a_copied_folder_and_another_key_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["one", "two"].map(|name| dir.path().join(name));
        for path in [&first, &second] {
            Folder::create(path).unwrap();
        }
        let at = Timestamp::now();
        let here = |path: &Path, byte| last(path, &key(byte), at).1.unwrap();
        assert_eq!(here(&first, 1), here(&first, 1));
        assert_ne!(here(&first, 1).inode, here(&second, 1).inode);
        assert_ne!(here(&first, 1).key, here(&first, 2).key);
    }
}
