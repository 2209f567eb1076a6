use super::*;
use crate::Verdict;
use crate::catalogue::Severity;
use crate::diagnose::fixture::*;
use crate::snapshot::{
    Backup, BackupOf, DestinationKind, Expectation, LockKind, LockWait, MirrorWay, Starter, StateRecords, TimeMachine,
    Waits, WatchedLock,
};

fn machine(change: impl FnOnce(&mut TimeMachine)) -> Snapshot {
    node(|node| change(value(&mut node.time_machine)))
}

fn included(machine: &mut TimeMachine) -> &mut BackupOf {
    machine.dirs[0].excluded = absent();
    &mut machine.dirs[0]
}

fn backup(destination: DestinationKind) -> Fact<Backup> {
    known(Backup { phase: Some("Copying".to_owned()), since: Some(ago(600)), destination, fraction: Some(0.25) })
}

fn mirror(kind: MirrorKind, root: &str) -> Mirror {
    Mirror {
        state_dir: STATE.to_owned(),
        kind,
        way: MirrorWay::Both,
        root: root.to_owned(),
        seen: known(format!("`{root}` is mirrored")),
        marker: None,
        excluded: absent(),
    }
}

fn provider(name: &str, root: &str) -> Mirror {
    mirror(MirrorKind::Provider { name: name.to_owned() }, root)
}

fn job(way: MirrorWay) -> Mirror {
    let starter = Starter::Cron { path: "/etc/crontab".to_owned(), line: Some(7) };
    Mirror { way, ..mirror(MirrorKind::Job { tool: "rsync".to_owned(), starter }, "/Users/op") }
}

fn mirrored(mirror: Mirror) -> Snapshot {
    node(|node| node.mirrors.push(mirror))
}

fn commands(draft: &Draft) -> Vec<&str> {
    draft.remedy.iter().filter_map(|step| step.command.as_deref()).collect()
}

#[test]
fn a_backed_up_state_directory_warns_with_the_exact_exclusion() {
    let node = machine(|machine| {
        included(machine);
    });
    let draft = draft(time_machine::time_machine, &node);
    assert_eq!((draft.code, draft.severity), (Code::MirrorTimeMachine, Severity::Warning));
    assert_eq!(
        commands(&draft),
        ["tmutil addexclusion /Users/op/.openclaw", "sudo tmutil addexclusion -p /Users/op/.openclaw"]
    );
    assert!(draft.remedy[0].text.starts_with("make another backup first"));
    assert_eq!(report(&node).verdict, Verdict::Degraded);
}

#[test]
fn excluded_or_without_a_destination_it_says_nothing() {
    assert!(silent(time_machine::time_machine, &healthy()));
    assert!(silent(
        time_machine::time_machine,
        &machine(|machine| {
            included(machine);
            machine.destinations = known(Vec::new());
        })
    ));
    assert!(silent(time_machine::time_machine, &node(|node| node.time_machine = absent())));
}

#[test]
fn a_backup_that_slows_is_an_error() {
    let slow = |mount: Fact<f64>, answer: Fact<f64>| {
        machine(|machine| {
            included(machine).answer_ms = answer;
            machine.running = backup(DestinationKind::Network);
            machine.mount_ms = mount;
        })
    };
    let node = slow(known(1_596.0), known(0.2));
    let found = draft(time_machine::backup_slow, &node);
    assert_eq!(found.summary, "a Time Machine backup to a share runs, and `mount` took 1596 ms");
    assert!(found.evidence.iter().any(|piece| piece.fact.contains("25 % done")), "{found:?}");
    assert_eq!(draft(time_machine::time_machine, &node).severity, Severity::Error);

    let hangs = slow(known(20.0), Fact::unreadable("no answer within 2000 ms", "statfs", now()));
    assert!(draft(time_machine::backup_slow, &hangs).summary.ends_with("no answer within 2000 ms"));

    let quick = slow(known(20.0), known(0.2));
    assert!(silent(time_machine::backup_slow, &quick));
    assert_eq!(draft(time_machine::time_machine, &quick).severity, Severity::Warning);
    assert!(silent(time_machine::backup_slow, &machine(|machine| machine.mount_ms = known(1_596.0))));
    assert!(silent(time_machine::backup_slow, &node_without_facts()));
}

