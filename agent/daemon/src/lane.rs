//! A lane: a process that looks, and says what it found.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use portreeve_core::schedule::{Found, Lane};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;

use crate::daemon::Heard;
use crate::os;

/// Ends the settings on a lane's standard input, which stays open behind it: where it ends, this process has ended.
pub const END_OF_SETTINGS: u8 = 0;
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 4 << 20;
/// How long a lane that is given up may take to put away what it has begun.
const GRACE: Duration = Duration::from_secs(5);

/// A lane that runs.
#[derive(Debug)]
pub(crate) struct Running {
    group: Pid,
}

impl Running {
    /// Starts a lane. Its end is heard of in any case.
    pub(crate) fn start(
        ticket: u64,
        lane: Lane,
        words: &[OsString],
        settings: String,
        answers: UnboundedSender<Heard>,
    ) -> io::Result<Self> {
        let mut child = Command::new(os::program()?)
            .args(words)
            .arg(lane.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let number = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        tokio::spawn(async move {
            let (status, answer) = follow(&mut child, settings).await;
            // Nobody listens where the daemon ends.
            drop(answers.send(Heard::Lane { ticket, lane, found: understand(status, &answer).map(Box::new) }));
        });
        Ok(Self { group: Pid::from_raw(number) })
    }

    /// Asks it and all that it started to end, and makes it end soon after.
    pub(crate) fn give_up(&self) {
        self.signal(Signal::SIGTERM);
        let group = self.group;
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            send(group, Signal::SIGKILL);
        });
    }

    /// Sends a signal to it and all that it started.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.group, signal);
    }
}

fn send(group: Pid, signal: Signal) {
    if group.as_raw() > 1 {
        // A group that is gone needs no signal.
        let _ = killpg(group, signal);
    }
}

async fn follow(child: &mut Child, settings: String) -> (io::Result<ExitStatus>, Vec<u8>) {
    let input = child.stdin.take();
    let feed = async {
        let mut input = input?;
        // Who does not read them says so by its exit status.
        drop(input.write_all(settings.as_bytes()).await);
        drop(input.write_all(&[END_OF_SETTINGS]).await);
        Some(input)
    };
    let mut answer = Vec::new();
    let output = child.stdout.take();
    let read = async {
        if let Some(output) = output {
            drop(output.take(MAX_ANSWER).read_to_end(&mut answer).await);
        }
    };
    let (input, ()) = tokio::join!(feed, read);
    let status = child.wait().await;
    drop(input);
    (status, answer)
}

fn understand(status: io::Result<ExitStatus>, answer: &[u8]) -> Result<Found, String> {
    match status {
        Ok(status) if status.success() => {
            portreeve_core::json::parse(answer).map_err(|error| format!("its answer is not understood: {error}"))
        }
        Ok(status) => Err(format!("it ended with {status}")),
        Err(error) => Err(format!("its end was not seen: {error}")),
    }
}
