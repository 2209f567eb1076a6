//! What connects to gateways from this node: the command line of each user, and node hosts.

use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use portreeve_core::snapshot::{
    Client, ClientKind, DeviceStanding, Gateway, Probe, ProcessRole, StateDir, Unit, UrlFacts,
};
use portreeve_core::{Fact, FingerprintKey};
use portreeve_facts::address::is_local;
use portreeve_facts::credentials::of_client;
use portreeve_facts::{Loaded, url};
use portreeve_openclaw::credentials::{
    self, ClientAuth, ClientInputs, EnvironmentLayers, NodeTarget, ProcessLayer, SecretResolver, Surface,
    resolve_client,
};
use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::file::Reader;

use crate::dotenv;
use crate::gateway::Draft;
use crate::running::Running;
use crate::site::Site;
use crate::units::Detail;

/// What clients are related to.
pub(crate) struct Around<'a> {
    pub(crate) gateways: &'a [Gateway],
    pub(crate) addresses: &'a [IpAddr],
    pub(crate) key: &'a FingerprintKey,
    pub(crate) callers_environment: &'a Environment,
    pub(crate) at: Timestamp,
}

/// The command line of the user to whom a state directory belongs.
pub(crate) fn command_line(site: &Site, dir: &StateDir, draft: Option<&Draft>, around: &Around<'_>) -> Option<Client> {
    let is_unread = draft.is_none() && site.is_former() && !site.is_callers;
    if dir.volume.blind().is_some() || is_unread {
        return None;
    }
    let reader = site.reader();
    let own;
    let config_path = site.callers_config.as_ref().unwrap_or(&site.config_path);
    let loaded = match draft {
        Some(draft) if *config_path == site.config_path => &draft.loaded,
        _ => {
            own = Loaded::read(config_path, &reader, &[]);
            &own
        }
    };
    let has_identity = dir.records.get().is_some_and(|records| !records.devices.is_empty());
    if !loaded.exists() && !has_identity && !site.is_callers {
        return None;
    }
    let process = site.is_callers.then(|| ProcessLayer {
        location: "the environment of this shell".to_owned(),
        environment: around.callers_environment.clone(),
        is_running: false,
    });
    // The gateway's own environment is no business of a command line, but the files that every command reads are.
    let mut blind = Vec::new();
    let dotenv_files = match draft {
        Some(draft) => draft.layers.dotenv_files.clone(),
        None => dotenv::read(site, &reader, &mut blind),
    };
    let layers = EnvironmentLayers { process, service_files: Vec::new(), dotenv_files };
    let auth = resolve_client(&inputs(site, dir, loaded, &layers, &reader));
    let mut client = client(format!("cli:{}", dir.path), ClientKind::Cli, site, dir, None, &auth, &blind, around);
    if !loaded.exists() && !site.is_callers && draft.is_none() {
        // All that is there is an identity: where it connects, only the environment of its commands would tell.
        let why = "no configuration names a gateway, and the environment of its commands is not known";
        client.url = Fact::unreadable(why, client.url.source, around.at);
        client.gateway = None;
    }
    Some(client)
}

/// A node host that runs.
pub(crate) fn node_host(site: &Site, dir: &StateDir, running: &Running, around: &Around<'_>) -> Option<Client> {
    if running.process.role != ProcessRole::NodeHost {
        return None;
    }
    let (process, mut blind) = match running.layer() {
        Ok(layer) => (Some(layer), Vec::new()),
        Err(why) => (None, vec![why]),
    };
    let dotenv_files = dotenv::read(site, &site.reader(), &mut blind);
    let layers = EnvironmentLayers { process, service_files: Vec::new(), dotenv_files };
    let config_path = running.config_path.as_deref().unwrap_or(&site.config_path);
    let auth = resolve_node_host(site, dir, config_path, &layers, running.profile.as_deref(), None);
    let id = format!("node-host:{}", dir.path);
    Some(client(id, ClientKind::NodeHost, site, dir, Some(running.process.pid), &auth, &blind, around))
}

