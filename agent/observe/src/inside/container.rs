//! A throw-away container: made, run once, removed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::Method;
use jiff::Timestamp;
use portreeve_core::Secret;
use serde_json::{Value, json};

use super::leave::Leave;
use super::subject::{Namespace, Own, Spec};
use super::{ENTRYPOINT, FOLDER, InsideError, LABEL, NAME_PREFIX, archive, attach};
use crate::engine::{Body, Client, EngineError, segment};

/// Memory that the program may use, in bytes. Files that it reads count as well, but can be dropped.
const MEMORY: u64 = 128 << 20;
/// Memory that a program of the target may use, in bytes.
const OWN_MEMORY: u64 = 1 << 30;
/// Threads that a program of the target may have.
const OWN_MAX_THREADS: u64 = 256;
/// Threads that it may have.
const MAX_THREADS: u64 = 64;
/// Longest answer to a small question, in bytes.
const SMALL: usize = 64 * 1024;
/// How long the removal may take.
const REMOVAL: Duration = Duration::from_secs(5);

/// A container of ours. Dropping it removes it.
pub(super) struct ThrowAway {
    name: String,
    leave: Leave,
}

impl ThrowAway {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes it, and does not start it.
    pub(super) async fn make(client: &Client, spec: &Spec, until: Instant) -> Result<Self, InsideError> {
        let name = format!("{NAME_PREFIX}{}", unique());
        let body = serde_json::to_vec(&definition(spec, &name)).map_err(|error| InsideError::Engine {
            action: "be told what to make",
            source: EngineError::Malformed(error),
        })?;
        let prefix = format!("/v{}/containers/{name}", client.api_version());
        let mut made = Self { leave: Leave::new(client.socket().to_owned(), prefix), name };
        let path = format!("/containers/create?name={}", made.name);
        client
            .call(Method::POST, &path, Body::Json(body), SMALL, until)
            .await
            .map_err(|source| InsideError::Engine { action: "make a container for the probe", source })?;
        made.leave.is_made = true;
        if let Namespace::Networks { others, .. } = &spec.namespace {
            for network in others {
                let body = json!({ "Container": made.name }).to_string().into_bytes();
                let path = format!("/networks/{}/connect", segment(network));
                client
                    .call(Method::POST, &path, Body::Json(body), SMALL, until)
                    .await
                    .map_err(|source| InsideError::Engine { action: "connect the probe to a network", source })?;
            }
        }
        Ok(made)
    }

    /// Puts the program into it, starts it, hands the request over, and gives what comes back.
    pub(super) async fn run(
        &self,
        client: &Client,
        program: &[u8],
        request: &Secret,
        until: Instant,
    ) -> Result<Vec<u8>, InsideError> {
        let archive = archive::of_program("portreeve-probe", program);
        let path = format!("/containers/{}/archive?path={FOLDER}", self.name);
        client
            .call(Method::PUT, &path, Body::Tar(archive), SMALL, until)
            .await
            .map_err(|source| InsideError::Engine { action: "take the probe into its container", source })?;
        let path =
            format!("/v{}/containers/{}/attach?stream=1&stdin=1&stdout=1&stderr=1", client.api_version(), self.name);
        let streams = attach::Streams::open(client, &path, until).await?;
        let path = format!("/containers/{}/start", self.name);
        client
            .call(Method::POST, &path, Body::Empty, SMALL, until)
            .await
            .map_err(|source| InsideError::Engine { action: "start the probe", source })?;
        let output = streams.talk(request).await?;
        if output.stdout.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
            let said: String = said.chars().filter(|letter| !letter.is_control()).take(300).collect();
            return Err(InsideError::Silent {
                said: if said.is_empty() { "it said nothing".to_owned() } else { said },
            });
        }
        Ok(output.stdout)
    }

    /// Removes it with its volume.
    pub(super) async fn remove(mut self, client: &Client) {
        let until = Instant::now() + REMOVAL;
        let path = format!("/containers/{}?force=1&v=1", self.name);
        match client.call(Method::DELETE, &path, Body::Empty, SMALL, until).await {
            Ok(_) => self.leave.disarm(),
            Err(error) if error.is_not_found() || matches!(error, EngineError::Refused { status: 409, .. }) => {
                // The engine removes it itself as soon as it has ended.
                self.leave.disarm();
            }
            Err(error) => tracing::debug!(%error, "a probe could not be removed; once more"),
        }
    }
}

