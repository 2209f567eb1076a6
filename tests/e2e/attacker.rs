//! An ordinary account on the node that means harm, beside an agent that runs as the superuser: nothing is written where that account
//! says, nothing of others is read out for it, and nothing hangs.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use portreeve_tests::{Portreeve, wait_until};
use serde_json::json;

/// The account that means harm.
const EVIL: u32 = 47_110;
/// What only the superuser may read.
const SECRET: &str = "only-for-the-superuser";
/// What a command may take on a node where somebody means harm.
const LIMIT: Duration = Duration::from_secs(30);

/// Folders of two users.
struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    /// None where this test does not run as the superuser.
    fn new() -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let scene = Self { root: tempfile::Builder::new().prefix("portreeve-attacker-").tempdir().unwrap() };
        fs::set_permissions(scene.root.path(), Permissions::from_mode(0o755)).unwrap();
        for (name, mode) in [("evil", 0o755), ("victim", 0o700), ("home", 0o755), ("sticky", 0o1777), ("world", 0o777)]
        {
            fs::create_dir(scene.path(name)).unwrap();
            fs::set_permissions(scene.path(name), Permissions::from_mode(mode)).unwrap();
        }
        chown(scene.path("evil"), Some(EVIL), Some(EVIL)).unwrap();
        fs::write(scene.path("victim/file"), format!("{SECRET}\n")).unwrap();
        fs::set_permissions(scene.path("victim/file"), Permissions::from_mode(0o600)).unwrap();
        Some(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// What the other account does, with `$T` for the scene's folder.
    fn evil(&self, script: &str) -> Child {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).env("T", self.root.path()).uid(EVIL).gid(EVIL).current_dir(self.path("evil"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn evil_did(&self, script: &str) {
        assert!(self.evil(script).wait().unwrap().success(), "{script}");
    }

    /// The superuser's call.
    fn command(&self, data: &Path, arguments: &[&str]) -> Command {
        let mut command = Portreeve::new(&self.path("home"))
            .env("PORTREEVE_DATA_DIR", data.to_str().unwrap())
            .env("PORTREEVE_STATUS_FILE", &self.text("home/public/status.json"))
            .env("PORTREEVE_HOMES", &self.text("home"))
            .env("PORTREEVE_CONTAINERS", "off")
            .command();
        command.args(arguments).current_dir(self.path("home"));
        command
    }

    /// What is there besides what the superuser's own home holds: owner, mode, size and content of files.
    fn others(&self) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
        let mut seen = BTreeMap::new();
        let mut folders = ["evil", "victim", "sticky", "world"].map(|name| self.path(name)).to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let metadata = entry.path().symlink_metadata().unwrap();
                let content = if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
                seen.insert(entry.path(), (metadata.uid(), metadata.mode(), content));
                if metadata.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        seen
    }
}

/// Runs to its end, which must come in time.
fn ended(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    let begun = Instant::now();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = receive.recv_timeout(LIMIT) else {
        // Only what was started here.
        let _ = kill(pid, Signal::SIGKILL);
        panic!("{command:?} hangs after {:?}", begun.elapsed());
    };
    output.unwrap()
}

/// Ways to lay a folder of the agent's where the other account can bend it: the script that does it, and the folder.
const LAYOUTS: [(&str, &str); 7] = [
    ("mkdir -m 755 $T/evil/data", "evil/data"),
    ("true", "evil/data"),
    ("ln -s $T/victim $T/evil/data", "evil/data"),
    ("mkfifo $T/evil/data", "evil/data"),
    ("true", "world/data"),
    ("ln -s $T/victim $T/sticky/data", "sticky/data"),
    ("mkdir -m 777 $T/sticky/data && mkfifo $T/sticky/data/history.json", "sticky/data"),
];

#[test]
fn no_command_keeps_anything_where_others_can_bend_the_path() {
    let calls: [&[&str]; 7] = [
        &["run"],
        &["check"],
        &["tokens"],
        &["evidence"],
        &["images", "--offline"],
        &["maintenance", "on", "--for", "1h", "--reason", "x"],
        &["locks", "--for", "1"],
    ];
    for (script, data) in LAYOUTS {
        let Some(scene) = Scene::new() else { return };
        scene.evil_did(script);
        let before = scene.others();
        for call in calls {
            let output = ended(scene.command(&scene.path(data), call));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success(),
                "`{}` on `{script}` does as if nothing were wrong\n{said}",
                call.join(" ")
            );
            assert_eq!(scene.others(), before, "`{}` on `{script}` wrote\n{said}", call.join(" "));
            assert!(!said.contains(SECRET), "{said}");
        }
    }
}

