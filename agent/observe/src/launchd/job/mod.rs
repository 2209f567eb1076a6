//! A job's definition: one property list of launchd, understood.

mod reader;

use std::collections::BTreeMap;

use portreeve_core::snapshot::KeepAlive;
use portreeve_openclaw::environment::Environment;

use self::reader::{Reader, type_name};
use crate::plist::Value;
use crate::units::Argv;

/// Why a property list is no job definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The root is no dictionary.
    #[error("holds {found} where a job definition is a dictionary")]
    NotADictionary {
        /// What it holds.
        found: &'static str,
    },
    /// Neither a label nor anything to run.
    #[error("names neither a label nor a program")]
    NotAJob,
}

/// One job. Environment values and arguments stay out of its `Debug`.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Label. launchd refuses a job without one.
    pub label: Option<String>,
    /// `Program`.
    pub program: Option<String>,
    /// `BundleProgram`, relative to the app that holds the definition.
    pub bundle_program: Option<String>,
    /// `ProgramArguments`.
    pub arguments: Argv,
    /// `KeepAlive`, or `OnDemand` of old; none where neither is given.
    pub keep_alive: Option<KeepAlive>,
    /// `RunAtLoad`.
    pub run_at_load: bool,
    /// `Disabled`, which is only the default: the override store wins.
    pub disabled: Disabled,
    /// `EnvironmentVariables`.
    pub environment: Environment,
    /// `Sockets`: what launchd listens on for the job.
    pub sockets: Vec<SocketClaim>,
    /// Names of `MachServices`.
    pub mach_services: Vec<String>,
    /// Keys that start the job at a time or on an event, so that being idle is healthy.
    pub triggers: Vec<&'static str>,
    /// `StartInterval` in seconds.
    pub start_interval_s: Option<u32>,
    /// Entries of `StartCalendarInterval`.
    pub calendar: Vec<BTreeMap<String, i64>>,
    /// `LimitLoadToSessionType`.
    pub session_types: Vec<String>,
    /// `UserName`.
    pub user: Option<String>,
    /// `GroupName`.
    pub group: Option<String>,
    /// `WorkingDirectory`.
    pub working_directory: Option<String>,
    /// `StandardOutPath`.
    pub stdout_path: Option<String>,
    /// `StandardErrorPath`.
    pub stderr_path: Option<String>,
    /// `Umask`.
    pub umask: Option<u32>,
    /// `ThrottleInterval` in seconds.
    pub throttle_s: Option<u32>,
    /// `ExitTimeOut` in seconds.
    pub exit_timeout_s: Option<u32>,
    /// `ProcessType`.
    pub process_type: Option<String>,
    /// Keys that are misspelt, unknown or of the wrong type.
    pub oddities: Vec<String>,
}

/// `Disabled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Disabled {
    /// Not given.
    #[default]
    NotGiven,
    /// A boolean.
    Plain(bool),
    /// A dictionary that asks for a feature flag.
    Conditional,
}

/// One socket that launchd opens for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketClaim {
    /// Its name in the definition.
    pub name: String,
    /// `SockNodeName`: address or host.
    pub node: Option<String>,
    /// `SockServiceName` as written: a number or a name of `/etc/services`.
    pub service: Option<String>,
    /// The port, where it is a number.
    pub port: Option<u16>,
    /// `SockPathName` of a Unix socket.
    pub path: Option<String>,
}

impl Job {
    /// Reads a definition. What is odd about it is noted, never a failure.
    pub fn from_plist(value: &Value) -> Result<Self, JobError> {
        let Value::Dictionary(definition) = value else {
            return Err(JobError::NotADictionary { found: type_name(value) });
        };
        let job = Reader { definition, oddities: Vec::new() }.job();
        if job.label.is_none() && !job.has_program() {
            return Err(JobError::NotAJob);
        }
        Ok(job)
    }

    /// Whether it names anything to run.
    pub fn has_program(&self) -> bool {
        self.program.is_some() || self.bundle_program.is_some() || !self.arguments.is_empty()
    }

