//! The folders in which launchd finds definitions, read all at once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Domain, UnitProblem};
use portreeve_openclaw::file::{FileMeta, Reader};

use super::job::Job;
use crate::file;
use crate::plist;
use crate::users::Account;

/// How many entries of one folder are looked at.
const MAX_ENTRIES: usize = 100_000;
/// How deep [`files_below`] goes.
const MAX_FOLDER_DEPTH: usize = 8;
/// Files that one thread takes at a time.
const BATCH: usize = 16;

/// A folder of definitions.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// Domain of the jobs in it.
    pub domain: Domain,
    /// Apple's own jobs: they are counted, not read, for they have nothing to do with a gateway.
    pub is_apple: bool,
    /// On whose behalf its files are read.
    pub reader: Reader,
    /// Why nothing may be asked of it, where its volume did not answer.
    pub unreachable: Option<String>,
}

/// One definition with its place.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The file.
    pub path: PathBuf,
    /// Domain by the folder.
    pub domain: Domain,
    /// Owner, mode and device of the file.
    pub meta: FileMeta,
    /// What it says.
    pub job: Job,
}

/// What the folders hold.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Each folder, and how many definitions it holds.
    pub places: BTreeMap<String, Fact<u64>>,
    /// The definitions that were read, by path.
    pub found: Vec<Definition>,
    /// Those that could not be read.
    pub problems: Vec<UnitProblem>,
}

/// The folders of every domain below `root`, which is `/` but in tests, and further folders.
pub fn folders(root: &Path, accounts: &[Account], further: &[(PathBuf, Domain)]) -> Vec<Folder> {
    let system = |path: &str, domain: &Domain, is_apple| Folder {
        path: root.join(path),
        domain: domain.clone(),
        is_apple,
        reader: Reader::for_self(None),
        unreachable: None,
    };
    let mut folders = vec![
        system("Library/LaunchDaemons", &Domain::System, false),
        system("Library/LaunchAgents", &Domain::EachUser, false),
        system("System/Library/LaunchDaemons", &Domain::System, true),
        system("System/Library/LaunchAgents", &Domain::EachUser, true),
        system("Library/Apple/System/Library/LaunchDaemons", &Domain::System, true),
        system("Library/Apple/System/Library/LaunchAgents", &Domain::EachUser, true),
    ];
    folders.extend(accounts.iter().map(|account| Folder {
        path: account.home.join("Library/LaunchAgents"),
        domain: Domain::User { uid: account.uid },
        is_apple: false,
        reader: Reader::for_user(account.uid, Some(account.home.clone())),
        unreachable: account.unreachable.clone(),
    }));
    folders.extend(further.iter().map(|(path, domain)| Folder {
        path: path.clone(),
        domain: domain.clone(),
        is_apple: false,
        reader: Reader::for_self(None),
        unreachable: None,
    }));
    folders
}

/// Lists the folders and reads what they hold. A file that cannot be read hides no other.
pub fn read(folders: &[Folder], at: Timestamp) -> Definitions {
    let mut definitions = Definitions::default();
    let mut files = Vec::new();
    for folder in folders {
        let name = folder.path.to_string_lossy().into_owned();
        if let Some(why) = &folder.unreachable {
            definitions.places.insert(name, Fact::unreadable(why.clone(), "readdir", at));
            continue;
        }
        let listed = property_lists(&folder.path);
        if let (Ok(paths), false) = (&listed, folder.is_apple) {
            files.extend(paths.iter().map(|path| (path.clone(), folder)));
        }
        let count = listed.map(|paths| u64::try_from(paths.len()).unwrap_or(u64::MAX));
        definitions.places.insert(name, file::from_io(count, "readdir", at));
    }
    files.order_by(|left, right| left.0.as_os_str().cmp(right.0.as_os_str()));
    let read = each(&files, |(path, folder)| read_one(path, folder));
    for ((path, _), answer) in files.iter().zip(read) {
        match answer {
            Ok(definition) => definitions.found.push(definition),
            Err(why) => definitions.problems.push(UnitProblem { path: path.to_string_lossy().into_owned(), why }),
        }
    }
    definitions
}

fn read_one(path: &Path, folder: &Folder) -> Result<Definition, String> {
    let file = plist::read(path, &folder.reader).map_err(|error| error.why())?;
    let job = Job::from_plist(&file.value).map_err(|error| error.to_string())?;
    Ok(Definition { path: path.to_path_buf(), domain: folder.domain.clone(), meta: file.meta, job })
}

