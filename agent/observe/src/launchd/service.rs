//! `launchctl print <domain>/<label>`.

use portreeve_core::snapshot::UnitState;

use super::block::{Block, Entry, blocks};
use crate::commands::{Parsed, Unparsed};
use crate::units::Argv;

/// One loaded job as launchd shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServicePrint {
    /// Label.
    pub label: String,
    /// The domain it is loaded in: `gui/501`, `user/501`, `system`.
    pub domain: Option<String>,
    /// The property list it was loaded from. None for a job that an app handed over.
    pub path: Option<String>,
    /// Who handed the job over, where it has no file: `smd.321`.
    pub submitted_by: Option<String>,
    /// `LaunchAgent`, `LaunchDaemon`, `Submitted`. Since macOS 13.
    pub kind: Option<String>,
    /// The state as written; see [`ServicePrint::state`].
    pub state_text: Option<String>,
    /// Program.
    pub program: Option<String>,
    /// Arguments. An argument of several lines comes as several.
    pub arguments: Argv,
    /// Names of the variables in the job's environment. Values are not kept.
    pub environment_names: Vec<String>,
    /// Where standard output goes.
    pub stdout_path: Option<String>,
    /// Where standard error goes.
    pub stderr_path: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// How often it was started.
    pub runs: Option<u64>,
    /// Exit code of the last run; none when it never ended.
    pub last_exit_code: Option<i32>,
    /// Signal that ended the last run.
    pub last_signal: Option<i32>,
    /// Why it was started: `speculative`, `ipc (mach)`, `semaphore`, `interval`.
    pub immediate_reason: Option<String>,
    /// Seconds between two starts (`ThrottleInterval`).
    pub minimum_runtime_s: Option<u32>,
    /// Seconds between TERM and KILL (`ExitTimeOut`).
    pub exit_timeout_s: Option<u32>,
    /// `daemon`, `interactive`, `adaptive`.
    pub spawn_type: Option<String>,
    /// Properties that are set: `keepalive`, `runatload`, `managed LWCR`.
    pub properties: Vec<String>,
}

impl ServicePrint {
    /// The state, [`UnitState::Unknown`] for a word that is not known or not there.
    pub fn state(&self) -> UnitState {
        match self.state_text.as_deref() {
            Some("running") => UnitState::Running,
            Some("not running") => UnitState::NotRunning,
            Some("waiting") => UnitState::Waiting,
            Some("spawn scheduled") => UnitState::SpawnScheduled,
            Some("exited") => UnitState::Exited,
            _ => UnitState::Unknown,
        }
    }
}

/// Why an output is not that of `launchctl print`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// There is no `name = {` line.
    #[error("the output holds no block")]
    NoBlock,
    /// The closing brace is missing: the output was cut.
    #[error("the output is cut off")]
    CutOff,
}

/// Parses one job.
///
/// ```text
/// gui/501/com.gelotto.hqsshd = {
///     active count = 1
///     path = /Users/user/Library/LaunchAgents/com.gelotto.hqsshd.plist
///     type = LaunchAgent
///     state = running
///
///     program = /Users/user/.local/bin/hqsshd
///     arguments = {
///         /Users/user/.local/bin/hqsshd
///     }
///
///     domain = gui/501 [100002]
///     minimum runtime = 10
///     runs = 1
///     pid = 2933
///     last exit code = (never exited)
///     resource coalition = {
///         state = active
///     }
///     cs blob
///     properties = runatload | inferred program
/// }
/// ```
///
/// Up to macOS 10.15 the first line is the bare label, the domain is written `com.apple.xpc.launchd.domain.system`, and `properties` is a
/// block of `name = 0` and `name = 1`.
pub fn parse(output: &[u8]) -> Result<Parsed<ServicePrint>, PrintError> {
    let text = String::from_utf8_lossy(output);
    let (blocks, stray) = blocks(&text);
    // The old `launchctl procinfo` goes on after the job with lines of its own.
    let mut unparsed: Unparsed =
        stray.into_iter().filter(|line| !line.contains(" = ") && *line != "audit info").collect();
    let block = blocks.into_iter().next().ok_or(PrintError::NoBlock)?;
    if !block.is_closed {
        return Err(PrintError::CutOff);
    }
    let value = service(block, &mut unparsed);
    Ok(Parsed { value, unparsed })
}

fn service(block: Block<'_>, unparsed: &mut Unparsed) -> ServicePrint {
    let (domain, label) = split_target(block.title);
    let mut service =
        ServicePrint { label: label.to_owned(), domain: domain.map(str::to_owned), ..ServicePrint::default() };
    for entry in block.entries {
        match entry {
            Entry::Value(name, value) => service.assign(name, value),
            Entry::Inner(name, lines) => service.inner(name, &lines, unparsed),
            Entry::Bare("cs blob" | "submitted job. ignore execute allowed") => {}
            Entry::Bare(line) => unparsed.push(line),
        }
    }
    service
}

