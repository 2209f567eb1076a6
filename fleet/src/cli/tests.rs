//! What the documentation tells to type can be typed.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;

#[test]
fn every_command_of_the_documentation_is_one() {
    let calls = portreeve_manual::calls(&portreeve_manual::pages().unwrap(), "portreeve-fleet");
    assert!(calls.len() > 15, "only {} calls were found", calls.len());
    let mut refused = String::new();
    for call in calls {
        let Err(error) = Cli::command().try_get_matches_from(&call.words) else { continue };
        let in_part = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
        let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if !help && (call.whole || !in_part.contains(&error.kind())) {
            refused += &format!("{}: `{}`\n{error}\n", call.place, call.words.join(" "));
        }
    }
    assert!(refused.is_empty(), "{refused}");
}
