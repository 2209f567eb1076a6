//! The shipped property lists under a launchd that keeps to `launchd.plist(5)`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plist::{Dictionary, Value};
use portreeve_launchd::{Installer, Place};
use portreeve_tests::{Builder, Job, Launchd, OpenClaw, Portreeve, wait_until};
use serde_json::json;

use super::{LIMIT, Stage, is_alive};
use crate::CONFIG_TOKEN;

const LABEL: &str = "ai.openclaw.gateway";
const GATE: &str = "dev.portreeve.gate.ai.openclaw.gateway";
const DOMAIN: &str = "gui/501";
/// A tenth of a second.
const SECOND: Duration = Duration::from_millis(100);

/// A folder of property lists with a unit that runs a gateway by itself.
struct Units {
    root: PathBuf,
    place: Place,
    program: PathBuf,
}

impl Units {
    fn new(home: &Path, words: &[String], variables: &[(&str, String)]) -> Self {
        let root = fs::canonicalize(home).unwrap();
        let folder = root.join("LaunchAgents");
        fs::create_dir(&folder).unwrap();
        for path in [&root, &folder] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let text = |text: &str| Value::String(text.to_owned());
        let mut variables: Dictionary =
            variables.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        for (name, value) in [("HOME", root.to_str().unwrap()), ("PORTREEVE_CONTAINERS", "off")] {
            variables.insert(name.to_owned(), text(value));
        }
        variables.insert("PORTREEVE_DATA_DIR".to_owned(), text(root.join("data").to_str().unwrap()));
        let list = Dictionary::from_iter([
            ("Label".to_owned(), text(LABEL)),
            ("ProgramArguments".to_owned(), words.iter().map(|word| text(word)).collect::<Vec<_>>().into()),
            ("EnvironmentVariables".to_owned(), Value::Dictionary(variables)),
            ("KeepAlive".to_owned(), Value::Boolean(true)),
            ("StandardErrorPath".to_owned(), text(root.join("stderr").to_str().unwrap())),
            ("WorkingDirectory".to_owned(), text(root.to_str().unwrap())),
            // The programs of the tests may lie where others write, which root must not run.
            ("UserName".to_owned(), text("claw")),
        ]);
        let path = folder.join(format!("{LABEL}.plist"));
        Value::Dictionary(list).to_file_xml(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let uid = fs::metadata(&path).unwrap().uid();
        let program = PathBuf::from(Portreeve::new(&root).command().get_program());
        let program = fs::canonicalize(program).unwrap();
        Self { root, place: Place { folder, domain: DOMAIN.to_owned(), uid }, program }
    }

    /// Of a stand-in with this part.
    fn of(stage: &Stage, part: serde_json::Value) -> Self {
        Self::new(stage.home.path(), &stage.words(), &[("STAND_IN", stage.part(part))])
    }

    /// A launchd that gives a command a tenth of the time that the templates say.
    fn launchd(&self) -> Launchd {
        Launchd::new(DOMAIN, &self.root, SECOND).word("18", "1")
    }

    fn unit(&self) -> PathBuf {
        self.place.folder.join(format!("{LABEL}.plist"))
    }

    fn install(&self, launchd: &Launchd, options: &[&str]) -> Arc<Job> {
        let mut words = vec!["--home".to_owned(), self.root.to_str().unwrap().to_owned()];
        words.extend(options.iter().map(|word| (*word).to_owned()));
        let data = self.root.join("data");
        let installer = self.installer(&data, launchd);
        installer.install(&installer.plan_unit(LABEL, &words).unwrap()).unwrap();
        launchd.job(GATE).unwrap()
    }

    fn installer<'a>(&'a self, data: &'a Path, launchd: &'a Launchd) -> Installer<'a> {
        Installer { place: &self.place, data_dir: data, program: &self.program, runner: launchd }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.root.join("stderr")).unwrap_or_default()
    }

    fn wait_until_said(&self, words: &str, times: usize) {
        wait_until(words, LIMIT, || (self.said().matches(words).count() >= times).then_some(()));
    }
}

fn status(job: &Job, run: usize) -> Option<i32> {
    job.runs()[run].ended.unwrap().1.code()
}

#[test]
fn a_success_is_not_started_again() {
    let stage = Stage::new();
    let units = Units::of(&stage, json!({ "listen": 0, "ready": 300, "end": 6_000 }));
    let launchd = units.launchd();
    let gate = units.install(&launchd, &["--timeout", "60"]);
    wait_until("the gate at rest", LIMIT, || gate.rests().then_some(()));
    assert_eq!((gate.runs().len(), status(&gate, 0)), (1, Some(0)), "{}", units.said());
}

#[test]
fn what_is_no_success_is_started_again_and_not_sooner_than_the_throttle() {
    for (part, wanted) in [(json!({ "end": 0, "status": 3 }), 3), (json!({ "end": 0 }), 75)] {
        let stage = Stage::new();
        let units = Units::of(&stage, part);
        let launchd = units.launchd();
        let gate = units.install(&launchd, &["--timeout", "30", "--hold-after", "0"]);
        wait_until("three runs", LIMIT, || (gate.runs().len() >= 3).then_some(()));
        let runs = gate.runs();
        assert_eq!([status(&gate, 0), status(&gate, 1)], [Some(wanted); 2], "{}", units.said());
        for pair in runs.windows(2) {
            assert!(pair[1].started - pair[0].started >= launchd.seconds(10), "{runs:?}");
        }
    }
}

