//! `portreeve lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve lint                                the project in this folder
  portreeve lint deploy/compose.yaml services/
  portreeve lint -f compose.yaml -f compose.prod.yaml --env-file prod.env
  portreeve lint --format github                annotations of a pull request
  portreeve lint --format sarif > portreeve.sarif

Variables come from `.env`, `--env-file` and defaults alone, so that the result
is the same everywhere; Compose gives the shell precedence (`--use-environment`).
A variable that nobody gives is no error: its value is given at deployment.

Exit status:
  0   no error (with `--strict`, warnings give 1)
  2   wrong command line
  69  transport    77  auth or pairing    76  channels
  78  configuration or alignment, or a file that Compose refuses
  1   any other error";

/// `lint`.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Compose file (with the override beside it), or folder to find one in; each is a project, and all are judged as if on one node [default: this folder]
    #[arg(value_name = "COMPOSE")]
    pub(crate) compose: Vec<PathBuf>,
    /// Compose file of one project made of several; later ones come over earlier ones
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// File of variables instead of `.env`; repeat for more
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Profile to switch on; repeat for more
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Vec<String>,
    /// Switch every profile on
    #[arg(long)]
    pub(crate) all_profiles: bool,
    /// Folder that relative paths start from [default: that of the first file]
    #[arg(long, value_name = "DIR")]
    pub(crate) project_directory: Option<PathBuf>,
    /// Name of the project
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,
    /// Let variables of this shell count above those of files, as Compose does
    #[arg(long)]
    pub(crate) use_environment: bool,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: LintFormat,
    /// Judge each project as if on a node of its own
    #[arg(long)]
    pub(crate) apart: bool,
    /// Let warnings give exit status 1
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Form of what `lint` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For a terminal
    Text,
    /// By the published JSON Schema
    Json,
    /// Workflow commands of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}
