//! A service's definition in the terms that launchd and systemd share, and the fact that it becomes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{Domain, ExposedSecret, KeepAlive, Manager, Unit, UnitOwner, UnitRole};
use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::file::{FileMeta, Reader};
use portreeve_openclaw::paths::{self, PathInputs};
use portreeve_openclaw::service::{self, Service, ServiceKind};
use secrecy::ExposeSecret;

use super::claim;
use super::program::{self, Place};
use crate::deadline;
use crate::process::mask;
use crate::users::Account;

/// How long a path has to resolve.
const DEADLINE: std::time::Duration = std::time::Duration::from_millis(500);

/// A definition, whoever manages it.
#[derive(Debug)]
pub(super) struct Blueprint<'a> {
    pub(super) manager: Manager,
    pub(super) label: String,
    pub(super) domain: Domain,
    pub(super) path: Option<PathBuf>,
    pub(super) meta: Option<FileMeta>,
    /// The user that the service runs for.
    pub(super) account: Option<&'a Account>,
    /// `Program`, where it is given besides the arguments.
    pub(super) program: Option<String>,
    pub(super) arguments: super::Argv,
    pub(super) environment: Environment,
    /// Files that the service manager itself reads variables from.
    pub(super) environment_files: Vec<PathBuf>,
    pub(super) working_directory: Option<PathBuf>,
    /// Where its output goes.
    pub(super) outputs: Vec<String>,
    pub(super) keep_alive: KeepAlive,
    pub(super) starts_at_load: bool,
    pub(super) throttle_s: Option<u32>,
    pub(super) exit_timeout_s: Option<u32>,
    /// Ports that the service manager opens for it.
    pub(super) socket_ports: Vec<u16>,
    pub(super) oddities: Vec<String>,
}

/// Which services become facts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// Those of `OpenClaw` and those that claim one of these ports. Programs are looked for on this machine.
    Concerned(&'a BTreeSet<u16>),
    /// All, from files that may come from another machine.
    Everything,
}

/// A service as a fact, and what of it never becomes one.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The fact. What the service manager says of it is not filled in yet.
    pub(super) unit: Unit,
    /// See [`super::Detail`].
    pub(super) environment: Environment,
    /// See [`super::Detail`].
    pub(super) service: Service,
    /// See [`super::Detail`].
    pub(super) uid: Option<u32>,
}

