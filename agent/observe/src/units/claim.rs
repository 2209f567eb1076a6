//! What a service's words claim: a port, a version, a gate before the command, a secret.

use std::collections::BTreeSet;

use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::service::Service;

use super::blueprint::Blueprint;

/// The port of interest that a service claims: by a socket of the service manager, an argument or a variable.
pub(super) fn port(blueprint: &Blueprint<'_>, ports: &BTreeSet<u16>) -> Option<u16> {
    let sockets = blueprint.socket_ports.iter().copied().find(|port| ports.contains(port));
    sockets.or_else(|| blueprint.arguments.as_slice().iter().find_map(|argument| named_port(argument, ports))).or_else(
        || {
            let mut names = blueprint.environment.names().filter(|name| name.to_ascii_uppercase().ends_with("PORT"));
            names.find_map(|name| named_port(blueprint.environment.text(name)?, ports))
        },
    )
}

/// A port that stands in a text as a number of its own: `18789`, `--port=18789`, `127.0.0.1:18789`, `18789:localhost:18789`.
fn named_port(text: &str, ports: &BTreeSet<u16>) -> Option<u16> {
    let mut before = None;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (head, tail) = rest.split_at(start);
        before = head.chars().next_back().or(if start == 0 { before } else { None });
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, after) = tail.split_at(end);
        let opens = before.is_none_or(|c| matches!(c, ':' | '=' | ',' | ' ' | '"' | '\''));
        let closes = after.chars().next().is_none_or(|c| matches!(c, ':' | ',' | ' ' | '/' | '"' | '\'' | ';'));
        if let Some(port) = digits.parse().ok().filter(|port| opens && closes && ports.contains(port)) {
            return Some(port);
        }
        before = digits.chars().next_back();
        rest = after;
    }
    None
}

/// Whether `portreeve gate` stands before the command, and the command without it.
pub(super) fn without_gate(arguments: &[String]) -> (bool, &[String]) {
    let gate = arguments.windows(2).position(|pair| match pair {
        [program, verb] => program.rsplit('/').next() == Some("portreeve") && verb == "gate",
        _ => false,
    });
    let Some(gate) = gate else {
        return (false, arguments);
    };
    let after = arguments.get(gate..).unwrap_or_default();
    let command = after.iter().position(|argument| argument == "--").and_then(|at| after.get(at + 1..));
    (true, command.unwrap_or_default())
}

/// The value of `--name value` or `--name=value`.
pub(super) fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(at, argument)| {
        let rest = argument.strip_prefix(name)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => arguments.get(at + 1).map(String::as_str),
            None => None,
        }
    })
}

/// The version of `OpenClaw` that the environment or a path names: `/opt/homebrew/Cellar/openclaw/2026.9.6/…`.
pub(super) fn version(service: &Service, environment: &Environment) -> Option<String> {
    if let Some(version) = environment.text(environment::SERVICE_VERSION) {
        return Some(version.chars().take(40).collect());
    }
    let entry = service.entry.as_deref()?;
    entry.components().find_map(|component| {
        let name = component.as_os_str().to_str()?;
        let version = name.rsplit('@').next()?.trim_start_matches('v');
        is_version(version).then(|| version.to_owned())
    })
}

fn is_version(text: &str) -> bool {
    let (numbers, _) = text.split_once('-').unwrap_or((text, ""));
    let parts: Vec<&str> = numbers.split('.').collect();
    let all_numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    parts.len() == 3 && all_numbers && parts.first().is_some_and(|year| year.len() == 4 && year.starts_with('2'))
}

/// Whether a variable holds a secret by its name, and is not empty.
pub(super) fn is_secret(name: &str, variables: &Environment) -> bool {
    let is_key = name.to_ascii_uppercase().ends_with("PRIVATE_KEY");
    (is_key || portreeve_openclaw::log::names_secret(name)) && variables.text(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stand_alone() {
        let ports = BTreeSet::from([18789]);
        for text in
            ["18789", "--port=18789", "127.0.0.1:18789", "[::1]:18789/", "18789:localhost:80", "exec x 18789; true"]
        {
            assert_eq!(named_port(text, &ports), Some(18789), "{text}");
        }
        for text in ["118789", "a18789", "/tmp/18789", "18789.log", "1.18789", "18788", ""] {
            assert_eq!(named_port(text, &ports), None, "{text}");
        }
    }

    #[test]
    fn a_gate_is_taken_off() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let gated = words("/usr/local/bin/portreeve gate --timeout 60 -- node openclaw.mjs gateway");
        assert_eq!(without_gate(&gated), (true, &gated[5..]));
        let plain = words("node portreeve.js gateway");
        assert_eq!(without_gate(&plain), (false, &plain[..]));
    }

    #[test]
    fn versions_are_dates() {
        assert!(is_version("2026.9.6") && is_version("2026.10.11-beta.1"));
        assert!(!is_version("24.1.0") && !is_version("2026.9") && !is_version("2026.x.1"));
    }
}
