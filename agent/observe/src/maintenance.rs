//! Whether somebody works on the node: `maintenance.json` in the agent's own folder, and, from root to everybody, in the public one.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Maintenance;
use portreeve_core::maintenance::{FILE, MAX_BYTES};
use portreeve_store::{Audience, Folder, StoreError};

/// The folder of what root tells everybody on this node.
pub fn public_dir() -> PathBuf {
    Path::new(crate::STATUS_FILE).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// What was announced by this user or by root, and holds.
pub fn current(data_dir: &Path, now: Timestamp) -> Result<Option<Maintenance>, StoreError> {
    let public = read(&public_dir())?.filter(|maintenance| maintenance.holds(now));
    if public.is_some() {
        return Ok(public);
    }
    Ok(read(data_dir)?.filter(|maintenance| maintenance.holds(now)))
}

fn read(dir: &Path) -> Result<Option<Maintenance>, StoreError> {
    let folder = match Folder::open(dir) {
        Ok(Some(folder)) => folder,
        Ok(None) => return Ok(None),
        // One that another user keeps for himself tells this one nothing.
        Err(error) if error.is_denied() => return Ok(None),
        Err(error) => return Err(error),
    };
    folder.read_json(FILE, MAX_BYTES)
}

/// Announces it, to everybody where `public` names a folder.
pub fn announce(data_dir: &Path, public: Option<&Path>, maintenance: &Maintenance) -> Result<(), StoreError> {
    Folder::create(data_dir)?.write_json(FILE, maintenance, Audience::Owner)?;
    if let Some(public) = public {
        Folder::create_for(public, Audience::Everybody)?.write_json(FILE, maintenance, Audience::Everybody)?;
    }
    Ok(())
}

/// Ends it. Gives whether there was any, however damaged.
pub fn end(data_dir: &Path, public: Option<&Path>) -> Result<bool, StoreError> {
    let mut was = false;
    for dir in std::iter::once(data_dir).chain(public) {
        let Some(folder) = Folder::open(dir)? else { continue };
        was |= folder.names()?.iter().any(|name| name == FILE);
        folder.remove(FILE)?;
    }
    Ok(was)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use jiff::SignedDuration;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn hour() -> Maintenance {
        Maintenance::new(now(), now() + SignedDuration::from_hours(1), None, "op".to_owned()).unwrap()
    }

    #[test]
    fn what_is_announced_holds_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let (data, public) = (dir.path().join("data"), dir.path().join("public"));
        assert_eq!(current(&data, now()).unwrap(), None);
        announce(&data, Some(&public), &hour()).unwrap();
        assert_eq!(current(&data, now()).unwrap(), Some(hour()));
        assert_eq!(current(&data, now() + SignedDuration::from_hours(1)).unwrap(), None, "it is over by itself");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data.join(FILE)), mode(&public.join(FILE)), mode(&public)), (0o600, 0o644, 0o755));
        assert_eq!(read(&public).unwrap(), Some(hour()));
        assert!(end(&data, Some(&public)).unwrap());
        assert!(!end(&data, Some(&public)).unwrap());
        assert_eq!(current(&data, now()).unwrap(), None);
    }

    #[test]
    fn a_link_or_damage_is_no_announcement_and_can_be_ended() {
        let dir = tempfile::tempdir().unwrap();
        announce(dir.path(), None, &hour()).unwrap();
        fs::write(dir.path().join(FILE), "{\"since\":").unwrap();
        assert!(current(dir.path(), now()).is_err());
        assert!(end(dir.path(), None).unwrap());
        let elsewhere = tempfile::tempdir().unwrap();
        announce(elsewhere.path(), None, &hour()).unwrap();
        symlink(elsewhere.path().join(FILE), dir.path().join(FILE)).unwrap();
        assert!(current(dir.path(), now()).is_err());
        assert!(end(dir.path(), None).unwrap());
        assert_eq!(current(elsewhere.path(), now()).unwrap(), Some(hour()));
    }
}
