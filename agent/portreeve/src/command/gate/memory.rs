//! Failures, kept over the end of the gate: without them launchd would start what cannot start for ever.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portreeve_core::gate::Failures;
use portreeve_observe::Options;
use sha2::{Digest as _, Sha256};

/// Most bytes of one file.
const MAX_BYTES: u64 = 16 * 1024;
/// Files of commands that have not failed for so long are removed.
const MAX_AGE: Duration = Duration::from_hours(24 * 7);
/// Most files that are looked at to find those.
const MAX_FILES: usize = 1_000;

/// Where the failures of one command are kept.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    file: PathBuf,
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
        let folder = data_dir.join("gate");
        Self { file: folder.join(format!("{name:016x}.json")), folder }
    }

    /// What is remembered; nothing where it cannot be read or is not ours.
    pub(super) fn load(&self) -> Failures {
        let Ok(content) = portreeve_openclaw::file::read_regular(&self.file, MAX_BYTES) else {
            return Failures::default();
        };
        if content.meta.uid != fs::symlink_metadata(&self.folder).map_or(u32::MAX, |metadata| metadata.uid()) {
            return Failures::default();
        }
        serde_json::from_slice(&content.bytes).unwrap_or_default()
    }

    /// Puts a whole new file in the place of the old one.
    pub(super) fn store(&self, failures: &Failures) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let metadata = fs::symlink_metadata(&self.folder)?;
        if !metadata.is_dir() || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "its folder must be a directory that only this user can write",
            ));
        }
        self.forget_others();
        let part = self.file.with_extension(format!("{}.part", std::process::id()));
        // What an earlier gate with our number left there.
        drop(fs::remove_file(&part));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let written = file
            .write_all(&serde_json::to_vec(failures)?)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&part, &self.file))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        if written.is_err() {
            drop(fs::remove_file(&part));
        }
        written
    }

    fn forget_others(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().take(MAX_FILES).flatten();
        for entry in entries {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
            if matches!(age, Ok(Ok(age)) if age > MAX_AGE) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn failures_outlive_the_gate_and_a_damaged_file_is_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("gate");
        let memory = Memory { file: folder.join("x.json"), folder };
        assert_eq!(memory.load(), Failures::default());
        let mut failures = Failures::default();
        failures.add(Timestamp::UNIX_EPOCH);
        memory.store(&failures).unwrap();
        memory.store(&failures).unwrap();
        assert_eq!(memory.load(), failures);
        assert_eq!(fs::read_dir(&memory.folder).unwrap().count(), 1);
        fs::write(&memory.file, "{\"at\":[").unwrap();
        assert_eq!(memory.load(), Failures::default());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("gate");
        fs::create_dir(&folder).unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "{\"at\":[\"1970-01-01T00:00:00Z\"]}").unwrap();
        let memory = Memory { file: folder.join("x.json"), folder };
        std::os::unix::fs::symlink(&other, &memory.file).unwrap();
        assert_eq!(memory.load(), Failures::default());
        memory.store(&Failures::default()).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "{\"at\":[\"1970-01-01T00:00:00Z\"]}");
    }
}
