//! The command line.
//!
//! Commands other than `serve` work on the folder of the data itself, and do so while a server runs: it takes over what they write
//! within a second.

mod backup;
mod code;
mod node;
mod serve;
#[cfg(test)]
mod tests;
mod viewer;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rusqlite::Connection;

use crate::Config;
use crate::error::Chain;
use crate::store::{self, audit};

/// Exit statuses, by `sysexits.h`: wrong usage `64`, settings `78`, no such thing `1`, anything that the system refuses `74`.
const USAGE: u8 = 64;
const FAILED: u8 = 1;
const IO: u8 = 74;
const CONFIG: u8 = 78;

const EXAMPLES: &str = "\
Examples:
  portreeve-fleet serve --listen 127.0.0.1:4318 --data /var/lib/portreeve-fleet
  portreeve-fleet serve --listen 0.0.0.0:4318 --tls-cert fleet.pem --tls-key fleet.key
  portreeve-fleet code create --uses 20 --hours 24
  portreeve-fleet viewer add alice --role operator
  portreeve-fleet backup /backup/fleet-$(date +%F).db

Exit status: 0 done, 1 refused or not found, 64 wrong usage, 74 a file, a port or the database failed, 78 wrong settings.";

/// The central endpoint of a fleet of Portreeve's agents: takes their reports and shows them on a page.
#[derive(Parser)]
#[command(name = "portreeve-fleet", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Common {
    /// Settings file, TOML. Flags count more than what it says
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data [default: /var/lib/portreeve-fleet]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Take reports and show them
    Serve(serve::Serve),
    /// Join codes, by which nodes get a credential of their own
    #[command(subcommand)]
    Code(code::Code),
    /// Nodes
    #[command(subcommand)]
    Node(node::Node),
    /// People who may look at the board
    #[command(subcommand)]
    Viewer(viewer::Viewer),
    /// Show who did what, newest first
    Audit {
        /// How many entries
        #[arg(long, default_value_t = 50)]
        count: u32,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Copy the database to a file while the server runs, and check the copy
    Backup {
        /// The file; it must not be there yet
        file: PathBuf,
    },
    /// Put a backup in place of the database; the server must not run
    Restore {
        /// The backup
        file: PathBuf,
        /// Replace a database that is there
        #[arg(long)]
        replace: bool,
    },
}

/// Why a command failed, and the exit status for it.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    fn refused(message: impl Into<String>) -> Self {
        Self { status: FAILED, message: message.into() }
    }

    fn io(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { status: IO, message: Chain(error).to_string() }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Refused(why) => Self::refused(why),
            other => Self::io(&other),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::io(&error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::io(&error)
    }
}

impl From<crate::auth::RandomError> for Failure {
    fn from(error: crate::auth::RandomError) -> Self {
        Self::io(&error)
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            drop(writeln!(io::stderr(), "portreeve-fleet: {}", failure.message));
            ExitCode::from(failure.status)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let config = cli.common.config.as_deref().map(Config::read).transpose();
    let mut config =
        config.map_err(|error| Failure { status: CONFIG, message: Chain(&error).to_string() })?.unwrap_or_default();
    if let Some(data) = cli.common.data {
        config.data = data;
    }
    let mut out = io::stdout().lock();
    match cli.command {
        Command::Serve(serve) => serve.run(config),
        Command::Code(code) => code.run(&existing(&config)?, &mut out),
        Command::Node(node) => node.run(&existing(&config)?, &mut out),
        Command::Viewer(viewer) => viewer.run(&existing(&config)?, &mut out),
        Command::Audit { count, json } => show_audit(&existing(&config)?, count, json, &mut out),
        Command::Backup { file } => backup::backup(&config, &file, &mut out),
        Command::Restore { file, replace } => backup::restore(&config, &file, replace, &mut out),
    }
}

/// The database of the folder. It is made where there is none, so that a fleet can be prepared before its first start.
fn existing(config: &Config) -> Result<Connection, Failure> {
    Ok(store::open(&config.data)?)
}

/// Who calls a command, for the audit.
fn actor() -> String {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    format!("{name} on the server")
}

fn entry(action: &str, subject: &str, detail: String) -> audit::Entry {
    audit::Entry {
        actor: actor(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail,
        address: "local".to_owned(),
    }
}

/// What a person reads in a terminal: no control character of a node reaches it.
fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '?' } else { one }).collect()
}

fn show_audit(connection: &Connection, count: u32, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    for recorded in audit::latest(connection, count)? {
        if json {
            writeln!(out, "{}", serde_json::to_string(&recorded).map_err(|error| Failure::io(&error))?)?;
            continue;
        }
        let audit::Entry { actor, action, subject, detail, address } = &recorded.entry;
        writeln!(out, "{:.0}  {actor} ({address})  {action} {subject}  {detail}", recorded.at)?;
    }
    Ok(())
}
