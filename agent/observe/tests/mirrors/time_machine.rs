//! Time Machine, by its preferences and by what `tmutil` says.

use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::Fact;
use portreeve_core::snapshot::{DestinationKind, Exclusion, ExclusionKind, TimeMachine};
use portreeve_observe::command::Replay;

use crate::{EPERM, World};

const PREFERENCES: &str = "Library/Preferences/com.apple.TimeMachine.plist";
const STANDARD: &str = "System/Library/CoreServices/backupd.bundle/Contents/Resources/StdExclusions.plist";
const ATTRIBUTE: &str = "com.apple.metadata:com_apple_backup_excludeItem";
const IDLE: &str = "<plist><dict><key>Running</key><false/></dict></plist>";
const COPYING: &str = "<plist><dict><key>BackupPhase</key><string>Copying</string><key>DestinationID</key><string>NAS</string>\
    <key>Running</key><true/><key>DateOfStateChange</key><date>2026-11-20T07:00:00Z</date>\
    <key>Progress</key><dict><key>Percent</key><real>0.25</real></dict></dict></plist>";
const REFUSED: &str =
    "tmutil: isexcluded requires Full Disk Access privileges.\nTo allow this operation, select Full Disk Access\n";

fn preferences(world: &World, more: &str) {
    let text = format!(
        "<plist><dict><key>AutoBackup</key><true/><key>Destinations</key><array><dict><key>DestinationID</key><string>NAS</string>\
         <key>NetworkURL</key><string>smb://op@nas/x</string></dict></array>{more}</dict></plist>"
    );
    world.write(PREFERENCES, text);
}

/// A Mac whose `tmutil` answers.
fn mac(status: &str) -> World {
    let mut world = World::new();
    world.write("usr/bin/tmutil", "");
    world.mount_point = Some(world.root());
    world.runner = Replay::default()
        .answer("tmutil status -X", 0, status, "")
        .answer(
            "tmutil listlocalsnapshots /",
            0,
            "Snapshots for disk /:\ncom.apple.TimeMachine.2026-09-20-153324.local\n",
            "",
        )
        .answer("mount", 0, "", "");
    world
}

fn machine(world: &World, state: &Path) -> TimeMachine {
    world.look(state).time_machine.get().unwrap().clone()
}

fn excluded(world: &World, state: &Path) -> Fact<Exclusion> {
    machine(world, state).dirs.remove(0).excluded
}

#[test]
fn a_system_without_it_has_none() {
    let world = World::new();
    assert!(world.look(&world.state(".openclaw")).time_machine.is_absent());
}

#[test]
fn without_an_exclusion_it_is_backed_up() {
    let world = mac(IDLE);
    let state = world.state(".openclaw");
    preferences(&world, "<key>SkipPaths</key><array><string>/home/op/Downloads</string></array>");
    let machine = machine(&world, &state);
    assert_eq!(machine.destinations.get().unwrap(), &[DestinationKind::Network]);
    assert_eq!((machine.auto_backup, machine.running.is_absent()), (Some(true), true));
    assert_eq!(machine.local_snapshots.get().unwrap().count, 1);
    assert!(machine.dirs[0].excluded.is_absent(), "{machine:?}");
}

#[test]
fn an_attribute_of_it_or_of_a_folder_above_excludes() {
    for (at, value) in [(0, b"bplist00_\x10\x11com.apple.backupd".as_slice()), (1, b"com.apple.MobileBackup"), (2, b"")]
    {
        let mut world = mac(IDLE);
        let state = world.state("claw/.openclaw");
        preferences(&world, "");
        let marked: PathBuf = state.ancestors().nth(at).unwrap().to_path_buf();
        world.mark(&marked, ATTRIBUTE, value);
        let seen = excluded(&world, &state);
        let expected = Exclusion { by: ExclusionKind::Attribute, path: marked.display().to_string() };
        assert_eq!(seen.get(), Some(&expected));
    }
}

#[test]
fn an_attribute_above_a_home_of_a_mac_excludes() {
    let mut world = mac(IDLE);
    let state = world.state(".openclaw");
    preferences(&world, "");
    let home = world.home();
    world.mark(&home, ATTRIBUTE, b"com.apple.backupd");
    // `statfs` names the volume so, while the path of a home does not begin with it.
    world.mount_point = Some(PathBuf::from("/System/Volumes/Data"));
    let expected = Exclusion { by: ExclusionKind::Attribute, path: home.display().to_string() };
    assert_eq!(excluded(&world, &state).get(), Some(&expected));
}

#[test]
fn a_rule_for_where_volumes_are_mounted_says_nothing_of_what_is_on_them() {
    let mut world = mac(IDLE);
    preferences(&world, "");
    world.write(
        STANDARD,
        "<plist><dict><key>PathsExcluded</key><array><string>/Volumes</string></array></dict></plist>",
    );
    let state = world.write("Volumes/Data/claw/state/x", "").ancestors().nth(2).unwrap().to_path_buf();
    world.mount_point = Some(world.root().join("Volumes/Data"));
    let answer = "<plist><array><dict><key>IsExcluded</key><integer>0</integer><key>Path</key><string>x</string></dict></array></plist>";
    world.runner = world.runner.answer(&format!("tmutil isexcluded -X {}", state.display()), 0, answer, "");
    assert!(excluded(&world, &state).is_absent());
}

