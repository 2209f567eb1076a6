//! `portreeve map`.

use anyhow::Result;
use portreeve_core::diagnose;
use portreeve_core::topology::Topology;

use super::{json, observe};
use crate::cli::{Global, MapArgs, MapFormat};
use crate::{output, render};

pub(super) fn run(global: &Global, args: &MapArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let snapshot = observe::snapshot(&settings, &args.scope, &observe::Depth::default())?;
    let topology = Topology::of(&snapshot);
    let text = match args.format {
        MapFormat::Text => {
            let is_blind = !diagnose(&snapshot, &settings.policy).blind.is_empty();
            render::map_text(&topology, is_blind, output::width())
        }
        MapFormat::Mermaid => render::map_mermaid(&topology),
        MapFormat::Svg => render::map_svg(&topology)?,
        MapFormat::Json => json(&topology)?,
    };
    output::print(&text)?;
    Ok(0)
}
