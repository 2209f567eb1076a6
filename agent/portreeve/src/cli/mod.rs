//! What can be typed.

mod accept;
mod check;
mod connect;
mod enrol;
mod evidence;
mod gate;
mod images;
mod lint;
mod locks;
mod logs;
mod maintenance;
mod map;
mod run;
mod schema;
mod scope;
mod selftest;
mod spool;
mod status;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use accept::AcceptanceArgs;
pub(crate) use check::CheckArgs;
pub(crate) use connect::ConnectArgs;
pub(crate) use enrol::EnrolArgs;
pub(crate) use evidence::EvidenceArgs;
pub(crate) use gate::{GateAction, GateArgs, InstallArgs};
pub(crate) use images::{AcceptArgs, ImagesArgs, ImagesCommand, ImagesScope};
pub(crate) use lint::{LintArgs, LintFormat};
pub(crate) use locks::LocksArgs;
pub(crate) use logs::LogsArgs;
pub(crate) use maintenance::{MaintenanceCommand, OnArgs};
pub(crate) use map::{MapArgs, MapFormat};
pub(crate) use run::LaneArgs;
pub(crate) use schema::SchemaArgs;
pub(crate) use scope::ScopeArgs;
pub(crate) use selftest::SelfTestArgs;
pub(crate) use spool::SpoolCommand;
pub(crate) use status::StatusArgs;

/// Says whether an OpenClaw gateway is ready, and names the one cause when it is not.
#[derive(Debug, Parser)]
#[command(
    name = "portreeve",
    bin_name = "portreeve",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_long_help = EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  portreeve check                     one verdict: cause, evidence, remedy
  portreeve check --json | jq .root_causes
  portreeve check --save node.json    keep the facts, to be judged anywhere
  portreeve check --from node.json    judge kept facts
  portreeve tokens                    where tokens come from, and which one wins
  portreeve lint compose.yaml         read Compose files before deployment
  portreeve locks                     how long each lock is waited for, and who holds it
  portreeve map --format svg          a picture of the node, for a ticket
  portreeve evidence                  a bundle for a ticket, without secrets
  portreeve explain token.split       what a finding means, how to mend it

Exit status:
  0   ready (with `--strict`, warnings give 1)
  1   blocked, for a cause outside the layers below
  2   wrong command line
  69  blocked in transport      75  not known, or not decided in time
  76  blocked in channels       77  blocked in auth or pairing
  78  blocked in configuration or alignment";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: ColorChoice,
    /// Show the evidence of warnings too, and log decisions; twice to log each step
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// Log nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Into files and pipes too
    Always,
    /// Not even on a terminal
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Observe this node once and print the verdict, root causes, evidence and remedies
    #[command(after_long_help = check::EXAMPLES)]
    Check(CheckArgs),
    /// List the service definitions that run a gateway or claim its port
    #[command(after_long_help = UNITS_EXAMPLES)]
    Units(UnitsArgs),
    /// List every token source and which one wins for the gateway and for each client
    Tokens(TokensArgs),
    /// Connect many times, and say how many come through and what keeps the others away
    #[command(after_long_help = connect::EXAMPLES)]
    Connect(ConnectArgs),
    /// Watch the locks of state directories, and say how long a newcomer waits and who holds them
    #[command(after_long_help = locks::EXAMPLES)]
    Locks(LocksArgs),
    /// Compare the images that run with what is pinned and with what their registries have
    #[command(after_long_help = images::EXAMPLES)]
    Images(ImagesArgs),
    /// Count what logs say, or merge them by time
    #[command(after_long_help = logs::EXAMPLES)]
    Logs(LogsArgs),
    /// Wait until a gateway is really ready, or run it and count its success only once it was
    #[command(after_long_help = gate::EXAMPLES)]
    Gate(GateArgs),
    /// Announce work on this node: the verdict stands, and gates stop nothing for not being ready
    #[command(subcommand, after_long_help = maintenance::EXAMPLES)]
    Maintenance(MaintenanceCommand),
    /// Look at this node again and again, and keep the verdict: the daemon
    #[command(after_long_help = run::EXAMPLES)]
    Run,
    /// Print the daemon's last verdict, since when it stands and why
    #[command(after_long_help = status::EXAMPLES)]
    Status(StatusArgs),
    /// Join a fleet, so that `portreeve run` reports there; exchange the credential, or leave
    #[command(after_long_help = enrol::EXAMPLES)]
    Enrol(EnrolArgs),
    /// Look at what waits to be delivered to the endpoint, verify it, or deliver it now
    #[command(subcommand, after_long_help = spool::EXAMPLES)]
    Spool(SpoolCommand),
    /// Look once on behalf of the daemon
    #[command(hide = true)]
    Lane(LaneArgs),
    /// Accept this node after an upgrade: look at all of it, and compare it with what was accepted before
    #[command(after_long_help = accept::EXAMPLES)]
    Accept(AcceptanceArgs),
    /// Draw who listens, who connects, and with which token
    #[command(after_long_help = map::EXAMPLES)]
    Map(MapArgs),
    /// Make a bundle for a ticket: verdict, facts, logs, topology and locks as one page and an archive, without secrets
    #[command(after_long_help = evidence::EXAMPLES)]
    Evidence(EvidenceArgs),
    /// Read Compose files before they are deployed, and say what is wrong with them and where
    #[command(after_long_help = lint::EXAMPLES)]
    Lint(LintArgs),
    /// Try each way of looking against things of which the truth is known
    #[command(name = "selftest", after_long_help = selftest::EXAMPLES)]
    SelfTest(SelfTestArgs),
    /// Tell what a finding means, why it matters and how to mend it
    Explain(ExplainArgs),
    /// Show the agent's own configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the JSON Schema of `check --json`
    Schema(SchemaArgs),
    /// Write the generated files of the documentation (the schemas only from a build for development)
    #[command(hide = true)]
    Reference {
        /// Folder to write them to
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Print a completion script
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Folder to write all of them to [default: the main page, to standard output]
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

const UNITS_EXAMPLES: &str = "\
Examples:
  portreeve units
  portreeve units ~/Library/LaunchAgents /Library/LaunchDaemons --json";

/// `units`.
#[derive(Debug, Args)]
pub(crate) struct UnitsArgs {
    /// Folders of property lists to list instead of this node's
    #[arg(value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tokens`.
#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Code of a finding, such as `token.split`; all codes are listed where it is left out
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `config`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where the value comes from
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a commented configuration file with every default
    Example,
}
