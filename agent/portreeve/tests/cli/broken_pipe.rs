//! A reader that goes away is no failure of ours; a disk that is full is one.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::bench::{Bench, facts};

/// Reads one line of what is longer than a pipe holds, and goes.
fn head(arguments: &[&str]) -> (Option<i32>, String) {
    let bench = Bench::new();
    let mut child = bench.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_first_line_of_much_is_enough() {
    assert_eq!(head(&["explain", "--json"]), (Some(0), String::new()));
}

#[test]
fn a_full_disk_is_one() {
    // Not every system has this device.
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let bench = Bench::new();
    let output = bench.command(&["check", "--from", &facts("ready")]).stdout(full).output().unwrap();
    insta::assert_snapshot!(bench.tell(output), @"
    status 1
    ----- error -----
    error: No space left on device (os error 28)
    ");
}
