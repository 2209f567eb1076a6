//! Jobs that copy: services, crontabs, processes that run now, sessions of mutagen.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{Blind, Mirror, MirrorKind, MirrorWay, Starter};
use portreeve_openclaw::file::{ReadError, Reader};

use super::copy::{self, Copy};
use super::ignore::{Rules, Verdict};
use super::place::{StatePlace, without_accounts};
use super::shell::{self, Variables};
use super::{Question, Seen, refusal};
use crate::os::ProcessEntry;
use crate::users::Account;

/// Most bytes of a crontab.
const MAX_CRONTAB: u64 = 256 * 1024;
/// Most bytes of a list of patterns, a profile or a session.
const MAX_FILE: u64 = 256 * 1024;
/// Most files of one folder that are looked at.
const MAX_ENTRIES: usize = 1_000;
/// How deep scripts may start scripts.
const MAX_DEPTH: usize = 3;
/// Shells whose scripts are read.
const SHELLS: [&str; 7] = ["sh", "bash", "zsh", "dash", "ksh", "ash", "mksh"];

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

/// Who runs a command, and where.
struct Around<'a> {
    starter: Starter,
    /// What `~` and `$HOME` stand for.
    home: Option<String>,
    folder: Option<String>,
    reader: Reader,
    question: &'a Question<'a>,
}

/// Looks for jobs that copy a state directory or write into it.
pub(super) fn observe(question: &Question<'_>, seen: &mut Seen) {
    for started in question.started {
        let home = started.account.as_ref().map(|account| account.home.to_string_lossy().into_owned());
        let starter = Starter::Unit { path: started.path.to_string_lossy().into_owned(), label: started.label.clone() };
        let around = Around {
            starter,
            folder: started.working_directory.as_ref().map(|folder| folder.to_string_lossy().into_owned()),
            reader: reader(started.account.as_ref()),
            home,
            question,
        };
        for command in &started.commands {
            around.command(command.as_slice(), 0, seen);
        }
    }
    crontabs(question, seen);
    for process in question.processes {
        let account = question.accounts.iter().find(|account| Some(account.uid) == process.uid);
        let around = Around {
            starter: Starter::Process { pid: process.pid },
            home: account.map(|account| account.home.to_string_lossy().into_owned()),
            folder: None,
            reader: reader(account),
            question,
        };
        if let Some(words) = copy::without_wrappers(&process.argv) {
            around.copy(words, seen);
        } else if let Some(product) = name_of(process).and_then(copy::opaque) {
            seen.blind.push(Blind {
                what: format!("what {product} copies"),
                why: format!("pid {} runs, and its tasks cannot be read", process.pid),
                remedy: "see in its window that no task copies a state directory".to_owned(),
                readiness: false,
            });
        }
    }
    for account in question.accounts {
        sessions(account, question, seen);
    }
    seen.mirrors.dedup();
}

fn reader(account: Option<&Account>) -> Reader {
    match account {
        Some(account) => Reader::for_user(account.uid, Some(account.home.clone())),
        None => Reader::for_self(None),
    }
}

fn name_of(process: &ProcessEntry) -> Option<&str> {
    process.exe.as_deref().and_then(|exe| exe.file_name()?.to_str()).or(Some(process.comm.as_str()))
}

/// Whether a process may copy files. Those of containers name paths of their own.
pub(super) fn may_copy(process: &ProcessEntry) -> bool {
    !process.foreign_pidns
        && !process.zombie
        && (copy::without_wrappers(&process.argv).is_some() || name_of(process).and_then(copy::opaque).is_some())
}

