//! Mounted file systems, as `/proc/self/mountinfo` lists them.

use portreeve_core::snapshot::namespace::MountSeen;

/// Most rows read.
const MAX_ROWS: usize = 4096;

/// Reads a table, the later of two mounts on one place only: it covers the earlier.
///
/// ```text
/// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
/// ```
///
/// A row that is not understood is passed over.
pub fn parse(table: &str) -> Vec<MountSeen> {
    let mut mounts: Vec<MountSeen> = Vec::new();
    for row in table.lines().take(MAX_ROWS) {
        let Some(mount) = row_of(row) else { continue };
        mounts.retain(|other| other.target != mount.target);
        mounts.push(mount);
    }
    mounts
}

/// The mount that holds a path: the one with the longest target.
pub fn holder<'a>(mounts: &'a [MountSeen], path: &str) -> Option<&'a MountSeen> {
    mounts.iter().filter(|mount| is_below(path, &mount.target)).max_by_key(|mount| mount.target.len())
}

/// Whether a path is a folder or lies in it, by the letter.
pub fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn row_of(row: &str) -> Option<MountSeen> {
    let (left, right) = row.split_once(" - ")?;
    let mut left = left.split(' ').skip(4);
    let (target, options) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (fs_type, super_options) = (right.next()?, right.nth(1).unwrap_or_default());
    let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(MountSeen {
        target: unescape(target),
        fs_type: unescape(fs_type),
        read_only: is_read_only(options) || is_read_only(super_options),
    })
}

/// Undoes `\040` and the like, as which the kernel writes blanks, tabs, newlines and backslashes.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = r"1041 904 0:57 / / ro,relatime master:413 - overlay overlay rw,lowerdir=/a:/b
1042 1041 0:60 / /proc rw,nosuid - proc proc rw
1043 1041 8:1 /var/lib/docker/volumes/s/_data /home/node/.openclaw ro,relatime master:1 - ext4 /dev/sda1 rw,discard
1044 1041 8:1 /x /mnt/my\040disk\134x rw - ext4 /dev/sda1 ro
1045 1041 8:1 /x /home/node/.openclaw rw shared:5 propagate_from:2 - xfs /dev/sdb rw
torn row
";

    #[test]
    fn rows_are_read_and_the_later_mount_counts() {
        let mounts = parse(TABLE);
        let seen: Vec<_> = mounts.iter().map(|m| (m.target.as_str(), m.fs_type.as_str(), m.read_only)).collect();
        assert_eq!(
            seen,
            [
                ("/", "overlay", true),
                ("/proc", "proc", false),
                (r"/mnt/my disk\x", "ext4", true),
                ("/home/node/.openclaw", "xfs", false),
            ]
        );
        assert_eq!(holder(&mounts, "/home/node/.openclaw/state").unwrap().fs_type, "xfs");
        assert_eq!(holder(&mounts, "/home/node/.openclaw2").unwrap().target, "/");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", row in "[0-9a-z/:\\\\ -]{0,120}") {
            let _ = parse(&text);
            let _ = parse(&row);
        }
    }
}
