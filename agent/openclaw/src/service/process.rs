//! What a process is, as far as OpenClaw is concerned.
//!
//! OpenClaw overwrites its argument vector with a title, so that the script's path and the options are gone soon after the
//! start: first `node …/openclaw.mjs gateway run …`, within half a second `openclaw`, and in the run loop
//! `openclaw-gateway`. Two traps follow. The title `openclaw-<command>` is that of *any* command: `gateway probe` and
//! `gateway call` carry `openclaw-gateway` too, in a child whose parent still shows the full command line. And the kernel's
//! `comm` is `MainThread` or `node` at first, is cut to 15 bytes (`openclaw-gatewa`) later, and is that of every node
//! program: it decides nothing here.

use std::path::Path;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::command::{self, Command};
use crate::environment::{self, Environment};

/// What can be read of a process. Whatever cannot be read is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessView<'a> {
    /// Its id, to compare with the id that a supervised gateway hands to its children.
    pub pid: Option<u32>,
    /// The executable file, as the kernel names it.
    pub exe: Option<&'a Path>,
    /// The argument vector, possibly overwritten by a title; empty trailing arguments do not matter.
    pub argv: &'a [String],
    /// The argument vector of the parent process.
    pub parent_argv: &'a [String],
    /// The environment at its start.
    pub environment: Option<&'a Environment>,
}

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessKind {
    /// A gateway in its run loop. From the title alone another `gateway` command cannot be told from it unless its parent
    /// is known; listener, lock and lease decide.
    Gateway,
    /// A gateway that is starting.
    GatewayStarting,
    /// OpenClaw with a title that does not tell the command: any command in its first second, some for as long as they live.
    Bootstrapping,
    /// A node host, or the process that keeps it alive.
    NodeHost,
    /// `openclaw doctor`
    Doctor,
    /// Another command of the CLI.
    Cli,
    /// A worker of one of the others.
    Worker,
    /// The Mac app.
    MacApp,
    /// Not OpenClaw, or not known to be.
    Not,
}

/// On what a classification rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The process's own command line.
    Arguments,
    /// Its title and its parent's command line.
    TitleAndParent,
    /// Its title and its environment.
    TitleAndEnvironment,
    /// Its title alone.
    Title,
    /// Its executable.
    Executable,
    /// Nothing spoke for OpenClaw.
    Nothing,
}

/// A classified process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is.
    pub kind: ProcessKind,
    /// On what this rests.
    pub basis: Basis,
    /// `--port`, while the command line can still be read.
    pub port: Option<u16>,
    /// `--profile` as typed, while the command line can still be read; it need be none that OpenClaw takes.
    pub profile: Option<String>,
    /// Whether `--token` or `--password` stood on the command line.
    pub shows_secret: bool,
}

impl Process {
    fn of(kind: ProcessKind, basis: Basis) -> Self {
        Self { kind, basis, port: None, profile: None, shows_secret: false }
    }
}

/// Longest profile name that is kept, in bytes.
const MAX_PROFILE_BYTES: usize = 64;

/// Scripts of OpenClaw's workers, below the package.
const WORKERS: [&str; 2] = ["/spawn-broker/worker.js", ".worker.js"];

/// Classifies a process.
pub fn classify_process(view: &ProcessView<'_>) -> Process {
    if is_mac_app(view) {
        return Process::of(ProcessKind::MacApp, Basis::Executable);
    }
    // A process that says of itself to be another program is believed: a shell may carry any arguments.
    let exe_fits = view.exe.is_none_or(|exe| {
        exe.to_str().is_some_and(|exe| command::is_runtime(exe) || command::base_name(exe) == "openclaw")
    });
    if !exe_fits {
        return Process::of(ProcessKind::Not, Basis::Nothing);
    }
    let argv = without_empty_tail(view.argv);
    if is_worker(argv) {
        return Process::of(ProcessKind::Worker, Basis::Arguments);
    }
    if let Some(command) = command::parse(argv) {
        let kind = match kind_of(&command) {
            ProcessKind::Gateway => ProcessKind::GatewayStarting,
            kind => kind,
        };
        return Process {
            kind,
            basis: Basis::Arguments,
            port: command.port(),
            profile: command.profile().map(|profile| crate::log::redact(profile, MAX_PROFILE_BYTES)),
            shows_secret: command.shows_secret(),
        };
    }
    match argv {
        [title] => by_title(title, view),
        _ => Process::of(ProcessKind::Not, Basis::Nothing),
    }
}

/// What the words of a definition start: those of a container or a Compose service, wrappers taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started<'a> {
    /// What it becomes once it runs: [`ProcessKind::Gateway`], [`ProcessKind::NodeHost`], [`ProcessKind::Doctor`] or
    /// [`ProcessKind::Cli`].
    pub kind: ProcessKind,
    /// The command: `gateway`, `node`, `channels`; none where there is none.
    pub name: Option<&'a str>,
    /// The word after it.
    pub action: Option<&'a str>,
    /// `--port` as written.
    pub port: Option<&'a str>,
    /// `--bind` as written.
    pub bind: Option<&'a str>,
    /// `--profile`, or `dev` for `--dev`.
    pub profile: Option<&'a str>,
    /// `--url` as written.
    pub url: Option<&'a str>,
    /// `--host` as written.
    pub host: Option<&'a str>,
    /// Whether `--tls` stands there.
    pub tls: bool,
    /// Whether `--token` or `--password` stand there.
    pub shows_secret: bool,
}

