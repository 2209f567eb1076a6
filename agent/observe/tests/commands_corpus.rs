//! Output of macOS tools from the field: every file below `commands` of the folder that `PORTREEVE_CORPUS` names, read by the parser for
//! its place.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::snapshot::UnitState;
use portreeve_observe::command::Output;
use portreeve_observe::commands::{
    Parsed, apple_container, colima, log, lsof, multipass, pmset, sfltool, sw_vers, tmutil, xattr,
};
use portreeve_observe::launchd::{Refusal, disabled, domain, folder::files_below, list, procinfo, service};

/// What came of a file: how many lines were not understood, and all that was, in words.
struct Read {
    unparsed: u64,
    said: String,
}

fn said<T: Debug>(parsed: &Parsed<T>) -> Read {
    Read { unparsed: parsed.unparsed.count(), said: format!("{:?}", parsed.value) }
}

fn all<T: Debug, E: Debug>(answer: Result<T, E>) -> Read {
    Read { unparsed: 0, said: format!("{:?}", answer.unwrap()) }
}

/// Reads a file by its place; none where the place is not known.
fn read(place: &str, path: &Path) -> Option<Read> {
    let bytes = fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let is_xml = path.extension().is_some_and(|extension| extension == "xml");
    Some(match place {
        "launchctl/print-service" => said(&service::parse(&bytes).unwrap()),
        "launchctl/print-domain" => said(&domain::parse(&bytes).unwrap()),
        "launchctl/print-disabled" => said(&disabled::parse(&bytes).unwrap()),
        "launchctl/list" => said(&list::parse_table(&bytes)),
        "launchctl/list-label" => said(&list::parse_details(&bytes)),
        "launchctl/procinfo" => said(&procinfo::parse(&bytes)),
        "launchctl/errors" => {
            let refusal = Refusal::from_exit(1, &Output { stdout: Vec::new(), stderr: bytes });
            assert!(!matches!(refusal, Refusal::Other { .. }), "{name}: {refusal:?}");
            Read { unparsed: 0, said: format!("{refusal:?}") }
        }
        "sw_vers" => said(&sw_vers::parse(&bytes)),
        "pmset" if name.starts_with("g_sched") => said(&pmset::parse_schedule(&bytes)),
        "pmset" => said(&pmset::parse(&bytes)),
        "lsof" if name.starts_with("F_") => said(&lsof::parse_fields(&bytes)),
        "lsof" => said(&lsof::parse_table(&bytes)),
        "sfltool" => said(&sfltool::parse(&bytes)),
        "tmutil/destinationinfo" if is_xml => all(tmutil::parse_destinations_xml(&bytes)),
        "tmutil/destinationinfo" => said(&tmutil::parse_destinations(&bytes)),
        "tmutil/status" => all(tmutil::parse_status(&bytes)),
        "tmutil/isexcluded" if is_xml => all(tmutil::parse_excluded_xml(&bytes)),
        "tmutil/isexcluded" => said(&tmutil::parse_excluded(&bytes)),
        "tmutil/listlocalsnapshots" => said(&tmutil::parse_snapshots(&bytes)),
        "tmutil/latestbackup" => said(&tmutil::parse_latest(&bytes)),
        "xattr" if name.contains(".value.") => Read { unparsed: 0, said: format!("{:?}", xattr::exclusion(&bytes)) },
        "xattr" => Read { unparsed: 0, said: format!("{:?}", xattr::parse_names(&bytes)) },
        "log" => said(&log::parse(&bytes)),
        "apple-container" => all(apple_container::parse(&bytes)),
        "colima" => said(&colima::parse(&bytes)),
        "multipass" => all(multipass::parse(&bytes)),
        _ => return None,
    })
}

fn corpus() -> Option<BTreeMap<String, PathBuf>> {
    let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS").map(|corpus| PathBuf::from(corpus).join("commands")) else {
        eprintln!("skipped: PORTREEVE_CORPUS is not set");
        return None;
    };
    let (files, failed) = files_below(&corpus);
    assert!(failed.is_empty(), "{failed:?}");
    let name = |path: &PathBuf| path.strip_prefix(&corpus).unwrap().to_str().unwrap().to_owned();
    let files = files.into_iter().map(|path| (name(&path), path)).filter(|(name, _)| name.contains('/'));
    Some(files.collect())
}

