//! What can be typed, as it is told.

use crate::bench::{Bench, assert_fits};

fn told(arguments: &[&str]) -> String {
    let run = Bench::new().run(arguments);
    assert_fits(&run.stdout, 80);
    // The help's own lines of blanks, which no file of this project keeps.
    run.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help() {
    insta::assert_snapshot!(told(&["--help"]));
}

#[test]
fn short_help() {
    insta::assert_snapshot!(told(&["-h"]));
}

#[test]
fn help_of_check() {
    insta::assert_snapshot!(told(&["check", "--help"]));
}

#[test]
fn help_of_gate() {
    insta::assert_snapshot!(told(&["gate", "--help"]));
}

#[test]
fn every_command_has_help() {
    for command in [
        "check",
        "units",
        "tokens",
        "enrol",
        "evidence",
        "gate",
        "map",
        "lint",
        "spool",
        "explain",
        "config",
        "schema",
        "completions",
        "man",
        "reference",
    ] {
        let run = Bench::new().run(&[command, "--help"]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{command}");
        assert!(run.stdout.contains(&format!("Usage: portreeve {command}")), "{run}");
    }
}

#[test]
fn the_version_is_name_and_number() {
    let run = Bench::new().run(&["--version"]);
    assert_eq!(run.stdout, format!("portreeve {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
}
