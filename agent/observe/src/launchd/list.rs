//! `launchctl list` and `launchctl list <label>`: the legacy commands, which show one domain without naming it.

use crate::commands::{Parsed, Unparsed};
use crate::units::Argv;

/// A row of `launchctl list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedJob {
    /// Label.
    pub label: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Exit code of the last run, negative for a signal.
    pub status: Option<i32>,
}

/// Parses the table.
///
/// ```text
/// PID    Status    Label
/// 106    0    com.apple.coreservicesd
/// -    78    ai.openclaw.gateway
/// 182    -9    com.apple.watchdogd
/// ```
pub fn parse_table(output: &[u8]) -> Parsed<Vec<ListedJob>> {
    let text = String::from_utf8_lossy(output);
    let (mut jobs, mut unparsed) = (Vec::new(), Unparsed::default());
    for line in text.lines() {
        if line.trim().is_empty() || line.split_whitespace().eq(["PID", "Status", "Label"]) {
            continue;
        }
        match row(line) {
            Some(job) => jobs.push(job),
            None => unparsed.push(line),
        }
    }
    Parsed { value: jobs, unparsed }
}

fn row(line: &str) -> Option<ListedJob> {
    let (pid, rest) = line.split_once(char::is_whitespace)?;
    let (status, label) = rest.trim_start().split_once(char::is_whitespace)?;
    let label = label.trim();
    let pid = if pid == "-" { None } else { Some(pid.parse().ok()?) };
    let status = if status == "-" { None } else { Some(status.parse().ok()?) };
    (!label.is_empty()).then(|| ListedJob { label: label.to_owned(), pid, status })
}

/// What `launchctl list <label>` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobDetails {
    /// Label.
    pub label: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// Exit code of the last run that ended. Beside a pid it is that of the run before.
    pub last_exit_code: Option<i32>,
    /// Signal that ended that run.
    pub last_signal: Option<i32>,
    /// Program.
    pub program: Option<String>,
    /// Arguments.
    pub arguments: Argv,
    /// Whether it is started only on demand, the inverse of `KeepAlive`.
    pub on_demand: Option<bool>,
    /// `Aqua`, `System`, `Background`.
    pub session_type: Option<String>,
}

/// Parses the details of one job. `LastExitStatus` is a raw wait status: 256 is exit code 1, 15 is SIGTERM.
///
/// ```text
/// {
///     "Label" = "com.example.job";
///     "OnDemand" = false;
///     "LastExitStatus" = 19968;
///     "PID" = 1552;
///     "Program" = "/usr/local/bin/job";
///     "ProgramArguments" = (
///         "/usr/local/bin/job";
///         "--quiet";
///     );
/// };
/// ```
pub fn parse_details(output: &[u8]) -> Parsed<JobDetails> {
    let text = String::from_utf8_lossy(output);
    let (mut details, mut unparsed) = (JobDetails::default(), Unparsed::default());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let entry = line.trim();
        if matches!(entry, "" | "{" | "};" | "}") {
            continue;
        }
        let Some((name, value)) = entry.strip_prefix('"').and_then(|rest| rest.split_once("\" = ")) else {
            unparsed.push(line);
            continue;
        };
        let close = match value {
            "(" => ");",
            "{" => "};",
            _ => {
                details.assign(name, value.strip_suffix(';').unwrap_or(value));
                continue;
            }
        };
        let indent = line.len() - line.trim_start().len();
        let mut inner = Vec::new();
        for line in lines.by_ref() {
            if line.trim() == close && line.len() - line.trim_start().len() == indent {
                break;
            }
            inner.push(line.trim());
        }
        if name == "ProgramArguments" {
            details.arguments =
                inner.into_iter().map(|item| unquote(item.strip_suffix(';').unwrap_or(item)).to_owned()).collect();
        }
    }
    Parsed { value: details, unparsed }
}

impl JobDetails {
    fn assign(&mut self, name: &str, value: &str) {
        let text = || Some(unquote(value).to_owned());
        match name {
            "Label" => self.label = text(),
            "Program" => self.program = text(),
            "LimitLoadToSessionType" => self.session_type = text(),
            "PID" => self.pid = value.parse().ok(),
            "OnDemand" => self.on_demand = value.parse().ok(),
            "LastExitStatus" => {
                if let Ok(status) = value.parse::<i32>() {
                    let signal = status & 0x7f;
                    if signal == 0 {
                        self.last_exit_code = Some(status >> 8 & 0xff);
                    } else {
                        self.last_signal = Some(signal);
                    }
                }
            }
            _ => {}
        }
    }
}

fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_blanks_and_negative_status() {
        let parsed =
            parse_table(b"PID\tStatus\tLabel\n-\t\t0\t\tSolum Tulo Vanu\n182\t-9\tcom.apple.watchdogd\nhello\n");
        let rows: Vec<_> = parsed.value.iter().map(|job| (job.label.as_str(), job.pid, job.status)).collect();
        assert_eq!(rows, [("Solum Tulo Vanu", None, Some(0)), ("com.apple.watchdogd", Some(182), Some(-9))]);
        assert_eq!(parsed.unparsed.count(), 1);
    }

    #[test]
    fn the_raw_wait_status_is_decoded() {
        let code = |status: &str| {
            let details = parse_details(format!("{{\n\t\"LastExitStatus\" = {status};\n}};\n").as_bytes()).value;
            (details.last_exit_code, details.last_signal)
        };
        assert_eq!(code("256"), (Some(1), None));
        assert_eq!(code("19968"), (Some(78), None));
        assert_eq!(code("15"), (None, Some(15)));
        assert_eq!(code("139"), (None, Some(11)));
        assert_eq!(code("x"), (None, None));
    }
}
