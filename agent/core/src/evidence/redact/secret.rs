//! Secrets: by what announces them, by what their makers begin them with, and by looking random.

use super::{MASK, Redactor, begins_word, run};

/// Names whose value is hidden, as the end of a key and without case.
const NAMES: [&str; 18] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "private_key",
    "private-key",
    "authorization",
    "credential",
    "credentials",
    "cookie",
];
/// Values that say something about a secret and are none.
const PLAIN: [&str; 15] = [
    "none",
    "n/a",
    "yes",
    "no",
    "true",
    "false",
    "null",
    "nil",
    "undefined",
    "unset",
    "set",
    "missing",
    "absent",
    "empty",
    MASK,
];
/// What follows `Bearer` in a sentence.
const AFTER_BEARER: [&str; 8] =
    ["token", "tokens", "auth", "authentication", "authorization", "header", "headers", "and"];
/// Beginnings that makers of keys give them.
const PREFIXES: [&str; 44] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "xoxe-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "hf_",
    "npm_",
    "pypi-",
    "dop_v1_",
    "SG.",
    "shpat_",
    "lin_api_",
    "gsk_",
    "r8_",
    "pplx-",
    "xai-",
    "tskey-",
    "AGE-SECRET-KEY-",
    "tvly-",
    "ops_ey",
    "dckr_pat_",
    "sbp_",
    "vercel_",
    "cfut_",
];
/// Shortest rest of a key behind such a beginning.
const KEY_REST: usize = 10;
/// Shortest word that is looked at as a possible secret.
const WORD: usize = 20;
/// Shortest part of it that must mix letters and digits.
const PART: usize = 16;
/// Shortest run with slashes that may be base64.
const BASE64: usize = 40;
/// Digits of a SHA-256.
const DIGEST: usize = 64;

impl Redactor {
    pub(super) fn secrets_in(_: &mut Self, text: &str) -> Option<String> {
        super::rewrite(text, |before, rest| {
            pem(rest).or_else(|| user_info(rest)).or_else(|| {
                if !begins_word(before) {
                    return None;
                }
                digest(rest).or_else(|| announced(rest)).or_else(|| word(rest))
            })
        })
    }
}

/// A key in PEM form, to its end.
fn pem(rest: &str) -> Option<(usize, String)> {
    const END: &str = "-----END ";
    rest.strip_prefix("-----BEGIN ")?;
    let end = rest.find(END).and_then(|at| {
        let tail = rest.get(at + END.len()..)?;
        Some(at + END.len() + tail.find("-----")? + 5)
    });
    Some((end.unwrap_or(rest.len()), MASK.to_owned()))
}

