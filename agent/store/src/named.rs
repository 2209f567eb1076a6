//! Files that an operator keeps somewhere and names in a setting.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use crate::{StoreError, trust};

/// Who may read such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Its owner, and its group.
    Secret,
    /// Everybody.
    Public,
}

/// Reads a file of at most `max_bytes` bytes that only the superuser and this user can change or put another in the place of, whether the
/// path leads over links of theirs or not. A secret that everybody may read is refused.
pub fn read_named(path: &Path, max_bytes: u64, privacy: Privacy) -> Result<Vec<u8>, StoreError> {
    let failed = |doing| move |source: io::Error| StoreError::Io { doing, path: path.to_owned(), source };
    let untrusted = |why: &str| Err(StoreError::Untrusted { path: path.to_owned(), why: why.to_owned() });
    trust::check_program(path, geteuid().as_raw())?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(failed("read"))?;
    let metadata = file.metadata().map_err(failed("look at"))?;
    if !metadata.is_file() {
        return untrusted("it is no regular file");
    }
    if privacy == Privacy::Secret && metadata.mode() & 0o007 != 0 {
        return untrusted("it is a secret, and everybody may read it");
    }
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read"))?;
    if bytes.len() as u64 > max_bytes {
        return Err(StoreError::TooLong { path: path.to_owned(), limit: max_bytes });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use nix::sys::stat::Mode;

    use super::*;

    fn secret(folder: &Path) -> PathBuf {
        let path = folder.join("token");
        fs::write(&path, "s3cret\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        path
    }

    #[test]
    fn a_closed_file_is_read_also_over_a_link_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = secret(folder.path());
        assert_eq!(read_named(&path, 100, Privacy::Secret).unwrap(), b"s3cret\n");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(read_named(&link, 100, Privacy::Secret).unwrap(), b"s3cret\n");
    }

    #[test]
    fn what_others_can_read_change_or_exchange_is_refused_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = secret(folder.path());
        let untrusted = |path: &Path, privacy| {
            let error = read_named(path, 100, privacy).unwrap_err();
            assert!(matches!(error, StoreError::Untrusted { .. }), "{error}");
        };
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        untrusted(&path, Privacy::Secret);
        assert!(read_named(&path, 100, Privacy::Public).is_ok());
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        untrusted(&path, Privacy::Public);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_named(&path, 3, Privacy::Secret), Err(StoreError::TooLong { limit: 3, .. })));
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        untrusted(&fifo, Privacy::Secret);
        untrusted(Path::new("token"), Privacy::Secret);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        untrusted(&path, Privacy::Secret);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let missing = read_named(&folder.path().join("none"), 3, Privacy::Public).unwrap_err();
        assert!(matches!(missing, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound));
    }
}
