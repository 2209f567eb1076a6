//! Services, crontabs, processes and sessions that copy.

use std::path::Path;

use portreeve_core::snapshot::{MirrorKind, MirrorWay, Starter};
use portreeve_observe::process::ProcessEntry;
use portreeve_observe::units::Started;

use crate::{World, in_force};

fn service(world: &World, words: &[&str]) -> Started {
    Started {
        label: "backup.service".to_owned(),
        path: world.root().join("etc/systemd/system/backup.service"),
        account: Some(world.account()),
        commands: vec![words.iter().map(|word| (*word).to_owned()).collect()],
        working_directory: None,
    }
}

fn process(words: &[&str]) -> ProcessEntry {
    ProcessEntry {
        pid: 4_711,
        ppid: 1,
        uid: Some(nix::unistd::geteuid().as_raw()),
        started_at: None,
        start_raw: None,
        exe: None,
        comm: "rsync".to_owned(),
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        stopped: false,
        zombie: false,
        cpu: None,
        foreign_netns: None,
        foreign_pidns: false,
    }
}

fn starter(kind: &MirrorKind) -> &Starter {
    let MirrorKind::Job { starter, .. } = kind else { panic!("{kind:?}") };
    starter
}

#[test]
fn a_service_that_copies_the_home() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let home = world.home().display().to_string();
    world.started = vec![service(&world, &["/usr/bin/rsync", "-a", &format!("{home}/"), "host:/b"])];
    let mirror = world.mirror(&state);
    assert_eq!((in_force(&mirror), mirror.way, &mirror.root), (Some("rsync"), MirrorWay::Out, &home));
    assert!(matches!(starter(&mirror.kind), Starter::Unit { label, .. } if label == "backup.service"));
    for exclude in ["--exclude=.openclaw", "--exclude=/.openclaw/", "--exclude=.*/"] {
        world.started = vec![service(&world, &["rsync", "-a", exclude, &format!("{home}/"), "host:/b"])];
        assert_eq!(in_force(&world.mirror(&state)), None, "{exclude}");
    }
    // Without the slash the home itself is the first entry.
    world.started = vec![service(&world, &["rsync", "-a", "--exclude=/op/.openclaw", &home, "host:/b"])];
    assert_eq!(in_force(&world.mirror(&state)), None);
    world.started = vec![service(&world, &["rsync", "-a", "--filter=merge x", &format!("{home}/"), "host:/b"])];
    assert!(world.mirror(&state).excluded.blind().is_some());
}

#[test]
fn a_copy_of_another_folder_is_no_mirror() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let (photos, workspace) = (world.dir("Photos"), state.join("workspace"));
    for path in [&photos, &workspace] {
        world.started = vec![service(&world, &["rsync", "-a", &path.display().to_string(), "host:/b"])];
        world.assert_free(&state);
    }
    // What is put into the home goes beside the state directory.
    world.started = vec![service(&world, &["rsync", "-a", "host:/photos", &world.home().display().to_string()])];
    world.assert_free(&state);
}

#[test]
fn what_is_written_into_it() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let (home, path) = (world.home().display().to_string(), state.display().to_string());
    for words in [
        vec!["rsync", "-a", "host:/claw/", &path],
        vec!["rsync", "-a", "host:/x/.openclaw", &home],
        vec!["rsync", "-a", "--delete", "host:/x/", &home],
        vec!["rclone", "sync", "s3:bucket/op", &home],
        vec!["restic", "restore", "latest", "--target", &home, "--delete"],
    ] {
        world.started = vec![service(&world, &words)];
        let seen = world.look(&state);
        let ways: Vec<MirrorWay> = seen.mirrors.iter().map(|mirror| mirror.way).collect();
        let expected = if words.first() == Some(&"restic") { Vec::new() } else { vec![MirrorWay::Into] };
        assert_eq!(ways, expected, "{words:?}");
    }
    world.started = vec![service(&world, &["unison", "-batch", &home, "ssh://host//srv/op"])];
    assert_eq!(world.mirror(&state).way, MirrorWay::Both);
}

#[test]
fn a_script_behind_a_shell_or_by_itself() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let script = world.at_home(
        "bin/backup.sh",
        "#!/usr/bin/env bash\nset -eu\nDEST=/srv/backup\nfor dir in a b; do\n  nice -n 10 restic -r \"$DEST\" backup \"$HOME\" --tag x\ndone\n",
    );
    let path = script.display().to_string();
    for words in [
        vec!["/bin/sh", path.as_str()],
        vec![path.as_str()],
        vec!["/bin/zsh", "-lc", path.as_str()],
        vec!["/bin/sh", "-c", "restic backup ~"],
    ] {
        world.started = vec![service(&world, &words)];
        assert_eq!(in_force(&world.mirror(&state)), Some("restic"), "{words:?}");
    }
    world.started = vec![service(&world, &[path.as_str()])];
    world.at_home("bin/backup.sh", "#!/bin/sh\nrestic backup \"$HOME\" --exclude \"$HOME/.openclaw\"\n");
    assert_eq!(in_force(&world.mirror(&state)), None);
    world.at_home("bin/backup.sh", "#!/bin/sh\n# restic backup \"$HOME\"\necho restic backup \"$HOME\"\n");
    world.assert_free(&state);
}

