//! One command and all that comes of it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal as System, kill, killpg, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use portreeve_core::gate::{End, Signal};

use crate::signals::of;
use crate::{os, terminal::Terminal};

/// What became of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It ended.
    Ended(End),
    /// The terminal stopped it: [`Supervisor::suspend`] is due.
    Stopped,
}

/// The command could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `{command}`")]
pub struct StartError {
    /// The program.
    pub command: String,
    /// As a shell gives it: 127 where there is no such program, else 126.
    pub status: u8,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Runs one command at a time.
#[derive(Debug)]
pub struct Supervisor {
    terminal: Option<Terminal>,
    leader: Option<Pid>,
    /// Whether the first process of the command still runs.
    is_running: bool,
}

impl Supervisor {
    /// From now on, what descendants leave behind comes to this process where the system can do that.
    pub fn new() -> io::Result<Self> {
        os::adopt_orphans()?;
        Ok(Self { terminal: Terminal::find(), leader: None, is_running: false })
    }

    /// Starts the command with these words and more variables, in a group of its own, and gives its process id.
    pub fn start(&mut self, words: &[OsString], variables: &[(&str, &str)]) -> Result<u32, StartError> {
        let (program, arguments) = words.split_first().ok_or_else(|| StartError {
            command: String::new(),
            status: 127,
            source: io::Error::from(io::ErrorKind::NotFound),
        })?;
        let has_foreground = self.terminal.as_ref().is_some_and(Terminal::is_ours);
        let child =
            Command::new(program).args(arguments).envs(variables.iter().copied()).process_group(0).spawn().map_err(
                |source| StartError {
                    command: program.to_string_lossy().into_owned(),
                    status: if source.kind() == io::ErrorKind::NotFound { 127 } else { 126 },
                    source,
                },
            )?;
        let leader = Pid::from_raw(child.id().cast_signed());
        self.leader = Some(leader);
        self.is_running = true;
        if let Some(terminal) = self.terminal.as_ref().filter(|_| has_foreground) {
            terminal.give(leader);
        }
        Ok(child.id())
    }

    /// Passes a signal on to the command's group.
    pub fn forward(&self, signal: Signal) {
        if let Some(leader) = self.running() {
            // A group that is gone needs no signal.
            let _ = killpg(leader, of(signal));
            if signal.asks_to_end() {
                let _ = killpg(leader, System::SIGCONT);
            }
        }
    }

    /// Asks all of the command to end, also what is stopped.
    pub fn terminate(&self) {
        self.signal_all(System::SIGTERM);
        self.signal_all(System::SIGCONT);
    }

    /// Kills all of the command.
    pub fn kill(&self) {
        self.signal_all(System::SIGKILL);
    }

    /// Whether nothing of the command is left. Where that cannot be seen, it is not gone.
    pub fn is_gone(&self) -> bool {
        match self.leader {
            Some(leader) => os::members(leader).is_ok_and(|members| members.is_empty()),
            None => true,
        }
    }

    /// Reaps what has ended, and tells of the command. Without `all` nothing but the command itself is reaped: another part of this program
    /// waits for children of its own.
    pub fn reap(&mut self, all: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let which = if all { Some(Pid::from_raw(-1)) } else { self.running() };
        let Some(which) = which else { return events };
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
        loop {
            let status = match waitpid(which, Some(flags)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(_) => break,
            };
            if status.pid() != self.running() {
                continue;
            }
            match status {
                WaitStatus::Exited(_, code) => {
                    events.push(self.ended(End::Status(u8::try_from(code & 0xff).unwrap_or(u8::MAX))));
                }
                WaitStatus::Signaled(_, signal, _) => {
                    events.push(self.ended(End::Signal(u8::try_from(signal as i32).unwrap_or_default())));
                }
                WaitStatus::Stopped(_, signal) => events.extend(self.stopped(signal)),
                _ => {}
            }
        }
        events
    }

    /// Stops this program as the terminal has stopped the command, and lets both go on together. Gives how long that was.
    pub fn suspend(&mut self) -> Duration {
        let begun = Instant::now();
        if let (Some(terminal), Some(leader)) = (&self.terminal, self.running()) {
            terminal.take_back(leader);
            let _ = raise(System::SIGSTOP);
            if terminal.is_ours() {
                terminal.give(leader);
            }
            let _ = killpg(leader, System::SIGCONT);
        }
        begun.elapsed()
    }

    fn running(&self) -> Option<Pid> {
        self.leader.filter(|_| self.is_running)
    }

    fn ended(&mut self, end: End) -> Event {
        self.is_running = false;
        self.release_terminal();
        Event::Ended(end)
    }

    /// What the command's stop means: that of the keyboard stops this program too, one for want of the foreground may be mended.
    fn stopped(&self, signal: System) -> Option<Event> {
        let (terminal, leader) = (self.terminal.as_ref()?, self.running()?);
        match signal {
            // It asked for the terminal in the moment before it was given it.
            System::SIGTTIN | System::SIGTTOU if terminal.has(leader) => {
                let _ = killpg(leader, System::SIGCONT);
                None
            }
            System::SIGTTIN | System::SIGTTOU if terminal.is_ours() => {
                terminal.give(leader);
                let _ = killpg(leader, System::SIGCONT);
                None
            }
            System::SIGTSTP | System::SIGTTIN | System::SIGTTOU => Some(Event::Stopped),
            _ => None,
        }
    }

    /// Signals the group while its first process lives and keeps the group's number, and each process beyond it by its own.
    fn signal_all(&self, signal: System) {
        let Some(leader) = self.leader else { return };
        if self.is_running {
            let _ = killpg(leader, signal);
        }
        for member in os::members(leader).unwrap_or_default() {
            let is_signalled = self.is_running && nix::unistd::getpgid(Some(member)) == Ok(leader);
            if !is_signalled {
                let _ = kill(member, signal);
            }
        }
    }

    fn release_terminal(&self) {
        if let (Some(terminal), Some(leader)) = (&self.terminal, self.leader) {
            terminal.take_back(leader);
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.release_terminal();
    }
}
