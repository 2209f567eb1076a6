//! `sfltool dumpbtm`: background task management. Asks for an administrator in most releases, so it is never run unattended.

use super::{Parsed, Unparsed};

/// One registered item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackgroundItem {
    /// User id of its section; -2 is the system.
    pub section_uid: Option<i64>,
    /// Number in its section.
    pub number: u32,
    /// Name that Login Items shows.
    pub name: Option<String>,
    /// `legacy daemon`, `agent`, `app`, `developer`.
    pub kind: Option<String>,
    /// What the user and the system decided; none where the record does not tell.
    pub disposition: Option<Disposition>,
    /// Identifier with its type number in front: `16.ai.openclaw.gateway`.
    pub identifier: Option<String>,
    /// The definition or the app: a `file:` URL, or a path relative to the parent app.
    pub url: Option<String>,
    /// The program.
    pub executable: Option<String>,
    /// Identifier of the item that holds it.
    pub parent: Option<String>,
    /// Items in it.
    pub embedded: Vec<String>,
}

impl BackgroundItem {
    /// The identifier without the number of its type: a launchd label for daemons and agents.
    pub fn label(&self) -> Option<&str> {
        let identifier = self.identifier.as_deref()?;
        match identifier.split_once('.') {
            Some((number, label)) if number.bytes().all(|byte| byte.is_ascii_digit()) => Some(label),
            _ => Some(identifier),
        }
    }
}

/// What was decided on an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disposition {
    /// Registered and not removed.
    pub enabled: bool,
    /// Not switched off in Login Items. launchd does not start what is disallowed.
    pub allowed: bool,
    /// The user was told.
    pub notified: bool,
}

/// Parses the dump.
///
/// ```text
/// ========================
///  Records for UID -2 : FFFFEEEE-DDDD-CCCC-BBBB-AAAAFFFFFFFE
/// ========================
///
///  Items:
///
///  #1:
///                  UUID: 00000002-0000-4000-8000-000000000002
///                  Type: legacy daemon (0x10010)
///           Disposition: [enabled, disallowed, notified] (0x9)
///            Identifier: 16.ai.openclaw.gateway
///                   URL: file:///Library/LaunchDaemons/ai.openclaw.gateway.plist
///   Embedded Item Identifiers:
///     #1: 16.com.example.helper
/// ```
pub fn parse(output: &[u8]) -> Parsed<Vec<BackgroundItem>> {
    let text = String::from_utf8_lossy(output);
    let mut unparsed = Unparsed::default();
    let mut items: Vec<BackgroundItem> = Vec::new();
    let (mut section, mut record_indent, mut in_record, mut embedded) = (None, None, false, false);
    for line in text.lines() {
        let entry = line.trim();
        let indent = line.len() - line.trim_start().len();
        if entry.is_empty() || entry.bytes().all(|byte| byte == b'=') || entry == "Items:" {
            continue;
        }
        if let Some(header) = entry.strip_prefix("Records for UID ") {
            section = header.split([' ', ':']).next().and_then(|uid| uid.parse().ok());
            (in_record, embedded, record_indent) = (false, false, None);
            continue;
        }
        if let Some((number, rest)) = entry.strip_prefix('#').and_then(split_number) {
            let rest = rest.strip_prefix(':').map(str::trim);
            // A numbered line below `Embedded Item Identifiers` stands further in than the records do.
            if embedded && record_indent.is_some_and(|record| indent > record) {
                match (rest.filter(|rest| !rest.is_empty()), items.last_mut()) {
                    (Some(identifier), Some(item)) => item.embedded.push(identifier.to_owned()),
                    _ => unparsed.push(line),
                }
                continue;
            }
            if rest == Some("") {
                items.push(BackgroundItem { section_uid: section, number, ..BackgroundItem::default() });
                (in_record, embedded) = (true, false);
                record_indent.get_or_insert(indent);
                continue;
            }
            in_record = false;
            unparsed.push(line);
            continue;
        }
        match (entry.split_once(':'), items.last_mut()) {
            (Some(("Embedded Item Identifiers", _)), Some(_)) if in_record => embedded = true,
            (Some((name, value)), Some(item)) if in_record => {
                embedded = false;
                if !item.assign(name.trim(), value.trim()) {
                    unparsed.push(line);
                }
            }
            (Some((name, _)), _) if !in_record && is_section_field(name) => {}
            _ => unparsed.push(line),
        }
    }
    Parsed { value: items, unparsed }
}

fn split_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

fn is_section_field(name: &str) -> bool {
    matches!(name.trim(), "ServiceManagement migrated" | "LaunchServices registered")
}

impl BackgroundItem {
    /// Takes one field; false where its name or value is not known.
    fn assign(&mut self, name: &str, value: &str) -> bool {
        let text = || Some(value.to_owned()).filter(|value| value != "(null)" && !value.is_empty());
        match name {
            "Name" => self.name = text(),
            "Type" => self.kind = text().map(|kind| kind.split(" (").next().unwrap_or_default().to_owned()),
            "Disposition" => {
                self.disposition = disposition(value);
                return self.disposition.is_some();
            }
            "Identifier" => self.identifier = text(),
            "URL" => self.url = text(),
            "Executable Path" => self.executable = text(),
            "Parent Identifier" => self.parent = text(),
            "UUID"
            | "Developer Name"
            | "Team Identifier"
            | "Flags"
            | "Generation"
            | "Assoc. Bundle IDs"
            | "Bundle Identifier"
            | "Container"
            | "Program Arguments"
            | "Lightweight Requirement" => {}
            _ => return false,
        }
        true
    }
}

/// `[enabled, disallowed, notified] (0x9)`, by whole words: "disallowed" holds "allowed".
fn disposition(value: &str) -> Option<Disposition> {
    let words = value.strip_prefix('[')?.split_once(']')?.0;
    let mut disposition = Disposition::default();
    let mut known = false;
    for word in words.split(',').map(str::trim) {
        match word {
            "enabled" => (disposition.enabled, known) = (true, true),
            "allowed" => (disposition.allowed, known) = (true, true),
            "notified" => disposition.notified = true,
            "disabled" | "disallowed" => known = true,
            _ => {}
        }
    }
    known.then_some(disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_sections_and_nested_numbers() {
        let parsed = parse(
            b"========\n Records for UID -2 : X\n========\n\n ServiceManagement migrated: true\n\n Items:\n\n #1:\n      Name: (null)\n\
              \x20     Disposition: [disabled, disallowed, not notified] (0x0)\n  Embedded Item Identifiers:\n    #1: 16.a\n    #2: 16.b\n\n #2:\n\
              \x20     Identifier: 16.b\n      Disposition: [enabled, disallowed, notified] (0x9)\n========\n Records for UID 501 : Y\n========\n\n #1:\n      Novelty: 1\n",
        );
        let [first, second, third] = parsed.value.as_slice() else { panic!("{parsed:?}") };
        assert_eq!(first.embedded, ["16.a", "16.b"]);
        assert_eq!(first.disposition, Some(Disposition::default()));
        assert_eq!(second.disposition, Some(Disposition { enabled: true, allowed: false, notified: true }));
        assert_eq!((second.label(), second.section_uid), (Some("b"), Some(-2)));
        assert_eq!(third.section_uid, Some(501));
        assert_eq!(parsed.unparsed.lines(), ["Novelty: 1"]);
    }
}
