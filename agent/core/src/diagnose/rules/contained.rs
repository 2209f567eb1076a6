//! Gateways and clients in containers: which workload they are, whose network namespace it is in, and how to run a command there.

use std::net::IpAddr;

use super::command::quote;
use crate::snapshot::{
    Client, EngineKind, Gateway, HostsAddress, NetworkMode, Process, RunState, Snapshot, Workload, WorkloadRole,
};

/// How many steps from one namespace to the next are followed.
const MOST_STEPS: usize = 8;

/// The workload that a gateway runs in.
pub(crate) fn of<'a>(snapshot: &'a Snapshot, gateway: &Gateway) -> Option<&'a Workload> {
    snapshot.workload(gateway.workload.as_deref()?)
}

/// The workload that a client runs in.
pub(crate) fn of_client<'a>(snapshot: &'a Snapshot, client: &Client) -> Option<&'a Workload> {
    snapshot.workload(client.workload.as_deref()?)
}

/// The container whose state a gateway of the host merely mirrors: no process and no unit of the host runs it, and its directory is
/// mounted into that container as the state of the gateway there.
pub(crate) fn stands_for<'a>(snapshot: &'a Snapshot, gateway: &Gateway) -> Option<&'a Workload> {
    let own = |process: &Process| process.workload.is_none() && !process.foreign_pidns;
    if gateway.workload.is_some()
        || !gateway.units.is_empty()
        || gateway.pids.iter().filter_map(|&pid| snapshot.process(pid)).any(own)
    {
        return None;
    }
    let path = gateway.state_dir.as_deref()?;
    let aliases = snapshot.state_dir(path).map(|dir| dir.aliases.as_slice()).unwrap_or_default();
    snapshot
        .workloads
        .iter()
        .filter(|workload| workload.role == WorkloadRole::Gateway)
        .find(|workload| workload.state_on_host().is_some_and(|source| source == path || aliases.contains(&source)))
}

/// The gateways that are judged: a directory of the host that a container has as its state is judged as that container's gateway.
pub(crate) fn judged(snapshot: &Snapshot) -> impl Iterator<Item = &Gateway> {
    snapshot.gateways.iter().filter(|gateway| stands_for(snapshot, gateway).is_none())
}

/// Those of them that run in no container.
pub(crate) fn judged_on_host(snapshot: &Snapshot) -> impl Iterator<Item = &Gateway> {
    judged(snapshot).filter(|gateway| gateway.workload.is_none())
}

/// The gateway that is judged where this one is not: that of the container that it stands for.
pub(crate) fn judged_as<'a>(snapshot: &'a Snapshot, gateway: &'a Gateway) -> &'a Gateway {
    let contained = stands_for(snapshot, gateway).and_then(|workload| {
        snapshot.gateways.iter().find(|other| other.workload.as_deref() == Some(workload.id.as_str()))
    });
    contained.unwrap_or(gateway)
}

/// The workload whose network namespace a workload is in: itself, or the one at the end of `network_mode: service:…`.
pub(crate) fn namespace<'a>(snapshot: &'a Snapshot, workload: &'a Workload) -> &'a Workload {
    let mut at = workload;
    // Compose refuses circles; an engine's list, read while containers change, might still show one.
    for _ in 0..MOST_STEPS {
        match &at.network_mode {
            NetworkMode::Shared { with, found: true } => match snapshot.workload(with) {
                Some(next) => at = next,
                None => return at,
            },
            _ => return at,
        }
    }
    at
}

/// The workload in whose network namespace a running one is written to be, and whose last start's it still has: that one was started again
/// since, and got another.
pub(crate) fn left_behind<'a>(snapshot: &'a Snapshot, workload: &Workload) -> Option<&'a Workload> {
    let NetworkMode::Shared { with, found: true } = &workload.network_mode else { return None };
    snapshot.workload(with).filter(|other| workload.is_older_than(other))
}

/// Whether two workloads are in one network namespace. None where that is not known.
pub(crate) fn share_namespace(snapshot: &Snapshot, one: &Workload, other: &Workload) -> Option<bool> {
    let (one, other) = (namespace(snapshot, one), namespace(snapshot, other));
    if one.id == other.id {
        return Some(true);
    }
    match (&one.network_mode, &other.network_mode) {
        (NetworkMode::Shared { .. }, _) | (_, NetworkMode::Shared { .. }) => None,
        (NetworkMode::Host, NetworkMode::Host) => Some(under_one_engine(one, other)),
        _ => Some(false),
    }
}

