//! `portreeve gate install` where nothing may come of it.

use crate::bench::Bench;

#[test]
fn without_launchd_nothing_is_installed() {
    if cfg!(target_vendor = "apple") {
        return;
    }
    let bench = Bench::new();
    for words in [
        &["gate", "install", "ai.openclaw.gateway", "--yes"][..],
        &["gate", "install", "--compose", "compose.yaml", "--yes"],
        &["gate", "uninstall", "ai.openclaw.gateway"],
    ] {
        let run = bench.run(words);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.starts_with("error: there is no launchd on this system\n"), "{run}");
    }
}

#[test]
fn what_does_not_go_together_is_a_wrong_command_line() {
    let bench = Bench::new();
    for words in [
        &["gate", "install"][..],
        &["gate", "uninstall"],
        &["gate", "install", "a", "--compose", "compose.yaml"],
        &["gate", "install", "a", "--project", "x"],
        &["gate", "--project", "x"],
        &["gate", "--compose", "compose.yaml", "--", "true"],
        &["gate", "--timeout", "5", "install", "a"],
    ] {
        assert_eq!(bench.run(words).status, 2, "{words:?}");
    }
}

#[test]
fn a_compose_file_that_is_not_there_is_named() {
    let run = Bench::new().run(&["gate", "--compose", "/absent/compose.yaml"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("cannot read `/absent/compose.yaml`"), "{run}");
}
