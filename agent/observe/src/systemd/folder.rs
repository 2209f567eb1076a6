//! The folders in which systemd finds unit files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Domain, UnitProblem};
use portreeve_openclaw::file::{FileMeta, ReadError, Reader};

use super::service::{Service, Specifiers};
use super::unit_file::{self, UnitFile};
use crate::file;
use crate::launchd::folder::each;
use crate::users::Account;

/// The most bytes of a unit file or drop-in.
const MAX_BYTES: u64 = 1 << 20;
/// How many entries of one folder are looked at.
const MAX_ENTRIES: usize = 100_000;

const SYSTEM: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
const EACH_USER: [&str; 5] =
    ["etc/systemd/user", "run/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user", "lib/systemd/user"];
const OWN: [&str; 2] = [".config/systemd/user", ".local/share/systemd/user"];

/// One manager: the system's, or that of one user or of all users.
#[derive(Debug, Clone)]
pub struct Search {
    /// Domain of the services.
    pub domain: Domain,
    /// Folders, the first wins.
    pub folders: Vec<PathBuf>,
    /// On whose behalf files are read.
    pub reader: Reader,
    /// The user, for a user's own services.
    pub account: Option<Account>,
}

/// One service with its place.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Unit name with `.service`.
    pub name: String,
    /// The unit file.
    pub path: PathBuf,
    /// Domain by the folder.
    pub domain: Domain,
    /// Owner, mode and device of the unit file; none where it is a link to `/dev/null`.
    pub meta: Option<FileMeta>,
    /// Linked to `/dev/null`, so that nothing starts it.
    pub is_masked: bool,
    /// Whether a target wants it, so that it starts at boot or login.
    pub is_enabled: bool,
    /// Whether a target wants the timer of its name.
    pub is_timed: bool,
    /// What it says.
    pub service: Service,
}

/// What the folders hold.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Each folder, and how many services it defines.
    pub places: BTreeMap<String, Fact<u64>>,
    /// The services, by path.
    pub found: Vec<Definition>,
    /// Those that could not be read.
    pub problems: Vec<UnitProblem>,
    /// Lines that were not understood.
    pub unparsed_lines: u64,
}

/// Where to search below `root`, which is `/` but in tests.
pub fn searches(root: &Path, accounts: &[Account]) -> Vec<Search> {
    let below = |paths: &[&str]| paths.iter().map(|path| root.join(path)).collect();
    let mut searches = vec![
        Search { domain: Domain::System, folders: below(&SYSTEM), reader: Reader::for_self(None), account: None },
        Search { domain: Domain::EachUser, folders: below(&EACH_USER), reader: Reader::for_self(None), account: None },
    ];
    searches.extend(accounts.iter().filter(|account| account.unreachable.is_none()).map(|account| Search {
        domain: Domain::User { uid: account.uid },
        folders: OWN.iter().map(|path| account.home.join(path)).collect(),
        reader: Reader::for_user(account.uid, Some(account.home.clone())),
        account: Some(account.clone()),
    }));
    searches
}

/// Lists the folders and reads the services. One that cannot be read hides no other.
pub fn read(searches: &[Search], at: Timestamp) -> Definitions {
    let mut definitions = Definitions::default();
    for search in searches {
        let mut units: BTreeMap<String, UnitPath> = BTreeMap::new();
        let mut drop_ins: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for folder in &search.folders {
            // `/lib` is a link to `/usr/lib` on most systems: one folder, listed once.
            let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            if !seen.insert(real.clone()) {
                continue;
            }
            let listed = list(folder, &mut wanted);
            let count = listed.map(|listed| {
                let count = u64::try_from(listed.services.len()).unwrap_or(u64::MAX);
                for (name, is_link) in listed.services {
                    let path = || UnitPath { real: (!is_link).then(|| real.join(&name)), path: folder.join(&name) };
                    units.entry(name.clone()).or_insert_with(path);
                }
                for name in listed.drop_ins {
                    let path = folder.join(format!("{name}.d"));
                    drop_ins.entry(name).or_default().push(path);
                }
                count
            });
            definitions.places.insert(folder.to_string_lossy().into_owned(), file::from_io(count, "readdir", at));
        }
        let units: Vec<(String, UnitPath)> = units.into_iter().collect();
        let read = each(&units, |(name, path)| {
            read_one(name, path, drop_ins.get(name).map(Vec::as_slice).unwrap_or_default(), search)
        });
        for ((_, UnitPath { path, .. }), answer) in units.iter().zip(read) {
            match answer {
                Ok((mut definition, unparsed)) => {
                    definition.is_enabled = wanted.contains(&definition.name);
                    let timer = definition.name.strip_suffix(".service").map(|stem| format!("{stem}.timer"));
                    definition.is_timed = timer.is_some_and(|timer| wanted.contains(&timer));
                    definitions.found.push(definition);
                    definitions.unparsed_lines += unparsed;
                }
                Err(why) => definitions.problems.push(UnitProblem { path: path.to_string_lossy().into_owned(), why }),
            }
        }
    }
    definitions.found.order_by(|left, right| left.path.cmp(&right.path));
    definitions.problems.order_by(|left, right| left.path.cmp(&right.path));
    definitions
}

