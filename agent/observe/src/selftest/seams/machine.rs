//! The machine: what other programs of the system say of it too, and what does not change.

use std::time::{Duration, Instant};

use nix::unistd::{User, geteuid};
use secrecy::ExposeSecret;

use super::super::trial::{Objection, Trial, same, untried};
use crate::command::{CommandError, Invocation, Runner};
use crate::{os, users};

/// How far two clocks may be apart, in seconds: each is read in whole ones, and the clock may be set between them.
const TOLERANCE_S: u64 = 5;

/// The first of these commands that is installed, by what it prints.
fn printed(runner: &dyn Runner, commands: &[(&'static str, &[&str])]) -> Result<String, String> {
    for (program, arguments) in commands {
        let invocation = Invocation::new(program, arguments.iter().copied()).deadline(Duration::from_secs(1));
        match runner.run(&invocation) {
            Ok(output) => return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Err(error @ CommandError::Start { .. }) if error.is_missing() => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("there is no program that tells it too".to_owned())
}

pub(super) fn system_version(trial: &Trial<'_>) -> Result<(), Objection> {
    let at = trial.at;
    let seen = trial.known("a version and a build", move |eyes| eyes.system(at))?;
    let truth = trial.ask(|eyes| printed(eyes.runner(), os::BUILD_COMMANDS))?.map_err(Objection::Untried)?;
    same("build", &seen.build, &truth)?;
    if seen.name.is_empty() {
        return Err(Objection::wrong("the name of the system", "nothing"));
    }
    Ok(())
}

pub(super) fn host_name(trial: &Trial<'_>) -> Result<(), Objection> {
    const COMMANDS: &[(&str, &[&str])] = &[("/usr/bin/uname", &["-n"]), ("/bin/uname", &["-n"])];
    let at = trial.at;
    let seen = trial.known("the name of the host", move |eyes| eyes.hostname(at))?;
    let truth = trial.ask(|eyes| printed(eyes.runner(), COMMANDS))?.map_err(Objection::Untried)?;
    same("name", &seen, &truth)
}

pub(super) fn identity(trial: &Trial<'_>) -> Result<(), Objection> {
    let at = trial.at;
    let first = trial.fact(move |eyes| eyes.identity(at))?;
    let Some(first) = first else {
        return Err(Objection::Untried("this system has no identity".to_owned()));
    };
    let second = trial.fact(move |eyes| eyes.identity(at))?;
    // It is a secret: neither is shown.
    match second {
        Some(second) if second.expose_secret() != first.expose_secret() => {
            Err(Objection::wrong("the same identity twice", "two"))
        }
        Some(_) if first.expose_secret().len() < 16 => Err(Objection::wrong("an identity", "a shorter text")),
        Some(_) => Ok(()),
        None => Err(Objection::wrong("the same identity twice", "none the second time")),
    }
}

pub(super) fn uptime(trial: &Trial<'_>) -> Result<(), Objection> {
    let at = trial.at;
    let begun = Instant::now();
    let seen = trial.known("a time since boot", move |eyes| eyes.uptime(at))?;
    let booted_at = sysinfo::System::boot_time().map_err(|error| Objection::Untried(error.to_string()))?;
    let now = u64::try_from(at.as_second()).unwrap_or_default();
    let truth = now.saturating_sub(booted_at);
    if seen.abs_diff(truth) > TOLERANCE_S {
        return Err(Objection::wrong(format!("about {truth} s since boot"), format!("{seen} s")));
    }
    let later = trial.known("a time since boot", move |eyes| eyes.uptime(at))?;
    let passed = begun.elapsed().as_secs() + 1;
    if later < seen || later - seen > passed {
        return Err(Objection::wrong(format!("at most {passed} s more than {seen} s"), format!("{later} s")));
    }
    Ok(())
}

pub(super) fn clock(trial: &Trial<'_>) -> Result<(), Objection> {
    let at = trial.at;
    trial.known("whether the clock is kept", move |eyes| eyes.clock(at)).map(|_| ())
}

pub(super) fn accounts(trial: &Trial<'_>) -> Result<(), Objection> {
    let (at, own) = (trial.at, geteuid());
    let account = trial.ask(move |_| User::from_uid(own))?.map_err(untried("the user database does not answer"))?;
    let account = account.ok_or_else(|| Objection::Untried("this user is in no user database".to_owned()))?;
    let home = account.dir.clone();
    if !users::may_hold_state(&home) || !trial.ask(move |_| home.is_dir())? {
        return Err(Objection::Untried("this user has no home".to_owned()));
    }
    let seen = trial.known("accounts", move |eyes| eyes.accounts(at))?;
    if seen.iter().any(|one| one.uid == own.as_raw() && one.home == account.dir) {
        return Ok(());
    }
    let others = format!("{} others", seen.len());
    Err(Objection::wrong(format!("user {own} with the home `{}`", account.dir.display()), others))
}