impl Blueprint<'_> {
    /// What it starts by these commands; none without a file.
    pub(super) fn started(&self, commands: Vec<super::Argv>) -> Option<super::Started> {
        Some(super::Started {
            label: self.label.clone(),
            path: self.path.clone()?,
            account: self.account.cloned(),
            commands,
            working_directory: self.working_directory.clone(),
        })
    }

    /// The fact, where the service is in scope.
    pub(super) fn understand(&self, scope: Scope<'_>, at: Timestamp) -> Option<Known> {
        let (gated, arguments) = claim::without_gate(self.arguments.as_slice());
        let classify = |file: Option<&Environment>| {
            service::classify_unit(&service::Unit {
                label: &self.label,
                arguments,
                environment: &self.environment,
                file_environment: file,
                working_directory: self.working_directory.as_deref(),
            })
        };
        let first = classify(None);
        let named = self.label.contains("openclaw");
        let claimed = match scope {
            Scope::Concerned(ports) => claim::port(self, ports),
            Scope::Everything => self.socket_ports.first().copied(),
        };
        let concerns = first.kind != ServiceKind::Not || named || claimed.is_some();
        // The environment files of other services are nobody's business, so what they say cannot bring a service into scope.
        if matches!(scope, Scope::Concerned(_)) && !concerns {
            return None;
        }
        let files = self.read_environment_files(&first, scope);
        let service = if files.read.is_empty() { first } else { classify(Some(&files.variables)) };
        let environment = merged(&self.environment, &files.variables);
        let role = self.role(&service);
        let port_argument = claim::option(arguments, "--port").and_then(|port| port.trim().parse().ok());
        let checked = match scope {
            Scope::Concerned(_) => self.check_programs(&service, arguments, at),
            Scope::Everything => program::unchecked(self.first_program(arguments), self.origin(), at),
        };
        let unit = Unit {
            id: self.label.clone(),
            label: self.label.clone(),
            manager: self.manager,
            domain: self.domain.clone(),
            role,
            profile: service.profile.clone(),
            path: self.path.as_deref().map(text),
            file: self.meta.as_ref().map(|meta| UnitOwner { uid: meta.uid, mode: meta.mode }),
            off_boot_volume: self.off_boot_volume(&service, arguments, scope),
            outputs: self.outputs.clone(),
            arguments: mask(self.arguments.as_slice()),
            program: checked.program,
            program_problem: checked.problem,
            port: service.port.or(port_argument).or(claimed),
            port_argument,
            state_dir: self.state_dir(role, &environment, arguments, scope),
            version: claim::version(&service, &environment),
            keep_alive: self.keep_alive.clone(),
            starts_at_load: self.starts_at_load,
            throttle_s: self.throttle_s,
            exit_timeout_s: self.exit_timeout_s,
            gated,
            environment_names: environment.names().map(str::to_owned).collect(),
            exposed: if role == UnitRole::Other { Vec::new() } else { self.exposed(&service, &files) },
            oddities: self.oddities.iter().cloned().chain(files.oddities).collect(),
            runtime: Fact::absent("service manager", at),
            disabled: Fact::absent("service manager", at),
            background_allowed: Fact::absent("background task management", at),
        };
        Some(Known { unit, environment, service, uid: self.account.map(|account| account.uid) })
    }

    fn origin(&self) -> String {
        self.path.as_deref().map_or_else(|| self.label.clone(), text)
    }

    fn role(&self, service: &Service) -> UnitRole {
        match service.kind {
            ServiceKind::Node => UnitRole::NodeHost,
            ServiceKind::Updater => UnitRole::Updater,
            ServiceKind::MacApp => UnitRole::MacApp,
            ServiceKind::Legacy if self.label.rsplit('.').next() == Some("mac") => UnitRole::MacApp,
            ServiceKind::Legacy if self.label.contains("node") => UnitRole::NodeHost,
            ServiceKind::Legacy if self.label.contains("update") => UnitRole::Updater,
            ServiceKind::Gateway | ServiceKind::Legacy => UnitRole::Gateway,
            ServiceKind::Not => UnitRole::Other,
        }
    }

    fn reader(&self) -> Reader {
        match self.account {
            Some(account) => Reader::for_user(account.uid, Some(account.home.clone())),
            None => Reader::for_self(None),
        }
    }

    /// Variables of the files that the service or its wrapper script reads, later ones first in force.
    fn read_environment_files(&self, service: &Service, scope: Scope<'_>) -> EnvironmentFiles {
        let mut files = EnvironmentFiles::default();
        if matches!(scope, Scope::Everything) {
            return files;
        }
        let reader = self.reader();
        let maximum = u64::try_from(service::MAX_ENVIRONMENT_BYTES).unwrap_or(u64::MAX);
        let wrapped = service.environment_file.iter().map(|path| (path, true));
        for (path, is_script) in self.environment_files.iter().map(|path| (path, false)).chain(wrapped) {
            let content = match reader.read(path, maximum) {
                Ok(content) => content,
                Err(error) if error.is_not_found() && !is_script => continue,
                Err(error) => {
                    files.oddities.push(format!("environment file: {error}"));
                    continue;
                }
            };
            let parsed =
                if is_script { service::parse_launchd(&content.bytes) } else { service::parse_systemd(&content.bytes) };
            match parsed {
                Ok(parsed) => {
                    if is_script && !parsed.has_header {
                        files.oddities.push(format!(
                            "`{}` lacks its header, so the wrapper script exits with 78",
                            path.display()
                        ));
                    }
                    files.variables = merged(&files.variables, &parsed.variables);
                    files.read.push((path.clone(), content.meta, parsed.variables));
                }
                Err(error) => files.oddities.push(format!("`{}`: {error}", path.display())),
            }
        }
        files
    }

    fn first_program<'s>(&'s self, arguments: &'s [String]) -> Option<&'s str> {
        self.program.as_deref().or_else(|| self.arguments.as_slice().first().or(arguments.first()).map(String::as_str))
    }

    /// Everything that must be there for the job to start, in the order in which it is needed.
    fn check_programs(&self, service: &Service, arguments: &[String], at: Timestamp) -> program::Checked {
        let mut places = Vec::new();
        places.extend(self.first_program(arguments).map(|path| Place { path: PathBuf::from(path), is_run: true }));
        // The shell reads the wrapper script and the runtime reads the entry: neither needs to be executable.
        places.extend(service.environment_wrapper.iter().map(|path| Place { path: path.clone(), is_run: false }));
        places.extend(service.runtime.iter().map(|path| Place { path: path.clone(), is_run: true }));
        if service.runtime.is_some() {
            places.extend(service.entry.iter().map(|path| Place { path: path.clone(), is_run: false }));
        }
        program::check(places, self.origin(), at)
    }

    fn off_boot_volume(&self, service: &Service, arguments: &[String], scope: Scope<'_>) -> Vec<String> {
        if self.manager != Manager::Launchd || matches!(scope, Scope::Everything) {
            return Vec::new();
        }
        let mut paths: Vec<PathBuf> = self.path.iter().cloned().collect();
        paths.extend(self.first_program(arguments).map(PathBuf::from));
        paths.extend(service.environment_wrapper.iter().chain(&service.runtime).chain(&service.entry).cloned());
        paths.extend(self.outputs.iter().map(PathBuf::from));
        program::off_boot_volume(&paths)
    }

    /// The state directory that the process would use, links resolved.
    fn state_dir(
        &self,
        role: UnitRole,
        environment: &Environment,
        arguments: &[String],
        scope: Scope<'_>,
    ) -> Option<String> {
        if !matches!(role, UnitRole::Gateway | UnitRole::NodeHost) {
            return None;
        }
        let home =
            environment.text(environment::HOME).map(Path::new).or(self.account.map(|account| account.home.as_path()));
        let explicit = environment.text(environment::STATE_DIR).filter(|dir| dir.starts_with('/'));
        let home = match (home, explicit) {
            (Some(home), _) => home,
            (None, Some(_)) => Path::new("/"),
            (None, None) => return None,
        };
        let profile = claim::option(arguments, "--profile")
            .or_else(|| arguments.iter().any(|argument| argument == "--dev").then_some("dev"));
        let inputs = PathInputs {
            environment,
            account_home: home,
            working_directory: self.working_directory.as_deref().unwrap_or(Path::new("/")),
        };
        let is_here = matches!(scope, Scope::Concerned(_));
        let exists = |path: &Path| {
            let path = path.to_path_buf();
            is_here && deadline::within(DEADLINE, move || path.exists()).unwrap_or(false)
        };
        let dir = paths::resolve(&inputs, profile, &exists).ok()?.state_dir;
        if !is_here {
            return Some(text(&dir));
        }
        let asked = dir.clone();
        let real = deadline::within(DEADLINE, move || std::fs::canonicalize(asked)).ok().and_then(Result::ok);
        Some(text(&real.unwrap_or(dir)))
    }

    fn exposed(&self, service: &Service, files: &EnvironmentFiles) -> Vec<ExposedSecret> {
        let mut exposed = Vec::new();
        if service.shows_secret {
            exposed.push(ExposedSecret {
                location: format!("arguments in {}", self.origin()),
                how: "process arguments".to_owned(),
            });
        }
        let own = self.path.iter().zip(&self.meta).map(|(path, meta)| (path, meta, &self.environment));
        let read = files.read.iter().map(|(path, meta, variables)| (path, meta, variables));
        for (path, meta, variables) in own.chain(read) {
            let names: Vec<&str> = variables.names().filter(|name| claim::is_secret(name, variables)).collect();
            if names.is_empty() || !meta.is_readable_by_others() || !program::others_can_reach(path) {
                continue;
            }
            let how = format!("mode {:04o}", meta.mode & 0o7777);
            exposed.extend(
                names
                    .into_iter()
                    .map(|name| ExposedSecret { location: format!("{name} in {}", path.display()), how: how.clone() }),
            );
        }
        exposed
    }
}

#[derive(Default)]
struct EnvironmentFiles {
    variables: Environment,
    read: Vec<(PathBuf, FileMeta, Environment)>,
    oddities: Vec<String>,
}

/// The first environment with the second laid over it.
fn merged(below: &Environment, above: &Environment) -> Environment {
    let mut merged = below.clone();
    for name in above.names() {
        if let Some(value) = above.get(name) {
            merged.set(name, value.expose_secret());
        }
    }
    merged
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
