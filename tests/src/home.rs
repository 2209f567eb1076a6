//! A throw-away home with a state directory.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

/// A home with an empty state directory that only its owner may read; removed when dropped.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    state: PathBuf,
}

impl Home {
    /// Makes one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("portreeve-e2e-").tempdir().unwrap();
        let state = folder.path().join(".openclaw");
        DirBuilder::new().mode(0o700).create(&state).unwrap();
        Self { folder, state }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Replaces a file of the state directory with one that only its owner may read.
    pub fn write(&self, name: &str, text: &str) {
        write_private(&self.state.join(name), text);
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) fn write_private(path: &Path, text: &str) {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Sets a value by its JSON pointer; objects on the way are made, and a list grows by one where that is enough.
pub(crate) fn set(config: &mut Value, pointer: &str, value: Value) {
    let mut at = config;
    for key in pointer.split('/').skip(1) {
        at = match at {
            Value::Array(list) => {
                let index: usize = key.parse().unwrap();
                if index == list.len() {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
            other => &mut other[key],
        };
    }
    *at = value;
}

/// Removes a key by its JSON pointer.
pub(crate) fn unset(config: &mut Value, pointer: &str) {
    let (object, key) = pointer.rsplit_once('/').unwrap();
    let object = config.pointer_mut(object);
    let gone = match object {
        Some(Value::Object(map)) => map.remove(key).is_some(),
        Some(Value::Array(list)) => {
            let index: usize = key.parse().unwrap();
            (index < list.len()).then(|| list.remove(index)).is_some()
        }
        _ => false,
    };
    assert!(gone, "`{pointer}` is not there");
}
