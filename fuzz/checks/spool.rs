use std::fs;

use jiff::Timestamp;
use portreeve_deliver::spool::{Limits, Record, Signal, Spool, SpoolError, Survey};
use portreeve_store::Folder;

/// Puts bytes in the place of each file of a spool, opens it, uses it, and opens it again.
pub(crate) fn check(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let names = [
        "ledger.v1",
        "logs-00000000000000000000.v1",
        "metrics-00000000000000000007.v1",
        "refused-00000000000000000001.v1",
    ];
    for chosen in [&names[..1], &names[1..2], &names[..]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("spool");
        let folder = Folder::create(&path).unwrap();
        for name in chosen {
            fs::write(path.join(name), data).unwrap();
        }
        let before = Survey::once(&folder, now).unwrap().state;
        let mut spool = Spool::open(folder, Limits::default(), now).unwrap();
        let state = spool.state();
        assert_eq!((state.records, state.lost_total), (before.records, before.lost_total));
        let bytes = b"a new record".to_vec();
        let record = Record { id: uuid::Uuid::from_u128(1), signal: Signal::Logs, at: now, bytes };
        match spool.append(std::slice::from_ref(&record), now) {
            Ok(()) => {}
            Err(SpoolError::UsedUp) => continue,
            Err(error) => panic!("{error:?}"),
        }
        drop(spool);
        let mut spool = Spool::open(Folder::create(&path).unwrap(), Limits::default(), now).unwrap();
        let mut left = Vec::new();
        while let Some(batch) = spool.batch(100, 1 << 20).unwrap() {
            assert!(!batch.records().is_empty());
            left.extend(batch.records().iter().cloned());
            spool.acknowledge(&batch).unwrap();
        }
        assert!(left.contains(&record), "what was appended to what was healed is there");
        assert_eq!(spool.state().records, 0);
    }
}
