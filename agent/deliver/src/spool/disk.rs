//! What the spool asks of a file system.

use portreeve_store::{Folder, StoreError};

/// A folder of files. Each call waits until what it did is on the disk; a crash can leave a part of what a write wrote.
pub(super) trait Disk: Send {
    /// The names of the files, sorted.
    fn names(&self) -> Result<Vec<String>, StoreError>;
    /// At most `max_bytes` of a file from `offset` on; none where there is no such file.
    fn read_at(&self, name: &str, offset: u64, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes bytes at a place of a file, which is made where it is missing.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;
    /// Cuts a file off.
    fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError>;
    /// Removes a file.
    fn remove(&self, name: &str) -> Result<(), StoreError>;
}

impl Disk for Folder {
    fn names(&self) -> Result<Vec<String>, StoreError> {
        Self::names(self)
    }

    fn read_at(&self, name: &str, offset: u64, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Self::read_at(self, name, offset, max_bytes)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        Self::write_at(self, name, offset, bytes)
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError> {
        Self::truncate(self, name, length)
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        Self::remove(self, name)
    }
}
