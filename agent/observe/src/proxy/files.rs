//! The files of a proxy's configuration, from wherever they are, within bounds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::Place;

use super::Problem;

/// Largest file read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Most bytes of one configuration, over all its files.
const MAX_TOTAL_BYTES: usize = 8 << 20;
/// Most files of one configuration.
const MAX_FILES: usize = 512;
/// Most words of one configuration, over all its files.
const MAX_WORDS: usize = 200_000;
/// Most files that one folder is asked for.
const MAX_LISTED: usize = 1024;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name by which places in it are told: the path on the host where it is mounted into a container.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Where the files of a configuration come from. Paths are absolute and are those that the proxy itself would open.
pub trait Files {
    /// One file, at most [`MAX_FILE_BYTES`] of it; or why it cannot be read.
    fn read(&self, path: &str) -> Result<File, String>;

    /// Names of the files in a folder, in any order; empty where there is none such or it cannot be listed.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// Files in memory, by path.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<File, String> {
        let text = self.get(path).ok_or("no such file")?;
        Ok(File { name: path.to_owned(), text: text.clone() })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = |path: &String| {
            let name = path.strip_prefix(folder.trim_end_matches('/'))?.strip_prefix('/')?;
            (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
        };
        self.keys().filter_map(inside).collect()
    }
}

/// Files that were read so far, and what went wrong.
pub(super) struct Loader<'a> {
    files: &'a dyn Files,
    bytes: Cell<usize>,
    count: Cell<usize>,
    words: Cell<usize>,
    /// The first bound that was reached: what comes after it was not looked at.
    pub(super) cut: RefCell<Option<Problem>>,
    pub(super) problems: RefCell<Vec<Problem>>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            bytes: Cell::new(0),
            count: Cell::new(0),
            words: Cell::new(0),
            cut: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    /// Notes something wrong, unless there is much wrong already.
    pub(super) fn problem(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < 64 {
            problems.push(problem);
        }
    }

    /// Notes a bound, and that what comes after it is not looked at.
    pub(super) fn cut_off(&self, place: Option<Place>, message: &str) {
        let problem = Problem { place, message: message.to_owned() };
        self.problem(problem.clone());
        self.cut.borrow_mut().get_or_insert(problem);
    }

    /// Takes one more word into account; false where there are too many.
    pub(super) fn may_take(&self, place: &Place) -> bool {
        let fits = self.words.get() < MAX_WORDS;
        if fits {
            self.words.set(self.words.get() + 1);
        } else {
            self.cut_off(Some(place.clone()), "too many words");
        }
        fits
    }

    /// One file within the bounds.
    pub(super) fn read(&self, path: &str) -> Result<File, String> {
        if self.count.get() >= MAX_FILES {
            return Err(format!("more than {MAX_FILES} files"));
        }
        let file = self.files.read(path)?;
        let bytes = self.bytes.get().saturating_add(file.text.len());
        if file.text.len() > MAX_FILE_BYTES || bytes > MAX_TOTAL_BYTES {
            return Err("too large".to_owned());
        }
        self.bytes.set(bytes);
        self.count.set(self.count.get() + 1);
        Ok(file)
    }

    /// The paths that a pattern names, in order: itself where it has no wildcard, else the files that match.
    pub(super) fn expand(&self, pattern: &str) -> Vec<String> {
        let has_wildcard = |text: &str| text.contains(['*', '?', '[']);
        if !has_wildcard(pattern) {
            return vec![pattern.to_owned()];
        }
        let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
        // Wildcards in folders would need the folders' folders to be listed; nobody writes them.
        if has_wildcard(folder) {
            return Vec::new();
        }
        let Ok(matcher) = glob::Pattern::new(name) else { return Vec::new() };
        let names: BTreeSet<String> = self.files.list(folder).into_iter().take(MAX_LISTED).gather();
        let wanted = names.into_iter().filter(|found| {
            matcher.matches(found) && !found.contains('/') && (name.starts_with('.') || !found.starts_with('.'))
        });
        wanted.map(|name| format!("{folder}/{name}")).collect()
    }
}

/// A path as written, from the folder that relative ones start in.
pub(super) fn from_folder(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let path = path.trim_start_matches("./");
    format!("{}/{path}", folder.trim_end_matches('/'))
}

/// The folder of a path.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_the_files_of_one_folder_in_order() {
        let files: BTreeMap<String, String> =
            ["/etc/n/b.conf", "/etc/n/a.conf", "/etc/n/.x.conf", "/etc/n/d/c.conf", "/etc/n/a.txt"]
                .map(|path| (path.to_owned(), String::new()))
                .into();
        let loader = Loader::new(&files);
        assert_eq!(loader.expand("/etc/n/*.conf"), ["/etc/n/a.conf", "/etc/n/b.conf"]);
        assert_eq!(loader.expand("/etc/n/none.conf"), ["/etc/n/none.conf"]);
        assert!(loader.expand("/etc/*/a.conf").is_empty() && loader.expand("/none/*").is_empty());
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let files = BTreeMap::from([("/a".to_owned(), "x".repeat(MAX_FILE_BYTES + 1))]);
        assert_eq!(Loader::new(&files).read("/a").unwrap_err(), "too large");
    }

    #[test]
    fn relative_paths_start_in_a_folder() {
        assert_eq!(from_folder("/etc/nginx", "conf.d/*.conf"), "/etc/nginx/conf.d/*.conf");
        assert_eq!(from_folder("/etc/caddy", "./sites"), "/etc/caddy/sites");
        assert_eq!(from_folder("/etc/nginx", "/x"), "/x");
        assert_eq!(folder("/etc/nginx/nginx.conf"), "/etc/nginx");
    }
}
