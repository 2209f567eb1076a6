//! `portreeve status`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use portreeve_core::status::{SCHEMA, Status, StatusReport};
use portreeve_daemon::{moment, os};
use portreeve_openclaw::file::{self, ReadError};

use super::{json, observe};
use crate::cli::{Global, StatusArgs};
use crate::error::UserError;
use crate::settings::SYSTEM_STATUS;
use crate::{output, render};

/// Most bytes of the document.
const MAX_BYTES: u64 = 4 << 20;

pub(super) fn run(global: &Global, args: &StatusArgs) -> Result<u8> {
    let places = match &args.file {
        Some(path) => vec![path.clone()],
        None => places(global)?,
    };
    for path in &places {
        if let Some(status) = read(path)? {
            let report =
                StatusReport::of(status.clone(), &moment(), os::is_alive(status.daemon.pid, status.daemon.start));
            let text = if args.json { json(&report)? } else { render::status(&report, output::width()) };
            output::verdict(&text)?;
            return Ok(report.exit_status());
        }
    }
    Err(UserError::NoStatus { places }.into())
}

/// Where the document may be: where the settings say, or where the daemon of root and that of this user put it.
fn places(global: &Global) -> Result<Vec<PathBuf>> {
    let settings = observe::settings(global)?;
    if let Some(path) = settings.status_file.clone() {
        return Ok(vec![path]);
    }
    let mut places = vec![PathBuf::from(SYSTEM_STATUS)];
    let own = settings.status_file(portreeve_observe::is_root());
    if !places.contains(&own) {
        places.push(own);
    }
    Ok(places)
}

fn read(path: &Path) -> Result<Option<Status>> {
    let unread = |source: ReadError| UserError::Read { path: path.to_owned(), source: std::io::Error::other(source) };
    let content = match file::read_regular(path, MAX_BYTES) {
        Ok(content) => content,
        Err(ReadError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(unread(error).into()),
    };
    let own = nix::unistd::geteuid().as_raw();
    if content.meta.uid != 0 && content.meta.uid != own {
        let why = format!("it belongs to user {}, and neither to root nor to you", content.meta.uid);
        return Err(UserError::NotAStatus { path: path.to_owned(), source: why.into() }.into());
    }
    let not =
        |source: Box<dyn std::error::Error + Send + Sync>| UserError::NotAStatus { path: path.to_owned(), source };
    let status: Status = portreeve_core::json::parse(&content.bytes).map_err(|error| not(error.into()))?;
    if status.schema != SCHEMA {
        return Err(not(format!("its schema is `{}`", status.schema).into()).into());
    }
    Ok(Some(status))
}