/// A lock that was always held for ten seconds.
fn contended(node: &mut Snapshot) {
    node.lock_waits = vec![LockWait {
        state_dir: STATE.to_owned(),
        at: ago(60),
        watched_s: 60.0,
        cpu_percent: None,
        locks: vec![WatchedLock {
            path: format!("{STATE}/state/openclaw.sqlite"),
            kind: LockKind::WalWriter,
            purpose: "database".to_owned(),
            held_for_life: false,
            waits: known(Waits {
                buckets: (0..=100).map(|n| (n * 100_000, 600_000)).collect(),
                observed_us: 60_600_000,
                held_us: 60_000_000,
                samples: 4_000,
                holds: 6,
                longest: None,
                running: None,
            }),
        }],
        file_system: absent(),
    }];
}

#[test]
fn a_backup_explains_the_wait_for_locks() {
    let node = node(|node| {
        value(&mut node.time_machine).running = backup(DestinationKind::Network);
        contended(node);
    });
    assert!(draft(time_machine::backup_slow, &node).summary.contains("for the lock of database"));
    assert_eq!(root_causes(&node), [Code::MirrorBackupSlow]);
    assert!(silent(time_machine::backup_slow, &super::super::super::fixture::node(contended)));
}

fn node_without_facts() -> Snapshot {
    node(|node| node.time_machine = denied())
}

#[test]
fn what_full_disk_access_hides_is_unknown_and_names_the_profile() {
    let why = "Full Disk Access is not granted";
    let node = machine(|machine| {
        included(machine);
        machine.destinations = Fact::denied(why, "tmutil", now());
    });
    assert!(silent(time_machine::time_machine, &node));
    let report = report(&node);
    assert_eq!(report.verdict, Verdict::Unknown);
    let spot = report.blind.iter().find(|spot| spot.what.contains("Time Machine")).unwrap();
    assert!(spot.readiness && spot.remedy.contains("SystemPolicyAllFiles"), "{spot:?}");
    // Where it is left out anyway, it is all the same.
    let excluded = machine(|machine| machine.destinations = Fact::denied(why, "tmutil", now()));
    assert_eq!(super::super::super::fixture::report(&excluded).verdict, Verdict::Ready);
}

#[test]
fn icloud_is_an_error_and_the_move_is_spelt_out() {
    let path = "/Users/op/Library/Mobile Documents/com~apple~CloudDocs/openclaw";
    let node = node(|node| {
        node.mirrors.push(mirror(MirrorKind::Icloud, "/Users/op/Library/Mobile Documents"));
        node.mirrors[0].state_dir = path.to_owned();
        let dir = first_state(node);
        dir.path = path.to_owned();
        dir.aliases = vec![STATE.to_owned()];
        gateway(node).state_dir = Some(path.to_owned());
        first_client(node).state_dir = Some(path.to_owned());
    });
    let draft = draft(sync::icloud, &node);
    assert_eq!(draft.severity, Severity::Error);
    assert!(draft.summary.ends_with("lies in iCloud Drive"));
    let moved = format!("rm /Users/op/.openclaw && mv '{path}' /Users/op/.openclaw");
    assert_eq!(commands(&draft), ["launchctl bootout gui/501/ai.openclaw.gateway", moved.as_str()]);
}

#[test]
fn each_client_has_its_own_way_to_leave_a_folder_out() {
    let said = |name: &str, root: &str| {
        let draft = draft(sync::cloud, &mirrored(provider(name, root)));
        let steps: Vec<String> =
            draft.remedy.iter().map(|step| step.command.clone().unwrap_or_else(|| step.text.clone())).collect();
        steps.join("\n")
    };
    assert!(said("Syncthing", "/Users/op").contains(r"printf '\n%s\n' /.openclaw >> /Users/op/.stignore"));
    assert!(said("Dropbox", "/Users/op").contains("xattr -w com.dropbox.ignored 1 /Users/op/.openclaw"));
    assert!(said("Resilio Sync", "/Users/op").contains("`.openclaw` to `/Users/op/.sync/IgnoreList`"));
    assert!(said("Nextcloud", "/Users/op").contains("`.openclaw`"));
    assert!(!said("Syncthing", STATE).contains(".stignore"));
    assert_eq!(root_causes(&mirrored(provider("Box", "/Users/op"))), [Code::MirrorCloud]);
}

