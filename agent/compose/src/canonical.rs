//! Short forms made long, so that files can be merged key by key.

use std::path::Path;

use crate::at::At;
use crate::load::Loader;
use crate::model::Unknown;
use crate::node::{Entry, Kind, Map, Node, Scalar};
use crate::{port, resolve, volume};

/// Keys of a document.
const DOCUMENT: [&str; 9] =
    ["version", "name", "services", "networks", "volumes", "secrets", "configs", "include", "models"];

/// Keys of a service.
#[rustfmt::skip]
const SERVICE: [&str; 92] = [
    "annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command", "configs",
    "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus",
    "cpuset", "credential_spec", "depends_on", "deploy", "develop", "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search",
    "domainname", "entrypoint", "env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add",
    "healthcheck", "hostname", "image", "init", "ipc", "isolation", "label_file", "labels", "links", "logging", "mac_address",
    "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode", "networks", "oom_kill_disable",
    "oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start", "pre_stop", "privileged", "profiles", "provider",
    "pull_policy", "pull_refresh_after", "read_only", "restart", "runtime", "scale", "secrets", "security_opt", "shm_size",
    "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user",
    "userns_mode", "uts", "volumes", "volumes_from", "working_dir",
];

/// Lists of scalars that may be written as one.
const LISTS: [&str; 9] =
    ["tmpfs", "dns", "dns_search", "dns_opt", "expose", "profiles", "cap_add", "cap_drop", "links"];

/// What a port in its long form takes of the nodes of a project: few enough for the ranges that relays of media publish.
const PORT_NODES: usize = 2;

/// Makes the short forms of a document long. Relative paths count from `folder`.
pub(crate) fn document(document: &mut Node, folder: &Path, loader: &mut Loader<'_>) {
    let Some(map) = document.map_mut() else { return };
    for (name, entry) in map.iter_mut() {
        match name.as_str() {
            "services" => services(&mut entry.node, folder, loader),
            "networks" | "volumes" => named(name, &mut entry.node, loader),
            "secrets" | "configs" => {
                named(name, &mut entry.node, loader);
                for entry in entry.node.map_mut().into_iter().flat_map(Map::values_mut) {
                    if let Some(file) = entry.node.map_mut().and_then(|map| map.get_mut("file")) {
                        resolve::path(&mut file.node, folder);
                    }
                }
            }
            name if name.starts_with("x-") || DOCUMENT.contains(&name) => {}
            name => loader.warn(Some(entry.key.place()), format!("`{name}` is no key of a Compose file")),
        }
    }
}

/// A mapping of names to definitions, which may be empty.
fn named(part: &str, node: &mut Node, loader: &mut Loader<'_>) {
    match &mut node.kind {
        Kind::Null => node.kind = Kind::Map(Map::new()),
        Kind::Map(_) => {}
        Kind::Scalar(_) | Kind::List(_) => {
            loader.fatal(Some(node.at.place()), format!("`{part}` is a mapping, and this is {}", node.word()));
            node.kind = Kind::Map(Map::new());
        }
    }
}

fn services(node: &mut Node, folder: &Path, loader: &mut Loader<'_>) {
    named("services", node, loader);
    let Some(map) = node.map_mut() else { return };
    for (name, entry) in map.iter_mut() {
        if name.starts_with("x-") {
            continue;
        }
        match &mut entry.node.kind {
            Kind::Map(map) => service(name, map, folder, loader),
            Kind::Null => entry.node.kind = Kind::Map(Map::new()),
            Kind::Scalar(_) | Kind::List(_) => {
                let message = format!("the service `{name}` is a mapping, and this is {}", entry.node.word());
                loader.fatal(Some(entry.node.at.place()), message);
                entry.node.kind = Kind::Map(Map::new());
            }
        }
    }
    map.retain(|name, _| !name.starts_with("x-"));
}

fn service(service: &str, map: &mut Map, folder: &Path, loader: &mut Loader<'_>) {
    for (name, entry) in map.iter_mut() {
        let node = &mut entry.node;
        match name.as_str() {
            "environment" | "labels" | "annotations" | "sysctls" => pairs(name, node, &['='], loader),
            "extra_hosts" => pairs(name, node, &['=', ':'], loader),
            "depends_on" => keys(node, |at| {
                let mut map = Map::new();
                map.insert("condition".to_owned(), derived(at, "service_started"));
                Kind::Map(map)
            }),
            "networks" => keys(node, |_| Kind::Null),
            "build" => build(node, folder, loader),
            "env_file" => env_file(node, folder),
            "ports" => ports(node, loader),
            "volumes" => volumes(node, folder, loader),
            "secrets" | "configs" => grants(node),
            "extends" => {
                if let Kind::Scalar(_) = node.kind {
                    let text = std::mem::replace(node, Node::new(node.at.clone(), Kind::Map(Map::new())));
                    if let Some(map) = node.map_mut() {
                        map.insert("service".to_owned(), Entry { key: text.at.clone(), node: text });
                    }
                }
            }
            name if LISTS.contains(&name) => {
                if let Kind::Scalar(_) = node.kind {
                    let one = node.clone();
                    node.kind = Kind::List(vec![one]);
                }
            }
            name if name.starts_with("x-") || SERVICE.contains(&name) => {}
            name => {
                let message =
                    format!("`{name}` is no key of a service, and Compose refuses the service `{service}` for it");
                loader.warn(Some(entry.key.place()), message);
            }
        }
    }
}

