//! Parts of the merged tree as typed values.

use std::collections::BTreeMap;

use crate::model::{Dependency, FileGrant, Mount, MountKind, Resource, ServiceNetwork, Value};
use crate::node::{Entry, Node};

/// A scalar with its place.
pub(super) fn value(node: &Node) -> Option<Value> {
    let scalar = node.scalar()?;
    Some(Value {
        text: scalar.string(),
        unknown: scalar.unknown.as_deref().cloned(),
        literal: scalar.literal,
        place: node.at.place(),
    })
}

pub(super) fn value_at(node: &Node, key: &str) -> Option<Value> {
    node.get(key).and_then(value)
}

pub(super) fn text_at(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::string)
}

pub(super) fn flag_at(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::scalar).and_then(crate::node::Scalar::boolean).unwrap_or(false)
}

pub(super) fn values(node: Option<&Node>) -> Vec<Value> {
    node.and_then(Node::list).unwrap_or_default().iter().filter_map(value).collect()
}

pub(super) fn strings(node: Option<&Node>) -> Vec<String> {
    values(node).into_iter().map(|value| value.text).collect()
}

pub(super) fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
    node.get(key).and_then(Node::map).into_iter().flatten()
}

pub(super) fn is_external(node: &Node) -> bool {
    node.get("external").is_some_and(|external| external.map().is_some() || flag_at(node, "external"))
}

pub(super) fn resources(root: &Node, part: &str) -> BTreeMap<String, Resource> {
    entries(root, part)
        .map(|(key, entry)| {
            let node = &entry.node;
            let resource = Resource {
                file: value_at(node, "file"),
                environment: text_at(node, "environment"),
                content: value_at(node, "content"),
                external: is_external(node),
                place: Some(entry.key.place()),
            };
            (key.clone(), resource)
        })
        .collect()
}

pub(super) fn hosts(host: &str, node: &Node) -> Vec<Value> {
    let one = |value: Value| Value { text: format!("{host}={}", value.text), ..value };
    match node.list() {
        Some(_) => values(Some(node)).into_iter().map(one).collect(),
        None => value(node).map(one).into_iter().collect(),
    }
}

pub(super) fn mounts(node: &Node) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for (index, item) in node.get("volumes").and_then(Node::list).unwrap_or_default().iter().enumerate() {
        let Some(target) = text_at(item, "target") else { continue };
        let kind = match text_at(item, "type").as_deref() {
            Some("bind") => MountKind::Bind,
            Some("volume") | None => MountKind::Volume,
            Some("tmpfs") => MountKind::Tmpfs,
            Some(_) => MountKind::Other,
        };
        mounts.push(Mount {
            kind,
            source: value_at(item, "source"),
            target,
            read_only: flag_at(item, "read_only"),
            propagation: item.get("bind").and_then(|bind| text_at(bind, "propagation")),
            key: format!("volumes.{index}"),
        });
    }
    for (index, target) in strings(node.get("tmpfs")).into_iter().enumerate() {
        let target = target.split(':').next().unwrap_or_default().to_owned();
        let (kind, key) = (MountKind::Tmpfs, format!("tmpfs.{index}"));
        mounts.push(Mount { kind, source: None, target, read_only: false, propagation: None, key });
    }
    mounts
}

pub(super) fn networks(node: &Node) -> BTreeMap<String, ServiceNetwork> {
    let mut networks: BTreeMap<String, ServiceNetwork> = entries(node, "networks")
        .map(|(name, entry)| {
            let aliases = strings(entry.node.get("aliases"));
            (name.clone(), ServiceNetwork { aliases, ipv4_address: text_at(&entry.node, "ipv4_address") })
        })
        .collect();
    if networks.is_empty() {
        networks.insert("default".to_owned(), ServiceNetwork::default());
    }
    networks
}

/// What it says that it waits for, and what it waits for since it shares or names it, as Compose adds it.
pub(super) fn dependencies(node: &Node) -> Vec<Dependency> {
    let mut all: Vec<Dependency> = entries(node, "depends_on")
        .map(|(service, entry)| Dependency {
            service: service.clone(),
            condition: text_at(&entry.node, "condition").unwrap_or_else(|| "service_started".to_owned()),
            required: entry.node.get("required").and_then(Node::scalar).and_then(crate::node::Scalar::boolean)
                != Some(false),
            place: entry.key.place(),
        })
        .collect();
    let shared = ["network_mode", "ipc", "pid", "uts"].into_iter().filter_map(|key| value_at(node, key));
    let shared = shared.filter_map(|value| Some((value.text.strip_prefix("service:")?.to_owned(), value.place)));
    let links = values(node.get("links")).into_iter().map(|link| {
        let service = link.text.split(':').next().unwrap_or_default().to_owned();
        (service, link.place)
    });
    for (service, place) in shared.chain(links) {
        if !all.iter().any(|one| one.service == service) {
            all.push(Dependency { service, condition: "service_started".to_owned(), required: true, place });
        }
    }
    all
}

pub(super) fn deploy_restart(node: &Node) -> Option<Value> {
    let policy = node.get("deploy")?.get("restart_policy")?;
    let condition = value_at(policy, "condition");
    let text = match condition.as_ref().map(|condition| condition.text.as_str()) {
        Some("none") => "no",
        Some("on-failure") => "on-failure",
        Some("any") | None => "always",
        Some(_) => return None,
    };
    Some(Value { text: text.to_owned(), unknown: None, literal: true, place: policy.at.place() })
}

pub(super) fn grants(node: &Node, key: &str, folder: &str) -> Vec<FileGrant> {
    node.get(key)
        .and_then(Node::list)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| {
            let source = text_at(item, "source")?;
            let target = text_at(item, "target").unwrap_or_else(|| source.clone());
            let target = if target.starts_with('/') { target } else { format!("{folder}{target}") };
            Some(FileGrant { source, target, place: item.at.place() })
        })
        .collect()
}
