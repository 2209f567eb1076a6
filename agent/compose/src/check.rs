//! What Compose refuses in a project whose files are all well formed.

use std::collections::BTreeSet;

use crate::model::{Problem, Project, Service};

/// Adds what does not hold together. `profiles` are those that were asked for by name.
pub(crate) fn project(project: &mut Project, profiles: &[String]) {
    // What an unreadable file would have defined would all be missing.
    if project.is_refused() {
        return;
    }
    let mut problems = Vec::new();
    for service in project.services.values().filter(|service| service.active) {
        check(project, service, &mut problems);
    }
    for variable in &project.unset {
        if variable.required.is_none() && !variable.has_default {
            let message = format!("the variable `{}` is not given; Compose would take an empty text", variable.name);
            problems.push(Problem { place: Some(variable.place.clone()), message, fatal: false });
        }
    }
    let known: BTreeSet<&String> = project.services.values().flat_map(|service| &service.profiles).collect();
    for profile in profiles.iter().filter(|profile| *profile != "*" && !known.contains(profile)) {
        let there = if known.is_empty() {
            "no service has a profile".to_owned()
        } else {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", names.join(", "))
        };
        let message = format!("the profile `{profile}` switches nothing on: {there}");
        problems.push(Problem { place: None, message, fatal: false });
    }
    if let Some(cycle) = cycle(project) {
        let place = cycle.first().and_then(|name| project.services.get(name)).map(|service| service.place.clone());
        let message = format!("services wait for each other: {}", cycle.join(" → "));
        problems.push(Problem { place, message, fatal: true });
    }
    project.problems.extend(problems);
}

fn check(project: &Project, service: &Service, problems: &mut Vec<Problem>) {
    let name = &service.name;
    let mut fatal = |place: &portreeve_core::snapshot::Place, message: String| {
        problems.push(Problem { place: Some(place.clone()), message, fatal: true });
    };
    if service.image.is_none() && service.build.is_none() && !service.places.contains_key("provider") {
        fatal(&service.place, format!("the service `{name}` has neither an image nor a build context"));
    }
    let place_of = |path: &str| service.places.get(path).unwrap_or(&service.place);
    for network in service.networks.keys().filter(|network| *network != "default") {
        if !project.networks.contains_key(network) {
            let place = place_of(&format!("networks.{network}"));
            fatal(place, format!("the service `{name}` is attached to the network `{network}`, which is not defined"));
        }
    }
    for mount in &service.mounts {
        let Some(source) = mount.source.as_ref().filter(|_| mount.kind == crate::MountKind::Volume) else { continue };
        if source.unknown.is_none() && !project.volumes.contains_key(&source.text) {
            let message = format!("the service `{name}` mounts the volume `{}`, which is not defined", source.text);
            fatal(place_of(&mount.key), message);
        }
    }
    for (grants, known, word) in
        [(&service.secrets, &project.secrets, "secret"), (&service.configs, &project.configs, "config")]
    {
        for grant in grants.iter().filter(|grant| !known.contains_key(&grant.source)) {
            fatal(
                &grant.place,
                format!("the service `{name}` reads the {word} `{}`, which is not defined", grant.source),
            );
        }
    }
    let shared = service.network_mode.as_ref().and_then(|mode| mode.known()?.strip_prefix("service:"));
    // Who shares a network waits for its owner, and that is told below.
    let own = |name: &str| shared != Some(name);
    for dependency in service.depends_on.iter().filter(|one| one.required && own(&one.service)) {
        if !project.services.contains_key(&dependency.service) {
            let message = format!("the service `{name}` waits for `{}`, which is not defined", dependency.service);
            fatal(&dependency.place, message);
        }
    }
    if let Some(mode) = &service.network_mode {
        if let Some(other) = shared.filter(|other| !project.services.contains_key(*other)) {
            fatal(&mode.place, format!("the service `{name}` shares the network of `{other}`, which is not defined"));
        }
        if service.places.contains_key("networks") {
            fatal(&mode.place, format!("the service `{name}` has both `network_mode` and `networks`"));
        }
    }
}

/// Services that wait for each other.
fn cycle(project: &Project) -> Option<Vec<String>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let next = |name: &str| -> Vec<&str> {
        let service = project.services.get(name);
        let waits = service.into_iter().flat_map(|service| service.depends_on.iter().map(|one| one.service.as_str()));
        let shares = service.and_then(|service| service.network_mode.as_ref()?.text.strip_prefix("service:"));
        waits.chain(shares).collect()
    };
    for start in project.services.keys() {
        let mut path: Vec<&str> = Vec::new();
        let mut stack: Vec<(&str, Vec<&str>)> = vec![(start, next(start))];
        path.push(start);
        while let Some((name, open)) = stack.last_mut() {
            match open.pop() {
                Some(child) if path.contains(&child) => {
                    let from = path.iter().position(|one| *one == child).unwrap_or_default();
                    let mut names: Vec<String> = path.iter().skip(from).map(|one| (*one).to_owned()).collect();
                    names.push(child.to_owned());
                    return Some(names);
                }
                Some(child) if !done.contains(child) => {
                    path.push(child);
                    stack.push((child, next(child)));
                }
                Some(_) => {}
                None => {
                    done.insert(name);
                    path.pop();
                    stack.pop();
                }
            }
        }
    }
    None
}
