//! How good a secret is: whether it is a known placeholder, how long, how random.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// Shorter secrets are weak, in characters.
pub const MIN_LENGTH: usize = 24;
/// Secrets with less estimated entropy are weak, in bits.
pub const MIN_ENTROPY_BITS: f64 = 64.0;

/// Values that OpenClaw takes for a redaction's leftover and refuses.
const REDACTIONS: [&str; 10] = [
    "__OPENCLAW_REDACTED__",
    "REDACTED",
    "xoxb-REDACTED",
    "xapp-REDACTED",
    "***",
    "[redacted]",
    "[REDACTED]",
    "<redacted>",
    "[REDACTED_PRIVATE_KEY]",
    "[REDACTED CREDENTIAL]",
];

/// Values of OpenClaw's own example files, which it refuses.
const EXAMPLES: [&str; 3] = ["change-me-to-a-long-random-token", "change-me-now", "change-me-to-a-strong-password"];

/// Words that stand for a value in other people's examples, compared without case, `-`, `_` and spaces.
const STAND_INS: [&str; 20] = [
    "changeme",
    "changeit",
    "changethis",
    "replaceme",
    "replacethis",
    "yourtoken",
    "yourtokenhere",
    "yoursecrettoken",
    "yourgatewaytoken",
    "yourpassword",
    "yourpasswordhere",
    "mysecrettoken",
    "insertyourtokenhere",
    "placeholder",
    "example",
    "secret",
    "token",
    "password",
    "gatewaytoken",
    "test",
];

/// A value that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placeholder {
    /// What a redaction leaves behind.
    Redaction,
    /// A value published in OpenClaw's examples.
    Example,
    /// `undefined` or `null`.
    NullWord,
    /// A `${NAME}` that nothing replaced.
    UnexpandedVariable,
    /// A word or mark that stands for a value.
    StandIn,
}

impl Placeholder {
    /// Whether OpenClaw 2026.9 itself refuses the value.
    pub fn is_refused(self) -> bool {
        matches!(self, Self::Redaction | Self::Example | Self::NullWord)
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redaction => "a redaction mark",
            Self::Example => "a published example",
            Self::NullWord => "the word `undefined` or `null`",
            Self::UnexpandedVariable => "a variable that nothing replaced",
            Self::StandIn => "a word that stands for a value",
        })
    }
}

/// What can be said of a secret without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    /// Length in characters.
    pub length: usize,
    /// Entropy as the distribution of its characters suggests, in bits. An upper bound: order is not looked at.
    pub entropy_bits: f64,
    /// Set if the value is no secret at all.
    pub placeholder: Option<Placeholder>,
}

impl Quality {
    /// Whether the secret is too short or too regular.
    pub fn is_weak(&self) -> bool {
        self.length < MIN_LENGTH || self.entropy_bits < MIN_ENTROPY_BITS
    }
}

/// Looks at a secret.
pub fn assess(secret: &SecretString) -> Quality {
    let value = secret.expose_secret().trim();
    Quality { length: value.chars().count(), entropy_bits: entropy_bits(value), placeholder: placeholder(value) }
}

fn placeholder(value: &str) -> Option<Placeholder> {
    if REDACTIONS.contains(&value) || is_masked(value) {
        return Some(Placeholder::Redaction);
    }
    if EXAMPLES.contains(&value) {
        return Some(Placeholder::Example);
    }
    if matches!(value, "undefined" | "null") {
        return Some(Placeholder::NullWord);
    }
    if is_unexpanded(value) {
        return Some(Placeholder::UnexpandedVariable);
    }
    let word: String =
        value.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect();
    let in_brackets = value.starts_with('<') && value.ends_with('>') && value.len() > 2;
    let one_character = value.chars().count() >= 3 && value.chars().all(|c| value.starts_with(c));
    (STAND_INS.contains(&word.as_str()) || in_brackets || one_character).then_some(Placeholder::StandIn)
}

fn is_masked(value: &str) -> bool {
    value.chars().count() >= 3 && value.chars().all(|c| matches!(c, '*' | '•' | '…'))
}

/// A value that consists of `${…}`, `$NAME`, `{{…}}` or `%NAME%`, or has a `${NAME}` in it.
fn is_unexpanded(value: &str) -> bool {
    let between = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    let shell_name = value.strip_prefix('$').is_some_and(super::is_portable_name);
    let percent_name = value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    between("${", "}")
        || between("{{", "}}")
        || between("$(", ")")
        || shell_name
        || percent_name.is_some_and(super::is_portable_name)
        || !crate::config::references(value).is_empty()
}

fn entropy_bits(value: &str) -> f64 {
    let mut counts: BTreeMap<char, u32> = BTreeMap::new();
    let mut total = 0_u32;
    for character in value.chars() {
        *counts.entry(character).or_default() += 1;
        total = total.saturating_add(1);
    }
    let total = f64::from(total);
    counts.values().map(|count| f64::from(*count)).map(|count| count * (total / count).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Quality {
        assess(&SecretString::from(value))
    }

    #[test]
    fn placeholders() {
        use Placeholder::{Example, NullWord, Redaction, StandIn, UnexpandedVariable};
        let cases = [
            ("__OPENCLAW_REDACTED__", Some(Redaction)),
            (" *** ", Some(Redaction)),
            ("••••••••", Some(Redaction)),
            ("change-me-now", Some(Example)),
            ("null", Some(NullWord)),
            ("${OPENCLAW_GATEWAY_TOKEN}", Some(UnexpandedVariable)),
            ("${token:-}", Some(UnexpandedVariable)),
            ("$TOKEN", Some(UnexpandedVariable)),
            ("prefix-${TOKEN}", Some(UnexpandedVariable)),
            ("{{ vault_token }}", Some(UnexpandedVariable)),
            ("CHANGE_ME", Some(StandIn)),
            ("<your token>", Some(StandIn)),
            ("xxxxxxxx", Some(StandIn)),
            ("8f14e45fceea167a5a36dedd4bea2543", None),
            ("pa$$word", None),
        ];
        for (value, expected) in cases {
            assert_eq!(of(value).placeholder, expected, "{value}");
        }
        assert!(!StandIn.is_refused() && Redaction.is_refused());
    }

    #[test]
    fn weakness() {
        assert!(!of("8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a").is_weak());
        assert!(of("8f14e45fceea167a").is_weak(), "short");
        assert!(of(&"ab".repeat(30)).is_weak(), "regular");
        assert!(of("").entropy_bits.abs() < f64::EPSILON);
    }

    #[test]
    fn debug_tells_nothing() {
        assert!(!format!("{:?}", of("hunter2")).contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(value in ".{0,60}") {
            let quality = of(&value);
            proptest::prop_assert!(quality.entropy_bits >= -1e-9);
        }
    }
}
