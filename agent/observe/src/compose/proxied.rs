//! Ways through the proxies of a project and of what takes web hooks, as their definitions and mounted configurations say.

use std::net::IpAddr;
use std::path::Path;

use portreeve_compose::{Project, Service};
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{ProjectProblem, ProxyRoute, TlsSeen, Workload, WorkloadRole};

use super::mounted::{self, Mounted};
use super::service::{definition, id};
use super::{Facts, Reading, shown, shown_place};
use crate::proxy::{self, File, Files, MAX_FILE_BYTES, Owner, Program, World};

/// Why nothing was asked.
const ONLY_FILES: &str = "only files were read";

/// Adds the ways of every proxy whose configuration lies in the project, what of a configuration was too much to read, and the targets of
/// everything that takes web hooks.
pub(super) fn add(project: &Project, reading: &Reading, facts: &mut Facts) {
    let world =
        World { gateways: &facts.gateways, workloads: &facts.workloads, networks: &facts.networks, addresses: &[] };
    let mut proxies = Vec::new();
    let mut ingresses = Vec::new();
    let mut problems = Vec::new();
    for service in project.services.values().filter(|service| service.active) {
        let own = id(project, &service.name);
        let Some(workload) = facts.workloads.iter().find(|workload| workload.id == own) else { continue };
        match workload.role {
            WorkloadRole::Proxy => {
                let (routes, cut) = routes(project, service, workload, &world, reading);
                proxies.extend(routes);
                problems.extend(cut);
            }
            WorkloadRole::Ingress => {
                ingresses.extend(proxy::ingresses(workload, &definition(service), &world, reading.at));
            }
            _ => {}
        }
    }
    if let Some(own) = facts.projects.first_mut() {
        own.problems.append(&mut problems);
    }
    facts.proxies.append(&mut proxies);
    facts.ingresses.append(&mut ingresses);
}

/// The ways to gateways of the project through one proxy, and the bound at which reading its configuration ended. What leads past all of
/// them is none of ours.
fn routes(
    project: &Project,
    service: &Service,
    workload: &Workload,
    world: &World<'_>,
    reading: &Reading,
) -> (Vec<ProxyRoute>, Option<ProjectProblem>) {
    let words = || workload.command.iter().map(String::as_str);
    let program = std::iter::once(workload.image.reference.as_str()).chain(words()).find_map(Program::of);
    let Some(program) = program else { return (Vec::new(), None) };
    let after = |flag: &str| words().zip(words().skip(1)).find(|(word, _)| *word == flag).map(|(_, path)| path);
    let named = match program {
        Program::Nginx => after("-c"),
        Program::Caddy => after("--config"),
    };
    let files = InService { project, service, reading };
    let path = named.unwrap_or(program.default_config());
    let parsed = proxy::parse(program, path, workload.image.version.as_deref(), &files);
    let mut routes =
        proxy::routes(&parsed.routes, Owner { id: &workload.id, workload: Some(workload) }, world, reading.at);
    routes.retain(|route| on_port(route, world));
    for route in &mut routes {
        let Some(mut config) = route.config.get().cloned() else { continue };
        route.tls = config.certificate.as_deref().map_or_else(
            || Fact::unreadable(ONLY_FILES, "configuration", reading.at),
            |path| certificate(path, &route.front.host, &files),
        );
        for place in config.places.values_mut() {
            *place = shown_place(place, reading);
        }
        route.config = Fact::known(config, "configuration", reading.at);
    }
    let cut = parsed.cut.map(|problem| ProjectProblem {
        place: problem.place.map(|place| shown_place(&place, reading)),
        message: format!("the configuration of service `{}` is read up to here: {}", service.name, problem.message),
        fatal: false,
    });
    (routes, cut)
}

/// Whether a way ends at the port of its gateway, as far as that is known: on others may be what is no gateway.
fn on_port(route: &ProxyRoute, world: &World<'_>) -> bool {
    let gateway = world.gateways.iter().find(|gateway| route.gateway.as_ref() == Some(&gateway.id));
    let workload = gateway.and_then(|gateway| gateway.workload.as_deref());
    let workload = workload.and_then(|id| world.workloads.iter().find(|workload| workload.id == id));
    let (Some(upstream), Some(workload)) = (&route.upstream, workload) else { return false };
    let published = workload.ports.iter().any(|port| port.host_port == Some(upstream.port));
    published || workload.listens.as_ref().is_none_or(|listens| listens.port == upstream.port)
}

/// The certificate that a proxy is to show, where it lies in the project.
fn certificate(path: &str, host: &str, files: &InService<'_>) -> Fact<TlsSeen> {
    let at = files.reading.at;
    let unreadable = |why: String| Fact::unreadable(why, path, at);
    let file = match files.read(path) {
        Ok(file) => file,
        Err(why) => return unreadable(why),
    };
    // Where the site has no plain name, the front is where it listens.
    let asked = Some(host).filter(|host| *host != "localhost" && host.parse::<IpAddr>().is_err());
    match proxy::certificate(file.text.as_bytes(), asked, at) {
        Ok(seen) => Fact::known(seen, file.name, at),
        Err(why) => unreadable(why),
    }
}

/// The files of a service, by their paths within it.
struct InService<'a> {
    project: &'a Project,
    service: &'a Service,
    reading: &'a Reading,
}

impl Files for InService<'_> {
    fn read(&self, path: &str) -> Result<File, String> {
        match mounted::at(self.project, self.service, path) {
            Mounted::Here(file) => {
                let content =
                    self.reading.reader.read_linked(&file, MAX_FILE_BYTES as u64).map_err(|error| error.to_string())?;
                let text = String::from_utf8_lossy(&content.bytes).into_owned();
                Ok(File { name: shown(&file.to_string_lossy(), self.reading), text })
            }
            Mounted::Elsewhere(what) => Err(format!("it lies in {what}")),
            Mounted::Image => Err("it is the image's own".to_owned()),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match mounted::at(self.project, self.service, folder) {
            Mounted::Here(folder) => std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .take(1024)
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Mounted::Elsewhere(_) | Mounted::Image => Vec::new(),
        };
        let grants = self.service.configs.iter().chain(&self.service.secrets).map(|grant| grant.target.as_str());
        for target in self.service.mounts.iter().map(|mount| mount.target.as_str()).chain(grants) {
            let target = Path::new(target);
            if target.parent() == Some(Path::new(folder)) {
                names.extend(target.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned));
            }
        }
        names.order();
        names.dedup();
        names
    }
}
