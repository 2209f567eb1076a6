//! A volume of one's own, the programs of macOS that the scripts call, and an installer.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use portreeve_pkg::contents::{self, Inputs, Scripts};
use portreeve_pkg::tree::Tree;

use crate::support::sources;

/// As much of `launchctl` as the scripts use; `$state` is its memory.
const LAUNCHCTL: &str = r#"
case "$1 ${2-}" in
'print system/dev.portreeve.agent')
  [ -e "$state/loaded" ] || { echo 'Could not find service' >&2; exit 113; }
  running='running'
  [ ! -e "$state/never-runs" ] || running='spawn scheduled'
  printf 'system/dev.portreeve.agent = {\n\tstate = %s\n\tx = {\n\t\tstate = active\n\t}\n}\n' "$running"
  ;;
'bootstrap system')
  [ ! -e "$state/loaded" ] || exit 37
  [ ! -e "$state/disabled" ] || exit 119
  [ -f "$3" ] || exit 5
  : >"$state/loaded"
  ;;
'bootout system/dev.portreeve.agent')
  [ -e "$state/loaded" ] || exit 3
  [ -e "$state/sticks" ] || rm "$state/loaded"
  ;;
'enable system/dev.portreeve.agent') rm -f "$state/disabled" ;;
'print-disabled system')
  printf '\tdisabled services = {\n'
  [ ! -e "$state/disabled" ] || printf '\t\t"dev.portreeve.agent" => disabled\n'
  printf '\t\t"dev.portreeve.agent.other" => disabled\n\t}\n'
  ;;
*) echo "launchctl: $*?" >&2; exit 64 ;;
esac
"#;

/// Receipts are one file each with the version in it.
const PKGUTIL: &str = r#"
case "$3 $4" in
'--pkg-info dev.portreeve.agent')
  [ -e "$state/receipt" ] || { echo "No receipt" >&2; exit 1; }
  printf 'package-id: %s\nversion: %s\nvolume: %s\n' "$4" "$(cat "$state/receipt")" "$2"
  ;;
'--forget dev.portreeve.agent')
  [ -e "$state/receipt" ] || exit 1
  rm "$state/receipt"
  ;;
*) echo "pkgutil: $*?" >&2; exit 64 ;;
esac
"#;

/// The program, as it is asked by the scripts.
const PROGRAM: &str = r#"#!/bin/sh
state=@STATE@
printf 'portreeve %s\n' "$*" >>"$state/calls"
case "$*" in
--version) echo "portreeve @SAYS@" ;;
selftest) exit @SELFTEST@ ;;
'gate uninstall '*) @GATE@ @ROOT@/Library/LaunchDaemons/"$3".plist ;;
*) exit 64 ;;
esac
"#;

/// A version of the package and what is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) version: &'static str,
    /// What the program says that it is.
    pub(crate) says: &'static str,
    /// Exit status of its self-test.
    pub(crate) selftest: &'static str,
    /// A manual page that only this version has.
    pub(crate) page: &'static str,
    /// What `gate uninstall` does to the property list.
    pub(crate) gate: &'static str,
    /// Changes the laid down files before postinstall runs.
    pub(crate) damage: Option<fn(&Path)>,
}

impl Package {
    pub(crate) fn of(version: &'static str) -> Self {
        Self { version, says: version, selftest: "0", page: "man/portreeve.1", gate: "rm", damage: None }
    }
}

/// How an installation ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) is_installed: bool,
    /// What both scripts printed.
    pub(crate) said: String,
}