/// A node host that a unit would run, where none runs.
pub(crate) fn node_host_of_unit(
    site: &Site,
    dir: &StateDir,
    unit: &Unit,
    detail: Option<&Detail>,
    around: &Around<'_>,
) -> Client {
    let process = detail.map(|detail| unit_layer(unit, detail));
    let mut blind = if process.is_some() { Vec::new() } else { inline_secrets(unit) };
    let dotenv_files = dotenv::read(site, &site.reader(), &mut blind);
    let layers = EnvironmentLayers { process, service_files: Vec::new(), dotenv_files };
    let target = node_target(&unit.arguments);
    let auth = resolve_node_host(site, dir, &site.config_path, &layers, site.profile.as_deref(), target.as_ref());
    client(format!("node-host:{}", unit.id), ClientKind::NodeHost, site, dir, None, &auth, &blind, around)
}

/// The environment that a unit would give its program: what stands in it, and in the files that it names.
pub(crate) fn unit_layer(unit: &Unit, detail: &Detail) -> ProcessLayer {
    ProcessLayer {
        location: format!("the environment of {}", unit.id),
        environment: detail.environment.clone(),
        is_running: false,
    }
}

/// Secrets that stand in the unit itself. An inventory keeps their names only, so that another value may win.
pub(crate) fn inline_secrets(unit: &Unit) -> Vec<String> {
    let secret = |name: &&String| matches!(name.as_str(), environment::GATEWAY_TOKEN | environment::GATEWAY_PASSWORD);
    unit.environment_names.iter().filter(secret).map(|name| format!("`{name}` in {}", unit.id)).collect()
}

/// `--host` and `--port` of `openclaw node run`.
fn node_target(arguments: &[String]) -> Option<NodeTarget> {
    let value = |name: &str| {
        arguments.iter().enumerate().find_map(|(index, argument)| {
            let joined = argument.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
            joined.or_else(|| arguments.get(index + 1).filter(|_| argument == name).map(String::as_str))
        })
    };
    Some(NodeTarget {
        host: value("--host")?.to_owned(),
        port: value("--port").and_then(|port| port.parse().ok()).unwrap_or(portreeve_openclaw::port::DEFAULT_PORT),
        tls: arguments.iter().any(|argument| argument == "--tls").then_some(true),
    })
}

/// How a node host on a state directory resolves what it connects to and with.
fn resolve_node_host(
    site: &Site,
    dir: &StateDir,
    config_path: &Path,
    layers: &EnvironmentLayers,
    profile: Option<&str>,
    target: Option<&NodeTarget>,
) -> ClientAuth {
    let reader = site.reader();
    let loaded = Loaded::read(config_path, &reader, &[]);
    let inputs = inputs(site, dir, &loaded, layers, &reader);
    resolve_client(&ClientInputs {
        kind: credentials::ClientKind::NodeHost,
        profile,
        node_target: target,
        environment_only: has_device_token(dir),
        ..inputs
    })
}

/// What a command line on a state directory goes by.
fn inputs<'a>(
    site: &'a Site,
    dir: &StateDir,
    loaded: &'a Loaded,
    layers: &'a EnvironmentLayers,
    reader: &'a Reader,
) -> ClientInputs<'a> {
    ClientInputs {
        kind: credentials::ClientKind::Cli,
        config: loaded.config.as_ref(),
        layers,
        resolver: SecretResolver {
            reader,
            account_home: site.home().unwrap_or(Path::new("/")),
            working_directory: Path::new("/"),
            has_its_rights: false,
        },
        profile: site.profile.as_deref(),
        url_flag: None,
        port_flag: None,
        token_flag: None,
        password_flag: None,
        node_target: None,
        has_device_token: has_device_token(dir),
        environment_only: false,
    }
}

fn has_device_token(dir: &StateDir) -> bool {
    dir.records.get().is_some_and(|records| !records.device_tokens.is_empty())
}

