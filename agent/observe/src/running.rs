//! Processes of `OpenClaw`, with their environments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Process, ProcessRole};
use portreeve_openclaw::credentials::ProcessLayer;
use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::service::{ProcessKind, ProcessView, classify_process};
use portreeve_openclaw::{paths, port};

use crate::held;
use crate::process::{self, Particulars, ProcessEntry, ProcessTable};
use crate::site::{self, Sites};
use crate::users::Account;

/// One process of `OpenClaw`.
#[derive(Debug)]
pub(crate) struct Running {
    /// As the snapshot keeps it.
    pub(crate) process: Process,
    /// What it got at its start.
    pub(crate) environment: Fact<Environment>,
    /// The configuration that its environment leads to, links not resolved.
    pub(crate) config_path: Option<PathBuf>,
    /// Profile in force.
    pub(crate) profile: Option<String>,
}

impl Running {
    /// What it got at its start, as a source of credentials; or why that cannot be seen.
    pub(crate) fn layer(&self) -> Result<ProcessLayer, String> {
        let place = format!("the environment of pid {}", self.process.pid);
        match self.environment.get() {
            Some(environment) => {
                Ok(ProcessLayer { location: place, environment: environment.clone(), is_running: true })
            }
            None => Err(format!("{place}: {}", self.environment.blind().unwrap_or("it ended"))),
        }
    }
}

/// All processes of `OpenClaw`, by pid, gateways with the state directory that their locks tell. Its short-lived workers are left out.
pub(crate) fn observe(table: &ProcessTable, sites: &Sites, at: Timestamp) -> BTreeMap<u32, Running> {
    let mut all: BTreeMap<u32, Running> = table
        .entries()
        .iter()
        .filter(|entry| !entry.zombie && entry.may_be_openclaw())
        .filter_map(|entry| Some((entry.pid, running(entry, table, sites.accounts(), at)?)))
        .gather();
    let copies: Vec<u32> = all.values().filter(|one| is_copy(one, &all)).map(|one| one.process.pid).collect();
    all.retain(|pid, _| !copies.contains(pid));
    held::settle(&mut all, sites.iter(), table);
    all
}

/// Whether a process is a gateway's image of itself from which another program is about to be started: a child with the same program, title
/// and environment. It may stay so for long where both were stopped. A gateway that another one starts has an environment of its own.
fn is_copy(one: &Running, all: &BTreeMap<u32, Running>) -> bool {
    let Some(parent) = all.get(&one.process.ppid) else { return false };
    let (process, of) = (&one.process, &parent.process);
    let same_environment = || match (one.environment.get(), parent.environment.get()) {
        (Some(own), Some(theirs)) => {
            own.names().eq(theirs.names()) && own.names().all(|name| own.text(name) == theirs.text(name))
        }
        // Of what is hidden title, program and parent are all that tells.
        _ => true,
    };
    let is_gateway = process.role == ProcessRole::Gateway && of.role == ProcessRole::Gateway;
    is_gateway
        && process.argv == of.argv
        && process.exe == of.exe
        && process.uid == of.uid
        && process.state_dir == of.state_dir
        && same_environment()
}

fn running(entry: &ProcessEntry, table: &ProcessTable, accounts: &[Account], at: Timestamp) -> Option<Running> {
    let parent_argv = table.get(entry.ppid).map_or(&[][..], |parent| &parent.argv);
    let mut environment = process::environment(entry, &BTreeSet::new(), at);
    let view = ProcessView {
        pid: Some(entry.pid),
        exe: entry.exe.as_deref(),
        argv: &entry.argv,
        parent_argv,
        environment: environment.get(),
    };
    let class = classify_process(&view);
    let role = match class.kind {
        ProcessKind::Gateway => ProcessRole::Gateway,
        ProcessKind::GatewayStarting | ProcessKind::Bootstrapping => ProcessRole::Bootstrapping,
        ProcessKind::NodeHost => ProcessRole::NodeHost,
        ProcessKind::Doctor => ProcessRole::Doctor,
        ProcessKind::Cli => ProcessRole::Cli,
        ProcessKind::MacApp => ProcessRole::MacApp,
        ProcessKind::Worker | ProcessKind::Not => return None,
    };
    // Variables of a process in a container name paths and addresses of that container.
    let inside = entry.foreign_pidns;
    let resolved = environment.get().filter(|_| !inside).and_then(|variables| {
        let account = entry.uid.and_then(|uid| accounts.iter().find(|account| account.uid == uid));
        let home = account.map_or_else(|| PathBuf::from("/"), |account| account.home.clone());
        site::resolve(variables, home, PathBuf::from("/"), class.profile.clone())
    });
    let state_dir = resolved.as_ref().map(|resolved| site::real(&resolved.state_dir).to_string_lossy().into_owned());
    let from_environment = environment
        .get()
        .and_then(|variables| variables.text(environment::GATEWAY_PORT))
        .and_then(port::parse_environment);
    let particulars = Particulars {
        role,
        state_dir,
        port: class.port.or(from_environment),
        supervisor: environment.get().and_then(supervisor),
        shows_secret: class.shows_secret,
        environment: environment.clone().map(|variables| variables.names().map(ToOwned::to_owned).collect()),
    };
    if inside {
        environment = Fact::unreadable("it runs in a container", environment.source, at);
    }
    let typed = || class.profile.as_deref().and_then(paths::normalize_profile).map(str::to_owned);
    Some(Running {
        process: process::process(entry, particulars, at),
        config_path: resolved.as_ref().map(|resolved| resolved.config_path.clone()),
        profile: resolved.and_then(|resolved| resolved.profile).or_else(typed),
        environment,
    })
}

