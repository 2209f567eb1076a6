//! The places of everything in a service.

use std::collections::BTreeMap;

use portreeve_core::snapshot::Place;

use crate::node::{Kind, Node};

/// Levels of keys that have a place of their own.
const DEPTH: usize = 4;

/// The place of every part of a service by the path of its keys. The place of a key of a mapping is that of the key, except where a whole
/// entry of a list stands for it.
pub(crate) fn of(service: &Node) -> BTreeMap<String, Place> {
    let mut out = BTreeMap::new();
    walk(service, "", DEPTH, &mut out);
    out
}

fn walk(node: &Node, path: &str, depth: usize, out: &mut BTreeMap<String, Place>) {
    if depth == 0 {
        return;
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match &node.kind {
        Kind::Map(map) => {
            for (name, entry) in map {
                let path = below(name);
                out.insert(path.clone(), entry.key.place());
                walk(&entry.node, &path, depth - 1, out);
            }
        }
        Kind::List(list) => {
            for (index, node) in list.iter().enumerate() {
                let path = below(&index.to_string());
                out.insert(path.clone(), node.at.place());
                walk(node, &path, depth - 1, out);
            }
        }
        Kind::Null | Kind::Scalar(_) => {}
    }
}