/// Whether two workloads are one engine's. A service that no container runs is of the engine that its project runs on.
fn under_one_engine(one: &Workload, other: &Workload) -> bool {
    match (&one.engine, &other.engine) {
        (Some(one), Some(other)) => one == other,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => one.project.is_some() && one.project == other.project,
    }
}

/// Whether a workload's engine runs under the node's own kernel: what stands for the host there is then no loopback, while an engine in a
/// virtual machine hands connects to the host on to its loopback. None where that is not known.
pub(crate) fn shares_kernel(snapshot: &Snapshot, workload: &Workload) -> Option<bool> {
    let project = snapshot
        .projects
        .iter()
        .find(|project| workload.engine.is_none() && workload.project.as_ref() == Some(&project.name));
    let id = workload.engine.as_ref().or(project.and_then(|project| project.engine.as_ref()))?;
    let engine = snapshot.engines.iter().find(|engine| engine.id == *id)?;
    Some(!engine.answer.get()?.in_vm)
}

/// A gateway's or client's own id, for sentences: `` service `gateway` of project `claw` ``, `` container `claw-gateway-1` ``, or the id itself.
pub(crate) fn place_named(id: &str) -> String {
    if let Some((project, service)) = id.strip_prefix("service:").and_then(|rest| rest.split_once('/')) {
        return format!("service `{service}` of project `{project}`");
    }
    match id.strip_prefix("container:") {
        Some(name) => format!("container `{name}`"),
        None => format!("`{id}`"),
    }
}

/// A workload, for sentences: `` container `claw-gateway-1` (service `gateway` of project `claw`) ``.
pub(crate) fn name(workload: &Workload) -> String {
    match (&workload.project, &workload.service, &workload.engine) {
        (Some(project), Some(service), Some(_)) => {
            format!("container `{}` (service `{service}` of project `{project}`)", workload.name)
        }
        (Some(project), Some(service), None) => format!("service `{service}` of project `{project}`"),
        _ => format!("container `{}`", workload.name),
    }
}

/// The program that speaks to a workload's engine.
fn client_of(snapshot: &Snapshot, workload: &Workload) -> String {
    let engine = |id: &str| snapshot.engines.iter().find(|engine| engine.id == id);
    let Some(engine) = workload.engine.as_deref().and_then(engine) else { return "docker".to_owned() };
    match engine.kind {
        EngineKind::Podman => "podman".to_owned(),
        EngineKind::AppleContainer => "container".to_owned(),
        // With one engine the shell's own choice is that one; with several it may be another.
        _ if snapshot.engines.len() > 1 => format!("docker -H {}", quote(&engine.endpoint)),
        _ => "docker".to_owned(),
    }
}

/// A command of a workload's engine.
pub(crate) fn engine_command(snapshot: &Snapshot, workload: &Workload, arguments: &str) -> String {
    format!("{} {arguments}", client_of(snapshot, workload))
}

/// `docker compose` with all that it needs to find the project; none where the workload belongs to none.
fn compose(snapshot: &Snapshot, workload: &Workload, with_files: bool) -> Option<String> {
    let name = workload.project.as_ref()?;
    workload.service.as_ref()?;
    let project = snapshot
        .projects
        .iter()
        .find(|project| project.name == *name && (project.engine == workload.engine || workload.engine.is_none()));
    let mut command = format!("{} compose -p {}", client_of(snapshot, workload), quote(name));
    for file in project.into_iter().flat_map(|project| &project.files).filter(|_| with_files) {
        command = format!("{command} -f {}", quote(file));
    }
    Some(command)
}

/// The command that runs `openclaw <arguments>` in a workload: in its container where one runs, else in one made for it.
pub(crate) fn run_in(snapshot: &Snapshot, workload: &Workload, arguments: &str) -> String {
    let service = workload.service.as_deref().map(quote).unwrap_or_default();
    if workload.is_running() {
        return match compose(snapshot, workload, false) {
            Some(compose) => format!("{compose} exec {service} openclaw {arguments}"),
            None => format!("{} exec {} openclaw {arguments}", client_of(snapshot, workload), quote(&workload.name)),
        };
    }
    match compose(snapshot, workload, true) {
        // A service for one-shot commands has the program as its entry point.
        Some(compose) if workload.role == WorkloadRole::Cli => format!("{compose} run --rm {service} {arguments}"),
        Some(compose) => format!("{compose} run --rm --entrypoint openclaw {service} {arguments}"),
        None => format!("{} start {} && {}", client_of(snapshot, workload), quote(&workload.name), {
            format!("{} exec {} openclaw {arguments}", client_of(snapshot, workload), quote(&workload.name))
        }),
    }
}

