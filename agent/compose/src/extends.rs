//! `extends`: a service on top of another, of the same file or of another one.

use std::path::{Path, PathBuf};

use crate::files::join;
use crate::load::Loader;
use crate::node::{Map, Node};
use crate::{canonical, merge};

/// One base after another that is followed.
const MAX_CHAIN: usize = 32;

impl Loader<'_> {
    /// Follows the `extends` of every service of a document in long form.
    pub(crate) fn extend_services(&mut self, document: &mut Node, path: &Path, working_dir: &Path) {
        let Some(services) = document.get("services").and_then(Node::map).cloned() else { return };
        let mut done = Map::new();
        for (name, entry) in &services {
            let mut chain = vec![(path.to_owned(), name.clone())];
            let mut entry = entry.clone();
            entry.node = self.extend(entry.node, &services, path, working_dir, &mut chain);
            done.insert(name.clone(), entry);
        }
        if let Some(map) = document.map_mut()
            && let Some(entry) = map.get_mut("services")
        {
            entry.node.kind = crate::node::Kind::Map(done);
        }
    }

    fn extend(
        &mut self,
        mut service: Node,
        siblings: &Map,
        path: &Path,
        working_dir: &Path,
        chain: &mut Vec<(PathBuf, String)>,
    ) -> Node {
        let Some(extends) = service.map_mut().and_then(|map| map.remove("extends")) else { return service };
        let node = extends.node;
        let place = node.at.place();
        let (name, file) = match node.map() {
            Some(_) => (node.get("service").and_then(Node::string), node.get("file").and_then(Node::string)),
            None => (node.string(), None),
        };
        let Some(name) = name else {
            self.fatal(Some(place), "`extends` names no service");
            return service;
        };
        let other = file.map(|file| join(working_dir, &file)).filter(|other| other != path);
        let base_path = other.clone().unwrap_or_else(|| path.to_owned());
        if chain.len() > MAX_CHAIN || chain.contains(&(base_path.clone(), name.clone())) {
            self.fatal(Some(place), format!("circular reference: `extends` of `{name}` leads back to itself"));
            return service;
        }
        let folder = other.as_deref().and_then(Path::parent).map_or_else(|| working_dir.to_owned(), Path::to_owned);
        let loaded = other.as_ref().map(|other| {
            let mut services = Map::new();
            for mut document in self.documents(other, Some(&place)) {
                canonical::document(&mut document, &folder, self);
                services.extend(document.get("services").and_then(Node::map).cloned().unwrap_or_default());
            }
            services
        });
        let found = loaded.as_ref().unwrap_or(siblings);
        let Some(base) = found.get(&name) else {
            if loaded.as_ref().is_none_or(|found| !found.is_empty()) {
                self.fatal(
                    Some(place),
                    format!("`extends` names the service `{name}`, which is not in `{}`", base_path.display()),
                );
            }
            return service;
        };
        // Weighed before it is copied: one base may be that of every service.
        if self.is_spent() || !self.spend(base.node.weight(), &place) {
            return service;
        }
        chain.push((base_path.clone(), name));
        let base = self.extend(base.node.clone(), found, &base_path, &folder, chain);
        chain.pop();
        let at = service.at.clone();
        let mut merged = merge::merge_service(base, service);
        merged.at = at;
        merged
    }
}
