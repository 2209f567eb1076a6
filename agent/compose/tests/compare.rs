//! The same projects through Docker Compose itself, where `PORTREEVE_COMPOSE` names its v2 binary.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use portreeve_compose::{MountKind, Options, Project, Service, UserFiles, load};
use serde_json::{Value, json};

#[test]
fn projects_are_read_as_compose_reads_them() {
    let Some(binary) = std::env::var_os("PORTREEVE_COMPOSE") else {
        println!("skipped: PORTREEVE_COMPOSE names no Docker Compose");
        return;
    };
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = projects(&own.join("tests/projects"));
    folders.extend(projects(&own.join("../observe/tests/compose")));
    if let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") {
        folders.extend(projects(&Path::new(&corpus).join("compose")));
    }
    let mut refused = 0;
    let mut wrong = Vec::new();
    for folder in &folders {
        match compare(Path::new(&binary), folder) {
            Ok(true) => {}
            Ok(false) => refused += 1,
            Err(difference) => wrong.push(format!("{}: {difference}", folder.display())),
        }
    }
    println!("{} projects, {refused} of them refused by both", folders.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Folders below that hold a Compose file.
fn projects(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !portreeve_compose::discover::files(path, &UserFiles).is_empty())
        .collect();
    folders.sort();
    folders
}

/// Whether both read it; an error says where they differ.
fn compare(binary: &Path, folder: &Path) -> Result<bool, String> {
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let mut options = Options { project_dir: Some(folder.clone()), all_profiles: true, ..Options::default() };
    // Whatever nobody gives is given to both: Compose refuses `${V:?}`.
    for variable in load(&options, &UserFiles).unset {
        if variable.required.is_some() || !variable.has_default {
            options.environment.insert(variable.name, "4321".to_owned());
        }
    }
    let ours = load(&options, &UserFiles);
    let mut command = Command::new(binary);
    command.arg("--project-directory").arg(&folder).args(["--profile", "*", "config", "--format", "json"]);
    command.env_clear().env("HOME", "/nonexistent").envs(&options.environment).current_dir(&folder);
    let output = command.output().map_err(|error| error.to_string())?;
    let missing_file = ours.problems.iter().any(|problem| problem.message.contains("Compose refuses without it"));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return if ours.is_refused() || missing_file {
            Ok(false)
        } else {
            Err(format!("Compose alone refuses: {said}"))
        };
    }
    if ours.is_refused() {
        let why: Vec<_> = ours.problems.iter().filter(|problem| problem.fatal).collect();
        return Err(format!("Compose takes what we refuse: {why:?}"));
    }
    let theirs: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let (ours, theirs) = (ours_of(&ours), theirs_of(&theirs));
    if ours == theirs { Ok(true) } else { Err(difference("", &ours, &theirs)) }
}

fn difference(path: &str, ours: &Value, theirs: &Value) -> String {
    if let (Value::Object(a), Value::Object(b)) = (ours, theirs) {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        let null = Value::Null;
        return keys
            .into_iter()
            .filter(|key| a.get(*key) != b.get(*key))
            .map(|key| difference(&format!("{path}/{key}"), a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null)))
            .collect::<Vec<_>>()
            .join("\n  ");
    }
    format!("{path}: ours {ours}, Compose {theirs}")
}

fn ours_of(project: &Project) -> Value {
    let services: BTreeMap<_, _> =
        project.services.iter().map(|(name, service)| (name, ours_service(service))).collect();
    let networks: BTreeMap<_, _> = project.networks.iter().map(|(key, network)| (key, &network.name)).collect();
    let volumes: BTreeMap<_, _> =
        project.volumes.iter().filter(|(key, _)| used(project, key)).map(|(key, volume)| (key, &volume.name)).collect();
    json!({ "name": project.name, "services": services, "networks": networks, "volumes": volumes })
}

/// Compose prints no volume that nobody mounts.
fn used(project: &Project, volume: &str) -> bool {
    let mut mounts = project.services.values().flat_map(|service| &service.mounts);
    mounts.any(|mount| mount.kind == MountKind::Volume && mount.source.as_ref().is_some_and(|one| one.text == volume))
}