/// Says what the words of a definition start, where they start OpenClaw. With `in_package` the image is known to be OpenClaw's, so that
/// `node dist/index.js` is its program whatever the command.
pub fn classify_definition(words: &[String], in_package: bool) -> Option<Started<'_>> {
    let command = command::parse_definition(words, in_package)?;
    Some(Started {
        kind: kind_of(&command),
        name: command.name,
        action: command.action,
        port: command.option("--port"),
        bind: command.option("--bind"),
        profile: command.profile(),
        url: command.option("--url"),
        host: command.option("--host"),
        tls: command.arguments.iter().any(|argument| argument == "--tls"),
        shows_secret: command.shows_secret(),
    })
}

/// `--token` and `--password` of the same words.
pub fn secrets_of_definition(words: &[String], in_package: bool) -> (Option<SecretString>, Option<SecretString>) {
    let Some(command) = command::parse_definition(words, in_package) else { return (None, None) };
    let secret = |name| command.option(name).filter(|value| !value.is_empty()).map(SecretString::from);
    (secret("--token"), secret("--password"))
}

fn without_empty_tail(argv: &[String]) -> &[String] {
    let used = argv.iter().rposition(|argument| !argument.is_empty()).map_or(0, |at| at + 1);
    argv.get(..used).unwrap_or_default()
}

fn is_mac_app(view: &ProcessView<'_>) -> bool {
    let path = view.exe.and_then(Path::to_str).or_else(|| view.argv.first().map(String::as_str));
    path.is_some_and(|path| path.contains("/OpenClaw.app/Contents/MacOS/"))
}

fn is_worker(argv: &[String]) -> bool {
    let [runtime, rest @ ..] = argv else { return false };
    command::is_runtime(runtime)
        && rest.iter().find(|argument| !argument.starts_with('-')).is_some_and(|script| {
            script.contains("/openclaw/dist/") && WORKERS.iter().any(|worker| script.ends_with(worker))
        })
}

/// What a command becomes once it runs.
fn kind_of(command: &Command<'_>) -> ProcessKind {
    if command.runs_gateway() {
        ProcessKind::Gateway
    } else if command.runs_node_host() {
        ProcessKind::NodeHost
    } else if command.name == Some("doctor") {
        ProcessKind::Doctor
    } else {
        ProcessKind::Cli
    }
}

fn by_title(title: &str, view: &ProcessView<'_>) -> Process {
    let by_title = match title {
        "openclaw" => ProcessKind::Bootstrapping,
        "openclaw-gateway" => ProcessKind::Gateway,
        "openclaw-node" => ProcessKind::NodeHost,
        "openclaw-node-worker" => ProcessKind::Worker,
        "openclaw-doctor" => ProcessKind::Doctor,
        other if other.strip_prefix("openclaw-").is_some_and(is_command_name) => ProcessKind::Cli,
        _ => return Process::of(ProcessKind::Not, Basis::Nothing),
    };
    // The CLI often runs its command in a child; the parent keeps the command line.
    if let Some(parent) = command::parse(without_empty_tail(view.parent_argv)) {
        let kind = match (kind_of(&parent), by_title) {
            (ProcessKind::Gateway, ProcessKind::Bootstrapping) => ProcessKind::GatewayStarting,
            (kind, _) => kind,
        };
        return Process::of(kind, Basis::TitleAndParent);
    }
    if by_title == ProcessKind::Bootstrapping && runs_as_service_gateway(view) {
        return Process::of(ProcessKind::GatewayStarting, Basis::TitleAndEnvironment);
    }
    Process::of(by_title, Basis::Title)
}

