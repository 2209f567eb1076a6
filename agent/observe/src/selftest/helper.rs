//! A helper as its parent holds it: it does one thing at a time, on request, and ends when its input does.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Helper;
use super::guardian::{MARK, READY};
use super::trial::{Objection, untried};

/// How long a helper may take to end by itself, as the guardian does after its work.
const ENDING: Duration = Duration::from_secs(2);
/// Between two looks at one that ends.
const PAUSE: Duration = Duration::from_millis(5);

/// A helper that runs. It is killed when this is dropped, and ends by itself when this process does.
pub(super) struct Held {
    child: Child,
    input: Mutex<Option<ChildStdin>>,
    answers: Mutex<Receiver<String>>,
    /// All of its environment.
    pub(super) variable: (String, String),
    /// Its arguments, the program's name first.
    pub(super) argv: Vec<String>,
}

impl Held {
    /// Starts one in a folder, and waits until it is ready.
    pub(super) fn start(helper: &Helper, folder: &Path, words: &[&str], patience: Duration) -> Result<Self, Objection> {
        let arguments: Vec<OsString> =
            helper.arguments.iter().cloned().chain(words.iter().map(|word| OsString::from(*word))).collect();
        let argv = [helper.program.clone().into_os_string()].into_iter().chain(arguments.iter().cloned());
        let argv = argv.map(|argument| argument.to_string_lossy().into_owned()).collect();
        let variable = (MARK.to_owned(), format!("a=b {:016x} ü", fastrand::u64(..)));
        let mut child = Command::new(&helper.program)
            .args(&arguments)
            .env_clear()
            .env(&variable.0, &variable.1)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A signal from the terminal is for the test; the helper sees its end.
            .process_group(0)
            .spawn()
            .map_err(untried("a helper could not be started"))?;
        let input = child.stdin.take();
        let (send, answers) = sync_channel(8);
        if let Some(output) = child.stdout.take() {
            // Ends with the helper's output.
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let held = Self { child, input: Mutex::new(input), answers: Mutex::new(answers), variable, argv };
        held.await_answer(READY, patience)?;
        Ok(held)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal. Its number is its own as long as this is not dropped, since nobody else waits for it.
    pub(super) fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Has it do something, and waits until it has.
    pub(super) fn tell(&self, task: &str, patience: Duration) -> Result<(), Objection> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let input = input.as_mut().ok_or_else(|| Objection::Untried("a helper has no input".to_owned()))?;
        writeln!(input, "{task}").map_err(untried("a helper does not listen"))?;
        self.await_answer("done", patience)
    }

    fn await_answer(&self, wanted: &str, patience: Duration) -> Result<(), Objection> {
        let until = Instant::now() + patience;
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match answers.recv_timeout(until.saturating_duration_since(Instant::now())) {
                // A program that is not ours alone may print more than the answer.
                Ok(line) => match line.split_once("helper: ").map(|(_, answer)| answer) {
                    Some(answer) if answer == wanted => return Ok(()),
                    Some(answer) => return Err(Objection::Untried(format!("a helper says: {answer}"))),
                    None => {}
                },
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Objection::Untried("a helper did not answer in time".to_owned()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Objection::Untried("a helper ended without an answer".to_owned()));
                }
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.input.lock().unwrap_or_else(PoisonError::into_inner).take());
        // One that is stopped does not see its end.
        self.signal(Signal::SIGCONT);
        let until = Instant::now() + ENDING;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(PAUSE),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
