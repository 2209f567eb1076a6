//! Units that are taken over and given back, with a launchd that keeps books.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::format_collect, reason = "short texts")]

mod node;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use portreeve_launchd::{ComposeJob, InstallError};
use portreeve_observe::plist;

use node::{Books, Launchd, Node, list};

const LABEL: &str = "ai.openclaw.gateway";
const GATE: &str = "dev.portreeve.gate.ai.openclaw.gateway";
const SECRET: &str = "canary-8c1f7d1b5e";

#[test]
fn a_unit_is_taken_over_and_given_back_byte_for_byte() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let before = node.files();
    let launchd = Launchd::with(&[LABEL]);
    let installer = node.installer(&data, &program, &launchd);
    let plan = installer.plan_unit(LABEL, &["--timeout".to_owned(), "120".to_owned()]).unwrap();
    assert!(!data.exists(), "a plan makes nothing");
    assert_eq!(launchd.changes(), [] as [&str; 0]);

    installer.install(&plan).unwrap();
    assert!(!unit.exists());
    let path = node.place.folder.join(format!("{GATE}.plist"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600, "what only the owner could read");
    let new = plist::parse(&fs::read(&path).unwrap()).unwrap().into_dictionary().unwrap();
    let text = program.to_str().unwrap();
    let words: Vec<&str> =
        new["ProgramArguments"].as_array().unwrap().iter().map(|word| word.as_string().unwrap()).collect();
    let gate = [text, "gate", "--stop-timeout", "18", "--timeout", "120", "--", text, "gateway", "--token", SECRET];
    assert_eq!(words, gate);
    let variables = new["EnvironmentVariables"].as_dictionary().unwrap();
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    let kept =
        ["HOME", "OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_SERVICE_REPAIR_POLICY", "OPENCLAW_SUPERVISOR_MODE", "SOME_KEY"];
    assert_eq!(names, kept);
    assert_eq!(variables["OPENCLAW_SUPERVISOR_MODE"].as_string(), Some("external"));
    assert_eq!(new["KeepAlive"].as_dictionary().unwrap()["SuccessfulExit"].as_boolean(), Some(false));
    assert_eq!(new["UserName"].as_string(), Some("claw"));
    assert_eq!(new["ExitTimeOut"].as_unsigned_integer(), Some(25));
    assert_eq!(
        launchd.changes(),
        [
            format!("launchctl bootout system/{LABEL}"),
            format!("launchctl disable system/{LABEL}"),
            format!("launchctl enable system/{GATE}"),
            format!("launchctl bootstrap system {}", path.display()),
        ]
    );
    let kept: Vec<_> =
        fs::read_dir(data.join("gate/units")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().mode()).collect();
    assert!(kept.len() == 2 && kept.iter().all(|mode| mode & 0o777 == 0o600), "{kept:?}");
    assert!(matches!(installer.plan_unit(LABEL, &[]), Err(InstallError::Already { .. })));

    let gone = installer.uninstall(GATE).unwrap();
    assert_eq!(gone.restored, Some((LABEL.to_owned(), unit)));
    assert_eq!(node.files(), before);
    assert_eq!(launchd.books(), Launchd::with(&[LABEL]).books());
    assert!(matches!(installer.uninstall(LABEL), Err(InstallError::NotInstalled { .. })));
}

#[test]
fn a_unit_that_runs_though_it_is_switched_off_is_given_back_so() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    node.unit();
    let launchd = Launchd::with(&[LABEL]);
    launchd.switch_off(LABEL);
    let before = launchd.books();
    let installer = node.installer(&data, &program, &launchd);
    installer.install(&installer.plan_unit(LABEL, &[]).unwrap()).unwrap();
    installer.uninstall(LABEL).unwrap();
    assert_eq!(launchd.books(), before);
}

#[test]
fn a_unit_that_changed_since_the_plan_is_left_running() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let launchd = Launchd::with(&[LABEL]);
    let installer = node.installer(&data, &program, &launchd);
    let plan = installer.plan_unit(LABEL, &[]).unwrap();
    let mut text = fs::read(&unit).unwrap();
    text.push(b'\n');
    fs::write(&unit, text).unwrap();
    let refused = installer.install(&plan);
    assert!(matches!(&refused, Err(InstallError::Unfit { .. })), "{refused:?}");
    assert_eq!(launchd.changes(), [] as [&str; 0]);
    assert!(matches!(installer.uninstall(LABEL), Err(InstallError::NotInstalled { .. })), "no record is kept");
}

#[test]
fn the_diff_shows_what_changes_and_no_secret() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    node.unit();
    let launchd = Launchd::default();
    let plan = node.installer(&data, &program, &launchd).plan_unit(LABEL, &[]).unwrap();
    let diff = plan.diff().unwrap();
    assert!(!diff.contains(SECRET), "{diff}");
    let shown = diff.replace(&node.path("").display().to_string(), "/node/");
    insta::assert_snapshot!(shown);
    insta::assert_snapshot!(plan.notes.join("\n"), @"variable `OPENCLAW_LAUNCHD_LABEL` is not kept: it says that OpenClaw manages the job itself");
}

