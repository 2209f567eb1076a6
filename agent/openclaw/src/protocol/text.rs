//! Free text from a gateway, made safe to keep and show: bounded, one line, and with whatever looks like a secret masked.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest text kept, in characters.
pub const MAX_TEXT_CHARS: usize = 512;

/// What stands where a secret may have been.
pub const MASK: &str = "[redacted]";

/// Text of a gateway after [`clean`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(String);

impl Text {
    /// Cleans `raw`.
    pub fn new(raw: &str) -> Self {
        Self(clean(raw, &[]))
    }

    /// Cleans `raw` and masks each of `secrets` wherever it occurs, however short or plain it is.
    pub fn without(raw: &str, secrets: &[&str]) -> Self {
        Self(clean(raw, secrets))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks each of `secrets` in a short text that was cleaned without knowing them. A longer one may have been cut in the middle of a
    /// secret.
    #[must_use]
    pub fn masking(self, secrets: &[&str]) -> Self {
        // A part of a secret that looks like one was masked by itself, in the text as here.
        let cleaned: Vec<String> = secrets.iter().map(|secret| clean(secret, &[])).collect();
        let cleaned: Vec<&str> = cleaned.iter().map(String::as_str).collect();

        Self(mask_known(mask_known(self.0, secrets), &cleaned))
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;

        Ok(Self::new(&raw))
    }
}

/// Longest name, version or path kept, in characters.
pub const MAX_NAME_CHARS: usize = 256;

/// A name, version, id or path of a gateway: bounded and without control characters, but not masked, as ids look like secrets.
pub fn name(raw: &str) -> String {
    raw.chars().take(MAX_NAME_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bounds `raw` to [`MAX_TEXT_CHARS`], turns control characters into spaces, and masks `secrets` and everything secret-like.
pub fn clean(raw: &str, secrets: &[&str]) -> String {
    // Known secrets go first and from the whole text: a cut through one would leave a prefix that no longer matches. A text of
    // hostile length is cut generously before that, so that the cost stays bounded.
    let head: String = raw.chars().take(MAX_TEXT_CHARS * 8).collect();
    let head = mask_known(head, secrets);
    let mut out = String::with_capacity(head.len().min(MAX_TEXT_CHARS * 2));
    let mut word = String::new();
    for c in head.chars() {
        if is_word(c) {
            word.push(c);
            continue;
        }
        flush(&mut out, &mut word);
        out.push(if c.is_control() { ' ' } else { c });
    }
    flush(&mut out, &mut word);
    if out.chars().count() > MAX_TEXT_CHARS {
        out = out.chars().take(MAX_TEXT_CHARS - 1).collect();
        out.push('…');
    }

    out.trim().to_owned()
}

/// Masks each of `secrets`. To be done before a text is cut or judged: what would be left of a secret matches no longer.
pub(super) fn mask_known(mut text: String, secrets: &[&str]) -> String {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(secret) {
            text = text.replace(secret, MASK);
        }
    }

    text
}

fn flush(out: &mut String, word: &mut String) {
    if looks_secret(word) {
        out.push_str(MASK);
    } else {
        out.push_str(word);
    }
    word.clear();
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '=' | '~')
}

/// Whether a run of word characters may be a token: long, and not a UUID, a plain word, a constant or a number.
fn looks_secret(word: &str) -> bool {
    if word.len() < 16 || is_uuid(word) {
        return false;
    }
    let digit = word.bytes().any(|b| b.is_ascii_digit());
    let lower = word.bytes().any(|b| b.is_ascii_lowercase());
    let upper = word.bytes().any(|b| b.is_ascii_uppercase());

    (digit && (lower || upper)) || (word.len() >= 24 && lower && upper) || word.len() >= 40
}

/// A UUID, whole or cut short at its end as close reasons are.
fn is_uuid(word: &str) -> bool {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];

    word.len() <= 36
        && word.bytes().enumerate().all(
            |(index, byte)| {
                if HYPHENS.contains(&index) { byte == b'-' } else { byte.is_ascii_hexdigit() }
            },
        )
        && word.bytes().filter(|byte| *byte == b'-').count() >= 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_what_the_gateway_says_about_itself() {
        for said in [
            "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)",
            "pairing required: device is not approved yet (requestId: d4a1c1b6-96f0-4ba5-9b0a-3c0c6e1e0a77)",
            "pairing required: device is asking for more scopes (requestId: 3b072d25-b3e9-4361-b7d8-c598658e0",
            "invalid connect params: at /client/mode: must be equal to one of the allowed values",
            "AUTH_TAILSCALE_IDENTITY_MISMATCH",
            "Update channels.telegram.accounts.bad.botToken/tokenFile with the current BotFather token.",
        ] {
            assert_eq!(clean(said, &[]), said);
        }
    }

    #[test]
    fn masks_what_may_be_a_secret() {
        assert_eq!(clean("bot 123456:AAF-x9yQpLm0oPzz77aaBBccDDeeFF is bad", &[]), "bot 123456:[redacted] is bad");
        assert_eq!(clean("token=3f9a4b1c2d5e6f708192a3b4", &[]), "[redacted]");
        assert_eq!(clean("key abcdefghijklmnopqrstuvwxyzABCDEFGH", &[]), "key [redacted]");
        assert_eq!(clean("password hunter2 refused", &["hunter2"]), "password [redacted] refused");
    }

    #[test]
    fn a_secret_that_was_masked_in_part_is_masked_whole() {
        let secret = "hunter2/A1b2C3d4E5f6G7h8";
        let text = Text::new(&format!("no {secret}, nor plain"));
        assert_eq!(text.as_str(), "no hunter2/[redacted], nor plain");

        assert_eq!(text.masking(&[secret, "plain"]).as_str(), "no [redacted], nor [redacted]");
    }

    #[test]
    fn is_one_bounded_line() {
        let text = clean(&"word\n".repeat(10_000), &[]);

        assert_eq!(text.chars().count(), MAX_TEXT_CHARS);
        assert!(!text.contains('\n'));
    }

    proptest! {
        #[test]
        fn never_shows_a_known_secret(secret in "[a-z0-9:/]{3,40}", before in ".{0,40}", after in ".{0,40}") {
            let text = clean(&format!("{before}{secret}{after}"), &[&secret]);

            prop_assume!(!MASK.contains(&secret) && !before.contains(&secret) && !after.contains(&secret));
            prop_assert!(!text.contains(&secret), "{text}");
        }
    }
}
