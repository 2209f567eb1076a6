//! What is made from the definitions: schema, reference pages, completions, manual pages.

use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;

use super::json;
use crate::cli::{Cli, SchemaArgs};
use crate::error::UserError;
use crate::settings::example;
use crate::{output, render};

pub(super) fn schema(args: &SchemaArgs) -> Result<u8> {
    let schema = match args {
        SchemaArgs { lint: true, .. } => portreeve_core::lint::json_schema(),
        SchemaArgs { connect: true, .. } => portreeve_core::connects::json_schema(),
        SchemaArgs { locks: true, .. } => portreeve_core::locks::json_schema(),
        SchemaArgs { images: true, .. } => portreeve_core::images::json_schema(),
        SchemaArgs { status: true, .. } => portreeve_core::status::json_schema(),
        SchemaArgs { accept: true, .. } => portreeve_core::acceptance::json_schema(),
        SchemaArgs { logs: true, .. } => portreeve_core::logs::json_schema(),
        SchemaArgs { selftest: true, .. } => portreeve_core::selftest::json_schema(),
        SchemaArgs { evidence: true, .. } => portreeve_core::evidence::json_schema(),
        _ => portreeve_core::report::json_schema(),
    };
    output::print(&json(&schema)?)?;
    Ok(0)
}

/// Writes the files below `docs` that follow from the code.
pub(super) fn reference(dir: &Path) -> Result<u8> {
    let files = [
        ("report.schema.json", json(&portreeve_core::report::json_schema())?),
        ("lint.schema.json", json(&portreeve_core::lint::json_schema())?),
        ("connect.schema.json", json(&portreeve_core::connects::json_schema())?),
        ("locks.schema.json", json(&portreeve_core::locks::json_schema())?),
        ("images.schema.json", json(&portreeve_core::images::json_schema())?),
        ("acceptance.schema.json", json(&portreeve_core::acceptance::json_schema())?),
        ("logs.schema.json", json(&portreeve_core::logs::json_schema())?),
        ("selftest.schema.json", json(&portreeve_core::selftest::json_schema())?),
        ("status.schema.json", json(&portreeve_core::status::json_schema())?),
        ("evidence.schema.json", json(&portreeve_core::evidence::json_schema())?),
        ("findings.md", render::findings()),
        ("configuration.md", render::configuration()),
        ("portreeve.toml", example()),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|source| UserError::Write { path, source })?;
    }
    Ok(0)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portreeve", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

pub(super) fn man(dir: Option<&Path>) -> Result<u8> {
    match dir {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            output::print(&String::from_utf8_lossy(&page))?;
        }
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir)
            .map_err(|source| UserError::Write { path: dir.to_owned(), source })?,
    }
    Ok(0)
}