#[test]
fn whichever_step_fails_all_is_as_it_was() {
    for was_loaded in [true, false] {
        let steps = if was_loaded { 4 } else { 3 };
        for fails_at in 0..steps {
            let node = Node::new();
            let (data, program) = (node.path("data"), node.path("portreeve"));
            node.unit();
            let before = node.files();
            let loaded: &[&str] = if was_loaded { &[LABEL] } else { &[] };
            let launchd = Launchd { fails_at: Some(fails_at), ..Launchd::with(loaded) };
            let installer = node.installer(&data, &program, &launchd);
            let plan = installer.plan_unit(LABEL, &[]).unwrap();
            // A `bootout` that complains while the job goes, and one of a job that stays, are told apart by whether it is gone.
            let result = if was_loaded && fails_at == 0 { continue } else { installer.install(&plan) };
            let error = result.unwrap_err();
            assert!(matches!(error, InstallError::Launchd { .. }), "{error}");
            assert_eq!(node.files(), before, "step {fails_at}");
            assert_eq!(launchd.books(), Launchd::with(loaded).books(), "step {fails_at}");
            assert!(installer.plan_unit(LABEL, &[]).is_ok(), "nothing is left behind");
        }
    }
}

#[test]
fn an_installer_that_is_killed_at_any_step_leaves_what_uninstall_needs() {
    for dies_at in 0..4 {
        let node = Node::new();
        let (data, program) = (node.path("data"), node.path("portreeve"));
        node.unit();
        let before = node.files();
        let launchd = Launchd { dies_at: Some(dies_at), ..Launchd::with(&[LABEL]) };
        let installer = node.installer(&data, &program, &launchd);
        let plan = installer.plan_unit(LABEL, &[]).unwrap();
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| installer.install(&plan)));
        assert!(killed.is_err());
        installer.uninstall(LABEL).unwrap();
        assert_eq!(node.files(), before, "step {dies_at}");
        assert_eq!(launchd.books(), Launchd::with(&[LABEL]).books(), "step {dies_at}");
    }
}

#[test]
fn what_was_interrupted_is_taken_back_by_uninstall() {
    // The record is there, and any of the later steps may have been done.
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let before = node.files();
    let launchd = Launchd::with(&[LABEL]);
    let installer = node.installer(&data, &program, &launchd);
    installer.install(&installer.plan_unit(LABEL, &[]).unwrap()).unwrap();
    fs::remove_file(node.place.folder.join(format!("{GATE}.plist"))).unwrap();
    launchd.books.lock().unwrap().loaded.clear();
    fs::write(&unit, "another").unwrap();
    fs::set_permissions(&unit, Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(installer.uninstall(LABEL), Err(InstallError::InTheWay { .. })));
    assert_eq!(fs::read_to_string(&unit).unwrap(), "another");
    fs::remove_file(&unit).unwrap();
    installer.uninstall(LABEL).unwrap();
    assert_eq!(node.files(), before);
    assert_eq!(launchd.books(), Launchd::with(&[LABEL]).books());
}

#[test]
fn what_others_could_have_changed_is_refused() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let launchd = Launchd::default();
    let installer = node.installer(&data, &program, &launchd);
    let refused = |words: &str| {
        let error = installer.plan_unit(LABEL, &[]).unwrap_err();
        let chain = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(chain.contains(words), "{chain}");
    };
    fs::set_permissions(&unit, Permissions::from_mode(0o664)).unwrap();
    refused("others than its owner can change it (mode 664)");
    fs::set_permissions(&unit, Permissions::from_mode(0o644)).unwrap();
    fs::hard_link(&unit, node.path("other-name")).unwrap();
    refused("a hard link");
    fs::remove_file(node.path("other-name")).unwrap();
    fs::rename(&unit, node.path("elsewhere")).unwrap();
    symlink(node.path("elsewhere"), &unit).unwrap();
    refused("is a symbolic link");
    fs::remove_file(&unit).unwrap();
    refused("no property list in");
    nix::unistd::mkfifo(&unit, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("is a named pipe");
    fs::remove_file(&unit).unwrap();
    fs::write(&unit, "<plist><dict>").unwrap();
    refused("ends too early");
    fs::write(&unit, vec![b' '; 2 << 20]).unwrap();
    refused("larger than");
    fs::write(&unit, list(&program, "<key>EnableGlobbing</key><true/>")).unwrap();
    refused("EnableGlobbing");
    // Its name need not be its label.
    let other = node.place.folder.join("other.plist");
    fs::write(&other, list(&program, "")).unwrap();
    fs::remove_file(&unit).unwrap();
    assert_eq!(installer.plan_unit(LABEL, &[]).unwrap().takes_over(), Some(LABEL));
    assert_eq!(launchd.changes(), [] as [&str; 0]);
}

