//! Where engines listen: the usual places of every product for every user, Docker's contexts, `DOCKER_HOST`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Blind, EngineKind};
use portreeve_openclaw::file::read_regular;
use serde::Deserialize;

use super::text::line;
use crate::users::Account;

/// Most entries of one folder that are looked at.
const MAX_ENTRIES: usize = 64;

/// Most engines that are asked.
const MAX_ENGINES: usize = 32;

/// Longest context or configuration that is read, in bytes.
const MAX_CONTEXT_BYTES: u64 = 256 * 1024;

/// A `DOCKER_HOST`.
#[derive(Debug, Clone)]
pub struct DockerHost {
    /// Whose environment says so: `this shell`, the id of a unit.
    pub of: String,
    /// Its value.
    pub value: String,
    /// The user who says so; none for one who may lead the agent anywhere.
    pub user: Option<(String, u32)>,
}

/// Where to look.
#[derive(Debug, Clone)]
pub struct Search {
    /// Accounts whose homes are looked into.
    pub accounts: Vec<Account>,
    /// The root of the file system.
    pub root: PathBuf,
    /// What environments name.
    pub hosts: Vec<DockerHost>,
    /// User id of the agent.
    pub agent_uid: u32,
}

/// A socket at which an engine listens or should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The socket, as it is named.
    pub socket: PathBuf,
    /// User whose engine it is.
    pub user: Option<String>,
    /// What names it.
    pub known_from: Vec<String>,
    /// The product that keeps its socket there.
    pub kind: EngineKind,
    /// Why it is not talked to.
    pub refusal: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Sockets, each once.
    pub candidates: Vec<Candidate>,
    /// Engines on other machines, which are not asked.
    pub blind: Vec<Blind>,
}

struct Named {
    socket: PathBuf,
    user: Option<(String, u32)>,
    known_from: String,
    kind: EngineKind,
    /// Whether somebody names it, so that it counts where it is not there.
    expected: bool,
}

/// Every socket of the node at which an engine listens or is expected.
pub fn discover(search: &Search) -> Discovery {
    let mut found = Vec::new();
    let mut discovery = Discovery::default();
    let system = [("var/run/docker.sock", EngineKind::Docker), ("run/podman/podman.sock", EngineKind::Podman)];
    for (path, kind) in system {
        found.push(Named {
            socket: search.root.join(path),
            user: None,
            known_from: "usual place".into(),
            kind,
            expected: false,
        });
    }
    for account in search.accounts.iter().filter(|account| account.unreachable.is_none()) {
        usual_places(search, account, &mut found);
        contexts(account, &mut found, &mut discovery.blind);
    }
    for host in &search.hosts {
        let known_from = format!("DOCKER_HOST of {}", host.of);
        endpoint(&host.value, known_from, host.user.clone(), &mut found, &mut discovery.blind);
    }
    discovery.candidates = unique(found, search.agent_uid);
    discovery
}