impl ServicePrint {
    fn assign(&mut self, name: &str, value: &str) {
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty() && value != "(null)");
        match name {
            "path" => match value.strip_prefix("(submitted by ").and_then(|by| by.strip_suffix(')')) {
                Some(by) => self.submitted_by = Some(by.to_owned()),
                None => self.path = text(),
            },
            "type" => self.kind = text(),
            "state" => self.state_text = text(),
            "program" => self.program = text(),
            "stdout path" => self.stdout_path = text(),
            "stderr path" => self.stderr_path = text(),
            "domain" => self.domain = domain_name(value).or(self.domain.take()),
            "pid" => self.pid = value.parse().ok(),
            "runs" => self.runs = value.parse().ok(),
            "last exit code" => self.last_exit_code = leading_number(value),
            "last terminating signal" => self.last_signal = trailing_number(value).or_else(|| leading_number(value)),
            "immediate reason" => self.immediate_reason = text(),
            "minimum runtime" => self.minimum_runtime_s = leading_number(value),
            "exit timeout" => self.exit_timeout_s = leading_number(value),
            "spawn type" => self.spawn_type = text().map(|kind| kind.split(" (").next().unwrap_or_default().to_owned()),
            "properties" => {
                self.properties =
                    value.split(" | ").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            }
            _ => {}
        }
    }

    fn inner(&mut self, name: &str, lines: &[&str], unparsed: &mut Unparsed) {
        match name {
            "arguments" => self.arguments = lines.iter().map(|line| line.trim_start().to_owned()).collect(),
            "environment" => {
                // A line that is no assignment continues the value before it and is dropped as that value is.
                let names = lines.iter().filter_map(|line| line.split_once(" =>")).map(|(name, _)| name.trim());
                self.environment_names = names.filter(|name| is_variable(name)).map(str::to_owned).collect();
            }
            "properties" => {
                for line in lines {
                    match line.trim().split_once(" = ") {
                        Some((name, "1")) => self.properties.push(name.to_owned()),
                        Some(_) => {}
                        None => unparsed.push(line),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a name is that of a variable: the rest of a value of several lines is none.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Domain and label of `gui/501/com.example.job`; the label alone up to macOS 10.15.
fn split_target(target: &str) -> (Option<&str>, &str) {
    if let Some(label) = target.strip_prefix("system/") {
        return (Some("system"), label);
    }
    let mut parts = target.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("gui" | "user" | "login" | "pid" | "session"), Some(id), Some(label)) if id.parse::<u64>().is_ok() => {
            let domain = target.get(..target.len() - label.len() - 1);
            (domain, label)
        }
        _ => (None, target),
    }
}

/// The domain as `launchctl` takes it, from either form of the `domain` line.
fn domain_name(value: &str) -> Option<String> {
    let name = value.split(" [").next().unwrap_or_default().trim();
    let Some(old) = name.strip_prefix("com.apple.xpc.launchd.") else {
        return Some(name.to_owned()).filter(|name| !name.is_empty());
    };
    if old == "domain.system" {
        return Some("system".to_owned());
    }
    let mut parts = old.strip_prefix("user.domain.")?.split('.');
    let (uid, _, session) = (parts.next()?, parts.next(), parts.next());
    uid.parse::<u32>().ok()?;
    Some(if session == Some("Aqua") { format!("gui/{uid}") } else { format!("user/{uid}") })
}

/// The number at the beginning: `78: EX_CONFIG`.
pub(super) fn leading_number<N: std::str::FromStr>(value: &str) -> Option<N> {
    value.split([':', ' ']).next().and_then(|number| number.parse().ok())
}

/// The number at the end: `Terminated: 15`.
fn trailing_number(value: &str) -> Option<i32> {
    value.rsplit([':', ' ']).next().and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_level_counts() {
        let parsed = parse(
            b"gui/501/a.b = {\n\tstate = not running\n\n\targuments = {\n\t\t/bin/x\n\t\t}\n\t\tstate = running\n\t}\n\
              \tenvironment = {\n\t\tTOKEN => canary-1\n\t\tMULTI => canary-2\nstate = canary-3 => 1\n\t}\n\tjetsam coalition = {\n\
              \t\tstate = active\n\t}\n\tlast exit code = 78: EX_CONFIG\n\tlast terminating signal = Terminated: 15\n\
              \tsomething new\n\tproperties = \n}\n",
        )
        .unwrap();
        assert_eq!(parsed.value.state(), UnitState::NotRunning);
        assert_eq!(parsed.value.arguments.as_slice(), ["/bin/x", "}", "state = running"]);
        assert_eq!((parsed.value.last_exit_code, parsed.value.last_signal), (Some(78), Some(15)));
        assert_eq!(parsed.unparsed.lines(), ["something new"]);
        assert!(parsed.value.properties.is_empty());
        assert!(!format!("{parsed:?}").contains("canary"), "{parsed:?}");
    }

    #[test]
    fn the_form_before_macos_11() {
        let parsed = parse(
            b"com.example = {\n\tpath = (submitted by Electron.3066)\n\tstate = running\n\tdomain = com.apple.xpc.launchd.user.domain.501.100009.Aqua\n\
              \tproperties = {\n\t\tkeepalive = 0\n\t\trunatload = 1\n\t}\n}\n",
        )
        .unwrap()
        .value;
        assert_eq!(parsed.domain.as_deref(), Some("gui/501"));
        assert_eq!(parsed.submitted_by.as_deref(), Some("Electron.3066"));
        assert_eq!(parsed.properties, ["runatload"]);
    }

    #[test]
    fn what_is_cut_off_says_nothing() {
        assert_eq!(parse(b"gui/501/a = {\n\tstate = running\n"), Err(PrintError::CutOff));
        assert_eq!(parse(b""), Err(PrintError::NoBlock));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(gui/501/a = \\{|\t|\n|\\}|state = running|arguments = \\{|é| = |=>|x){0,40}") {
            let _ = parse(text.as_bytes());
        }
    }
}