#[test]
fn a_synced_part_of_a_state_directory_is_taken_out_of_the_client() {
    let root = format!("{STATE}/agents");
    let node = mirrored(provider("Syncthing", &root));
    let draft = draft(sync::cloud, &node);
    assert_eq!(draft.summary, format!("Syncthing syncs `{root}`, which is a part of `{STATE}`"));
    assert!(commands(&draft).iter().all(|command| !command.contains("mv ")), "{draft:?}");
    assert!(draft.remedy.iter().any(|step| step.text.contains("take that folder out")), "{draft:?}");
    let mut paused = mirror(MirrorKind::Provider { name: "Syncthing".to_owned() }, &root);
    paused.excluded = known("paused".to_owned());
    assert!(silent(sync::cloud, &mirrored(paused)));
}

#[test]
fn a_mirror_that_leaves_it_out_is_no_mirror() {
    let mut mirror = provider("Syncthing", "/Users/op");
    mirror.excluded = known("line 3 of `.stignore`".to_owned());
    let node = mirrored(mirror);
    assert!(silent(sync::cloud, &node));
    assert_eq!(report(&node).verdict, Verdict::Ready);
}

#[test]
fn what_cannot_be_told_is_neither_a_mirror_nor_ready() {
    let mut unsure = mirror(MirrorKind::DesktopDocuments, "/Users/op/Documents");
    unsure.seen = Fact::denied("Full Disk Access is not granted", "listxattr", now());
    let mut unread = provider("Syncthing", "/Users/op");
    unread.excluded = Fact::unreadable("is larger than 262144 bytes", "/Users/op/.stignore", now());
    for (mirror, remedy) in [(unsure, "SystemPolicyAllFiles"), (unread, "run as root")] {
        let node = mirrored(mirror);
        assert!(silent(sync::cloud, &node) && silent(sync::icloud, &node));
        let report = report(&node);
        assert_eq!(report.verdict, Verdict::Unknown);
        assert!(report.blind.iter().any(|spot| spot.readiness && spot.remedy.contains(remedy)), "{:?}", report.blind);
    }
}

#[test]
fn a_one_way_backup_warns_and_a_write_is_an_error() {
    let out = draft(super::job::job, &mirrored(job(MirrorWay::Out)));
    assert_eq!(out.severity, Severity::Warning);
    assert_eq!(
        out.summary,
        "`rsync`, started by line 7 of `/etc/crontab`, copies `/Users/op/.openclaw` with `/Users/op`"
    );
    assert!(out.remedy[0].text.contains("--exclude=.openclaw/"), "{out:?}");
    for way in [MirrorWay::Into, MirrorWay::Both] {
        assert_eq!(draft(super::job::job, &mirrored(job(way))).severity, Severity::Error);
    }
    assert_eq!(report(&mirrored(job(MirrorWay::Out))).verdict, Verdict::Degraded);
    assert!(silent(super::job::job, &healthy()));
}

const COPY: &str = "/Users/op/.openclaw-old";

/// A second directory with the device of the first.
fn doubled(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    node(|node| {
        let mut copy = state_dir(COPY, 700);
        copy.records =
            known(StateRecords { lease: None, boots: Vec::new(), ..first_state(node).records.get().unwrap().clone() });
        node.state_dirs.push(copy);
        change(node);
    })
}

