//! Compose projects.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::home::{set, unset, write_private};
use crate::node::text;
use crate::openclaw::NOT_TWICE;
use crate::{Checked, Linted, Node, OpenClaw, Portreeve, wait_until, yaml};

/// The image of the `OpenClaw` that is tested against.
pub const IMAGE: &str = "portreeve-lab/openclaw:2026.9.6";
/// The user of the image.
const USER: u32 = 1000;
/// Far above the 15 to 20 s of a start in a container on an idle machine with two cores.
const READY: Duration = Duration::from_mins(3);
const STATE: u32 = 0o700;

/// A Compose project in a folder of its own. What runs of it is removed with its node.
#[derive(Debug)]
pub struct Project<'a> {
    node: &'a Node,
    modules: String,
    cache: String,
    folder: PathBuf,
    compose: Value,
}

impl<'a> Project<'a> {
    /// A project without services.
    pub fn new(node: &'a Node, openclaw: &OpenClaw, name: &str) -> Self {
        let folder = node.work().join(name);
        fs::create_dir_all(&folder).unwrap();
        let modules = openclaw.modules().canonicalize().unwrap();
        let cache = modules.with_file_name("compile-cache-of-containers");
        fs::create_dir_all(&cache).unwrap();
        // Whoever OpenClaw is in a container keeps what it compiled there.
        fs::set_permissions(&cache, Permissions::from_mode(0o1777)).unwrap();
        let [modules, cache] = [modules, cache].map(|path| path.display().to_string());
        Self { node, modules, cache, folder, compose: json!({ "services": {} }) }
    }

    /// The shape that `OpenClaw` publishes: `openclaw-gateway` on port 18789 of its namespace and of the host's loopback, and
    /// `openclaw-cli` in the gateway's namespace, both with the state in `./state` and the token of `.env`.
    pub fn split(node: &'a Node, openclaw: &OpenClaw, name: &str, token: &str) -> Self {
        let project =
            Self::new(node, openclaw, name).gateway("openclaw-gateway", "./state").cli("openclaw-cli", "./state");
        let project = project.set("/services/openclaw-cli/network_mode", json!("service:openclaw-gateway"));
        let project = project.set("/services/openclaw-gateway/ports", json!(["127.0.0.1:18789:18789"]));
        project.write(".env", &format!("OPENCLAW_GATEWAY_TOKEN={token}\n"));
        project.state("state", &json!({ "gateway": { "mode": "local" } }));
        project
    }

    /// Adds a gateway that has its state in a folder or volume, listens on every address, and publishes nothing.
    #[must_use]
    pub fn gateway(self, service: &str, state: &str) -> Self {
        let project = self.openclaw(service, state).set(
            &format!("/services/{service}/command"),
            json!(["node", "dist/index.js", "gateway", "--bind", "lan", "--port", "18789"]),
        );
        project.set(&format!("/services/{service}/init"), json!(true))
    }

    /// Adds a command line that has its state in a folder or volume, and waits for commands.
    #[must_use]
    pub fn cli(self, service: &str, state: &str) -> Self {
        let project = self.openclaw(service, state);
        project.set(&format!("/services/{service}/entrypoint"), json!(["node", "dist/index.js"]))
    }

    fn openclaw(self, service: &str, state: &str) -> Self {
        let modules = format!("{}:/app/node_modules:ro", self.modules);
        let cache = format!("{}:/var/cache/node", self.cache);
        let definition = json!({
            "image": IMAGE,
            "environment": {
                "HOME": "/home/node",
                "NODE_COMPILE_CACHE": "/var/cache/node",
                (NOT_TWICE.0): NOT_TWICE.1,
                "OPENCLAW_GATEWAY_TOKEN": "${OPENCLAW_GATEWAY_TOKEN:-}",
            },
            "volumes": [format!("{state}:/home/node/.openclaw"), modules, cache],
        });
        self.set(&format!("/services/{service}"), definition)
    }

