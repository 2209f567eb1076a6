//! Files of environment variables.

use std::path::Path;

use portreeve_openclaw::credentials::{EnvironmentFile, EnvironmentFileKind};
use portreeve_openclaw::file::Reader;

use crate::file::chain;

/// Adds a file of environment variables, where there is one; one that cannot be read goes to `blind`.
pub fn read_environment(
    path: &Path,
    kind: EnvironmentFileKind,
    reader: &Reader,
    files: &mut Vec<EnvironmentFile>,
    blind: &mut Vec<String>,
) {
    match EnvironmentFile::read(kind, path, reader) {
        Ok(file) => files.push(file),
        Err(error) if error.is_missing() => {}
        Err(error) => blind.push(chain(&error)),
    }
}
