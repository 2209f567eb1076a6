//! A service's definition: a unit file with its drop-ins, understood.

use std::path::{Path, PathBuf};

use portreeve_core::snapshot::KeepAlive;
use portreeve_openclaw::environment::Environment;

use super::unit_file::{UnitFile, seconds, words};
use crate::units::Argv;

/// One service. Environment values and arguments stay out of its `Debug`.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// The words of the last `ExecStart=`.
    pub arguments: Argv,
    /// The words of every `ExecStart=`, `ExecStartPre=` and `ExecStartPost=`.
    pub executed: Vec<Argv>,
    /// `Environment=`.
    pub environment: Environment,
    /// `EnvironmentFile=`, and whether it may be missing.
    pub environment_files: Vec<(PathBuf, bool)>,
    /// `WorkingDirectory=`.
    pub working_directory: Option<PathBuf>,
    /// `User=`.
    pub user: Option<String>,
    /// `Restart=`.
    pub restart: Option<String>,
    /// `RestartSec=` in seconds.
    pub restart_s: Option<u32>,
    /// `RestartPreventExitStatus=` as written.
    pub restart_prevent_exit_status: Option<String>,
    /// `TimeoutStopSec=` in seconds.
    pub stop_timeout_s: Option<u32>,
    /// Targets of `[Install]` (`WantedBy=`, `RequiredBy=`).
    pub wanted_by: Vec<String>,
    /// Values that were not understood.
    pub oddities: Vec<String>,
}

/// What specifiers (`%h`) stand for.
#[derive(Debug, Clone, Copy)]
pub struct Specifiers<'a> {
    /// Name of the unit with its suffix.
    pub unit: &'a str,
    /// Home directory of the user that the manager runs for.
    pub home: Option<&'a Path>,
    /// Name of that user.
    pub user: Option<&'a str>,
    /// Id of that user.
    pub uid: u32,
}

impl Service {
    /// Reads a unit file and its drop-ins, in this order.
    pub fn from_files<'a>(files: impl IntoIterator<Item = &'a UnitFile>, specifiers: &Specifiers<'_>) -> Self {
        let mut service = Self::default();
        let mut variables: Vec<(String, String)> = Vec::new();
        for assignment in files.into_iter().flat_map(|file| &file.assignments) {
            let value = specifiers.expand(&assignment.value);
            match (assignment.section.as_str(), assignment.key.as_str()) {
                ("Service", "Environment") => {
                    if value.is_empty() {
                        variables.clear();
                    }
                    for word in words(&value) {
                        match word.split_once('=') {
                            Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
                            None => service.oddities.push("`Environment` holds a word without `=`".to_owned()),
                        }
                    }
                }
                ("Service", key) => service.assign(key, &value),
                ("Install", "WantedBy" | "RequiredBy") => {
                    service.wanted_by.extend(value.split_whitespace().map(str::to_owned));
                }
                _ => {}
            }
        }
        service.environment = Environment::all(variables);
        service
    }

    fn assign(&mut self, key: &str, value: &str) {
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match key {
            "ExecStart" => {
                let command = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
                self.arguments = words(command).into_iter().collect();
                self.executed.push(self.arguments.clone());
            }
            "ExecStartPre" | "ExecStartPost" => {
                self.executed
                    .push(words(value.trim_start_matches(['@', '-', ':', '+', '!', '|'])).into_iter().collect());
            }
            "EnvironmentFile" => match value.strip_prefix('-') {
                _ if value.is_empty() => self.environment_files.clear(),
                Some(path) => self.environment_files.push((PathBuf::from(path), true)),
                None => self.environment_files.push((PathBuf::from(value), false)),
            },
            "WorkingDirectory" => {
                self.working_directory = text().map(|path| PathBuf::from(path.trim_start_matches('-')));
            }
            "User" => self.user = text(),
            "Restart" => self.restart = text(),
            "RestartSec" => self.restart_s = self.span(key, value),
            "RestartPreventExitStatus" => self.restart_prevent_exit_status = text(),
            "TimeoutStopSec" | "TimeoutSec" => self.stop_timeout_s = self.span(key, value),
            _ => {}
        }
    }

    fn span(&mut self, key: &str, value: &str) -> Option<u32> {
        let span = seconds(value);
        if span.is_none() && !matches!(value, "" | "infinity") {
            self.oddities.push(format!("`{key}` is no time span"));
        }
        span
    }

    /// The restart policy in launchd's terms.
    pub fn keep_alive(&self) -> KeepAlive {
        match self.restart.as_deref() {
            None | Some("no") => KeepAlive::Never,
            Some("always") => KeepAlive::Always,
            Some("on-failure") => KeepAlive::When { successful_exit: Some(false), others: Vec::new() },
            Some("on-success") => KeepAlive::When { successful_exit: Some(true), others: Vec::new() },
            Some(other) => KeepAlive::When { successful_exit: None, others: vec![other.to_owned()] },
        }
    }
}