fn ours_service(service: &Service) -> Value {
    let text = |value: &Option<portreeve_compose::Value>| value.as_ref().map(|value| value.text.clone());
    let texts = |values: &[portreeve_compose::Value]| values.iter().map(|value| value.text.clone()).collect::<Vec<_>>();
    let environment: BTreeMap<_, _> = service
        .environment
        .iter()
        .map(|(name, one)| (name, (!one.name_only || one.value.unknown.is_none()).then(|| one.value.text.clone())))
        .collect();
    let ports: BTreeSet<String> = service
        .ports
        .iter()
        .map(|(_, port)| {
            let (ip, host) =
                (port.host_ip.as_deref().unwrap_or_default(), port.published.as_deref().unwrap_or_default());
            format!("{ip} {host} {}/{}", port.target, port.protocol)
        })
        .collect();
    let mounts: BTreeSet<String> = service
        .mounts
        .iter()
        .filter(|mount| !mount.key.starts_with("tmpfs"))
        .map(|mount| {
            let kind = match mount.kind {
                MountKind::Bind => "bind",
                MountKind::Volume => "volume",
                MountKind::Tmpfs => "tmpfs",
                MountKind::Other => "other",
            };
            let source = mount.source.as_ref().map(|source| source.text.as_str()).unwrap_or_default();
            format!("{kind} {source} {} {} {:?}", mount.target, mount.read_only, mount.propagation)
        })
        .collect();
    let networks: BTreeMap<_, _> = service.networks.iter().map(|(name, network)| (name, &network.aliases)).collect();
    let depends: BTreeMap<_, _> = service.depends_on.iter().map(|one| (&one.service, &one.condition)).collect();
    let labels: BTreeMap<_, _> = service.labels.iter().map(|(name, value)| (name, &value.text)).collect();
    let health = service.healthcheck.as_ref().map(|health| {
        json!({
            "disable": health.disabled, "test": health.test.as_deref().map(texts), "interval": health.interval_ms,
            "timeout": health.timeout_ms, "start_period": health.start_period_ms, "retries": health.retries,
        })
    });
    let hosts: BTreeSet<_> = texts(&service.extra_hosts).into_iter().collect();
    json!({
        "image": text(&service.image), "command": service.command.as_deref().map(texts),
        "entrypoint": service.entrypoint.as_deref().map(texts), "environment": environment, "ports": ports,
        "volumes": mounts, "networks": networks, "depends_on": depends, "labels": labels, "healthcheck": health,
        "network_mode": text(&service.network_mode), "user": text(&service.user), "read_only": service.read_only,
        "platform": text(&service.platform), "container_name": text(&service.container_name), "extra_hosts": hosts,
        "build": service.build.as_ref().map(|build| json!([text(&build.context), text(&build.target)])),
        "memory": service.memory_limit, "tmpfs": service.mounts.iter().filter(|mount| mount.key.starts_with("tmpfs")).map(|mount| &mount.target).collect::<Vec<_>>(),
        "expose": texts(&service.expose), "links": texts(&service.links), "profiles": service.profiles,
        "restart": service.places.contains_key("restart").then(|| text(&service.restart)).flatten(),
        "secrets": service.secrets.iter().map(|grant| &grant.source).collect::<Vec<_>>(),
        "configs": service.configs.iter().map(|grant| &grant.source).collect::<Vec<_>>(),
    })
}

fn theirs_of(config: &Value) -> Value {
    let part = |key: &str| config[key].as_object().cloned().unwrap_or_default();
    let services: BTreeMap<_, _> =
        part("services").into_iter().map(|(name, service)| (name, theirs_service(&service))).collect();
    let name =
        |key: &str| part(key).into_iter().map(|(key, value)| (key, value["name"].clone())).collect::<BTreeMap<_, _>>();
    json!({ "name": config["name"], "services": services, "networks": name("networks"), "volumes": name("volumes") })
}

/// `$` is doubled in what Compose prints, so that it could be read again.
fn undouble(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(list) => list.iter().map(undouble).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), undouble(value))).collect(),
        other => other.clone(),
    }
}

fn theirs_service(service: &Value) -> Value {
    let service = &undouble(service);
    let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
    let map = |key: &str| service[key].as_object().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ports: BTreeSet<String> = list("ports")
        .iter()
        .map(|port| {
            format!(
                "{} {} {}/{}",
                text(&port["host_ip"]),
                text(&port["published"]),
                port["target"],
                text(&port["protocol"])
            )
        })
        .collect();
    let mounts: BTreeSet<String> = list("volumes")
        .iter()
        .map(|mount| {
            let read_only = mount["read_only"].as_bool().unwrap_or(false);
            let propagation = mount["bind"]["propagation"].as_str();
            format!(
                "{} {} {} {read_only} {propagation:?}",
                text(&mount["type"]),
                text(&mount["source"]),
                text(&mount["target"])
            )
        })
        .collect();
    let networks: BTreeMap<_, _> = map("networks")
        .into_iter()
        .map(|(name, network)| (name, network["aliases"].as_array().cloned().unwrap_or_default()))
        .collect();
    let depends: BTreeMap<_, _> =
        map("depends_on").into_iter().map(|(name, one)| (name, one["condition"].clone())).collect();
    let ms = |value: &Value| value.as_str().and_then(portreeve_compose::duration::parse_ms);
    let health = service.get("healthcheck").map(|health| {
        json!({
            "disable": health["disable"].as_bool().unwrap_or(false), "test": health["test"], "interval": ms(&health["interval"]),
            "timeout": ms(&health["timeout"]), "start_period": ms(&health["start_period"]), "retries": health["retries"],
        })
    });
    let limit = if service["mem_limit"].is_null() {
        &service["deploy"]["resources"]["limits"]["memory"]
    } else {
        &service["mem_limit"]
    };
    let source = |key: &str| list(key).iter().map(|grant| grant["source"].clone()).collect::<Vec<_>>();
    let hosts: BTreeSet<String> = list("extra_hosts").iter().map(text).collect();
    json!({
        "image": service["image"], "command": service["command"], "entrypoint": service["entrypoint"],
        "environment": map("environment"), "ports": ports, "volumes": mounts, "networks": networks, "depends_on": depends,
        "labels": map("labels"), "healthcheck": health, "network_mode": service["network_mode"], "user": service["user"],
        "read_only": service["read_only"].as_bool().unwrap_or(false), "platform": service["platform"],
        "container_name": service["container_name"], "extra_hosts": hosts,
        "build": service.get("build").map(|build| json!([build["context"], build["target"]])),
        "memory": limit.as_str().and_then(|limit| limit.parse::<u64>().ok()), "tmpfs": list("tmpfs"), "expose": list("expose"),
        "links": list("links"), "profiles": list("profiles"), "restart": service["restart"],
        "secrets": source("secrets"), "configs": source("configs"),
    })
}