fn is_command_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// Whether a service manager started it as a gateway. What a gateway starts inherits the same markers, but with the
/// gateway's pid among them.
fn runs_as_service_gateway(view: &ProcessView<'_>) -> bool {
    let Some(environment) = view.environment else { return false };
    let inherited = environment
        .text(environment::GATEWAY_SERVICE_PID)
        .is_some_and(|owner| view.pid.is_none_or(|pid| owner != pid.to_string()));
    !inherited
        && environment.text(environment::SERVICE_MARKER) == Some(super::SERVICE_MARKER_VALUE)
        && matches!(environment.text(environment::SERVICE_KIND), None | Some("gateway"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "/opt/node/bin/node";
    const CLI: &str = "/lib/node_modules/openclaw/openclaw.mjs";

    fn argv(line: &str) -> Vec<String> {
        line.replace("NODE", NODE).replace("CLI", CLI).split(' ').map(str::to_owned).collect()
    }

    fn classified(line: &str, parent: &str) -> (ProcessKind, Basis) {
        let (argv, parent_argv) = (argv(line), argv(parent));
        let process = classify_process(&ProcessView {
            pid: Some(7),
            exe: Some(Path::new(NODE)),
            argv: &argv,
            parent_argv: &parent_argv,
            environment: None,
        });
        (process.kind, process.basis)
    }

    /// Command lines and parents as a real 2026.9.6 shows them in `/proc`.
    #[test]
    fn real_processes_are_told_apart() {
        for (line, parent, kind, basis) in [
            (
                "NODE CLI gateway run --allow-unconfigured --bind loopback --port 33871",
                "-bash",
                ProcessKind::GatewayStarting,
                Basis::Arguments,
            ),
            ("openclaw      ", "-bash", ProcessKind::Bootstrapping, Basis::Title),
            ("openclaw-gateway      ", "-bash", ProcessKind::Gateway, Basis::Title),
            (
                "NODE /lib/node_modules/openclaw/dist/process/spawn-broker/worker.js",
                "openclaw-gateway",
                ProcessKind::Worker,
                Basis::Arguments,
            ),
            (
                "NODE /lib/node_modules/openclaw/dist/infra/sqlite-readonly-location.worker.js --openclaw-sqlite-readonly-child session",
                "openclaw-gateway",
                ProcessKind::Worker,
                Basis::Arguments,
            ),
            ("NODE CLI gateway probe --timeout 2000", "-bash", ProcessKind::Cli, Basis::Arguments),
            (
                "NODE --disable-warning=ExperimentalWarning CLI gateway probe",
                "NODE CLI gateway probe",
                ProcessKind::Cli,
                Basis::Arguments,
            ),
            ("openclaw", "NODE CLI gateway probe --timeout 2000", ProcessKind::Cli, Basis::TitleAndParent),
            ("openclaw-gateway", "NODE CLI gateway call health", ProcessKind::Cli, Basis::TitleAndParent),
            ("openclaw-devices", "NODE CLI devices list", ProcessKind::Cli, Basis::TitleAndParent),
            ("NODE CLI node run --host 127.0.0.1 --port 33999", "-bash", ProcessKind::NodeHost, Basis::Arguments),
            (
                "NODE CLI --openclaw-node-host-child node run",
                "NODE CLI node run",
                ProcessKind::NodeHost,
                Basis::Arguments,
            ),
            ("openclaw-node", "NODE CLI node run --host 127.0.0.1", ProcessKind::NodeHost, Basis::TitleAndParent),
            ("openclaw-doctor", "", ProcessKind::Doctor, Basis::Title),
            ("NODE /srv/app/dist/index.js serve", "-bash", ProcessKind::Not, Basis::Nothing),
            ("openclaw-gateway --help", "-bash", ProcessKind::Not, Basis::Nothing),
            ("", "", ProcessKind::Not, Basis::Nothing),
        ] {
            assert_eq!(classified(line, parent), (kind, basis), "`{line}` under `{parent}`");
        }
    }

    #[test]
    fn another_executable_is_another_program() {
        let argv = argv("openclaw-gateway");
        let view = |exe| ProcessView { exe, argv: &argv, ..ProcessView::default() };
        assert_eq!(classify_process(&view(Some(Path::new("/bin/sleep")))).kind, ProcessKind::Not);
        assert_eq!(classify_process(&view(Some(Path::new("/usr/bin/node (deleted)")))).kind, ProcessKind::Gateway);
        assert_eq!(classify_process(&view(None)).kind, ProcessKind::Gateway);
        assert_eq!(
            classify_process(&view(Some(Path::new("/Applications/OpenClaw.app/Contents/MacOS/OpenClaw")))).kind,
            ProcessKind::MacApp
        );
    }

    #[test]
    fn the_environment_tells_a_starting_service() {
        let argv = argv("openclaw");
        let with = |owner: Option<&str>| {
            let mut environment = Environment::default();
            environment.set(environment::SERVICE_MARKER, "openclaw");
            environment.set(environment::SERVICE_KIND, "gateway");
            if let Some(owner) = owner {
                environment.set(environment::GATEWAY_SERVICE_PID, owner);
            }
            classify_process(&ProcessView {
                pid: Some(7),
                argv: &argv,
                environment: Some(&environment),
                ..ProcessView::default()
            })
            .kind
        };
        assert_eq!(with(None), ProcessKind::GatewayStarting);
        assert_eq!(with(Some("7")), ProcessKind::GatewayStarting);
        assert_eq!(with(Some("6")), ProcessKind::Bootstrapping);
    }

    #[test]
    fn keeps_no_secret_of_the_command_line() {
        let argv = argv("NODE CLI --profile rescue gateway run --port 4711 --token abcdefgh");
        let process = classify_process(&ProcessView { argv: &argv, ..ProcessView::default() });
        insta::assert_json_snapshot!(process, @r#"
        {
          "kind": "gateway_starting",
          "basis": "arguments",
          "port": 4711,
          "profile": "rescue",
          "shows_secret": true
        }
        "#);
    }
}