#[test]
fn a_storm_is_held_instead_of_started_again() {
    let stage = Stage::new();
    let units = Units::of(&stage, json!({ "end": 0, "status": 3 }));
    let launchd = units.launchd();
    let gate = units.install(&launchd, &["--hold-after", "2"]);
    units.wait_until_said("holding for", 1);
    assert_eq!(gate.runs().len(), 2, "{}", units.said());
    assert!(gate.pid().is_some());
}

#[test]
fn the_gate_ends_all_of_its_command_before_launchd_kills_it() {
    let stage = Stage::new();
    let child = stage.home.path().join("child");
    let units = Units::of(&stage, json!({ "listen": 0, "ready": 0, "is_stubborn": true, "child": child }));
    let launchd = units.launchd();
    let gate = units.install(&launchd, &["--timeout", "60"]);
    units.wait_until_said("ready after", 1);
    let child: u32 = fs::read_to_string(&child).unwrap().parse().unwrap();
    assert!(is_alive(child));
    assert!(launchd.unload(GATE));
    let last = gate.runs().pop().unwrap();
    assert!(!last.was_killed, "{last:?}\n{}", units.said());
    assert!(!is_alive(child), "{}", units.said());
}

#[test]
fn a_unit_that_runs_is_taken_over_and_runs_again_afterwards() {
    let stage = Stage::new();
    let units = Units::of(&stage, json!({ "listen": 0, "ready": 0 }));
    let before = (fs::read(units.unit()).unwrap(), fs::metadata(units.unit()).unwrap().mode());
    let launchd = units.launchd();
    let original = launchd.load(&units.unit()).unwrap();
    let pid = wait_until("the unit's process", LIMIT, || original.pid());
    let gate = units.install(&launchd, &["--timeout", "60"]);
    assert!(!is_alive(pid) && launchd.job(LABEL).is_none());
    units.wait_until_said("ready after", 1);
    let data = units.root.join("data");
    units.installer(&data, &launchd).uninstall(LABEL).unwrap();
    assert_eq!(status(&gate, 0), Some(0), "{}", units.said());
    assert!(launchd.job(GATE).is_none());
    assert_eq!((fs::read(units.unit()).unwrap(), fs::metadata(units.unit()).unwrap().mode()), before);
    let restored = launchd.job(LABEL).unwrap();
    wait_until("the unit's process", LIMIT, || restored.pid());
}

#[test]
fn a_planned_restart_that_is_left_to_launchd_runs_again() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    let plain = openclaw.command(&[], gateway.home());
    let mut words = vec![plain.get_program().to_str().unwrap().to_owned()];
    words.extend(plain.get_args().map(|word| word.to_str().unwrap().to_owned()));
    words.extend(["gateway", "run", "--bind", "loopback"].map(str::to_owned));
    let units = Units::new(gateway.home(), &words, &[]);
    let launchd = Launchd::new(DOMAIN, &units.root, Duration::from_secs(1));
    let gate = units.install(&launchd, &["--timeout", "120", "--on-restart", "exit"]);
    units.wait_until_said("portreeve: ready after", 1);
    // What asks OpenClaw to restart.
    kill(Pid::from_raw(gate.pid().unwrap().cast_signed()), Signal::SIGUSR2).unwrap();
    units.wait_until_said("portreeve: ready after", 2);
    assert_eq!((gate.runs().len(), status(&gate, 0)), (2, Some(75)), "{}", units.said());
    assert!(launchd.unload(GATE));
    let last = gate.runs().pop().unwrap();
    assert_eq!((last.was_killed, status(&gate, 1)), (false, Some(0)), "{}", units.said());
}

#[test]
fn the_agent_is_started_again_however_it_ends_and_killed_when_it_does_not() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../launchd/dev.portreeve.agent.plist");
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("Library/Logs/Portreeve")).unwrap();
    let program = root.path().join("portreeve");
    // The first run ends well, the second badly, the third never.
    let script = "#!/bin/sh\ncd \"${0%/*}\" && echo \"$*\" >>runs\ncase $(grep -c . runs) in 1) exit 0 ;; 2) exit 3 ;; esac\n\
        trap '' TERM\necho deaf >&2\nwhile :; do sleep 1; done\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let launchd =
        Launchd::new("system", root.path(), SECOND).word("/usr/local/bin/portreeve", program.to_str().unwrap());
    let copy = root.path().join("list.plist");
    fs::copy(list, &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
    let agent = launchd.load(&copy).unwrap();
    let log = root.path().join("Library/Logs/Portreeve/agent.log");
    wait_until("the third run", LIMIT, || fs::read_to_string(&log).is_ok_and(|text| text == "deaf\n").then_some(()));
    assert_eq!([status(&agent, 0), status(&agent, 1)], [Some(0), Some(3)]);
    assert!(agent.runs().windows(2).all(|pair| pair[1].started - pair[0].started >= launchd.seconds(10)));
    assert_eq!(fs::read_to_string(root.path().join("runs")).unwrap(), "run\n".repeat(3));
    assert!(launchd.unload("dev.portreeve.agent"));
    assert!(agent.runs().pop().unwrap().was_killed);
}
