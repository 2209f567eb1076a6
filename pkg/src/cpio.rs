//! cpio archives in the portable ASCII form ("odc", magic `070707`), the one that Apple's installer reads.
//!
//! Every entry is 76 octal digits, its name with a NUL, and its content; `TRAILER!!!` ends the archive. Nothing is padded. Limits of the
//! form: 262 143 entries, 8 GiB a file.

use crate::tree::{Entry, Tree};

/// What the form cannot hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CpioError {
    /// A number has more octal digits than its field.
    #[error("{value} does not fit into the field `{field}` of a cpio archive")]
    TooLarge {
        /// Its name.
        field: &'static str,
        /// What should have gone in.
        value: u64,
    },
}

/// Writes `tree` with owner and group 0; every entry has the time `epoch` (seconds since 1970).
pub fn archive(tree: &Tree, epoch: u32) -> Result<Vec<u8>, CpioError> {
    let mut out = Vec::with_capacity(tree.size() + 16 * 1024);
    for (index, entry) in tree.entries().enumerate() {
        let name = if entry.path.is_empty() { ".".to_owned() } else { format!("./{}", entry.path) };
        header(&mut out, index as u64 + 1, &entry, epoch, &name)?;
        out.extend_from_slice(entry.content.unwrap_or_default());
    }
    let trailer = Entry { path: "", mode: 0, content: Some(&[]) };
    header(&mut out, 0, &trailer, 0, "TRAILER!!!")?;
    Ok(out)
}

fn header(out: &mut Vec<u8>, inode: u64, entry: &Entry<'_>, epoch: u32, name: &str) -> Result<(), CpioError> {
    let mode = if inode == 0 { 0 } else { entry.full_mode() };
    // A folder's links would be its subfolders; like pkgbuild, readers take 1 for "no hard links".
    let fields: [(&'static str, u64, usize); 10] = [
        ("dev", 0, 6),
        ("ino", inode, 6),
        ("mode", u64::from(mode), 6),
        ("uid", 0, 6),
        ("gid", 0, 6),
        ("nlink", 1, 6),
        ("rdev", 0, 6),
        ("mtime", u64::from(epoch), 11),
        ("namesize", name.len() as u64 + 1, 6),
        ("filesize", entry.size() as u64, 11),
    ];
    out.extend_from_slice(b"070707");
    for (field, value, width) in fields {
        let digits = format!("{value:0width$o}");
        if digits.len() > width {
            return Err(CpioError::TooLarge { field, value });
        }
        out.extend_from_slice(digits.as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_76_digits_and_a_name() {
        let mut tree = Tree::default();
        tree.file("a", 0o644, b"hi".to_vec()).unwrap();
        let text = String::from_utf8(archive(&tree, 8).unwrap()).unwrap();
        let root = concat!(
            "070707",
            "000000",
            "000001",
            "040755",
            "000000",
            "000000",
            "000001",
            "000000",
            "00000000010",
            "000002",
            "00000000000",
            ".\0"
        );
        assert_eq!(text.get(..78).unwrap(), root);
        assert!(text.get(78..).unwrap().starts_with("070707000000000002100644"), "{text}");
        assert!(text.contains("./a\0hi070707"), "{text}");
        assert!(text.ends_with("TRAILER!!!\0"));
    }
}
