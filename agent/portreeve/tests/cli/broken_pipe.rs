//! A reader that goes away is no failure of ours; a disk that is full is one.

use std::io::{self, BufRead as _, BufReader};
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

/// The exit status where nobody ever reads.
fn unread(bench: &Bench, arguments: &[&str]) -> Option<i32> {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    bench.command(arguments).stdout(writer).status().unwrap().code()
}

#[test]
fn a_verdict_stands_where_its_reader_went_away() {
    let (bench, split) = (Bench::new(), facts("split"));
    for form in [&["--json"][..], &[]] {
        assert_eq!(unread(&bench, &[&["check", "--from", &split], form].concat()), Some(77));
    }
}

#[test]
fn a_self_test_that_nobody_reads_is_kept() {
    let bench = Bench::new();
    assert_eq!(unread(&bench, &["selftest"]), Some(0));
    assert!(bench.path("data/selftest.json").is_file());
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
