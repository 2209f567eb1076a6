//! Asking launchd: which domains there are, what they hold, how a job stands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::UnitRuntime;

use super::domain::{self, DomainPrint};
use super::{Refusal, disabled, folder, service};
use crate::command::{CommandError, Invocation, Runner};

/// launchd's own tool.
const LAUNCHCTL: &str = "/bin/launchctl";
/// `print system` of a busy Mac takes tens of milliseconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// What launchd said.
#[derive(Debug, Default)]
pub struct Domains {
    /// Each domain asked. Absent: it does not exist, as `gui/<uid>` without a login at the screen.
    pub domains: BTreeMap<String, Fact<DomainPrint>>,
    /// Overrides of each domain: whether a label is switched off. A label that is not there has no override.
    pub overrides: BTreeMap<String, Fact<BTreeMap<String, bool>>>,
    /// Lines that were not understood.
    pub unparsed_lines: u64,
}

fn launchctl(arguments: &[&str]) -> Invocation {
    Invocation::new(LAUNCHCTL, arguments).deadline(DEADLINE)
}

/// The domains in which a user's agents may be loaded, in the order of preference.
pub fn user_domains(uid: u32) -> [String; 2] {
    [format!("gui/{uid}"), format!("user/{uid}")]
}

/// Asks the system domain and those of the given users.
pub fn ask(runner: &dyn Runner, uids: &BTreeSet<u32>, at: Timestamp) -> Domains {
    let mut names = vec!["system".to_owned()];
    names.extend(uids.iter().flat_map(|uid| user_domains(*uid)));
    let mut answers = Domains::default();
    let asked = folder::each(&names, |name| {
        let (domain, unparsed) = print_domain(runner, name, at);
        let listed = domain.get().map(|domain| &domain.disabled).filter(|disabled| !disabled.is_empty()).cloned();
        // The override store of a user outlives the login, so it is asked even where the domain is not there.
        let (overrides, more) = match listed {
            Some(listed) => (Fact::known(listed, format!("launchctl print {name}"), at), 0),
            None => print_disabled(runner, name, at),
        };
        (name.clone(), domain, overrides, unparsed + more)
    });
    for (name, domain, overrides, unparsed) in asked {
        answers.domains.insert(name.clone(), domain);
        answers.overrides.insert(name, overrides);
        answers.unparsed_lines += unparsed;
    }
    answers
}

fn print_domain(runner: &dyn Runner, name: &str, at: Timestamp) -> (Fact<DomainPrint>, u64) {
    let source = format!("launchctl print {name}");
    match runner.run(&launchctl(&["print", name])) {
        Ok(output) => match domain::parse(&output.stdout) {
            Ok(parsed) => (Fact::known(parsed.value, source, at), parsed.unparsed.count()),
            Err(error) => (Fact::unreadable(error.to_string(), source, at), 0),
        },
        Err(error) => (refused(&error, source, at), 0),
    }
}

fn print_disabled(runner: &dyn Runner, name: &str, at: Timestamp) -> (Fact<BTreeMap<String, bool>>, u64) {
    let source = format!("launchctl print-disabled {name}");
    match runner.run(&launchctl(&["print-disabled", name])) {
        Ok(output) => match disabled::parse(&output.stdout) {
            Ok(parsed) => (Fact::known(parsed.value, source, at), parsed.unparsed.count()),
            Err(error) => (Fact::unreadable(error.to_string(), source, at), 0),
        },
        Err(error) => (refused(&error, source, at), 0),
    }
}

fn refused<T>(error: &CommandError, source: String, at: Timestamp) -> Fact<T> {
    match Refusal::of(error) {
        Some(Refusal::ServiceNotFound | Refusal::DomainNotFound | Refusal::DomainUnsupported) => {
            Fact::absent(source, at)
        }
        Some(Refusal::NotPermitted) => Fact::denied("launchd refuses: run as root", source, at),
        Some(Refusal::Other { status, text }) => Fact::unreadable(format!("exit status {status}: {text}"), source, at),
        None => Fact::unreadable(error.to_string(), source, at),
    }
}

