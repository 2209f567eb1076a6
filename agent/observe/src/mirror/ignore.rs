//! Patterns by which programs leave files out.
//!
//! Each program has a dialect of its own. What they share is read here: `*`, `?`, `[…]`, `**`, a leading `/` for the folder that is
//! copied, no `/` for a name at any depth, and that a folder which is left out takes its contents with it. Anything else is not guessed:
//! whether a file is left out is then unknown.

use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::place::StatePlace;

/// Most patterns that are looked at.
const MAX_RULES: usize = 2_000;
/// Most entries of a copied folder that are looked at.
const MAX_CONTENTS: usize = 500;
/// How deep below a copied folder databases are looked for: `agents/<id>/agent`.
const MAX_DEPTH: usize = 3;

/// One pattern, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: String,
    /// It keeps what it matches.
    keeps: bool,
    any_case: bool,
    /// Where it stands, for people.
    place: String,
}

/// Patterns in the order in which they are tried: the first that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    list: Vec<Rule>,
    /// Why what the list says may not hold.
    unclear: Option<String>,
}

/// What the patterns do with a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is left out, by this.
    Excluded(String),
    /// It is not.
    Included,
    /// It cannot be told.
    Unknown(String),
}

impl Rules {
    /// Adds a pattern that leaves out what it matches.
    pub fn exclude(&mut self, pattern: &str, place: impl Into<String>) {
        self.add(pattern, false, false, place.into());
    }

    /// Adds a pattern that keeps what it matches.
    pub fn keep(&mut self, pattern: &str, place: impl Into<String>) {
        self.add(pattern, true, false, place.into());
    }

    /// Notes that more rules are in force than could be read.
    pub fn unclear(&mut self, why: impl Into<String>) {
        self.unclear.get_or_insert_with(|| why.into());
    }

    fn add(&mut self, pattern: &str, keeps: bool, any_case: bool, place: String) {
        if self.list.len() < MAX_RULES {
            self.list.push(Rule { pattern: pattern.to_owned(), keeps, any_case, place });
        } else {
            self.unclear("there are too many patterns");
        }
    }

    /// Patterns of Syncthing's `.stignore`: prefixes `(?i)`, `(?d)` and `!`, comments with `//`. What `#include` brings is not read.
    pub fn syncthing(text: &str, file: &str) -> Self {
        let mut rules = Self::default();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let mut pattern = line.trim();
            let place = format!("line {number} of `{file}`");
            if pattern.is_empty() || pattern.starts_with("//") {
                continue;
            }
            if pattern.starts_with('#') {
                if pattern.starts_with("#include") {
                    rules.add("#include", false, false, place);
                }
                continue;
            }
            let (mut keeps, mut any_case) = (false, false);
            loop {
                if let Some(rest) = pattern.strip_prefix('!') {
                    (keeps, pattern) = (true, rest);
                } else if let Some(rest) = pattern.strip_prefix("(?i)") {
                    (any_case, pattern) = (true, rest);
                } else if let Some(rest) = pattern.strip_prefix("(?d)") {
                    pattern = rest;
                } else {
                    break;
                }
            }
            rules.add(pattern.trim(), keeps, any_case, place);
        }
        rules
    }

    /// One pattern a line, with `#` for comments: the lists of Resilio, Nextcloud, rsync, restic, borg. `keep` and `drop` are prefixes that
    /// some of them know.
    pub fn lines(text: &str, file: &str, keep: &[&str], drop: &[&str]) -> Self {
        let mut rules = Self::default();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let place = format!("line {number} of `{file}`");
            let kept = keep.iter().find_map(|prefix| line.strip_prefix(prefix));
            let dropped = drop.iter().find_map(|prefix| line.strip_prefix(prefix));
            match (kept, dropped) {
                (Some(pattern), _) => rules.keep(pattern.trim(), place),
                (None, Some(pattern)) => rules.exclude(pattern.trim(), place),
                (None, None) => rules.exclude(line, place),
            }
        }
        rules
    }

    /// Adds all of another list at the end.
    pub fn extend(&mut self, other: Self) {
        for rule in other.list {
            self.add(&rule.pattern, rule.keeps, rule.any_case, rule.place);
        }
        if let Some(why) = other.unclear {
            self.unclear(why);
        }
    }

    /// What they do with a state directory when the folder `root`, above it, is copied. Where not the whole directory but every folder
    /// with databases is left out, that is enough.
    pub fn judge(&self, place: &StatePlace, root: &Path) -> Verdict {
        let whole = self.judge_path(&place.path, root);
        if whole != Verdict::Included {
            return whole;
        }
        let parts: Vec<Verdict> =
            StatePlace::databases().iter().map(|name| self.judge_path(&place.path.join(name), root)).collect();
        let first = parts.first().cloned().unwrap_or(Verdict::Included);
        if parts.iter().all(|part| matches!(part, Verdict::Excluded(_))) { first } else { Verdict::Included }
    }

    /// What they do with the contents of a folder of a state directory that is copied by itself.
    pub fn judge_within(&self, folder: &Path) -> Verdict {
        let mut first = None;
        for path in contents(folder) {
            match self.judge_path(&path, folder) {
                Verdict::Excluded(words) => {
                    first.get_or_insert(words);
                }
                verdict => return verdict,
            }
        }
        first.map_or(Verdict::Included, Verdict::Excluded)
    }

    fn judge_path(&self, path: &Path, root: &Path) -> Verdict {
        for rule in &self.list {
            match rule.matches(path, root) {
                Some(true) if rule.keeps => return Verdict::Included,
                Some(true) => return Verdict::Excluded(format!("`{}`, {}", rule.pattern, rule.place)),
                Some(false) => {}
                None => return Verdict::Unknown(format!("{} holds a pattern that is not understood", rule.place)),
            }
        }
        self.unclear.clone().map_or(Verdict::Included, Verdict::Unknown)
    }
}

