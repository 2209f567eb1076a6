//! A program that runs long, as another user, and is awaited.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::{Ending, Output};

/// How long streams are read after the program's end: a grandchild may hold them open.
const AFTER_END: Duration = Duration::from_millis(200);
/// How long a program that has said all may take to end.
const AFTER_WORDS: Duration = Duration::from_millis(1_500);

/// A program to run. It has no `Debug`: its environment may hold secrets.
pub(crate) struct Awaited {
    /// Absolute path.
    pub(crate) program: PathBuf,
    /// Arguments after the program's name.
    pub(crate) arguments: Vec<OsString>,
    /// All of its environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Working directory.
    pub(crate) directory: PathBuf,
    /// User and group that it runs as; none for the agent's own.
    pub(crate) user: Option<(u32, u32)>,
    /// What it reads.
    pub(crate) input: Vec<u8>,
    /// Time until it is killed.
    pub(crate) deadline: Duration,
    /// Bytes of each stream that are kept.
    pub(crate) output_limit: usize,
    /// Whether these bytes are all that it has to say. Some programs then stay.
    pub(crate) is_whole: fn(&[u8]) -> bool,
}

/// What a program printed and how it ended; none where it was killed.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its streams, each within the limit.
    pub(crate) output: Output,
    /// How it ended.
    pub(crate) ending: Option<Ending>,
}

/// Kills a group of processes when it is dropped: at the end, when it is late, and when the future is given up.
struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody left in the group is the good case.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Awaited {
    /// Runs it until it ends, has said all, or its time is over.
    pub(crate) async fn run(self) -> io::Result<Said> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .current_dir(&self.directory)
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some((uid, gid)) = self.user {
            // The supplementary groups of root are dropped with the user.
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn()?;
        let group = Group(child.id().and_then(|pid| i32::try_from(pid).ok()));
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading is no failure of ours, and no input is longer than a pipe.
            let _ = tokio::time::timeout(self.deadline, stdin.write_all(&self.input)).await;
        }
        let said = collect(&mut child, self.deadline, self.output_limit, self.is_whole).await;
        drop(group);
        said
    }
}

async fn collect(child: &mut Child, deadline: Duration, limit: usize, is_whole: fn(&[u8]) -> bool) -> io::Result<Said> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let mut output = Output::default();
    let mut ending = None;
    let mut until = Instant::now() + deadline;
    while stdout.is_some() || stderr.is_some() || ending.is_none() {
        tokio::select! {
            more = take(&mut stdout, &mut output.stdout, limit), if stdout.is_some() => {
                if !more? {
                    stdout = None;
                }
                if is_whole(&output.stdout) {
                    until = until.min(Instant::now() + AFTER_WORDS);
                }
            }
            more = take(&mut stderr, &mut output.stderr, limit), if stderr.is_some() => {
                if !more? {
                    stderr = None;
                }
            }
            status = child.wait(), if ending.is_none() => {
                ending = Some(Ending::of(status?));
                until = until.min(Instant::now() + AFTER_END);
            }
            () = tokio::time::sleep_until(until.into()) => break,
        }
    }
    Ok(Said { output, ending })
}

/// Takes what is there, and keeps it within the limit. False at the end.
async fn take(stream: &mut Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    let Some(stream) = stream else { return Ok(false) };
    let mut buffer = [0; 4 * 1024];
    let count = stream.read(&mut buffer).await?;
    let room = limit.saturating_sub(kept.len());
    kept.extend(buffer.iter().take(count.min(room)));
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline_ms: u64) -> Awaited {
        Awaited {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            directory: "/".into(),
            user: None,
            input: Vec::new(),
            deadline: Duration::from_millis(deadline_ms),
            output_limit: 1_000,
            is_whole: |bytes| bytes.ends_with(b"}\n"),
        }
    }

    #[tokio::test]
    async fn both_streams_and_the_status_are_told() {
        let said = shell("echo out; echo err >&2; env | wc -l; exit 3", 10_000).run().await.unwrap();
        assert!(matches!(said.ending, Some(Ending::Exit(3))));
        assert!(said.output.stdout.starts_with(b"out\n"));
        assert_eq!(said.output.stderr, b"err\n");
    }

    #[tokio::test]
    async fn a_late_program_is_killed_with_its_children() {
        let begun = Instant::now();
        let said = shell("(trap '' TERM; sleep 60) & trap '' TERM; echo $!; sleep 60", 300).run().await.unwrap();
        assert!(said.ending.is_none() && begun.elapsed() < Duration::from_secs(10));
        let child: i32 = String::from_utf8(said.output.stdout).unwrap().trim().parse().unwrap();
        let gone = || nix::sys::signal::kill(Pid::from_raw(child), None).is_err() || is_zombie(child);
        while !gone() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn is_zombie(pid: i32) -> bool {
        let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
        state.stdout.first().is_none_or(|state| *state == b'Z')
    }

    #[tokio::test]
    async fn one_that_has_said_all_and_stays_is_not_waited_for() {
        let begun = Instant::now();
        let said = shell("echo '{}'; sleep 60", 30_000).run().await.unwrap();
        assert!(said.ending.is_none() && begun.elapsed() < Duration::from_secs(10));
        assert_eq!(said.output.stdout, b"{}\n");
    }

    #[tokio::test]
    async fn endless_output_is_cut_and_a_dropped_run_leaves_nothing() {
        let said = shell("yes", 300).run().await.unwrap();
        assert_eq!(said.output.stdout.len(), 1_000);
        let late = tokio::time::timeout(Duration::from_millis(100), shell("sleep 60", 30_000).run()).await;
        assert!(late.is_err());
    }
}