/// Lines of real captures that no parser knows. The condensed dump is a person's abridgement, not the tool's own form.
const NOT_UNDERSTOOD: [(&str, u64); 2] = [
    ("sfltool/dumpbtm__smappservice-agents.txt", 12),
    // Followed by what the old `procinfo` says of the process and its signature.
    ("launchctl/print-service/system_com.apple.alf__macos10.10-10.13.txt", 5),
];

#[test]
fn corpus_of_commands_is_read_by_place() {
    let Some(files) = corpus() else { return };
    for (name, path) in &files {
        let place = name.rsplit_once('/').unwrap().0;
        let read = read(place, path).unwrap_or_else(|| panic!("no parser for {name}"));
        let expected = NOT_UNDERSTOOD.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
        if read.unparsed != expected {
            eprintln!("{name}: {} lines not understood, {expected} expected", read.unparsed);
        }
        let lines = fs::read(path).unwrap().split(|byte| *byte == b'\n').count();
        assert!(read.unparsed <= u64::try_from(lines).unwrap(), "{name}");
        assert!(read.unparsed == expected || !is_known(name), "{name}: {} lines: {}", read.unparsed, read.said);
    }
}

/// Words that must occur in what was understood of a known file.
const FACTS: &[(&str, &[&str])] = &[
    (
        "apple-container/inspect__1.x.json",
        &[
            "493b7e75-293c-436c-a51d-69fc0ab57ec0",
            "Some(\"running\")",
            "192.168.65.10",
            "postgres:18-alpine",
            "2026-06-27T19:14:15Z",
        ],
    ),
    ("apple-container/list__0.x.json", &["kiac-dev-control-plane", "192.168.64.2\"", "Some(\"running\")"]),
    ("colima/list_json.jsonl", &["name: \"default\"", "status: \"Stopped\"", "address: None"]),
    ("launchctl/errors/bad-domain.stderr.txt", &["DomainNotFound"]),
    ("launchctl/errors/service-not-found.stderr.txt", &["ServiceNotFound"]),
    (
        "launchctl/list-label/com.cyberwave.usbip__exit78.txt",
        &["last_exit_code: Some(78)", "pid: None", "on_demand: Some(false)"],
    ),
    ("launchctl/list-label/com.gravitl.netclient__macos12.txt", &["last_exit_code: Some(0)", "arguments: Argv(4)"]),
    ("launchctl/list-label/com.naozhi.agent__macos26.txt", &["pid: Some(1552)", "session_type: Some(\"Aqua\")"]),
    ("launchctl/list-label/io.redis.redis-server__chef-fixture.txt", &["pid: Some(62803)", "arguments: Argv(2)"]),
    (
        "launchctl/list/list__osx10.11.txt",
        &[
            "label: \"com.apple.watchdogd\", pid: Some(182), status: Some(-43)",
            "\"com.vmware.launchd.vmware\", pid: None, status: Some(71)",
        ],
    ),
    (
        "launchctl/list/list_thirdparty__macos10.15.txt",
        &["label: \"com.wireguard.macos.login-item-helper\", pid: None", "pid: Some(3087)"],
    ),
    (
        "launchctl/print-disabled/gui_501__macos26.6.txt",
        &["\"com.apple.ScriptMenuApp\": true", "\"homebrew.mxcl.vexka\": false"],
    ),
    ("launchctl/print-disabled/system__older_true-false.txt", &["\"com.apple.smbd\": true", "\"com.test.foo\": false"]),
    (
        "launchctl/print-domain/gui_501__macos26.6_excerpt.txt",
        &[
            "name: \"gui/501\"",
            "session: Some(\"Aqua\")",
            "label: \"Solum Tulo Vanu\", pid: Some(1707)",
            "pid: Some(468), status: \"(jt)\"",
            "\"com.searchco.updater.agent\": true",
        ],
    ),
    (
        "launchctl/print-domain/pid_1561__ipados18.txt",
        &["name: \"pid/1561\"", "label: \"com.apple.MessagesBlastDoorService\", pid: None"],
    ),
    (
        "launchctl/print-domain/system__macos13-14.txt",
        &["name: \"system\"", "label: \"com.apple.runningboardd\", pid: Some(184)"],
    ),
    (
        "launchctl/print-service/gui_com.gelotto.hqsshd__macos26.5.txt",
        &[
            "domain: Some(\"gui/501\")",
            "state_text: Some(\"running\")",
            "pid: Some(2933)",
            "last_exit_code: None",
            "\"managed LWCR\"",
        ],
    ),
    (
        "launchctl/print-service/gui_com.microsoft.VSCodeInsiders.ShipIt__macos10.14-10.15.txt",
        &[
            "label: \"com.microsoft.VSCodeInsiders.ShipIt\"",
            "domain: Some(\"gui/501\")",
            "submitted_by: Some(\"Electron.3066\")",
            "minimum_runtime_s: Some(2)",
            "\"inferred program\"",
        ],
    ),
    (
        "launchctl/print-service/gui_com.motherboard.disaster.backup__macos15-26.txt",
        &["state_text: Some(\"not running\")", "runs: Some(2)", "last_exit_code: Some(1)", "pid: None"],
    ),
    (
        "launchctl/print-service/gui_smappservice-agent__macos26.txt",
        &[
            "kind: Some(\"Submitted\")",
            "submitted_by: Some(\"smd.93299\")",
            "pid: Some(98634)",
            "\"NODE_OPTIONS\"",
            "arguments: Argv(3)",
        ],
    ),
    (
        "launchctl/print-service/gui_system-agent-bare-arguments__macos26.txt",
        &["runs: Some(0)", "spawn_type: Some(\"adaptive\")", "exit_timeout_s: Some(5)"],
    ),
    (
        "launchctl/print-service/system_com.apple.akd__macos13-14.txt",
        &["domain: Some(\"system\")", "pid: Some(928)", "immediate_reason: Some(\"ipc (mach)\")"],
    ),
    (
        "launchctl/print-service/system_com.apple.alf__macos10.10-10.13.txt",
        &["label: \"com.apple.alf\"", "domain: Some(\"system\")", "pid: Some(8116)", "\"system service\""],
    ),
    (
        "launchctl/print-service/user_local.resticprofile.self.check__macos13.txt",
        &["domain: Some(\"user/503\")", "last_exit_code: Some(0)", "properties: []"],
    ),
    (
        "launchctl/procinfo/redis-server__macos11.txt",
        &["pid: Some(7475)", "ppid: Some(1)", "uid: Some(501)", "status: Some(\"stopped\")", "\"SHELL\""],
    ),
    (
        "log/show_ndjson__macos26_coreaudio.ndjson",
        &["2026-07-26T06:11:22.348728Z", "pid: Some(99240)", "count: Some(1)"],
    ),
    ("log/stream_ndjson__preamble_and_event.ndjson", &["message: Some(\"hello world\")", "count: Some(3335)"]),
    ("lsof/F_pcfPnT_listen.txt", &["pid: 200", "Some(\"*:3000\")", "Some(\"LISTEN\")"]),
    ("lsof/F_pcfnT_with_queue_sizes.txt", &["remote: Some(\"10.91.5.180:5252\")", "Some(\"ESTABLISHED\")"]),
    ("lsof/table_mdnsresponder_53.txt", &["Some(\"mDNSRespo\")", "protocol: Some(\"UDP\")", "state: Some(\"LISTEN\")"]),
    ("multipass/multiple_instances_list_reply.json", &["bogus-instance", "10.21.124.56", "ipv4: []"]),
    ("pmset/g__macos10.13.txt", &["\"sleep\": \"1\"", "\"autopoweroffdelay\": \"28800\""]),
    ("pmset/g__macos12_intel.txt", &["\"SleepDisabled\": \"0\"", "sleep prevented by bluetoothd, coreaudiod"]),
    ("pmset/g_sched__macos26.6.txt", &["09/22/2026 18:00:00", "com.apple.donotdisturb.server"]),
    (
        "sfltool/dumpbtm__macos26.6_excerpt.txt",
        &[
            "section_uid: Some(-2)",
            "16.com.apple.PackageKit.DeferredInstallFixup",
            "enabled: true, allowed: false, notified: true",
            "enabled: false, allowed: true, notified: false",
        ],
    ),
    ("sw_vers/macos13.3.txt", &["version: \"13.3\"", "build: \"22E252\""]),
    ("sw_vers/macos26.0.txt", &["name: \"macOS\"", "version: \"26.0\""]),
    ("tmutil/destinationinfo/empty.xml", &["[]"]),
    ("tmutil/destinationinfo/network-afp__macos10.14.txt", &["kind: Some(\"Network\")", "mount_point: None"]),
    ("tmutil/destinationinfo/none.stderr.txt", &["[]"]),
    ("tmutil/destinationinfo/one-local__macos26.xml", &["is_last: true", "/Volumes/User's Time Machine"]),
    ("tmutil/destinationinfo/two-local-with-quota.txt", &["quota: Some(\"300 GB\")", "/Volumes/TimeMachine"]),
    ("tmutil/isexcluded/excluded.txt", &["(\"/path/to/directory\", true)"]),
    ("tmutil/isexcluded/included.txt", &["(\"/tree\", false)"]),
    ("tmutil/latestbackup/none__macos26.6.txt", &["None"]),
    ("tmutil/listlocalsnapshots/root__macos10.14.txt", &["com.apple.TimeMachine.2019-09-21-075154"]),
    (
        "tmutil/status/copying__macos11.txt",
        &["running: true", "fraction: Some(3.812646833972822e-5)", "bytes: Some(24705)"],
    ),
    ("tmutil/status/copying__recent.txt", &["phase: Some(\"Copying\")", "total_bytes: Some(1596906082304)"]),
    ("tmutil/status/finding-changes__macos13.txt", &["phase: Some(\"FindingChanges\")", "fraction: Some(0.1)"]),
    ("tmutil/status/idle.txt", &["running: false", "fraction: None"]),
    ("tmutil/status/mounting__macos13.txt", &["phase: Some(\"MountingBackupVol\")", "fraction: None"]),
    ("xattr/com_apple_backup_excludeItem.mobilebackup.value.txt", &["MobileBackup"]),
    ("xattr/com_apple_backup_excludeItem.value.bin", &["BackupDaemon"]),
    ("xattr/l_backup_excludeItem.txt", &["com.apple.metadata:com_apple_backup_excludeItem\""]),
    ("xattr/names_icloud_detritus.txt", &["com.apple.fileprovider.fpfs#P"]),
];

