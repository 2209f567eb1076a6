//! `portreeve explain`.

use anyhow::Result;
use portreeve_core::catalogue::{self, Entry};
use portreeve_core::{Code, Layer, Severity};
use serde::Serialize;

use super::{distance, json};
use crate::cli::ExplainArgs;
use crate::error::UserError;
use crate::{output, render};

/// One entry as `explain --json` prints it.
#[derive(Serialize)]
struct EntryView {
    code: Code,
    title: &'static str,
    severity: Severity,
    symptom: bool,
    layer: Layer,
    why: &'static str,
    remedy: &'static [&'static str],
    explains: &'static [Code],
    sources: &'static [&'static str],
}

impl From<&'static Entry> for EntryView {
    fn from(entry: &'static Entry) -> Self {
        let &Entry { code, title, severity, symptom, layer, why, remedy, explains, sources } = entry;
        Self { code, title, severity, symptom, layer, why, remedy, explains, sources }
    }
}

pub(super) fn run(args: &ExplainArgs) -> Result<u8> {
    let text = match (&args.code, args.json) {
        (None, false) => render::catalogue(output::width()),
        (None, true) => json(&catalogue::entries().map(EntryView::from).collect::<Vec<_>>())?,
        (Some(code), json_wanted) => {
            let code: Code =
                code.parse().map_err(|_| UserError::UnknownCode { code: code.clone(), nearest: nearest(code) })?;
            if json_wanted {
                json(&EntryView::from(code.entry()))?
            } else {
                render::entry(code.entry(), output::width())
            }
        }
    };
    output::print(&text)?;
    Ok(0)
}

fn nearest(text: &str) -> Option<&'static str> {
    Code::ALL
        .iter()
        .map(|code| (distance(text, code.as_str()), code.as_str()))
        .min()
        .filter(|(distance, code)| *distance <= code.len() / 3)
        .map(|(_, code)| code)
}
