//! A tree of files as it will be installed: all of root's, with explicit modes.

use std::collections::BTreeMap;

/// What cannot be in a tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError {
    /// Not a relative path of plain names.
    #[error("`{path}` is not a relative path of plain names")]
    Path {
        /// As given.
        path: String,
    },
    /// Two files of one name, or a file where a folder is.
    #[error("`{path}` is there twice")]
    Twice {
        /// The second one.
        path: String,
    },
    /// Set-id and sticky bits, or anything beyond a mode.
    #[error("mode {mode:o} of `{path}` is more than read, write and execute")]
    Mode {
        /// Of the entry.
        path: String,
        /// As given.
        mode: u16,
    },
}

/// A file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Without a slash at either end; empty for the root.
    pub path: &'a str,
    /// Permission bits, at most `0o777`.
    pub mode: u16,
    /// `None` for a folder.
    pub content: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Permission bits and type, as in `st_mode`.
    pub fn full_mode(&self) -> u16 {
        self.mode | if self.content.is_some() { 0o100_000 } else { 0o040_000 }
    }

    /// Bytes; 0 for a folder.
    pub fn size(&self) -> usize {
        self.content.map_or(0, <[u8]>::len)
    }
}

/// The tree; its root is a folder with mode 0755.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: BTreeMap<String, (u16, Option<Vec<u8>>)>,
}

impl Tree {
    /// Adds a file; the folders above it are made with mode 0755 where they are missing.
    pub fn file(&mut self, path: &str, mode: u16, content: Vec<u8>) -> Result<(), TreeError> {
        let is_plain = |name: &str| {
            !name.is_empty()
                && name != "."
                && name != ".."
                && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        };
        if path.len() > 512 || !path.split('/').all(is_plain) {
            return Err(TreeError::Path { path: path.to_owned() });
        }
        if mode > 0o777 {
            return Err(TreeError::Mode { path: path.to_owned(), mode });
        }
        for (end, _) in path.match_indices('/') {
            let folder = path.get(..end).unwrap_or_default();
            let (_, content) = self.nodes.entry(folder.to_owned()).or_insert((0o755, None));
            if content.is_some() {
                return Err(TreeError::Twice { path: folder.to_owned() });
            }
        }
        if self.nodes.insert(path.to_owned(), (mode, Some(content))).is_some() {
            return Err(TreeError::Twice { path: path.to_owned() });
        }
        Ok(())
    }

    /// Root first, then every entry after its folder, sorted by path.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let root = Entry { path: "", mode: 0o755, content: None };
        std::iter::once(root).chain(self.nodes.iter().map(|(path, (mode, content))| Entry {
            path,
            mode: *mode,
            content: content.as_deref(),
        }))
    }

    /// The bytes of all files.
    pub fn size(&self) -> usize {
        self.entries().map(|entry| entry.size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut tree = Tree::default();
        tree.file("b/c/d", 0o644, vec![1]).unwrap();
        tree.file("a-file", 0o755, vec![]).unwrap();
        tree.file("b/a", 0o600, vec![2, 3]).unwrap();
        let paths: Vec<(&str, u16)> = tree.entries().map(|entry| (entry.path, entry.full_mode())).collect();
        assert_eq!(
            paths,
            [
                ("", 0o40755),
                ("a-file", 0o100_755),
                ("b", 0o40755),
                ("b/a", 0o100_600),
                ("b/c", 0o40755),
                ("b/c/d", 0o100_644)
            ]
        );
        assert_eq!(tree.size(), 3);
    }

    #[test]
    fn what_cannot_be_installed_is_refused() {
        let mut tree = Tree::default();
        for path in ["", "/etc/x", "a//b", "a/../b", "./a", "a/", "a b", "a\\b", "a\nb", "ä"] {
            assert_eq!(tree.file(path, 0o644, vec![]), Err(TreeError::Path { path: path.to_owned() }));
        }
        assert!(matches!(tree.file("a", 0o4755, vec![]), Err(TreeError::Mode { .. })));
        tree.file("a/b", 0o644, vec![]).unwrap();
        assert_eq!(tree.file("a/b", 0o644, vec![]), Err(TreeError::Twice { path: "a/b".to_owned() }));
        assert_eq!(tree.file("a/b/c", 0o644, vec![]), Err(TreeError::Twice { path: "a/b".to_owned() }));
        assert_eq!(tree.file("a", 0o644, vec![]), Err(TreeError::Twice { path: "a".to_owned() }));
    }
}
