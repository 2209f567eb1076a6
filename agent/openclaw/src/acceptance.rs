//! The command line's own question to its gateway: `openclaw channels status --probe --json`.
//!
//! `OpenClaw` 2026.9.6 asks it over one connection, opens the shared state read-only, approves no device and starts no gateway. It exits
//! with 0 also when it is refused, and then says so in its JSON.

use serde::Deserialize;
use thiserror::Error;

use crate::log::redact;
use crate::protocol::ChannelsStatus;

/// Longest words of a refusal that are kept, in bytes.
const MAX_MESSAGE: usize = 300;

/// The arguments of the question. The command line gives up by itself after `timeout_ms` milliseconds; its own default is 60 s.
pub fn arguments(timeout_ms: u64) -> Vec<String> {
    ["channels", "status", "--probe", "--json", "--timeout"]
        .into_iter()
        .map(str::to_owned)
        .chain([timeout_ms.to_string()])
        .collect()
}

/// Whether a release is known to change nothing when it is asked.
///
/// Command lines before 2026.9 opened the live state database for writing and migrated it, which broke running gateways
/// (openclaw/openclaw#101290, #124045). Later release trains have not been looked at.
pub fn is_known_safe(version: &str) -> bool {
    let patch = version.trim().strip_prefix("2026.9.").map(str::parse::<u32>);
    patch.and_then(Result::ok).is_some_and(|patch| patch >= 6)
}

/// What the command line printed.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The gateway's own answer.
    Accepted(ChannelsStatus),
    /// The gateway was not reached or refused.
    Refused(Refused),
}

/// Why the gateway gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its words in one line, with anything secret masked.
    pub message: String,
    /// How.
    pub reason: Reason,
    /// Code of the close frame, where it names one.
    pub close_code: Option<u16>,
}

/// How the command line was refused, by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Token or password are not the gateway's.
    Secret,
    /// There is nothing to send.
    NoSecret,
    /// The device waits, is unknown, or lacks a scope.
    Pairing,
    /// It will not send a secret in plain text.
    Plaintext,
    /// No protocol version is shared.
    Protocol,
    /// Attempts are locked out.
    RateLimited,
    /// Nothing was reached.
    Unreachable,
    /// Anything else.
    Other,
}

/// Output that is no answer.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// No JSON.
    #[error("it printed no JSON")]
    NotJson,
    /// JSON of another form.
    #[error("it printed JSON of a form that is not known")]
    Form(#[source] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fallback {
    gateway_reachable: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    gateway_auth_unavailable: bool,
}

/// Reads what the command line printed on its standard output. Lines before the JSON are passed over, be they JSON themselves: plugins and
/// Node may print some.
pub fn parse(output: &str) -> Result<Answer, AnswerError> {
    let mut objects = starts(output).filter_map(|text| {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
        values.next()?.ok().filter(serde_json::Value::is_object)
    });
    let first = objects.next().ok_or(AnswerError::NotJson)?;
    let is_answer =
        |json: &serde_json::Value| ["channelAccounts", "gatewayReachable"].iter().any(|key| json.get(key).is_some());
    let json = if is_answer(&first) { first } else { objects.find(is_answer).unwrap_or(first) };
    if json.get("channelAccounts").is_some() {
        return serde_json::from_value(json).map(Answer::Accepted).map_err(AnswerError::Form);
    }
    let fallback: Fallback = serde_json::from_value(json).map_err(AnswerError::Form)?;
    let said = fallback.error.unwrap_or_else(|| "the gateway is not reachable".to_owned());
    let reason = reason(&said, fallback.gateway_auth_unavailable && !fallback.gateway_reachable);
    Ok(Answer::Refused(Refused { message: first_line(&said), reason, close_code: close_code(&said) }))
}

/// The places at which a line begins with `{`, at most a few of them.
fn starts(output: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = 16;
    let later = output.match_indices("\n{").filter_map(|(at, _)| output.get(at + 1..));
    output.starts_with('{').then_some(output).into_iter().chain(later).take(MOST)
}

/// The first line says what, the others what to do.
fn first_line(said: &str) -> String {
    redact(said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(said), MAX_MESSAGE)
}

