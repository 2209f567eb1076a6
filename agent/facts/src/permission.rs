//! What owner, group and mode permit. No attempt is made: a probe's own mounts are read-only, and an attempt to write may be noticed.

use portreeve_core::snapshot::FileStat;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

impl User {
    /// Whether the user has all the permissions asked for: 4 to read, 2 to write, 1 to execute or pass. Root has them, since containers
    /// keep `CAP_DAC_OVERRIDE` unless told otherwise; access control lists are not looked at.
    pub fn may(&self, stat: &FileStat, wanted: u32) -> bool {
        let bits = if self.uid == 0 {
            return true;
        } else if self.uid == stat.uid {
            stat.mode >> 6
        } else if self.gid == stat.gid || self.groups.contains(&stat.gid) {
            stat.mode >> 3
        } else {
            stat.mode
        };
        bits & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn file(uid: u32, gid: u32, mode: u32) -> FileStat {
        FileStat { dev: 1, ino: 1, mode, uid, gid, nlink: 1, size: 0, modified: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let user = User { uid: 1000, gid: 1000, groups: vec![44] };
        assert!(user.may(&file(1000, 0, 0o700), 7));
        assert!(!user.may(&file(1000, 1000, 0o077), 4), "the owner is not looked up among the others");
        assert!(user.may(&file(0, 44, 0o060), 6) && !user.may(&file(0, 44, 0o606), 6));
        assert!(user.may(&file(0, 0, 0o755), 5) && !user.may(&file(0, 0, 0o755), 2));
        assert!(User { uid: 0, gid: 0, groups: Vec::new() }.may(&file(1000, 1000, 0o000), 7));
    }
}
