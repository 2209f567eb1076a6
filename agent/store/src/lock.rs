//! A lock that lasts as long as the process that took it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use crate::StoreError;

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest process id, in bytes.
const MAX_PID: u64 = 16;

/// A lock that is held until it is dropped. The system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Takes the lock of a file, and writes the process id into it for whoever finds it held.
pub(crate) fn take(file: File, path: PathBuf, patience: Duration) -> Result<Lock, StoreError> {
    let until = Instant::now() + patience;
    let mut file = file;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut locked) => {
                let written = locked
                    .set_len(0)
                    .and_then(|()| locked.seek(SeekFrom::Start(0)))
                    .and_then(|_| writeln!(locked, "{}", std::process::id()));
                return match written {
                    Ok(()) => Ok(Lock { _file: locked }),
                    Err(source) => Err(StoreError::Io { doing: "write", path, source }),
                };
            }
            Err((refused, nix::Error::EWOULDBLOCK)) => file = refused,
            Err((_, error)) => return Err(StoreError::Io { doing: "lock", path, source: error.into() }),
        }
        if Instant::now() >= until {
            return Err(StoreError::Held { path, holder: holder(&file) });
        }
        thread::sleep(PAUSE);
    }
}

fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
