//! What a record lock costs on the volume of a state directory, measured on a file of the agent's own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use portreeve_core::Fact;
use portreeve_core::snapshot::LockLatency;

use crate::deadline::within;
use crate::file;

/// How long a file system has to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// Locks that are taken and released.
const ROUNDS: u32 = 64;
/// Between two, so that they meet different moments.
const PAUSE: Duration = Duration::from_millis(2);

const SOURCE: &str = "F_SETLK on a file of the agent's own";

/// Takes and releases a lock some dozen times, in the first of these folders that lies on the state directory's volume and in which
/// the agent may make a file. The file has no name while it is used.
pub(super) fn measure(state_dir: &Path, folders: &[PathBuf], at: Timestamp) -> Fact<LockLatency> {
    let (dir, folders) = (state_dir.to_owned(), folders.to_vec());
    match within(DEADLINE, move || file_on_volume(&dir, &folders).and_then(|file| rounds(&file))) {
        Ok(Ok(latency)) => Fact::known(latency, SOURCE, at),
        Ok(Err(error)) if error.kind() == io::ErrorKind::CrossesDevices => {
            Fact::unreadable("no folder of the agent's own lies on that volume", SOURCE, at)
        }
        Ok(Err(error)) => file::error_fact(&error, SOURCE, at),
        Err(overdue) => Fact::unreadable(overdue.to_string(), SOURCE, at),
    }
}

fn file_on_volume(state_dir: &Path, folders: &[PathBuf]) -> io::Result<File> {
    let device = fs::metadata(state_dir)?.dev();
    let own = nix::unistd::geteuid().as_raw();
    for folder in folders {
        let Ok(metadata) = fs::symlink_metadata(folder) else { continue };
        // In a folder of somebody else's a name is not ours to remove.
        if metadata.dev() != device || metadata.uid() != own || !metadata.is_dir() || folder.starts_with(state_dir) {
            continue;
        }
        let path = folder.join(format!(".lock-latency.{}", std::process::id()));
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600).custom_flags(flags.bits());
        let Ok(file) = options.open(&path) else { continue };
        fs::remove_file(&path)?;
        return Ok(file);
    }
    Err(io::Error::from(io::ErrorKind::CrossesDevices))
}

fn rounds(file: &File) -> io::Result<LockLatency> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        set(file, libc::F_WRLCK)?;
        times.push(begun.elapsed());
        set(file, libc::F_UNLCK)?;
        std::thread::sleep(PAUSE);
    }
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
        time.as_secs_f64() * 1e6
    };
    Ok(LockLatency { median_us: at(50), p95_us: at(95), rounds: ROUNDS })
}

fn set(file: &File, kind: impl TryInto<libc::c_short>) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let lock = libc::flock {
        l_type: kind.try_into().map_err(|_| invalid())?,
        l_whence: libc::SEEK_SET.try_into().map_err(|_| invalid())?,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_SETLK(&lock))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_our_own_is_measured_and_nothing_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (state, own) = (dir.path().join("state"), dir.path().join("own"));
        fs::create_dir(&state).unwrap();
        fs::create_dir(&own).unwrap();
        let measured = measure(&state, &[state.clone(), own.clone()], Timestamp::UNIX_EPOCH);
        let latency = measured.get().unwrap();
        assert!(latency.median_us > 0.0 && latency.median_us <= latency.p95_us, "{latency:?}");
        for folder in [&state, &own] {
            assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{folder:?}");
        }
    }

    #[test]
    fn without_a_folder_on_the_volume_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for folders in [vec![], vec![dir.path().to_owned()], vec![PathBuf::from("/proc")]] {
            let measured = measure(dir.path(), &folders, Timestamp::UNIX_EPOCH);
            assert_eq!(measured.blind(), Some("no folder of the agent's own lies on that volume"), "{folders:?}");
        }
    }
}
