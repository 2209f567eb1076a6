//! Each seam's try: what is made, what is asked, what must be told.

mod files;
mod launchd;
mod listeners;
mod locks;
mod machine;
mod processes;
mod systemd;

use portreeve_core::selftest::Seam;
use portreeve_core::snapshot::Manager;

use super::trial::{Objection, Trial};

/// Exit status of the service that is started, which no service has by chance.
const STATUS: i32 = 7;
/// What the service runs.
const COMMAND: [&str; 3] = ["/bin/sh", "-c", "exit 7"];

pub(super) fn attempt(seam: Seam, trial: &Trial<'_>) -> Result<(), Objection> {
    match seam {
        Seam::SystemVersion => machine::system_version(trial),
        Seam::HostName => machine::host_name(trial),
        Seam::Identity => machine::identity(trial),
        Seam::Uptime => machine::uptime(trial),
        Seam::Clock => machine::clock(trial),
        Seam::Accounts => machine::accounts(trial),
        Seam::FileStatus => files::status(trial),
        Seam::Volume => files::volume(trial),
        Seam::ExclusionAttribute => files::exclusion(trial),
        Seam::ListenerV4 => listeners::v4(trial),
        Seam::ListenerV6 => listeners::v6(trial),
        Seam::ListenerWildcard => listeners::wildcard(trial),
        Seam::Processes => processes::processes(trial),
        Seam::Environment => processes::environment(trial),
        Seam::OpenFiles => processes::open_files(trial),
        Seam::Stopped => processes::stopped(trial),
        Seam::RecordLock => locks::record(trial),
        Seam::WalWriter => locks::wal_writer(trial),
        Seam::FileLock => locks::whole_file(trial),
        Seam::OpenFileLock => locks::open_file(trial),
        Seam::Services => match trial.eyes().manager() {
            Manager::Launchd => launchd::services(trial),
            Manager::Systemd => systemd::services(trial),
        },
    }
}
