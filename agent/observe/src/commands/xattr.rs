//! `xattr`, and the attribute that keeps an item out of Time Machine.

use crate::plist;

/// The attribute of an item that Time Machine leaves out.
pub const BACKUP_EXCLUSION: &str = "com.apple.metadata:com_apple_backup_excludeItem";

/// What the value of [`BACKUP_EXCLUSION`] names. Any value excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// `com.apple.backupd`, as `tmutil addexclusion` and most programs write it.
    BackupDaemon,
    /// `com.apple.MobileBackup`, set for what iOS apps and some frameworks keep.
    MobileBackup,
    /// Another name.
    Other(String),
    /// Bytes that are neither a name nor a property list of one.
    Undecoded,
}

/// Decodes the value: a binary property list of a string, or the plain string.
pub fn exclusion(value: &[u8]) -> Exclusion {
    let name = match plist::parse(value) {
        Ok(plist::Value::String(name)) => Some(name),
        Ok(_) => None,
        Err(_) => std::str::from_utf8(value).ok().map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned()),
    };
    match name.as_deref() {
        Some("com.apple.backupd") => Exclusion::BackupDaemon,
        Some("com.apple.MobileBackup") => Exclusion::MobileBackup,
        Some(name) if !name.is_empty() && !name.contains(char::is_control) => Exclusion::Other(name.to_owned()),
        _ => Exclusion::Undecoded,
    }
}

/// Parses a listing: the names of `xattr`, or the names in front of the values of `xattr -l`. The part after `#` belongs to the name.
///
/// ```text
/// com.apple.FinderInfo
/// com.apple.fileprovider.fpfs#P
/// com.apple.metadata:com_apple_backup_excludeItem: bplist00_com.apple.backupd
/// ```
pub fn parse_names(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let names = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with([' ', '\t']));
    names.map(|line| line.split_once(": ").map_or(line, |(name, _)| name).trim_end_matches(':').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_tails() {
        let names = parse_names(
            b"com.apple.fileprovider.fpfs#P\ncom.apple.metadata:com_apple_backup_excludeItem: bplist00_com\n\n",
        );
        assert_eq!(names, ["com.apple.fileprovider.fpfs#P", BACKUP_EXCLUSION]);
    }

    #[test]
    fn every_value_is_something() {
        assert_eq!(exclusion(b"com.apple.MobileBackup"), Exclusion::MobileBackup);
        assert_eq!(exclusion(b""), Exclusion::Undecoded);
        assert_eq!(exclusion(b"bplist00\xff"), Exclusion::Undecoded);
        assert_eq!(exclusion(b"com.example"), Exclusion::Other("com.example".to_owned()));
    }
}
