//! The keys of a definition, with a note of each that has not the form that launchd wants.

use std::collections::BTreeMap;

use portreeve_core::snapshot::KeepAlive;
use portreeve_openclaw::environment::Environment;

use super::super::keys;
use super::{Disabled, Job, SocketClaim};
use crate::plist::{Dictionary, Value};

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

pub(super) struct Reader<'a> {
    pub(super) definition: &'a Dictionary,
    pub(super) oddities: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn job(mut self) -> Job {
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

pub(super) fn type_name(value: &Value) -> &'static str {
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
