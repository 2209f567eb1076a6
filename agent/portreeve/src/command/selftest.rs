//! `portreeve selftest`.

use anyhow::{Context as _, Result};
use portreeve_observe::selftest::{self, Helper, Options};

use super::{json, observe};
use crate::cli::{Global, SelfTestArgs};
use crate::settings::Settings;
use crate::{output, render};

pub(super) fn run(global: &Global, args: &SelfTestArgs) -> Result<u8> {
    if args.helper {
        selftest::help().context("cannot answer the self test")?;
        return Ok(0);
    }
    let options = Options { seams: args.only.clone(), ..options(&observe::settings(global)?)? };
    let result = selftest::run(&options);
    let kept = if args.only.is_empty() { selftest::keep(&options.data_dir, &result) } else { Ok(()) };
    let text = if args.json { json(&result)? } else { render::selftest(&result, output::width()) };
    output::verdict(&text)?;
    kept.context("cannot keep the result of the self test")?;
    Ok(result.exit_status())
}

/// What a self test of this program needs.
pub(super) fn options(settings: &Settings) -> Result<Options> {
    Ok(Options {
        data_dir: settings.data_dir.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        helper: Helper::own().context("cannot tell which program runs")?,
        seams: Vec::new(),
    })
}
