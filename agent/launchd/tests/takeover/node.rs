//! A node's folders, and a launchd that keeps books.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use portreeve_launchd::{Installer, Place};
use portreeve_observe::command::{CommandError, Ending, Invocation, Output, Runner};
use portreeve_observe::plist;

use crate::{LABEL, SECRET};

/// What launchd knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) loaded: BTreeSet<String>,
    pub(crate) disabled: BTreeSet<String>,
}

/// Answers as `launchctl` does.
#[derive(Default)]
pub(crate) struct Launchd {
    pub(crate) books: Mutex<Books>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// The command, counted from 0 among those that change something, that fails.
    pub(crate) fails_at: Option<usize>,
    /// The one at which the installer itself comes to its end.
    pub(crate) dies_at: Option<usize>,
    pub(crate) changes: Mutex<usize>,
}

impl Launchd {
    pub(crate) fn with(loaded: &[&str]) -> Self {
        let launchd = Self::default();
        launchd.books.lock().unwrap().loaded.extend(loaded.iter().map(|label| (*label).to_owned()));
        launchd
    }

    pub(crate) fn switch_off(&self, label: &str) {
        self.books.lock().unwrap().disabled.insert(label.to_owned());
    }

    pub(crate) fn books(&self) -> Books {
        self.books.lock().unwrap().clone()
    }

    pub(crate) fn changes(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| !line.contains(" print")).cloned().collect()
    }
}

impl Runner for Launchd {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        assert_eq!(invocation.program, "/bin/launchctl");
        let command = invocation.to_string();
        self.asked.lock().unwrap().push(command.clone());
        let fail = |status, stderr: &str| {
            let output = Output { stdout: Vec::new(), stderr: stderr.into() };
            Err(CommandError::Failed { command: command.clone(), ending: Ending::Exit(status), output })
        };
        let words: Vec<&str> = command.split(' ').collect();
        let mut books = self.books.lock().unwrap();
        if !words[1].starts_with("print") {
            let mut changes = self.changes.lock().unwrap();
            let number = *changes;
            *changes += 1;
            if self.dies_at == Some(number) {
                drop((changes, books));
                std::panic::resume_unwind(Box::new("killed"));
            }
            if self.fails_at == Some(number) {
                return fail(5, "Bootstrap failed: 5: Input/output error\n");
            }
        }
        let label = words[2].strip_prefix("system/").unwrap_or_default().to_owned();
        match words[1] {
            "print" if books.loaded.contains(&label) => Ok(Output::default()),
            "print" | "bootout" if !books.loaded.remove(&label) => {
                fail(113, &format!("Bad request.\nCould not find service \"{label}\" in domain for system\n"))
            }
            "print-disabled" => {
                let lines: String =
                    books.disabled.iter().map(|label| format!("\t\t\"{label}\" => disabled\n")).collect();
                let stdout = format!("\n\tdisabled services = {{\n{lines}\t}}\n");
                Ok(Output { stdout: stdout.into(), stderr: Vec::new() })
            }
            "bootout" => Ok(Output::default()),
            "enable" => {
                books.disabled.remove(&label);
                Ok(Output::default())
            }
            "disable" => {
                books.disabled.insert(label);
                Ok(Output::default())
            }
            "bootstrap" => {
                assert_eq!(words[2], "system");
                let bytes = fs::read(words[3]).unwrap();
                let label =
                    plist::parse(&bytes).unwrap().as_dictionary().unwrap()["Label"].as_string().unwrap().to_owned();
                if books.disabled.contains(&label) || !books.loaded.insert(label) {
                    return fail(5, "Bootstrap failed: 5: Input/output error\n");
                }
                Ok(Output::default())
            }
            other => Err(CommandError::Start { command: other.to_owned(), source: io::ErrorKind::NotFound.into() }),
        }
    }
}

/// A node's folders.
pub(crate) struct Node {
    pub(crate) root: tempfile::TempDir,
    pub(crate) place: Place,
}

impl Node {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(root.path()).unwrap();
        let folder = path.join("LaunchDaemons");
        fs::create_dir(&folder).unwrap();
        let program = path.join("portreeve");
        fs::write(&program, "").unwrap();
        for (path, mode) in [(&folder, 0o755), (&program, 0o755)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let uid = fs::metadata(&folder).unwrap().uid();
        Self { root, place: Place { folder, domain: "system".to_owned(), uid } }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(name)
    }

    pub(crate) fn unit(&self) -> PathBuf {
        let path = self.place.folder.join(format!("{LABEL}.plist"));
        let program = self.path("portreeve");
        fs::write(&path, list(&program, "")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        path
    }

    pub(crate) fn installer<'a>(&'a self, data: &'a Path, program: &'a Path, runner: &'a dyn Runner) -> Installer<'a> {
        Installer { place: &self.place, data_dir: data, program, runner }
    }

    /// What is in the folder: names, bytes and modes.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>, u32)> {
        let mut files: Vec<_> = fs::read_dir(&self.place.folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
                (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap(), mode)
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn list(program: &Path, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- written by hand -->\n<plist version=\"1.0\"><dict>\n\
         <key>Label</key><string>{LABEL}</string>\n<key>KeepAlive</key><true/>\n\
         <key>ProgramArguments</key><array><string>{}</string><string>gateway</string><string>--token</string>\
         <string>{SECRET}</string></array>\n<key>EnvironmentVariables</key><dict><key>HOME</key><string>/Users/claw</string>\
         <key>OPENCLAW_LAUNCHD_LABEL</key><string>{LABEL}</string><key>OPENCLAW_GATEWAY_TOKEN</key><string>{SECRET}</string>\
         <key>SOME_KEY</key><string>{SECRET}</string></dict>\n\
         <key>StandardOutPath</key><string>/tmp/out.log</string><key>UserName</key><string>claw</string>\n{more}</dict></plist>\n",
        program.display()
    )
}
