//! `portreeve accept`.

use anyhow::Result;
use portreeve_core::acceptance::By;
use portreeve_observe::accepted::{Acceptance, accept, judge};

use super::observe::{Depth, until_signal};
use super::{json, observe};
use crate::cli::{AcceptanceArgs, Global};
use crate::{output, render};

pub(super) fn run(global: &Global, args: &AcceptanceArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let by = By { name: portreeve_observe::operator(&variables()), by_hand: args.by_hand, reason: args.reason.clone() };
    let scope = args.scope.scope();
    let depth = Depth { timeout_s: args.timeout, ..Depth::default() };
    let (report, kept) = if scope.from.is_some() {
        let snapshot = observe::snapshot(&settings, &scope, &depth)?;
        (judge(&snapshot, &settings.policy, &by, args.moved).0, false)
    } else {
        let options = observe::options(&settings, &scope, &depth)?;
        let acceptance =
            Acceptance { options: &options, policy: &settings.policy, by, moved: args.moved, dry_run: args.dry_run };
        output::progress(global, "looking at everything, for about half a minute");
        let accepted = until_signal(accept(&acceptance));
        output::progress(global, "");
        (accepted??.0, !args.dry_run)
    };
    let text = if args.json { json(&report)? } else { render::acceptance(&report, kept, output::width()) };
    output::verdict(&text)?;
    Ok(report.exit_status)
}

fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
