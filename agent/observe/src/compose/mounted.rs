//! Files of the project that are mounted into its services.

use std::path::{Component, Path, PathBuf};

use portreeve_compose::{MountKind, Project, Service};

/// What lies at a path within a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mounted {
    /// A file or folder of the project: its path, absolute.
    Here(PathBuf),
    /// Something that is not looked at: what is mounted there, in words.
    Elsewhere(String),
    /// Nothing is mounted there: the image's own layer.
    Image,
}

/// What lies at a path within a service. Only what is below the project's folder is looked at.
pub(super) fn at(project: &Project, service: &Service, path: &str) -> Mounted {
    let grant = |grants: &[portreeve_compose::FileGrant],
                 all: &std::collections::BTreeMap<String, portreeve_compose::Resource>| {
        let grant = grants.iter().find(|grant| grant.target == path)?;
        let file = all
            .get(&grant.source)
            .and_then(|resource| resource.file.as_ref())
            .and_then(|file| file.known().map(PathBuf::from));
        Some(file.map_or_else(|| Mounted::Elsewhere(format!("`{}`", grant.source)), |file| inside(project, &file)))
    };
    if let Some(found) = grant(&service.secrets, &project.secrets).or_else(|| grant(&service.configs, &project.configs))
    {
        return found;
    }
    let covers = |target: &str| {
        let rest = path.strip_prefix(target.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
    };
    let found = service.mounts.iter().filter_map(|mount| Some((mount, covers(&mount.target)?)));
    let Some((mount, rest)) = found.max_by_key(|(mount, _)| mount.target.len()) else { return Mounted::Image };
    let source = mount.source.as_ref();
    match (mount.kind, source.and_then(|source| source.known())) {
        (MountKind::Bind, Some(source)) => {
            let source = Path::new(source);
            inside(project, &if rest.is_empty() { source.to_owned() } else { source.join(rest) })
        }
        (MountKind::Volume, _) => {
            let name = source.map_or("an anonymous volume", |source| source.shown());
            Mounted::Elsewhere(format!("the volume `{name}`"))
        }
        (MountKind::Tmpfs, _) => Mounted::Elsewhere("memory".to_owned()),
        _ => Mounted::Elsewhere(format!("`{}`", source.map_or("a mount", |source| source.shown()))),
    }
}

fn inside(project: &Project, path: &Path) -> Mounted {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, file) = (whole(&project.working_dir), whole(path));
    let plain = file.components().all(|part| !matches!(part, Component::ParentDir));
    if plain && file.starts_with(&folder) {
        Mounted::Here(file)
    } else {
        Mounted::Elsewhere(format!("`{}`", path.display()))
    }
}
