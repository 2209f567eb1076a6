//! `portreeve map`.

use clap::{Args, ValueEnum};

use super::ScopeArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve map
  portreeve map --format svg > node.svg
  portreeve map --from node.json --format mermaid";

/// `map`.
#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Form of the drawing
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: MapFormat,
}

/// Form of the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// For a terminal
    Text,
    /// A Mermaid flowchart
    Mermaid,
    /// A picture to put into a ticket
    Svg,
    /// Groups, nodes and edges
    Json,
}
