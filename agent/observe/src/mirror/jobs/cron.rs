//! Crontabs, and scripts that cron runs from a folder.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Blind, Starter};
use portreeve_openclaw::file::Reader;

use super::super::{Question, Seen, refusal, shell};
use super::{Around, Left, MAX_ENTRIES, reader};
use crate::users::Account;

/// Most bytes of a crontab.
const MAX_CRONTAB: u64 = 256 * 1024;
/// Most lines of one.
const MAX_LINES: usize = 10_000;

/// Crontabs of the system: their lines name a user.
const SYSTEM_TABS: [&str; 2] = ["etc/crontab", "etc/cron.d"];
/// Folders of the crontabs of users.
const USER_TABS: [&str; 4] = ["var/spool/cron/crontabs", "var/spool/cron", "var/at/tabs", "usr/lib/cron/tabs"];
/// Folders whose scripts are run by the clock.
const SCRIPTS: [&str; 8] = [
    "etc/cron.hourly",
    "etc/cron.daily",
    "etc/cron.weekly",
    "etc/cron.monthly",
    "etc/periodic/daily",
    "etc/periodic/weekly",
    "etc/periodic/monthly",
    "usr/local/etc/periodic/daily",
];

/// One line of a crontab that runs a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Line, counted from 1.
    pub line: u32,
    /// The user, in a crontab of the system.
    pub user: Option<String>,
    /// `HOME`, where a line above sets it.
    pub home: Option<String>,
    /// What the shell gets.
    pub command: String,
}

/// The commands of a crontab; in one of the system each line names a user.
pub fn cron_entries(text: &str, is_system: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut home = None;
    for (line, text) in (1_u32..).zip(text.lines()).take(MAX_LINES) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let name = text.split('=').next().unwrap_or_default().trim();
        if let Some((_, value)) = text.split_once('=')
            && shell::assignment(&format!("{name}=")).is_some()
        {
            if name == "HOME" {
                home = Some(value.trim().trim_matches(['"', '\'']).to_owned());
            }
            continue;
        }
        let fields = if text.starts_with('@') { 1 } else { 5 } + usize::from(is_system);
        let mut rest = text;
        let mut user = None;
        for _ in 0..fields {
            let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            user = Some(field);
            rest = after.trim_start();
        }
        if rest.is_empty() {
            continue;
        }
        entries.push(Entry {
            line,
            user: user.filter(|_| is_system).map(str::to_owned),
            home: home.clone(),
            command: shell_part(rest),
        });
    }
    entries
}

/// The part of a line that the shell gets: what follows a `%` is input, `\%` is a percent sign.
fn shell_part(command: &str) -> String {
    let mut out = String::new();
    let mut rest = command.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '%' => break,
            '\\' if rest.peek() == Some(&'%') => {
                rest.next();
                out.push('%');
            }
            c => out.push(c),
        }
    }
    out
}

/// Looks for jobs in every crontab.
pub(super) fn crontabs(question: &Question<'_>, left: &Left, seen: &mut Seen) {
    for name in SYSTEM_TABS {
        for file in files(&question.root.join(name), question.at, &mut seen.blind) {
            crontab(&file, None, question, left, seen);
        }
    }
    let mut known: Vec<PathBuf> = Vec::new();
    for name in USER_TABS {
        let folder = question.root.join(name);
        // On a Mac `/usr/lib/cron/tabs` is a link to `/var/at/tabs`.
        let Ok(real) = fs::canonicalize(&folder) else { continue };
        if known.contains(&real) {
            continue;
        }
        known.push(real);
        for file in files(&folder, question.at, &mut seen.blind) {
            let account = file
                .file_name()
                .and_then(|name| question.accounts.iter().find(|account| name == account.name.as_str()));
            if let Some(account) = account {
                crontab(&file, Some(account), question, left, seen);
            }
        }
    }
    for name in SCRIPTS {
        for file in files(&question.root.join(name), question.at, &mut seen.blind) {
            let account = question.accounts.iter().find(|account| account.uid == 0);
            let around = Around {
                starter: Starter::Cron { path: shown(&file, question), line: None },
                home: account.map(|account| account.home.to_string_lossy().into_owned()),
                folder: None,
                reader: Reader::for_self(None),
                uid: account.map(|account| account.uid),
                left,
                read: RefCell::default(),
                question,
            };
            around.script_file(&file.to_string_lossy(), 0, seen);
        }
    }
}