fn usual_places(search: &Search, account: &Account, found: &mut Vec<Named>) {
    let home = &account.home;
    let mut add = |socket: PathBuf, kind| {
        let user = Some((account.name.clone(), account.uid));
        found.push(Named { socket, user, known_from: "usual place".into(), kind, expected: false });
    };
    add(home.join(".docker/run/docker.sock"), EngineKind::DockerDesktop);
    add(home.join(".docker/desktop/docker.sock"), EngineKind::DockerDesktop);
    add(home.join(".orbstack/run/docker.sock"), EngineKind::Orbstack);
    add(home.join(".rd/docker.sock"), EngineKind::RancherDesktop);
    for colima in [".colima", ".config/colima"] {
        for profile in entries(&home.join(colima)) {
            add(profile.join("docker.sock"), EngineKind::Colima);
        }
    }
    for instance in entries(&home.join(".lima")) {
        add(instance.join("sock/docker.sock"), EngineKind::Lima);
    }
    let machines = home.join(".local/share/containers/podman/machine");
    add(machines.join("podman.sock"), EngineKind::Podman);
    for machine in entries(&machines) {
        add(machine.join("podman.sock"), EngineKind::Podman);
    }
    let runtime = search.root.join(format!("run/user/{}", account.uid));
    add(runtime.join("podman/podman.sock"), EngineKind::Podman);
    add(runtime.join("docker.sock"), EngineKind::Docker);
    // macOS keeps the temporary files of each user below a folder that only its owner knows by name.
    for outer in entries(&search.root.join("var/folders")) {
        for inner in entries(&outer).into_iter().filter(|inner| owner(inner) == Some(account.uid)) {
            for socket in entries(&inner.join("T/podman")) {
                if socket.to_string_lossy().ends_with("-api.sock") {
                    add(socket, EngineKind::Podman);
                }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Context {
    name: String,
    #[serde(default)]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    current_context: Option<String>,
}

fn contexts(account: &Account, found: &mut Vec<Named>, blind: &mut Vec<Blind>) {
    let docker = account.home.join(".docker");
    let current = read_json::<DockerConfig>(&docker.join("config.json")).and_then(|config| config.current_context);
    for folder in entries(&docker.join("contexts/meta")) {
        let Some(context) = read_json::<Context>(&folder.join("meta.json")) else { continue };
        let Some(host) = context.endpoints.get("docker").and_then(|endpoint| endpoint.host.as_deref()) else {
            continue;
        };
        let is_current = current.as_deref() == Some(context.name.as_str());
        let current = if is_current { "current " } else { "" };
        let name = line(&context.name, 64);
        let known_from = format!("{current}context {name} in {}", docker.display());
        endpoint(host, known_from, Some((account.name.clone(), account.uid)), found, blind);
    }
}

fn endpoint(
    host: &str,
    known_from: String,
    user: Option<(String, u32)>,
    found: &mut Vec<Named>,
    blind: &mut Vec<Blind>,
) {
    if let Some(path) = host.strip_prefix("unix://") {
        let socket = PathBuf::from(path);
        if socket.is_absolute() {
            let kind = kind_of_path(path);
            found.push(Named { socket, user, known_from, kind, expected: true });
        }
        return;
    }
    let scheme = host.split_once("://").map_or(host, |(scheme, _)| scheme);
    blind.push(Blind {
        what: format!("the container engine of {known_from}"),
        why: format!("it is reached over {}, and only sockets of this node are asked", line(scheme, 16)),
        remedy: "run portreeve on the machine of that engine".to_owned(),
        readiness: false,
    });
}

/// The product that keeps its socket at such a path.
fn kind_of_path(path: &str) -> EngineKind {
    for (part, kind) in [
        ("/.colima/", EngineKind::Colima),
        ("/colima/", EngineKind::Colima),
        ("/.orbstack/", EngineKind::Orbstack),
        ("/.rd/", EngineKind::RancherDesktop),
        ("/.lima/", EngineKind::Lima),
        ("podman", EngineKind::Podman),
        ("/.docker/", EngineKind::DockerDesktop),
    ] {
        if path.contains(part) {
            return kind;
        }
    }
    EngineKind::Docker
}

/// Each socket once, by where its path leads. What names it is gathered; the first user counts.
fn unique(found: Vec<Named>, agent_uid: u32) -> Vec<Candidate> {
    let mut candidates: Vec<(PathBuf, Candidate)> = Vec::new();
    for named in found {
        let real = fs::canonicalize(&named.socket).ok();
        if real.is_none() && !named.expected {
            continue;
        }
        let key = real.clone().unwrap_or_else(|| named.socket.clone());
        if let Some((_, known)) = candidates.iter_mut().find(|(path, _)| *path == key) {
            if !known.known_from.contains(&named.known_from) {
                known.known_from.push(named.known_from);
            }
            // The system's path is a link to a user's engine on macOS.
            if known.user.is_none() && named.kind != EngineKind::Docker {
                known.user = named.user.map(|(name, _)| name);
                known.kind = named.kind;
            }
            continue;
        }
        if candidates.len() >= MAX_ENGINES {
            break;
        }
        let refusal = real.and_then(|real| refusal(&real, &named, agent_uid));
        candidates.push((
            key,
            Candidate {
                socket: named.socket,
                user: named.user.map(|(name, _)| name),
                known_from: vec![named.known_from],
                kind: named.kind,
                refusal,
            },
        ));
    }
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Why a path is not talked to: it is no socket, or root is led by a user to a socket of somebody else.
fn refusal(real: &Path, named: &Named, agent_uid: u32) -> Option<String> {
    let metadata = fs::symlink_metadata(real).ok()?;
    if !metadata.file_type().is_socket() {
        return Some(format!("{} is no socket", named.socket.display()));
    }
    let (name, uid) = named.user.as_ref()?;
    let planted = agent_uid == 0 && *uid != 0 && metadata.uid() != *uid;
    let is_system = real.starts_with("/run/docker.sock") || real.starts_with("/private/var/run/docker.sock");
    (planted && !is_system)
        .then(|| format!("{} of user {name} leads to a socket of user id {}", named.socket.display(), metadata.uid()))
}

fn owner(path: &Path) -> Option<u32> {
    fs::symlink_metadata(path).ok().map(|metadata| metadata.uid())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listed.take(MAX_ENTRIES).flatten().map(|entry| entry.path()).collect();
    paths.order();
    paths
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    let content = read_regular(path, MAX_CONTEXT_BYTES).ok()?;
    serde_json::from_slice(&content.bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn account(home: &Path, uid: u32) -> Account {
        Account { name: "op".into(), uid, gid: uid, home: home.into(), unreachable: None }
    }

    fn own_uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_socket_is_named_once_with_all_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let socket = home.join(".colima/default/docker.sock");
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        write(&home.join(".docker/config.json"), r#"{"currentContext":"colima","auths":{}}"#);
        let meta = format!(
            r#"{{"Name":"colima","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"unix://{}"}}}}}}"#,
            socket.display()
        );
        write(&home.join(".docker/contexts/meta/f24f/meta.json"), &meta);
        write(
            &home.join(".docker/contexts/meta/aaaa/meta.json"),
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2376"}}}"#,
        );
        let search = Search {
            accounts: vec![account(&home, own_uid())],
            root: root.path().into(),
            hosts: vec![DockerHost {
                of: "this shell".into(),
                value: "unix:///nowhere/docker.sock".into(),
                user: None,
            }],
            agent_uid: own_uid(),
        };
        let discovery = discover(&search);
        let [colima, nowhere] = &discovery.candidates[..] else { panic!("{:?}", discovery.candidates) };
        assert_eq!(colima.kind, EngineKind::Colima);
        assert_eq!(
            colima.known_from,
            ["usual place".to_owned(), format!("current context colima in {}", home.join(".docker").display())]
        );
        assert_eq!((colima.user.as_deref(), colima.refusal.as_deref()), (Some("op"), None));
        assert_eq!(nowhere.known_from, ["DOCKER_HOST of this shell"]);
        assert_eq!(discovery.blind.len(), 1);
        assert!(discovery.blind[0].why.contains("tcp"));
    }

    #[test]
    fn what_is_no_socket_or_planted_is_not_talked_to() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        write(&home.join(".rd/docker.sock"), "");
        let other = root.path().join("other.sock");
        let _listener = UnixListener::bind(&other).unwrap();
        fs::create_dir_all(home.join(".orbstack/run")).unwrap();
        symlink(&other, home.join(".orbstack/run/docker.sock")).unwrap();
        let named = root.path().join("named.sock");
        let _named = UnixListener::bind(&named).unwrap();
        // As root sees a user whose link, or whose unit, leads to a socket that is not the user's.
        let accounts = vec![account(&home, own_uid() + 1)];
        let user = Some(("op".to_owned(), own_uid() + 1));
        let hosts = vec![DockerHost { of: "a unit".into(), value: format!("unix://{}", named.display()), user }];
        let search = Search { accounts, root: root.path().into(), hosts, agent_uid: 0 };
        let refusals: Vec<bool> = discover(&search).candidates.iter().map(|found| found.refusal.is_some()).collect();
        assert_eq!(refusals, [true, true, true]);
    }
}
