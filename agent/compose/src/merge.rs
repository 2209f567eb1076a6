//! One file over another.

use std::collections::BTreeMap;

use crate::node::{Kind, Map, Node, Tag};

/// What makes the key of an entry.
type KeyOf = fn(&Node) -> Option<String>;

/// Lists in which a later entry takes the place of an earlier one with the same key; with what makes the key.
const UNIQUE: [(&str, KeyOf); 13] = [
    ("ports", port_key),
    ("volumes", target_key),
    ("secrets", grant_key),
    ("configs", grant_key),
    ("env_file", path_key),
    ("expose", Node::string),
    ("tmpfs", Node::string),
    ("dns", Node::string),
    ("dns_search", Node::string),
    ("dns_opt", Node::string),
    ("cap_add", Node::string),
    ("cap_drop", Node::string),
    ("profiles", Node::string),
];

/// Keys whose value is replaced as a whole.
const REPLACED: [&str; 3] = ["command", "entrypoint", "test"];

/// A document over another.
pub(crate) fn merge(base: Node, over: Node) -> Node {
    merge_at(base, over, "", 0)
}

/// A service over the one that it extends.
pub(crate) fn merge_service(base: Node, over: Node) -> Node {
    merge_at(base, over, "", 2)
}

/// `depth` is 0 for a document, 1 for its parts and 2 for a service; `key` is the one that leads here.
fn merge_at(base: Node, over: Node, key: &str, depth: usize) -> Node {
    match over.tag {
        Tag::Reset | Tag::Override => return over,
        Tag::None => {}
    }
    if base.tag == Tag::Reset {
        return over;
    }
    let Node { at, tag, kind } = base;
    let (at, kind) = match (kind, over.kind) {
        (kind @ (Kind::Map(_) | Kind::List(_)), Kind::Null) => (at, kind),
        (Kind::Map(mut map), Kind::Map(more)) => {
            for (name, entry) in more {
                if let Some(before) = map.remove(&name) {
                    let node = if REPLACED.contains(&name.as_str()) && depth >= 2 {
                        entry.node
                    } else {
                        merge_at(before.node, entry.node, &name, depth + 1)
                    };
                    map.insert(name, crate::node::Entry { key: entry.key, node });
                } else {
                    map.insert(name, entry);
                }
            }
            (at, Kind::Map(map))
        }
        (Kind::List(mut list), Kind::List(more)) => {
            let unique = UNIQUE.iter().find(|(name, _)| *name == key && depth == 3).map(|(_, key)| key);
            let key_of = |node: &Node| unique.and_then(|key| key(node));
            let mut known: BTreeMap<String, usize> = BTreeMap::new();
            for (index, node) in list.iter().enumerate() {
                if let Some(key) = key_of(node) {
                    known.entry(key).or_insert(index);
                }
            }
            for node in more {
                let key = key_of(&node);
                match key.as_ref().and_then(|key| known.get(key)).and_then(|index| list.get_mut(*index)) {
                    Some(before) => *before = node,
                    None => {
                        known.extend(key.map(|key| (key, list.len())));
                        list.push(node);
                    }
                }
            }
            (at, Kind::List(list))
        }
        (_, kind) => (over.at, kind),
    };
    Node { at, tag, kind }
}

fn port_key(node: &Node) -> Option<String> {
    let part = |name: &str| node.get(name).and_then(Node::string).unwrap_or_default();
    node.map()?;
    Some(format!("{}:{}:{}/{}", part("host_ip"), part("published"), part("target"), part("protocol")))
}

fn target_key(node: &Node) -> Option<String> {
    node.get("target").and_then(Node::string)
}

fn grant_key(node: &Node) -> Option<String> {
    target_key(node).or_else(|| node.get("source").and_then(Node::string))
}

fn path_key(node: &Node) -> Option<String> {
    node.get("path").and_then(Node::string)
}

/// Takes away what `!reset` marks.
pub(crate) fn drop_reset(node: &mut Node) {
    match &mut node.kind {
        Kind::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Tag::Reset);
            for entry in map.values_mut() {
                drop_reset(&mut entry.node);
            }
        }
        Kind::List(list) => {
            list.retain(|node| node.tag != Tag::Reset);
            list.iter_mut().for_each(drop_reset);
        }
        Kind::Null | Kind::Scalar(_) => {}
    }
}

/// Parts of an included project that its includer has too, by path.
pub(crate) fn conflicts(base: &Map, included: &Map) -> Vec<(String, Node)> {
    let mut found = Vec::new();
    for part in ["services", "networks", "volumes", "secrets", "configs"] {
        let parts = |map: &Map| map.get(part).and_then(|entry| entry.node.map().cloned()).unwrap_or_default();
        let ours = parts(base);
        for (name, entry) in parts(included) {
            if ours.get(&name).is_some_and(|own| !own.node.same(&entry.node)) {
                found.push((format!("{part}.{name}"), entry.node));
            }
        }
    }
    found
}
