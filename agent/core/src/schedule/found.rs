//! What a lane hands over.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Pulse;
use crate::Snapshot;
use crate::images::schedule::Runs;
use crate::measure::Measures;
use crate::status::Judgement;

/// Most paths of one kind that are glanced at.
const MOST: usize = 500;

/// What a lane found, as its process hands it over.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What a look at gateways proved.
    pub pulse: Option<Pulse>,
    /// What a look at everything came to.
    pub judgement: Option<Judgement>,
    /// What is to be glanced at from now on.
    pub subjects: Option<Subjects>,
    /// The runs of the image check.
    pub images: Option<Runs>,
    /// Seconds after which a full acceptance of the node is to be tried; none where there is no need.
    #[serde(default)]
    pub acceptance_in_s: Option<u64>,
    /// What it measured.
    #[serde(default)]
    pub measures: Option<Measures>,
    /// What could not be done besides.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What a glance compares. Paths are looked at and never opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjects {
    /// Ports whose listeners count.
    pub ports: BTreeSet<u16>,
    /// Configurations, Compose files, service definitions, installed packages.
    pub files: BTreeSet<String>,
    /// Folders of service definitions.
    pub folders: BTreeSet<String>,
    /// Files that are made anew by each owner of a state directory.
    pub locks: BTreeSet<String>,
    /// Sockets of container engines.
    pub engines: BTreeSet<String>,
}

impl Subjects {
    /// Those of a node.
    pub fn of(snapshot: &Snapshot) -> Self {
        let configs = snapshot.gateways.iter().filter_map(|gateway| gateway.config.get());
        let units = snapshot.units.units.iter();
        let gateways = snapshot.host_gateways().map(|gateway| gateway.port);
        let listeners = snapshot.listeners.get().into_iter().flatten().map(|listener| listener.port);
        let files = configs
            .clone()
            .map(|config| config.path.clone())
            .chain(snapshot.projects.iter().flat_map(|project| project.files.iter().cloned()))
            .chain(units.clone().filter_map(|unit| unit.path.clone()))
            .chain(snapshot.installs.iter().map(|install| format!("{}/package.json", install.path)));
        let locks = snapshot.state_dirs.iter().flat_map(|dir| &dir.locks);
        let locks = locks.filter(|lock| lock.purpose == "gateway.state").map(|lock| lock.path.clone());
        // One that is silent now is waited for.
        let engines =
            snapshot.engines.iter().filter_map(|engine| engine.endpoint.strip_prefix("unix://")).map(str::to_owned);
        let is_path = |path: &String| path.starts_with('/');
        Self {
            ports: gateways
                .chain(configs.filter_map(|config| config.port))
                .chain(units.filter_map(|unit| unit.port))
                .chain(listeners)
                .take(MOST)
                .collect(),
            files: files.filter(is_path).take(MOST).collect(),
            folders: snapshot.units.places.keys().filter(|path| is_path(path)).take(MOST).cloned().collect(),
            locks: locks.filter(is_path).take(MOST).collect(),
            engines: engines.filter(is_path).take(16).collect(),
        }
    }
}
