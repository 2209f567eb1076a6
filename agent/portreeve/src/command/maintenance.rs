//! `portreeve maintenance`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::Maintenance;
use portreeve_core::maintenance::SCHEMA;
use portreeve_observe::maintenance;
use serde_json::json;

use super::{json, observe};
use crate::cli::{Global, MaintenanceCommand, OnArgs};
use crate::error::UserError;
use crate::installed;
use crate::settings::Settings;
use crate::{output, render};

pub(super) fn run(global: &Global, command: &MaintenanceCommand) -> Result<u8> {
    let settings = observe::settings(global)?;
    match command {
        MaintenanceCommand::On(args) => on(&settings, args),
        MaintenanceCommand::Off => {
            let was = maintenance::end(&settings.data_dir, public(&settings).as_deref())
                .context("cannot end the maintenance")?;
            output::note(if was { "maintenance is over" } else { "no maintenance was announced" });
            Ok(0)
        }
        MaintenanceCommand::Status { json: is_json } => {
            let now = Timestamp::now();
            let current = maintenance::current(&settings.data_dir, now).context("cannot read what was announced")?;
            let text = if *is_json {
                json(&json!({ "schema": SCHEMA, "maintenance": current }))?
            } else {
                render::maintenance(current.as_ref())
            };
            output::print(&text)?;
            Ok(0)
        }
    }
}

fn on(settings: &Settings, args: &OnArgs) -> Result<u8> {
    let now = Timestamp::now();
    // Clap asks for one of them.
    let until = args.until.or(args.length).unwrap_or(now);
    let variables: Vec<(String, String)> =
        std::env::var("SUDO_USER").map(|user| ("SUDO_USER".to_owned(), user)).into_iter().collect();
    let by = portreeve_observe::operator(&variables);
    let announced = Maintenance::new(now, until, args.reason.clone(), by).map_err(UserError::Maintenance)?;
    maintenance::announce(&settings.data_dir, public(settings).as_deref(), &announced)
        .context("cannot announce the maintenance")?;
    output::print(&render::maintenance(Some(&announced)))?;
    Ok(0)
}

/// The folder that gates of every user look into: only the system's own agent tells all of them.
fn public(settings: &Settings) -> Option<PathBuf> {
    let is_system = portreeve_observe::is_root() && settings.data_dir == *installed::DATA_DIR;
    is_system.then(maintenance::public_dir)
}
