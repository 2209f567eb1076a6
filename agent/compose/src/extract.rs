//! From the merged tree to typed services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portreeve_core::snapshot::Place;

use crate::interpolate::unknown;
use crate::load::Loader;
use crate::model::{Build, EnvFile, EnvValue, Healthcheck, Network, Origin, Service, Unknown, Value, Volume};
use crate::node::{Entry, Kind, Map, Node, weight};
use crate::parts::{
    dependencies, deploy_restart, entries, flag_at, grants, hosts, is_external, mounts, networks, resources, strings,
    text_at, value, value_at, values,
};
use crate::port::Port;
use crate::{NODE_BYTES, dotenv, duration, places, quantity, words};

impl Loader<'_> {
    /// Fills the project from the merged tree.
    pub(crate) fn extract(&mut self, root: &Node) {
        let empty = Map::new();
        let services = root.get("services").and_then(Node::map).unwrap_or(&empty);
        if services.is_empty() && !self.project.problems.iter().any(|problem| problem.fatal) {
            self.fatal(Some(root.at.place()), "no service in it");
        }
        for (name, entry) in services {
            let service = self.service(name, entry);
            self.project.services.insert(name.clone(), service);
        }
        let project = self.project.name.clone();
        let engine_name = |key: &str, node: &Node| {
            text_at(node, "name")
                .or_else(|| node.get("external").and_then(|external| text_at(external, "name")))
                .unwrap_or_else(|| if is_external(node) { key.to_owned() } else { format!("{project}_{key}") })
        };
        for (key, entry) in entries(root, "networks") {
            let node = &entry.node;
            let ipam = node.get("ipam").and_then(|ipam| ipam.get("config")).and_then(Node::list).unwrap_or_default();
            let network = Network {
                name: engine_name(key, node),
                external: is_external(node),
                driver: text_at(node, "driver"),
                internal: flag_at(node, "internal"),
                subnets: ipam.iter().filter_map(|config| text_at(config, "subnet")).collect(),
                gateways: ipam.iter().filter_map(|config| text_at(config, "gateway")).collect(),
                place: Some(entry.key.place()),
            };
            self.project.networks.insert(key.clone(), network);
        }
        if self.project.services.values().any(|service| service.networks.contains_key("default")) {
            self.project
                .networks
                .entry("default".to_owned())
                .or_insert_with(|| Network { name: format!("{project}_default"), ..Network::default() });
        }
        for (key, entry) in entries(root, "volumes") {
            let volume = Volume {
                name: engine_name(key, &entry.node),
                external: is_external(&entry.node),
                driver: text_at(&entry.node, "driver"),
                place: Some(entry.key.place()),
            };
            self.project.volumes.insert(key.clone(), volume);
        }
        self.project.secrets = resources(root, "secrets");
        self.project.configs = resources(root, "configs");
    }

    fn service(&mut self, name: &str, entry: &Entry) -> Service {
        let node = &entry.node;
        let profiles = strings(node.get("profiles"));
        let active = profiles.is_empty()
            || self.all_profiles
            || profiles.iter().any(|profile| self.profiles.iter().any(|on| on == profile || on == "*"));
        let mut places = places::of(node);
        places.insert(String::new(), entry.key.place());
        let (environment, env_files) = self.environment(node, active);
        for (name, variable) in &environment {
            places.insert(format!("environment.{name}"), variable.value.place.clone());
        }
        let network_mode = value_at(node, "network_mode");
        Service {
            name: name.to_owned(),
            place: entry.key.place(),
            active,
            image: value_at(node, "image"),
            build: node.get("build").filter(|build| !build.is_null()).map(|build| Build {
                context: value_at(build, "context"),
                dockerfile: value_at(build, "dockerfile"),
                target: value_at(build, "target"),
            }),
            container_name: value_at(node, "container_name"),
            hostname: value_at(node, "hostname"),
            platform: value_at(node, "platform"),
            command: self.words(node.get("command")),
            entrypoint: self.words(node.get("entrypoint")),
            environment,
            env_files,
            ports: self.ports(node),
            expose: values(node.get("expose")),
            mounts: mounts(node),
            networks: if network_mode.is_some() { BTreeMap::new() } else { networks(node) },
            network_mode,
            depends_on: dependencies(node),
            healthcheck: self.healthcheck(node),
            user: value_at(node, "user"),
            working_dir: value_at(node, "working_dir"),
            read_only: flag_at(node, "read_only"),
            restart: value_at(node, "restart").or_else(|| deploy_restart(node)),
            memory_limit: self.memory(node),
            labels: entries(node, "labels")
                .filter_map(|(key, entry)| Some((key.clone(), value(&entry.node)?)))
                .collect(),
            extra_hosts: entries(node, "extra_hosts").flat_map(|(host, entry)| hosts(host, &entry.node)).collect(),
            links: values(node.get("links")),
            profiles,
            secrets: grants(node, "secrets", "/run/secrets/"),
            configs: grants(node, "configs", "/"),
            places,
        }
    }

    fn environment(&mut self, node: &Node, active: bool) -> (BTreeMap<String, EnvValue>, Vec<EnvFile>) {
        let mut environment = BTreeMap::new();
        let mut files = Vec::new();
        for item in node.get("env_file").and_then(Node::list).unwrap_or_default() {
            let Some(path) = value_at(item, "path") else { continue };
            let required =
                item.get("required").and_then(Node::scalar).and_then(crate::node::Scalar::boolean) != Some(false);
            let raw = text_at(item, "format").as_deref() == Some("raw");
            let mut file =
                EnvFile { path: PathBuf::from(&path.text), read: false, required, place: path.place.clone() };
            if path.unknown.is_some() {
                files.push(file);
                continue;
            }
            file.read = self.env_file(&file, raw, active, &mut environment);
            files.push(file);
        }
        for (name, entry) in node.get("environment").and_then(Node::map).into_iter().flatten() {
            let (value, name_only) = match value(&entry.node) {
                Some(mut value) => {
                    value.place = entry.key.place();
                    (value, false)
                }
                None => (self.inherited(name, entry.key.place()), true),
            };
            environment.insert(name.clone(), EnvValue { value, origin: Origin::Definition, name_only });
        }
        (environment, files)
    }

    /// A variable that is named without a value takes the one of the surroundings.
    fn inherited(&mut self, name: &str, place: Place) -> Value {
        let weight = self.variables.get(name).map_or(0, |text| text.len() / NODE_BYTES);
        match self.variables.get(name).cloned().filter(|_| self.spend(weight, &place)) {
            Some(text) => Value { text, unknown: None, literal: false, place },
            None => {
                let unknown = Unknown {
                    expression: format!("${{{name}}}"),
                    variables: vec![name.to_owned()],
                    may_be_empty: true,
                };
                Value { text: String::new(), unknown: Some(unknown), literal: false, place }
            }
        }
    }

    fn env_file(
        &mut self,
        file: &EnvFile,
        raw: bool,
        active: bool,
        environment: &mut BTreeMap<String, EnvValue>,
    ) -> bool {
        if !self.may_open(Some(&file.place)) {
            return false;
        }
        let shown = file.path.to_string_lossy().into_owned();
        let text = match self.files.read(&file.path) {
            Ok(text) => text,
            Err(error) => {
                // A file of secrets is often made where it is deployed and kept out of the repository.
                if file.required && active {
                    self.warn(
                        Some(file.place.clone()),
                        format!("cannot read `{shown}`: {error}; Compose refuses without it"),
                    );
                }
                return false;
            }
        };
        let place = |line| Place { file: shown.clone(), line, column: 1 };
        let mut add = |name: String, value: Value, name_only: bool| {
            let origin = Origin::EnvFile(file.path.clone());
            environment.insert(name, EnvValue { value, origin, name_only });
        };
        if raw {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
                if let Some((name, value)) = line.split_once('=') {
                    if !self.spend(weight(name) + value.len() / NODE_BYTES, &file.place) {
                        return false;
                    }
                    let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    let value = Value { text: value.to_owned(), unknown: None, literal: true, place: place(line) };
                    add(name.trim().to_owned(), value, false);
                }
            }
            return true;
        }
        let variables = &self.variables;
        match dotenv::parse(&text, &|name| variables.get(name).cloned(), &mut self.budget) {
            Ok(assignments) => {
                for one in assignments {
                    match one.value {
                        Some(expanded) => {
                            self.note(&expanded, &place(one.line));
                            let (unknown, literal) = (unknown(&expanded), expanded.used.is_empty());
                            add(
                                one.name,
                                Value { text: expanded.text, unknown, literal, place: place(one.line) },
                                false,
                            );
                        }
                        None => {
                            let value = self.inherited(&one.name, place(one.line));
                            add(one.name, value, true);
                        }
                    }
                }
                true
            }
            Err(error) => {
                self.fatal(Some(place(error.line)), error.message);
                false
            }
        }
    }

    /// A command as a list or as a line; none where the image's own holds.
    fn words(&mut self, node: Option<&Node>) -> Option<Vec<Value>> {
        let node = node?;
        if node.list().is_some() {
            return Some(values(Some(node)));
        }
        let whole = value(node)?;
        match &whole.unknown {
            None => match words::split(&whole.text) {
                Ok(words) if self.spend(words.len(), &whole.place) => Some(
                    words
                        .into_iter()
                        .map(|text| Value { text, unknown: None, literal: whole.literal, place: whole.place.clone() })
                        .collect(),
                ),
                Ok(_) => None,
                Err(error) => {
                    self.fatal(Some(whole.place), error.to_string());
                    None
                }
            },
            // The words of the expression, so that an option keeps its place beside its unknown value.
            Some(unknown) => {
                let words = words::split(&unknown.expression).ok()?;
                if !self.spend(words.len(), &whole.place) {
                    return None;
                }
                let word = |text: String| {
                    let variables = named(&text, &unknown.variables);
                    let may_be_empty = unknown.may_be_empty;
                    let own =
                        (!variables.is_empty()).then(|| Unknown { expression: text.clone(), variables, may_be_empty });
                    let text = if own.is_some() { String::new() } else { text };
                    Value { text, unknown: own, literal: false, place: whole.place.clone() }
                };
                Some(words.into_iter().map(word).collect())
            }
        }
    }

    fn ports(&mut self, node: &Node) -> Vec<(usize, Port)> {
        let mut ports = Vec::new();
        for (index, item) in node.get("ports").and_then(Node::list).unwrap_or_default().iter().enumerate() {
            let Some(target) = text_at(item, "target").and_then(|target| target.parse().ok()) else {
                if item.get("target").and_then(Node::scalar).is_none_or(|target| target.unknown.is_none()) {
                    self.fatal(Some(item.at.place()), "a published port without a `target` from 1 to 65535");
                }
                continue;
            };
            let text = |key| text_at(item, key).filter(|text| !text.is_empty());
            ports.push((
                index,
                Port {
                    host_ip: text("host_ip"),
                    published: text("published"),
                    target,
                    protocol: text("protocol").unwrap_or_else(|| "tcp".to_owned()),
                },
            ));
        }
        ports
    }

    fn healthcheck(&mut self, node: &Node) -> Option<Healthcheck> {
        let check = node.get("healthcheck").filter(|check| check.map().is_some())?;
        let test = check.get("test").and_then(|test| match &test.kind {
            Kind::Scalar(_) => {
                let value = value(test)?;
                let shell =
                    Value { text: "CMD-SHELL".to_owned(), unknown: None, literal: true, place: value.place.clone() };
                Some(vec![shell, value])
            }
            Kind::List(_) => Some(values(Some(test))),
            Kind::Null | Kind::Map(_) => None,
        });
        let off = test.as_ref().and_then(|test| test.first()).is_some_and(|first| first.text == "NONE");
        let mut ms = |key: &str| {
            let value = value_at(check, key)?;
            if value.unknown.is_some() {
                return None;
            }
            let parsed = duration::parse_ms(&value.text);
            if parsed.is_none() {
                self.fatal(Some(value.place), format!("`{key}` is no duration such as `1m30s`"));
            }
            parsed
        };
        Some(Healthcheck {
            disabled: off || flag_at(check, "disable"),
            interval_ms: ms("interval"),
            timeout_ms: ms("timeout"),
            start_period_ms: ms("start_period"),
            retries: check
                .get("retries")
                .and_then(Node::scalar)
                .and_then(crate::node::Scalar::integer)
                .and_then(|n| n.try_into().ok()),
            test,
        })
    }

    fn memory(&mut self, node: &Node) -> Option<u64> {
        let limits = node.get("deploy").and_then(|deploy| deploy.get("resources")).and_then(|all| all.get("limits"));
        let value = value_at(node, "mem_limit").or_else(|| limits.and_then(|limits| value_at(limits, "memory")))?;
        value.known()?;
        let bytes = quantity::parse_bytes(&value.text);
        if bytes.is_none() {
            self.fatal(Some(value.place), "no amount of memory such as `512m`");
        }
        bytes.filter(|bytes| *bytes > 0)
    }
}

/// Those of the variables, which are in order, that an expression names.
fn named(expression: &str, variables: &[String]) -> Vec<String> {
    let names = expression.split("${").skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        variables.binary_search_by(|known| known.as_str().cmp(name)).ok().map(|_| name.to_owned())
    });
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}
