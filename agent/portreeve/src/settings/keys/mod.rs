//! Every setting, defined once.

mod checks;
mod daemon;
mod deliver;
mod node;
mod policy;
mod value;

use toml::Value;

use super::Settings;

/// One setting.
pub(crate) struct Key {
    /// Dotted name in the file.
    pub(crate) name: &'static str,
    /// What it is for, in one or two sentences.
    pub(crate) doc: &'static str,
    /// The form of its value.
    pub(crate) kind: Kind,
    /// Sets it, or says what it takes.
    pub(crate) apply: fn(&mut Settings, &Value) -> Result<(), String>,
    /// Its value now.
    pub(crate) show: fn(&Settings) -> Value,
}

/// The form of a value, by which text from the environment is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Float,
    Text,
    /// Separated by `:` in the environment.
    Paths,
    /// Separated by `,` in the environment.
    Integers,
    /// Separated by white space in the environment.
    Words,
}

impl Key {
    /// The environment variable that overrides it.
    pub(crate) fn variable(&self) -> String {
        format!("PORTREEVE_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// A value from the environment's text. Text of the wrong form stays text, so that [`Key::apply`] refuses it.
    pub(crate) fn parse_text(&self, text: &str) -> Value {
        let integer =
            |text: &str| text.trim().parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::Integer);
        match self.kind {
            Kind::Integer => integer(text),
            Kind::Float => text.trim().parse::<f64>().map_or_else(|_| Value::String(text.to_owned()), Value::Float),
            Kind::Text => Value::String(text.to_owned()),
            Kind::Paths => Value::Array(
                text.split(':').filter(|part| !part.is_empty()).map(|part| Value::String(part.to_owned())).collect(),
            ),
            Kind::Words => Value::Array(text.split_whitespace().map(|part| Value::String(part.to_owned())).collect()),
            Kind::Integers => {
                Value::Array(text.split(',').filter(|part| !part.trim().is_empty()).map(integer).collect())
            }
        }
    }
}

/// All settings, in the order of the example file.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    [node::KEYS, daemon::KEYS, deliver::KEYS, checks::KEYS, policy::KEYS].into_iter().flatten()
}

const PREAMBLE: &str = "\
# Configuration of Portreeve. Every setting is shown with its default; a line that begins with `#: ` is switched off.
# Precedence: flag, then environment variable, then device management, then this file, then default; as root, device
# management comes before the environment. An unknown setting is an error.
";

/// How a waiver is written, as comments of the example file.
pub(crate) const WAIVER: &str = "
# A waiver keeps a finding visible and takes it out of the verdict until it expires. Repeat the block for more.
#
# [[waiver]]
# code = \"state.open\"                  # the finding
# subject = \"/Users/op/.openclaw\"      # its subject; every subject where it is left out
# until = \"2030-01-01T00:00:00Z\"
# reason = \"single-user machine\"
";

/// A commented file with every setting at its default.
pub(crate) fn example() -> String {
    let defaults = Settings::defaults(&|_| None, true);
    let mut text = PREAMBLE.to_owned();
    let mut section = "";
    for key in keys() {
        let (table, leaf) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        if table != section {
            section = table;
            text.push_str(&format!("\n[{table}]\n"));
        }
        text.push('\n');
        for line in textwrap::wrap(key.doc, 110) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# Environment: {}\n#: {leaf} = {}\n", key.variable(), (key.show)(&defaults)));
    }
    text.push_str(WAIVER);
    text
}

/// The default of a setting, as root.
pub(crate) fn default_of(key: &Key) -> Value {
    (key.show)(&Settings::defaults(&|_| None, true))
}

/// The setting whose name is nearest to what was written, if any is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    keys()
        .map(|key| key.name)
        .chain(["waiver"])
        .map(|candidate| (crate::command::distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}
