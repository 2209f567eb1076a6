//! Nothing outlives a test program.

use std::fs;
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

/// How many processes of the group run still, by `/proc`; none where there is none.
pub(crate) fn group_size(group: u32) -> usize {
    let is_its = |stat: &str| {
        // pid (name) state ppid pgrp …: proc_pid_stat(5).
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, group_of) = (fields.next()?, fields.nth(1)?);
        Some(state != "Z" && state != "X" && group_of.parse() == Ok(group))
    };
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = folders.filter_map(|folder| fs::read_to_string(folder.path().join("stat")).ok());
    stats.filter(|stat| is_its(stat).unwrap_or_default()).count()
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
    fn a_group_lives_as_long_as_one_of_its_processes() {
        if !Path::new("/proc/self/stat").is_file() {
            return;
        }
        let mut child = Command::new("sh").args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap();
        let group = Pid::from_raw(child.id().cast_signed());
        wait_until("the second process", LIMIT, || (group_size(child.id()) == 2).then_some(()));
        kill(group, Signal::SIGKILL).unwrap();
        child.wait().unwrap();
        assert_eq!(group_size(child.id()), 1);
        killpg(group, Signal::SIGKILL).unwrap();
        wait_until("the end of the group", LIMIT, || (group_size(child.id()) == 0).then_some(()));
    }

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