#[test]
fn root_runs_no_program_that_others_can_write() {
    let node = Node::new();
    if node.place.uid != 0 {
        return;
    }
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let tool = node.path("node");
    fs::write(&tool, "").unwrap();
    let text = list(&tool, "").replace("<key>UserName</key><string>claw</string>", "");
    fs::write(&unit, text).unwrap();
    fs::set_permissions(&unit, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
    let launchd = Launchd::default();
    let installer = node.installer(&data, &program, &launchd);
    installer.plan_unit(LABEL, &[]).unwrap();
    std::os::unix::fs::chown(&tool, Some(501), None).unwrap();
    let InstallError::Exposed(why) = installer.plan_unit(LABEL, &[]).unwrap_err() else { panic!("installed") };
    assert_eq!(why.to_string(), format!("`{}` cannot be trusted: it belongs to user 501", tool.display()));
    // As that user it may.
    fs::write(&unit, list(&tool, "")).unwrap();
    installer.plan_unit(LABEL, &[]).unwrap();
}

#[test]
fn what_starts_it_otherwise_and_its_limits() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let more = "<key>StartInterval</key><integer>60</integer><key>ExitTimeOut</key><integer>60</integer>\
        <key>ThrottleInterval</key><integer>5</integer><key>Umask</key><integer>18</integer>\
        <key>HardResourceLimits</key><dict><key>NumberOfFiles</key><integer>512</integer></dict>\
        <key>Program</key><string>/opt/openclaw</string>";
    fs::write(&unit, list(&program, more)).unwrap();
    fs::set_permissions(&unit, Permissions::from_mode(0o644)).unwrap();
    let launchd = Launchd::default();
    let installer = node.installer(&data, &program, &launchd);
    let plan = installer.plan_unit(LABEL, &[]).unwrap();
    assert!(plan.notes.contains(&"`StartInterval` is not kept".to_owned()), "{:?}", plan.notes);
    let words = plan.words();
    assert_eq!(words[2..6], ["--stop-timeout", "60", "--", "/opt/openclaw"]);
    installer.install(&plan).unwrap();
    let path = node.place.folder.join(format!("{GATE}.plist"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    let new = plist::parse(&fs::read(path).unwrap()).unwrap().into_dictionary().unwrap();
    let number = |key: &str| new[key].as_unsigned_integer();
    assert_eq!((number("ExitTimeOut"), number("ThrottleInterval"), number("Umask")), (Some(67), Some(10), Some(18)));
    let limits = new["SoftResourceLimits"].as_dictionary().unwrap();
    assert_eq!(limits["NumberOfFiles"].as_unsigned_integer(), Some(512));
}

#[test]
fn the_home_of_a_units_user_is_written_down() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    let unit = node.unit();
    let user = nix::unistd::User::from_uid(0.into()).unwrap().unwrap();
    let text = list(&program, "")
        .replace("<key>HOME</key><string>/Users/claw</string>", "")
        .replace("<string>claw</string>", &format!("<string>{}</string>", user.name));
    fs::write(&unit, text).unwrap();
    fs::set_permissions(&unit, Permissions::from_mode(0o644)).unwrap();
    let launchd = Launchd::default();
    let plan = node.installer(&data, &program, &launchd).plan_unit(LABEL, &[]).unwrap();
    let home = format!("+\t\t<key>HOME</key>\n+\t\t<string>{}</string>\n", user.dir.display());
    assert!(plan.diff().unwrap().contains(&home), "{}", plan.diff().unwrap());
}

#[test]
fn a_compose_project_gets_a_gate_and_loses_it() {
    let node = Node::new();
    let (data, program) = (node.path("data"), node.path("portreeve"));
    fs::create_dir(node.path("claw")).unwrap();
    let file = node.path("claw/compose.yaml");
    fs::write(&file, "services: {}\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let launchd = Launchd::default();
    let installer = node.installer(&data, &program, &launchd);
    let user = Some(("claw".to_owned(), PathBuf::from("/Users/claw")));
    let mut job =
        ComposeJob { file: file.clone(), project: None, user, logs: PathBuf::from("/Users/claw/Library/Logs") };
    let plan = installer.plan_compose(&job, &[]).unwrap();
    assert_eq!(plan.label, "dev.portreeve.gate.compose.claw");
    let text = program.to_str().unwrap();
    assert_eq!(plan.words(), [text, "gate", "--timeout", "600", "--compose", file.to_str().unwrap()]);
    assert!(plan.diff().unwrap().starts_with("--- /dev/null"));
    installer.install(&plan).unwrap();
    assert_eq!(launchd.books().loaded, BTreeSet::from(["dev.portreeve.gate.compose.claw".to_owned()]));
    job.project = Some("claw".to_owned());
    assert!(matches!(installer.plan_compose(&job, &[]), Err(InstallError::Already { .. })));
    assert_eq!(installer.uninstall("compose.claw").unwrap().restored, None);
    assert_eq!(node.files(), []);
    assert_eq!(launchd.books(), Books::default());
    job.project = Some("../x".to_owned());
    assert!(matches!(installer.plan_compose(&job, &[]), Err(InstallError::Label { .. })));
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(installer.plan_compose(&job, &[]), Err(InstallError::Unfit { .. })));
}
