//! Property lists from the field: every file below `launchd` and `settings` of the folder that `PORTREEVE_CORPUS` names.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_observe::launchd::{Disabled, Job, JobError};
use portreeve_observe::units::inventory_of_dirs;
use portreeve_observe::{
    launchd::folder::{files_below, is_property_list},
    plist,
};

/// What one file may take. Ten times what a debug build needs for the largest.
const PER_FILE: Duration = Duration::from_secs(1);

fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        eprintln!("skipped: PORTREEVE_CORPUS is not set");
    }
    corpus
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let (files, failed) = files_below(dir);
    assert!(failed.is_empty(), "{failed:?}");
    files
}

fn parse(path: &Path) -> Result<plist::Value, plist::ParseError> {
    let bytes = fs::read(path).unwrap();
    let started = Instant::now();
    let parsed = plist::parse(&bytes);
    assert!(started.elapsed() < PER_FILE, "{}: {:?}", path.display(), started.elapsed());
    parsed
}

#[test]
fn corpus_of_real_jobs_parses() {
    let Some(corpus) = corpus() else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for place in ["apple", "thirdparty", "binary", "templates"] {
        for path in files(&corpus.join("launchd").join(place)) {
            let value = parse(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            match Job::from_plist(&value) {
                Ok(job) => {
                    *counts.entry(place).or_default() += 1;
                    assert!(job.label.is_some(), "{}: no label", path.display());
                }
                Err(JobError::NotADictionary { found }) => assert_eq!(found, "an array", "{}", path.display()),
                Err(JobError::NotAJob) => panic!("{} is no job", path.display()),
            }
        }
    }
    eprintln!("jobs: {counts:?}");
}

/// Named facts of files that are known; another corpus of the same layout may lack them.
#[test]
fn corpus_of_real_jobs_says_what_it_says() {
    let Some(corpus) = corpus() else { return };
    let job = |name: &str| {
        let path = corpus.join("launchd").join(name);
        path.exists().then(|| Job::from_plist(&parse(&path).unwrap()).unwrap())
    };
    if let Some(job) = job("apple/com.vix.cron.plist") {
        assert_eq!(job.label.as_deref(), Some("com.vix.cron"));
        assert_eq!(job.command_line(), ["/usr/sbin/cron"]);
        assert!(job.triggers.contains(&"QueueDirectories"));
    }
    if let Some(job) = job("apple/com.apple.securityd.plist") {
        assert!(job.has_program());
    }
    if let Some(job) = job("binary/com.apple.racoon.plist") {
        assert_eq!(job.label.as_deref(), Some("com.apple.racoon"));
    }
    let conditional = files(&corpus.join("launchd/apple"))
        .iter()
        .filter(|path| Job::from_plist(&parse(path).unwrap()).is_ok_and(|job| job.disabled == Disabled::Conditional))
        .count();
    eprintln!("conditionally disabled: {conditional}");
}

#[test]
fn corpus_of_edge_cases_gives_content_or_an_error() {
    let Some(corpus) = corpus() else { return };
    for place in ["edge", "malformed"] {
        let (mut good, mut bad) = (0, 0);
        for path in files(&corpus.join("launchd").join(place)) {
            match parse(&path) {
                Ok(_) => {
                    good += 1;
                    if place == "malformed" {
                        eprintln!("{} has content", path.display());
                    }
                }
                Err(error) => {
                    bad += 1;
                    assert!(!error.to_string().is_empty());
                    if place == "edge" {
                        eprintln!("{}: {error}", path.display());
                    }
                }
            }
        }
        eprintln!("{place}: {good} with content, {bad} with an error");
    }
}

#[test]
fn corpus_of_edge_cases_that_are_known() {
    let Some(corpus) = corpus() else { return };
    let edge = |name: &str| {
        let path = corpus.join("launchd/edge").join(name);
        path.exists().then(|| parse(&path))
    };
    if let Some(value) = edge("libplist__cdata.plist") {
        assert!(value.unwrap().as_dictionary().is_some());
    }
    if let Some(value) = edge("swift-foundation__pass1-utf16be.plist") {
        assert!(value.unwrap().as_dictionary().is_some());
    }
    if let Some(value) = edge("plaso__leading_whitespace.plist") {
        assert!(value.is_ok());
    }
    for number in 1..=8 {
        let suffix = if number == 1 { "" } else { "s" };
        if let Some(value) = edge(&format!("libplist__dictref{number}byte{suffix}.bplist")) {
            assert_eq!(value.unwrap().as_dictionary().unwrap().get("A").and_then(plist::Value::as_string), Some("B"));
        }
    }
    for name in ["libplist__recursion.bplist", "rust-plist__binary_circular_array.plist"] {
        if let Some(value) = edge(name) {
            assert!(value.is_err(), "{name}");
        }
    }
}

/// The good files of all places count although broken and hostile ones lie beside them, and each error names its file.
#[test]
fn corpus_in_one_inventory() {
    let Some(corpus) = corpus() else { return };
    let launchd = corpus.join("launchd");
    let places = ["apple", "thirdparty", "binary", "templates", "edge", "malformed"];
    let hostile = tempfile::tempdir().unwrap();
    let place = |name: &str| hostile.path().join(name);
    fs::write(place("deep.plist"), format!("<plist>{}", "<array>".repeat(100_000))).unwrap();
    fs::write(place("large.plist"), vec![b'<'; 10 << 20]).unwrap();
    nix::unistd::mkfifo(&place("fifo.plist"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/etc/shadow", place("link.plist")).unwrap();
    let mut dirs: Vec<PathBuf> = places.iter().map(|place| launchd.join(place)).collect();
    dirs.push(hostile.path().to_path_buf());

    let started = Instant::now();
    let inventory = inventory_of_dirs(&dirs, Timestamp::UNIX_EPOCH);
    let elapsed = started.elapsed();
    let lists = |dir: &Path| files(dir).iter().filter(|path| is_property_list(path)).count();
    let (all, named) = dirs.iter().fold((0, 0), |(all, named), dir| (all + files(dir).len(), named + lists(dir)));
    assert_eq!(inventory.units.len() + inventory.problems.len(), named);
    assert_eq!(usize::try_from(inventory.passed_over).unwrap(), all - named);
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    for dir in &dirs {
        let count = inventory.places.get(dir.to_str().unwrap()).unwrap().get().unwrap();
        assert_eq!(usize::try_from(*count).unwrap(), lists(dir));
    }
    for place in ["apple", "thirdparty", "binary", "templates"] {
        let dir = launchd.join(place);
        let units = inventory
            .units
            .iter()
            .filter(|unit| unit.path.as_deref().is_some_and(|path| Path::new(path).starts_with(&dir)));
        let others = inventory.problems.iter().filter(|problem| Path::new(&problem.path).starts_with(&dir));
        assert!(others.clone().all(|problem| problem.why.contains("an array")), "{:?}", others.collect::<Vec<_>>());
        assert_eq!(units.count() + others.count(), lists(&dir), "{place}");
    }
    for problem in &inventory.problems {
        assert!(Path::new(&problem.path).is_absolute() && !problem.why.is_empty());
    }
    let hostile = inventory.problems.iter().filter(|problem| Path::new(&problem.path).starts_with(hostile.path()));
    assert_eq!(hostile.count(), 4);
    eprintln!("{} units, {} problems in {elapsed:?}", inventory.units.len(), inventory.problems.len());
}

#[test]
fn corpus_of_settings_parses() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for path in files(&corpus.join("settings")) {
        let is_list =
            path.extension().is_some_and(|extension| ["plist", "btm", "sfl2"].iter().any(|it| extension == *it));
        if is_list {
            count += 1;
            let value = parse(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(value.as_dictionary().is_some() || value.as_array().is_some(), "{}", path.display());
        }
    }
    eprintln!("{count} property lists");
    let time_machine = corpus.join("settings/timemachine/com.apple.TimeMachine.plist");
    if time_machine.exists() {
        let value = parse(&time_machine).unwrap();
        assert!(value.as_dictionary().unwrap().contains_key("Destinations"));
    }
}
