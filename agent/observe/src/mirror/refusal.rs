//! Why something could not be looked at, with the right that is missing.

use std::io;

use jiff::Timestamp;
use nix::errno::Errno;
use portreeve_core::Fact;
use portreeve_openclaw::file::ReadError;

use crate::command::CommandError;
use crate::file;
use crate::plist::PlistError;

/// The privacy protection of macOS refused, which binds root too.
pub(super) const NO_FULL_DISK_ACCESS: &str = "Full Disk Access is not granted";

/// A refusal of the system: `EPERM` is the privacy protection of macOS, `EACCES` plain permissions.
pub(super) fn of_io<T>(error: &io::Error, source: impl Into<String>, at: Timestamp) -> Fact<T> {
    if error.raw_os_error().map(Errno::from_raw) == Some(Errno::EPERM) {
        return Fact::denied(NO_FULL_DISK_ACCESS, source, at);
    }
    file::error_fact(error, source, at)
}

/// Why a file was not read.
pub(super) fn of_read<T>(error: &ReadError, at: Timestamp) -> Fact<T> {
    let source = error.path().to_string_lossy().into_owned();
    match error {
        ReadError::NotFound { .. } => Fact::absent(source, at),
        ReadError::Denied { source: cause, .. } | ReadError::Io { source: cause, .. } => of_io(cause, source, at),
        other => Fact::unreadable(file::chain(other), source, at),
    }
}

/// Why a property list was not read.
pub(super) fn of_plist<T>(error: &PlistError, at: Timestamp) -> Fact<T> {
    match error {
        PlistError::Read(error) => of_read(error, at),
        PlistError::Parse { path, .. } => Fact::unreadable(error.why(), path.to_string_lossy(), at),
    }
}

/// Why a command gave no answer.
pub(super) fn of_command<T>(error: &CommandError, source: &str, at: Timestamp) -> Fact<T> {
    if error.is_missing() {
        return Fact::absent(source, at);
    }
    if let CommandError::TimedOut { after, .. } = error {
        return Fact::unreadable(format!("no answer within {} ms", after.as_millis()), source, at);
    }
    if let CommandError::Failed { output, .. } = error {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("Full Disk Access");
        if said(&output.stderr) || said(&output.stdout) {
            return Fact::denied(NO_FULL_DISK_ACCESS, source, at);
        }
    }
    Fact::unreadable(file::chain(error), source, at)
}