fn reason(said: &str, auth_unavailable: bool) -> Reason {
    let said = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["rate limit", "rate_limited", "too many failed"]) {
        Reason::RateLimited
    } else if has(&["token mismatch", "password mismatch", "token_mismatch", "password_mismatch"]) {
        Reason::Secret
    } else if has(&["plaintext", "cleartext", "security error"]) {
        Reason::Plaintext
    } else if has(&["protocol mismatch", "protocol_mismatch"]) {
        Reason::Protocol
    } else if has(&["pairing required", "missing scope", "device identity", "scope upgrade", "not approved"]) {
        Reason::Pairing
    } else if auth_unavailable || has(&["requires credentials", "requires explicit credentials", "token missing"]) {
        Reason::NoSecret
    } else if has(&[
        "not reachable",
        "econnrefused",
        "econnreset",
        "enotfound",
        "eai_again",
        "ehostunreach",
        "enetunreach",
        "etimedout",
        "timeout",
        "timed out",
        "unexpected server response",
    ]) {
        Reason::Unreachable
    } else {
        Reason::Other
    }
}

/// The number of `gateway closed (1008 …): …`, `code=1008`.
fn close_code(said: &str) -> Option<u16> {
    let after = |mark: &str| said.split_once(mark).map(|(_, rest)| rest);
    let rest = after("closed (").or_else(|| after("code="))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|code| (1000..5000).contains(code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(error: &str) -> Refused {
        let json = serde_json::json!({ "gatewayReachable": false, "error": error, "configOnly": true });
        match parse(&json.to_string()).unwrap() {
            Answer::Refused(refused) => refused,
            Answer::Accepted(_) => panic!("{error}"),
        }
    }

    #[test]
    fn only_releases_that_were_looked_at_are_safe() {
        for safe in ["2026.9.6", "2026.9.14"] {
            assert!(is_known_safe(safe), "{safe}");
        }
        for unknown in ["2026.9.5", "2026.8.30", "2026.10.1", "2026.9.6-beta.1", "2026.9", "", "2027.9.6"] {
            assert!(!is_known_safe(unknown), "{unknown}");
        }
    }

    #[test]
    fn the_gateways_answer_is_taken_after_other_lines() {
        let output = "(node:7) Warning: x\n{ not json\n{\n  \"ts\": 1, \"channelAccounts\": {\"irc\": [{\"accountId\": \"a\"}]}\n}\n";
        for before in ["", "{\"level\": \"warn\", \"message\": \"plugin\"}\n"] {
            let Answer::Accepted(status) = parse(&format!("{before}{output}")).unwrap() else { panic!() };
            assert_eq!(status.accounts().count(), 1);
        }
    }

    #[test]
    fn refusals_are_told_apart_by_their_words() {
        for (said, reason) in [
            ("unauthorized: gateway token mismatch (provide gateway auth token)", Reason::Secret),
            (
                "gateway channels.status requires credentials before opening a websocket\nFix: configure",
                Reason::NoSecret,
            ),
            ("gateway url override requires explicit credentials\nFix: pass --token", Reason::NoSecret),
            ("gateway closed (1008): pairing required", Reason::Pairing),
            ("missing scope: operator.read", Reason::Pairing),
            ("Gateway not reachable after waiting 3 s.\nwaiting for managed service", Reason::Unreachable),
            ("connect ECONNREFUSED 127.0.0.1:18789", Reason::Unreachable),
            ("SECURITY ERROR: Gateway URL uses plaintext ws:// to a non-loopback address", Reason::Plaintext),
            ("unauthorized: too many failed authentication attempts", Reason::RateLimited),
            ("something new", Reason::Other),
        ] {
            assert_eq!(refused(said).reason, reason, "{said}");
        }
        let closed = refused("gateway closed (1008): pairing required\nmore");
        assert_eq!(
            (closed.close_code, closed.message.as_str()),
            (Some(1008), "gateway closed (1008): pairing required")
        );
        assert_eq!(refused("no code= here").close_code, None);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for output in ["", "Checking channel status", "[]", "{", "{}", r#"{"gatewayReachable":"no"}"#] {
            assert!(parse(output).is_err(), "{output}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(output in r#"(\{|\}|"|error|gatewayReachable|:|false|\n|closed \(|99999|é){0,30}"#) {
            let _ = parse(&output);
        }
    }
}
