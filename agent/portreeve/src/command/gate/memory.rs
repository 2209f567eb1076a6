//! Failures, kept over the end of the gate: without them launchd would start what cannot start for ever.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portreeve_core::gate::Failures;
use portreeve_observe::Options;
use portreeve_store::{Audience, Folder, StoreError};
use sha2::{Digest as _, Sha256};

/// Most bytes of one file.
const MAX_BYTES: u64 = 16 * 1024;
/// Files of commands that have not failed for so long are removed.
const MAX_AGE: Duration = Duration::from_hours(24 * 7);
/// How the files end.
const SUFFIX: &str = ".json";

/// Where the failures of one command are kept.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    name: String,
}

impl Memory {
    /// That of a command in this scope. Its words may hold a secret; the name of the file is a hash.
    pub(super) fn of(data_dir: &Path, command: &[OsString], options: &Options) -> Self {
        let mut hash = Sha256::new();
        let homes = options.homes.iter().flatten().chain(&options.state_dirs).map(|path| path.as_os_str());
        for part in command.iter().map(OsString::as_os_str).chain(homes) {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        for name in ["HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_PROFILE"] {
            let value = std::env::var_os(name).unwrap_or_default();
            hash.update(value.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let name = digest.iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte));
        Self { folder: data_dir.join("gate"), name: format!("{name:016x}{SUFFIX}") }
    }

    /// What is remembered; nothing where it cannot be read or is not ours.
    pub(super) fn load(&self) -> Failures {
        let read = || Folder::open(&self.folder)?.map_or(Ok(None), |folder| folder.read_json(&self.name, MAX_BYTES));
        read()
            .unwrap_or_else(|error: StoreError| {
                tracing::warn!(%error, "failures before this start are forgotten");
                None
            })
            .unwrap_or_default()
    }

    /// Puts a whole new file in the place of the old one.
    pub(super) fn store(&self, failures: &Failures) -> Result<(), StoreError> {
        let folder = Folder::create(&self.folder)?;
        self.forget_others(&folder)?;
        folder.write_json(&self.name, failures, Audience::Owner)
    }

    fn forget_others(&self, folder: &Folder) -> Result<(), StoreError> {
        for name in folder.names()?.iter().filter(|name| name.ends_with(SUFFIX) && **name != self.name) {
            let metadata = fs::symlink_metadata(folder.path().join(name));
            let age = metadata.and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
            if matches!(age, Ok(Ok(age)) if age > MAX_AGE) {
                folder.remove(name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn memory(dir: &tempfile::TempDir) -> Memory {
        Memory { folder: dir.path().join("gate"), name: "x.json".to_owned() }
    }

    #[test]
    fn failures_outlive_the_gate_and_a_damaged_file_is_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(&dir);
        assert_eq!(memory.load(), Failures::default());
        let mut failures = Failures::default();
        failures.add(Timestamp::UNIX_EPOCH);
        memory.store(&failures).unwrap();
        memory.store(&failures).unwrap();
        assert_eq!(memory.load(), failures);
        assert_eq!(fs::read_dir(&memory.folder).unwrap().count(), 1);
        fs::write(memory.folder.join(&memory.name), "{\"at\":[").unwrap();
        assert_eq!(memory.load(), Failures::default());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(&dir);
        fs::create_dir(&memory.folder).unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "{\"at\":[\"1970-01-01T00:00:00Z\"]}").unwrap();
        std::os::unix::fs::symlink(&other, memory.folder.join(&memory.name)).unwrap();
        assert_eq!(memory.load(), Failures::default());
        memory.store(&Failures::default()).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "{\"at\":[\"1970-01-01T00:00:00Z\"]}");
    }
}
