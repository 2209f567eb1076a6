//! `portreeve units`.

use anyhow::Result;

use super::{json, observe};
use crate::cli::{Global, UnitsArgs};
use crate::error::UserError;
use crate::{output, render};

pub(super) fn run(global: &Global, args: &UnitsArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let inventory = if args.dirs.is_empty() {
        portreeve_observe::unit_inventory(&settings.ports)
    } else {
        for dir in &args.dirs {
            // A misspelt folder must not read as a folder without definitions.
            std::fs::read_dir(dir).map_err(|source| UserError::Read { path: dir.clone(), source })?;
        }
        portreeve_observe::unit_inventory_of(&args.dirs)
    };
    let text = if args.json { json(&inventory)? } else { render::units(&inventory, output::width()) };
    output::print(&text)?;
    Ok(0)
}
