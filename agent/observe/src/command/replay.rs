//! Programs answered from a recording.

use std::collections::BTreeMap;
use std::io;

use super::{CommandError, Ending, Invocation, Output, Runner};

/// Answers from what was recorded, by the whole command line as [`Invocation`] displays it.
#[derive(Debug, Default)]
pub struct Replay {
    answers: BTreeMap<String, (i32, Output)>,
}

impl Replay {
    /// Adds an answer: exit status, standard output, standard error.
    #[must_use]
    pub fn answer(mut self, command: &str, status: i32, stdout: impl AsRef<[u8]>, stderr: impl AsRef<[u8]>) -> Self {
        let output = Output { stdout: stdout.as_ref().to_vec(), stderr: stderr.as_ref().to_vec() };
        self.answers.insert(command.to_owned(), (status, output));
        self
    }
}

impl Runner for Replay {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let command = invocation.to_string();
        match self.answers.get(&command) {
            Some((0, output)) => Ok(output.clone()),
            Some((status, output)) => {
                Err(CommandError::Failed { command, ending: Ending::Exit(*status), output: output.clone() })
            }
            None => Err(CommandError::Start { command, source: io::ErrorKind::NotFound.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replay_answers_by_command_line() {
        let replay = Replay::default().answer("launchctl print gui/501", 113, "", "Could not find domain\n");
        let error = replay.run(&Invocation::new("/bin/launchctl", ["print", "gui/501"])).unwrap_err();
        assert_eq!(error.exit().map(|(status, _)| status), Some(113));
        assert!(replay.run(&Invocation::new("/bin/launchctl", ["list"])).unwrap_err().is_missing());
    }
}