#[expect(clippy::too_many_arguments, reason = "each is a fact of its own that two kinds of client share")]
fn client(
    id: String,
    kind: ClientKind,
    site: &Site,
    dir: &StateDir,
    pid: Option<u32>,
    auth: &ClientAuth,
    blind: &[String],
    around: &Around<'_>,
) -> Client {
    let at = around.at;
    let url = url(auth, at);
    let gateway = url.get().and_then(|facts| gateway_of(facts, auth, dir, around));
    let device = device(site, dir, gateway, at);
    let why = "the gateway's own rung says the same";
    Client {
        id,
        kind,
        user: site.user(),
        state_dir: Some(dir.path.clone()),
        pid,
        workload: None,
        gateway: gateway.map(|gateway| gateway.id.clone()),
        url,
        credentials: of_client(auth, blind, around.key, at),
        device,
        handshake: Probe::not_tried(why, at),
        connect: Probe::not_tried(why, at),
        acceptance: None,
        connects: None,
    }
}

/// The gateway of this node that a URL leads to. One that is meant and does not listen there is still the one that is meant, unless none
/// ever ran in the client's directory and another has the port.
fn gateway_of<'a>(facts: &UrlFacts, auth: &ClientAuth, dir: &StateDir, around: &Around<'a>) -> Option<&'a Gateway> {
    if !is_local(&facts.url.host, around.addresses) {
        return None;
    }
    let on_port = |gateway: &&Gateway| gateway.port == facts.url.port;
    let gateways = around.gateways;
    let running = gateways.iter().filter(on_port).find(|gateway| !gateway.pids.is_empty());
    let own = |gateway: &&Gateway| {
        let never_ran = gateway.pids.is_empty() && gateway.units.is_empty() && dir.records.is_absent();
        gateway.state_dir.as_deref() == Some(dir.path.as_str()) && !(never_ran && running.is_some())
    };
    let meant = gateways.iter().filter(own).find(|gateway| auth.surface == Surface::Local || on_port(gateway));
    let same = gateways.iter().filter(own).find(on_port);
    same.or(meant).or(running).or_else(|| gateways.iter().find(on_port))
}

fn device(site: &Site, dir: &StateDir, gateway: Option<&Gateway>, at: Timestamp) -> Fact<DeviceStanding> {
    let Some(records) = dir.records.get() else {
        let source = dir.records.source.clone();
        return match dir.records.blind() {
            Some(why) => Fact::unreadable(why, source, at),
            None => Fact::absent(source, at),
        };
    };
    let Some(device_id) = records.devices.first() else {
        return Fact::absent(dir.records.source.clone(), at);
    };
    let pairing = gateway.and_then(|gateway| gateway.pairing.get());
    let same = |other: &str| other.eq_ignore_ascii_case(device_id);
    let held = records.device_tokens.iter().find(|(id, _)| same(id));
    let standing = DeviceStanding {
        device_id: device_id.clone(),
        approved: pairing.and_then(|pairing| pairing.paired.iter().find(|device| same(&device.device_id))).cloned(),
        pending: pairing.and_then(|pairing| pairing.pending.iter().find(|request| same(&request.device_id))).cloned(),
        has_device_token: held.is_some(),
        token_outdated: false,
        state_writable: is_writable(site, dir),
    };
    Fact::known(standing, dir.records.source.clone(), at)
}

/// Whether the owner of the home can write where its identity lies. What cannot be seen counts as writable: no rule may rest on it.
fn is_writable(site: &Site, dir: &StateDir) -> bool {
    let read_only = dir.volume.get().is_some_and(|volume| volume.read_only);
    let uid = site.account.as_ref().map_or(site.uid, |account| account.uid);
    let closed = dir.stat.get().is_some_and(|stat| uid != 0 && (stat.uid != uid || stat.mode & 0o200 == 0));
    !read_only && !closed
}
