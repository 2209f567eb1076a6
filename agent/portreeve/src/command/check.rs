//! `portreeve check`.

use anyhow::Result;
use portreeve_core::diagnose;
use portreeve_observe::accepted::LOCK_WINDOW;

use super::observe::Depth;
use super::{file, json, observe};
use crate::cli::{CheckArgs, Global};
use crate::{output, render};

/// Mode of saved facts.
const OWNER_ONLY: u32 = 0o600;

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let depth = Depth {
        timeout_s: args.timeout,
        deep: args.deep,
        lock_window: args.deep.then_some(LOCK_WINDOW),
        ..Depth::default()
    };
    let snapshot = observe::snapshot(&settings, &args.scope, &depth)?;
    if let Some(path) = &args.save {
        file::put(path, &serde_json::to_vec(&snapshot)?, OWNER_ONLY)?;
    }
    let mut policy = settings.policy;
    policy.only = args.only.map(Into::into);
    let report = diagnose(&snapshot, &policy);
    let text = if args.json { json(&report)? } else { render::report(&report, global.verbose > 0, output::width()) };
    output::verdict(&text)?;
    Ok(report.exit_status(args.strict))
}