impl Around<'_> {
    /// A command: a program that copies, a shell with a script, or a script.
    fn command(&self, words: &[String], depth: usize, seen: &mut Seen) {
        if let Some(words) = copy::without_wrappers(words) {
            self.copy(words, seen);
            return;
        }
        if depth >= MAX_DEPTH {
            return;
        }
        let skip = words.iter().take_while(|word| shell::assignment(word).is_some() || is_wrapper(word)).count();
        let Some((program, arguments)) = words.get(skip..).and_then(<[String]>::split_first) else { return };
        if SHELLS.contains(&copy::base(program)) {
            let mut rest = arguments.iter();
            while let Some(word) = rest.next() {
                if word.starts_with('-') && !word.starts_with("--") && word.contains('c') {
                    if let Some(script) = rest.next() {
                        self.script(script, depth, seen);
                    }
                    return;
                }
                if !word.starts_with('-') {
                    self.script_file(word, depth, seen);
                    return;
                }
            }
        } else {
            self.script_file(program, depth, seen);
        }
    }

    fn script_file(&self, path: &str, depth: usize, seen: &mut Seen) {
        let Some(path) = copy::local_path(path, self.home.as_deref(), self.folder.as_deref()) else { return };
        let path = self.question.below(Path::new(&path));
        // Most programs are no scripts: their size tells without opening them.
        if fs::metadata(&path).map_or(true, |metadata| !metadata.is_file() || metadata.len() > shell::MAX_SCRIPT) {
            return;
        }
        let target = fs::canonicalize(&path).unwrap_or(path);
        let Ok(content) = self.reader.read_linked(&target, shell::MAX_SCRIPT) else { return };
        let Ok(text) = std::str::from_utf8(&content.bytes) else { return };
        let by_shell = text.lines().next().is_some_and(|line| {
            !line.starts_with("#!")
                || SHELLS.iter().any(|shell| line.split(['/', ' ']).any(|word| word.trim() == *shell))
        });
        if by_shell && !text.contains('\0') {
            self.script(text, depth, seen);
        }
    }

    fn script(&self, text: &str, depth: usize, seen: &mut Seen) {
        let mut known = Variables::new();
        known.extend(self.home.clone().map(|home| ("HOME".to_owned(), home)));
        for words in shell::commands(text, &known) {
            self.command(&words, depth + 1, seen);
        }
    }

    /// A program that copies.
    fn copy(&self, words: &[String], seen: &mut Seen) {
        let Some(mut copy) = copy::parse(words) else { return };
        self.settings(&mut copy);
        for file in std::mem::take(&mut copy.rule_files) {
            let path = copy::local_path(&file, self.home.as_deref(), self.folder.as_deref());
            match path.map(|path| self.read(Path::new(&path))) {
                Some(Ok(text)) => copy.rules.extend(Rules::lines(&text, &file, &["+ "], &["- "])),
                _ => copy.rules.unclear(format!("`{file}` is not read")),
            }
        }
        for place in self.question.places {
            seen.mirrors.extend(self.mirror(&copy, place));
        }
    }

    fn read(&self, path: &Path) -> Result<String, ReadError> {
        let content = self.reader.read_linked(&self.question.below(path), MAX_FILE)?;
        Ok(String::from_utf8_lossy(&content.bytes).into_owned())
    }

    /// Reads the file or profile that says what is copied.
    fn settings(&self, copy: &mut Copy) {
        let Some(name) = copy.settings.clone() else { return };
        let home = self.home.as_deref().unwrap_or("/");
        match copy.tool {
            "unison" => {
                let file = if name.ends_with(".prf") { name.clone() } else { format!("{name}.prf") };
                let folders = [format!("{home}/.unison"), format!("{home}/Library/Application Support/Unison")];
                let text = folders.iter().find_map(|folder| self.read(Path::new(folder).join(&file).as_path()).ok());
                if let Some(text) = text {
                    copy::unison_profile(copy, &text);
                }
            }
            _ => {
                let path = copy::local_path(&name, Some(home), self.folder.as_deref());
                if let Some(text) = path.and_then(|path| self.read(Path::new(&path)).ok()) {
                    copy::lsyncd_settings(copy, &text);
                }
            }
        }
    }

    /// What the copy does with a state directory.
    fn mirror(&self, copy: &Copy, place: &StatePlace) -> Option<Mirror> {
        let at = self.question.at;
        let local = |word: &String| copy::local_path(word, self.home.as_deref(), self.folder.as_deref());
        let touches = |path: &str| {
            let path = Path::new(path);
            place
                .covered_by(path)
                .map(|at| (at, place.chain.get(at).map(|link| link.path.clone()).unwrap_or_default()))
                .or_else(|| place.keeps(path).then(|| (0, path.to_path_buf())))
        };
        let read = copy.sources.iter().find_map(|word| Some((word, touches(&local(word)?)?)));
        let written = copy.targets.iter().find_map(|word| {
            let target = local(word)?;
            // Into a folder above it only what the source holds is written, unless the rest is deleted.
            let (at, path) = touches(&target)?;
            let named = || {
                copy.sources.iter().any(|source| {
                    let name = copy::base(source);
                    !name.is_empty() && place.covered_by(&Path::new(&target).join(name)).is_some_and(|inner| inner < at)
                })
            };
            (at == 0 || copy.deletes || named()).then_some((word, (at, path)))
        });
        let (way, word, root) = match (read, written) {
            (_, Some((word, (_, root)))) => (MirrorWay::Into, word, root),
            (Some((word, (_, root))), None) if copy.two_way => (MirrorWay::Both, word, root),
            (Some((word, (_, root))), None) => (MirrorWay::Out, word, root),
            (None, None) => return None,
        };
        let verb = match way {
            MirrorWay::Out => "reads",
            MirrorWay::Into => "writes",
            MirrorWay::Both => "syncs",
        };
        let shown = without_accounts(&root);
        // Rsync takes a source without a slash at the end as an entry of the folder above it.
        let top = if copy.tool == "rsync" && !word.ends_with('/') { root.parent().unwrap_or(&root) } else { &root };
        let source = self.source();
        let excluded = match copy.rules.judge(place, top) {
            Verdict::Excluded(words) => Fact::known(words, source.clone(), at),
            Verdict::Included => Fact::absent(source.clone(), at),
            Verdict::Unknown(why) => Fact::unreadable(why, source.clone(), at),
        };
        Some(Mirror {
            state_dir: place.path.to_string_lossy().into_owned(),
            kind: MirrorKind::Job { tool: copy.tool.to_owned(), starter: self.starter.clone() },
            way,
            seen: Fact::known(format!("`{}` {verb} `{shown}`", copy.tool), source, at),
            root: shown,
            marker: match &self.starter {
                Starter::Unit { path, .. } | Starter::Cron { path, .. } | Starter::Session { path } => {
                    Some(path.clone())
                }
                Starter::Process { .. } => None,
            },
            excluded,
        })
    }

    fn source(&self) -> String {
        match &self.starter {
            Starter::Unit { path, .. } | Starter::Session { path } | Starter::Cron { path, line: None } => path.clone(),
            Starter::Cron { path, line: Some(line) } => format!("{path}:{line}"),
            Starter::Process { pid } => format!("arguments of pid {pid}"),
        }
    }
}

