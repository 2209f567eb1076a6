//! The syntax of unit files: `systemd.syntax(7)`.

/// One assignment, in the order of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Section without brackets.
    pub section: String,
    /// Key.
    pub key: String,
    /// Value with continued lines joined by a blank. May hold a secret.
    pub value: String,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {}", self.section, self.key)
    }
}

/// A unit file or drop-in: its assignments, and how many lines are neither that nor anything else known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFile {
    /// Assignments in order.
    pub assignments: Vec<Assignment>,
    /// Lines that were not understood.
    pub unparsed: u64,
}

/// Parses a unit file.
///
/// ```text
/// # comment
/// [Service]
/// ExecStart=/usr/bin/node /opt/openclaw/dist/index.js gateway \
///   --port 18789
/// Restart=always
/// ```
pub fn parse(bytes: &[u8]) -> UnitFile {
    let text = String::from_utf8_lossy(bytes);
    let mut file = UnitFile::default();
    let mut section: Option<String> = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let start = line.trim();
        if start.is_empty() || start.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = start.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            section = Some(name.to_owned());
            continue;
        }
        let mut value = line.trim_end().to_owned();
        while value.ends_with('\\') {
            value.pop();
            // Comments between continued lines are passed over.
            let Some(next) = lines.by_ref().find(|next| !next.trim_start().starts_with(['#', ';'])) else { break };
            value.push(' ');
            value.push_str(next.trim());
        }
        match (&section, value.split_once('=')) {
            (Some(section), Some((key, value))) if !key.trim().is_empty() => file.assignments.push(Assignment {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => file.unparsed += 1,
        }
    }
    file
}

/// Splits a value into words as `ExecStart=` and `Environment=` do: blanks separate, quotes group, a backslash escapes.
pub fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (_, '\\') => {
                let escaped = match characters.next() {
                    None => break,
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('s') => ' ',
                    Some(other) => other,
                };
                word.get_or_insert_default().push(escaped);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Seconds of a time span, rounded up: `90`, `5min 20s`, `500ms`. None for `infinity` and what is no span.
pub fn seconds(span: &str) -> Option<u32> {
    let mut milliseconds = 0_u64;
    let mut rest = span.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1_000,
            "ms" | "msec" => 1,
            "m" | "min" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 604_800_000,
            "us" | "usec" => 0,
            _ => return None,
        };
        milliseconds = milliseconds.checked_add(number.checked_mul(factor)?)?;
        rest = after.trim_start();
    }
    u32::try_from(milliseconds.div_ceil(1_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_comments_and_sections() {
        let file = parse(
            b"stray=1\n[Unit]\nDescription=x = y\n[Service]\n; no\nExecStart=/a \\\n# between\n  --b \\\n  c\nodd\n",
        );
        let seen: Vec<_> =
            file.assignments.iter().map(|it| (it.section.as_str(), it.key.as_str(), it.value.as_str())).collect();
        assert_eq!(seen, [("Unit", "Description", "x = y"), ("Service", "ExecStart", "/a  --b  c")]);
        assert_eq!(file.unparsed, 2);
    }

    #[test]
    fn words_with_quotes_and_escapes() {
        assert_eq!(words(r#"/a "b c" 'd'e f\ g "" x\sy"#), ["/a", "b c", "de", "f g", "", "x y"]);
    }

    #[test]
    fn spans() {
        assert_eq!(seconds("5"), Some(5));
        assert_eq!(seconds("5min 20s"), Some(320));
        assert_eq!(seconds("1500ms"), Some(2));
        assert_eq!(seconds("infinity"), None);
        assert_eq!(seconds("99999999999999999999h"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]=a-c \\\\\"'\n#0-9é]{0,60}") {
            parse(text.as_bytes());
            words(&text);
            seconds(&text);
        }
    }
}