#[test]
fn a_copy_that_lives_is_a_ghost() {
    let node = doubled(|node| {
        let mut twin = silent_gateway(COPY, 19_999);
        twin.expected = vec![Expectation::Process];
        twin.pids = vec![5_000];
        node.gateways.push(twin);
        add_process(node, gateway_process(5_000, COPY, 19_999));
    });
    let found = draft(ghost::ghost, &node);
    assert_eq!((found.severity, found.subject.id.as_str()), (Severity::Error, COPY));
    assert!(found.summary.contains(DEVICE), "{found:?}");
}

#[test]
fn a_doubled_identity_makes_the_backup_an_error() {
    let node = doubled(|node| {
        included(value(&mut node.time_machine));
    });
    assert_eq!(draft(time_machine::time_machine, &node).severity, Severity::Error);
}

#[test]
fn a_copy_that_rests_warns() {
    // Its lease names the gateway of the original.
    let found = draft(
        ghost::ghost,
        &doubled(|node| {
            let mut twin = silent_gateway(COPY, PORT);
            twin.pids = vec![PID];
            node.gateways.push(twin);
        }),
    );
    assert_eq!((found.severity, found.subject.id.as_str()), (Severity::Warning, COPY));
}

#[test]
fn one_directory_under_two_paths_and_two_identities_are_no_ghosts() {
    assert!(silent(ghost::ghost, &healthy()));
    assert!(silent(ghost::ghost, &doubled(|node| node.state_dirs[1].stat = node.state_dirs[0].stat.clone())));
    assert!(silent(
        ghost::ghost,
        &doubled(|node| value(&mut node.state_dirs[1].records).devices = vec!["0ther".to_owned()])
    ));
    assert!(silent(ghost::ghost, &doubled(|node| node.state_dirs[1].records = denied())));
}

#[test]
fn the_report_lists_what_was_seen() {
    use crate::report::MirrorState;

    let mut left_out = provider("Syncthing", "/Users/op");
    left_out.excluded = known("`.openclaw`, line 1 of `/Users/op/.stignore`".to_owned());
    let dir = report(&mirrored(left_out)).state_dirs.remove(0);
    assert_eq!(dir.time_machine.map(|backup| backup.state), Some(MirrorState::Excluded));
    assert_eq!((dir.mirrors[0].state, dir.mirrors[0].name.as_str()), (MirrorState::Excluded, "Syncthing"));
    assert!(dir.mirrors[0].detail.contains(".stignore"));
    let hidden = report(&node_without_facts()).state_dirs.remove(0);
    assert_eq!(hidden.time_machine.map(|backup| backup.state), Some(MirrorState::Unknown));
    let none = report(&node(|node| node.time_machine = absent())).state_dirs.remove(0);
    assert_eq!((none.time_machine, none.mirrors), (None, Vec::new()));
}

#[test]
fn the_state_of_a_container_is_judged_where_it_lies_on_the_host() {
    use crate::diagnose::fixture::project::{gateway_workload, split, state_mount};
    use crate::snapshot::{Mount, MountKind};

    const SOURCE: &str = "/Users/op/Documents/claw/state";
    let mut node = split();
    let workload = gateway_workload(&mut node);
    workload.mounts = vec![Mount { kind: MountKind::Bind, source: Some(SOURCE.to_owned()), ..state_mount() }];
    node.time_machine = known(TimeMachine {
        dirs: vec![BackupOf { state_dir: SOURCE.to_owned(), excluded: absent(), answer_ms: absent() }],
        ..super::super::super::fixture::time_machine()
    });
    node.mirrors
        .push(Mirror { state_dir: SOURCE.to_owned(), ..mirror(MirrorKind::DesktopDocuments, "/Users/op/Documents") });
    let icloud = draft(sync::icloud, &node);
    assert!(icloud.summary.contains("which iCloud syncs, the state of "), "{}", icloud.summary);
    assert!(icloud.remedy.iter().any(|step| step.text.contains("volume of the engine")), "{icloud:?}");
    assert_eq!(draft(time_machine::time_machine, &node).subject.id, SOURCE);
    // A folder that no container has as its state is nobody's.
    for workload in &mut node.workloads {
        workload.mounts.clear();
    }
    assert!(silent(sync::icloud, &node) && silent(time_machine::time_machine, &node));
}
