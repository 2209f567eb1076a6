//! Nodes with a container engine of their own.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use crate::{Portreeve, is_root, skip, wait_until};

/// Names the folder that `scripts/engine` prints.
const FOLDER: &str = "PORTREEVE_NODES";
/// Names the `DOCKER_CONFIG` whose plug-ins hold Compose.
const CONFIG: &str = "PORTREEVE_DOCKER_CONFIG";
/// Names the folder of the program that runs in containers, for this bench and for `portreeve` itself.
const PROBE: &str = "PORTREEVE_PROBE_DIR";
/// The networks `bridge`, `host` and `none`.
const ENGINES_OWN: usize = 3;
const LIMIT: Duration = Duration::from_mins(10);

/// A machine of its own as far as processes, network and mounts go, with a Docker Engine in its usual place. Nobody else uses it until it
/// is dropped, and nothing else runs on it when it is taken.
#[derive(Debug)]
pub struct Node {
    folder: PathBuf,
    pid: String,
    config: PathBuf,
    keeps: Option<&'static str>,
    #[expect(dead_code, reason = "held for its lock")]
    lock: File,
}

impl Node {
    /// Waits for one that is free. None, after having said so, where there are none.
    pub fn take() -> Option<Self> {
        Self::free(None)
    }

    /// The same, but a project of this name that runs there is left for the next test that keeps it. Compose makes anew what is defined in
    /// another way, so that tests which differ in their clients only start one gateway.
    pub fn take_with(project: &'static str) -> Option<Self> {
        Self::free(Some(project))
    }

    fn free(keeps: Option<&'static str>) -> Option<Self> {
        let Some(nodes) = env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else {
            skip(&format!("{FOLDER} is not set"));
            return None;
        };
        if !is_root() {
            skip("an engine's namespaces need root");
            return None;
        }
        let config =
            PathBuf::from(env::var_os(CONFIG).unwrap_or_else(|| panic!("{FOLDER} is set, and {CONFIG} is not")));
        let folders: Vec<PathBuf> = fs::read_dir(&nodes).unwrap().map(|entry| entry.unwrap().path()).collect();
        let folders = || folders.iter().filter(|folder| folder.join("pid").is_file());
        assert!(folders().next().is_some(), "no node runs in `{}`: scripts/engine starts them", nodes.display());
        let (folder, lock) = wait_until("a node with an engine", LIMIT, || {
            folders().find_map(|folder| {
                let file = File::options().create(true).append(true).open(folder.join("lock")).unwrap();
                file.try_lock().is_ok().then(|| (folder.clone(), file))
            })
        });
        let pid = fs::read_to_string(folder.join("pid")).unwrap().trim().to_owned();
        let node = Self { folder, pid, config, keeps, lock };
        node.clear();
        let kept = |name: &String| keeps.is_some_and(|keeps| name.contains(keeps));
        let left: Vec<String> = node.inventory().into_iter().filter(|name| !kept(name)).collect();
        assert_eq!(left.len(), ENGINES_OWN, "left on the node: {left:?}");
        fs::create_dir_all(node.work()).unwrap();
        Some(node)
    }

    /// The words that run a command on the node.
    pub fn prefix(&self) -> Vec<String> {
        ["nsenter", "--target", &self.pid, "--mount", "--pid", "--net", "--"].map(ToOwned::to_owned).to_vec()
    }

    /// A command on the node, with nothing of this program's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let prefix = self.prefix();
        let mut command = Command::new(&prefix[0]);
        command.args(&prefix[1..]).arg(program).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// `docker`, which talks to the node's engine.
    pub fn docker_command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.work());
        command.env("DOCKER_CONFIG", &self.config);
        command.env("DOCKER_HOST", format!("unix://{}", self.folder.join("docker.sock").display()));
        command
    }

    /// What `docker` says. Fails where it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.docker_command().args(arguments).output().unwrap();
        text(&format!("docker {}", arguments.join(" ")), &output)
    }

    /// `portreeve` on the node, as a user with this home.
    pub fn portreeve(&self, home: &Path) -> Portreeve {
        let portreeve = Portreeve::new(home).through(self.prefix());
        match env::var(PROBE) {
            Ok(folder) => portreeve.env(PROBE, &folder),
            Err(_) => portreeve,
        }
    }

    /// Ids of all containers, in whatever state.
    pub fn containers(&self) -> Vec<String> {
        self.list(&["ps", "--all", "--quiet", "--no-trunc"])
    }

    /// Names of everything that the engine holds: containers, networks and volumes.
    pub fn inventory(&self) -> Vec<String> {
        let containers = self.list(&["ps", "--all", "--format", "container {{.Names}}"]);
        let networks = self.list(&["network", "ls", "--format", "network {{.Name}}"]);
        let volumes = self.list(&["volume", "ls", "--format", "volume {{.Name}}"]);
        [containers, networks, volumes].concat()
    }

    /// Where projects and homes of this node are made. Empty when the node is taken.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    fn list(&self, arguments: &[&str]) -> Vec<String> {
        self.docker(arguments).lines().map(ToOwned::to_owned).collect()
    }

    /// Removes whatever there is but what is kept: a test that was killed may have left something.
    fn clear(&self) {
        let run = |arguments: &[&str], names: &[String]| {
            if !names.is_empty() {
                let _ = self.docker_command().args(arguments).args(names).output();
            }
        };
        let others = |arguments: &[&str]| -> Vec<String> {
            let output = self.docker_command().args(arguments).output().unwrap();
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            let prefix = self.keeps.map(|project| [format!("{project}-"), format!("{project}_")]);
            let kept = |name: &&str| prefix.iter().flatten().any(|prefix| name.starts_with(prefix));
            names.lines().filter(|name| !kept(name)).map(ToOwned::to_owned).collect()
        };
        run(&["rm", "--force", "--volumes"], &others(&["ps", "--all", "--format", "{{.Names}}"]));
        run(&["network", "rm"], &others(&["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"]));
        run(&["volume", "rm", "--force"], &others(&["volume", "ls", "--format", "{{.Name}}"]));
        for entry in fs::read_dir(self.work()).into_iter().flatten().flatten() {
            if self.keeps.is_none_or(|keeps| entry.file_name() != keeps) {
                let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if thread::panicking() {
            self.keeps = None;
        }
        self.clear();
    }
}

/// Standard output of a command that succeeded.
pub(crate) fn text(what: &str, output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "`{what}`: {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