/// Where a unit file is.
struct UnitPath {
    path: PathBuf,
    /// Where that leads; none where it is a link itself.
    real: Option<PathBuf>,
}

/// What a folder holds, by the names of services.
#[derive(Default)]
struct Listed {
    /// Those that it defines, and whether they are links.
    services: Vec<(String, bool)>,
    /// Those that it has a folder of drop-ins for. Few have one, and to ask for each would be most of the work.
    drop_ins: Vec<String>,
}

/// Lists a folder. What its targets want is added to `wanted`.
fn list(folder: &Path, wanted: &mut BTreeSet<String>) -> io::Result<Listed> {
    let mut listed = Listed::default();
    for entry in fs::read_dir(folder)?.take(MAX_ENTRIES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        match Path::new(&name).extension().and_then(OsStr::to_str) {
            Some("service") => {
                let is_link = entry.file_type().map_or(true, |kind| kind.is_symlink());
                listed.services.push((name, is_link));
            }
            Some("d") => listed.drop_ins.extend(name.strip_suffix(".d").map(ToOwned::to_owned)),
            Some("wants" | "requires") => {
                let links = fs::read_dir(folder.join(&name)).into_iter().flatten().take(MAX_ENTRIES).flatten();
                wanted.extend(links.filter_map(|link| link.file_name().into_string().ok()));
            }
            _ => {}
        }
    }
    Ok(listed)
}

fn read_one(name: &str, unit: &UnitPath, drop_ins: &[PathBuf], search: &Search) -> Result<(Definition, u64), String> {
    let path = &unit.path;
    let mut definition = Definition {
        name: name.to_owned(),
        path: path.clone(),
        domain: search.domain.clone(),
        meta: None,
        is_masked: false,
        is_enabled: false,
        is_timed: false,
        service: Service::default(),
    };
    if unit.real.is_none() && fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null")) {
        definition.is_masked = true;
        return Ok((definition, 0));
    }
    // Only root makes links in the system's folders, so there they are followed; in a home only to a file of the same home.
    let target = match (&search.account, &unit.real) {
        (None, Some(real)) => real.clone(),
        (None, None) => fs::canonicalize(path).unwrap_or_else(|_| path.clone()),
        (Some(_), _) => path.clone(),
    };
    let content = search.reader.read_linked(&target, MAX_BYTES).map_err(|error| why(&error))?;
    let mut files = vec![unit_file::parse(&content.bytes)];
    for path in in_force(drop_ins) {
        if let Ok(content) = search.reader.read_linked(&path, MAX_BYTES) {
            files.push(unit_file::parse(&content.bytes));
        }
    }
    let unparsed = files.iter().map(|file| file.unparsed).sum();
    let specifiers = Specifiers {
        unit: name,
        home: search.account.as_ref().map(|account| account.home.as_path()).or_else(|| system_home(&search.domain)),
        user: search.account.as_ref().map(|account| account.name.as_str()),
        uid: search.account.as_ref().map_or(0, |account| account.uid),
    };
    definition.service = Service::from_files(files.iter().collect::<Vec<&UnitFile>>(), &specifiers);
    definition.meta = Some(content.meta);
    Ok((definition, unparsed))
}

/// `%h` of the system's manager; a user's is not known for services of every user.
fn system_home(domain: &Domain) -> Option<&'static Path> {
    (*domain == Domain::System).then_some(Path::new("/root"))
}

/// Drop-ins of a unit from its folders of them, by file name: one in an earlier folder hides its namesakes.
fn in_force(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut files: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES).flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.extension() == Some(OsStr::new("conf")) {
                files.entry(path.file_name().unwrap_or_default().to_owned()).or_insert(path);
            }
        }
    }
    files.into_values().collect()
}

fn why(error: &ReadError) -> String {
    match error {
        ReadError::Denied { source, .. } | ReadError::Io { source, .. } => source.to_string(),
        ReadError::NotRegular { kind, .. } => format!("is {kind}, not a regular file"),
        ReadError::TooLarge { limit, .. } => format!("is larger than {limit} bytes"),
        ReadError::NotFound { .. } => "does not exist".to_owned(),
        ReadError::Symlink { .. } => "is a symbolic link, which is not followed".to_owned(),
        ReadError::ForeignOwner { uid, .. } => format!("belongs to user {uid}"),
    }
}