#[test]
fn scripts_that_start_each_other_without_end_are_left_and_named() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let itself = world.home().join("bin/itself.sh");
    let lines = format!("restic backup \"$HOME\"\n{}", format!("{}\n", itself.display()).repeat(500));
    world.at_home("bin/itself.sh", lines);
    world.started = vec![service(&world, &[&itself.display().to_string()])];
    assert_eq!(in_force(&world.mirror(&state)), Some("restic"));
    assert!(world.look(&state).blind.is_empty());

    let long = "true\n".repeat(2_000);
    let many: Vec<String> =
        (0..60).map(|n| world.at_home(&format!("bin/{n}.sh"), &long).display().to_string()).collect();
    let all = world.at_home("bin/all.sh", many.join("\n"));
    world.started = vec![service(&world, &[&all.display().to_string()])];
    let seen = world.look(&state);
    assert!(
        matches!(&seen.blind[..], [spot] if !spot.readiness && spot.what.contains("jobs of op")),
        "{:?}",
        seen.blind
    );
}

#[test]
fn crontabs_of_users_and_of_the_system() {
    let line = |world: &World| format!("borg create /srv/b::x {}", world.home().display());
    for (file, text, expected) in [
        ("var/spool/cron/crontabs/op", "# c\n@daily LINE\n", Some(2)),
        ("var/at/tabs/op", "0 3 * * * LINE >/dev/null 2>&1\n", Some(1)),
        ("etc/crontab", "0 3 * * * root LINE\n", Some(1)),
        ("etc/cron.d/backup", "MAILTO=\"\"\n0 3 * * * op cd / && LINE\n", Some(2)),
        ("etc/cron.daily/backup", "#!/bin/sh\nLINE\n", None),
    ] {
        let world = World::new();
        let state = world.state(".openclaw");
        world.write(file, text.replace("LINE", &line(&world)));
        let mirror = world.mirror(&state);
        assert_eq!(in_force(&mirror), Some("borg"), "{file}");
        let Starter::Cron { path, line } = starter(&mirror.kind) else { panic!("{mirror:?}") };
        assert_eq!((path.as_str(), *line), (format!("/{file}").as_str(), expected));
    }
}

#[test]
fn a_process_that_runs_now() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let home = world.home().display().to_string();
    world.processes = vec![process(&["rsync", "--server", "--sender", "-vlogDtpre.iLsfxCIvu", ".", &home])];
    let mirror = world.mirror(&state);
    assert_eq!((in_force(&mirror), starter(&mirror.kind)), (Some("rsync"), &Starter::Process { pid: 4_711 }));
    world.processes = vec![process(&["rsync", "--daemon"])];
    world.assert_free(&state);
}

#[test]
fn a_program_whose_tasks_cannot_be_read_is_noted() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    world.processes =
        vec![ProcessEntry { comm: "ChronoSync".to_owned(), ..process(&["/Applications/ChronoSync.app"]) }];
    let seen = world.look(&state);
    assert!(seen.blind.iter().any(|spot| !spot.readiness && spot.what.contains("ChronoSync")), "{:?}", seen.blind);
}

#[test]
fn sessions_of_mutagen() {
    let world = World::new();
    let state = world.state(".openclaw");
    let message = |path: &Path, more: &[u8]| {
        let text = path.display().to_string();
        let mut bytes = vec![0x0a, 0x05];
        bytes.extend(b"sync_");
        bytes.extend([0x3a, u8::try_from(text.len()).unwrap()]);
        bytes.extend(text.as_bytes());
        bytes.extend(more);
        bytes
    };
    world.at_home(".mutagen/sessions/sync_a", message(&world.home().join("code"), b""));
    world.assert_free(&state);
    world.at_home(".mutagen/sessions/sync_a", message(&world.home(), b""));
    assert_eq!(in_force(&world.mirror(&state)), Some("mutagen"));
    world.at_home(".mutagen/sessions/sync_a", message(&world.home(), b"\x12\x09.openclaw"));
    assert_eq!(in_force(&world.mirror(&state)), None);
}

#[test]
fn profiles_of_unison_and_settings_of_lsyncd() {
    let mut world = World::new();
    let state = world.state(".openclaw");
    let home = world.home().display().to_string();
    world.at_home(".unison/work.prf", format!("root = {home}\nroot = ssh://host//srv\n"));
    world.started = vec![service(&world, &["unison", "work"])];
    assert_eq!(in_force(&world.mirror(&state)), Some("unison"));
    world.at_home(".unison/work.prf", format!("root = {home}\nroot = ssh://host//srv\nignore = Name .openclaw\n"));
    assert_eq!(in_force(&world.mirror(&state)), None);
    let settings =
        world.write("etc/lsyncd.conf.lua", format!("sync {{\n default.rsyncssh,\n source = \"{home}\",\n}}\n"));
    world.started = vec![service(&world, &["lsyncd", "-nodaemon", &settings.display().to_string()])];
    assert_eq!(in_force(&world.mirror(&state)), Some("lsyncd"));
}
