//! Which port a gateway listens on, and which port a client on the same host takes for it.
//!
//! Order: `--port`, `OPENCLAW_GATEWAY_PORT`, `gateway.port`, a number derived from the profile's name, 18789. The
//! `--dev` profile puts 19001 into the environment variable before anything is resolved.

use serde::Serialize;

/// The port without any setting.
pub const DEFAULT_PORT: u16 = 18789;
/// The port of the `dev` profile when it is chosen by a flag.
pub const DEV_PORT: u16 = 19001;

/// Where a port comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortSource {
    /// `--port`.
    Flag,
    /// `OPENCLAW_GATEWAY_PORT`.
    Environment,
    /// `gateway.port`.
    Config,
    /// Derived from the profile's name.
    Profile,
    /// [`DEFAULT_PORT`].
    Default,
}

impl std::fmt::Display for PortSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag => "`--port`",
            Self::Environment => "`OPENCLAW_GATEWAY_PORT`",
            Self::Config => "`gateway.port`",
            Self::Profile => "the profile's name",
            Self::Default => "the default",
        })
    }
}

/// A port and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ResolvedPort {
    /// The port.
    pub port: u16,
    /// Where it comes from.
    pub source: PortSource,
}

/// All that decides about the port.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortInputs<'a> {
    /// The value of `--port`.
    pub flag: Option<&'a str>,
    /// `OPENCLAW_GATEWAY_PORT`.
    pub environment: Option<&'a str>,
    /// `gateway.port`.
    pub config: Option<u16>,
    /// The profile in force, from the flag or `OPENCLAW_PROFILE`.
    pub profile: Option<&'a str>,
}

/// Resolves the port. A value that does not parse counts as absent, as in OpenClaw.
pub fn resolve(inputs: &PortInputs<'_>) -> ResolvedPort {
    let found = |port: Option<u16>, source| port.map(|port| ResolvedPort { port, source });
    found(inputs.flag.and_then(parse_number), PortSource::Flag)
        .or_else(|| found(inputs.environment.and_then(parse_environment), PortSource::Environment))
        .or_else(|| found(inputs.config.filter(|port| *port > 0), PortSource::Config))
        .or_else(|| found(inputs.profile.and_then(profile_port), PortSource::Profile))
        .unwrap_or(ResolvedPort { port: DEFAULT_PORT, source: PortSource::Default })
}

/// Parses the value of `OPENCLAW_GATEWAY_PORT`: `19999`, `host:19999` or `[::1]:19999`.
pub fn parse_environment(value: &str) -> Option<u16> {
    let value = value.trim();
    if let Some(rest) = value.strip_prefix('[') {
        let (host, port) = rest.split_once("]:")?;
        return (!host.is_empty()).then(|| parse_digits(port)).flatten();
    }
    match value.split_once(':') {
        None => parse_digits(value),
        Some((host, port)) if !host.is_empty() => parse_digits(port),
        Some(_) => None,
    }
}

/// The port that a profile's name gives: `20000 + FNV-1a32(name) mod 40000`, none for `default` and for a name that
/// OpenClaw does not accept.
pub fn profile_port(profile: &str) -> Option<u16> {
    let profile = crate::paths::normalize_profile(profile)?;
    let hash = profile.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    u16::try_from(20_000 + hash % 40_000).ok()
}

fn parse_digits(value: &str) -> Option<u16> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { value.parse().ok().filter(|port| *port > 0) } else { None }
}

fn parse_number(value: &str) -> Option<u16> {
    let value = value.trim();
    parse_digits(value.strip_prefix('+').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_sources() {
        let mut inputs =
            PortInputs { flag: Some("1"), environment: Some("2"), config: Some(3), profile: Some("rescue") };
        let mut seen = Vec::new();
        seen.push(resolve(&inputs));
        inputs.flag = None;
        seen.push(resolve(&inputs));
        inputs.environment = Some("junk");
        seen.push(resolve(&inputs));
        inputs.config = None;
        seen.push(resolve(&inputs));
        inputs.profile = Some("Default");
        seen.push(resolve(&inputs));
        let ports: Vec<u16> = seen.iter().map(|resolved| resolved.port).collect();
        assert_eq!(ports, [1, 2, 3, 23532, DEFAULT_PORT]);
        assert_eq!(seen.last().map(|resolved| resolved.source), Some(PortSource::Default));
    }

    #[test]
    fn environment_forms() {
        let cases = [
            ("19999", Some(19999)),
            (" 127.0.0.1:19999 ", Some(19999)),
            ("[::1]:7", Some(7)),
            ("::1:7", None),
            (":7", None),
            ("0", None),
            ("65536", None),
            ("-1", None),
            ("", None),
        ];
        for (value, port) in cases {
            assert_eq!(parse_environment(value), port, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(value in ".{0,40}") {
            let _ = parse_environment(&value);
            let _ = profile_port(&value);
        }
    }
}