/// The command that brings a workload up from wherever it is.
pub(crate) fn bring_up(snapshot: &Snapshot, workload: &Workload) -> String {
    if workload.runtime.as_ref().is_some_and(|runtime| runtime.state == RunState::Paused) {
        return match (compose(snapshot, workload, false), &workload.service) {
            (Some(compose), Some(service)) => format!("{compose} unpause {}", quote(service)),
            _ => format!("{} unpause {}", client_of(snapshot, workload), quote(&workload.name)),
        };
    }
    match (compose(snapshot, workload, true), &workload.service) {
        (Some(compose), Some(service)) => format!("{compose} up -d {}", quote(service)),
        _ => format!("{} start {}", client_of(snapshot, workload), quote(&workload.name)),
    }
}

/// The command that starts a workload anew.
pub(crate) fn restart(snapshot: &Snapshot, workload: &Workload) -> String {
    match (compose(snapshot, workload, false), &workload.service) {
        (Some(compose), Some(service)) => format!("{compose} restart {}", quote(service)),
        _ => format!("{} restart {}", client_of(snapshot, workload), quote(&workload.name)),
    }
}

/// The command that ends a workload and keeps it from coming back.
pub(crate) fn stop(snapshot: &Snapshot, workload: &Workload) -> String {
    match (compose(snapshot, workload, false), &workload.service) {
        (Some(compose), Some(service)) => format!("{compose} stop {}", quote(service)),
        _ => format!("{} stop {}", client_of(snapshot, workload), quote(&workload.name)),
    }
}

/// The command that shows what a workload said last.
pub(crate) fn logs(snapshot: &Snapshot, workload: &Workload) -> String {
    match (compose(snapshot, workload, false), &workload.service) {
        (Some(compose), Some(service)) => format!("{compose} logs --tail 50 {}", quote(service)),
        _ => format!("{} logs --tail 50 {}", client_of(snapshot, workload), quote(&workload.name)),
    }
}

/// The command that runs `openclaw <arguments>` where a gateway lives: in its container, or on the host with its state directory.
pub(crate) fn run_at(snapshot: &Snapshot, gateway: &Gateway, arguments: &str) -> String {
    if let Some(workload) = of(snapshot, gateway) {
        return run_in(snapshot, workload, arguments);
    }
    match (&gateway.state_dir, &gateway.profile) {
        (_, Some(profile)) => format!("openclaw --profile {} {arguments}", quote(profile)),
        (Some(dir), None) if !is_default(snapshot, dir) => {
            format!("OPENCLAW_STATE_DIR={} openclaw {arguments}", quote(dir))
        }
        _ => format!("openclaw {arguments}"),
    }
}

/// Whether a state directory is the one that the command line takes without being told.
fn is_default(snapshot: &Snapshot, path: &str) -> bool {
    let Some(dir) = snapshot.state_dir(path) else { return false };
    dir.home.as_ref().is_some_and(|home| {
        let default = format!("{}/.openclaw", home.trim_end_matches('/'));
        dir.path == default || dir.aliases.contains(&default)
    })
}

/// Where a gateway lives, for the words before such a command: `in container …`, `on this node as op`.
pub(crate) fn place_of(snapshot: &Snapshot, gateway: &Gateway) -> String {
    if let Some(workload) = of(snapshot, gateway) {
        return format!("in {}", name(workload));
    }
    let user = gateway.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
    format!("on this node{user}")
}

/// The command that runs `openclaw <arguments>` as a client would.
pub(crate) fn run_as(snapshot: &Snapshot, client: &Client, arguments: &str) -> String {
    match of_client(snapshot, client) {
        Some(workload) => run_in(snapshot, workload, arguments),
        None => format!("openclaw {arguments}"),
    }
}

