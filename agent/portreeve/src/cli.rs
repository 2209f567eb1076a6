//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portreeve_core::Layer;

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
  portreeve map --format svg          a picture of the node, for a ticket
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
    #[command(after_long_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// List the service definitions that run a gateway or claim its port
    #[command(after_long_help = UNITS_EXAMPLES)]
    Units(UnitsArgs),
    /// List every token source and which one wins for the gateway and for each client
    Tokens(TokensArgs),
    /// Connect many times, and say how many come through and what keeps the others away
    #[command(after_long_help = CONNECT_EXAMPLES)]
    Connect(ConnectArgs),
    /// Draw who listens, who connects, and with which token
    #[command(after_long_help = MAP_EXAMPLES)]
    Map(MapArgs),
    /// Read Compose files before they are deployed, and say what is wrong with them and where
    #[command(after_long_help = LINT_EXAMPLES)]
    Lint(LintArgs),
    /// Tell what a finding means, why it matters and how to mend it
    Explain(ExplainArgs),
    /// Show the agent's own configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the JSON Schema of `check --json`
    Schema {
        /// That of `lint --format json` instead
        #[arg(long)]
        lint: bool,
        /// That of `connect --json` instead
        #[arg(long, conflicts_with = "lint")]
        connect: bool,
    },
    /// Write the generated files of the documentation
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

const CHECK_EXAMPLES: &str = "\
Examples:
  portreeve check
  portreeve check --only auth --json
  portreeve check --home /Users/op --strict
  portreeve check --deep
  portreeve check --save before.json && portreeve check --from before.json";

const UNITS_EXAMPLES: &str = "\
Examples:
  portreeve units
  portreeve units ~/Library/LaunchAgents /Library/LaunchDaemons --json";

const MAP_EXAMPLES: &str = "\
Examples:
  portreeve map
  portreeve map --format svg > node.svg
  portreeve map --from node.json --format mermaid";

/// Where to look.
#[derive(Debug, Default, Args)]
pub(crate) struct ScopeArgs {
    /// Home folder to search for OpenClaw state; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// State directory to look at besides those found; repeat for more
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Vec<PathBuf>,
    /// Judge one container, by its name, service or id, and the gateway it leads to
    #[arg(long = "in", value_name = "CONTAINER")]
    pub(crate) in_container: Option<String>,
    /// Ask no container engine
    #[arg(long, conflicts_with = "in_container")]
    pub(crate) no_containers: bool,
    /// Start no probe in the namespaces of containers; only read what the engines say
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Judge saved facts instead of this node
    #[arg(long, value_name = "FILE", conflicts_with_all = ["home", "state_dir", "in_container", "no_containers", "no_probe"])]
    pub(crate) from: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Save the facts, which hold no secret
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Judge one layer only
    #[arg(long, value_name = "LAYER")]
    pub(crate) only: Option<LayerArg>,
    /// Let warnings give exit status 1
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also run the real `openclaw channels status --probe` of each client, where it runs and as its user
    ///
    /// This is the one check that runs OpenClaw itself: it writes its log and its cache, and takes some seconds for each client. Only
    /// releases that are known to change nothing else are run; any other is named and not run. What was asked for and not run leaves the verdict
    /// unknown.
    ///
    /// It also holds a silent connection for 13 s through each public address, where nothing says when a proxy there cuts it.
    #[arg(long, conflicts_with = "from")]
    pub(crate) deep: bool,
    /// Seconds after which what is not known stays unknown
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: Option<u64>,
}

/// A layer, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayerArg {
    /// Processes, ports, sockets
    Transport,
    /// Secrets, devices, pairing
    Auth,
    /// Channels and their accounts
    Channels,
    /// Configuration, state, mirrors, images
    Alignment,
    /// The machine, its engines, the agent itself
    Node,
}

impl From<LayerArg> for Layer {
    fn from(layer: LayerArg) -> Self {
        match layer {
            LayerArg::Transport => Self::Transport,
            LayerArg::Auth => Self::Auth,
            LayerArg::Channels => Self::Channels,
            LayerArg::Alignment => Self::Alignment,
            LayerArg::Node => Self::Node,
        }
    }
}

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

const CONNECT_EXAMPLES: &str = "\
Examples:
  portreeve connect                              to the gateway of this node
  portreeve connect wss://claw.example.com
  portreeve connect --in openclaw-cli            as the client in that container
  portreeve connect --count 1000 --spread 300 --json

Each connect opens TCP, TLS where the URL says so, and a WebSocket, waits for
the gateway's challenge and closes. No secret is sent. A gateway or proxy that
asks to be left alone for a while is.

Exit status:
  0   at least 97 % came through    69  fewer did
  75  too few were made to tell      2  wrong command line";

/// `connect`.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Gateway or proxy to connect to [default: the gateway of this node; with `--in`, where that client connects]
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Connect from the namespaces of this container, by its name, service or id
    #[arg(long = "in", value_name = "CONTAINER")]
    pub(crate) in_container: Option<String>,
    /// How many connects
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// Seconds over which they begin, evenly; at most 30 with `--in`
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) spread: u64,
    /// How many at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) concurrency: u32,
    /// Home folder to search for the gateway; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

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

const LINT_EXAMPLES: &str = "\
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