fn derived(at: &At, text: &str) -> Entry {
    Entry { key: at.clone(), node: Node::text(at, text) }
}

/// `KEY=VALUE` lists become mappings; a key alone has the null value.
fn pairs(name: &str, node: &mut Node, separators: &[char], loader: &mut Loader<'_>) {
    let Kind::List(list) = &node.kind else {
        if let Kind::Scalar(_) = node.kind {
            loader.fatal(Some(node.at.place()), format!("`{name}` is a mapping or a list, and this is a single value"));
            node.kind = Kind::Null;
        }
        return;
    };
    let mut map = Map::new();
    for item in list {
        let Some(scalar) = item.scalar() else {
            loader.fatal(Some(item.at.place()), format!("an entry of `{name}` is a text, and this is {}", item.word()));
            continue;
        };
        let text = scalar.string();
        let (key, value) = match text.split_once(separators) {
            Some((key, value)) => {
                let unknown = scalar.unknown.as_ref().and_then(|unknown| {
                    let (_, expression) = unknown.expression.split_once(separators)?;
                    let (expression, variables) = (expression.to_owned(), unknown.variables.clone());
                    expression
                        .contains("${")
                        .then(|| Box::new(Unknown { expression, variables, may_be_empty: unknown.may_be_empty }))
                });
                (
                    key.to_owned(),
                    Kind::Scalar(Scalar { text: value.to_owned(), plain: false, unknown, literal: scalar.literal }),
                )
            }
            None => (text, Kind::Null),
        };
        let node = Node { at: item.at.clone(), tag: item.tag, kind: value };
        map.insert(key, Entry { key: item.at.clone(), node });
    }
    node.kind = Kind::Map(map);
}

/// A list of names becomes a mapping of them.
fn keys(node: &mut Node, value: fn(&At) -> Kind) {
    let Kind::List(list) = &node.kind else { return };
    let mut map = Map::new();
    for item in list {
        if let Some(name) = item.string() {
            map.insert(name, Entry { key: item.at.clone(), node: Node::new(item.at.clone(), value(&item.at)) });
        }
    }
    node.kind = Kind::Map(map);
}

fn build(node: &mut Node, folder: &Path, loader: &mut Loader<'_>) {
    if let Kind::Scalar(_) = node.kind {
        let text = node.clone();
        let mut map = Map::new();
        map.insert("context".to_owned(), Entry { key: text.at.clone(), node: text });
        node.kind = Kind::Map(map);
    }
    let Some(map) = node.map_mut() else { return };
    if let Some(context) = map.get_mut("context")
        && !context.node.string().is_some_and(|text| resolve::is_remote_context(&text))
    {
        resolve::path(&mut context.node, folder);
    }
    for name in ["args", "labels"] {
        if let Some(entry) = map.get_mut(name) {
            pairs(name, &mut entry.node, &['='], loader);
        }
    }
}

fn env_file(node: &mut Node, folder: &Path) {
    if let Kind::Scalar(_) | Kind::Map(_) = node.kind {
        let one = node.clone();
        node.kind = Kind::List(vec![one]);
    }
    let Kind::List(list) = &mut node.kind else { return };
    for item in list {
        if let Kind::Scalar(_) = item.kind {
            let text = item.clone();
            let mut map = Map::new();
            map.insert("path".to_owned(), Entry { key: text.at.clone(), node: text });
            item.kind = Kind::Map(map);
        }
        if let Some(path) = item.map_mut().and_then(|map| map.get_mut("path")) {
            resolve::path(&mut path.node, folder);
        }
    }
}

fn ports(node: &mut Node, loader: &mut Loader<'_>) {
    let Kind::List(list) = &mut node.kind else {
        if !node.is_null() {
            loader.fatal(Some(node.at.place()), format!("`ports` is a list, and this is {}", node.word()));
            node.kind = Kind::Null;
        }
        return;
    };
    let mut out = Vec::new();
    for item in list.drain(..) {
        let Some(scalar) = item.scalar() else {
            out.push(item);
            continue;
        };
        if scalar.unknown.is_some() {
            out.extend(unknown_port(&item));
            continue;
        }
        if loader.is_spent() {
            continue;
        }
        match port::parse(&scalar.string()) {
            Ok(ports) => {
                if loader.spend(ports.len() * PORT_NODES, &item.at.place()) {
                    out.extend(ports.iter().map(|port| long_port(&item, port)));
                }
            }
            Err(error) => loader.fatal(Some(item.at.place()), error.to_string()),
        }
    }
    *list = out;
}

