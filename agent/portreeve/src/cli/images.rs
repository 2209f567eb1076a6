//! `portreeve images`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve images                       ask the registries, and compare
  portreeve images --offline             what was known the last time
  portreeve images --if-due              ask only once a week: for a timer
  portreeve images ghcr.io/openclaw/openclaw:latest
  portreeve images accept --reason 'upgrade of 12 June'

A registry is asked by HEAD for each image of a gateway, command line, node
host or proxy, with the login that Docker or Podman has stored, or without one.
No image is pulled. `portreeve check` judges by what was known the last time.

Exit status:
  0   what runs is what should    78  something else runs
  75  the registry's side of an image is not known";

/// `images`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ImagesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ImagesCommand>,
    /// Image to ask for besides those in use
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) scope: ImagesScope,
    /// Ask no registry; show what was known the last time
    #[arg(long)]
    pub(crate) offline: bool,
    /// Ask the registries only where the last time is longer ago than `images.period_s`
    #[arg(long, conflicts_with = "offline")]
    pub(crate) if_due: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What else `images` does.
#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Record that what runs now is right
    Accept(AcceptArgs),
}

/// `images accept`.
#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    /// Image to accept [default: every one that runs]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) scope: ImagesScope,
    /// Why it is right
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Where to look for images.
#[derive(Debug, Args)]
pub(crate) struct ImagesScope {
    /// Home folder to search for OpenClaw state and stored logins; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// Take what runs from saved facts instead of this node
    #[arg(long, value_name = "FILE", conflicts_with = "home")]
    pub(crate) from: Option<PathBuf>,
}