/// `://user:password@`.
fn user_info(rest: &str) -> Option<(usize, String)> {
    let tail = rest.strip_prefix("://")?;
    let authority = run(tail, |c| !c.is_whitespace() && !matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>'));
    let end = authority.rfind('@').or_else(|| {
        // A password that was not escaped may hold a slash.
        let (_, port) = authority.split_once(':')?;
        let is_port = port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) || authority.starts_with('[');
        let whole = run(tail, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`' | '<' | '>'));
        whole.rfind('@').filter(|_| !is_port)
    })?;
    Some((3 + end, format!("://{MASK}")))
}

/// The digest of an image, which is public, and what the reader looks for.
pub(super) fn digest(rest: &str) -> Option<(usize, String)> {
    const NAME: &str = "sha256:";
    let digits = run(rest.strip_prefix(NAME)?, |c| c.is_ascii_hexdigit()).len();
    let length = NAME.len() + digits;
    (digits == DIGEST).then(|| (length, rest.get(..length).unwrap_or_default().to_owned()))
}

/// `token=…`, `"token": "…"`, `--token …`, `Bearer …`, `<key>token</key><string>…`.
fn announced(rest: &str) -> Option<(usize, String)> {
    let key = run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if key.is_empty() {
        return None;
    }
    let tail = rest.get(key.len()..)?;
    if key.eq_ignore_ascii_case("bearer") || key.eq_ignore_ascii_case("basic") {
        let blanks = run(tail, |c| c == ' ').len();
        let value = value_of(tail.get(blanks..)?);
        let plain = value.trim_end_matches(['.', ':']);
        let is_secret = match key.len() {
            6 => !plain.is_empty() && !AFTER_BEARER.iter().any(|word| plain.eq_ignore_ascii_case(word)),
            _ => value.len() >= 6 && is_secretive(value),
        };
        return (blanks > 0 && is_secret && value != MASK)
            .then(|| (key.len() + blanks + value.len(), format!("{key}{}{MASK}", " ".repeat(blanks))));
    }
    if !names_secret(key) {
        return None;
    }
    let (between, assigned) = separator(tail, key.starts_with("--"))?;
    let (lead, value, closing) = quoted(tail.get(between..)?);
    let is_plain = PLAIN.iter().any(|plain| value.eq_ignore_ascii_case(plain)) || is_variable(value);
    if value.is_empty() || is_plain || !(assigned || !lead.is_empty() || is_secretive(value)) {
        return None;
    }
    let lead_end = key.len() + between + lead.len();
    Some((lead_end + value.len() + closing, format!("{}{MASK}{}", rest.get(..lead_end)?, lead)))
}

fn names_secret(key: &str) -> bool {
    let key = key.trim_start_matches('-').to_ascii_lowercase();
    NAMES.iter().any(|name| key.ends_with(name)) || matches!(key.as_str(), "sig" | "signature" | "session_key")
}

/// How many bytes stand between the name and the value, and whether that can only be an assignment.
fn separator(tail: &str, is_option: bool) -> Option<(usize, bool)> {
    if let Some(inner) = tail.strip_prefix("</key>") {
        let blanks = run(inner, char::is_whitespace).len();
        return inner.get(blanks..)?.starts_with("<string>").then_some((6 + blanks + 8, true));
    }
    let quote = run(tail, |c| matches!(c, '"' | '\'' | '\\')).len();
    let rest = tail.get(quote..)?;
    let blanks = run(rest, |c| c == ' ').len();
    let sign = rest.get(blanks..)?;
    let wide = |sign: &str| quote + blanks + sign.len() + run(sign_rest(rest, blanks, sign), |c| c == ' ').len();
    if blanks == 0 && quote == 0 && rest.starts_with('=') {
        return Some((1, true));
    }
    if sign.starts_with('=') && !sign.starts_with("==") {
        return Some((wide("="), quote > 0));
    }
    if sign.starts_with(':') && !sign.starts_with("::") {
        return Some((wide(":"), quote > 0));
    }
    (is_option && quote == 0 && blanks > 0).then_some((blanks, true))
}

fn sign_rest<'a>(rest: &'a str, blanks: usize, sign: &str) -> &'a str {
    rest.get(blanks + sign.len()..).unwrap_or_default()
}

/// The quotation mark before a value, the value, and how many bytes close it.
fn quoted(text: &str) -> (&str, &str, usize) {
    for mark in ["\\\"", "\"", "'"] {
        if let Some(inner) = text.strip_prefix(mark) {
            let end = inner.find(mark).unwrap_or(inner.len());
            let value = inner.get(..end).unwrap_or_default();
            let closing = if end < inner.len() { mark.len() } else { 0 };
            return (text.get(..mark.len()).unwrap_or_default(), value, closing);
        }
    }
    ("", value_of(text), 0)
}

fn value_of(text: &str) -> &str {
    if let Some((variable, _)) = text.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
        return text.get(..variable.len() + 3).unwrap_or_default();
    }
    run(text, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | ';' | ')' | '}' | '&' | '<' | '>' | '\\' | '`'))
}

/// A reference to a variable, which is only its name.
fn is_variable(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')).or_else(|| value.strip_prefix('$'));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// Whether a value is no word of a sentence and no path.
fn is_secretive(value: &str) -> bool {
    let value = value.trim_end_matches(['.', ':']);
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let mixed = value.bytes().skip(1).any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase());
    !value.starts_with(['/', '~', '.', '*', '[', '{', '('])
        && (value.len() >= 6 && digits && letters || value.len() >= 8 && (mixed || value.ends_with('=')))
}

/// A word that is a secret by its looks.
fn word(rest: &str) -> Option<(usize, String)> {
    let hide = |length: usize| Some((length, MASK.to_owned()));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let dotted = run(rest, |c| is_part(c) || c == '.');
    if dotted.starts_with("eyJ") && dotted.len() >= 30 && dotted.matches('.').count() >= 1 {
        return hide(dotted.trim_end_matches('.').len());
    }
    for prefix in PREFIXES {
        if dotted.starts_with(prefix) {
            let key = dotted.trim_end_matches('.');
            let tail = key.get(prefix.len()..).unwrap_or_default();
            if tail.len() >= KEY_REST && (tail.bytes().any(|b| b.is_ascii_digit()) || has_both_cases(tail)) {
                return hide(key.len());
            }
        }
    }
    // A bot's token of Telegram.
    let digits = run(rest, |c| c.is_ascii_digit()).len();
    if (6..=12).contains(&digits) && rest.get(digits..).is_some_and(|tail| tail.starts_with(':')) {
        let tail = run(rest.get(digits + 1..)?, is_part);
        if tail.len() >= 30 {
            return hide(digits + 1 + tail.len());
        }
    }
    let base64 = run(rest, |c| is_part(c) || matches!(c, '+' | '/' | '='));
    if base64.len() >= BASE64 && base64.contains(['/', '+', '=']) && has_both_cases(base64) && !is_path(base64) {
        return hide(base64.len());
    }
    let stem = run(rest, |c| is_part(c) || c == '+');
    let padding = run(rest.get(stem.len()..)?, |c| c == '=').len();
    let is_end = rest.get(stem.len() + padding..)?.chars().next().is_none_or(|c| !c.is_alphanumeric());
    let word = rest.get(..stem.len() + if is_end { padding } else { 0 })?;
    if word.len() == DIGEST && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // It gets a fingerprint later: it may be an id.
        return Some((word.len(), word.to_owned()));
    }
    if is_random(word) {
        return hide(word.len());
    }
    (!stem.is_empty()).then(|| (stem.len(), stem.to_owned()))
}

fn has_both_cases(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_path(text: &str) -> bool {
    text.split('/')
        .any(|part| part.len() >= 3 && part.bytes().skip(1).all(|b| b.is_ascii_lowercase()) && part.is_ascii())
}

fn is_random(word: &str) -> bool {
    if word.len() < WORD {
        return false;
    }
    word.split(['-', '_', '+', '=']).any(|part| {
        let digits = part.bytes().any(|b| b.is_ascii_digit());
        let letters = part.bytes().any(|b| b.is_ascii_alphabetic());
        let turns = part
            .as_bytes()
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
        part.len() >= PART && (digits && letters || part.len() >= WORD && turns.count() * 5 >= part.len())
    })
}
