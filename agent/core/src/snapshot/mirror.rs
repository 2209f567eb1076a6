//! What copies a state directory: Time Machine, sync clients, jobs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// Time Machine on this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeMachine {
    /// Where backups go; empty where no destination is configured.
    pub destinations: Fact<Vec<DestinationKind>>,
    /// Whether backups are made by themselves, where that could be seen.
    pub auto_backup: Option<bool>,
    /// The backup that runs now; absent when none does.
    pub running: Fact<Backup>,
    /// Snapshots of the boot volume that wait on its own disk.
    pub local_snapshots: Fact<LocalSnapshots>,
    /// What it does with each state directory.
    pub dirs: Vec<BackupOf>,
    /// Milliseconds that `mount` took while a backup ran; absent when none ran.
    pub mount_ms: Fact<f64>,
}

/// Where a backup goes. Names and addresses can hold accounts and are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// A disk of this machine.
    Local,
    /// A share.
    Network,
    /// Not told.
    Unknown,
}

/// A backup that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// `Copying`, `ThinningPostBackup`, …
    pub phase: Option<String>,
    /// Since when it is in that phase.
    pub since: Option<Timestamp>,
    /// Where it goes.
    pub destination: DestinationKind,
    /// Share done, 0 to 1.
    pub fraction: Option<f64>,
}

/// Snapshots of the boot volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalSnapshots {
    /// How many there are.
    pub count: u64,
    /// Name of the newest.
    pub newest: Option<String>,
}

/// What Time Machine does with one state directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackupOf {
    /// [`super::StateDir::path`].
    pub state_dir: String,
    /// Why it is left out; absent when it is backed up.
    pub excluded: Fact<Exclusion>,
    /// Milliseconds that the directory's volume took to answer while a backup ran; absent when none ran.
    pub answer_ms: Fact<f64>,
}

/// Why Time Machine leaves a directory out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// By what.
    pub by: ExclusionKind,
    /// The path that is excluded: the directory or one above it. For a volume its mount point.
    pub path: String,
}

/// By what Time Machine leaves a directory out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionKind {
    /// A fixed path in its preferences (`tmutil addexclusion -p`).
    Path,
    /// An extended attribute of the directory or of one above it (`tmutil addexclusion`).
    Attribute,
    /// A rule of the system.
    Standard,
    /// Its whole volume is left out.
    Volume,
    /// `tmutil isexcluded` says so, and not by what.
    Unnamed,
}

/// Something that copies a state directory, or may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mirror {
    /// [`super::StateDir::path`].
    pub state_dir: String,
    /// What copies it.
    pub kind: MirrorKind,
    /// Which way.
    pub way: MirrorWay,
    /// The folder that is copied or written, without the names of accounts: the state directory, or one above or below it.
    pub root: String,
    /// By what sign it was seen, in words. Denied or unreadable when it could not be told.
    pub seen: Fact<String>,
    /// File or folder that gave the sign, without the names of accounts.
    pub marker: Option<String>,
    /// By what the state directory is left out of it, in words; absent when it is not.
    pub excluded: Fact<String>,
}

/// What copies a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MirrorKind {
    /// It lies in iCloud Drive.
    Icloud,
    /// It lies in Desktop or Documents, which iCloud may sync.
    DesktopDocuments,
    /// It lies in the folder of a sync client.
    Provider {
        /// `Dropbox`, `Syncthing`, …
        name: String,
    },
    /// A program copies it.
    Job {
        /// `rsync`, `restic`, …
        tool: String,
        /// Who starts it.
        starter: Starter,
    },
}

/// Who starts a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Starter {
    /// A launchd job or systemd service.
    Unit {
        /// Its definition.
        path: String,
        /// Label or name.
        label: String,
    },
    /// A line of a crontab, or a script that cron runs from a folder.
    Cron {
        /// The crontab or script.
        path: String,
        /// Line, counted from 1; none for a script.
        line: Option<u32>,
    },
    /// It runs now.
    Process {
        /// Process id.
        pid: u32,
    },
    /// A session that the tool's own daemon keeps.
    Session {
        /// The file that describes it.
        path: String,
    },
}

/// Which way files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MirrorWay {
    /// Out of the state directory: a copy that writes nothing into it.
    Out,
    /// Into it.
    Into,
    /// Both ways.
    Both,
}

impl MirrorKind {
    /// Its name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Icloud => "iCloud Drive",
            Self::DesktopDocuments => "iCloud (Desktop & Documents)",
            Self::Provider { name } => name,
            Self::Job { tool, .. } => tool,
        }
    }
}

impl Mirror {
    /// Whether it was seen to copy the state directory.
    pub fn is_in_force(&self) -> bool {
        self.seen.get().is_some() && self.excluded.is_absent()
    }
}