/// Databases below a folder, and where there are none its other files.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let (mut databases, mut others) = (Vec::new(), Vec::new());
    let mut folders = vec![(folder.to_path_buf(), 0)];
    let mut left = MAX_CONTENTS;
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.take(left).flatten() {
            left -= 1;
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => folders.push((path, depth + 1)),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "sqlite") => {
                    databases.push(path);
                }
                Ok(kind) if kind.is_file() => others.push(path),
                _ => {}
            }
        }
    }
    if databases.is_empty() { others } else { databases }
}

impl Rule {
    /// Whether it matches the path or a folder above it, up to `root`; none where the pattern is not understood.
    fn matches(&self, path: &Path, root: &Path) -> Option<bool> {
        if self.pattern.contains(['{', '}', '\\', '$', '`']) || self.pattern.starts_with('#') {
            return None;
        }
        let pattern = ["/***", "/**", "/*", "/"].iter().fold(self.pattern.as_str(), |text, tail| {
            text.strip_suffix(tail).filter(|rest| !rest.is_empty()).unwrap_or(text)
        });
        let relative = path.strip_prefix(root).ok()?;
        let options = MatchOptions {
            case_sensitive: !self.any_case,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        if !pattern.contains('/') {
            let name = Pattern::new(pattern).ok()?;
            return Some(relative.iter().any(|part| name.matches_with(&part.to_string_lossy(), options)));
        }
        let anchored = pattern.strip_prefix('/');
        let here = Pattern::new(anchored.unwrap_or(pattern)).ok()?;
        let below = Pattern::new(&format!("**/{pattern}")).ok().filter(|_| anchored.is_none());
        let whole = Pattern::new(pattern).ok()?;
        let prefixes = relative.ancestors().filter(|part| !part.as_os_str().is_empty());
        let in_root = prefixes.into_iter().any(|part| {
            here.matches_path_with(part, options)
                || below.as_ref().is_some_and(|below| below.matches_path_with(part, options))
        });
        // Some programs match whole paths.
        let absolute = anchored.is_some()
            && path
                .ancestors()
                .take_while(|part| part.starts_with(root))
                .any(|part| whole.matches_path_with(part, options));
        Some(in_root || absolute)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mirror::place::SystemMarks;

    fn place() -> StatePlace {
        StatePlace::of(Path::new("/nowhere/op/sync/.openclaw"), None, false, &SystemMarks)
    }

    fn judge(rules: &Rules) -> Verdict {
        rules.judge(&place(), Path::new("/nowhere/op"))
    }

    fn one(pattern: &str) -> bool {
        let mut rules = Rules::default();
        rules.exclude(pattern, "here");
        matches!(judge(&rules), Verdict::Excluded(_))
    }

    #[test]
    fn names_paths_and_folders_match() {
        for pattern in [
            ".openclaw",
            ".openclaw/",
            ".open*",
            "/sync/.openclaw",
            "sync/.openclaw",
            "/sync",
            "sync",
            "/sync/**",
            "**/.openclaw",
            "/nowhere/op/sync",
            "/*/.openclaw",
            ".openclaw/***",
            ".[n-p]penclaw",
        ] {
            assert!(one(pattern), "{pattern}");
        }
        for pattern in
            ["/.openclaw", "openclaw", "op", "*.tmp", "/nowhere/other", "other/.openclaw", "/sync/.openclaw/media"]
        {
            assert!(!one(pattern), "{pattern}");
        }
    }

    #[test]
    fn the_first_match_decides() {
        let rules = Rules::syncthing("// mine\n!/sync/.openclaw\n(?d)(?i)/SYNC\n", ".stignore");
        assert_eq!(judge(&rules), Verdict::Included);
        let rules = Rules::syncthing("(?i)/SYNC\n!/sync/.openclaw\n", ".stignore");
        assert_eq!(judge(&rules), Verdict::Excluded("`/SYNC`, line 1 of `.stignore`".to_owned()));
    }

    #[test]
    fn databases_left_out_are_enough_and_one_of_them_is_not() {
        let both = Rules::syncthing("/sync/.openclaw/state\n/sync/.openclaw/agents\n", "f");
        assert!(matches!(judge(&both), Verdict::Excluded(_)));
        assert_eq!(judge(&Rules::syncthing("/sync/.openclaw/state\n", "f")), Verdict::Included);
    }

    #[test]
    fn what_is_not_understood_is_unknown() {
        for text in ["#include more\n", "/sy{nc,x}\n", "a**b\n"] {
            assert!(matches!(judge(&Rules::syncthing(text, "f")), Verdict::Unknown(_)), "{text}");
        }
        let mut rules = Rules::default();
        rules.unclear("a filter is not read");
        assert_eq!(judge(&rules), Verdict::Unknown("a filter is not read".to_owned()));
        // A rule before it that decides is enough.
        assert!(matches!(judge(&Rules::syncthing(".openclaw\n#include more\n", "f")), Verdict::Excluded(_)));
    }

    #[test]
    fn lists_with_prefixes() {
        let rules = Rules::lines("# c\n+ keep\n- .openclaw\n", "f", &["+ "], &["- "]);
        assert!(matches!(judge(&rules), Verdict::Excluded(_)));
    }

    proptest! {
        #[test]
        fn no_list_panics(text in "\\PC{0,80}") {
            let _ = judge(&Rules::syncthing(&text, "f"));
            let _ = judge(&Rules::lines(&text, "f", &["+ "], &["- "]));
        }
    }
}