/// The supervisor that an environment names.
fn supervisor(variables: &Environment) -> Option<String> {
    let launchd = [environment::LAUNCHD_LABEL, environment::LAUNCH_JOB_LABEL, environment::XPC_SERVICE_NAME];
    // launchd gives every process of a session this name; it says nothing of a job.
    let label = launchd.iter().filter_map(|name| variables.text(name)).find(|label| *label != "0");
    if let Some(label) = label {
        return Some(format!("launchd:{label}"));
    }
    if let Some(unit) = variables.text(environment::SYSTEMD_UNIT) {
        return Some(format!("systemd:{unit}"));
    }
    if variables.text(environment::SERVICE_MARKER).is_some() {
        let kind = variables.text(environment::SERVICE_KIND).unwrap_or("gateway");
        return Some(format!("service:{kind}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables = [(&'static str, &'static str)];

    fn gateway(pid: u32, parent: u32, variables: Option<&Variables>) -> (u32, Running) {
        let entry = ProcessEntry {
            pid,
            ppid: parent,
            uid: Some(501),
            started_at: None,
            start_raw: None,
            exe: Some(PathBuf::from("/usr/bin/node")),
            comm: "openclaw-gatewa".to_owned(),
            argv: vec!["openclaw-gateway".to_owned()],
            stopped: true,
            zombie: false,
            cpu: None,
            foreign_netns: None,
            foreign_pidns: false,
        };
        let mut running = running(&entry, &ProcessTable::default(), &[], Timestamp::UNIX_EPOCH).unwrap();
        running.process.pid = pid;
        if let Some(variables) = variables {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            running.environment = Fact::known(Environment::all(variables), "test", Timestamp::UNIX_EPOCH);
        }
        (pid, running)
    }

    #[test]
    fn a_child_that_is_its_parent_still_is_no_second_gateway() {
        const PARENT: u32 = u32::MAX - 2;
        const CHILD: u32 = u32::MAX - 1;
        let of = |ppid, own: Option<&Variables>, theirs: Option<&Variables>| {
            let all = BTreeMap::from([gateway(PARENT, 1, theirs), gateway(CHILD, ppid, own)]);
            assert!(!is_copy(&all[&PARENT], &all));
            is_copy(&all[&CHILD], &all)
        };
        let (one, other): (&Variables, &Variables) = (&[("HOME", "/a")], &[("HOME", "/b")]);
        assert!(of(PARENT, Some(one), Some(one)));
        assert!(of(PARENT, None, None), "what is hidden tells nothing against it");
        assert!(!of(PARENT, Some(other), Some(one)), "a gateway that the other one started");
        assert!(!of(1, Some(one), Some(one)), "a gateway beside the other one");
    }

    #[test]
    fn only_what_openclaw_takes_for_a_profile_is_one() {
        let profile = |typed: &str| {
            let entry = ProcessEntry {
                pid: u32::MAX,
                ppid: 1,
                uid: Some(501),
                started_at: None,
                start_raw: None,
                exe: Some(PathBuf::from("/usr/bin/node")),
                comm: "node".to_owned(),
                argv: ["node", "/lib/node_modules/openclaw/openclaw.mjs", "--profile", typed, "gateway", "run"]
                    .map(str::to_owned)
                    .to_vec(),
                stopped: false,
                zombie: false,
                cpu: None,
                foreign_netns: None,
                foreign_pidns: false,
            };
            running(&entry, &ProcessTable::default(), &[], Timestamp::UNIX_EPOCH).unwrap().profile
        };
        assert_eq!(profile("rescue").as_deref(), Some("rescue"));
        for hostile in ["x;id", "$(id)", "../x", "a b", "", "default"] {
            assert_eq!(profile(hostile), None, "{hostile}");
        }
    }
}
