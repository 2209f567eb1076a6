//! Names and meaning of OpenClaw's lock files.
//!
//! Nothing here opens a lock. Even a shared lock on the lifecycle coordinators, held for an instant, makes a gateway
//! that starts at that moment exit with status 78 and park its own launchd job; observers ask with `F_GETLK` only.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockPrimitive {
    /// An empty SQLite file: POSIX record locks at bytes `0x4000_0000..=0x4000_01ff`.
    Sqlite,
    /// A JSON file made with `O_CREAT | O_EXCL`: its existence is the lock, its content names the owner.
    ExclusiveFile,
}

/// What a lock protects and how long it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockPurpose {
    /// Exclusive from start to exit of the gateway, and while `doctor --fix` works.
    GatewayLifecycle,
    /// Exclusive for milliseconds around opens and schema work, and throughout start-up maintenance.
    StateLifecycle,
    /// Shared by every process that has the state database open.
    StateHandles,
    /// The gateway's claim of the state directory, for its whole life.
    GatewayState,
    /// Coordinator of [`Self::GatewayState`], for the gateway's whole life.
    GatewayStateCoordinator,
    /// The gateway's claim of the configuration, for its whole life; skipped with `OPENCLAW_ALLOW_MULTI_GATEWAY`.
    GatewayConfig,
    /// Coordinator of [`Self::GatewayConfig`], for the gateway's whole life.
    GatewayConfigCoordinator,
    /// Exclusive while the device identity is made.
    DeviceIdentity,
}

impl LockPurpose {
    /// Whether a running gateway holds the lock from start to exit.
    pub fn is_held_for_life(self) -> bool {
        match self {
            Self::GatewayLifecycle
            | Self::GatewayState
            | Self::GatewayStateCoordinator
            | Self::GatewayConfig
            | Self::GatewayConfigCoordinator => true,
            Self::StateLifecycle | Self::StateHandles | Self::DeviceIdentity => false,
        }
    }

    /// Whether several processes hold the lock at the same time in ordinary operation.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::StateHandles)
    }

    /// The lock's stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayLifecycle => "gateway-lifecycle",
            Self::StateLifecycle => "state-lifecycle",
            Self::StateHandles => "state-handles",
            Self::GatewayState => "gateway.state",
            Self::GatewayStateCoordinator => "gateway.state coordinator",
            Self::GatewayConfig => "gateway config",
            Self::GatewayConfigCoordinator => "gateway config coordinator",
            Self::DeviceIdentity => "device-identity",
        }
    }
}

/// One lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// Its path.
    pub path: PathBuf,
    /// How it is taken.
    pub primitive: LockPrimitive,
    /// What it is for.
    pub purpose: LockPurpose,
}

/// The lock files of one state directory, configuration and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPaths {
    /// `/tmp/openclaw-state-locks-<uid>`. On macOS `/tmp` is a link: open files appear below `/private/tmp`.
    pub coordinator_dir: PathBuf,
    /// `<state>/tmp/openclaw-<uid>`.
    pub gateway_dir: PathBuf,
    /// Every lock file.
    pub locks: Vec<LockFile>,
}

impl LockPaths {
    /// Names the locks.
    ///
    /// `state_dir_real` is the state directory with links resolved. `config_path` is the configuration's path as the
    /// gateway resolved it, absolute but with links in it kept: its hash is of that text. `uid` is the gateway's.
    pub fn of(state_dir_real: &Path, config_path: &Path, uid: u32) -> Self {
        let database = state_dir_real.join("state").join("openclaw.sqlite");
        let database_hash = hash8(&database);
        let config_hash = hash8(config_path);
        let coordinator_dir = PathBuf::from(format!("/tmp/openclaw-state-locks-{uid}"));
        let gateway_dir = state_dir_real.join("tmp").join(format!("openclaw-{uid}"));
        let coordinator = |purpose: LockPurpose| LockFile {
            path: coordinator_dir.join(format!("{}.{database_hash}.lock.sqlite", purpose.name())),
            primitive: LockPrimitive::Sqlite,
            purpose,
        };
        let gateway = |name: String, primitive, purpose| LockFile { path: gateway_dir.join(name), primitive, purpose };
        let locks = vec![
            coordinator(LockPurpose::GatewayLifecycle),
            coordinator(LockPurpose::StateLifecycle),
            coordinator(LockPurpose::StateHandles),
            gateway("gateway.state.lock".to_owned(), LockPrimitive::ExclusiveFile, LockPurpose::GatewayState),
            gateway(
                "gateway.state.lock.sqlite".to_owned(),
                LockPrimitive::Sqlite,
                LockPurpose::GatewayStateCoordinator,
            ),
            gateway(format!("gateway.{config_hash}.lock"), LockPrimitive::ExclusiveFile, LockPurpose::GatewayConfig),
            gateway(
                format!("gateway.{config_hash}.lock.sqlite"),
                LockPrimitive::Sqlite,
                LockPurpose::GatewayConfigCoordinator,
            ),
            gateway(
                format!("device-identity.{database_hash}.lock.sqlite"),
                LockPrimitive::Sqlite,
                LockPurpose::DeviceIdentity,
            ),
        ];
        Self { coordinator_dir, gateway_dir, locks }
    }

    /// The lock file of a purpose.
    pub fn get(&self, purpose: LockPurpose) -> Option<&LockFile> {
        self.locks.iter().find(|lock| lock.purpose == purpose)
    }
}

fn hash8(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest.iter().take(4).fold(String::with_capacity(8), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_lock() {
        let locks =
            LockPaths::of(Path::new("/Users/ann/.openclaw"), Path::new("/Users/ann/.openclaw/openclaw.json"), 501);
        let listed: Vec<String> = locks
            .locks
            .iter()
            .map(|lock| {
                let life = if lock.purpose.is_held_for_life() { "life" } else { "brief or shared" };
                format!("{} ({life})", lock.path.display())
            })
            .collect();
        insta::assert_snapshot!(listed.join("\n"), @r"
        /tmp/openclaw-state-locks-501/gateway-lifecycle.e7b41afc.lock.sqlite (life)
        /tmp/openclaw-state-locks-501/state-lifecycle.e7b41afc.lock.sqlite (brief or shared)
        /tmp/openclaw-state-locks-501/state-handles.e7b41afc.lock.sqlite (brief or shared)
        /Users/ann/.openclaw/tmp/openclaw-501/gateway.state.lock (life)
        /Users/ann/.openclaw/tmp/openclaw-501/gateway.state.lock.sqlite (life)
        /Users/ann/.openclaw/tmp/openclaw-501/gateway.dbe2a346.lock (life)
        /Users/ann/.openclaw/tmp/openclaw-501/gateway.dbe2a346.lock.sqlite (life)
        /Users/ann/.openclaw/tmp/openclaw-501/device-identity.e7b41afc.lock.sqlite (brief or shared)
        ");
    }

    #[test]
    fn finds_by_purpose() {
        let locks = LockPaths::of(Path::new("/s"), Path::new("/c"), 0);
        for lock in &locks.locks {
            assert_eq!(locks.get(lock.purpose), Some(lock));
        }
        assert!(LockPurpose::StateHandles.is_shared());
    }
}
