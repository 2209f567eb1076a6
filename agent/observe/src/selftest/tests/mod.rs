//! The truth is told, and lies are found.

mod lies;
mod managers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

/// Not a test of its own: the helper of the tests below.
#[test]
#[ignore = "the helper of other tests"]
fn helper_child() {
    if std::env::var_os(guardian::MARK).is_some() {
        help().unwrap();
    }
}

fn options(data_dir: &Path, seams: &[Seam]) -> Options {
    let words = ["--exact", "selftest::tests::helper_child", "--ignored", "--nocapture"];
    let helper = Helper {
        program: std::env::current_exe().unwrap(),
        arguments: words.into_iter().map(OsString::from).collect(),
    };
    Options { data_dir: data_dir.to_owned(), agent_version: "0.1.0".to_owned(), helper, seams: seams.to_vec() }
}

/// What comes of one seam with these eyes, after which nothing is left in the agent's folder.
fn tried(seam: Seam, eyes: impl Eyes + 'static) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let test = run_with(&options(dir.path(), &[seam]), &(Arc::new(eyes) as Arc<dyn Eyes>));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{seam}");
    assert_eq!(test.results.len(), 1);
    test.results[0].outcome.clone()
}

fn assert_found(name: &str, seam: Seam, eyes: impl Eyes + 'static) {
    let outcome = tried(seam, eyes);
    assert!(matches!(outcome, Outcome::Failed { .. }), "{seam}, {name}: {outcome:?}");
}

#[test]
fn the_observers_tell_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let test = run(&options(dir.path(), &[]));
    assert_eq!(test.failed().count(), 0, "{test:#?}");
    assert_eq!(test.results.iter().map(|result| result.seam).collect::<Vec<_>>(), Seam::ALL);
    let passed = |seam| test.results.iter().any(|result| result.seam == seam && result.outcome == Outcome::Passed);
    for seam in [Seam::ListenerV4, Seam::Processes, Seam::Environment, Seam::RecordLock, Seam::WalWriter, Seam::Stopped]
    {
        assert!(passed(seam), "{seam}: {test:#?}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    keep(dir.path(), &test).unwrap();
    assert_eq!(last(dir.path(), Timestamp::UNIX_EPOCH).get(), Some(&test));
    let build = test.system.as_ref().map(|system| system.build.as_str());
    assert!(!due(Some(&test), build, "0.1.0"));
}

#[test]
fn what_was_kept_and_damaged_is_not_taken_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let told = || last(dir.path(), Timestamp::UNIX_EPOCH);
    assert!(told().is_absent());
    for content in [
        "{",
        "{}",
        r#"{"schema":"portreeve.selftest/2","at":"2026-11-20T08:00:00Z","agent_version":"","uid":0,"results":[]}"#,
    ] {
        std::fs::write(dir.path().join("selftest.json"), content).unwrap();
        assert!(matches!(told().outcome, portreeve_core::fact::Outcome::Unreadable { .. }), "{content}");
    }
}

#[test]
fn without_a_folder_of_its_own_it_tries_what_needs_none() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let test = run(&options(&taken, &[Seam::ListenerV4, Seam::RecordLock]));
    let [heard, locked] = &test.results[..] else { panic!("{test:?}") };
    assert_eq!(heard.outcome, Outcome::Passed);
    assert!(
        matches!(&locked.outcome, Outcome::Skipped { why } if why.contains("no folder could be made")),
        "{locked:?}"
    );
}

#[test]
fn without_a_helper_nothing_is_found_false() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), &[Seam::Processes, Seam::ListenerV4]);
    options.helper.program = dir.path().join("none");
    let test = run(&options);
    assert!(test.results.iter().all(|result| !matches!(result.outcome, Outcome::Failed { .. })), "{test:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_an_earlier_test_left_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let old = std::time::SystemTime::now() - Duration::from_hours(2);
    for (name, is_old) in [("selftest-0123", true), ("selftest-4567", false), ("gate", true)] {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        if is_old {
            std::fs::File::open(&path).unwrap().set_modified(old).unwrap();
        }
    }
    run(&options(dir.path(), &[Seam::FileStatus]));
    let mut left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["gate", "selftest-4567"]);
}

#[test]
fn a_seam_that_hangs_fails_in_time() {
    struct Hanging;
    impl Eyes for Hanging {
        fn hostname(&self, _: Timestamp) -> portreeve_core::Fact<String> {
            loop {
                std::thread::park();
            }
        }
    }
    let begun = Instant::now();
    let outcome = tried(Seam::HostName, Hanging);
    assert!(matches!(&outcome, Outcome::Failed { seen, .. } if seen.contains("no answer within")), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn a_seam_that_says_that_it_may_not_look_tells_no_lie() {
    struct Refused;
    impl Eyes for Refused {
        fn table(&self, at: Timestamp) -> portreeve_core::Fact<crate::process::ProcessTable> {
            portreeve_core::Fact::denied("run as root", "sysctl", at)
        }
    }
    let outcome = tried(Seam::Processes, Refused);
    assert!(matches!(&outcome, Outcome::Skipped { why } if why == "it may not look: run as root"), "{outcome:?}");
}
