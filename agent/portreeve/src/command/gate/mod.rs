//! `portreeve gate`.

mod compose;
mod drive;
mod install;
mod memory;
mod notice;
mod scout;

use std::time::Duration;

use anyhow::{Context as _, Result};
use portreeve_core::Policy;
use portreeve_core::gate::Settings as GateSettings;

use self::compose::Project;
use self::drive::Driver;
use self::memory::Memory;
use self::notice::Notice;
use self::scout::Scout;
use super::observe::{self, Depth};
use crate::cli::{GateAction, GateArgs, Global, ScopeArgs};

pub(super) fn run(global: &Global, args: &GateArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    match &args.action {
        Some(GateAction::Install(wanted)) => return install::install(&settings, wanted),
        Some(GateAction::Uninstall { labels }) => return install::uninstall(&settings, labels),
        None => {}
    }
    let scope = ScopeArgs { home: args.home.clone(), state_dir: args.state_dir.clone(), ..ScopeArgs::default() };
    // No fingerprint leaves the gate, so that it needs no folder to keep a key in.
    let key = portreeve_observe::key::passing().context("cannot make fingerprints")?;
    let mut options = observe::options_with(&settings, &scope, &Depth::default(), key);
    options.deadline = options.deadline.min(Duration::from_secs(10));
    let project = args.compose.as_ref().map(|file| Project::new(file, args.project.clone())).transpose()?;
    options.containers |= project.is_some();
    let policy = Policy { only: None, ..settings.policy.clone() };
    let machine = GateSettings {
        has_command: !args.command.is_empty(),
        timeout: Duration::from_secs(args.timeout.unwrap_or(settings.policy.start_budget_s)),
        stop_timeout: Duration::from_secs(args.stop_timeout),
        grace: Duration::from_secs(args.grace),
        restart_unready: args.restart_unready,
        on_restart: args.on_restart.into(),
        hold_after: usize::from(args.hold_after),
        hold_within: Duration::from_secs(args.hold_within),
    };
    let memory = machine.has_command.then(|| Memory::of(&settings.data_dir, &args.command, &options));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut notice = Notice::new(&settings.data_dir);
        if let Some(project) = &project
            && let Err(status) = project.up(machine.timeout, &mut notice).await
        {
            return Ok(status);
        }
        let scout = Scout::start(options, policy, args.through.into(), project)?;
        Driver::new(&args.command, memory, scout, notice, global.quiet)?.run(machine).await
    });
    // A look that hangs must not hold the answer back.
    runtime.shutdown_background();
    status
}
