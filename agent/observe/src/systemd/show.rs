//! `systemctl show`: what systemd says of its services.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{Domain, UnitRuntime, UnitState};

use crate::command::{Invocation, Runner};
use crate::commands::{Parsed, Unparsed};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
const DEADLINE: Duration = Duration::from_secs(5);
const PROPERTIES: &str =
    "Id,LoadState,ActiveState,SubState,MainPID,NRestarts,ExecMainPID,ExecMainCode,ExecMainStatus,UnitFileState";

/// One service as systemd shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Unit name.
    pub id: String,
    /// `loaded`, `not-found`, `masked`, `error`, …
    pub load_state: String,
    /// `active`, `activating`, `inactive`, `failed`, …
    pub active_state: String,
    /// `running`, `auto-restart`, `exited`, `dead`, …
    pub sub_state: String,
    /// Its process.
    pub pid: Option<u32>,
    /// How often it was started again by itself.
    pub restarts: Option<u64>,
    /// Process of the last start, whether it lives or not.
    pub last_pid: Option<u32>,
    /// Exit code of the last run.
    pub last_exit_code: Option<i32>,
    /// Signal that ended the last run.
    pub last_signal: Option<i32>,
    /// `enabled`, `disabled`, `static`, `masked`, …
    pub unit_file_state: Option<String>,
}

impl Shown {
    /// As a fact about a job: none when systemd does not know the unit.
    pub fn runtime(&self, domain: &str) -> Option<UnitRuntime> {
        if self.load_state == "not-found" {
            return None;
        }
        let state = match (self.active_state.as_str(), self.sub_state.as_str()) {
            (_, "auto-restart" | "auto-restart-queued") => UnitState::SpawnScheduled,
            ("active" | "reloading", "exited") | ("failed", _) => UnitState::Exited,
            ("active" | "reloading" | "activating" | "deactivating", _) if self.pid.is_some() => UnitState::Running,
            ("active", "waiting" | "listening") => UnitState::Waiting,
            ("inactive", _) => UnitState::NotRunning,
            _ => UnitState::Unknown,
        };
        Some(UnitRuntime {
            domain: domain.to_owned(),
            state,
            pid: self.pid,
            runs: self.restarts.map(|restarts| restarts + u64::from(self.last_pid.is_some())),
            last_exit_code: self.last_exit_code,
            last_signal: self.last_signal,
        })
    }
}

/// Parses the output: blocks of `Name=value` lines with a blank line between services.
///
/// ```text
/// Id=openclaw-gateway.service
/// LoadState=loaded
/// ActiveState=activating
/// SubState=auto-restart
/// MainPID=0
/// NRestarts=4
/// ExecMainPID=4711
/// ExecMainCode=1
/// ExecMainStatus=78
/// ```
pub fn parse(output: &[u8]) -> Parsed<Vec<Shown>> {
    let text = String::from_utf8_lossy(output);
    let (mut services, mut unparsed) = (Vec::new(), Unparsed::default());
    let mut properties: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if !properties.is_empty() {
                services.push(shown(&properties));
                properties.clear();
            }
        } else if let Some((name, value)) =
            line.split_once('=').filter(|(name, _)| name.chars().all(char::is_alphanumeric))
        {
            properties.insert(name, value);
        } else {
            unparsed.push(line);
        }
    }
    Parsed { value: services, unparsed }
}

fn shown(properties: &BTreeMap<&str, &str>) -> Shown {
    let text = |name: &str| properties.get(name).map(|value| (*value).to_owned()).unwrap_or_default();
    let number = |name: &str| properties.get(name).and_then(|value| value.parse::<u64>().ok());
    let pid = |name: &str| number(name).and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let status = number("ExecMainStatus").and_then(|status| i32::try_from(status).ok());
    // The codes of waitid(2): 1 exited, 2 killed, 3 killed with a core dump. 0 while the first run lives.
    let (last_exit_code, last_signal) = match properties.get("ExecMainCode").copied() {
        Some("1" | "exited") => (status, None),
        Some("2" | "3" | "killed" | "dumped") => (None, status),
        _ => (None, None),
    };
    Shown {
        id: text("Id"),
        load_state: text("LoadState"),
        active_state: text("ActiveState"),
        sub_state: text("SubState"),
        pid: pid("MainPID"),
        restarts: number("NRestarts"),
        last_pid: pid("ExecMainPID"),
        last_exit_code,
        last_signal,
        unit_file_state: properties
            .get("UnitFileState")
            .map(|state| (*state).to_owned())
            .filter(|state| !state.is_empty()),
    }
}

