//! Sets real faults up and asks `portreeve`, and `OpenClaw`'s own tools, what is wrong.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use portreeve_tests::faultbook::{self, Fault, Keep, Reading};

/// Sets real faults up and asks `portreeve`, and OpenClaw's own tools, what is wrong.
#[derive(Debug, Parser)]
#[command(name = "faultbook")]
struct Arguments {
    /// Only faults whose names begin so
    names: Vec<String>,
    /// The folder of faults
    #[arg(long, default_value_os_t = faultbook::folder())]
    dir: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Ask `portreeve` only
    #[arg(long)]
    no_peers: bool,
    /// How many faults are set up at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// List the faults, and set nothing up
    #[arg(long)]
    list: bool,
    /// Keep what came of each fault in this folder, and set up no fault of which it is kept already
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Write the page of the documentation to this file too
    #[arg(long)]
    page: Option<PathBuf>,
    /// Set up the fault of this file, in this process
    #[arg(long, hide = true)]
    play: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problems) => {
            for problem in problems {
                eprintln!("error: {problem}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Vec<String>> {
    if let Some(file) = &arguments.play {
        let fault = Fault::read(file).map_err(|problem| vec![problem])?;
        let played = faultbook::play(&fault, !arguments.no_peers);
        println!("{}", serde_json::to_string(&played).map_err(|error| vec![error.to_string()])?);
        return Ok(true);
    }
    let mut faults = faultbook::read(&arguments.dir)?;
    if !arguments.names.is_empty() {
        let unknown = |name: &&String| !faults.iter().any(|fault| fault.id.starts_with(name.as_str()));
        if let Some(name) = arguments.names.iter().find(unknown) {
            return Err(vec![format!("no fault in `{}` begins with `{name}`", arguments.dir.display())]);
        }
        faults.retain(|fault| arguments.names.iter().any(|name| fault.id.starts_with(name)));
    }
    if arguments.list {
        for fault in &faults {
            println!("{:<34} {}", fault.id, fault.title);
        }
        return Ok(true);
    }
    let reading = Reading { jobs: arguments.jobs, peers: !arguments.no_peers, keep: arguments.keep.clone().map(Keep) };
    let outcomes = faultbook::play_all(&faults, &reading, |fault, outcome| {
        let row = faultbook::row(fault, outcome);
        if arguments.json { eprintln!("{row}") } else { println!("{row}") }
    });
    let totals = faultbook::totals(&faults, &outcomes);
    if arguments.json {
        println!("{:#}", faultbook::json(&faults, &outcomes, &totals));
    } else {
        println!("\n{}", faultbook::summary(&totals));
    }
    if let Some(file) = &arguments.page {
        let page = faultbook::page(&faults, &outcomes, &totals);
        fs::write(file, page).map_err(|error| vec![format!("{}: {error}", file.display())])?;
    }
    Ok(totals.all.is_good())
}
