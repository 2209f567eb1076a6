//! Accounts whose home directories may hold `OpenClaw`'s state.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::{Gather as _, Order as _};

use crate::deadline::within;
use crate::file;
use crate::os::{self, AccountEntry};

/// How long the user database has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long one home directory has to answer.
const HOME_DEADLINE: Duration = Duration::from_millis(500);

const SOURCE: &str = "user database";

/// An account with a home directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name; for a home that the user database does not list, the name of its folder.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Home directory, as the user database has it.
    pub home: PathBuf,
    /// Why the home cannot be looked into, where it did not answer. Nothing may then be asked below it.
    pub unreachable: Option<String>,
}

/// All accounts whose home directory exists, or did not answer. Sorted by user id.
///
/// Waits at most 4 s for the user database and the folders of homes, half a second for each of the first homes that hang, and not
/// at all for more of them.
pub fn observe(at: Timestamp) -> Fact<Vec<Account>> {
    let rows = match within(DEADLINE, os::accounts) {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => return file::error_fact(&error, SOURCE, at),
        Err(overdue) => return Fact::unreadable(overdue.to_string(), SOURCE, at),
    };
    let known: BTreeSet<PathBuf> = rows.iter().map(|row| row.home.clone()).gather();
    let unlisted = within(DEADLINE, move || unlisted_homes(&known)).unwrap_or_default();
    let mut accounts = with_homes(rows.into_iter().chain(unlisted).filter(|row| may_hold_state(&row.home)).collect());
    accounts.order_by(|left, right| (left.uid, &left.name).cmp(&(right.uid, &right.name)));
    accounts.dedup_by(|left, right| (left.uid, &left.home) == (right.uid, &right.home));
    Fact::known(accounts, SOURCE, at)
}

/// Keeps the accounts whose home exists. All homes are asked at once; only when that hangs, one by one.
fn with_homes(rows: Vec<AccountEntry>) -> Vec<Account> {
    let homes: Vec<PathBuf> = rows.iter().map(|row| row.home.clone()).collect();
    if let Ok(exist) = within(HOME_DEADLINE, move || homes.iter().map(|home| home.is_dir()).collect::<Vec<bool>>()) {
        return rows.into_iter().zip(exist).filter_map(|(row, exists)| exists.then(|| account(row, None))).collect();
    }
    rows.into_iter()
        .filter_map(|row| {
            let home = row.home.clone();
            match within(HOME_DEADLINE, move || home.is_dir()) {
                Ok(true) => Some(account(row, None)),
                Ok(false) => None,
                Err(overdue) => Some(account(row, Some(overdue.to_string()))),
            }
        })
        .collect()
}

fn account(row: AccountEntry, unreachable: Option<String>) -> Account {
    Account { name: row.name, uid: row.uid, gid: row.gid, home: row.home, unreachable }
}

/// Service accounts share such places as a home that nobody writes to.
pub(crate) fn may_hold_state(home: &Path) -> bool {
    const NOBODY: [&str; 9] =
        ["/", "/nonexistent", "/dev", "/dev/null", "/proc", "/var/empty", "/usr/sbin", "/bin", "/sbin"];
    home.is_absolute() && !NOBODY.iter().any(|nobody| home == Path::new(nobody))
}

/// Home directories that the user database does not list: of a directory service, or of an account that is gone.
fn unlisted_homes(known: &BTreeSet<PathBuf>) -> Vec<AccountEntry> {
    os::home_roots()
        .iter()
        .filter_map(|root| fs::read_dir(root).ok())
        .flat_map(|entries| entries.take(os::MAX_ACCOUNTS).flatten())
        .filter(|entry| !known.contains(&entry.path()))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_dir)?;
            let name =
                entry.file_name().into_string().ok().filter(|name| !name.starts_with('.') && name != "Shared")?;
            Some(AccountEntry { name, uid: metadata.uid(), gid: metadata.gid(), home: entry.path() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_seen_with_its_home() {
        let seen = observe(Timestamp::UNIX_EPOCH);
        let accounts = seen.get().unwrap();
        let truth = nix::unistd::User::from_uid(0.into()).unwrap().unwrap();
        assert!(accounts.iter().any(|account| account.uid == 0 && account.home == truth.dir), "{accounts:?}");
        assert!(accounts.iter().all(|account| account.unreachable.is_some() || account.home.is_dir()));
    }

    #[test]
    fn homes_of_nobody_are_not_looked_at() {
        assert!(!may_hold_state(Path::new("/")) && !may_hold_state(Path::new("relative")));
        assert!(!may_hold_state(Path::new("/nonexistent")) && may_hold_state(Path::new("/Users/claw")));
    }
}
