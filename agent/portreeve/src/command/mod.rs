//! The commands: each gathers what it needs, hands it to a renderer and gives an exit status.

mod accept;
mod check;
mod config;
mod connect;
mod delivery;
mod enrol;
mod evidence;
mod explain;
mod file;
mod gate;
mod generate;
mod images;
mod lane;
mod lint;
mod locks;
mod logs;
mod maintenance;
mod map;
mod observe;
mod run;
mod selftest;
mod spool;
mod status;
mod tokens;
mod units;

use anyhow::Result;

pub(crate) use config::Setting;

use crate::cli::{Cli, Command};

/// Runs what was typed and gives the exit status.
pub(crate) fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Check(args) => check::run(&cli.global, &args),
        Command::Units(args) => units::run(&cli.global, &args),
        Command::Tokens(args) => tokens::run(&cli.global, &args),
        Command::Connect(args) => connect::run(&cli.global, &args),
        Command::Locks(args) => locks::run(&cli.global, &args),
        Command::Images(args) => images::run(&cli.global, &args),
        Command::Logs(args) => logs::run(&cli.global, &args),
        Command::Gate(args) => gate::run(&cli.global, &args),
        Command::Maintenance(command) => maintenance::run(&cli.global, &command),
        Command::Run => run::run(&cli.global),
        Command::Status(args) => status::run(&cli.global, &args),
        Command::Enrol(args) => enrol::run(&cli.global, &args),
        Command::Spool(command) => spool::run(&cli.global, &command),
        Command::Lane(args) => lane::run(&args),
        Command::Accept(args) => accept::run(&cli.global, &args),
        Command::Map(args) => map::run(&cli.global, &args),
        Command::Evidence(args) => evidence::run(&cli.global, &args),
        Command::Lint(args) => lint::run(&cli.global, &args),
        Command::SelfTest(args) => selftest::run(&cli.global, &args),
        Command::Explain(args) => explain::run(&args),
        Command::Config(which) => config::run(&cli.global, which),
        Command::Schema(args) => generate::schema(&args),
        Command::Reference { dir } => generate::reference(&dir),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { dir } => generate::man(dir.as_deref()),
    }
}

/// Levenshtein's distance, for suggesting what was meant.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, to) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *slot;
            left = replaced.min(left + 1).min(*slot + 1);
            *slot = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// A value as indented JSON with a line end.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    let mut text = portreeve_core::json::pretty(value)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
