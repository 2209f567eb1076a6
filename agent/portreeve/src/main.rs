//! The `portreeve` command: parses what was typed, runs it, and maps the outcome to the documented exit status.

mod cli;
mod command;
mod error;
mod installed;
mod log;
mod os;
mod output;
mod render;
mod settings;

use std::process::ExitCode;

use clap::Parser;

/// Exit status of a wrong command line (BSD `sysexits.h` leaves 2 to the shell's convention for usage errors).
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // Nothing is left to tell if even the message cannot be written.
            drop(error.print());
            return if usage { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    log::start(&cli.global, matches!(cli.command, cli::Command::Run | cli::Command::Lane(_)));
    output::choose_colour(cli.global.color);
    match command::run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(error::exit_status(&error))
        }
    }
}
