//! `include`: the services of another project beside one's own.

use std::path::{Path, PathBuf};

use crate::files::join;
use crate::load::Loader;
use crate::merge;
use crate::node::{Kind, Node};

/// Includes within includes that are followed.
const MAX_NESTING: usize = 24;

impl Loader<'_> {
    /// Adds what a project includes.
    pub(crate) fn include(&mut self, root: &mut Node, working_dir: &Path, including: &mut Vec<PathBuf>) {
        let Some(include) = root.map_mut().and_then(|map| map.remove("include")) else { return };
        let Kind::List(list) = include.node.kind else {
            self.fatal(Some(include.node.at.place()), "`include` takes a list");
            return;
        };
        for item in list {
            let place = item.at.place();
            let strings = |node: Option<&Node>| -> Vec<String> {
                match node {
                    Some(node) => match node.list() {
                        Some(list) => list.iter().filter_map(Node::string).collect(),
                        None => node.string().into_iter().collect(),
                    },
                    None => Vec::new(),
                }
            };
            let paths = if item.map().is_some() { strings(item.get("path")) } else { strings(Some(&item)) };
            if paths.iter().any(|path| is_remote(path)) {
                self.warn(Some(place), "what is included lies elsewhere and was not read");
                continue;
            }
            let paths: Vec<PathBuf> = paths.iter().map(|path| join(working_dir, path)).collect();
            let Some(first) = paths.first() else {
                self.fatal(Some(place), "`include` names no file");
                continue;
            };
            if including.len() > MAX_NESTING || paths.iter().any(|path| including.contains(path)) {
                self.fatal(
                    Some(place),
                    format!("circular reference: `include` of `{}` leads back to itself", first.display()),
                );
                continue;
            }
            if let Some(missing) = paths.iter().find(|path| !self.files.exists(path)) {
                self.fatal(Some(place), format!("cannot read `{}`: it does not exist", missing.display()));
                continue;
            }
            let parent = first.parent().map(Path::to_owned).unwrap_or_default();
            let folder = item.get("project_directory").and_then(Node::string);
            let folder = folder.map_or_else(|| join(&parent, "."), |folder| join(working_dir, &folder));
            if !self.is_path(&folder, Some(&place)) {
                continue;
            }
            let own = self.variables.clone();
            let mut env_files: Vec<PathBuf> =
                strings(item.get("env_file")).iter().map(|path| join(working_dir, path)).collect();
            let beside = join(&folder, ".env");
            if env_files.is_empty() && folder != working_dir && self.files.exists(&beside) {
                env_files.push(beside);
            }
            for path in env_files {
                let before = self.variables.clone();
                for (name, value) in self.variables_of(&path, &before) {
                    self.variables.entry(name).or_insert(value);
                }
            }
            let included = self.merged(&paths, &folder, including);
            self.variables = own;
            self.import(root, &included);
        }
    }

    fn import(&mut self, root: &mut Node, included: &Node) {
        let (Some(base), Kind::Map(included)) = (root.map(), &included.kind) else { return };
        for (path, node) in merge::conflicts(base, included) {
            self.fatal(Some(node.at.place()), format!("`{path}` conflicts with an included one of the same name"));
        }
        let Some(base) = root.map_mut() else { return };
        for part in ["services", "networks", "volumes", "secrets", "configs"] {
            let Some(from) = included.get(part) else { continue };
            let into = base.entry(part.to_owned()).or_insert_with(|| {
                let mut empty = from.clone();
                empty.node.kind = Kind::Map(crate::node::Map::new());
                empty
            });
            if into.node.is_null() {
                into.node.kind = Kind::Map(crate::node::Map::new());
            }
            let more = from.node.map().cloned().unwrap_or_default();
            if let Some(map) = into.node.map_mut() {
                for (name, entry) in more {
                    map.entry(name).or_insert(entry);
                }
            }
        }
    }
}

/// Whether a path is an address of something elsewhere.
fn is_remote(path: &str) -> bool {
    ["https://", "http://", "git@", "ssh://", "git://", "oci://", "github.com/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}
