//! `portreeve images`.

use anyhow::Result;
use jiff::Timestamp;
use portreeve_core::report::Agent;
use portreeve_core::{ImageReference, ImagesReport, Snapshot};
use portreeve_observe::images;

use super::observe::{Depth, until_signal};
use super::{json, observe};
use crate::cli::{AcceptArgs, Global, ImagesArgs, ImagesCommand, ImagesScope, ScopeArgs};
use crate::error::UserError;
use crate::settings::Settings;
use crate::{output, render};

pub(super) fn run(global: &Global, args: &ImagesArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    match &args.command {
        Some(ImagesCommand::Accept(args)) => accept(&settings, args),
        None => check(&settings, args),
    }
}

fn check(settings: &Settings, args: &ImagesArgs) -> Result<u8> {
    let named = references(&args.images)?;
    let mut snapshot = look(settings, &args.scope)?;
    let environment = variables();
    let question = images::Question {
        snapshot: &snapshot,
        named: &named,
        pinned: &settings.policy.pinned_images,
        data_dir: &settings.data_dir,
        offline: args.offline,
        if_due: args.if_due,
        period_s: settings.images_period_s,
        environment: &environment,
        homes: if args.scope.home.is_empty() { &settings.homes } else { &args.scope.home },
        now: Timestamp::now(),
    };
    let now = question.now;
    let (checks, asked) = until_signal(images::check(&question))?;
    snapshot.image_checks = checks;
    let agent = Agent { version: env!("CARGO_PKG_VERSION").to_owned() };
    let report = ImagesReport::of(&snapshot, &settings.policy.pinned_images, &asked, agent, now);
    let text = if args.json { json(&report)? } else { render::images(&report, output::width()) };
    output::verdict(&text)?;
    Ok(report.exit_status())
}

fn accept(settings: &Settings, args: &AcceptArgs) -> Result<u8> {
    let only = references(&args.images)?;
    let snapshot = look(settings, &args.scope)?;
    let by = portreeve_observe::operator(&variables());
    let accepted = images::accept(&snapshot, &only, &by, args.reason.as_deref(), &settings.data_dir, Timestamp::now())?;
    if let Some(name) = accepted.missing.first() {
        return Err(UserError::NotRunning { image: name.clone() }.into());
    }
    output::print(&render::accepted(&accepted.images, accepted.note.as_deref(), output::width()))?;
    Ok(0)
}

fn references(texts: &[String]) -> Result<Vec<ImageReference>> {
    let parse = |text: &String| {
        ImageReference::parse(text).map_err(|source| UserError::NotAnImage { text: text.clone(), source }.into())
    };
    texts.iter().map(parse).collect()
}

/// What runs. Nothing is looked at from within containers.
fn look(settings: &Settings, scope: &ImagesScope) -> Result<Snapshot> {
    let scope =
        ScopeArgs { home: scope.home.clone(), from: scope.from.clone(), no_probe: true, ..ScopeArgs::default() };
    observe::snapshot(settings, &scope, &Depth::default())
}

fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
