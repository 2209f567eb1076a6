//! The self test: what came of asking each seam of the operating system about things that the test had made itself.
//!
//! A seam is a function through which observers see one kind of thing. The test makes a thing of which it knows the truth, asks the seam,
//! and compares. What a seam that failed tells is not to be relied upon on that system: [`mask()`] hides it.

mod mask;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use mask::mask;

use crate::snapshot::SystemVersion;

/// The name and version of the form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.selftest/1";

/// One way by which the agent sees the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Seam {
    /// A listener on an address of IPv4, with its owner.
    ListenerV4,
    /// A listener on an address of IPv6, with its owner.
    ListenerV6,
    /// A listener on all addresses of either family, with its owner.
    ListenerWildcard,
    /// A POSIX record lock, with its holder.
    RecordLock,
    /// The one writer of an `SQLite` database with a write-ahead log, with its process.
    WalWriter,
    /// A lock of a whole file (`flock`).
    FileLock,
    /// A record lock that belongs to an open file and to no process.
    OpenFileLock,
    /// The attribute by which Time Machine leaves a folder out.
    ExclusionAttribute,
    /// Processes: program, arguments, user, parent, start.
    Processes,
    /// The environment of a process.
    Environment,
    /// The files that a process holds open.
    OpenFiles,
    /// Whether a process is stopped.
    Stopped,
    /// Owner, mode, size and kind of a file.
    FileStatus,
    /// The volume that holds a folder.
    Volume,
    /// Accounts and their homes.
    Accounts,
    /// Whether something keeps the clock.
    Clock,
    /// Time since boot.
    Uptime,
    /// The identity of the machine.
    Identity,
    /// Version and build of the operating system.
    SystemVersion,
    /// The name of the host.
    HostName,
    /// A job of the service manager: loaded, its last exit, gone.
    Services,
}

impl Seam {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 21] = [
        Self::SystemVersion,
        Self::HostName,
        Self::Identity,
        Self::Uptime,
        Self::Clock,
        Self::Accounts,
        Self::FileStatus,
        Self::Volume,
        Self::ExclusionAttribute,
        Self::ListenerV4,
        Self::ListenerV6,
        Self::ListenerWildcard,
        Self::Processes,
        Self::Environment,
        Self::OpenFiles,
        Self::Stopped,
        Self::RecordLock,
        Self::WalWriter,
        Self::FileLock,
        Self::OpenFileLock,
        Self::Services,
    ];

    /// Its name; never changed.
    pub fn name(self) -> &'static str {
        match self {
            Self::ListenerV4 => "listener-v4",
            Self::ListenerV6 => "listener-v6",
            Self::ListenerWildcard => "listener-wildcard",
            Self::RecordLock => "record-lock",
            Self::WalWriter => "wal-writer",
            Self::FileLock => "file-lock",
            Self::OpenFileLock => "open-file-lock",
            Self::ExclusionAttribute => "exclusion-attribute",
            Self::Processes => "processes",
            Self::Environment => "environment",
            Self::OpenFiles => "open-files",
            Self::Stopped => "stopped",
            Self::FileStatus => "file-status",
            Self::Volume => "volume",
            Self::Accounts => "accounts",
            Self::Clock => "clock",
            Self::Uptime => "uptime",
            Self::Identity => "identity",
            Self::SystemVersion => "system-version",
            Self::HostName => "host-name",
            Self::Services => "services",
        }
    }

    /// Whether a verdict rests on what comes through it. Nothing that is observed takes whole-file locks or locks of open files.
    pub fn bears_on_readiness(self) -> bool {
        !matches!(self, Self::FileLock | Self::OpenFileLock)
    }
}

impl fmt::Display for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no seam has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no seam `{name}`")]
pub struct UnknownSeam {
    name: String,
}

impl FromStr for Seam {
    type Err = UnknownSeam;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|seam| seam.name() == name);
        found.ok_or_else(|| UnknownSeam { name: name.to_owned() })
    }
}

/// What came of trying a seam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It told the truth.
    Passed,
    /// It told something else, or nothing in time.
    Failed {
        /// The truth.
        expected: String,
        /// What it told.
        seen: String,
    },
    /// It was not tried, or it said that it may not look: what it then tells of a node is "could not look" too.
    Skipped {
        /// Why.
        why: String,
    },
}