/// Whether the name ends in `.plist`: launchd looks at no other files.
pub fn is_property_list(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "plist")
}

fn property_lists(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_ENTRIES) {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && is_property_list(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Every file in a folder and the folders in it that is not hidden. Symbolic links are listed, not followed. The second part are
/// folders that could not be listed.
pub fn files_below(folder: &Path) -> (Vec<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    let mut open = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                failed.push((folder, error));
                continue;
            }
        };
        for entry in entries.take(MAX_ENTRIES).flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < MAX_FOLDER_DEPTH {
                    open.push((entry.path(), depth + 1));
                }
            } else if files.len() < MAX_ENTRIES {
                files.push(entry.path());
            }
        }
    }
    // Paths compare part by part, which takes ten times as long as their bytes.
    files.order_by(|left, right| left.as_os_str().cmp(right.as_os_str()));
    (files, failed)
}

/// Does something with each item on all processors.
pub fn each<T: Sync, R: Send + Sync>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let done: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    on_all_processors(items.len(), &|place| {
        if let (Some(item), Some(done)) = (items.get(place), done.get(place)) {
            drop(done.set(work(item)));
        }
    });
    done.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// Calls it with each number below `count`. It is one function for all types, since threads take kilobytes of code for each.
fn on_all_processors(count: usize, work: &(dyn Fn(usize) + Sync)) {
    let threads = match count.div_ceil(BATCH) {
        // How many processors there are is a question of several files, on Linux.
        0 | 1 => 1,
        batches => thread::available_parallelism().map_or(1, usize::from).min(8).min(batches),
    };
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            let batch = from..count.min(from.saturating_add(BATCH));
            if batch.is_empty() {
                return;
            }
            batch.for_each(work);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const JOB: &str = "<plist><dict><key>Label</key><string>a</string></dict></plist>";

    #[test]
    fn one_bad_file_hides_no_other() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Library/LaunchDaemons");
        fs::create_dir_all(&folder).unwrap();
        for number in 0..40 {
            fs::write(folder.join(format!("good{number}.plist")), JOB).unwrap();
        }
        fs::write(folder.join("readme.txt"), "no").unwrap();
        fs::write(folder.join(".hidden.plist"), "no").unwrap();
        fs::write(folder.join("broken.plist"), "<plist><dict>").unwrap();
        fs::write(folder.join("deep.plist"), format!("<plist>{}", "<array>".repeat(100_000))).unwrap();
        fs::write(folder.join("large.plist"), vec![b' '; 10 << 20]).unwrap();
        nix::unistd::mkfifo(&folder.join("fifo.plist"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let private = root.path().join("private");
        fs::write(&private, JOB).unwrap();
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&private, folder.join("link.plist")).unwrap();
        fs::create_dir(folder.join("folder.plist")).unwrap();
        let apple = root.path().join("System/Library/LaunchDaemons");
        fs::create_dir_all(&apple).unwrap();
        fs::write(apple.join("com.apple.x.plist"), "not read").unwrap();

        let read = read(&folders(root.path(), &[], &[]), Timestamp::UNIX_EPOCH);
        assert_eq!(read.found.len(), 40);
        let mut problems: Vec<String> = read
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.path.rsplit('/').next().unwrap(), problem.why))
            .collect();
        problems.sort();
        assert_eq!(
            problems,
            [
                "broken.plist: line 1: the file ends too early",
                "deep.plist: nested deeper than 64 levels",
                "fifo.plist: is a named pipe, not a regular file",
                "folder.plist: is a directory, not a regular file",
                "large.plist: is larger than 1048576 bytes",
                "link.plist: is a symbolic link, which is not followed",
            ]
        );
        let count = |path: &Path| read.places.get(path.to_str().unwrap()).cloned().unwrap();
        assert_eq!(count(&folder).get(), Some(&46));
        assert_eq!(count(&apple).get(), Some(&1));
        assert!(count(&root.path().join("Library/LaunchAgents")).is_absent());
    }

    #[test]
    fn each_item_is_done_once_and_in_its_place() {
        let items: Vec<u32> = (0..1000).collect();
        let done = each(&items, |item| item * 2);
        assert_eq!(done, (0..1000).map(|item| item * 2).collect::<Vec<_>>());
        assert!(each(&[] as &[u32], |item| *item).is_empty());
    }
}