    /// Whether it starts when it is loaded: `RunAtLoad`, `KeepAlive`, or a condition that needs a first run.
    pub fn starts_at_load(&self) -> bool {
        let kept = match &self.keep_alive {
            Some(KeepAlive::Always) => true,
            Some(KeepAlive::When { successful_exit, .. }) => successful_exit.is_some(),
            Some(KeepAlive::Never) | None => false,
        };
        self.run_at_load || kept
    }

    /// Program and arguments: `ProgramArguments`, or `Program` alone where there are none.
    pub fn command_line(&self) -> Vec<String> {
        if self.arguments.is_empty() {
            return self.program.iter().chain(&self.bundle_program).take(1).cloned().collect();
        }
        self.arguments.as_slice().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(body: &str) -> Job {
        let value = crate::plist::parse(format!("<plist><dict>{body}</dict></plist>").as_bytes()).unwrap();
        Job::from_plist(&value).unwrap()
    }

    #[test]
    fn keep_alive_in_its_forms() {
        let of = |body: &str| {
            let job = job(&format!("<key>Label</key><string>a</string>{body}"));
            (job.keep_alive.clone(), job.starts_at_load(), job.oddities)
        };
        assert_eq!(of(""), (None, false, vec![]));
        assert_eq!(of("<key>KeepAlive</key><true/>"), (Some(KeepAlive::Always), true, vec![]));
        assert_eq!(of("<key>OnDemand</key><false/>"), (Some(KeepAlive::Always), true, vec![]));
        let conditions = "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/><key>Crashed</key><true/></dict>";
        let when = KeepAlive::When { successful_exit: Some(false), others: vec!["Crashed".to_owned()] };
        assert_eq!(of(conditions), (Some(when), true, vec![]));
        let (none, starts, oddities) = of("<key>KeepAlive</key><string>yes</string>");
        assert_eq!((none, starts), (None, false));
        assert_eq!(oddities, ["`KeepAlive` is a string where launchd wants a boolean or a dictionary"]);
    }

    #[test]
    fn sockets_umask_and_calendar() {
        let job = job("<key>Program</key><string>/bin/x</string><key>Umask</key><string>077</string>\
             <key>Sockets</key><dict><key>web</key><array><dict><key>SockServiceName</key><integer>18789</integer></dict></array>\
             <key>other</key><dict><key>SockServiceName</key><string>ssh</string><key>SockNodeName</key><string>::1</string></dict></dict>\
             <key>StartCalendarInterval</key><array><dict><key>Hour</key><integer>03</integer></dict><dict/></array>\
             <key>LimitLoadToSessionType</key><string>Aqua</string>");
        assert_eq!(job.umask, Some(0o077));
        assert_eq!(job.sockets.iter().map(|socket| socket.port).collect::<Vec<_>>(), [Some(18789), None]);
        assert_eq!(job.calendar, [BTreeMap::from([("Hour".to_owned(), 3)]), BTreeMap::new()]);
        assert_eq!(job.triggers, ["Sockets", "StartCalendarInterval"]);
        assert_eq!(job.session_types, ["Aqua"]);
        assert_eq!(job.command_line(), ["/bin/x"]);
        assert_eq!(job.oddities, ["`Label` is missing"]);
    }

    #[test]
    fn environment_values_and_arguments_stay_out_of_debug() {
        let job = job(
            "<key>Label</key><string>a</string><key>EnvironmentVariables</key><dict><key>TOKEN</key><string>canary</string>\
             <key>PORT</key><integer>1</integer></dict><key>ProgramArguments</key><array><string>canary</string></array>",
        );
        assert_eq!(job.environment.names().collect::<Vec<_>>(), ["TOKEN"]);
        assert_eq!(job.oddities, ["`EnvironmentVariables` is an integer where launchd wants strings"]);
        assert!(!format!("{job:?}").contains("canary"));
    }

    #[test]
    fn what_is_no_job() {
        let parse = |body: &str| Job::from_plist(&crate::plist::parse(body.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(parse("<plist><array/></plist>"), JobError::NotADictionary { found: "an array" });
        assert_eq!(parse("<plist><dict/></plist>"), JobError::NotAJob);
    }
}