/// One seam, tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeamResult {
    /// The seam.
    pub seam: Seam,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Milliseconds that it took, with the making of the truth.
    pub elapsed_ms: u64,
}

/// A self test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Version of the agent that ran it.
    pub agent_version: String,
    /// The operating system that it ran on; none where that could not be told.
    pub system: Option<SystemVersion>,
    /// User id that it ran as.
    pub uid: u32,
    /// Each seam.
    pub results: Vec<SeamResult>,
}

impl SelfTest {
    /// The seams that did not tell the truth.
    pub fn failed(&self) -> impl Iterator<Item = Seam> {
        self.results.iter().filter(|result| matches!(result.outcome, Outcome::Failed { .. })).map(|result| result.seam)
    }

    /// Whether no seam failed.
    pub fn has_passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Whether it says something of this build of the operating system and this version of the agent. Where the build is not known now,
    /// or was not then, it may have been the same.
    pub fn covers(&self, build: Option<&str>, agent_version: &str) -> bool {
        let tried = self.system.as_ref().map(|system| system.build.as_str());
        self.agent_version == agent_version && tried.zip(build).is_none_or(|(tried, now)| tried == now)
    }

    /// 0 where no seam failed, else 1.
    pub fn exit_status(&self) -> u8 {
        u8::from(!self.has_passed())
    }
}

/// Whether a self test is to be run: none was on this build with this agent, or a seam failed, which may have been a moment's weakness.
pub fn due(last: Option<&SelfTest>, build: Option<&str>, agent_version: &str) -> bool {
    last.is_none_or(|last| !last.covers(build, agent_version) || !last.has_passed())
}

/// The JSON Schema of [`SelfTest`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(SelfTest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(build: Option<&str>, outcomes: &[Outcome]) -> SelfTest {
        SelfTest {
            schema: SCHEMA.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            agent_version: "0.1.0".to_owned(),
            system: build.map(|build| SystemVersion {
                name: "macOS".to_owned(),
                version: "26.1".to_owned(),
                build: build.to_owned(),
            }),
            uid: 0,
            results: outcomes
                .iter()
                .zip(Seam::ALL)
                .map(|(outcome, seam)| SeamResult { seam, outcome: outcome.clone(), elapsed_ms: 1 })
                .collect(),
        }
    }

    #[test]
    fn each_seam_is_listed_once_and_its_name_is_that_of_json() {
        let mut names = Seam::ALL.map(Seam::name);
        for seam in Seam::ALL {
            assert_eq!(serde_json::to_value(seam).unwrap(), seam.name());
            assert_eq!(seam.name().parse(), Ok(seam));
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!("listener".parse::<Seam>().unwrap_err().to_string(), "there is no seam `listener`");
    }

    #[test]
    fn a_self_test_survives_json() {
        let failed = Outcome::Failed { expected: "pid 7".to_owned(), seen: "nobody".to_owned() };
        let test = of(Some("25B78"), &[Outcome::Passed, failed, Outcome::Skipped { why: "no IPv6".to_owned() }]);
        let json = serde_json::to_string(&test).unwrap();
        assert!(
            json.contains(r#"{"seam":"host-name","outcome":"failed","expected":"pid 7","seen":"nobody","#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<SelfTest>(&json).unwrap(), test);
        assert_eq!((test.exit_status(), test.failed().count()), (1, 1));
    }

    #[test]
    fn it_is_due_after_a_change_and_after_a_failure() {
        let passed = of(Some("25B78"), &[Outcome::Passed]);
        assert!(due(None, Some("25B78"), "0.1.0"));
        assert!(!due(Some(&passed), Some("25B78"), "0.1.0"));
        assert!(!due(Some(&passed), None, "0.1.0"));
        assert!(due(Some(&passed), Some("25C56"), "0.1.0"));
        assert!(due(Some(&passed), Some("25B78"), "0.2.0"));
        let failed = Outcome::Failed { expected: String::new(), seen: String::new() };
        assert!(due(Some(&of(Some("25B78"), &[failed])), Some("25B78"), "0.1.0"));
        assert!(!due(Some(&of(None, &[Outcome::Skipped { why: String::new() }])), Some("25B78"), "0.1.0"));
    }
}
