use std::fs::{File, OpenOptions};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

/// A child that is ended when the test is over, whatever comes of it.
struct Kept(Child);

impl Kept {
    fn spawn(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "the state did not come");
        std::thread::yield_now();
    }
}

fn entry(pid: u32) -> Option<ProcessEntry> {
    table(Timestamp::now()).get()?.get(pid).cloned()
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_child_is_seen_with_all_it_was_given() {
    let before = Timestamp::now();
    let child = Kept::spawn(
        Command::new("sh")
            .args(["-c", "read line", "openclaw test", "", "ümlaut"])
            .env_clear()
            .env("PATH", "/bin:/usr/bin")
            .env("OPENCLAW_GATEWAY_PORT", "19999")
            .env("OPENCLAW_GATEWAY_TOKEN", "canary-value"),
    );
    let seen = until(|| entry(child.pid()).filter(|entry| entry.argv.first().is_some_and(|name| name == "sh")));

    assert_eq!(seen.argv, ["sh", "-c", "read line", "openclaw test", "", "ümlaut"]);
    assert_eq!(seen.ppid, std::process::id());
    assert_eq!(seen.uid, Some(nix::unistd::geteuid().as_raw()));
    assert!(!seen.stopped && !seen.zombie && seen.foreign_netns.is_none() && !seen.foreign_pidns);
    assert!(seen.exe.as_deref().is_some_and(Path::is_absolute));
    let started = seen.started_at.unwrap();
    let slack = Duration::from_millis(1_500);
    assert!(started >= before - slack && started <= Timestamp::now() + slack, "{started} is not near {before}");
    assert!(seen.start_raw.is_some() && seen.may_be_openclaw());

    let seen_environment = environment(&seen, &BTreeSet::new(), Timestamp::now());
    let variables = seen_environment.get().unwrap();
    assert_eq!(variables.text("OPENCLAW_GATEWAY_PORT"), Some("19999"));
    assert_eq!(variables.text("PATH"), None);
    let named = environment(&seen, &BTreeSet::from(["PATH".to_owned()]), Timestamp::now());
    assert_eq!(named.get().unwrap().text("PATH"), Some("/bin:/usr/bin"));
    assert!(!format!("{seen_environment:?}").contains("canary"));

    let successor = ProcessEntry { start_raw: seen.start_raw.map(|start| start + 1), ..seen };
    assert!(environment(&successor, &BTreeSet::new(), Timestamp::now()).is_absent());
}

#[test]
fn a_stopped_child_is_stopped_and_a_dead_one_is_no_longer_alive() {
    let mut child = Kept::spawn(Command::new("sleep").arg("600"));
    let pid = child.pid();
    let number = Pid::from_raw(i32::try_from(pid).unwrap());
    kill(number, Signal::SIGSTOP).unwrap();
    until(|| entry(pid).filter(|entry| entry.stopped));
    kill(number, Signal::SIGCONT).unwrap();
    until(|| entry(pid).filter(|entry| !entry.stopped));
    child.0.kill().unwrap();
    until(|| table(Timestamp::now()).get()?.alive(pid).is_none().then_some(()));
    child.0.wait().unwrap();
    assert_eq!(entry(pid), None);
}

#[test]
fn open_files_below_a_directory_are_seen_with_their_mode() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().canonicalize().unwrap();
    let (read, written) = (below.join("read"), below.join("written"));
    File::create(&read).unwrap();
    let writing = OpenOptions::new().create(true).append(true).open(&written).unwrap();
    let child = Kept(
        Command::new("sleep")
            .arg("600")
            .stdin(File::open(&read).unwrap())
            .stdout(writing.try_clone().unwrap())
            .stderr(writing)
            .spawn()
            .unwrap(),
    );
    let seen = until(|| entry(child.pid()).filter(|entry| entry.argv.first().is_some_and(|name| name == "sleep")));

    let open = open_paths([&seen], &below, Timestamp::UNIX_EPOCH);
    let expected = [(&read, false), (&written, true)].map(|(path, writable)| OpenPath {
        pid: child.pid(),
        path: path.to_string_lossy().into_owned(),
        writable,
    });
    assert_eq!(open.get().unwrap(), &expected);
    assert_eq!(open_paths([&seen], Path::new("/nowhere"), Timestamp::UNIX_EPOCH).get().unwrap(), &[]);
}

#[test]
fn the_own_processor_time_is_a_share_of_its_life() {
    let own = entry(std::process::id()).unwrap();
    let percent = own.cpu_percent(Timestamp::now()).unwrap();
    assert!((0.0..=10_000.0).contains(&percent), "{percent}");
}

#[test]
fn what_is_not_openclaw_is_passed_over() {
    let own = entry(std::process::id()).unwrap();
    let plain = ProcessEntry {
        comm: "node".into(),
        exe: Some("/usr/bin/node".into()),
        argv: strings(&["node", "x.js"]),
        ..own
    };
    assert!(!plain.may_be_openclaw());
    let titled = ProcessEntry { argv: strings(&["openclaw-gateway"]), ..plain };
    assert!(titled.may_be_openclaw());
}