#[test]
fn the_public_status_is_written_through_no_link_of_others() {
    for (script, status) in [
        ("ln -s $T/victim/file $T/evil/status.json", "evil/status.json"),
        ("ln $T/evil/own $T/evil/status.json 2>/dev/null; true", "evil/status.json"),
        ("mkfifo $T/evil/status.json", "evil/status.json"),
        ("ln -s $T/victim $T/sticky/public", "sticky/public/status.json"),
        (
            "mkdir -m 777 $T/sticky/public && ln -s $T/victim/file $T/sticky/public/status.json",
            "sticky/public/status.json",
        ),
        ("true", "world/status.json"),
    ] {
        let Some(scene) = Scene::new() else { return };
        scene.evil_did(script);
        let before = scene.others();
        let mut command = scene.command(&scene.path("home/data"), &["run"]);
        command
            .env("PORTREEVE_STATUS_FILE", scene.path(status))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut daemon = command.spawn().unwrap();
        // It either refuses to start or has looked once, and has then tried to tell.
        let history = scene.path("home/data/history.json");
        wait_until("the end or the first verdict of the daemon", LIMIT, || {
            (daemon.try_wait().unwrap().is_some() || history.exists()).then_some(())
        });
        let pid = Pid::from_raw(daemon.id().cast_signed());
        // One that has ended already needs no signal.
        let _ = kill(pid, Signal::SIGTERM);
        wait_until("the end of the daemon", LIMIT, || daemon.try_wait().unwrap());
        assert_eq!(scene.others(), before, "on `{script}`");
    }
}

#[test]
fn a_bundle_follows_no_link_and_replaces_nothing_of_others() {
    let Some(scene) = Scene::new() else { return };
    let data = scene.path("home/data");
    let saved = scene.path("home/facts.json");
    let checked = ended(scene.command(&data, &["check", "--save", saved.to_str().unwrap()]));
    assert!(saved.is_file(), "{}", String::from_utf8_lossy(&checked.stderr));
    let bundle = |output: &str, more: &[&str]| {
        let output = scene.text(output);
        let call = [&["evidence", "--from", saved.to_str().unwrap(), "--output", output.as_str()], more].concat();
        ended(scene.command(&data, &call))
    };
    scene.evil_did("ln -s $T/victim/file $T/sticky/link.html; mkfifo $T/sticky/fifo.html; mkdir $T/sticky/folder.html; echo mine > $T/evil/mine");
    scene.evil_did("ln $T/evil/mine $T/sticky/hard.html");
    let before = scene.others();
    for name in ["link.html", "fifo.html"] {
        for more in [&[][..], &["--force"]] {
            assert_eq!(bundle(&format!("sticky/{name}"), more).status.code(), Some(2), "{name} {more:?}");
        }
    }
    assert_eq!(bundle("sticky/hard.html", &[]).status.code(), Some(2));
    assert_eq!(bundle("world", &[]).status.code(), Some(2), "a folder that everybody can write");
    assert_eq!(scene.others(), before);
    // What is replaced by force is the name alone, and not what else has the same content.
    assert_eq!(bundle("sticky/hard.html", &["--force"]).status.code(), Some(0));
    assert_eq!(fs::read(scene.path("evil/mine")).unwrap(), b"mine\n");
    let metadata = scene.path("sticky/hard.html").metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
}

#[test]
fn a_race_for_the_name_of_a_bundle_leads_nowhere() {
    let Some(scene) = Scene::new() else { return };
    let (data, saved) = (scene.path("home/data"), scene.path("home/facts.json"));
    ended(scene.command(&data, &["check", "--save", saved.to_str().unwrap()]));
    scene.evil_did("mkdir $T/evil/out");
    // The folder is the attacker's own, so that it can swap whatever is put there.
    let mut racer = scene.evil(
        "while :; do for part in $T/evil/out/.*.part; do mv -f $part $T/evil/stolen; ln -s $T/victim/file $part; done; \
         rm -f $T/evil/out/page.html; ln -s $T/victim/file $T/evil/out/page.html; rm -f $T/evil/out/page.html; done",
    );
    for _ in 0..25 {
        let output = scene.text("evil/out/page.html");
        let call = ["evidence", "--force", "--from", saved.to_str().unwrap(), "--output", &output];
        ended(scene.command(&data, &call));
    }
    racer.kill().unwrap();
    racer.wait().unwrap();
    assert_eq!(fs::read_to_string(scene.path("victim/file")).unwrap(), format!("{SECRET}\n"));
    let evil = ["evil/stolen", "evil/out/page.html"].map(|name| scene.path(name));
    for path in evil.iter().filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())) {
        let metadata = path.metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600), "{} can be read", path.display());
    }
}

