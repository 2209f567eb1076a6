//! Facts of the machine for which macOS has commands only.

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::Manager;

use crate::command::{CommandError, Invocation, Runner};
use crate::commands::pmset;
use crate::host::{Asked, parse_file_vault};
use crate::units;

/// Asks for sleep settings and disk encryption; systems without the commands have neither fact.
pub(crate) fn observe(runner: &dyn Runner, at: Timestamp) -> Asked {
    if units::native_manager() != Manager::Launchd {
        return Asked { power: Fact::absent("pmset", at), file_vault: Fact::absent("fdesetup", at) };
    }
    let power = match runner.run(&Invocation::new("/usr/bin/pmset", ["-g"])) {
        Ok(output) => Fact::known(pmset::parse(&output.stdout).value.power(), "pmset -g", at),
        Err(error) => failed(&error, "pmset -g", at),
    };
    let file_vault = match runner.run(&Invocation::new("/usr/bin/fdesetup", ["status"])) {
        Ok(output) => match parse_file_vault(&output.stdout) {
            Some(on) => Fact::known(on, "fdesetup status", at),
            None => Fact::unreadable("its answer is not understood", "fdesetup status", at),
        },
        Err(error) => failed(&error, "fdesetup status", at),
    };
    Asked { power, file_vault }
}

fn failed<T>(error: &CommandError, source: &str, at: Timestamp) -> Fact<T> {
    if error.is_missing() {
        Fact::absent(source, at)
    } else {
        Fact::unreadable(portreeve_facts::file::chain(error), source, at)
    }
}
