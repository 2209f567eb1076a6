//! `portreeve config`.

use anyhow::Result;
use serde::Serialize;

use super::{json, observe};
use crate::cli::{ConfigCommand, Global};
use crate::settings::{Origin, example, keys};
use crate::{output, render};

/// One setting as `config show` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) value: toml::Value,
    pub(crate) origin: Origin,
}

pub(super) fn run(global: &Global, which: ConfigCommand) -> Result<u8> {
    let text = match which {
        ConfigCommand::Example => example(),
        ConfigCommand::Show { json: wanted } => {
            let settings = observe::settings(global)?;
            let list: Vec<Setting> = keys()
                .map(|key| Setting { name: key.name, value: (key.show)(&settings), origin: settings.origin(key) })
                .collect();
            if wanted { json(&list)? } else { render::settings(&list, &settings.policy.waivers, output::width()) }
        }
    };
    output::print(&text)?;
    Ok(0)
}
