//! A job's definition: one property list of launchd, understood.

use std::collections::BTreeMap;

use portreeve_core::snapshot::KeepAlive;
use portreeve_openclaw::environment::Environment;

use super::keys;
use crate::plist::{Dictionary, Value};
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

/// How many oddities of one definition are noted.
const MAX_ODDITIES: usize = 20;

const TRIGGERS: [&str; 7] = [
    "LaunchEvents",
    "QueueDirectories",
    "Sockets",
    "StartCalendarInterval",
    "StartInterval",
    "StartOnMount",
    "WatchPaths",
];

struct Reader<'a> {
    definition: &'a Dictionary,
    oddities: Vec<String>,
}

impl<'a> Reader<'a> {
    fn job(mut self) -> Job {
        let arguments = self.strings("ProgramArguments");
        let on_demand = self.boolean("OnDemand");
        let mut job = Job {
            label: self.string("Label"),
            program: self.string("Program"),
            bundle_program: self.string("BundleProgram"),
            arguments: arguments.into_iter().collect(),
            keep_alive: self.keep_alive().or(on_demand.map(|it| if it { KeepAlive::Never } else { KeepAlive::Always })),
            run_at_load: self.boolean("RunAtLoad").unwrap_or(false),
            disabled: self.disabled(),
            environment: self.environment(),
            sockets: self.sockets(),
            mach_services: self.dictionary("MachServices").map(keys_of).unwrap_or_default(),
            triggers: TRIGGERS.into_iter().filter(|name| self.is_set(name)).collect(),
            start_interval_s: self.number("StartInterval"),
            calendar: self.calendar(),
            session_types: self.string_or_strings("LimitLoadToSessionType"),
            user: self.string("UserName"),
            group: self.string("GroupName"),
            working_directory: self.string("WorkingDirectory"),
            stdout_path: self.string("StandardOutPath"),
            stderr_path: self.string("StandardErrorPath"),
            umask: self.umask(),
            throttle_s: self.number("ThrottleInterval"),
            exit_timeout_s: self.number("ExitTimeOut"),
            process_type: self.string("ProcessType"),
            oddities: Vec::new(),
        };
        if job.label.is_none() && !self.definition.contains_key("Label") {
            self.note("`Label` is missing".to_owned());
        }
        for name in self.definition.keys() {
            if self.oddities.len() >= MAX_ODDITIES {
                break;
            }
            if let Some(oddity) = keys::oddity(name) {
                self.note(oddity);
            }
        }
        job.oddities = self.oddities;
        job
    }

    fn note(&mut self, oddity: String) {
        if self.oddities.len() < MAX_ODDITIES {
            self.oddities.push(oddity);
        }
    }

    fn wrong_type(&mut self, name: &str, wanted: &str, found: &Value) {
        self.note(format!("`{name}` is {} where launchd wants {wanted}", type_name(found)));
    }

    /// Whether a key is there and not switched off.
    fn is_set(&self, name: &str) -> bool {
        match self.definition.get(name) {
            None | Some(Value::Boolean(false)) => false,
            Some(Value::Array(values)) => !values.is_empty(),
            Some(Value::Dictionary(members)) => !members.is_empty(),
            Some(_) => true,
        }
    }

    fn string(&mut self, name: &str) -> Option<String> {
        match self.definition.get(name)? {
            Value::String(text) => Some(text.clone()),
            // Apple's own jobs choose user and group by a condition.
            Value::Dictionary(_) if matches!(name, "UserName" | "GroupName") => None,
            other => {
                self.wrong_type(name, "a string", other);
                None
            }
        }
    }

    fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.definition.get(name)? {
            Value::Boolean(value) => Some(*value),
            other => {
                self.wrong_type(name, "a boolean", other);
                None
            }
        }
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        let value = self.definition.get(name)?;
        let number = value.as_unsigned_integer().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.wrong_type(name, "an integer that is not negative", value);
        }
        number
    }

    fn dictionary(&mut self, name: &str) -> Option<&'a Dictionary> {
        match self.definition.get(name)? {
            Value::Dictionary(members) => Some(members),
            other => {
                self.wrong_type(name, "a dictionary", other);
                None
            }
        }
    }

    fn strings(&mut self, name: &str) -> Vec<String> {
        match self.definition.get(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => {
                let strings: Vec<String> = values.iter().filter_map(Value::as_string).map(str::to_owned).collect();
                if strings.len() != values.len() {
                    self.note(format!("`{name}` holds something else than strings"));
                }
                strings
            }
            Some(other) => {
                self.wrong_type(name, "an array of strings", other);
                Vec::new()
            }
        }
    }

    fn string_or_strings(&mut self, name: &str) -> Vec<String> {
        match self.definition.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            _ => self.strings(name),
        }
    }

    fn keep_alive(&mut self) -> Option<KeepAlive> {
        match self.definition.get("KeepAlive")? {
            Value::Boolean(true) => Some(KeepAlive::Always),
            Value::Boolean(false) => Some(KeepAlive::Never),
            Value::Dictionary(conditions) => {
                let successful_exit = conditions.get("SuccessfulExit").and_then(Value::as_boolean);
                let others = conditions.keys().filter(|name| *name != "SuccessfulExit" || successful_exit.is_none());
                Some(KeepAlive::When { successful_exit, others: others.cloned().collect() })
            }
            other => {
                self.wrong_type("KeepAlive", "a boolean or a dictionary", other);
                None
            }
        }
    }

    fn disabled(&mut self) -> Disabled {
        match self.definition.get("Disabled") {
            None => Disabled::NotGiven,
            Some(Value::Boolean(value)) => Disabled::Plain(*value),
            Some(Value::Dictionary(_)) => Disabled::Conditional,
            Some(other) => {
                self.wrong_type("Disabled", "a boolean or a dictionary", other);
                Disabled::NotGiven
            }
        }
    }

    fn environment(&mut self) -> Environment {
        let Some(members) = self.dictionary("EnvironmentVariables") else {
            return Environment::default();
        };
        let mut pairs = Vec::new();
        for (name, value) in members {
            match value {
                Value::String(text) => pairs.push((name.clone(), text.clone())),
                other => self.wrong_type("EnvironmentVariables", "strings", other),
            }
        }
        Environment::all(pairs)
    }

    fn sockets(&mut self) -> Vec<SocketClaim> {
        let mut sockets = Vec::new();
        for (name, value) in self.dictionary("Sockets").into_iter().flatten() {
            match value {
                Value::Dictionary(socket) => sockets.push(socket_claim(name, socket)),
                Value::Array(several) => {
                    sockets.extend(several.iter().filter_map(Value::as_dictionary).map(|one| socket_claim(name, one)));
                }
                other => self.wrong_type("Sockets", "dictionaries", other),
            }
        }
        sockets
    }

    fn calendar(&mut self) -> Vec<BTreeMap<String, i64>> {
        let entry = |members: &Dictionary| {
            members.iter().filter_map(|(name, value)| Some((name.clone(), value.as_signed_integer()?))).collect()
        };
        match self.definition.get("StartCalendarInterval") {
            None => Vec::new(),
            Some(Value::Dictionary(members)) => vec![entry(members)],
            Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_dictionary).map(entry).collect(),
            Some(other) => {
                self.wrong_type("StartCalendarInterval", "a dictionary or an array", other);
                Vec::new()
            }
        }
    }

    /// An integer counts as it is, a string is read as octal (`launchd.plist(5)`).
    fn umask(&mut self) -> Option<u32> {
        match self.definition.get("Umask")? {
            Value::String(octal) => {
                let umask = u32::from_str_radix(octal.trim().trim_start_matches("0o"), 8).ok();
                if umask.is_none() {
                    self.note("`Umask` is a string that is no octal number".to_owned());
                }
                umask
            }
            _ => self.number("Umask"),
        }
    }
}

fn socket_claim(name: &str, socket: &Dictionary) -> SocketClaim {
    let text = |key| socket.get(key).and_then(Value::as_string).map(str::to_owned);
    let service = match socket.get("SockServiceName") {
        Some(Value::String(service)) => Some(service.clone()),
        Some(value) => value.as_unsigned_integer().map(|number| number.to_string()),
        None => None,
    };
    SocketClaim {
        name: name.to_owned(),
        node: text("SockNodeName"),
        port: service.as_deref().and_then(|service| service.parse().ok()),
        service,
        path: text("SockPathName"),
    }
}

fn keys_of(members: &Dictionary) -> Vec<String> {
    members.keys().cloned().collect()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "an array",
        Value::Dictionary(_) => "a dictionary",
        Value::Boolean(_) => "a boolean",
        Value::Data(_) => "data",
        Value::Date(_) => "a date",
        Value::Real(_) => "a real number",
        Value::Integer(_) => "an integer",
        Value::String(_) => "a string",
        _ => "an object of another type",
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