/// A file's path as the node knows it.
fn shown(file: &Path, question: &Question<'_>) -> String {
    match file.strip_prefix(question.root) {
        Ok(inside) => format!("/{}", inside.display()),
        Err(_) => file.display().to_string(),
    }
}

/// The files of a folder, or the file itself; what may not be listed is noted.
fn files(path: &Path, at: Timestamp, blind: &mut Vec<Blind>) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut files: Vec<PathBuf> = entries
                .take(MAX_ENTRIES)
                .flatten()
                .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
                .map(|entry| entry.path())
                .filter(|path| path.is_file())
                .collect();
            files.order();
            files
        }
        Err(error) => {
            let refused: Fact<()> = refusal::of_io(&error, "readdir", at);
            if let Some(why) = refused.blind() {
                blind.push(Blind {
                    what: format!("crontabs in {}", path.display()),
                    why: why.to_owned(),
                    remedy: "run as root".to_owned(),
                    readiness: false,
                });
            }
            Vec::new()
        }
    }
}

fn crontab(file: &Path, owner: Option<&Account>, question: &Question<'_>, left: &Left, seen: &mut Seen) {
    let content = match Reader::for_self(None).read_linked(file, MAX_CRONTAB) {
        Ok(content) => content,
        Err(error) => {
            let refused: Fact<()> = refusal::of_read(&error, question.at);
            if let Some(why) = refused.blind() {
                seen.blind.push(Blind {
                    what: format!("crontab {}", shown(file, question)),
                    why: why.to_owned(),
                    remedy: "run as root".to_owned(),
                    readiness: false,
                });
            }
            return;
        }
    };
    for entry in cron_entries(&String::from_utf8_lossy(&content.bytes), owner.is_none()) {
        let named = entry.user.as_ref().and_then(|name| question.accounts.iter().find(|account| account.name == *name));
        let account = owner.or(named);
        let home = entry.home.clone().or_else(|| account.map(|account| account.home.to_string_lossy().into_owned()));
        let around = Around {
            starter: Starter::Cron { path: shown(file, question), line: Some(entry.line) },
            folder: home.clone(),
            home,
            reader: reader(account),
            uid: account.map(|account| account.uid),
            left,
            read: RefCell::default(),
            question,
        };
        around.script(&entry.command, 0, seen);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_crontabs() {
        let text = "# c\nSHELL=/bin/sh\nHOME = \"/srv\"\n\n*/5 * * * * rsync -a ~/ /mnt/ # x\n@daily  backup.sh %input\nbad line\n0 3 * * * date +\\%F\n";
        let entries = cron_entries(text, false);
        let commands: Vec<(u32, &str)> = entries.iter().map(|entry| (entry.line, entry.command.as_str())).collect();
        assert_eq!(commands, [(5, "rsync -a ~/ /mnt/ # x"), (6, "backup.sh "), (8, "date +%F")]);
        assert_eq!(entries[0].home.as_deref(), Some("/srv"));
        let system = cron_entries("17 * * * * root cd / && run-parts /etc/cron.hourly\n", true);
        assert_eq!(
            (system[0].user.as_deref(), system[0].command.as_str()),
            (Some("root"), "cd / && run-parts /etc/cron.hourly")
        );
    }

    proptest! {
        #[test]
        fn no_crontab_panics(text in "\\PC{0,200}", is_system in any::<bool>()) {
            let _ = cron_entries(&text, is_system);
        }
    }
}