    /// Sets a value of the Compose file by its JSON pointer; objects on the way are made.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        self.set_in_place(pointer, value);
        self
    }

    pub(crate) fn set_in_place(&mut self, pointer: &str, value: Value) {
        set(&mut self.compose, pointer, value);
    }

    /// Removes a value of the Compose file.
    #[must_use]
    pub fn unset(mut self, pointer: &str) -> Self {
        self.unset_in_place(pointer);
        self
    }

    pub(crate) fn unset_in_place(&mut self, pointer: &str) {
        unset(&mut self.compose, pointer);
    }

    /// A value of the Compose file.
    pub fn value(&self, pointer: &str) -> Value {
        self.compose.pointer(pointer).unwrap_or_else(|| panic!("`{pointer}` is not in the Compose file")).clone()
    }

    /// Sets a variable of a service.
    #[must_use]
    pub fn env(self, service: &str, name: &str, value: &str) -> Self {
        self.set(&format!("/services/{service}/environment/{name}"), json!(value))
    }

    /// Replaces a file of the project.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a state directory with a config, of the image's user. Left as it is where an earlier test made it with the same one: its
    /// gateway may run.
    pub fn state(&self, name: &str, config: &Value) {
        let config = serde_json::to_string_pretty(config).unwrap();
        let made = self.folder.join(format!("{name}.made"));
        if fs::read_to_string(&made).is_ok_and(|text| text == config) {
            return;
        }
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(STATE)).unwrap();
        chown(&folder, Some(USER), Some(USER)).unwrap();
        let file = folder.join("openclaw.json");
        write_private(&file, &config);
        chown(&file, Some(USER), Some(USER)).unwrap();
        fs::write(made, config).unwrap();
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Name of the container of a service.
    pub fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.name())
    }

    /// Writes the Compose file.
    pub fn save(&self) {
        self.write("compose.yaml", &yaml::block(&self.compose));
    }

    /// `docker compose` in its folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.node.docker_command();
        command.arg("compose").args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs `docker compose` in its folder. Fails where it fails.
    pub fn compose(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        text(&format!("docker compose {}", arguments.join(" ")), &output)
    }

    /// Writes the Compose file and starts these services, all where none is named.
    pub fn up(&self, services: &[&str]) {
        self.save();
        self.compose(&[&["up", "--detach", "--quiet-pull"], services].concat());
    }

    /// Starts the services and waits until the gateway of `openclaw-gateway` is ready.
    pub fn up_until_ready(&self) {
        self.up(&[]);
        self.wait_until_ready("openclaw-gateway");
    }

    /// Waits until the gateway of a service says on its own loopback that it is ready.
    pub fn wait_until_ready(&self, service: &str) {
        let container = self.container(service);
        let script = "until wget -q -O /dev/null http://127.0.0.1:18789/readyz; do sleep 0.2; done";
        let mut command = self.node.docker_command();
        command.args(["exec", &container, "sh", "-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let status = wait_until(&format!("readiness of {container}"), READY, || child.try_wait().unwrap());
        assert!(status.success(), "{container} has ended:\n{}", self.said(service));
    }

    /// What a service said.
    pub fn said(&self, service: &str) -> String {
        let output = self.node.docker_command().args(["logs", &self.container(service)]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Waits for the end of a service, and gives its exit status.
    pub fn wait_until_exit(&self, service: &str) -> i64 {
        let container = self.container(service);
        wait_until(&format!("the end of {container}"), READY, || {
            let state = self.node.docker(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", &container]);
            let (status, code) = state.trim().split_once(' ').unwrap();
            matches!(status, "exited" | "dead").then(|| code.parse().unwrap())
        })
    }

    /// How often the engine started a service again; none where it has no container.
    pub(crate) fn restarts(&self, service: &str) -> Option<u32> {
        let container = self.container(service);
        let output = self.node.docker_command().args(["inspect", "--format", "{{.RestartCount}}", &container]).output();
        String::from_utf8_lossy(&output.unwrap().stdout).trim().parse().ok()
    }

    /// Runs the command line of a service as `docker compose run` does. It is given no more than a minute: now and then the real one says
    /// what it has to say and does not end.
    pub fn run(&self, service: &str, arguments: &[&str]) -> Output {
        let compose = self.command(&[&["run", "--rm", "-T", "--no-deps", service], arguments].concat());
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "60"]).arg(compose.get_program()).args(compose.get_args()).stdin(Stdio::null());
        command.env_clear().envs(compose.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&self.folder).output().unwrap()
    }

    /// Runs a program in the container of a service.
    pub fn exec(&self, service: &str, words: &[&str]) -> Output {
        self.command(&[&["exec", "-T", service], words].concat()).output().unwrap()
    }

    /// `portreeve` on the node, as a user who has nothing of `OpenClaw` outside of containers.
    pub fn portreeve(&self) -> Portreeve {
        let home = self.node.work().join("home");
        fs::create_dir_all(&home).unwrap();
        self.node.portreeve(&home)
    }

    /// `portreeve check` on the node.
    pub fn check(&self) -> Checked {
        self.portreeve().check()
    }

    /// `portreeve lint` on the project, as one who is in its folder, without an engine.
    pub fn lint(&self) -> Linted {
        self.lint_of(&[])
    }

    /// The same on this project and another at once.
    pub fn lint_with(&self, other: &Self) -> Linted {
        self.lint_of(&[&self.folder, &other.folder])
    }

    fn lint_of(&self, folders: &[&Path]) -> Linted {
        let home = tempfile::tempdir().unwrap();
        let mut command = Portreeve::new(home.path()).command();
        command.args(["lint", "--format", "json"]).args(folders).current_dir(&self.folder);
        Linted::new(&command.output().unwrap())
    }
}
