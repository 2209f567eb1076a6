//! Programs run for real.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{CommandError, Ending, Invocation, Output, Runner};

/// How long to wait for a killed program to vanish.
const REAP_DEADLINE: Duration = Duration::from_millis(500);
/// The longest sleep between two looks at a program that closed its output or left it to others.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Runs programs for real.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Runner for System {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let started = Instant::now();
        let mut child = spawn(invocation)?;
        let result = collect(&mut child, invocation, started);
        if result.is_err() {
            kill(&mut child);
        }
        let (output, status) = result?;
        finish(invocation, output, status)
    }
}

fn spawn(invocation: &Invocation) -> Result<Child, CommandError> {
    let start = |source| CommandError::Start { command: invocation.to_string(), source };
    if !invocation.program.starts_with('/') {
        return Err(start(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute")));
    }
    std::process::Command::new(invocation.program)
        .args(&invocation.arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start)
}

fn finish(invocation: &Invocation, output: Output, status: ExitStatus) -> Result<Output, CommandError> {
    if status.success() {
        return Ok(output);
    }
    let ending = Ending::of(status);
    Err(CommandError::Failed { command: invocation.to_string(), ending, output })
}

/// Both streams until they end or the program does, and its status.
fn collect(child: &mut Child, invocation: &Invocation, started: Instant) -> Result<(Output, ExitStatus), CommandError> {
    let io = |source| CommandError::Io { command: invocation.to_string(), source };
    let mut stdout = Stream::new(child.stdout.take()).map_err(io)?;
    let mut stderr = Stream::new(child.stderr.take()).map_err(io)?;
    let mut pause = Duration::from_millis(1);
    loop {
        let status = child.try_wait().map_err(io)?;
        for stream in [&mut stdout as &mut dyn Drain, &mut stderr] {
            stream.drain(invocation.output_limit).map_err(|fault| match fault {
                Fault::Io(source) => io(source),
                Fault::TooLarge => {
                    CommandError::TooLarge { command: invocation.to_string(), limit: invocation.output_limit }
                }
            })?;
        }
        if let Some(status) = status {
            if stdout.pipe.is_some() || stderr.pipe.is_some() {
                kill_group(child);
            }
            return Ok((Output { stdout: stdout.bytes, stderr: stderr.bytes }, status));
        }
        let Some(left) = invocation.deadline.checked_sub(started.elapsed()) else {
            return Err(CommandError::TimedOut { command: invocation.to_string(), after: invocation.deadline });
        };
        let mut waiting = Vec::new();
        waiting.extend(stdout.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        waiting.extend(stderr.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        if waiting.is_empty() {
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LOOK_INTERVAL);
        } else {
            // A child may end while a grandchild holds its pipes, so the wait for output is short.
            let wait = PollTimeout::try_from(LOOK_INTERVAL.min(left)).unwrap_or(PollTimeout::ZERO);
            match poll(&mut waiting, wait) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(io(errno.into())),
            }
        }
    }
}

struct Stream<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
}

enum Fault {
    Io(io::Error),
    TooLarge,
}

impl<R: Read + AsFd> Stream<R> {
    fn new(pipe: Option<R>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
            fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe, bytes: Vec::new() })
    }
}

trait Drain {
    /// Takes what is there without waiting.
    fn drain(&mut self, limit: usize) -> Result<(), Fault>;
}

impl<R: Read + AsFd> Drain for Stream<R> {
    fn drain(&mut self, limit: usize) -> Result<(), Fault> {
        let mut buffer = [0; 16 * 1024];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    self.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    if self.bytes.len() > limit {
                        return Err(Fault::TooLarge);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        Ok(())
    }
}

fn kill_group(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // Nobody left in the group is the good case.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Kills the program with its whole group and waits for it, but not for ever: one that hangs in the kernel is left to a thread.
fn kill(child: &mut Child) {
    kill_group(child);
    let started = Instant::now();
    while started.elapsed() < REAP_DEADLINE {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    let Ok(pid) = i32::try_from(child.id()) else {
        return;
    };
    std::thread::spawn(move || {
        let _ = nix::sys::wait::waitpid(Pid::from_raw(pid), None);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Invocation {
        Invocation::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn gives_both_streams_and_a_bare_environment() {
        let output = System
            .run(&shell("printf out; printf err >&2; test -z \"$HOME$TERM\" && printf \" $LC_ALL\"; cat"))
            .unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (b"out C".as_slice(), b"err".as_slice()));
        assert_eq!(format!("{output:?}"), "Output { stdout: 5 bytes, stderr: 3 bytes }");
    }

    #[test]
    fn a_failure_keeps_what_was_printed() {
        let error = System.run(&shell("echo partial; echo why >&2; exit 113")).unwrap_err();
        let (status, output) = error.exit().unwrap();
        assert_eq!(
            (status, output.stdout.as_slice(), output.stderr.as_slice()),
            (113, b"partial\n".as_slice(), b"why\n".as_slice())
        );
        let killed = System.run(&shell("kill -9 $$")).unwrap_err();
        assert_eq!(killed.to_string(), "`sh -c kill -9 $$` ended with signal 9");
    }

    #[test]
    fn a_program_that_is_not_there_is_no_failure_of_its_own() {
        assert!(System.run(&Invocation::new("/nonexistent/tool", [""; 0])).unwrap_err().is_missing());
        assert!(matches!(System.run(&Invocation::new("sh", [""; 0])), Err(CommandError::Start { .. })));
    }

    #[test]
    fn a_program_that_ignores_term_is_killed_with_its_children() {
        let started = Instant::now();
        let invocation =
            shell("trap '' TERM; (trap '' TERM; sleep 60) & echo $!; sleep 60").deadline(Duration::from_millis(300));
        assert!(matches!(System.run(&invocation), Err(CommandError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipes_open_does_not_hold_up_the_answer() {
        let started = Instant::now();
        let output = System.run(&shell("sleep 60 & printf done")).unwrap();
        assert_eq!(output.stdout, b"done");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn a_program_that_closes_its_output_is_still_waited_for() {
        let invocation = shell("exec >&- 2>&-; sleep 60").deadline(Duration::from_millis(200));
        assert!(matches!(System.run(&invocation), Err(CommandError::TimedOut { .. })));
    }

    #[test]
    fn endless_output_is_cut() {
        let invocation = shell("while :; do echo xxxxxxxxxxxxxxxx; done").output_limit(100_000);
        assert!(matches!(System.run(&invocation), Err(CommandError::TooLarge { limit: 100_000, .. })));
    }
}
