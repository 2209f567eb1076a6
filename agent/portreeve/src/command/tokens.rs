//! `portreeve tokens`.

use anyhow::Result;
use portreeve_core::diagnose;
use portreeve_core::report::credentials;

use super::{json, observe};
use crate::cli::{Global, TokensArgs};
use crate::{output, render};

pub(super) fn run(global: &Global, args: &TokensArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let snapshot = observe::snapshot(&settings, &args.scope, &observe::Depth::default())?;
    let readers = credentials(&snapshot);
    let text = if args.json {
        json(&readers)?
    } else {
        let is_blind = !diagnose(&snapshot, &settings.policy).blind.is_empty();
        render::tokens(&readers, is_blind, output::width())
    };
    output::print(&text)?;
    Ok(0)
}