#[test]
fn paths_of_the_preferences_and_of_the_system_exclude() {
    let world = mac(IDLE);
    let state = world.state("Caches/.openclaw");
    preferences(&world, "<key>SkipPaths</key><array><string>//home/op/Caches</string></array>");
    assert_eq!(excluded(&world, &state).get().unwrap().by, ExclusionKind::Path);
    preferences(&world, "");
    world.write(
        STANDARD,
        "<plist><dict><key>UserPathsExcluded</key><array><string>Caches</string></array></dict></plist>",
    );
    assert_eq!(excluded(&world, &state).get().unwrap().by, ExclusionKind::Standard);
}

#[test]
fn a_share_is_never_backed_up() {
    let mut world = mac(IDLE);
    let state = world.state(".openclaw");
    preferences(&world, "");
    world.is_share = true;
    assert_eq!(excluded(&world, &state).get().unwrap().by, ExclusionKind::Volume);
}

#[test]
fn where_preferences_are_hidden_tmutil_is_asked() {
    let answer = |excluded: u8, state: &Path| {
        format!(
            "<?xml version=\"1.0\"?><plist><array><dict><key>IsExcluded</key><integer>{excluded}</integer><key>Path</key>\
             <string>{}</string></dict></array></plist>",
            state.display()
        )
    };
    let destinations = "<plist><dict><key>Destinations</key><array><dict><key>Kind</key><string>Local</string></dict></array></dict></plist>";
    let mut world = mac(IDLE);
    let state = world.state(".openclaw");
    // Not a property list stands for one that may not be read.
    world.write(PREFERENCES, "hidden");
    let asked = format!("tmutil isexcluded -X {}", state.display());
    let runner = |text: String| {
        Replay::default()
            .answer("tmutil status -X", 0, IDLE, "")
            .answer("tmutil destinationinfo -X", 0, destinations, "")
            .answer(&asked, 0, text, "")
    };
    world.runner = runner(answer(1, &state));
    assert_eq!(excluded(&world, &state).get().unwrap().by, ExclusionKind::Unnamed);
    world.runner = runner(answer(0, &state));
    let machine = machine(&world, &state);
    assert!(machine.dirs[0].excluded.is_absent());
    assert_eq!(machine.destinations.get().unwrap(), &[DestinationKind::Local]);
}

#[test]
fn without_full_disk_access_nothing_is_said_to_be_fine() {
    let mut world = mac(IDLE);
    let state = world.state(".openclaw");
    world.write(PREFERENCES, "hidden");
    world.runner = Replay::default()
        .answer("tmutil status -X", 0, IDLE, "")
        .answer("tmutil destinationinfo -X", 80, "", REFUSED)
        .answer(&format!("tmutil isexcluded -X {}", state.display()), 80, "", REFUSED);
    let machine = machine(&world, &state);
    for why in [machine.destinations.blind(), machine.dirs[0].excluded.blind()] {
        assert_eq!(why, Some("Full Disk Access is not granted"));
    }
    // What its own attribute says needs no such right.
    world.mark(&state, ATTRIBUTE, b"com.apple.backupd");
    assert!(excluded(&world, &state).get().is_some());
    let mut world = mac(IDLE);
    let state = world.state(".openclaw");
    preferences(&world, "");
    world.marks.refused.insert(world.home(), EPERM);
    assert_eq!(excluded(&world, &state).blind(), Some("Full Disk Access is not granted"));
}

#[test]
fn a_backup_that_runs_is_measured() {
    let world = mac(COPYING);
    let state = world.state(".openclaw");
    preferences(&world, "");
    let machine = machine(&world, &state);
    let running = machine.running.get().unwrap();
    assert_eq!((running.phase.as_deref(), running.destination), (Some("Copying"), DestinationKind::Network));
    assert_eq!((running.fraction, running.since.unwrap().to_string().as_str()), (Some(0.25), "2026-11-20T07:00:00Z"));
    assert!(machine.mount_ms.get().is_some() && machine.dirs[0].answer_ms.get().is_some(), "{machine:?}");
}

/// Preferences from the field, with the paths that they exclude made below a root of the test.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn preferences_from_the_field() {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: PORTREEVE_CORPUS is not set");
        return;
    };
    let world = mac(IDLE);
    world.write(PREFERENCES, fs::read(corpus.join("settings/timemachine/com.apple.TimeMachine.plist")).unwrap());
    let state = world.state(".openclaw");
    let machine = machine(&world, &state);
    assert_eq!(machine.destinations.get().unwrap(), &[DestinationKind::Local]);
    assert!(machine.dirs[0].excluded.is_absent());
    let shared = world.root().join("Users/Shared/adi/.openclaw");
    fs::create_dir_all(&shared).unwrap();
    assert_eq!(excluded(&world, &shared).get().unwrap().by, ExclusionKind::Path);
    let mut marked = mac(IDLE);
    let state = marked.state(".openclaw");
    for value in ["com_apple_backup_excludeItem.value.bin", "com_apple_backup_excludeItem.mobilebackup.value.txt"] {
        marked.mark(&state, ATTRIBUTE, &fs::read(corpus.join("commands/xattr").join(value)).unwrap());
        assert_eq!(excluded(&marked, &state).get().unwrap().by, ExclusionKind::Attribute);
    }
}