/// The gateway that a client in a container means although its URL may not lead there: the one of its project, or else the only one of
/// its engine.
pub(crate) fn meant<'a>(snapshot: &'a Snapshot, client: &Client) -> Option<&'a Gateway> {
    let workload = of_client(snapshot, client)?;
    let url = client.url.get();
    let host = url.map(|url| url.url.host.as_str());
    let net = namespace(snapshot, workload);
    // A hosts file counts before the names of networks.
    let told: Vec<HostsAddress> = host
        .into_iter()
        .flat_map(|host| net.hosts(host).chain(workload.hosts(host)))
        .filter(|address| *address != HostsAddress::Unknown)
        .collect();
    let is_told = |address: &str| {
        let address = address.parse::<IpAddr>();
        address.is_ok_and(|address| told.contains(&HostsAddress::Ip(address)))
    };
    let is_near = |address: &HostsAddress| match address {
        HostsAddress::Ip(address) => {
            address.is_loopback() || snapshot.networks.iter().any(|network| network.gateways.contains(address))
        }
        HostsAddress::Machine | HostsAddress::Unknown => true,
    };
    let here: Vec<&'a Workload> = snapshot
        .workloads
        .iter()
        .filter(|other| other.role == WorkloadRole::Gateway && under_one_engine(workload, other))
        .collect();
    let named = |other: &&&Workload| {
        host.is_some_and(|host| {
            other.networks.iter().any(|network| {
                if told.is_empty() {
                    network.aliases.iter().any(|alias| alias == host) || network.address.as_deref() == Some(host)
                } else {
                    network.address.as_deref().is_some_and(is_told)
                }
            })
        })
    };
    let of_project = |other: &&&Workload| workload.project.is_some() && other.project == workload.project;
    // A name with a dot or an address that is nobody's here leads out of the engine.
    let leads_out = if told.is_empty() || url.is_some_and(|url| url.loopback) {
        host.is_some_and(|host| host.contains('.') || host.contains(':'))
            && !url.is_some_and(|url| url.loopback)
            && !host.is_some_and(|host| host.ends_with(".internal"))
    } else {
        !told.iter().any(is_near)
    };
    let found = if leads_out {
        only(here.iter().filter(named))
    } else {
        here.iter()
            .find(|other| namespace(snapshot, other).id == net.id)
            .or_else(|| only(here.iter().filter(of_project).filter(named)))
            .or_else(|| only(here.iter().filter(of_project)))
            .or_else(|| only(here.iter().filter(named)))
            .or_else(|| only(here.iter()))
    };
    let id = &found?.id;
    snapshot.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(id))
}

/// The only one there is.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::project::*;
    use super::super::super::fixture::*;
    use super::*;

    #[test]
    fn a_state_directory_that_is_not_its_users_default_is_named() {
        let at = |path: &str, home: &str| {
            let node = node(|node| {
                (first_state(node).path, first_state(node).home) = (path.to_owned(), Some(home.to_owned()));
                gateway(node).state_dir = Some(path.to_owned());
            });
            run_at(&node, &node.gateways[0], "status")
        };
        assert_eq!(at(STATE, "/Users/op/"), "openclaw status");
        let moved = "/Volumes/data/.openclaw";
        assert_eq!(at(moved, "/Users/op"), "OPENCLAW_STATE_DIR=/Volumes/data/.openclaw openclaw status");
    }

    #[test]
    fn a_service_that_no_container_runs_is_run_by_the_files_of_its_project() {
        let mut node = split();
        let cli = cli_workload(&mut node);
        (cli.engine, cli.container_id, cli.runtime) = (None, None, None);
        let command = "docker compose -p claw -f /srv/claw/compose.yaml run --rm openclaw-cli status";
        assert_eq!(run_in(&node, &node.workloads[1], "status"), command);
        let meant = meant(&node, &node.clients[0]).map(|gateway| gateway.id.as_str());
        assert_eq!(meant, Some("container:claw-openclaw-gateway-1"));
    }

    #[test]
    fn a_profile_is_quoted() {
        let node = node(|node| gateway(node).profile = Some("my work".to_owned()));
        assert_eq!(run_at(&node, &node.gateways[0], "status"), "openclaw --profile 'my work' status");
    }

    #[test]
    fn a_paused_container_goes_on_and_is_not_started() {
        let mut node = split();
        gateway_workload(&mut node).runtime.as_mut().unwrap().state = RunState::Paused;
        assert_eq!(bring_up(&node, &node.workloads[0]), "docker compose -p claw unpause openclaw-gateway");
        gateway_workload(&mut node).project = None;
        assert_eq!(bring_up(&node, &node.workloads[0]), "docker unpause claw-openclaw-gateway-1");
    }
}