/// Name of a manager's domain: `system`, `systemd-user/1000`.
pub fn domain_name(domain: &Domain) -> String {
    match domain {
        Domain::System => "system".to_owned(),
        Domain::User { uid } => format!("systemd-user/{uid}"),
        Domain::EachUser => "systemd-user".to_owned(),
    }
}

/// Whether systemd runs this machine, by the folder that it makes at its start (`sd_booted(3)`).
pub fn is_running(root: &Path) -> bool {
    root.join("run/systemd/system").is_dir()
}

/// Asks one manager for services by name.
pub fn ask(
    runner: &dyn Runner,
    domain: &Domain,
    names: &[String],
    agent_uid: u32,
    at: Timestamp,
) -> Fact<Parsed<Vec<Shown>>> {
    let mut arguments = Vec::new();
    let mut variable = None;
    match domain {
        Domain::System => {}
        Domain::User { uid } if *uid == agent_uid => {
            arguments.push("--user".to_owned());
            variable = Some(format!("/run/user/{uid}"));
        }
        Domain::User { uid } => arguments.extend(["--user".to_owned(), format!("--machine={uid}@.host")]),
        Domain::EachUser => return Fact::absent("systemctl show", at),
    }
    arguments.extend(["show".to_owned(), "--no-pager".to_owned(), format!("--property={PROPERTIES}"), "--".to_owned()]);
    arguments.extend(names.iter().cloned());
    let mut invocation = Invocation::new(SYSTEMCTL, arguments).deadline(DEADLINE);
    if let Some(directory) = variable {
        invocation = invocation.variable("XDG_RUNTIME_DIR", directory);
    }
    let source = format!("systemctl show ({})", domain_name(domain));
    match runner.run(&invocation) {
        Ok(output) => Fact::known(parse(&output.stdout), source, at),
        Err(error) => {
            let said = error.exit().map(|(_, output)| String::from_utf8_lossy(&output.stderr).trim().to_owned());
            match said {
                Some(said) if said.contains("denied") || said.contains("not permitted") => {
                    Fact::denied("systemd refuses: run as root", source, at)
                }
                Some(said) if !said.is_empty() => {
                    Fact::unreadable(said.lines().next().unwrap_or_default().to_owned(), source, at)
                }
                _ => Fact::unreadable(error.to_string(), source, at),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_exit_codes_and_signals() {
        let parsed = parse(
            b"Id=a.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nMainPID=0\nNRestarts=4\nExecMainPID=9\nExecMainCode=1\nExecMainStatus=78\n\n\
              Id=b.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\nNRestarts=0\nExecMainPID=7\nExecMainCode=0\nExecMainStatus=0\n\n\
              Id=c.service\nLoadState=not-found\n\nId=d.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nExecMainCode=2\nExecMainStatus=9\nwarning\n",
        );
        let runtimes: Vec<_> = parsed.value.iter().map(|shown| shown.runtime("system")).collect();
        let [Some(first), Some(second), None, Some(fourth)] = runtimes.as_slice() else { panic!("{runtimes:?}") };
        assert_eq!((first.state, first.runs, first.last_exit_code), (UnitState::SpawnScheduled, Some(5), Some(78)));
        assert_eq!((second.state, second.pid, second.last_exit_code), (UnitState::Running, Some(7), None));
        assert_eq!((fourth.state, fourth.last_signal), (UnitState::Exited, Some(9)));
        assert_eq!(parsed.unparsed.lines(), ["warning"]);
    }
}