fn is_known(name: &str) -> bool {
    FACTS.iter().any(|(known, _)| *known == name) || NOT_UNDERSTOOD.iter().any(|(known, _)| *known == name)
}

#[test]
fn corpus_of_commands_says_what_it_says() {
    let Some(files) = corpus() else { return };
    for (name, words) in FACTS {
        let Some(path) = files.get(*name) else { continue };
        let read = read(name.rsplit_once('/').unwrap().0, path).unwrap();
        for word in *words {
            assert!(read.said.contains(word), "{name} lacks {word}: {}", read.said);
        }
    }
}

#[test]
fn corpus_of_jobs_has_no_unknown_state() {
    let Some(files) = corpus() else { return };
    for (name, path) in files.iter().filter(|(name, _)| name.starts_with("launchctl/print-service/")) {
        let print = service::parse(&fs::read(path).unwrap()).unwrap().value;
        assert_ne!(print.state(), UnitState::Unknown, "{name}: {:?}", print.state_text);
    }
}

/// The environment of a container's first process holds secrets.
#[test]
fn corpus_of_containers_keeps_no_environment() {
    let Some(files) = corpus() else { return };
    for (name, path) in files.iter().filter(|(name, _)| name.starts_with("apple-container/")) {
        let read = read("apple-container", path).unwrap();
        assert!(!read.said.contains("PATH=") && !read.said.contains("PG_VERSION"), "{name}: {}", read.said);
    }
}
