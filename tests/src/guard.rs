//! Nothing outlives a test program.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Waits for the end of its input. Where nobody wrote `done` before, the program that started it is gone.
const SCRIPT: &str = r#"read -r word; [ "$word" = done ] || { kill -s KILL -- "-$1"; [ -z "$2" ] || rm -rf -- "$2"; }"#;

/// Kills a process group when dropped, and also when this program ends in whatever way.
#[derive(Debug)]
pub struct Guard {
    group: Pid,
    watch: Child,
}

impl Guard {
    /// Guards the process group that `child` leads. `remove` goes with it where this program ends without dropping the guard.
    pub fn new(child: &Child, remove: Option<&Path>) -> Self {
        let group = Pid::from_raw(child.id().try_into().unwrap());
        let mut watch = Command::new("/bin/sh");
        watch.args(["-c", SCRIPT, "sh", &group.to_string()]).arg(remove.unwrap_or_else(|| Path::new("")));
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self { group, watch: watch.spawn().unwrap() }
    }

    /// Sends a signal to the whole group. Fails silently where it is gone already.
    pub fn signal(&self, signal: Signal) {
        let _ = killpg(self.group, signal);
    }
}

/// A process that leads a group of its own. The group is killed and the process waited for when it is dropped.
#[derive(Debug)]
pub struct Running {
    guard: Guard,
    /// The process.
    pub child: Child,
}

impl Running {
    /// Starts it. `remove` goes with it where this program ends without dropping it.
    pub fn start(command: &mut Command, remove: Option<&Path>) -> Self {
        let child = command.process_group(0).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { guard: Guard::new(&child, remove), child }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole group. Fails silently where it is gone already.
    pub fn signal(&self, signal: Signal) {
        self.guard.signal(signal);
    }

    /// Sends a signal to the process alone, not to what it has started.
    pub fn signal_alone(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        // A zombie would still be on the list of processes.
        let _ = self.child.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(mut input) = self.watch.stdin.take() {
            let _ = input.write_all(b"done\n");
        }
        let _ = self.watch.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait_until;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn a_program_that_ends_without_a_word_leaves_neither_process_nor_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut guard = Guard::new(&child, Some(folder.path()));
        drop(guard.watch.stdin.take());
        wait_until("the end of the process", LIMIT, || child.try_wait().unwrap());
        wait_until("the end of the folder", LIMIT, || (!folder.path().exists()).then_some(()));
    }

    #[test]
    fn a_dropped_guard_kills_and_leaves_the_folder_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        drop(Guard::new(&child, Some(folder.path())));
        wait_until("the end of the process", LIMIT, || child.try_wait().unwrap());
        assert!(folder.path().exists());
    }
}
