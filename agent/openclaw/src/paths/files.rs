//! Databases, service files, dotenv files and logs below a state directory and a home.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::normalize_profile;

/// Databases of a state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePaths {
    /// `<state>/state/openclaw.sqlite`: leases, boots, devices.
    pub state: PathBuf,
    /// `<state>/state/openclaw-quarantine.sqlite`, left by integrity work.
    pub quarantine: PathBuf,
    /// `<state>/agents`, whose members hold `agent/openclaw-agent.sqlite`.
    pub agents_dir: PathBuf,
}

impl DatabasePaths {
    /// The databases of a state directory.
    pub fn of(state_dir: &Path) -> Self {
        let state = state_dir.join("state");
        Self {
            state: state.join("openclaw.sqlite"),
            quarantine: state.join("openclaw-quarantine.sqlite"),
            agents_dir: state_dir.join("agents"),
        }
    }

    /// The database of one agent.
    pub fn agent(&self, id: &str) -> PathBuf {
        self.agents_dir.join(id).join("agent").join("openclaw-agent.sqlite")
    }
}

/// The files through which a launchd job gets its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEnvPaths {
    /// `<state>/service-env/<label>.env`.
    pub environment: PathBuf,
    /// `<state>/service-env/<label>-env-wrapper.sh`.
    pub wrapper: PathBuf,
}

impl ServiceEnvPaths {
    /// The files of a job.
    pub fn of(state_dir: &Path, label: &str) -> Self {
        let dir = state_dir.join("service-env");
        Self { environment: dir.join(format!("{label}.env")), wrapper: dir.join(format!("{label}-env-wrapper.sh")) }
    }
}

/// `<state>/.env`.
pub fn state_dotenv(state_dir: &Path) -> PathBuf {
    state_dir.join(".env")
}

/// `~/.config/openclaw/gateway.env`, read after `<state>/.env` by a process whose state directory is the default one.
pub fn gateway_dotenv(home: &Path) -> PathBuf {
    home.join(".config/openclaw/gateway.env")
}

/// `<state>/gateway.systemd.env` or `<state>/node.systemd.env`, named by the unit's `EnvironmentFile`.
pub fn systemd_environment_file(state_dir: &Path, node: bool) -> PathBuf {
    state_dir.join(if node { "node.systemd.env" } else { "gateway.systemd.env" })
}

/// Label of the gateway's launchd job.
pub fn launchd_label(profile: Option<&str>) -> String {
    profile
        .and_then(normalize_profile)
        .map_or_else(|| "ai.openclaw.gateway".to_owned(), |profile| format!("ai.openclaw.{profile}"))
}

/// Name of the gateway's systemd unit.
pub fn systemd_unit(profile: Option<&str>) -> String {
    profile
        .and_then(normalize_profile)
        .map_or_else(|| "openclaw-gateway.service".to_owned(), |profile| format!("openclaw-gateway-{profile}.service"))
}

/// `~/Library/Logs/openclaw/gateway.log`, with the profile in the name of a profile's gateway.
pub fn launchd_log(home: &Path, profile: Option<&str>) -> PathBuf {
    let name = profile
        .and_then(normalize_profile)
        .map_or_else(|| "gateway.log".to_owned(), |profile| format!("gateway-{profile}.log"));
    home.join("Library/Logs/openclaw").join(name)
}

/// `/tmp/openclaw`: the log directory of the first user who made it.
pub fn default_log_directory() -> PathBuf {
    PathBuf::from("/tmp/openclaw")
}

/// `<temporary directory>/openclaw-<uid>`: the log directory where `/tmp/openclaw` belongs to another user or is
/// writable by one.
pub fn fallback_log_directory(temporary_directory: &Path, uid: u32) -> PathBuf {
    temporary_directory.join(format!("openclaw-{uid}"))
}

/// Name of the log file of one local day (`YYYY-MM-DD`). All gateways and commands of a user share it, except that a
/// profile has its own.
pub fn default_log_name(profile: Option<&str>, day: jiff::civil::Date) -> String {
    let profile = profile.map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("default"));
    let segment = profile.map(|profile| format!("-{}", log_segment(profile))).unwrap_or_default();
    format!("openclaw{segment}-{day}.log")
}

/// A profile's name with everything but small letters and digits escaped, so that names differ where file names are
/// compared without case.
fn log_segment(profile: &str) -> String {
    let mut encoded = String::new();
    for character in profile.chars() {
        match character {
            'a'..='z' | '0'..='9' => encoded.push(character),
            '-' => encoded.push_str("--"),
            '_' => encoded.push_str("-0"),
            'A'..='Z' => {
                encoded.push_str("-1");
                encoded.push(character.to_ascii_lowercase());
            }
            other => {
                let _ = write!(encoded, "-2{:x}-", u32::from(other));
            }
        }
    }
    if encoded.len() <= 220 {
        return encoded;
    }
    Sha256::digest(profile.as_bytes()).iter().fold("-3".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_names() {
        let day = jiff::civil::date(2026, 3, 4);
        assert_eq!(default_log_name(None, day), "openclaw-2026-03-04.log");
        assert_eq!(default_log_name(Some("Default"), day), "openclaw-2026-03-04.log");
        assert_eq!(default_log_name(Some("rescue"), day), "openclaw-rescue-2026-03-04.log");
        assert_eq!(default_log_name(Some("My_x-y"), day), "openclaw--1my-0x--y-2026-03-04.log");
    }

    #[test]
    fn service_names() {
        assert_eq!(launchd_label(None), "ai.openclaw.gateway");
        assert_eq!(launchd_label(Some("rescue")), "ai.openclaw.rescue");
        assert_eq!(systemd_unit(Some("rescue")), "openclaw-gateway-rescue.service");
        let paths = ServiceEnvPaths::of(Path::new("/s"), "ai.openclaw.gateway");
        assert_eq!(paths.wrapper, Path::new("/s/service-env/ai.openclaw.gateway-env-wrapper.sh"));
        assert_eq!(
            DatabasePaths::of(Path::new("/s")).agent("main"),
            Path::new("/s/agents/main/agent/openclaw-agent.sqlite")
        );
    }
}
