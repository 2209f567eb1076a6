//! What a program says, within a deadline.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::Guard;

/// What a program said.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Said {
    /// Exit status; none where it was killed.
    pub status: Option<i32>,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Both outputs.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Runs a program in a process group of its own, and kills the group at the deadline.
pub(super) fn ask(mut command: Command, limit: Duration) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let streams = ["stdout", "stderr"].map(|name| folder.path().join(name));
    let [stdout, stderr] = [&streams[0], &streams[1]].map(|path| File::create(path).unwrap());
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let guard = Guard::new(&child, None);
    let (ended, end) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if end.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            guard.signal(Signal::SIGKILL);
        }
        guard
    });
    let status = child.wait().unwrap();
    let elapsed = start.elapsed();
    drop(ended);
    drop(watch.join());
    let [stdout, stderr] = streams.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    Said { status: status.code(), elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), stdout, stderr }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_killed_at_the_deadline() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; sleep 600 & sleep 600"]);
        let said = ask(command, Duration::from_millis(300));
        assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (None, "out\n", "err\n"));
        assert!(said.elapsed_ms >= 300, "{said:?}");
    }

    #[test]
    fn the_status_of_a_program_that_ends_is_its_own() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        assert_eq!(ask(command, Duration::from_mins(1)).status, Some(7));
    }
}
