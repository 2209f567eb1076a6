//! A job of launchd.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use nix::unistd::geteuid;

use super::super::eyes::Eyes;
use super::super::guardian::Undo;
use super::super::trial::{Objection, Trial, same, told, untried};
use super::{COMMAND, STATUS};
use crate::command::Invocation;
use crate::launchd::runtime::{self, user_domains};
use portreeve_core::order::Gather as _;

/// What the label begins with.
const LABEL: &str = "dev.portreeve.selftest.";

/// Takes the job back when it is dropped.
struct Loaded<'a> {
    eyes: &'a Arc<dyn Eyes>,
    undo: Undo,
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        for invocation in self.undo.invocations() {
            // It may be gone already, which is the good case.
            let _ = self.eyes.runner().run(&invocation);
        }
    }
}

pub(super) fn services(trial: &Trial<'_>) -> Result<(), Objection> {
    let scratch = trial.ground.scratch()?;
    let label = format!("{LABEL}{:016x}", fastrand::u64(..));
    let definition = write(trial, &label)?;
    let domain = domain(trial)?;
    let target = format!("{domain}/{label}");
    let stands = || standing(trial, &domain, &label);
    same("standing before it was loaded", &stands()?, &None)?;

    let undo = Undo::Launchd { target };
    scratch.undo_at_end(Some(&undo))?;
    let loaded = Loaded { eyes: trial.eyes(), undo };
    let path = definition.to_string_lossy().into_owned();
    let invocation = Invocation::new("/bin/launchctl", ["bootstrap", &domain, &path]);
    trial.ask(move |eyes| eyes.runner().run(&invocation))?.map_err(untried("launchd took no job"))?;
    let truth = Standing { domain: domain.clone(), path: Some(path), last_exit_code: Some(STATUS) };
    trial.until(|| same("standing", &stands()?, &Some(truth.clone())))?;

    drop(loaded);
    trial.until(|| same("standing after it was taken back", &stands()?, &None))?;
    scratch.undo_at_end(None)
}

/// What is compared of a job.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    domain: String,
    path: Option<String>,
    last_exit_code: Option<i32>,
}

/// How the job stands, by the same way as in an inventory: none where it is not loaded.
fn standing(trial: &Trial<'_>, domain: &str, label: &str) -> Result<Option<Standing>, Objection> {
    let (at, uids) = (trial.at, uids());
    let (domain, label) = (domain.to_owned(), label.to_owned());
    let (runtime, print) = trial.ask(move |eyes| {
        let mut domains = runtime::ask(eyes.runner(), &uids, at);
        domains.runtime(eyes.runner(), &label, &[domain], at)
    })?;
    let runtime = told(runtime)?;
    Ok(runtime.map(|runtime| Standing {
        domain: runtime.domain,
        path: print.and_then(|print| print.path),
        last_exit_code: runtime.last_exit_code,
    }))
}

fn uids() -> BTreeSet<u32> {
    Some(geteuid()).filter(|uid| !uid.is_root()).map(nix::unistd::Uid::as_raw).into_iter().gather()
}

/// The domain in which this user may load a job.
fn domain(trial: &Trial<'_>) -> Result<String, Objection> {
    let own = geteuid();
    if own.is_root() {
        return Ok("system".to_owned());
    }
    let (at, uids) = (trial.at, uids());
    let domains = trial.ask(move |eyes| runtime::ask(eyes.runner(), &uids, at))?;
    let exists = |name: &String| domains.domains.get(name).is_some_and(|domain| domain.get().is_some());
    let found = user_domains(own.as_raw()).into_iter().find(exists);
    found.ok_or_else(|| Objection::Untried("launchd shows no domain of this user".to_owned()))
}

/// The job's definition, which launchd takes only where nobody else can write it.
fn write(trial: &Trial<'_>, label: &str) -> Result<PathBuf, Objection> {
    let scratch = trial.ground.scratch()?;
    let make = || {
        let (path, mut file) = scratch.file(&format!("{label}.plist"), 0o600)?;
        file.write_all(text(label, &COMMAND).as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()?;
        std::io::Result::Ok(path)
    };
    make().map_err(untried("no definition could be written"))
}

fn text(label: &str, command: &[&str]) -> String {
    let arguments: String = command.iter().flat_map(|argument| ["<string>", argument, "</string>"]).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\"><dict>\
         <key>Label</key><string>{label}</string>\
         <key>ProgramArguments</key><array>{arguments}</array>\
         <key>RunAtLoad</key><true/>\
         <key>KeepAlive</key><false/>\
         </dict></plist>\n"
    )
}