pub(crate) struct Scratch {
    dir: tempfile::TempDir,
    pub(crate) root: PathBuf,
    /// Names of additional environment variables for the scripts, and their values.
    pub(crate) environment: Vec<(String, String)>,
    /// The shell and its options; the one that a script names itself, where empty.
    pub(crate) shell: &'static [&'static str],
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        let scratch = Self { root: base.join("root"), dir, environment: Vec::new(), shell: &[] };
        // Other accounts look into the root, too.
        fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
        for folder in [
            "Library/LaunchDaemons",
            "Library/Logs",
            "Library/Application Support",
            "private/etc",
            "private/var/db",
            "usr",
            "Users",
        ] {
            let path = scratch.root.join(folder);
            fs::create_dir_all(&path).unwrap();
            for folder in path.ancestors().take_while(|path| path.starts_with(&scratch.root)) {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        fs::create_dir_all(scratch.state()).unwrap();
        for (name, body) in [("launchctl", LAUNCHCTL), ("pkgutil", PKGUTIL)] {
            let state = scratch.state();
            let text =
                format!("#!/bin/sh\nstate={0}\nprintf '%s %s\\n' {name} \"$*\" >>{0}/calls\n{body}", state.display());
            put_program(&scratch.base().join("bin").join(name), &text);
        }
        scratch
    }

    pub(crate) fn base(&self) -> &Path {
        self.root.parent().unwrap()
    }

    /// Memory of the stand-ins.
    pub(crate) fn state(&self) -> PathBuf {
        self.base().join("state")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Sets a switch of the stand-ins.
    pub(crate) fn set(&self, switch: &str) {
        fs::write(self.state().join(switch), "").unwrap();
    }

    pub(crate) fn has(&self, switch: &str) -> bool {
        self.state().join(switch).exists()
    }

    /// What was asked of the stand-ins since the last call, without the looks at what has no effect.
    pub(crate) fn calls(&self) -> Vec<String> {
        let path = self.state().join("calls");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let root = self.root.display().to_string();
        text.lines()
            .filter(|line| {
                !["launchctl print", "pkgutil"].iter().any(|start| line.starts_with(start)) || line.contains("--forget")
            })
            .map(|line| line.replace(&root, "ROOT"))
            .collect()
    }

    /// Every path of the volume but the log, with mode and content.
    pub(crate) fn listing(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, out: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let name = path.strip_prefix(root).unwrap().display().to_string();
                if name == "Library/Logs/Portreeve" {
                    continue;
                }
                let content = if metadata.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
                out.push(format!("{:o} {name} {content}", metadata.permissions().mode()));
                if metadata.is_dir() {
                    walk(&path, root, out);
                }
            }
        }
        let mut out = Vec::new();
        walk(&self.root, &self.root, &mut out);
        out.sort();
        out
    }

    fn inputs(&self, package: &Package) -> Inputs {
        let program = PROGRAM
            .replace("@STATE@", &self.state().display().to_string())
            .replace("@ROOT@", &self.root.display().to_string())
            .replace("@SAYS@", package.says)
            .replace("@SELFTEST@", package.selftest)
            .replace("@GATE@", package.gate);
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path(), program.as_bytes());
        fs::write(sources.generated.join(package.page), package.version).unwrap();
        Inputs::read(&sources).unwrap()
    }

    /// `commands.sh` of the tests: our stand-ins first, and whoever runs the tests in place of root.
    fn commands(&self) -> String {
        format!(
            "PATH={}:/usr/bin:/bin:/usr/sbin:/sbin\nLC_ALL=C\nexport PATH LC_ALL\nunset IFS\nrunning_volume={}\ntrusted_uid={}\nls_acl=\npause=0.03\n",
            self.base().join("bin").display(),
            self.root.display(),
            nix::unistd::geteuid(),
        )
    }

    fn trees(&self, package: &Package) -> (Tree, Tree) {
        let commands = self.commands();
        let scripts = Scripts { commands: &commands };
        let payload = contents::payload(&self.inputs(package), package.version, scripts).unwrap();
        let scripts = contents::scripts(&payload, package.version, scripts).unwrap();
        (payload, scripts)
    }

    /// Runs a script as the installer does.
    fn run(&self, script: &Path, arguments: &[&str]) -> Output {
        self.command(script, arguments).output().unwrap()
    }

    fn command(&self, script: &Path, arguments: &[&str]) -> Command {
        let mut words = self.shell.iter().map(OsStr::new).chain([script.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null());
        command
    }

    /// Installs, and kills the script that runs once `patience` has passed in it. Whether it was killed.
    pub(crate) fn install_killed(&self, package: &Package, script: &str, patience: Duration) -> bool {
        let (payload, scripts) = self.trees(package);
        let sandbox = tempfile::tempdir().unwrap();
        lay_down(&scripts, sandbox.path(), usize::MAX);
        let volume = self.root.display().to_string();
        let arguments = ["/tmp/portreeve.pkg", volume.as_str(), volume.as_str(), "/"];
        if script == "postinstall" {
            assert!(self.run(&sandbox.path().join("preinstall"), &arguments).status.success());
            lay_down(&payload, &self.root, usize::MAX);
        }
        let mut child = self
            .command(&sandbox.path().join(script), &arguments)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let is_running = child.try_wait().unwrap().is_none();
        if is_running {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
        }
        child.wait().unwrap();
        is_running
    }

    /// Installs as Apple's installer does: preinstall, the files each in one step, postinstall, the receipt.
    pub(crate) fn install(&self, package: &Package) -> Outcome {
        self.install_until(package, usize::MAX)
    }

    /// The same, but the power goes once `files` of them are laid down.
    pub(crate) fn install_until(&self, package: &Package, files: usize) -> Outcome {
        let (payload, scripts) = self.trees(package);
        let sandbox = tempfile::tempdir().unwrap();
        lay_down(&scripts, sandbox.path(), usize::MAX);
        let volume = self.root.display().to_string();
        let arguments = ["/tmp/portreeve.pkg", volume.as_str(), volume.as_str(), "/"];
        let mut said = String::new();
        for script in ["preinstall", "postinstall"] {
            if script == "postinstall" {
                lay_down(&payload, &self.root, files);
                if files < usize::MAX {
                    return Outcome { is_installed: false, said };
                }
                if let Some(damage) = package.damage {
                    damage(&self.root);
                }
            }
            let output = self.run(&sandbox.path().join(script), &arguments);
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            said.push_str(&String::from_utf8_lossy(&output.stderr));
            if !output.status.success() {
                return Outcome { is_installed: false, said };
            }
        }
        fs::write(self.state().join("receipt"), package.version).unwrap();
        Outcome { is_installed: true, said }
    }

    pub(crate) fn uninstall(&self, arguments: &[&str]) -> Outcome {
        let output = self.run(&self.path("usr/local/libexec/portreeve/uninstall"), arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Outcome { is_installed: !output.status.success(), said: said.replace(&self.root.display().to_string(), "ROOT") }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("Library/Logs/Portreeve/install.log")).unwrap_or_default()
    }
}

fn put_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn lay_down(tree: &Tree, folder: &Path, files: usize) {
    for entry in tree.entries().take(files) {
        let path = folder.join(entry.path);
        match entry.content {
            None if path.is_dir() => {}
            None => {
                fs::create_dir(&path).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(u32::from(entry.mode))).unwrap();
            }
            Some(content) => {
                let beside = folder.join(format!("{}.new", entry.path));
                fs::write(&beside, content).unwrap();
                fs::set_permissions(&beside, fs::Permissions::from_mode(u32::from(entry.mode))).unwrap();
                fs::rename(&beside, &path).unwrap();
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Kept for whoever looks why a test failed.
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.dir.path().display(), self.log());
        }
    }
}
