//! The configuration file: TOML with a line for every complaint.

use std::path::Path;

use portreeve_core::{Code, Waiver};
use portreeve_openclaw::file::{self, ReadError};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::{Origin, Settings, SettingsError, keys};

/// A configuration is a page of text; more than this is a mistake.
const MAX_BYTES: u64 = 1 << 20;

/// Applies a file to the settings.
pub(super) fn apply(settings: &mut Settings, path: &Path, must_exist: bool) -> Result<(), SettingsError> {
    let content = match file::read_regular(path, MAX_BYTES) {
        Ok(content) => content,
        Err(ReadError::NotFound { .. }) if !must_exist => return Ok(()),
        Err(source) => return Err(SettingsError::Read { path: path.to_owned(), source }),
    };
    apply_text(settings, path, &String::from_utf8_lossy(&content.bytes))
}

/// Applies the text of a file to the settings.
pub(super) fn apply_text(settings: &mut Settings, path: &Path, text: &str) -> Result<(), SettingsError> {
    let table = DeTable::parse(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        SettingsError::Syntax { path: path.to_owned(), line, column, message: error.message().to_owned() }
    })?;
    let reader = Reader { path, text };
    reader.table(settings, "", table.get_ref())
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        position(self.text, offset).0
    }

    fn refuse(&self, key: &str, offset: usize, problem: impl Into<String>) -> SettingsError {
        SettingsError::Value {
            path: self.path.to_owned(),
            line: self.line(offset),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    fn table(&self, settings: &mut Settings, prefix: &str, table: &DeTable<'_>) -> Result<(), SettingsError> {
        for (name, value) in table {
            let dotted =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            if dotted == "waiver" {
                self.waivers(settings, value)?;
                continue;
            }
            if let Some(key) = keys().find(|key| key.name == dotted) {
                let plain = plain(value.get_ref());
                (key.apply)(settings, &plain).map_err(|problem| self.refuse(key.name, value.span().start, problem))?;
                let origin = Origin::File { path: self.path.display().to_string(), line: self.line(name.span().start) };
                settings.origins.insert(key.name, origin);
                continue;
            }
            let is_section = keys().any(|key| key.name.starts_with(&format!("{dotted}.")));
            match value.get_ref() {
                DeValue::Table(inner) if is_section => self.table(settings, &dotted, inner)?,
                _ => {
                    return Err(SettingsError::UnknownKey {
                        path: self.path.to_owned(),
                        line: self.line(name.span().start),
                        nearest: keys::nearest(&dotted),
                        key: dotted,
                    });
                }
            }
        }
        Ok(())
    }

    fn waivers(&self, settings: &mut Settings, value: &Spanned<DeValue<'_>>) -> Result<(), SettingsError> {
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.refuse("waiver", value.span().start, "takes blocks that begin with `[[waiver]]`"));
        };
        for item in items {
            let DeValue::Table(table) = item.get_ref() else {
                return Err(self.refuse("waiver", item.span().start, "takes blocks that begin with `[[waiver]]`"));
            };
            settings.policy.waivers.push(self.waiver(item.span().start, table)?);
        }
        Ok(())
    }

    fn waiver(&self, start: usize, table: &DeTable<'_>) -> Result<Waiver, SettingsError> {
        let (mut code, mut subject, mut until, mut reason) = (None, None, None, None);
        for (name, value) in table {
            let at = value.span().start;
            let DeValue::String(text) = value.get_ref() else {
                return Err(self.refuse(&format!("waiver.{}", name.get_ref()), at, "takes a text"));
            };
            match name.get_ref().as_ref() {
                "code" => {
                    let parsed = text.parse::<Code>();
                    code = Some(parsed.map_err(|_| {
                        self.refuse("waiver.code", at, "takes a finding's code, such as \"state.open\"")
                    })?);
                }
                "subject" => subject = Some(text.to_string()),
                "until" => {
                    let parsed = text.parse::<jiff::Timestamp>();
                    let wanted = "takes a time with its zone, such as \"2030-01-01T00:00:00Z\"";
                    until = Some(parsed.map_err(|_| self.refuse("waiver.until", at, wanted))?);
                }
                "reason" => reason = Some(text.to_string()),
                other => {
                    return Err(SettingsError::UnknownKey {
                        path: self.path.to_owned(),
                        line: self.line(name.span().start),
                        key: format!("waiver.{other}"),
                        nearest: None,
                    });
                }
            }
        }
        match (code, until, reason) {
            (Some(code), Some(until), Some(reason)) => Ok(Waiver { code, subject, until, reason }),
            _ => Err(self.refuse("waiver", start, "needs `code`, `until` and `reason`")),
        }
    }
}

/// A parsed value without its spans.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::String(number.to_string()), Value::Float)
        }
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| plain(item.get_ref())).collect()),
        DeValue::Table(table) => Value::Table(
            table.iter().map(|(name, value)| (name.get_ref().to_string(), plain(value.get_ref()))).collect(),
        ),
    }
}

/// Line and column, counted from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}