fn is_wrapper(word: &str) -> bool {
    matches!(
        copy::base(word),
        "sudo" | "exec" | "nice" | "ionice" | "env" | "nohup" | "caffeinate" | "chronic" | "-n" | "-i" | "-s"
    )
}

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
    for (line, text) in (1_u32..).zip(text.lines()).take(10_000) {
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

fn crontabs(question: &Question<'_>, seen: &mut Seen) {
    for name in SYSTEM_TABS {
        for file in files(&question.root.join(name), question.at, &mut seen.blind) {
            crontab(&file, None, question, seen);
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
                crontab(&file, Some(account), question, seen);
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
            files.sort();
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

fn crontab(file: &Path, owner: Option<&Account>, question: &Question<'_>, seen: &mut Seen) {
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
            question,
        };
        around.script(&entry.command, 0, seen);
    }
}

/// Sessions of mutagen: messages of protobuf, of which the strings are looked for that are paths of a state directory or above it.
fn sessions(account: &Account, question: &Question<'_>, seen: &mut Seen) {
    let folder = account.home.join(".mutagen/sessions");
    let reader = reader(Some(account));
    for entry in fs::read_dir(&folder).into_iter().flatten().take(MAX_ENTRIES).flatten() {
        let path = entry.path();
        let Ok(content) = reader.read(&path, MAX_FILE) else { continue };
        for place in question.places {
            let covers = place.chain.iter().find(|link| {
                link.path.parent().is_some() && holds(&content.bytes, link.path.to_string_lossy().as_bytes())
            });
            let Some(link) = covers else { continue };
            let mut names = vec![place.path.file_name().unwrap_or_default().to_string_lossy().into_owned()];
            if let Some(inside) = place.relative(&link.path) {
                names.push(inside.to_string_lossy().into_owned());
                names.push(format!("/{}", inside.display()));
            }
            let ignored = names.iter().filter(|name| !name.is_empty()).find(|name| {
                holds(&content.bytes, name.as_bytes()) || holds(&content.bytes, format!("{name}/").as_bytes())
            });
            let source = path.to_string_lossy().into_owned();
            let root = without_accounts(&link.path);
            seen.mirrors.push(Mirror {
                state_dir: place.path.to_string_lossy().into_owned(),
                kind: MirrorKind::Job {
                    tool: "mutagen".to_owned(),
                    starter: Starter::Session { path: source.clone() },
                },
                way: MirrorWay::Both,
                seen: Fact::known(format!("a session of mutagen names `{root}`"), source.clone(), question.at),
                root,
                marker: Some(source.clone()),
                excluded: match ignored {
                    Some(name) => Fact::known(format!("`{name}` among its ignored files"), source, question.at),
                    None => Fact::absent(source, question.at),
                },
            });
        }
    }
}

/// Whether a protobuf message has this string as a field: its length stands before it.
fn holds(message: &[u8], text: &[u8]) -> bool {
    let Ok(length) = u16::try_from(text.len()) else { return false };
    let mut wanted = Vec::with_capacity(text.len() + 2);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => wanted.push(short),
        _ => wanted.extend([u8::try_from(length & 0x7f).unwrap_or(0) | 0x80, u8::try_from(length >> 7).unwrap_or(0)]),
    }
    wanted.extend(text);
    message.windows(wanted.len()).any(|window| window == wanted)
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

    #[test]
    fn strings_of_messages_have_their_length() {
        assert!(holds(b"\x12\x08/home/op\x18", b"/home/op"));
        assert!(!holds(b"\x12\x0c/home/op/dev", b"/home/op"));
        let long = "/x".repeat(80);
        let mut message = vec![0xa0, 0x01];
        message.extend(long.as_bytes());
        assert!(holds(&message, long.as_bytes()));
    }

    proptest! {
        #[test]
        fn no_crontab_panics(text in "\\PC{0,200}", is_system in any::<bool>()) {
            let _ = cron_entries(&text, is_system);
        }
    }
}
