//! `portreeve connect`.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use portreeve_core::report::Agent;
use portreeve_core::{ConnectReport, Series};
use portreeve_observe::{MAX_SERIES, Pace, SeriesAsked};

use super::observe::{Depth, until_signal};
use super::{file, json, observe};
use crate::cli::{ConnectArgs, Global, ScopeArgs};
use crate::error::UserError;
use crate::{output, render};

/// How long the last connects may take, in seconds.
const LAST_S: u64 = 15;
/// Longest series in a container, in seconds: nothing of ours stays there for long.
const MAX_INSIDE_S: u64 = 30;

pub(super) fn run(global: &Global, args: &ConnectArgs) -> Result<u8> {
    let at = Timestamp::now();
    let series = match &args.in_container {
        Some(container) => inside(global, args, container)?,
        None => {
            let url = match &args.url {
                Some(url) => url.clone(),
                None => own_gateway(global, args)?,
            };
            let pace = Pace {
                count: args.count,
                spread: Duration::from_secs(args.spread),
                concurrency: args.concurrency,
                deadline: Duration::from_secs(args.spread + LAST_S),
            };
            until_signal(portreeve_observe::connects(&url, &pace))?
                .map_err(|source| UserError::NotAGateway { url: shown(&url), source: Box::new(source) })?
        }
    };
    let report = ConnectReport::of(&series, Agent { version: env!("CARGO_PKG_VERSION").to_owned() }, at);
    let drawn = args.svg.as_ref().map(|path| Ok::<_, anyhow::Error>((path, render::connects_svg(&report, &series)?)));
    if let Some((path, svg)) = drawn.transpose()? {
        file::picture(path, &svg)?;
        if file::is_stdout(path) {
            return Ok(report.exit_status());
        }
    }
    let text = if args.json { json(&report)? } else { render::connects(&report, output::width()) };
    output::verdict(&text)?;
    Ok(report.exit_status())
}

/// A URL without what may be a secret: user information, path and query.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

/// URL of the one gateway that runs or should run on this node.
fn own_gateway(global: &Global, args: &ConnectArgs) -> Result<String> {
    let scope = ScopeArgs { home: args.home.clone(), no_containers: true, no_probe: true, ..ScopeArgs::default() };
    let snapshot = observe::snapshot(&observe::settings(global)?, &scope, &Depth::default())?;
    let mut urls: Vec<String> = snapshot.host_gateways().map(|gateway| gateway.ladder.target.clone()).collect();
    urls.dedup();
    match urls.as_slice() {
        [url] => Ok(url.clone()),
        [] => Err(UserError::WhichGateway { problem: "this node has no gateway of its own", known: urls }.into()),
        _ => Err(UserError::WhichGateway { problem: "this node has several gateways", known: urls }.into()),
    }
}

/// The series of the client in a container.
fn inside(global: &Global, args: &ConnectArgs, container: &str) -> Result<Series> {
    if args.spread > MAX_INSIDE_S || args.count > MAX_SERIES {
        return Err(UserError::TooLong { seconds: MAX_INSIDE_S, count: MAX_SERIES }.into());
    }
    let asked = SeriesAsked {
        url: args.url.clone(),
        count: args.count,
        spread_ms: args.spread * 1_000,
        concurrency: args.concurrency,
    };
    let scope = ScopeArgs { home: args.home.clone(), in_container: Some(container.to_owned()), ..ScopeArgs::default() };
    let depth = Depth { timeout_s: Some(args.spread + LAST_S), series: Some(asked), ..Depth::default() };
    let snapshot = observe::snapshot(&observe::settings(global)?, &scope, &depth)?;
    portreeve_observe::series_of(&snapshot, container)
        .map_err(|why| UserError::NoClient { name: container.to_owned(), why }.into())
}
