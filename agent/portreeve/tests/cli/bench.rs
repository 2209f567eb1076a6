//! The binary in a folder of its own, and the facts that it judges.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// `portreeve` with an environment and a folder of its own: no file and no variable of this machine decides what it says.
pub(crate) struct Bench {
    folder: TempDir,
    columns: usize,
}

/// What one call gave.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("portreeve.toml"), "").unwrap();
        Self { folder, columns: 80 }
    }

    /// On a terminal of another width.
    pub(crate) fn columns(self, columns: usize) -> Self {
        Self { columns, ..self }
    }

    /// A file of its folder, written.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
        command.args(arguments).env_clear().current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        // What this machine's engines hold is no business of these tests.
        command.env("PORTREEVE_CONTAINERS", "off");
        command.env("COLUMNS", self.columns.to_string()).env("NO_COLOR", "1");
        command.env("PORTREEVE_CONFIG", self.path("portreeve.toml")).env("PORTREEVE_DATA_DIR", self.path("data"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.tell(self.command(arguments).output().unwrap())
    }

    /// The output with the name of the folder taken out.
    pub(crate) fn tell(&self, output: Output) -> Run {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(folder, "[DIR]");
        Run { status: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        for (name, text) in [("output", &self.stdout), ("error", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "\n----- {name} -----\n{text}")?;
            }
        }
        Ok(())
    }
}

/// The facts of one node, kept with the tests.
pub(crate) fn facts(name: &str) -> String {
    fixture(&format!("{name}.json")).to_str().unwrap().to_owned()
}

/// The same, to be changed.
pub(crate) fn facts_value(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(facts(name)).unwrap()).unwrap()
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Fails where a line is wider than the terminal without need: a command to copy and a single long word stay whole.
pub(crate) fn assert_fits(text: &str, columns: usize) {
    for line in text.lines() {
        let words = line.split_whitespace().count();
        let copied = line.trim_start().starts_with("$ ");
        let width = line.chars().count();
        let whole = words == 1 || line.split_whitespace().last().is_some_and(|last| last.chars().count() > columns / 2);
        assert!(width <= columns || copied || whole, "{width} columns: {line}");
    }
}
