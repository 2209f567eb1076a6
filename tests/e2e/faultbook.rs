//! A handful of the faultbook, through the program that reads it. The whole of it: `scripts/faultbook`.

use std::path::Path;
use std::process::{Command, Output};

use portreeve_tests::{OpenClaw, Portreeve};
use serde_json::Value;

/// The program, with what it needs.
fn faultbook(arguments: &[&str]) -> Output {
    let portreeve = Portreeve::new(Path::new("/")).command();
    // The words of the command end with the program that is tried.
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultbook"));
    command.env("PORTREEVE_BIN", portreeve.get_program()).args(arguments).output().unwrap()
}

#[test]
fn a_handful() {
    if OpenClaw::find().is_none() {
        return;
    }
    let names = ["port-silent", "port-foreign-http", "healthy-json5"];
    let output = faultbook(&[&["--json", "--no-peers"], &names[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&report["faults"], &report["exact"]), (&3.into(), &3.into()), "{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_fault_that_is_not_there_and_one_that_is_none_are_refused() {
    let output = faultbook(&["no-such-fault"]);
    assert_eq!(output.status.code(), Some(2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.toml"), "id = 'x'\ncolour = 'red'\n").unwrap();
    let output = faultbook(&["--list", "--dir", folder.path().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("x.toml:2: "), "{said}");
}
