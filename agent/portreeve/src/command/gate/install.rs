//! `portreeve gate install` and `uninstall`.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::diagnose;
use portreeve_core::gate::{conflicts, is_gateway_unit};
use portreeve_launchd::{ComposeJob, Installer, Place, Plan};
use portreeve_observe::command::System;

use crate::cli::{InstallArgs, ScopeArgs};
use crate::command::observe::{self, Depth};
use crate::error::UserError;
use crate::installed;
use crate::output::{self, plain};
use crate::settings::Settings;

/// Puts gates in.
pub(super) fn install(settings: &Settings, args: &InstallArgs) -> Result<u8> {
    let place = place()?;
    let program = program()?;
    let installer = installer(&place, settings, &program);
    let snapshot = observe::snapshot(settings, &ScopeArgs::default(), &Depth::default())?;
    for label in &args.labels {
        if is_gateway_unit(&snapshot, label) == Some(false) {
            return Err(UserError::NotAGatewayUnit { label: label.clone() }.into());
        }
    }
    let in_the_way = conflicts(&snapshot, &diagnose(&snapshot, &settings.policy));
    if !in_the_way.is_empty() {
        return Err(UserError::PortTaken { owners: in_the_way }.into());
    }
    let options = args.options();
    let plans = match &args.compose {
        Some(file) => vec![installer.plan_compose(&job(file, args.project.clone(), &place)?, &options)?],
        None => args.labels.iter().map(|label| installer.plan_unit(label, &options)).collect::<Result<_, _>>()?,
    };
    for plan in &plans {
        show(plan)?;
    }
    if args.dry_run {
        return Ok(0);
    }
    if !args.yes {
        confirm()?;
    }
    for plan in &plans {
        installer.install(plan)?;
        let what = plan.takes_over().map_or_else(String::new, |label| format!(" in the place of `{label}`"));
        output::note(&format!("`{}` is loaded{what}", plan.label));
    }
    Ok(0)
}

/// Takes gates out.
pub(super) fn uninstall(settings: &Settings, labels: &[String]) -> Result<u8> {
    let place = place()?;
    let program = program()?;
    let installer = installer(&place, settings, &program);
    for label in labels {
        let gone = installer.uninstall(label)?;
        let what = match gone.restored {
            Some((label, path)) => format!(", and `{label}` is restored in `{}`", path.display()),
            None => String::new(),
        };
        output::note(&format!("`{}` is gone{what}", gone.gate));
    }
    Ok(0)
}

fn installer<'a>(place: &'a Place, settings: &'a Settings, program: &'a Path) -> Installer<'a> {
    Installer { place, data_dir: &settings.data_dir, program, runner: &System }
}

fn place() -> Result<Place> {
    if std::env::consts::OS != "macos" {
        return Err(UserError::NoLaunchd.into());
    }
    if portreeve_observe::is_root() {
        return Ok(Place::system(Path::new(installed::LAUNCH_DAEMONS)));
    }
    Ok(Place::own(&home()?, &System)?)
}

fn home() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.context("`HOME` names no folder")
}

/// This program, where it really is.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    fs::canonicalize(&program).with_context(|| format!("cannot find `{}`", program.display()))
}

fn job(file: &Path, project: Option<String>, place: &Place) -> Result<ComposeJob> {
    use std::os::unix::fs::MetadataExt as _;
    let unreadable = |source| UserError::Read { path: file.to_owned(), source };
    // The path is kept by launchd and must not depend on where this was typed; the file itself must be none that leads elsewhere.
    let (parent, name) = (file.parent().unwrap_or(Path::new("")), file.file_name().unwrap_or_default());
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let file = fs::canonicalize(parent).map_err(unreadable)?.join(name);
    let owner = fs::symlink_metadata(&file).map_err(unreadable)?.uid();
    if place.uid != 0 {
        return Ok(ComposeJob { file, project, user: None, logs: home()?.join("Library/Logs") });
    }
    if owner == 0 {
        return Ok(ComposeJob { file, project, user: None, logs: PathBuf::from(installed::LOG_DIR) });
    }
    let accounts = portreeve_observe::users::observe(Timestamp::now());
    let account = accounts.get().into_iter().flatten().find(|account| account.uid == owner);
    let account = account.with_context(|| format!("user {owner}, who owns `{}`, is not known", file.display()))?;
    let logs = account.home.join("Library/Logs");
    Ok(ComposeJob { file, project, user: Some((account.name.clone(), account.home.clone())), logs })
}

fn show(plan: &Plan) -> Result<()> {
    let mut text: String = plan.diff()?.lines().map(|line| tabbed(line) + "\n").collect();
    for note in &plan.notes {
        text.push_str(&format!("note: {}\n", plain(note)));
    }
    // Whoever reads no further has not said that nothing shall be done.
    output::verdict(&text)?;
    Ok(())
}

/// A line whose leading tabs are the layout of a property list.
fn tabbed(line: &str) -> String {
    let (mark, rest) = line.split_at_checked(1).unwrap_or(("", line));
    let tabs = rest.len() - rest.trim_start_matches('\t').len();
    format!("{}{}{}", plain(mark), "  ".repeat(tabs), plain(rest.trim_start_matches('\t')))
}

fn confirm() -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(UserError::Unconfirmed.into());
    }
    write!(io::stderr(), "Go on? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(UserError::Unconfirmed.into()) }
}
