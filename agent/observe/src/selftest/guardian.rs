//! What a helper does: holds what it is asked to hold, until its input ends. One of them guards the test: it makes the folder, and then
//! removes it and takes back what the service manager was asked to do, in the place of a test that was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{FcntlArg, Flock, FlockArg, OFlag, fcntl};
use nix::libc;
use rusqlite::Connection;

use crate::command::{Invocation, Runner, System};
use crate::lock::{ByteRange, narrow};
use crate::os;

/// What the name of a test's folder begins with.
pub(super) const PREFIX: &str = "selftest-";
/// The variable that a helper has.
pub(super) const MARK: &str = "PORTREEVE_SELFTEST";
/// How long the service manager has to take its task back.
const UNDOING: Duration = Duration::from_secs(2);
/// What a helper says at its start.
pub(super) const READY: &str = "ready";

/// Something that outlives the test unless it is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    /// A job in one of launchd's domains: `gui/501/dev.portreeve.selftest.…`.
    Launchd { target: String },
    /// A unit of the system's manager, or of a user's.
    Systemd { user: Option<u32>, unit: String },
}

impl Undo {
    /// As the guardian is told of it.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Launchd { target } => format!("undo launchd {target}"),
            Self::Systemd { user: None, unit } => format!("undo systemd system {unit}"),
            Self::Systemd { user: Some(uid), unit } => format!("undo systemd {uid} {unit}"),
        }
    }

    fn parse(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        match (words.next()?, words.next()?, words.next()) {
            ("launchd", target, None) => Some(Self::Launchd { target: target.to_owned() }),
            ("systemd", "system", Some(unit)) => Some(Self::Systemd { user: None, unit: unit.to_owned() }),
            ("systemd", uid, Some(unit)) => Some(Self::Systemd { user: uid.parse().ok(), unit: unit.to_owned() }),
            _ => None,
        }
    }

    /// The commands that take it back.
    pub(super) fn invocations(&self) -> Vec<Invocation> {
        match self {
            Self::Launchd { target } => {
                vec![Invocation::new("/bin/launchctl", ["bootout", target]).deadline(UNDOING)]
            }
            Self::Systemd { user, unit } => ["stop", "reset-failed"]
                .into_iter()
                .map(|verb| {
                    let scope = user.map(|_| "--user");
                    let words = scope.into_iter().chain(["--quiet", "--no-ask-password", verb, unit.as_str()]);
                    let invocation = Invocation::new("/usr/bin/systemctl", words).deadline(UNDOING / 2);
                    match user {
                        Some(uid) => invocation.variable("XDG_RUNTIME_DIR", format!("/run/user/{uid}")),
                        None => invocation,
                    }
                })
                .collect(),
        }
    }
}

/// What a helper holds.
#[derive(Default)]
struct Holds {
    files: Vec<File>,
    locks: Vec<Flock<File>>,
    databases: Vec<Connection>,
}

/// Does what its input asks for until that ends: the whole of a helper.
pub fn help() -> io::Result<()> {
    let mut output = io::stdout().lock();
    let mut say = |word: &str| writeln!(output, "helper: {word}").and_then(|()| output.flush());
    say(READY)?;
    let mut holds = Holds::default();
    let (mut guarded, mut undo) = (None, None);
    for line in io::stdin().lock().lines() {
        let line = line?;
        let done = match line.split_once(' ').unwrap_or((line.as_str(), "")) {
            ("guard", name) => make(name).map(|folder| guarded = Some(folder)),
            ("undo", words) => {
                undo = Undo::parse(words);
                Ok(())
            }
            ("undone", "") => {
                undo = None;
                Ok(())
            }
            (task, name) => holds.take(task, name),
        };
        match done {
            Ok(()) => say("done")?,
            Err(error) => say(&error.to_string().replace('\n', " "))?,
        }
    }
    drop(holds);
    for invocation in undo.iter().flat_map(Undo::invocations) {
        // The test may have taken it back itself.
        let _ = System.run(&invocation);
    }
    if let Some(folder) = guarded {
        // The test has removed it, unless it was killed.
        let _ = fs::remove_dir_all(folder);
    }
    Ok(())
}

/// Makes the folder of a test where it works. It is new, so that nothing that was there before is ever removed.
fn make(name: &str) -> io::Result<PathBuf> {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !name.strip_prefix(PREFIX).is_some_and(is_name) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the folder of a self test"));
    }
    let folder = std::env::current_dir()?.join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

impl Holds {
    fn take(&mut self, task: &str, name: &str) -> io::Result<()> {
        if name.contains('/') || name == ".." {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name of a file"));
        }
        let path = Path::new(name);
        match task {
            "open" => self.files.push(open(path)?),
            "record" => {
                let file = open(path)?;
                fcntl(&file, FcntlArg::F_SETLK(&record(ByteRange::SQLITE)?))?;
                self.files.push(file);
            }
            "whole" => {
                let lock = Flock::lock(open(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error)?;
                self.locks.push(lock);
            }
            "open-file" => {
                let file = open(path)?;
                if !os::lock_open_file(&file, &record(ByteRange::SQLITE)?)? {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such locks"));
                }
                self.files.push(file);
            }
            "database" => {
                let database = Connection::open(path).map_err(io::Error::other)?;
                let mode: String =
                    database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(io::Error::other)?;
                if mode != "wal" {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, "no write-ahead log can be had there"));
                }
                database.execute_batch("CREATE TABLE IF NOT EXISTS truth (x)").map_err(io::Error::other)?;
                self.databases.push(database);
            }
            "write" => {
                for database in &self.databases {
                    let begun = database.execute_batch("BEGIN IMMEDIATE; INSERT INTO truth VALUES (1)");
                    begun.map_err(io::Error::other)?;
                }
            }
            "release" => *self = Self::default(),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no task of a helper")),
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)
}

/// An exclusive lock on these bytes.
fn record(range: ByteRange) -> io::Result<libc::flock> {
    Ok(libc::flock {
        l_type: narrow(libc::F_WRLCK)?,
        l_whence: narrow(libc::SEEK_SET)?,
        l_start: narrow(range.first)?,
        l_len: narrow(range.length)?,
        l_pid: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_undone_is_understood() {
        for undo in [
            Undo::Launchd { target: "gui/501/dev.portreeve.selftest.1".to_owned() },
            Undo::Systemd { user: None, unit: "portreeve-selftest-1.service".to_owned() },
            Undo::Systemd { user: Some(1000), unit: "portreeve-selftest-1.service".to_owned() },
        ] {
            assert_eq!(Undo::parse(undo.words().strip_prefix("undo ").unwrap()), Some(undo.clone()));
            assert!(!undo.invocations().is_empty());
        }
        assert_eq!(Undo::parse("rm -rf /"), None);
    }
}
