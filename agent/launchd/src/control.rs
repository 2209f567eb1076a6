//! What launchd is asked to do.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use portreeve_observe::command::{CommandError, Invocation, Runner};
use portreeve_observe::launchd::{Refusal, disabled};

use crate::InstallError;

const LAUNCHCTL: &str = "/bin/launchctl";
/// How long `launchctl` may take where it waits for no job.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at a job that is ending.
const PAUSE: Duration = Duration::from_millis(100);

/// launchd, as far as one domain goes.
#[derive(Clone, Copy)]
pub(crate) struct Control<'a> {
    pub(crate) runner: &'a dyn Runner,
    /// `system`, `gui/501`.
    pub(crate) domain: &'a str,
}

impl Control<'_> {
    /// Whether a job is loaded.
    pub(crate) fn is_loaded(&self, label: &str) -> Result<bool, InstallError> {
        match self.run(&["print", &self.target(label)], DEADLINE) {
            Ok(_) => Ok(true),
            Err(error) => match Refusal::of(&error) {
                Some(Refusal::ServiceNotFound) => Ok(false),
                _ => Err(refused(error)),
            },
        }
    }

    /// Whether a job is switched off.
    pub(crate) fn is_disabled(&self, label: &str) -> Result<bool, InstallError> {
        let output = self.run(&["print-disabled", self.domain], DEADLINE).map_err(refused)?;
        let parsed = disabled::parse(&output).map_err(InstallError::Disabled)?;
        Ok(parsed.value.get(label).copied().unwrap_or(false))
    }

    /// Ends a job, where it is loaded, and waits until it is gone.
    pub(crate) fn bootout(&self, label: &str, patience: Duration) -> Result<(), InstallError> {
        if !self.is_loaded(label)? {
            return Ok(());
        }
        let until = Instant::now() + patience;
        if let Err(error) = self.run(&["bootout", &self.target(label)], patience)
            // It says so, among other things, while the job is ending; whether the job goes is what counts.
            && Refusal::of(&error) == Some(Refusal::NotPermitted)
        {
            return Err(refused(error));
        }
        while self.is_loaded(label)? {
            if Instant::now() >= until {
                return Err(InstallError::StillLoaded { label: label.to_owned(), seconds: patience.as_secs() });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Loads a job, and makes sure that it is loaded.
    pub(crate) fn bootstrap(&self, label: &str, list: &Path) -> Result<(), InstallError> {
        self.run(&["bootstrap", self.domain, &list.to_string_lossy()], DEADLINE).map_err(refused)?;
        if self.is_loaded(label)? { Ok(()) } else { Err(InstallError::NotLoaded { label: label.to_owned() }) }
    }

    /// Switches a job on.
    pub(crate) fn enable(&self, label: &str) -> Result<(), InstallError> {
        self.run(&["enable", &self.target(label)], DEADLINE).map(drop).map_err(refused)
    }

    /// Switches a job off: also after the next boot.
    pub(crate) fn disable(&self, label: &str) -> Result<(), InstallError> {
        self.run(&["disable", &self.target(label)], DEADLINE).map(drop).map_err(refused)
    }

    fn target(&self, label: &str) -> String {
        format!("{}/{label}", self.domain)
    }

    fn run(&self, words: &[&str], deadline: Duration) -> Result<Vec<u8>, CommandError> {
        let invocation = Invocation::new(LAUNCHCTL, words.iter().copied()).deadline(deadline);
        self.runner.run(&invocation).map(|output| output.stdout)
    }
}

/// Whether launchd has a domain.
pub(crate) fn has_domain(runner: &dyn Runner, domain: &str) -> Result<bool, InstallError> {
    match runner.run(&Invocation::new(LAUNCHCTL, ["print", domain]).deadline(DEADLINE)) {
        Ok(_) => Ok(true),
        Err(error) if Refusal::of(&error).is_some_and(|refusal| refusal.is_domain_absent()) => Ok(false),
        Err(error) => Err(refused(error)),
    }
}

fn refused(source: CommandError) -> InstallError {
    let said = source.exit().map(|(_, output)| String::from_utf8_lossy(&output.stderr).into_owned());
    let last = said.as_deref().and_then(|said| said.lines().rfind(|line| !line.trim().is_empty()));
    let words = last.map_or_else(|| "it gave no answer".to_owned(), |line| line.trim().chars().take(200).collect());
    InstallError::Launchd { words, source }
}
