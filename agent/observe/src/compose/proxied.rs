//! Ways through the proxies of a project, as their mounted configurations say.

use std::path::Path;

use portreeve_compose::{Project, Service};
use portreeve_core::Fact;
use portreeve_core::snapshot::{Probe, ProxyRoute, WorkloadRole};

use super::mounted::{self, Mounted};
use super::relate::leads_to;
use super::service::id;
use super::{Facts, Reading, shown, shown_place};
use crate::proxy::{self, File, Files, MAX_FILE_BYTES, Program};

/// Why nothing was asked.
const ONLY_FILES: &str = "only files were read";

/// Adds the ways of every proxy whose configuration lies in the project.
pub(super) fn add(project: &Project, reading: &Reading, facts: &mut Facts) {
    for service in project.services.values().filter(|service| service.active) {
        let own = id(project, &service.name);
        let Some(workload) = facts.workloads.iter().find(|workload| workload.id == own) else { continue };
        if workload.role != WorkloadRole::Proxy {
            continue;
        }
        let words = || workload.command.iter().map(String::as_str);
        let Some(program) = std::iter::once(workload.image.reference.as_str()).chain(words()).find_map(Program::of)
        else {
            continue;
        };
        let after = |flag: &str| words().zip(words().skip(1)).find(|(word, _)| *word == flag).map(|(_, path)| path);
        let named = match program {
            Program::Nginx => after("-c"),
            Program::Caddy => after("--config"),
        };
        let path = named.unwrap_or(program.default_config());
        let version = workload.image.version.clone();
        let files = InService { project, service, reading };
        let parsed = proxy::parse(program, path, version.as_deref(), &files);
        let routes: Vec<ProxyRoute> = parsed
            .routes
            .into_iter()
            .map(|route| {
                let gateway = route.upstream.as_ref().and_then(|upstream| leads_to(facts, workload, upstream));
                let front = route.front();
                let mut config = route.config;
                for place in config.places.values_mut() {
                    *place = shown_place(place, reading);
                }
                ProxyRoute {
                    id: format!("{own} {}://{}:{}{}", front.scheme, front.host, front.port, front.path),
                    workload: Some(own.clone()),
                    program: program.name().to_owned(),
                    front,
                    upstream: route.upstream,
                    gateway,
                    config: Fact::known(config, "configuration", reading.at),
                    direct: Probe::not_tried(ONLY_FILES, reading.at),
                    through: Probe::not_tried(ONLY_FILES, reading.at),
                    idle: Probe::not_tried(ONLY_FILES, reading.at),
                    tls: Fact::unreadable(ONLY_FILES, "configuration", reading.at),
                    peer: None,
                    http: None,
                    http_only: route.http_only,
                }
            })
            .collect();
        // What leads past every gateway of the project is none of ours.
        facts.proxies.extend(routes.into_iter().filter(|route| route.gateway.is_some()));
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
        names.sort();
        names.dedup();
        names
    }
}
