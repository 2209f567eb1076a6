//! Jobs that copy: services, crontabs, processes that run now, sessions of mutagen.

mod cron;
mod mutagen;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::Fact;
use portreeve_core::snapshot::{Blind, Mirror, MirrorKind, MirrorWay, Starter};
use portreeve_openclaw::file::{ReadError, Reader};

pub use cron::{Entry, cron_entries};

use super::copy::{self, Copy};
use super::ignore::{Rules, Verdict};
use super::place::{StatePlace, without_accounts};
use super::shell::{self, Variables};
use super::{Question, Seen};
use crate::os::ProcessEntry;
use crate::users::Account;

/// Most bytes of a list of patterns, a profile or a session.
const MAX_FILE: u64 = 256 * 1024;
/// Most files of one folder that are looked at.
const MAX_ENTRIES: usize = 1_000;
/// How deep scripts may start scripts.
const MAX_DEPTH: usize = 3;
/// What may be read of one user's jobs: each command costs one, each script and each list of patterns more, by its length. Nobody's jobs
/// may keep the others' from being looked at.
const ALLOWANCE: u32 = 100_000;
/// Shells whose scripts are read.
const SHELLS: [&str; 7] = ["sh", "bash", "zsh", "dash", "ksh", "ash", "mksh"];

/// Who runs a command, and where.
struct Around<'a> {
    starter: Starter,
    /// What `~` and `$HOME` stand for.
    home: Option<String>,
    folder: Option<String>,
    reader: Reader,
    uid: Option<u32>,
    left: &'a Left,
    /// Scripts that were read, and how deep.
    read: RefCell<BTreeMap<PathBuf, usize>>,
    question: &'a Question<'a>,
}

/// What is left of the allowance of each user.
#[derive(Debug, Default)]
struct Left(RefCell<BTreeMap<Option<u32>, u32>>);

impl Left {
    /// Whether there is enough.
    fn take(&self, uid: Option<u32>, cost: u32) -> bool {
        let mut users = self.0.borrow_mut();
        let left = users.entry(uid).or_insert(ALLOWANCE);
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }
}

/// Looks for jobs that copy a state directory or write into it.
pub(super) fn observe(question: &Question<'_>, seen: &mut Seen) {
    let left = Left::default();
    for started in question.started {
        let home = started.account.as_ref().map(|account| account.home.to_string_lossy().into_owned());
        let starter = Starter::Unit { path: started.path.to_string_lossy().into_owned(), label: started.label.clone() };
        let around = Around {
            starter,
            folder: started.working_directory.as_ref().map(|folder| folder.to_string_lossy().into_owned()),
            reader: reader(started.account.as_ref()),
            home,
            uid: started.account.as_ref().map(|account| account.uid),
            left: &left,
            read: RefCell::default(),
            question,
        };
        for command in &started.commands {
            around.command(command.as_slice(), 0, seen);
        }
    }
    cron::crontabs(question, &left, seen);
    for process in question.processes {
        let account = question.accounts.iter().find(|account| Some(account.uid) == process.uid);
        let around = Around {
            starter: Starter::Process { pid: process.pid },
            home: account.map(|account| account.home.to_string_lossy().into_owned()),
            folder: None,
            reader: reader(account),
            uid: account.map(|account| account.uid),
            left: &left,
            read: RefCell::default(),
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
        mutagen::sessions(account, question, seen);
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
        if !self.may_read(1, seen) {
            return;
        }
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
                    if let Some(script) = rest.next().filter(|script| self.may_read(cost(script), seen)) {
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
        let is_known = self.read.borrow().get(&target).is_some_and(|known| *known <= depth);
        if is_known {
            return;
        }
        self.read.borrow_mut().insert(target.clone(), depth);
        let Ok(content) = self.reader.read_linked(&target, shell::MAX_SCRIPT) else { return };
        let Ok(text) = std::str::from_utf8(&content.bytes) else { return };
        let by_shell = text.lines().next().is_some_and(|line| {
            !line.starts_with("#!")
                || SHELLS.iter().any(|shell| line.split(['/', ' ']).any(|word| word.trim() == *shell))
        });
        if by_shell && !text.contains('\0') && self.may_read(cost(text), seen) {
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

    /// Whether the allowance of the job's user is enough. Where it is not, that is noted.
    fn may_read(&self, cost: u32, seen: &mut Seen) -> bool {
        if self.left.take(self.uid, cost) {
            return true;
        }
        let user = self.question.accounts.iter().find(|account| Some(account.uid) == self.uid);
        let spot = Blind {
            what: format!("what jobs of {} copy", user.map_or("the system", |account| account.name.as_str())),
            why: "they are longer than what is read of them".to_owned(),
            remedy: "see in its crontab, its services and their scripts that nothing copies a state directory"
                .to_owned(),
            readiness: false,
        };
        if !seen.blind.contains(&spot) {
            seen.blind.push(spot);
        }
        false
    }

    /// A program that copies.
    fn copy(&self, words: &[String], seen: &mut Seen) {
        let Some(mut copy) = copy::parse(words) else { return };
        self.settings(&mut copy);
        for file in std::mem::take(&mut copy.rule_files) {
            let path = copy::local_path(&file, self.home.as_deref(), self.folder.as_deref());
            match path.map(|path| self.read(Path::new(&path))) {
                Some(Ok(text)) if self.may_read(cost(&text), seen) => {
                    copy.rules.extend(Rules::lines(&text, &file, &["+ "], &["- "]));
                }
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
                let file = if Path::new(&name).extension().is_some_and(|extension| extension == "prf") {
                    name.clone()
                } else {
                    format!("{name}.prf")
                };
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
                .or_else(|| place.kept(path).map(|_| (0, path.to_path_buf())))
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
            state_dir: place.name.clone(),
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

/// What a script or a list of patterns costs.
fn cost(text: &str) -> u32 {
    u32::try_from(text.len() / 32).unwrap_or(u32::MAX).saturating_add(50)
}

fn is_wrapper(word: &str) -> bool {
    matches!(
        copy::base(word),
        "sudo" | "exec" | "nice" | "ionice" | "env" | "nohup" | "caffeinate" | "chronic" | "-n" | "-i" | "-s"
    )
}
