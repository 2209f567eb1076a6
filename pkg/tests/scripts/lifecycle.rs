//! Installing, again, an upgrade, failures that roll back, a refused downgrade, removing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scratch::{Package, Scratch};

const UNINSTALL: [&str; 2] =
    ["launchctl bootout system/dev.portreeve.agent", "pkgutil --volume ROOT --forget dev.portreeve.agent"];
const START: [&str; 4] = [
    "portreeve --version",
    "launchctl enable system/dev.portreeve.agent",
    "launchctl bootstrap system ROOT/Library/LaunchDaemons/dev.portreeve.agent.plist",
    "portreeve selftest",
];

const NOTHING: [&str; 0] = [];

fn install(scratch: &Scratch, package: &Package) {
    let outcome = scratch.install(package);
    assert!(outcome.is_installed, "{}", outcome.said);
}

/// Without the log, which both keep.
fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

#[test]
fn a_first_installation_starts_the_daemon_and_tests_it() {
    let scratch = Scratch::new();
    install(&scratch, &Package::of("0.1.0"));
    assert_eq!(scratch.calls(), START);
    assert!(scratch.has("loaded"));
    assert!(!scratch.path("private/var/db/dev.portreeve.agent.install").exists());
    let log = scratch.log();
    for words in ["there is none", "starting dev.portreeve.agent", "selftest passed", "version 0.1.0 is installed"] {
        assert!(log.contains(words), "{log}");
    }
    let mode = |path: &str| fs::metadata(scratch.path(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("Library/Logs/Portreeve"), 0o755);
    assert_eq!(mode("Library/Logs/Portreeve/install.log"), 0o600);
}

#[test]
fn removing_leaves_nothing() {
    let scratch = Scratch::new();
    let before = scratch.listing();
    install(&scratch, &Package::of("0.1.0"));
    for (path, content) in [
        ("private/var/db/portreeve/fingerprint.key", "key"),
        ("private/etc/portreeve/portreeve.toml", "config"),
        ("Library/Application Support/dev.portreeve.agent/status.json", "{}"),
    ] {
        fs::create_dir_all(scratch.path(path).parent().unwrap()).unwrap();
        fs::write(scratch.path(path), content).unwrap();
    }
    scratch.calls();
    let outcome = scratch.uninstall(&[]);
    assert!(!outcome.is_installed, "{}", outcome.said);
    assert_eq!(scratch.calls(), UNINSTALL);
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
    assert!(!scratch.path("Library/Logs/Portreeve").exists());
    assert!(!scratch.has("receipt") && !scratch.has("loaded"));
}

#[test]
fn removing_keeps_what_is_asked_for_and_what_was_there() {
    let scratch = Scratch::new();
    // Somebody else's.
    fs::create_dir_all(scratch.path("usr/local/bin")).unwrap();
    fs::write(scratch.path("usr/local/bin/other"), "other").unwrap();
    let before = scratch.listing();
    install(&scratch, &Package::of("0.1.0"));
    for path in ["private/var/db/portreeve/history", "private/etc/portreeve/portreeve.toml"] {
        fs::create_dir_all(scratch.path(path).parent().unwrap()).unwrap();
        fs::write(scratch.path(path), "mine").unwrap();
    }
    let outcome = scratch.uninstall(&["--keep-data", "--keep-config"]);
    assert!(!outcome.is_installed, "{}", outcome.said);
    assert_eq!(
        differences(&before, &scratch.listing()),
        [
            "+ 100644 private/etc/portreeve/portreeve.toml mine",
            "+ 100644 private/var/db/portreeve/history mine",
            "+ 40755 private/etc/portreeve ",
            "+ 40755 private/var/db/portreeve ",
        ]
    );
    assert!(scratch.log().contains("Portreeve is removed"));
}

#[test]
fn installing_again_changes_nothing() {
    let scratch = Scratch::new();
    install(&scratch, &Package::of("0.1.0"));
    let before = scratch.listing();
    scratch.calls();
    install(&scratch, &Package::of("0.1.0"));
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
    let mut calls = vec!["portreeve selftest", UNINSTALL[0]];
    calls.extend(START);
    assert_eq!(scratch.calls(), calls);
    assert!(scratch.uninstall(&[]).said.contains("Portreeve is removed"));
    assert!(!scratch.path("usr/local").exists(), "folders of the first installation are still known to be its own");
}

#[test]
fn an_upgrade_keeps_the_configuration_and_removes_what_is_no_more() {
    let scratch = Scratch::new();
    install(&scratch, &Package { page: "man/portreeve-old.1", ..Package::of("0.9.0") });
    fs::create_dir(scratch.path("private/etc/portreeve")).unwrap();
    fs::write(scratch.path("private/etc/portreeve/portreeve.toml"), "mine").unwrap();
    install(&scratch, &Package { page: "man/portreeve-new.1", ..Package::of("0.10.0") });
    let page = |name: &str| scratch.path("usr/local/share/man/man1").join(name).exists();
    assert!(page("portreeve-new.1") && page("portreeve.1") && !page("portreeve-old.1"));
    assert_eq!(fs::read_to_string(scratch.path("private/etc/portreeve/portreeve.toml")).unwrap(), "mine");
    assert!(scratch.log().contains("version 0.10.0 is to be installed on"));
    assert!(scratch.log().contains("there is 0.9.0"));
}

#[test]
fn a_downgrade_is_refused_before_anything_is_touched() {
    let scratch = Scratch::new();
    install(&scratch, &Package::of("0.10.0"));
    let before = scratch.listing();
    scratch.calls();
    let outcome = scratch.install(&Package::of("0.9.1"));
    assert!(!outcome.is_installed);
    assert!(
        outcome.said.contains(
            "error: version 0.10.0 is installed, and its data may be of a form that 0.9.1 cannot read; to go back, remove it first: sudo \
             /usr/local/libexec/portreeve/uninstall --keep-config"
        ),
        "{}",
        outcome.said
    );
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
    assert_eq!(scratch.calls(), NOTHING);
    // Without a receipt, too.
    fs::remove_file(scratch.state().join("receipt")).unwrap();
    assert!(!scratch.install(&Package::of("0.9.1")).is_installed);
    // A receipt whose files were removed by hand is none.
    fs::write(scratch.state().join("receipt"), "0.10.0").unwrap();
    fs::remove_file(scratch.path("usr/local/bin/portreeve")).unwrap();
    install(&scratch, &Package::of("0.9.1"));
}

#[test]
fn whatever_fails_the_version_before_comes_back() {
    let damages: [(&str, Package, &str); 6] = [
        ("configuration", Package { selftest: "78", ..Package::of("0.2.0") }, "`portreeve selftest` ended with 78"),
        ("killed", Package { selftest: "137", ..Package::of("0.2.0") }, "`portreeve selftest` ended with 137"),
        (
            "version",
            Package { says: "0.3.0", ..Package::of("0.2.0") },
            "says `portreeve 0.3.0` instead of `portreeve 0.2.0`",
        ),
        (
            "mode",
            Package {
                damage: Some(|root| {
                    fs::set_permissions(root.join("usr/local/bin/portreeve"), fs::Permissions::from_mode(0o700))
                        .unwrap();
                }),
                ..Package::of("0.2.0")
            },
            "has mode -rwx------ instead of -rwxr-xr-x",
        ),
        (
            "missing",
            Package {
                damage: Some(|root| fs::remove_file(root.join("usr/local/share/man/man1/portreeve.1")).unwrap()),
                ..Package::of("0.2.0")
            },
            "portreeve.1` was not installed",
        ),
        (
            "link",
            Package {
                damage: Some(|root| {
                    let path = root.join("private/etc/newsyslog.d/portreeve.conf");
                    fs::remove_file(&path).unwrap();
                    std::os::unix::fs::symlink("/dev/null", path).unwrap();
                }),
                ..Package::of("0.2.0")
            },
            "portreeve.conf` is a symbolic link",
        ),
    ];
    for (name, package, words) in damages {
        let package = Package { page: "man/portreeve-new.1", ..package };
        let scratch = Scratch::new();
        let untouched = scratch.listing();
        let outcome = scratch.install(&package);
        assert!(!outcome.is_installed && outcome.said.contains(words), "{name}: {}", outcome.said);
        assert_eq!(differences(&untouched, &scratch.listing()), NOTHING, "{name}, first");
        assert!(!scratch.has("loaded"), "{name}, first");

        install(&scratch, &Package::of("0.1.0"));
        let before = scratch.listing();
        let outcome = scratch.install(&package);
        assert!(!outcome.is_installed && outcome.said.contains(words), "{name}: {}", outcome.said);
        assert!(outcome.said.contains("what was there before is back"), "{name}: {}", outcome.said);
        assert_eq!(differences(&before, &scratch.listing()), NOTHING, "{name}");
        assert!(scratch.has("loaded"), "{name}");
    }
}

#[test]
fn a_daemon_that_does_not_come_up_is_a_failure() {
    let scratch = Scratch::new();
    let untouched = scratch.listing();
    scratch.set("never-runs");
    let outcome = scratch.install(&Package::of("0.1.0"));
    assert!(
        !outcome.is_installed && outcome.said.contains("is not running 20 s after it was loaded"),
        "{}",
        outcome.said
    );
    assert_eq!(differences(&untouched, &scratch.listing()), NOTHING);
}

#[test]
fn a_daemon_that_cannot_be_stopped_is_left_alone() {
    let scratch = Scratch::new();
    install(&scratch, &Package::of("0.1.0"));
    let before = scratch.listing();
    scratch.set("sticks");
    let outcome = scratch.install(&Package::of("0.2.0"));
    assert!(
        !outcome.is_installed && outcome.said.contains("launchd still has dev.portreeve.agent"),
        "{}",
        outcome.said
    );
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
}

#[test]
fn a_seam_that_fails_is_a_failure_only_where_the_version_before_had_none() {
    let scratch = Scratch::new();
    let blind = |version| Package { selftest: "1", ..Package::of(version) };
    let outcome = scratch.install(&blind("0.1.0"));
    assert!(outcome.is_installed && outcome.said.contains("warning: the selftest failed in part"), "{}", outcome.said);
    let outcome = scratch.install(&blind("0.1.1"));
    assert!(outcome.is_installed && outcome.said.contains("warning: the selftest failed in part"), "{}", outcome.said);
    install(&scratch, &Package::of("0.1.2"));
    let before = scratch.listing();
    let outcome = scratch.install(&blind("0.2.0"));
    assert!(
        !outcome.is_installed && outcome.said.contains("`portreeve selftest` fails, and did not in the version before"),
        "{}",
        outcome.said
    );
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
}

#[test]
fn an_installation_that_was_broken_off_does_not_lose_the_version_before() {
    for files in [0, 12, 30] {
        let scratch = Scratch::new();
        install(&scratch, &Package::of("0.1.0"));
        let before = scratch.listing();
        assert!(!scratch.install_until(&Package::of("0.2.0"), files).is_installed);
        assert!(!scratch.has("loaded"));
        // The next one fails as well, and goes back to what worked.
        let outcome = scratch.install(&Package { selftest: "1", ..Package::of("0.2.0") });
        assert!(!outcome.is_installed && outcome.said.contains("did not end"), "{}", outcome.said);
        assert_eq!(differences(&before, &scratch.listing()), NOTHING, "{files} files");
        assert!(scratch.has("loaded"));
        assert!(!scratch.install_until(&Package::of("0.2.0"), files).is_installed);
        install(&scratch, &Package::of("0.2.0"));
        assert!(scratch.uninstall(&[]).said.contains("Portreeve is removed"));
        assert!(!scratch.path("usr/local").exists());
    }
}

#[test]
fn killed_at_any_moment_a_whole_version_comes_back_and_the_next_one_installs() {
    let old = Package { page: "man/portreeve-old.1", ..Package::of("0.1.0") };
    let new = Package { page: "man/portreeve-new.1", ..Package::of("0.2.0") };
    let scratch = Scratch::new();
    install(&scratch, &new);
    let with_new = scratch.listing();
    scratch.uninstall(&[]);
    install(&scratch, &old);
    let with_old = scratch.listing();
    for round in 0..6 {
        let script = if round % 2 == 0 { "preinstall" } else { "postinstall" };
        let patience = std::time::Duration::from_millis(20 * round * round);
        scratch.install_killed(&new, script, patience);
        assert!(!scratch.install(&Package { selftest: "137", ..Package::of("0.3.0") }).is_installed);
        let now = scratch.listing();
        assert!(
            now == with_old || now == with_new,
            "{script} killed after {patience:?}: {:?} and {:?}",
            differences(&with_old, &now),
            differences(&with_new, &now)
        );
        install(&scratch, &new);
        assert_eq!(differences(&with_new, &scratch.listing()), NOTHING, "{script} killed after {patience:?}");
        assert!(scratch.has("loaded"));
        scratch.uninstall(&[]);
        install(&scratch, &old);
    }
}

#[test]
fn an_installation_that_was_broken_off_can_be_removed() {
    for files in [0, 12, 30, 44] {
        let scratch = Scratch::new();
        let before = scratch.listing();
        install(&scratch, &Package { page: "man/portreeve-old.1", ..Package::of("0.1.0") });
        let next = Package { page: "man/portreeve-new.1", ..Package::of("0.2.0") };
        assert!(!scratch.install_until(&next, files).is_installed);
        assert!(!scratch.uninstall(&[]).is_installed);
        assert_eq!(differences(&before, &scratch.listing()), NOTHING, "{files} files");
    }
}

#[test]
fn a_daemon_that_an_administrator_switched_off_stays_off() {
    let scratch = Scratch::new();
    // Left over from an earlier life: a first installation starts it all the same.
    scratch.set("disabled");
    install(&scratch, &Package::of("0.1.0"));
    assert!(scratch.has("loaded") && !scratch.has("disabled"));
    fs::remove_file(scratch.state().join("loaded")).unwrap();
    scratch.set("disabled");
    install(&scratch, &Package::of("0.2.0"));
    assert!(!scratch.has("loaded") && scratch.has("disabled"));
    assert!(scratch.log().contains("was switched off by an administrator"));
}

#[test]
fn gates_are_given_back_or_keep_the_program_from_being_removed() {
    let scratch = Scratch::new();
    install(&scratch, &Package { gate: "ls", ..Package::of("0.1.0") });
    let gate = scratch.path("Library/LaunchDaemons/dev.portreeve.gate.ai.openclaw.plist");
    fs::write(&gate, "gate").unwrap();
    let before = scratch.listing();
    let outcome = scratch.uninstall(&[]);
    assert!(
        outcome.is_installed
            && outcome.said.contains("error: these gates are installed, and would stay without their program: ROOT/Library/LaunchDaemons/dev.portreeve.gate.ai.openclaw.plist"),
        "{}",
        outcome.said
    );
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
    assert!(scratch.has("loaded"));

    install(&scratch, &Package::of("0.1.0"));
    let outcome = scratch.uninstall(&[]);
    assert!(!outcome.is_installed, "{}", outcome.said);
    assert!(scratch.calls().contains(&"portreeve gate uninstall dev.portreeve.gate.ai.openclaw".to_owned()));
    assert!(!gate.exists());

    install(&scratch, &Package::of("0.1.0"));
    let users = scratch.path("Users/op/Library/LaunchAgents/dev.portreeve.gate.x.plist");
    fs::create_dir_all(users.parent().unwrap()).unwrap();
    fs::write(&users, "gate").unwrap();
    let record = scratch.path("private/var/db/portreeve/gate/units/x.json");
    fs::create_dir_all(record.parent().unwrap()).unwrap();
    fs::write(&record, "{}").unwrap();
    assert!(scratch.uninstall(&[]).is_installed);
    assert!(!scratch.uninstall(&["--leave-gates"]).is_installed);
    assert!(users.exists() && record.exists() && !scratch.path("usr/local").exists());
}

#[test]
fn a_removal_that_was_broken_off_goes_on() {
    let scratch = Scratch::new();
    let before = scratch.listing();
    install(&scratch, &Package::of("0.1.0"));
    fs::remove_file(scratch.path("usr/local/bin/portreeve")).unwrap();
    fs::remove_dir_all(scratch.path("usr/local/share")).unwrap();
    assert!(!scratch.uninstall(&[]).is_installed);
    assert_eq!(differences(&before, &scratch.listing()), NOTHING);
}

#[test]
fn the_uninstaller_explains_itself_and_refuses_what_it_does_not_know() {
    let scratch = Scratch::new();
    install(&scratch, &Package::of("0.1.0"));
    let help = scratch.uninstall(&["--help"]);
    assert!(help.said.starts_with("Removes Portreeve from this Mac"), "{}", help.said);
    for arguments in [["--purge", ""], ["--volume", "relative"]] {
        assert!(scratch.uninstall(&arguments).is_installed);
    }
    assert!(scratch.path("usr/local/bin/portreeve").exists());
}

/// `/bin/sh` is dash on Debian and bash on macOS.
#[test]
fn other_shells_run_them_too() {
    for shell in [&["bash", "--posix", "-p"][..], &["dash", "-p"], &["busybox", "sh"], &["zsh", "--emulate", "sh"]] {
        let program = shell.first().unwrap();
        if std::process::Command::new(program).arg("--help").output().is_err() {
            eprintln!("skipped: there is no `{program}`");
            continue;
        }
        let mut scratch = Scratch::new();
        scratch.shell = shell;
        let before = scratch.listing();
        install(&scratch, &Package::of("0.1.0"));
        let installed = scratch.listing();
        let outcome = scratch.install(&Package { selftest: "137", ..Package::of("0.2.0") });
        assert!(
            !outcome.is_installed && outcome.said.contains("what was there before is back"),
            "{shell:?}: {}",
            outcome.said
        );
        assert_eq!(differences(&installed, &scratch.listing()), NOTHING, "{shell:?}");
        assert!(!scratch.install(&Package::of("0.0.9")).is_installed, "{shell:?}");
        install(&scratch, &Package::of("0.2.0"));
        let outcome = scratch.uninstall(&[]);
        assert!(!outcome.is_installed, "{shell:?}: {}", outcome.said);
        assert_eq!(differences(&before, &scratch.listing()), NOTHING, "{shell:?}");
    }
}
