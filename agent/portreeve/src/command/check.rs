//! `portreeve check`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Result;
use portreeve_core::{Snapshot, diagnose};

use super::observe::Depth;
use super::{json, observe};
use crate::cli::{CheckArgs, Global};
use crate::error::UserError;
use crate::{output, render};

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let snapshot =
        observe::snapshot(&settings, &args.scope, &Depth { timeout_s: args.timeout, deep: args.deep, series: None })?;
    if let Some(path) = &args.save {
        save(path, &snapshot)?;
    }
    let mut policy = settings.policy;
    policy.only = args.only.map(Into::into);
    let report = diagnose(&snapshot, &policy);
    let text = if args.json { json(&report)? } else { render::report(&report, global.verbose > 0, output::width()) };
    output::print(&text)?;
    Ok(report.exit_status(args.strict))
}

/// Writes the facts to a new file that only its owner can read, and puts it in place when it is whole.
fn save(path: &Path, snapshot: &Snapshot) -> Result<()> {
    let failed = |source| UserError::Write { path: path.to_owned(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = Path::new(&name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(part).map_err(failed)?;
    let text = serde_json::to_vec(snapshot)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(part, path));
    if let Err(error) = written {
        // The write's own error is what the user needs.
        drop(std::fs::remove_file(part));
        return Err(failed(error).into());
    }
    Ok(())
}