#[test]
fn nothing_of_others_is_read_out_for_whoever_points_at_it() {
    let Some(scene) = Scene::new() else { return };
    let line = format!("2026-11-21T03:12:07.000+00:00 [gateway] error: {SECRET}\n");
    fs::write(scene.path("victim/file"), format!("{SECRET}\n{line}{{ \"gateway\": {{ \"mode\": \"{SECRET}\" }} }}\n"))
        .unwrap();
    let config = json!({
        "gateway": { "mode": "local", "port": 28_799, "auth": { "token": { "source": "file", "path": scene.text("victim/file") } } },
        "logging": { "file": scene.text("victim/file") },
        "$include": [scene.text("victim/file")],
    });
    let plant = "mkdir -m 700 -p $T/evil/.openclaw $T/evil/.config/systemd/user $T/evil/Library/LaunchAgents && cd $T/evil/.openclaw && \
                 ln -s $T/victim/file .env && ln -s $T/victim/file gateway.systemd.env && mkfifo node.systemd.env && \
                 ln -s $T/victim/file $T/evil/.config/systemd/user/openclaw-gateway.service && \
                 mkfifo $T/evil/Library/LaunchAgents/ai.openclaw.gateway.plist && ln -s $T/victim logs && ln -s $T/victim state";
    for how in ["cat > openclaw.json", "ln -s $T/victim/file openclaw.json; cat > /dev/null"] {
        let mut script = String::from(plant);
        script.push_str(&format!(" && printf '%s' \"$CONFIG\" | ( {how} )"));
        fs::remove_dir_all(scene.path("evil")).unwrap();
        fs::create_dir(scene.path("evil")).unwrap();
        chown(scene.path("evil"), Some(EVIL), Some(EVIL)).unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(&script)
            .env("T", scene.root.path())
            .env("CONFIG", config.to_string())
            .uid(EVIL)
            .gid(EVIL);
        assert!(command.current_dir(scene.path("evil")).status().unwrap().success());
        let tickets = tempfile::tempdir().unwrap();
        let (evil, data) = (scene.text("evil"), scene.path("home/data"));
        let ticket = tickets.path().to_str().unwrap();
        let calls: [&[&str]; 4] = [
            &["check", "-vv", "--json", "--home", &evil],
            &["tokens", "-vv", "--json", "--home", &evil],
            &["logs", "--timeline", "--all", "--home", &evil],
            &["evidence", "--json", "--since", "365d", "--home", &evil, "--output", ticket],
        ];
        for call in calls {
            let output = ended(scene.command(&data, call));
            if call.contains(&"check") {
                let text = String::from_utf8_lossy(&output.stdout);
                assert!(text.contains("evil/.openclaw"), "the home was not looked at:\n{text}");
            }
            for text in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(text);
                assert!(!text.contains(SECRET), "`{}` with `{how}`:\n{text}", call.join(" "));
            }
        }
        for file in fs::read_dir(tickets.path()).unwrap().flatten() {
            let unpacked = Command::new("sh").arg("-c").arg("zcat -f \"$0\"").arg(file.path()).output().unwrap();
            assert!(!String::from_utf8_lossy(&unpacked.stdout).contains(SECRET), "{}", file.path().display());
        }
        assert!(fs::read_dir(tickets.path()).unwrap().count() == 2, "no bundle was made");
    }
}

#[test]
fn a_pipe_in_place_of_a_file_holds_nobody_up() {
    let Some(scene) = Scene::new() else { return };
    scene.evil_did("mkfifo $T/evil/pipe");
    let (pipe, data) = (scene.text("evil/pipe"), scene.path("home/data"));
    let calls: [&[&str]; 4] = [
        &["check", "--from", &pipe],
        &["evidence", "--from", &pipe],
        &["status", &pipe],
        &["check", "--config", &pipe],
    ];
    for call in calls {
        let output = ended(scene.command(&data, call));
        assert!(!output.status.success(), "`{}`: {}", call.join(" "), String::from_utf8_lossy(&output.stdout));
    }
    let logs = ended(scene.command(&data, &["logs", &pipe]));
    assert!(String::from_utf8_lossy(&logs.stdout).contains("regular"), "{logs:?}");
}
