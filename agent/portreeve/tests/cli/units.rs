//! `portreeve units` on a folder of definitions: one bad file never hides the others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use crate::bench::{Bench, Run, assert_fits, fixture};

/// A folder with two good definitions, one that ends too soon, a link out of it, a pipe and a file of another kind.
fn inventory(options: &[&str]) -> Run {
    let bench = Bench::new();
    let folder = bench.path("LaunchAgents");
    fs::create_dir(&folder).unwrap();
    for name in ["ai.openclaw.gateway.plist", "com.example.backup.plist"] {
        fs::copy(fixture("units").join(name), folder.join(name)).unwrap();
    }
    let whole = fs::read(fixture("units/ai.openclaw.gateway.plist")).unwrap();
    fs::write(folder.join("ai.openclaw.broken.plist"), &whole[..whole.len() / 2]).unwrap();
    symlink(private(&bench), folder.join("ai.openclaw.link.plist")).unwrap();
    let status = Command::new("mkfifo").arg(folder.join("ai.openclaw.pipe.plist")).status().unwrap();
    assert!(status.success());
    fs::write(folder.join("notes.txt"), "nothing to see").unwrap();
    // A relative path, so that lines break at the same place wherever the folder lies.
    bench.run(&[&["units", "LaunchAgents"], options].concat())
}

/// A file that others may not read: a link to it is a way to have it read by root.
fn private(bench: &Bench) -> PathBuf {
    let path = bench.file("private", "a line of somebody else");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_folder_of_definitions() {
    let run = inventory(&[]);
    assert_fits(&run.stdout, 80);
    insta::assert_snapshot!(run);
}

#[test]
fn a_folder_of_definitions_for_programs() {
    let run = inventory(&["--json"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let inventory: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let names = |list: &str| -> Vec<String> {
        let paths = inventory[list].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap());
        paths.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names("units"), ["ai.openclaw.gateway.plist", "com.example.backup.plist"]);
    let problems = ["ai.openclaw.broken.plist", "ai.openclaw.link.plist", "ai.openclaw.pipe.plist"];
    assert_eq!(names("problems"), problems);
    assert_eq!(inventory["passed_over"], 1);
}

#[test]
fn a_folder_that_is_not_there() {
    insta::assert_snapshot!(Bench::new().run(&["units", "/nowhere/LaunchAgents"]));
}

#[test]
fn an_empty_folder() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    insta::assert_snapshot!(bench.run(&["units", "empty"]));
}
