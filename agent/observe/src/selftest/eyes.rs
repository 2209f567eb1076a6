//! What is asked: the observers' own functions. Tests put ones that lie in their place.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::snapshot::{FileStat, Keeping, Listener, Manager, OpenPath, SystemVersion, Volume};
use portreeve_core::{Fact, Secret};
use portreeve_openclaw::environment::Environment;

use crate::command::{Runner, System};
use crate::lock::{self, ByteRange, Conflict};
use crate::mirror::{StatePlace, SystemMarks, time_machine};
use crate::process::{self, ProcessEntry, ProcessTable};
use crate::users::{self, Account};
use crate::{file, host, listener, units, volume};

/// One method for each way of seeing.
pub(super) trait Eyes: Send + Sync {
    fn listeners(&self, port: u16, at: Timestamp) -> Fact<Vec<Listener>> {
        listener::observe(Some(&[port]), &[], at).listeners
    }

    fn holder(&self, path: &Path, range: ByteRange, at: Timestamp) -> Fact<u32> {
        lock::holder(path, range, at)
    }

    fn conflict(&self, path: &Path, range: ByteRange) -> io::Result<Conflict> {
        lock::conflict(path, range)
    }

    /// The folder or file by whose attribute Time Machine leaves a path out.
    fn marked(&self, path: &Path, at: Timestamp) -> Fact<PathBuf> {
        const SOURCE: &str = "attributes";
        let volume = self.volume(path, at);
        let mount = volume.get().map(|volume| Path::new(&volume.mount_point));
        let place = StatePlace::of(path, mount, false, &SystemMarks);
        match (time_machine::marked(&place), place.chain.first().map(|link| &link.marks)) {
            (Some(link), _) => Fact::known(link.path.clone(), SOURCE, at),
            (None, Some(Err(error))) => file::error_fact(error, SOURCE, at),
            (None, _) => Fact::absent(SOURCE, at),
        }
    }

    fn table(&self, at: Timestamp) -> Fact<ProcessTable> {
        process::table(at)
    }

    fn environment(&self, entry: &ProcessEntry, names: &BTreeSet<String>, at: Timestamp) -> Fact<Environment> {
        process::environment(entry, names, at)
    }

    fn open_paths(&self, entry: &ProcessEntry, below: &Path, at: Timestamp) -> Fact<Vec<OpenPath>> {
        process::open_paths([entry], below, at)
    }

    fn stat(&self, path: &Path, at: Timestamp) -> Fact<FileStat> {
        file::stat(path, at)
    }

    fn volume(&self, path: &Path, at: Timestamp) -> Fact<Volume> {
        volume::observe(path, at)
    }

    fn accounts(&self, at: Timestamp) -> Fact<Vec<Account>> {
        users::observe(at)
    }

    fn clock(&self, at: Timestamp) -> Fact<Keeping> {
        host::clock(at)
    }

    fn uptime(&self, at: Timestamp) -> Fact<u64> {
        host::uptime(at)
    }

    fn identity(&self, at: Timestamp) -> Fact<Secret> {
        host::identity(at)
    }

    fn system(&self, at: Timestamp) -> Fact<SystemVersion> {
        host::system(at)
    }

    fn hostname(&self, at: Timestamp) -> Fact<String> {
        host::hostname(at)
    }

    /// Asks the service manager, and gives it its task.
    fn runner(&self) -> &dyn Runner {
        &System
    }

    fn manager(&self) -> Manager {
        units::native_manager()
    }

    /// The folder below which the system's folders lie.
    fn root(&self) -> &Path {
        Path::new("/")
    }
}

/// The observers.
#[derive(Debug)]
pub(super) struct Observers;

impl Eyes for Observers {}
