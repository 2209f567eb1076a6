//! What the documentation tells to type can be typed.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;

/// Of a part of a call, and of one with names in place of values.
const IN_PART: [ErrorKind; 6] = [
    ErrorKind::MissingRequiredArgument,
    ErrorKind::MissingSubcommand,
    ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ErrorKind::InvalidValue,
    ErrorKind::ValueValidation,
    ErrorKind::WrongNumberOfValues,
];

#[test]
fn every_command_of_the_documentation_is_one() {
    let calls = portreeve_manual::calls(&portreeve_manual::pages().unwrap(), "portreeve");
    assert!(calls.len() > 100, "only {} calls were found", calls.len());
    let mut refused = String::new();
    for call in calls {
        let Err(error) = Cli::command().try_get_matches_from(&call.words) else { continue };
        let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if !help && (call.whole || !IN_PART.contains(&error.kind())) {
            refused += &format!("{}: `{}`\n{error}\n", call.place, call.words.join(" "));
        }
    }
    assert!(refused.is_empty(), "{refused}");
}
