//! `portreeve schema`.

use clap::Args;

/// `schema`.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct SchemaArgs {
    /// That of `lint --format json` instead
    #[arg(long)]
    pub(crate) lint: bool,
    /// That of `connect --json` instead
    #[arg(long)]
    pub(crate) connect: bool,
    /// That of `locks --json` instead
    #[arg(long)]
    pub(crate) locks: bool,
    /// That of `images --json` instead
    #[arg(long)]
    pub(crate) images: bool,
    /// That of `status --json` instead
    #[arg(long)]
    pub(crate) status: bool,
    /// That of `accept --json` instead
    #[arg(long)]
    pub(crate) accept: bool,
    /// That of `logs --json` instead
    #[arg(long)]
    pub(crate) logs: bool,
    /// That of `selftest --json` instead
    #[arg(long)]
    pub(crate) selftest: bool,
    /// That of `evidence --json` instead
    #[arg(long)]
    pub(crate) evidence: bool,
    /// That of `spool inspect --json` instead
    #[arg(long)]
    pub(crate) spool: bool,
}
