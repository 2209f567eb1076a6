//! Metrics of a node.

use super::{Attribute, CODE, Kind, LAYER_OF, Metric, ROLE, SEVERITY, STATE, VERDICT_OF};

/// The verdict.
pub const VERDICT: Metric = Metric {
    name: "portreeve.verdict",
    kind: Kind::StateSet,
    unit: "{node}",
    attributes: &[VERDICT_OF],
    description: "The verdict on the node.",
};
/// How long it lasts.
pub const VERDICT_DURATION: Metric = Metric {
    name: "portreeve.verdict.duration",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "For how long the verdict and its causes have been what they are, on a clock that is never set.",
};
/// Changes of the verdict.
pub const VERDICT_CHANGES: Metric = Metric {
    name: "portreeve.verdict.changes",
    kind: Kind::Counter,
    unit: "{change}",
    attributes: &[VERDICT_OF],
    description: "Changes of the verdict or of its causes, by the new verdict.",
};
/// State of each layer.
pub const LAYER: Metric = Metric {
    name: "portreeve.layer",
    kind: Kind::StateSet,
    unit: "{layer}",
    attributes: &[LAYER_OF, STATE],
    description: "Whether each layer holds.",
};
/// Findings.
pub const FINDINGS: Metric = Metric {
    name: "portreeve.findings",
    kind: Kind::Gauge,
    unit: "{finding}",
    attributes: &[CODE, SEVERITY, LAYER_OF, Attribute { key: "waived", values: "`true`, `false`" }],
    description: "Findings that stand. A finding that does not stand has no series.",
};
/// Root causes.
pub const ROOT_CAUSES: Metric = Metric {
    name: "portreeve.root_causes",
    kind: Kind::Gauge,
    unit: "{finding}",
    attributes: &[CODE, LAYER_OF],
    description: "Errors that nothing else explains. There is no series where there is none.",
};
/// What the node is.
pub const NODE_INFO: Metric = Metric {
    name: "portreeve.node.info",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[
        Attribute { key: "agent_version", values: "version of Portreeve" },
        Attribute { key: "os_version", values: "`26.1`" },
        Attribute { key: "os_build", values: "`25B78`" },
        Attribute { key: "accepted_build", values: "build that was accepted; empty where the node never was" },
        Attribute { key: "openclaw_version", values: "version of the running gateways, the newest first, or empty" },
    ],
    description: "Always 1; what the node is stands in the attributes.",
};
/// Time since boot.
pub const NODE_UPTIME: Metric = Metric {
    name: "portreeve.node.uptime",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "Time since the machine booted, its sleep included.",
};
/// Sleeps.
pub const NODE_SLEEPS: Metric = Metric {
    name: "portreeve.node.sleeps",
    kind: Kind::Counter,
    unit: "{sleep}",
    attributes: &[],
    description: "How often the machine slept while the daemon ran.",
};
/// Time asleep.
pub const NODE_SLEEP_TIME: Metric = Metric {
    name: "portreeve.node.sleep_time",
    kind: Kind::Counter,
    unit: "s",
    attributes: &[],
    description: "How long the machine slept while the daemon ran.",
};
/// Clock against a time server.
pub const NODE_CLOCK_OFFSET: Metric = Metric {
    name: "portreeve.node.clock_offset",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "The node's clock less that of a time server, where one was asked.",
};
/// Announced work.
pub const MAINTENANCE: Metric = Metric {
    name: "portreeve.maintenance",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[],
    description: "1 while somebody has announced work on the node, else 0.",
};
/// Quarantine.
pub const QUARANTINE: Metric = Metric {
    name: "portreeve.quarantine",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[],
    description: "1 while the node is in quarantine since it is another than the one that was accepted, else 0.",
};
/// How long it lasts.
pub const QUARANTINE_DURATION: Metric = Metric {
    name: "portreeve.quarantine.duration",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "For how long the node has been in quarantine, as far as that is known.",
};
/// Acceptances tried in it.
pub const QUARANTINE_ATTEMPTS: Metric = Metric {
    name: "portreeve.quarantine.attempts",
    kind: Kind::Gauge,
    unit: "{acceptance}",
    attributes: &[],
    description: "Acceptances that were tried in this quarantine.",
};
/// Age of the last acceptance.
pub const ACCEPTANCE_AGE: Metric = Metric {
    name: "portreeve.acceptance.age",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[Attribute { key: "how", values: "`passed`, `by-hand`, `first`" }],
    description: "Time since the node was last accepted. There is no series where it never was.",
};
/// What could not be seen.
pub const BLIND: Metric = Metric {
    name: "portreeve.blind",
    kind: Kind::Gauge,
    unit: "{observer}",
    attributes: &[Attribute { key: "readiness", values: "`true` where readiness depends on it, else `false`" }],
    description: "What could not be seen.",
};
/// Containers.
pub const CONTAINERS: Metric = Metric {
    name: "portreeve.containers",
    kind: Kind::Gauge,
    unit: "{container}",
    attributes: &[ROLE, Attribute { key: "state", values: "`running`, `exited`, …; `defined` where none runs it" }],
    description: "Containers, and services of Compose files that no container runs.",
};
/// Restarts of containers.
pub const CONTAINER_RESTARTS: Metric = Metric {
    name: "portreeve.container.restarts",
    kind: Kind::Gauge,
    unit: "{restart}",
    attributes: &[Attribute { key: "container", values: "its id: `container:NAME`" }, ROLE],
    description: "How often the engine started this container again, as the engine counts.",
};
/// Images that run.
pub const IMAGE_INFO: Metric = Metric {
    name: "portreeve.image.info",
    kind: Kind::Gauge,
    unit: "{image}",
    attributes: &[
        Attribute { key: "image", values: "its normal form: `docker.io/library/nginx:latest`" },
        ROLE,
        Attribute { key: "digest", values: "`sha256:` and the first 12 digits of what runs; empty where nothing does" },
        Attribute { key: "version", values: "version of the image, or empty" },
        Attribute {
            key: "state",
            values: "how it stands to its pin and its registry: `drift`, `current`, `behind`, …",
        },
    ],
    description: "Always 1 for each image in use; which one it is stands in the attributes.",
};
/// Skew of images.
pub const IMAGE_SKEW: Metric = Metric {
    name: "portreeve.image.skew",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[],
    description: "1 while gateway and command line run images of different releases, else 0.",
};
/// Age of the oldest check.
pub const IMAGE_CHECK_AGE: Metric = Metric {
    name: "portreeve.image.check.age",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "Time since the image that was longest not checked was checked at its registry.",
};
/// Engines.
pub const ENGINE_UP: Metric = Metric {
    name: "portreeve.engine.up",
    kind: Kind::Gauge,
    unit: "{engine}",
    attributes: &[
        Attribute { key: "engine", values: "its id" },
        Attribute { key: "product", values: "`docker`, `podman`, …" },
    ],
    description: "1 where the container engine answers, else 0.",
};
/// Free space.
pub const STATE_FREE: Metric = Metric {
    name: "portreeve.state.free",
    kind: Kind::Gauge,
    unit: "By",
    attributes: &[],
    description: "Free space of the fullest volume that holds a state directory.",
};
/// Write-ahead logs.
pub const STATE_WAL: Metric = Metric {
    name: "portreeve.state.wal",
    kind: Kind::Gauge,
    unit: "By",
    attributes: &[],
    description: "Size of the write-ahead logs in the state directory that has the most of them.",
};
/// What Time Machine does.
pub const STATE_BACKUP: Metric = Metric {
    name: "portreeve.state.backup",
    kind: Kind::Gauge,
    unit: "{directory}",
    attributes: &[Attribute { key: "state", values: "`copies`, `excluded`, `unknown`" }],
    description: "State directories by what Time Machine does with them.",
};
/// What else copies.
pub const STATE_MIRRORS: Metric = Metric {
    name: "portreeve.state.mirrors",
    kind: Kind::Gauge,
    unit: "{mirror}",
    attributes: &[
        Attribute { key: "mirror", values: "`Syncthing`, `rsync`, …" },
        Attribute { key: "state", values: "`copies`, `excluded`, `unknown`" },
    ],
    description: "Sync clients and jobs that copy a state directory or would.",
};
/// Whether a backup runs.
pub const BACKUP_RUNNING: Metric = Metric {
    name: "portreeve.backup.running",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[],
    description: "1 while a Time Machine backup runs, else 0; no series where that cannot be seen.",
};
