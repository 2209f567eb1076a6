//! What `@NAME@` stands for, and what is shown in the place of what belongs to one run.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

/// Secrets that were made for this.
pub(super) const SECRETS: [(&str, &str); 3] = [
    ("token", "5f3c0f1b9a7e4d2286d1c4ab70e9f3551c8e2b6d"),
    ("other-token", "e0a94b7725c1483fb6d8f2137c5a90be4d61f8a2"),
    ("password", "b81e6c02d94f4a7fa3c57e10f2d68b9417ce35a0"),
];

/// Values by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(BTreeMap<String, Value>);

impl Words {
    /// The secrets, `machine` as this one is called, `checkout` where this one lies, and `null`, which TOML has no word for.
    pub(super) fn new() -> Self {
        let mut words = Self::default();
        for (name, value) in SECRETS {
            words.set(name, value);
        }
        words.set("null", Value::Null);
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        words.set("checkout", checkout.map(|path| path.display().to_string()));
        // Tools tell of the machine that they run on.
        let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        words.set("machine", name.unwrap_or_default());
        words
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The text with each name replaced.
    pub(super) fn text(&self, text: &str) -> String {
        let filled = self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            let shown = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            text.replace(&format!("@{name}@"), &shown)
        });
        let unknown = filled.split('@').nth(1).filter(|name| {
            filled.contains(&format!("@{name}@"))
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        });
        assert!(unknown.is_none(), "nothing is called `@{}@` here", unknown.unwrap_or_default());
        filled
    }

    /// The value with each name in its texts replaced. A text that is a name and nothing else becomes its value, with its type.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('@').and_then(|text| text.strip_suffix('@'));
                name.and_then(|name| self.0.get(name)).cloned().unwrap_or_else(|| self.text(text).into())
            }
            Value::Array(list) => list.iter().map(|value| self.value(value)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (self.text(key), self.value(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// The text with what belongs to one run taken out: the longest first, since one may be part of another.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut known: Vec<(&str, String)> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)))
            .filter(|(name, value)| value.len() >= 4 && !matches!(*name, "null" | "machine"))
            .collect();
        known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let text = known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("<{name}>")));
        // A machine may be called by a word that is part of others.
        match self.0.get("machine").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            Some(name) => {
                let whole = Regex::new(&format!(r"\b{}\b", regex::escape(name))).unwrap();
                whole.replace_all(&text, "<machine>").into_owned()
            }
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words() -> Words {
        let mut words = Words::new();
        words.set("port", 20_010);
        words.set("home", "/tmp/x");
        words.set("state", "/tmp/x/.openclaw");
        words
    }

    #[test]
    fn a_name_alone_keeps_its_type_and_one_in_a_text_does_not() {
        let value = json!({ "a": ["@port@", "ws://127.0.0.1:@port@"], "b": "user@example.com, admin@example.com" });
        let filled = json!({ "a": [20_010, "ws://127.0.0.1:20010"], "b": "user@example.com, admin@example.com" });
        assert_eq!(words().value(&value), filled);
    }

    #[test]
    #[should_panic(expected = "nothing is called `@prot@` here")]
    fn a_name_that_nothing_has_is_an_error() {
        words().text("ws://127.0.0.1:@prot@");
    }

    #[test]
    fn what_belongs_to_a_run_is_shown_by_its_name() {
        assert_eq!(words().redact("/tmp/x/.openclaw on 20010, /tmp/x/y"), "<state> on <port>, <home>/y");
        let mut words = words();
        words.set("machine", "vm");
        assert_eq!(words.redact("pid 7 of `vm` in a vmnet"), "pid 7 of `<machine>` in a vmnet");
    }
}
