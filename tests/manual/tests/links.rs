//! Every link and every name on the pages leads somewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use portreeve_manual::{Page, calls, pages, programs, root};

/// A path without `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages().unwrap();
    let mut broken = String::new();
    for page in &pages {
        for link in page.links.iter().filter(|link| !link.target.contains("://") && !link.target.starts_with("mailto:"))
        {
            let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let folder = page.path.parent().unwrap_or(Path::new(""));
            let path = if file.is_empty() { page.path.clone() } else { resolved(&folder.join(file)) };
            let there = root().join(&path).exists();
            let known = |other: &&Page| other.path == path && other.anchors.iter().any(|known| known == anchor);
            if !there || (!anchor.is_empty() && pages.iter().find(known).is_none()) {
                let _ = writeln!(broken, "{}:{}: {}", page.path.display(), link.line, link.target);
            }
        }
    }
    assert!(broken.is_empty(), "these lead nowhere:\n{broken}");
}

#[test]
fn every_page_of_the_manual_is_in_its_contents() {
    let pages = pages().unwrap();
    let summary = pages.iter().find(|page| page.path == Path::new("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<PathBuf> = summary.links.iter().map(|link| Path::new("docs").join(&link.target)).collect();
    assert_eq!(listed.len(), summary.links.len(), "a page is listed twice");
    let there = pages.iter().map(|page| page.path.as_path());
    let there = there.filter(|path| path.starts_with("docs") && *path != Path::new("docs/SUMMARY.md"));
    let missing: Vec<_> = there.filter(|path| !listed.contains(*path)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
}

/// What people have, or are told to install.
const PROGRAMS: [&str; 31] = [
    "brew",
    "cargo",
    "cat",
    "cd",
    "cmp",
    "cp",
    "curl",
    "diff",
    "docker",
    "echo",
    "git",
    "head",
    "install",
    "installer",
    "jq",
    "kill",
    "launchctl",
    "ls",
    "openclaw",
    "otelcol-contrib",
    "prometheus",
    "promtool",
    "scp",
    "sh",
    "systemctl",
    "tail",
    "tar",
    "tmutil",
    "uninstall",
    "victoria-metrics",
    "vmalert",
];

#[test]
fn every_program_that_is_typed_is_known() {
    let mut unknown = String::new();
    for page in pages().unwrap() {
        let folder = root().join(page.path.parent().unwrap_or(Path::new("")));
        for step in page.transcripts.iter().flat_map(|transcript| &transcript.steps) {
            let Some(programs) = programs(&step.command) else {
                let _ = writeln!(unknown, "{}:{}: quotes are not closed", page.path.display(), step.line);
                continue;
            };
            for words in programs {
                let Some(first) = words.first() else { continue };
                let name = Path::new(first).file_name().unwrap_or_default().to_str().unwrap_or_default();
                let ours = name == "portreeve" || name == "portreeve-fleet";
                let script = root().join(first).is_file()
                    || folder.join(first).is_file()
                    || folder.join("compose").join(first).is_file();
                if !ours && !script && !PROGRAMS.contains(&name) {
                    let _ = writeln!(unknown, "{}:{}: {first}", page.path.display(), step.line);
                }
            }
        }
    }
    assert!(unknown.is_empty(), "these programs are not known:\n{unknown}");
}

#[test]
fn every_option_of_a_script_is_in_its_usage() {
    let pages = pages().unwrap();
    let mut unknown = String::new();
    for entry in fs::read_dir(root().join("scripts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !path.is_file() || name.contains('.') {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let usage: String = text.lines().skip(1).take_while(|line| line.starts_with('#')).collect();
        // Other programs have the names of some scripts.
        for call in calls(&pages, name).iter().filter(|call| call.script) {
            for word in call.words.iter().filter(|word| word.starts_with("--") && !usage.contains(word.as_str())) {
                let _ = writeln!(unknown, "{}: scripts/{name} {word}", call.place);
            }
        }
    }
    assert!(unknown.is_empty(), "these options are in no usage:\n{unknown}");
}

/// The comparison claims nothing that no test, benchmark or script shows: what it names is there.
#[test]
fn every_proof_that_is_named_is_there() {
    let sources = sources(&root());
    let mut missing = String::new();
    for page in pages()
        .unwrap()
        .iter()
        .filter(|page| page.path.ends_with("comparison.md") || page.path.ends_with("security.md"))
    {
        for code in page
            .inline
            .iter()
            .filter(|code| code.text.matches('_').count() >= 3 && !code.text.contains(['.', '/', ' ', '=']))
        {
            let definition = format!("fn {}(", code.text);
            if code.text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !sources.iter().any(|source| source.contains(&definition))
            {
                let _ = writeln!(missing, "{}:{}: {}", page.path.display(), code.line, code.text);
            }
        }
    }
    assert!(missing.is_empty(), "these tests are not there:\n{missing}");
}

#[test]
fn every_fault_that_is_named_is_in_the_faultbook() {
    let pages = pages().unwrap();
    let mut missing = String::new();
    for call in calls(&pages, "faultbook").iter().filter(|call| call.script) {
        for name in call.words.iter().skip(1).filter(|word| !word.starts_with('-') && *word != "NAME") {
            let begins =
                |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().starts_with(name);
            if !fs::read_dir(root().join("tests/faultbook")).unwrap().any(begins) {
                let _ = writeln!(missing, "{}: {name}", call.place);
            }
        }
    }
    let comparison = pages.iter().find(|page| page.path.ends_with("comparison.md")).unwrap();
    for code in &comparison.inline {
        let kebab = code.text.contains('-') && code.text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if kebab && !root().join("tests/faultbook").join(&code.text).with_extension("toml").is_file() {
            let _ = writeln!(missing, "docs/comparison.md:{}: {}", code.line, code.text);
        }
    }
    assert!(missing.is_empty(), "these faults are not in tests/faultbook:\n{missing}");
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != ".git" && name != "node_modules" {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}
