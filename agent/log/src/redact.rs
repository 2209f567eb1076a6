//! Redaction of token-like material in text that comes from logs.
//!
//! The gateway redacts its own log, but its log also repeats what others sent it, and older releases redacted less. What
//! leaves this module is bounded in length, holds no control characters, and shows `***` where a secret may have stood. It
//! errs towards hiding: a long random-looking word is hidden whatever it is, except UUIDs and the public device ids.

use std::borrow::Cow;

/// What stands in place of hidden material.
pub const MASK: &str = "***";

/// Shortest word that is looked at as a possible secret, in bytes.
const WORD_MIN: usize = 20;

/// The word before a token in the header of a request.
const BEARER: &[u8] = b"bearer";

/// Shortest part of such a word, between `-` and `_`, that must mix letters and digits for the word to be hidden, in bytes.
const PART_MIN: usize = 16;

/// Names whose value is hidden whatever it looks like, matched as the end of a key, without case.
const SECRET_KEYS: [&str; 9] =
    ["token", "password", "passwd", "secret", "apikey", "api_key", "api-key", "authorization", "credential"];

/// Values that look like a secret's place but say something about it.
const PLAIN_VALUES: [&str; 8] = ["none", "n/a", "yes", "no", "true", "false", "null", "undefined"];

/// Returns `text` without token-like material and control characters, cut to at most `max` bytes at a character boundary
/// (a cut is shown by `…`, which may exceed `max` by its own three bytes).
pub fn redact(text: &str, max: usize) -> String {
    if text.len() <= max && is_harmless(text) {
        return text.to_owned();
    }
    // The tail that is dropped anyway needs no look, except that a word must not be cut before it is judged.
    let looked_at = floor_boundary(text, max.saturating_mul(2).max(256));
    let shown = mask_words(&mask_user_info(&text[..looked_at]));
    let end = floor_boundary(&shown, max);
    let mut out: String = shown[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if end < shown.len() || looked_at < text.len() {
        out.push('…');
    }
    out
}

/// Whether a quick look is enough to see that nothing has to be hidden: no long word, no URL, nothing that announces a secret.
fn is_harmless(text: &str) -> bool {
    let mut word = 0;
    let mut before = 0;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'+' || (byte == b'-' && before != b'-') {
            word += 1;
        } else {
            if matches!(byte, b'=' | b'"' | b'-')
                || byte.is_ascii_control()
                || !byte.is_ascii()
                || (byte, before) == (b'/', b'/')
            {
                return false;
            }
            word = 0;
        }
        if word >= WORD_MIN {
            return false;
        }
        before = byte;
    }
    !text.as_bytes().windows(BEARER.len()).any(|part| part.eq_ignore_ascii_case(BEARER))
}

/// The largest character boundary of `text` that is not above `max`.
pub(super) fn floor_boundary(text: &str, max: usize) -> usize {
    if max >= text.len() {
        return text.len();
    }
    (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Hides `user:password` of URLs.
fn mask_user_info(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let authority_len = tail
            .find(|c: char| c == '/' || c == '?' || c == '#' || c.is_whitespace() || c == '"')
            .unwrap_or(tail.len());
        rest = match tail[..authority_len].rfind('@') {
            Some(user_info) => {
                out.push_str(MASK);
                &tail[user_info..]
            }
            None => tail,
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=')
}

fn mask_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !is_word(first) {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        rest = tail;
        let (key, value) = match word.find('=') {
            Some(at) if at > 0 => (&word[..at], Some(&word[at + 1..])),
            _ => (word, None),
        };
        if let Some(value) = value {
            out.push_str(if looks_random(key) { MASK } else { key });
            out.push('=');
            if (names_secret(key) && !is_plain(value)) || (looks_random(value) && !is_device(key, value)) {
                out.push_str(MASK);
                if names_secret(key) {
                    rest = skip_value(rest);
                }
            } else if value.is_empty() && names_secret(key) {
                rest = mask_value(rest, &mut out);
            } else {
                out.push_str(value);
            }
        } else {
            out.push_str(if looks_random(key) { MASK } else { key });
            if introduces_secret(key) {
                rest = mask_introduced(rest, key, &mut out);
            }
        }
    }
    out
}

/// Whether a word that is followed by a separator announces a secret: `"token":`, `--password x`, `Bearer x`.
fn introduces_secret(word: &str) -> bool {
    names_secret(word) || word.eq_ignore_ascii_case("bearer")
}

/// Hides the value after `"key":`, `--key ` and `Bearer `, where the text goes on in that way.
fn mask_introduced<'a>(rest: &'a str, key: &str, out: &mut String) -> &'a str {
    let after_quote = rest.strip_prefix("\\\"").or_else(|| rest.strip_prefix('"'));
    if let Some(colon) = after_quote.and_then(|tail| tail.strip_prefix(':')) {
        out.push_str(&rest[..rest.len() - colon.len()]);
        return mask_value(colon, out);
    }
    let is_option = key.starts_with("--");
    if (is_option || key.eq_ignore_ascii_case("bearer"))
        && let Some(tail) = rest.strip_prefix(' ')
    {
        out.push(' ');
        return mask_value(tail, out);
    }
    rest
}

