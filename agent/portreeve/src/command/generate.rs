//! What is made from the definitions: schema, reference pages, completions, manual pages.

use std::io::Read as _;
use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;
use flate2::read::DeflateDecoder;

use super::json;
use crate::cli::{Cli, SchemaArgs};
use crate::error::UserError;
use crate::settings::example;
use crate::{output, render};

/// A schema of `docs/`, as the build script compressed it.
macro_rules! kept {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".schema.json")).as_slice()
    };
}

pub(super) fn schema(args: &SchemaArgs) -> Result<u8> {
    let schema = match args {
        SchemaArgs { lint: true, .. } => kept!("lint"),
        SchemaArgs { connect: true, .. } => kept!("connect"),
        SchemaArgs { locks: true, .. } => kept!("locks"),
        SchemaArgs { images: true, .. } => kept!("images"),
        SchemaArgs { status: true, .. } => kept!("status"),
        SchemaArgs { accept: true, .. } => kept!("acceptance"),
        SchemaArgs { logs: true, .. } => kept!("logs"),
        SchemaArgs { selftest: true, .. } => kept!("selftest"),
        SchemaArgs { evidence: true, .. } => kept!("evidence"),
        SchemaArgs { spool: true, .. } => kept!("spool"),
        _ => kept!("report"),
    };
    let mut text = String::new();
    DeflateDecoder::new(schema).read_to_string(&mut text)?;
    output::print(&text)?;
    Ok(0)
}

/// Writes the files below `docs` that follow from the code; a release build, which only keeps the schemas, leaves them out.
pub(super) fn reference(dir: &Path) -> Result<u8> {
    let mut files = vec![
        ("findings.md", render::findings()),
        ("configuration.md", render::configuration()),
        ("telemetry.md", render::telemetry()),
        ("portreeve.toml", example()),
    ];
    if cfg!(debug_assertions) {
        for (name, schema) in schemas() {
            files.push((name, json(&schema)?));
        }
    }
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|source| UserError::Write { path, source })?;
    }
    Ok(0)
}

fn schemas() -> [(&'static str, impl serde::Serialize); 11] {
    [
        ("report.schema.json", portreeve_core::report::json_schema()),
        ("lint.schema.json", portreeve_core::lint::json_schema()),
        ("connect.schema.json", portreeve_core::connects::json_schema()),
        ("locks.schema.json", portreeve_core::locks::json_schema()),
        ("images.schema.json", portreeve_core::images::json_schema()),
        ("acceptance.schema.json", portreeve_core::acceptance::json_schema()),
        ("logs.schema.json", portreeve_core::logs::json_schema()),
        ("selftest.schema.json", portreeve_core::selftest::json_schema()),
        ("spool.schema.json", portreeve_core::spool::json_schema()),
        ("status.schema.json", portreeve_core::status::json_schema()),
        ("evidence.schema.json", portreeve_core::evidence::json_schema()),
    ]
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