/// What the engine is asked to make.
fn definition(spec: &Spec, name: &str) -> Value {
    let (network_mode, endpoints) = match &spec.namespace {
        Namespace::Mode(mode) => (mode.clone(), None),
        Namespace::Networks { first, .. } => (first.clone(), Some(json!({ first.as_str(): {} }))),
    };
    let mut mounts = vec![json!({
        "Type": "volume", "Target": FOLDER, "VolumeOptions": { "NoCopy": true },
    })];
    mounts.extend(
        spec.mounts.iter().map(
            |mount| json!({ "Type": mount.kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only }),
        ),
    );
    let agent = format!("{}/{}", host_name(), std::process::id());
    let labels: BTreeMap<&str, String> = BTreeMap::from([
        (LABEL, name.to_owned()),
        (super::sweep::CREATED, Timestamp::now().as_second().to_string()),
        (super::sweep::AGENT, agent),
    ]);
    let mut definition = json!({
        "Image": spec.image,
        "Entrypoint": [ENTRYPOINT],
        "Cmd": [],
        "User": spec.user,
        "Env": spec.environment,
        "WorkingDir": spec.working_dir,
        "Labels": labels,
        "Tty": false,
        "OpenStdin": true,
        "StdinOnce": true,
        "AttachStdin": true,
        "AttachStdout": true,
        "AttachStderr": true,
        "HostConfig": {
            "NetworkMode": network_mode,
            "ExtraHosts": spec.extra_hosts,
            "VolumesFrom": spec.volumes_from.iter().map(|id| format!("{id}:ro")).collect::<Vec<_>>(),
            "Mounts": mounts,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": true,
            "Memory": MEMORY,
            "MemorySwap": MEMORY,
            "PidsLimit": MAX_THREADS,
            "LogConfig": { "Type": "none" },
            "RestartPolicy": { "Name": "no" },
            "GroupAdd": spec.groups,
            "AutoRemove": true,
        },
    });
    // Podman would have a timer for a check that is none, too.
    if let (true, Some(object)) = (spec.has_healthcheck, definition.as_object_mut()) {
        object.insert("Healthcheck".to_owned(), json!({ "Test": ["NONE"] }));
    }
    if let Some(own) = &spec.own {
        with_own(&mut definition, spec, own);
    }
    if let (Some(endpoints), Some(object)) = (endpoints, definition.as_object_mut()) {
        object.insert("NetworkingConfig".to_owned(), json!({ "EndpointsConfig": endpoints }));
    }
    definition
}

/// The definition for a program of the target itself: its volumes as the target has them, its root as it is, and room for it.
fn with_own(definition: &mut Value, spec: &Spec, own: &Own) {
    let mut put = |pointer: &str, value: Value| {
        if let Some(place) = definition.pointer_mut(pointer) {
            *place = value;
        }
    };
    put("/Entrypoint", json!(own.words.get(..1).unwrap_or_default()));
    put("/Cmd", json!(own.words.get(1..).unwrap_or_default()));
    put("/Env", json!(spec.environment.iter().map(String::as_str).chain(["NO_COLOR=1"]).collect::<Vec<_>>()));
    for stream in ["/OpenStdin", "/StdinOnce", "/AttachStdin"] {
        put(stream, json!(false));
    }
    put("/HostConfig/VolumesFrom", json!(spec.volumes_from));
    put("/HostConfig/CapDrop", json!([]));
    put("/HostConfig/ReadonlyRootfs", json!(own.read_only_root));
    put("/HostConfig/Memory", json!(OWN_MEMORY));
    put("/HostConfig/MemorySwap", json!(OWN_MEMORY));
    put("/HostConfig/PidsLimit", json!(OWN_MAX_THREADS));
    put("/HostConfig/AutoRemove", json!(false));
    if let Some(mounts) = definition.pointer_mut("/HostConfig/Mounts").and_then(Value::as_array_mut) {
        mounts.retain(|mount| mount.get("Target").and_then(Value::as_str) != Some(FOLDER));
    }
}

pub(super) fn host_name() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A name that no other run has.
fn unique() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