impl Specifiers<'_> {
    /// Replaces the specifiers that matter for paths and names. The others stay as they are.
    fn expand(&self, value: &str) -> String {
        let mut expanded = String::with_capacity(value.len());
        let mut characters = value.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            let stem = self.unit.rsplit_once('.').map_or(self.unit, |(stem, _)| stem);
            match characters.next() {
                Some('h') if self.home.is_some() => {
                    expanded.push_str(&self.home.unwrap_or(Path::new("/")).to_string_lossy());
                }
                Some('u') if self.user.is_some() => expanded.push_str(self.user.unwrap_or_default()),
                Some('U') => expanded.push_str(&self.uid.to_string()),
                Some('n') => expanded.push_str(self.unit),
                Some('N') => expanded.push_str(stem),
                Some('p') => expanded.push_str(stem.split_once('@').map_or(stem, |(prefix, _)| prefix)),
                Some('i') => expanded.push_str(stem.split_once('@').map_or("", |(_, instance)| instance)),
                Some('t') if self.uid == 0 => expanded.push_str("/run"),
                Some('t') => expanded.extend(["/run/user/", &self.uid.to_string()]),
                Some('%') | None => expanded.push('%'),
                Some(other) => expanded.extend(['%', other]),
            }
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit_file::parse;
    use super::*;

    #[test]
    fn specifiers() {
        let of = |unit, uid| Specifiers { unit, home: None, user: Some("ada"), uid };
        assert_eq!(
            of("a@b.service", 7).expand("%n %N %p %i %u %U %t %% %h %x %"),
            "a@b.service a@b a b ada 7 /run/user/7 % %h %x %"
        );
        assert_eq!(of("a.service", 0).expand("%p%i %t"), "a /run");
    }

    #[test]
    fn a_unit_with_a_drop_in() {
        let unit = parse(
            b"[Service]\nExecStart=/old\nEnvironment=\"A=1 2\" TOKEN=canary\nEnvironmentFile=-%h/.openclaw/gateway.systemd.env\n\
              Restart=always\nRestartSec=5\nTimeoutStopSec=5min 30s\nRestartPreventExitStatus=78\n[Install]\nWantedBy=default.target\n",
        );
        let drop_in = parse(
            b"[Service]\nExecStart=\nExecStart=-/usr/bin/node \"%h/x y.js\" gateway --port 18789\nRestart=on-failure\n",
        );
        let home = Path::new("/home/ada");
        let specifiers =
            Specifiers { unit: "openclaw-gateway.service", home: Some(home), user: Some("ada"), uid: 1000 };
        let service = Service::from_files([&unit, &drop_in], &specifiers);
        assert_eq!(service.arguments.as_slice(), ["/usr/bin/node", "/home/ada/x y.js", "gateway", "--port", "18789"]);
        assert_eq!(service.environment.text("A"), Some("1 2"));
        assert_eq!(service.environment_files, [(PathBuf::from("/home/ada/.openclaw/gateway.systemd.env"), true)]);
        assert_eq!(service.keep_alive(), KeepAlive::When { successful_exit: Some(false), others: vec![] });
        assert_eq!((service.restart_s, service.stop_timeout_s), (Some(5), Some(330)));
        assert_eq!(service.wanted_by, ["default.target"]);
        assert!(!format!("{service:?} {unit:?}").contains("canary"));
    }
}