impl Domains {
    /// How many services each domain lists.
    pub fn counts(&self) -> BTreeMap<String, Fact<u64>> {
        let count = |domain: DomainPrint| u64::try_from(domain.services.len()).unwrap_or(u64::MAX);
        self.domains.iter().map(|(name, domain)| (name.clone(), domain.clone().map(count))).gather()
    }

    /// How a job stands: in the first of the domains that holds it. With the job's own print, where it could be read, for what a
    /// definition does not tell.
    pub fn runtime(
        &mut self,
        runner: &dyn Runner,
        label: &str,
        domains: &[String],
        at: Timestamp,
    ) -> (Fact<UnitRuntime>, Option<service::ServicePrint>) {
        let mut blind: Option<Fact<UnitRuntime>> = None;
        for name in domains {
            let listed = match self.domains.get(name).map(|domain| &domain.outcome) {
                Some(Outcome::Known { value }) => value.services.iter().find(|service| service.label == label),
                Some(Outcome::Absent) => continue,
                // Not known to be there: the job itself may still be told.
                Some(Outcome::Denied { .. } | Outcome::Unreadable { .. }) | None => None,
            };
            let is_listed = listed.is_some();
            if !is_listed && self.domains.get(name).is_some_and(|domain| domain.get().is_some()) {
                continue;
            }
            let pid = listed.and_then(|service| service.pid);
            let (fact, print) = self.print(runner, name, label, at);
            match fact.outcome {
                Outcome::Absent => {}
                Outcome::Known { .. } => return (fact, print),
                Outcome::Denied { .. } | Outcome::Unreadable { .. } if is_listed => {
                    let runtime = UnitRuntime {
                        domain: name.clone(),
                        state: if pid.is_some() {
                            portreeve_core::snapshot::UnitState::Running
                        } else {
                            portreeve_core::snapshot::UnitState::Unknown
                        },
                        pid,
                        runs: None,
                        last_exit_code: None,
                        last_signal: None,
                    };
                    return (Fact::known(runtime, format!("launchctl print {name}"), at), None);
                }
                Outcome::Denied { .. } | Outcome::Unreadable { .. } => blind = blind.or(Some(fact)),
            }
        }
        (blind.unwrap_or_else(|| Fact::absent(format!("launchctl print {}", domains.join(", ")), at)), None)
    }

    fn print(
        &mut self,
        runner: &dyn Runner,
        domain: &str,
        label: &str,
        at: Timestamp,
    ) -> (Fact<UnitRuntime>, Option<service::ServicePrint>) {
        let target = format!("{domain}/{label}");
        let source = format!("launchctl print {target}");
        match runner.run(&launchctl(&["print", &target])) {
            Ok(output) => match service::parse(&output.stdout) {
                Ok(parsed) => {
                    self.unparsed_lines += parsed.unparsed.count();
                    let print = parsed.value;
                    let runtime = UnitRuntime {
                        domain: domain.to_owned(),
                        state: print.state(),
                        pid: print.pid,
                        runs: print.runs,
                        last_exit_code: print.last_exit_code,
                        last_signal: print.last_signal,
                    };
                    (Fact::known(runtime, source, at), Some(print))
                }
                Err(error) => (Fact::unreadable(error.to_string(), source, at), None),
            },
            Err(error) => (refused(&error, source, at), None),
        }
    }

    /// Whether an override switches a job off: in the domain that holds it, else in the first that has one.
    pub fn is_overridden(&self, label: &str, domains: &[String]) -> Option<Fact<bool>> {
        let mut blind = None;
        for name in domains {
            let Some(overrides) = self.overrides.get(name) else { continue };
            match &overrides.outcome {
                Outcome::Known { value } => {
                    if let Some(disabled) = value.get(label) {
                        return Some(overrides.clone().map(|_| *disabled));
                    }
                }
                Outcome::Absent => {}
                Outcome::Denied { .. } | Outcome::Unreadable { .. } => blind = Some(overrides.clone().map(|_| false)),
            }
        }
        blind
    }

    /// Labels in the lists, with the domain of each.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.domains.iter().flat_map(|(name, domain)| {
            let services = domain.get().map(|domain| domain.services.as_slice()).unwrap_or_default();
            services.iter().map(move |service| (name.as_str(), service.label.as_str()))
        })
    }
}
