//! `launchctl print <domain>`: which services a domain holds.

use std::collections::BTreeMap;

use super::block::{Entry, blocks};
use super::disabled::override_line;
use super::service::PrintError;
use crate::commands::{Parsed, Unparsed};

/// One domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainPrint {
    /// `system`, `gui/501`, `pid/1561`.
    pub name: String,
    /// `system`, `login`, `user`, `pid`.
    pub kind: Option<String>,
    /// `Aqua`, `Background`, …
    pub session: Option<String>,
    /// Its services.
    pub services: Vec<DomainService>,
    /// Overrides: whether a label is switched off.
    pub disabled: BTreeMap<String, bool>,
}

/// A service in a domain's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainService {
    /// Label.
    pub label: String,
    /// Its process.
    pub pid: Option<u32>,
    /// The second column as written: an exit status, `-`, `(pe)` (ended under pressure) or `(jt)` (ended by jetsam).
    pub status: String,
}

/// Parses a domain.
///
/// ```text
/// gui/501 = {
///     type = login
///     session = Aqua
///     services = {
///            30475   (pe)     com.apple.syncdefaultsd
///                0      0     homebrew.mxcl.colima
///             1707      -     A Label With Blanks
///     }
///
///     disabled services = {
///         "com.apple.ScriptMenuApp" => disabled
///     }
///
///     properties = gui | gui login
/// }
/// ```
pub fn parse(output: &[u8]) -> Result<Parsed<DomainPrint>, PrintError> {
    let text = String::from_utf8_lossy(output);
    let (blocks, stray) = blocks(&text);
    let mut unparsed: Unparsed = stray.into_iter().collect();
    let block = blocks.into_iter().next().ok_or(PrintError::NoBlock)?;
    if !block.is_closed {
        return Err(PrintError::CutOff);
    }
    let mut domain = DomainPrint { name: block.title.to_owned(), ..DomainPrint::default() };
    for entry in block.entries {
        match entry {
            Entry::Value("type", value) => domain.kind = Some(value.to_owned()),
            Entry::Value("session", value) => domain.session = Some(value.to_owned()),
            Entry::Inner("services", lines) => {
                for line in lines {
                    match service_line(line) {
                        Some(service) => domain.services.push(service),
                        None => unparsed.push(line),
                    }
                }
            }
            Entry::Inner("disabled services", lines) => {
                for line in lines {
                    match override_line(line) {
                        Some((label, disabled)) => {
                            domain.disabled.insert(label.to_owned(), disabled);
                        }
                        None => unparsed.push(line),
                    }
                }
            }
            Entry::Value(..) | Entry::Inner(..) => {}
            Entry::Bare(line) => unparsed.push(line),
        }
    }
    Ok(Parsed { value: domain, unparsed })
}

fn service_line(line: &str) -> Option<DomainService> {
    let (pid, rest) = line.trim_start().split_once(char::is_whitespace)?;
    let (status, label) = rest.trim_start().split_once(char::is_whitespace)?;
    let pid: u32 = pid.parse().ok()?;
    let label = label.trim();
    let known = status == "-" || status.parse::<i64>().is_ok() || (status.starts_with('(') && status.ends_with(')'));
    (known && !label.is_empty()).then(|| DomainService {
        label: label.to_owned(),
        pid: Some(pid).filter(|pid| *pid != 0),
        status: status.to_owned(),
    })
}