/// Writes the mask for the value at the start of `rest` unless it is a plain word; returns what follows.
fn mask_value<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let opening = rest.len() - rest.trim_start_matches([' ', '"', '\\', '\'']).len();
    let (lead, value) = rest.split_at(opening);
    out.push_str(lead);
    let end = value
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | '}' | '&' | '\\'))
        .unwrap_or(value.len());
    let (value, tail) = value.split_at(end);
    out.push_str(if value.is_empty() || is_plain(value) { value } else { MASK });
    tail
}

/// What follows the rest of a secret value that went on past the characters of a word (`token=ab.cd/ef`).
fn skip_value(rest: &str) -> &str {
    rest.trim_start_matches(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | ';' | ')' | '}' | '&'))
}

fn names_secret(key: &str) -> bool {
    let trimmed = key.trim_start_matches('-');
    SECRET_KEYS.iter().any(|name| {
        trimmed
            .len()
            .checked_sub(name.len())
            .and_then(|at| trimmed.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
    })
}

fn is_plain(value: &str) -> bool {
    PLAIN_VALUES.iter().any(|plain| value.eq_ignore_ascii_case(plain))
}

/// Device ids are the public name of a device (SHA-256 of its public key) and appear in commands that a person has to type.
fn is_device(key: &str, value: &str) -> bool {
    matches!(key, "device" | "deviceId")
        && value.len() == 64
        && value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

fn looks_random(word: &str) -> bool {
    word.len() >= WORD_MIN
        && word.split(['-', '_', '+', '=']).any(|part| {
            part.len() >= PART_MIN
                && part.bytes().any(|b| b.is_ascii_digit())
                && part.bytes().any(|b| b.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        redact(text, 400)
    }

    #[test]
    fn hides_what_looks_like_a_token() {
        for secret in [
            "4f9d0c1e2b3a49586776859493a2b1c0d9e8f7a6b5c4d3e2",
            "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x",
            "planted-token-value-0123456789abcdef01",
            "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
            "MCowBQYDK2VwAyEA0BrLqZCJGk22rvSubuwgKOXMNmHQh0",
        ] {
            for text in [
                format!("got {secret} from peer"),
                format!("token={secret} ok"),
                format!("\"token\":\"{secret}\","),
                format!("Authorization: Bearer {secret}"),
                format!("url=http://127.0.0.1:1/?token={secret}&x=1"),
                format!("ws://user:{secret}@host:1/"),
                format!("1234567:{secret}"),
            ] {
                let out = shown(&text);
                assert!(!out.contains(secret), "{out}");
                assert!(out.contains(MASK), "{out}");
            }
        }
    }

    #[test]
    fn hides_short_secrets_by_their_key() {
        insta::assert_snapshot!(shown("--token hunter2 --password 'x y' gateway.auth.password=abc OPENCLAW_GATEWAY_TOKEN=q.r/s next"), @"--token *** --password '*** y' gateway.auth.password=*** OPENCLAW_GATEWAY_TOKEN=*** next");
        insta::assert_snapshot!(shown(r#"{"token":"a","n":1}"#), @r#"{"token":"***","n":1}"#);
    }

    #[test]
    fn keeps_what_an_operator_needs() {
        for text in [
            "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)",
            "conn=e2bcf082-d687-4e1c-9fd1-0eeec0ef97bf peer=127.0.0.1:35888->127.0.0.1:19789 auth=token device=no",
            "device=ced680620907d93ce35d97f15b1ed0c005650c3d5dfc01c3f50aed812f2c1276 role=operator",
            "wrote stability bundle: /s/logs/stability/openclaw-stability-2026-11-21T04-30-23-876Z-18779-gateway.crash_loop_breaker.json",
            "waiting for gateway-lifecycle ownership held by another OpenClaw process, up to 300 s",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn is_bounded_and_has_no_control_characters() {
        assert_eq!(redact("aé\u{1b}[31mz", 2), "a…");
        assert_eq!(redact("a\nb\u{7}", 10), "a b ");
    }

    proptest! {
        #[test]
        fn the_quick_look_hides_no_less(text in "([a-z0-9]{1,24}|[ -~]|--|token|Bearer|://|\\u{e9}){0,12}") {
            let slow: String = mask_words(&mask_user_info(&text)).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert_eq!(redact(&text, 4096), slow);
        }

        #[test]
        fn never_panics_and_keeps_its_bound(text in "\\PC{0,300}", max in 0_usize..300) {
            prop_assert!(redact(&text, max).len() <= max + '…'.len_utf8());
        }

        #[test]
        fn never_shows_a_random_token(secret in "[a-f][0-9][A-Za-z0-9]{30,60}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            let out = redact(&format!("{before}{secret}{after}"), 4096);
            prop_assert!(!out.contains(&secret), "{out}");
        }
    }
}
