//! A real gateway in a throw-away home.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::guard::group_size;
use crate::home::set;
use crate::slots::Slot;
use crate::{Builder, Home, Portreeve, Running, get, wait_until};

/// Far above the 7 to 12 s of a start on an idle machine with two cores.
const READY: Duration = Duration::from_mins(6);
/// Far above the 15 s in which one that finds its port taken gives up on an idle machine.
const EXIT: Duration = Duration::from_mins(5);
const BUSY: &str = "gateway.state.lock";

/// A gateway, running or not, with its home. Its processes and its home go when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    spec: Builder,
    running: Option<Running>,
    // Removed after the processes that write below it are gone.
    home: Home,
}

impl Gateway {
    pub(crate) fn new(spec: Builder, home: Home) -> Self {
        Self { spec, running: None, home }
    }

    /// Its home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its state directory.
    pub fn state(&self) -> &Path {
        self.home.state()
    }

    /// The port that it was built with.
    pub fn port(&self) -> u16 {
        self.spec.port
    }

    /// The log file that its config names.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home().join("gateway.log")).unwrap_or_default()
    }

    /// What it said on its terminal, over all its starts.
    pub fn console(&self) -> String {
        fs::read_to_string(self.home().join("console.log")).unwrap_or_default()
    }

    /// The config as it was built.
    pub fn config(&self) -> Value {
        self.spec.config.clone()
    }

    /// Replaces a file of its state directory.
    pub fn write(&self, name: &str, text: &str) {
        self.home.write(name, text);
    }

    /// Replaces the config file.
    pub fn write_config(&self, text: &str) {
        self.home.write("openclaw.json", text);
    }

    /// Its first process.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    /// From its next start on it listens there, whatever its config says.
    pub fn listen_on(&mut self, port: u16) {
        self.spec.arguments.extend(["--port".to_owned(), port.to_string()]);
    }

    /// Starts it and returns at once.
    pub fn spawn(&mut self) {
        assert!(self.running.is_none(), "the gateway runs already");
        self.running = Some(self.start(&self.spec.arguments));
    }

    /// A second gateway with the same home and state, on another port; ends with its exit.
    pub fn second(&self) -> ExitStatus {
        let _slot = Slot::take();
        let mut arguments = self.spec.arguments.clone();
        arguments.extend(["--port".to_owned(), crate::free_port().to_string()]);
        let mut second = self.start(&arguments);
        wait_until("the second gateway's exit", EXIT, || second.child.try_wait().unwrap())
    }

    fn start(&self, arguments: &[String]) -> Running {
        let log = File::options().create(true).append(true).open(self.home().join("console.log")).unwrap();
        let mut command = self.spec.openclaw.command(&self.spec.prefix, self.home());
        command.args(arguments).envs(self.spec.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Running::start(&mut command, Some(self.home()))
    }

    /// Starts it and waits until `/readyz` says so.
    pub fn start_until_ready(&mut self) {
        let _slot = Slot::take();
        self.spawn();
        self.wait_until_ready();
    }

    /// Waits until `/readyz` is 200 on the port that it was built with.
    pub fn wait_until_ready(&mut self) {
        let home = self.home().display().to_string();
        let what = format!("readiness of the gateway in `{home}`");
        wait_until(&what, READY, || {
            let child = &mut self.running.as_mut().unwrap().child;
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the gateway ended with {status}:\n{}", self.console());
            }
            self.is_ready().then_some(())
        });
    }

    fn is_ready(&self) -> bool {
        if !self.in_namespace() {
            return get(self.port(), "/readyz").is_some_and(|(status, _)| status == 200);
        }
        let script = format!(
            "fetch('http://127.0.0.1:{}/readyz').then(r => process.exit(r.status === 200 ? 0 : 1), () => process.exit(1))",
            self.port()
        );
        let mut words = self.spec.prefix.iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(self.spec.openclaw.node()).args(["-e", &script]);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Waits until it has written its lock file: from then on it is the owner of its state.
    pub fn wait_until_owner(&self) {
        let locks = self.state().join("tmp");
        wait_until("the gateway's lock file", READY, || {
            let folders = fs::read_dir(&locks).ok()?.flatten();
            folders.map(|folder| folder.path().join(BUSY)).find(|path| path.is_file()).map(|_| ())
        });
    }

    /// Waits until its log file or its terminal has `text` at least `times` times.
    pub fn wait_until_said(&self, text: &str, times: usize) {
        wait_until(&format!("`{text}` in the gateway's log"), READY, || {
            (self.console().matches(text).count() >= times || self.log().matches(text).count() >= times).then_some(())
        });
    }

    /// Waits for its exit.
    pub fn wait_until_exit(&mut self) -> ExitStatus {
        let mut running = self.running.take().unwrap();
        wait_until("the gateway's exit", EXIT, || running.child.try_wait().unwrap())
    }

    /// Starts it and waits for its exit, where it is to refuse.
    pub fn start_until_exit(&mut self) -> ExitStatus {
        let _slot = Slot::take();
        self.spawn();
        self.wait_until_exit()
    }

    /// Sends a signal to its processes.
    pub fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait_until_exit()
    }

    /// Kills it, and waits.
    pub fn kill(&mut self) {
        let group = self.pid();
        self.signal(Signal::SIGKILL);
        self.wait_until_exit();
        // The one that listens may be its child, and takes a moment longer to go.
        wait_until("the end of the gateway's children", EXIT, || (group_size(group) == 0).then_some(()));
    }

    /// What it is started with the next time.
    pub(crate) fn spec(&mut self) -> &mut Builder {
        &mut self.spec
    }

    /// Starts it again where it has ended.
    pub(crate) fn keep_alive(&mut self) {
        let ended = self.running.as_mut().is_none_or(|running| running.child.try_wait().unwrap().is_some());
        if ended {
            self.running = None;
            self.spawn();
        }
    }

    /// Runs `openclaw` as a user of this home would.
    pub fn openclaw(&self, arguments: &[&str]) -> Output {
        self.spec.openclaw.command(&self.spec.prefix, self.home()).args(arguments).output().unwrap()
    }

    /// `portreeve`, looking at this home only, in this gateway's namespace, with the environment of a user who has set nothing.
    pub fn portreeve(&self) -> Portreeve {
        let portreeve = Portreeve::new(self.home());
        if self.in_namespace() { portreeve.through(self.spec.prefix.clone()) } else { portreeve }
    }

    fn in_namespace(&self) -> bool {
        self.spec.prefix.first().is_some_and(|word| word == "ip" || word == "nsenter")
    }

    /// The config with another value at a JSON pointer, as text.
    pub fn config_with(&self, pointer: &str, value: Value) -> String {
        let mut config = self.config();
        set(&mut config, pointer, value);
        serde_json::to_string_pretty(&config).unwrap()
    }
}
