//! The last self test, as it is kept between runs: `selftest.json` in the agent's own folder.

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::selftest::{SCHEMA, mask};
use portreeve_core::{Fact, SelfTest, Snapshot};
use portreeve_store::{Audience, Folder, StoreError};

use crate::file::chain;

/// Name of the file.
const FILE: &str = "selftest.json";
/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// Keeps a self test as the last one.
pub fn keep(data_dir: &Path, test: &SelfTest) -> Result<(), StoreError> {
    Folder::create(data_dir)?.write_json(FILE, test, Audience::Owner)
}

/// The last self test. Absent where none was kept; denied where the agent's folder cannot be trusted, so that none ever is.
pub fn last(data_dir: &Path, at: Timestamp) -> Fact<SelfTest> {
    let source = data_dir.join(FILE).to_string_lossy().into_owned();
    let read = || match Folder::open(data_dir)? {
        Some(folder) => folder.read_json::<SelfTest>(FILE, MAX_BYTES),
        None => Ok(None),
    };
    match read() {
        Ok(Some(test)) if test.schema == SCHEMA => Fact::known(test, source, at),
        Ok(Some(test)) => Fact::unreadable(format!("its schema is `{}`", test.schema), source, at),
        Ok(None) => Fact::absent(source, at),
        Err(error @ StoreError::Untrusted { .. }) => Fact::denied(chain(&error), source, at),
        Err(error) if error.is_denied() => Fact::denied(chain(&error), source, at),
        Err(error) => Fact::unreadable(chain(&error), source, at),
    }
}

/// Lays the last self test over what was seen: what came through a seam that failed is hidden.
pub(crate) fn apply(data_dir: &Path, snapshot: &mut Snapshot) {
    snapshot.selftest = last(data_dir, snapshot.taken_at);
    mask(snapshot);
}
