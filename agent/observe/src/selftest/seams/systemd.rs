//! A transient service of systemd.

use std::sync::Arc;
use std::time::Duration;

use nix::unistd::geteuid;
use portreeve_core::snapshot::{Domain, UnitRuntime};

use super::super::eyes::Eyes;
use super::super::guardian::Undo;
use super::super::trial::{Objection, Trial, same, told, untried};
use super::{COMMAND, STATUS};
use crate::command::Invocation;
use crate::systemd::show;

/// Takes the service back when it is dropped.
struct Started<'a> {
    eyes: &'a Arc<dyn Eyes>,
    undo: Undo,
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        for invocation in self.undo.invocations() {
            // It may be gone already, which is the good case.
            let _ = self.eyes.runner().run(&invocation);
        }
    }
}

pub(super) fn services(trial: &Trial<'_>) -> Result<(), Objection> {
    let own = geteuid();
    if !trial.ask(|eyes| show::is_running(eyes.root()))? {
        return Err(Objection::Untried("systemd does not run here".to_owned()));
    }
    let user = Some(own.as_raw()).filter(|uid| *uid != 0);
    if let Some(uid) = user
        && !trial.ask(move |eyes| eyes.root().join(format!("run/user/{uid}/systemd")).is_dir())?
    {
        return Err(Objection::Untried("this user has no manager of services".to_owned()));
    }
    let unit = format!("portreeve-selftest-{:016x}.service", fastrand::u64(..));
    let stands = || standing(trial, user, &unit).map(|runtime| runtime.map(|runtime| runtime.last_exit_code));
    same("exit status before it was started", &stands()?, &None)?;

    let undo = Undo::Systemd { user, unit: unit.clone() };
    let scratch = trial.ground.scratch()?;
    scratch.undo_at_end(Some(&undo))?;
    let started = Started { eyes: trial.eyes(), undo };
    let invocation = start(user, &unit);
    trial.ask(move |eyes| eyes.runner().run(&invocation))?.map_err(untried("systemd took no service"))?;
    trial.until(|| same("exit status", &stands()?, &Some(Some(STATUS))))?;

    drop(started);
    trial.until(|| same("exit status after it was taken back", &stands()?, &None))?;
    scratch.undo_at_end(None)
}

fn start(user: Option<u32>, unit: &str) -> Invocation {
    let name = format!("--unit={unit}");
    let scope = user.map(|_| "--user");
    let words = scope.into_iter().chain(["--quiet", "--no-ask-password", &name, "--"]).chain(COMMAND);
    let invocation = Invocation::new("/usr/bin/systemd-run", words).deadline(Duration::from_secs(3));
    match user {
        Some(uid) => invocation.variable("XDG_RUNTIME_DIR", format!("/run/user/{uid}")),
        None => invocation,
    }
}

/// How the service stands, by the same way as in an inventory: none where systemd does not know it.
fn standing(trial: &Trial<'_>, user: Option<u32>, unit: &str) -> Result<Option<UnitRuntime>, Objection> {
    let (at, names) = (trial.at, vec![unit.to_owned()]);
    let domain = user.map_or(Domain::System, |uid| Domain::User { uid });
    let own = geteuid().as_raw();
    let shown = trial.ask(move |eyes| show::ask(eyes.runner(), &domain, &names, own, at))?;
    let shown = told(shown)?.map(|parsed| parsed.value).unwrap_or_default();
    Ok(shown.into_iter().find(|shown| shown.id == unit).and_then(|shown| shown.runtime("system")))
}
