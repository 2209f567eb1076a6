//! The `portreeve-fleet` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    portreeve_fleet::cli::main()
}
