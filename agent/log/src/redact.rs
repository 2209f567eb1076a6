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
const SECRET_NAMES: [&str; 18] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "requirepass",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "authorization",
    "credential",
    "credentials",
];

/// Values that look like a secret's place but say something about it.
const PLAIN_VALUES: [&str; 12] =
    ["none", "n/a", "yes", "no", "not", "true", "false", "null", "undefined", "missing", "required", "unset"];

/// Words before a token in the value of a header.
const SCHEMES: [&str; 5] = ["bearer", "basic", "token", "digest", "negotiate"];

/// What may stand around a name.
const QUOTES: [char; 4] = ['"', '\'', '`', '\\'];

/// Returns `text` without token-like material and control characters, cut to at most `max` bytes at a character boundary
/// (a cut is shown by `…`, which may exceed `max` by its own three bytes).
pub fn redact(text: &str, max: usize) -> String {
    if text.len() <= max && is_harmless(text) {
        return text.to_owned();
    }
    // The tail that is dropped anyway needs no look.
    let looked_at = floor_boundary(text, max.saturating_mul(2).max(256));
    let shown = match whole_words(text, looked_at) {
        Some(text) => mask_words(&mask_user_info(text)),
        None => MASK.to_owned(),
    };
    let end = floor_boundary(&shown, max);
    let mut out: String = shown[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if end < shown.len() || looked_at < text.len() {
        out.push('…');
    }
    out
}

/// The text up to there without a word that the cut goes through: part of a secret may not look like one.
fn whole_words(text: &str, end: usize) -> Option<&str> {
    if end == text.len() {
        return Some(text);
    }
    let end = text[..end].rfind(|c: char| c.is_whitespace() || matches!(c, ',' | '"'))?;
    Some(&text[..end])
}

/// Whether a quick look is enough to see that nothing has to be hidden: no long word, no URL, nothing that announces a secret.
fn is_harmless(text: &str) -> bool {
    let mut word = 0;
    let mut before = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'+' || (byte == b'-' && before != b'-') {
            word += 1;
        } else {
            if matches!(byte, b'=' | b'"' | b'-')
                || byte.is_ascii_control()
                || !byte.is_ascii()
                || (byte, before) == (b'/', b'/')
                || (byte == b':' && is_after_name(&text.as_bytes()[..at]))
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

/// Whether the text before a colon ends with the name of a secret.
fn is_after_name(text: &[u8]) -> bool {
    let end = text.iter().rposition(|byte| *byte != b' ' && !QUOTES.contains(&char::from(*byte)));
    end.is_some_and(|end| ends_in_name(&text[..=end]))
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
        if !is_word(first) || first == '=' {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let Some((key, value)) = word.split_once('=') else {
            out.push_str(if looks_random(word) { MASK } else { word });
            rest = if introduces_secret(word) { mask_introduced(tail, word, &mut out) } else { tail };
            continue;
        };
        out.push_str(if looks_random(key) { MASK } else { key });
        out.push('=');
        rest = if names_secret(key) {
            mask_value(&rest[key.len() + 1..], &mut out)
        } else if is_device(key, value) {
            out.push_str(value);
            tail
        } else if looks_random(value) {
            out.push_str(MASK);
            tail
        } else {
            // The value may announce a secret itself.
            &rest[key.len() + 1..]
        };
    }
    out
}

/// Whether a word that is followed by a separator announces a secret: `"token":`, `--password x`, `Bearer x`.
fn introduces_secret(word: &str) -> bool {
    names_secret(word) || word.eq_ignore_ascii_case("bearer")
}

/// Hides the value after `"key":`, `key: `, `key = `, `'key' => `, `--key ` and `Bearer `, where the text goes on in that way.
fn mask_introduced<'a>(rest: &'a str, key: &str, out: &mut String) -> &'a str {
    let sign = rest.trim_start_matches(QUOTES).trim_start_matches(' ');
    let value = sign.strip_prefix("=>").or_else(|| sign.strip_prefix([':', '=']));
    if let Some(value) = value.filter(|value| names_secret(key) && !value.starts_with([':', '='])) {
        out.push_str(&rest[..rest.len() - value.len()]);
        return mask_value(value, out);
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
    let begin = rest.len() - rest.trim_start_matches([' ', '\t', '[']).len();
    let begin = begin + scheme(&rest[begin..]);
    let slashes = rest[begin..].len() - rest[begin..].trim_start_matches('\\').len();
    let begin = begin + slashes;
    let mark = rest[begin..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    let begin = begin + usize::from(mark.is_some());
    let begin = begin + scheme(&rest[begin..]);
    let (lead, value) = rest.split_at(begin);
    out.push_str(lead);
    let end = match mark {
        Some(mark) => closing(value, mark, slashes),
        // Each of its members is looked at.
        None if value.starts_with('{') => Some(0),
        None => value.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | '}' | '&' | '\\')),
    };
    let (value, tail) = value.split_at(end.unwrap_or(value.len()));
    out.push_str(if value.is_empty() || is_plain(value) { value } else { MASK });
    tail
}

/// How long the scheme before a token is, with the blanks after it.
fn scheme(value: &str) -> usize {
    let Some((word, rest)) = value.split_once(' ') else { return 0 };
    let is_scheme = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    if is_scheme { value.len() - rest.trim_start_matches(' ').len() } else { 0 }
}

/// Where a quoted value ends: at a mark behind as many backslashes as the opening one.
fn closing(value: &str, mark: char, slashes: usize) -> Option<usize> {
    value.match_indices(mark).find_map(|(at, _)| {
        let before = at - value[..at].trim_end_matches('\\').len();
        (before == slashes || slashes == 0 && before.is_multiple_of(2)).then(|| at - slashes)
    })
}

/// Whether a name announces a secret by its end: `OPENAI_API_KEY`, `--gateway-token`, `DB_PASS`.
pub fn names_secret(name: &str) -> bool {
    ends_in_name(name.trim_start_matches('-').as_bytes())
}

fn ends_in_name(text: &[u8]) -> bool {
    let Some(last) = text.last().map(u8::to_ascii_lowercase) else { return false };
    let begin = |name: &str| -> Option<usize> {
        let at = text.len().checked_sub(name.len())?;
        let is_it = name.as_bytes().last() == Some(&last) && text[at..].eq_ignore_ascii_case(name.as_bytes());
        is_it.then_some(at)
    };
    SECRET_NAMES.iter().any(|name| begin(name).is_some())
        // A word of its own, which the end of `bypass` is not. `PWD` alone is the working directory.
        || begin("pass").is_some_and(|at| begins_word(text, at))
        || begin("pwd").is_some_and(|at| at > 0 && begins_word(text, at))
}

fn begins_word(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| text.get(before)).is_none_or(|before| {
        !before.is_ascii_alphanumeric() || before.is_ascii_lowercase() && text[at].is_ascii_uppercase()
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
        insta::assert_snapshot!(shown("--token hunter2 --password 'x y' gateway.auth.password=abc OPENCLAW_GATEWAY_TOKEN=q.r/s next"), @"--token *** --password '***' gateway.auth.password=*** OPENCLAW_GATEWAY_TOKEN=*** next");
        insta::assert_snapshot!(shown(r#"{"token":"a","n":1}"#), @r#"{"token":"***","n":1}"#);
    }

    #[test]
    fn hides_the_value_however_it_is_set_off_from_its_name() {
        for (text, expected) in [
            ("{ token: 'hunter2' }", "{ token: '***' }"),
            ("'token': 'hunter 2', n: 1", "'token': '***', n: 1"),
            ("Map(1) { 'token' => 'hunter2' }", "Map(1) { 'token' => '***' }"),
            ("password: hunter2 next", "password: *** next"),
            ("password = \"hunter 2\"", "password = \"***\""),
            ("X-Api-Key: hunter2", "X-Api-Key: ***"),
            ("Authorization: Basic dXNlcjpodW50ZXIy", "Authorization: Basic ***"),
            (r#"{"authorization":"Bearer hunter2","n":1}"#, r#"{"authorization":"Bearer ***","n":1}"#),
            (r#"{\"password\":\"hun\\\"ter 2\",\"n\":1}"#, r#"{\"password\":\"***\",\"n\":1}"#),
            (r#""tokens":[],"token":["hunter2"]"#, r#""tokens":[],"token":["***"]"#),
            ("HEADERS=authorization=Bearer hunter2", "HEADERS=authorization=Bearer ***"),
            ("DB_PASS=hunter2 MYSQL_PWD=hunter2 --pass hunter2", "DB_PASS=*** MYSQL_PWD=*** --pass ***"),
            ("auth: { user: 'op', smtpPass: 'hunter2' }", "auth: { user: 'op', smtpPass: '***' }"),
            ("password: 'hunter2 is cut", "password: '***"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_secret_that_the_cut_goes_through_is_not_shown() {
        let (first, second) = ("a1".repeat(190), "b2".repeat(40));
        assert_eq!(redact(&format!("{first} {second}"), 200), "***…");
        assert_eq!(redact(&second.repeat(20), 200), "***…");
    }

    #[test]
    fn keeps_what_an_operator_needs() {
        for text in [
            "token: missing, auth::token::verify, auth=token tokens: 12, auth = x",
            "PWD=/srv/claw OLDPWD=/tmp bypass=1 compass: north",
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
