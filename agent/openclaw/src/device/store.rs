//! The file that holds the key.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{DeviceError, FILE_NAME};
use crate::file::read_regular;

/// Largest key file read, in bytes.
const MAX_FILE_BYTES: u64 = 4096;

pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) version: u32,
    pub(super) id: String,
    pub(super) pkcs8: String,
}

/// Reads the key file, if there is one that only its owner can read.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError> {
    let content = match read_regular(path, MAX_FILE_BYTES) {
        Ok(content) => content,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(DeviceError::Read(error)),
    };
    let bytes = Zeroizing::new(content.bytes);
    if content.meta.mode & 0o077 != 0 {
        return Err(DeviceError::Exposed { path: path.to_owned() });
    }

    Ok(Some(bytes))
}

/// Stores the key. `false` when another process was faster; its key counts then.
pub(super) fn store(dir: &Path, id: &str, pkcs8: &[u8]) -> Result<bool, DeviceError> {
    refuse_foreign(dir)?;
    let io_error = |action, path: &Path| {
        let path = path.to_owned();
        move |source| DeviceError::Io { action, path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("create", dir))?;

    let path = dir.join(FILE_NAME);
    let unfinished = dir.join(format!(".{FILE_NAME}.{}", uuid::Uuid::new_v4()));
    let mut stored = Stored { version: VERSION, id: id.to_owned(), pkcs8: STANDARD.encode(pkcs8) };
    let text = serde_json::to_string(&stored).map(Zeroizing::new);
    stored.pkcs8.zeroize();
    let text = text.map_err(|_| DeviceError::Key)?;

    let written = write(&unfinished, text.as_bytes()).map_err(io_error("write", &unfinished));
    // A hard link fails where a rename would replace: of two processes that make a key at once, one wins and both use its key.
    let linked = written.and_then(|()| match fs::hard_link(&unfinished, &path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error("create", &path)(error)),
    });
    let _ = fs::remove_file(&unfinished);

    linked
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)?;
    file.write_all(bytes)?;

    file.sync_all()
}

/// Refuses a directory that is, or lies in, a state directory of OpenClaw.
fn refuse_foreign(dir: &Path) -> Result<(), DeviceError> {
    let named = dir.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == ".clawdbot" || part == ".openclaw" || part.starts_with(".openclaw-")
    });
    let used = dir.ancestors().any(|dir| {
        dir.join("openclaw.json").symlink_metadata().is_ok()
            || dir.join("state/openclaw.sqlite").symlink_metadata().is_ok()
    });
    if named || used {
        return Err(DeviceError::NotOurs { path: dir.to_owned() });
    }

    Ok(())
}