fn long_port(item: &Node, port: &port::Port) -> Node {
    let mut map = Map::new();
    let mut put = |key: &str, text: &str| {
        map.insert(key.to_owned(), derived(&item.at, text));
    };
    put("target", &port.target.to_string());
    put("protocol", &port.protocol);
    put("mode", "ingress");
    if let Some(published) = &port.published {
        put("published", published);
    }
    if let Some(ip) = &port.host_ip {
        put("host_ip", ip);
    }
    Node { at: item.at.clone(), tag: item.tag, kind: Kind::Map(map) }
}

/// A port of which a variable that nobody gives is a part: what is known of it.
fn unknown_port(item: &Node) -> Option<Node> {
    let unknown = item.scalar()?.unknown.as_ref()?;
    // The colons within `${…}` are gone: an expression names a variable alone.
    let (rest, protocol) = unknown.expression.split_once('/').unwrap_or((&unknown.expression, "tcp"));
    let mut parts: Vec<&str> = rest.rsplitn(3, ':').collect();
    let target = parts.first().and_then(|target| target.parse::<u16>().ok())?;
    parts.remove(0);
    let mut map = Map::new();
    map.insert("target".to_owned(), derived(&item.at, &target.to_string()));
    map.insert("protocol".to_owned(), derived(&item.at, protocol));
    for (key, text) in ["published", "host_ip"].into_iter().zip(parts) {
        let given = if text.contains("${") {
            let unknown = Some(Box::new(Unknown {
                expression: text.to_owned(),
                variables: unknown.variables.clone(),
                may_be_empty: unknown.may_be_empty,
            }));
            Kind::Scalar(Scalar { text: String::new(), plain: false, unknown, literal: false })
        } else {
            Kind::Scalar(Scalar::quoted(text))
        };
        map.insert(key.to_owned(), Entry { key: item.at.clone(), node: Node::new(item.at.clone(), given) });
    }
    Some(Node { at: item.at.clone(), tag: item.tag, kind: Kind::Map(map) })
}

fn volumes(node: &mut Node, folder: &Path, loader: &mut Loader<'_>) {
    let Kind::List(list) = &mut node.kind else {
        if !node.is_null() {
            loader.fatal(Some(node.at.place()), format!("`volumes` is a list, and this is {}", node.word()));
            node.kind = Kind::Null;
        }
        return;
    };
    let mut out = Vec::new();
    for mut item in list.drain(..) {
        if let Kind::Scalar(scalar) = &item.kind {
            // The expression keeps a source that a variable gives apart from none.
            let text = scalar.unknown.as_ref().map_or_else(|| scalar.string(), |unknown| unknown.expression.clone());
            match volume::parse(&text) {
                Ok(short) => out.push(long_volume(&item, &short, folder)),
                Err(error) => loader.fatal(Some(item.at.place()), error.to_string()),
            }
            continue;
        }
        let is_bind = item.get("type").and_then(Node::string).as_deref() == Some("bind");
        if let Some(source) = item.map_mut().and_then(|map| map.get_mut("source"))
            && is_bind
        {
            resolve::path(&mut source.node, folder);
        }
        out.push(item);
    }
    *list = out;
}

fn long_volume(item: &Node, short: &volume::Short, folder: &Path) -> Node {
    let mut map = Map::new();
    let from_variable = short.source.as_ref().is_some_and(|source| source.starts_with("${"));
    let kind = if short.bind || from_variable && short.source.as_ref().is_some_and(|source| source.contains('/')) {
        "bind"
    } else if from_variable {
        // A path or a name: only who gives the variable knows.
        "unknown"
    } else {
        "volume"
    };
    map.insert("type".to_owned(), derived(&item.at, kind));
    map.insert("target".to_owned(), derived(&item.at, &short.target));
    if let Some(source) = &short.source {
        let unknown = item.scalar().and_then(|scalar| scalar.unknown.clone()).filter(|_| source.contains("${"));
        let unknown = unknown.map(|mut unknown| {
            unknown.expression.clone_from(source);
            unknown
        });
        let scalar = Scalar { text: source.clone(), plain: false, unknown, literal: false };
        let mut node = Node::new(item.at.clone(), Kind::Scalar(scalar));
        if short.bind {
            resolve::path(&mut node, folder);
        }
        map.insert("source".to_owned(), Entry { key: item.at.clone(), node });
    }
    if short.read_only {
        map.insert("read_only".to_owned(), derived(&item.at, "true"));
    }
    if let Some(propagation) = &short.propagation {
        let mut bind = Map::new();
        bind.insert("propagation".to_owned(), derived(&item.at, propagation));
        let node = Node::new(item.at.clone(), Kind::Map(bind));
        map.insert("bind".to_owned(), Entry { key: item.at.clone(), node });
    }
    Node { at: item.at.clone(), tag: item.tag, kind: Kind::Map(map) }
}

fn grants(node: &mut Node) {
    let Kind::List(list) = &mut node.kind else { return };
    for item in list {
        if let Kind::Scalar(_) = item.kind {
            let text = item.clone();
            let mut map = Map::new();
            map.insert("source".to_owned(), Entry { key: text.at.clone(), node: text });
            item.kind = Kind::Map(map);
        }
    }
}
