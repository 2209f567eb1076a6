//! The licences of everything that is linked into the programs, which their authors ask to go along with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What `cargo metadata --format-version 1` prints, as far as it is used.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Why there are no notices.
#[derive(Debug, thiserror::Error)]
pub enum NoticesError {
    /// No such package in the workspace.
    #[error("the workspace has no package `{0}`")]
    Missing(String),
    /// A folder or a licence.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What is linked into programs, by name and version.
#[derive(Debug, Default)]
pub struct Linked {
    packages: BTreeMap<(String, String), Package>,
}

impl Linked {
    /// Adds what the workspace's package `root` links.
    pub fn add(&mut self, metadata: &Metadata, root: &str) -> Result<(), NoticesError> {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name == root && metadata.workspace_members.contains(&package.id))
            .ok_or_else(|| NoticesError::Missing(root.to_owned()))?;
        let mut linked = BTreeSet::new();
        follow(metadata, &package.id, &mut linked);
        let foreign = |package: &&Package| {
            linked.contains(package.id.as_str()) && !metadata.workspace_members.contains(&package.id)
        };
        for package in metadata.packages.iter().filter(foreign) {
            self.packages.insert((package.name.clone(), package.version.clone()), package.clone());
        }
        Ok(())
    }

    /// A list of them, and each licence text once.
    pub fn notices(&self) -> Result<String, NoticesError> {
        let mut out = "Portreeve contains the following software of others.\n\n".to_owned();
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for package in self.packages.values() {
            let name = format!("{} {}", package.name, package.version);
            let license = package.license.as_deref().unwrap_or("see its text below");
            out.push_str(&format!(
                "{name}: {license}; {}\n",
                package.repository.as_deref().unwrap_or("no address given")
            ));
            for text in texts_of(package.manifest_path.parent().unwrap_or(Path::new("/")))? {
                texts.entry(text).or_default().push(name.clone());
            }
        }
        let mut texts: Vec<(Vec<String>, String)> = texts.into_iter().map(|(text, names)| (names, text)).collect();
        texts.sort();
        for (names, text) in texts {
            out.push_str(&format!("\n{}\n{}:\n\n{text}", "-".repeat(72), names.join(", ")));
        }
        Ok(out)
    }
}

fn follow<'a>(metadata: &'a Metadata, id: &'a str, linked: &mut BTreeSet<&'a str>) {
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        if !linked.insert(id) {
            continue;
        }
        let node = metadata.resolve.nodes.iter().find(|node| node.id == id);
        let normal = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        waiting.extend(
            node.into_iter().flat_map(|node| node.deps.iter().filter(normal)).map(|dependency| dependency.pkg.as_str()),
        );
    }
}

fn texts_of(folder: &Path) -> Result<Vec<String>, NoticesError> {
    let read = |source, path: &Path| NoticesError::Read { path: path.to_owned(), source };
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(|source| read(source, folder))? {
        let entry = entry.map_err(|source| read(source, folder))?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_notice = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_notice && entry.path().is_file() {
            names.insert(entry.path());
        }
    }
    names
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).map_err(|source| read(source, path))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            Ok(format!("{}\n", text.trim_matches('\n')))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_is_named_and_a_text_once() {
        let dir = tempfile::tempdir().unwrap();
        let crate_of = |name: &str, text: &str| {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("LICENSE-MIT"), text).unwrap();
            std::fs::write(folder.join("README.md"), "not this").unwrap();
            serde_json::json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT", "repository": null,
                                "manifest_path": folder.join("Cargo.toml") })
        };
        let dependency =
            |id: &str, kind: Option<&str>| serde_json::json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata: Metadata = serde_json::from_value(serde_json::json!({
            "packages": [crate_of("ours", "own\n"), crate_of("a", "same\r\n"), crate_of("b", "same\n"), crate_of("tool", "tool\n")],
            "workspace_members": ["ours"],
            "resolve": { "nodes": [
                { "id": "ours", "deps": [dependency("a", None), dependency("tool", Some("build"))] },
                { "id": "a", "deps": [dependency("b", None)] },
                { "id": "b", "deps": [] },
            ] },
        }))
        .unwrap();
        let mut linked = Linked::default();
        linked.add(&metadata, "ours").unwrap();
        insta::assert_snapshot!(linked.notices().unwrap());
        assert!(matches!(linked.add(&metadata, "theirs"), Err(NoticesError::Missing(_))));
    }
}
