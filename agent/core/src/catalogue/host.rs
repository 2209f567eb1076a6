//! The machine, container engines, Compose files and the agent itself.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::HostOsChanged,
        title: "the node was changed, and has not been accepted since",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Node,
        why: "macOS, the hardware, OpenClaw or an engine is another than the one that was accepted. An upgrade resets \
            permissions, background items, sleep settings, Time Machine's exclusions and network extensions, and a copy \
            of a node must not go on as the old one. Until a full acceptance has passed nothing of the earlier verdict \
            can be relied upon. It survives reboots. On Linux another kernel counts as another macOS does.",
        remedy: &[
            "look at all of the node: `portreeve check --deep`",
            "accept it: `portreeve accept`, which the daemon runs by itself",
            "on other hardware: `portreeve accept --moved`, once the old node is retired",
        ],
        explains: &[],
        sources: &["softwareupdate(8)"],
    },
    Entry {
        code: Code::HostClock,
        title: "the clock is off",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Node,
        why: "Device signatures are refused beyond 120 s (`device signature expired`), tokens expire early, and logs \
            of two sides cannot be compared. Virtual machines of container engines drift after sleep.",
        remedy: &[
            "`sudo sntp -sS time.apple.com`, and switch automatic time on",
            "restart the container engine if its machine is off",
        ],
        explains: &[Code::DeviceClock],
        sources: &["sntp(1)", "openclaw/openclaw#24455", "openclaw/openclaw#116679"],
    },
    Entry {
        code: Code::HostSleep,
        title: "the Mac may sleep, or stays off after a power failure",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Node,
        why: "A sleeping gateway drops every client with 1006 and answers nothing until somebody wakes it.",
        remedy: &[
            "`sudo pmset -a sleep 0 disksleep 0 autorestart 1`",
        ],
        explains: &[Code::Close1006],
        sources: &["pmset(1)"],
    },
    Entry {
        code: Code::HostAutoUpdate,
        title: "macOS may restart by itself to install updates",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Node,
        why: "The restart comes at a time of Apple's choosing, and without automatic login the gateway stays down.",
        remedy: &[
            "install updates in a maintenance window, by device management",
        ],
        explains: &[],
        sources: &["softwareupdate(8)"],
    },
    Entry {
        code: Code::EngineSilent,
        title: "a container engine that is needed does not answer",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Node,
        why: "Its socket is there and nobody answers: the virtual machine is down or hangs. Containers are then \
            neither running nor known to be stopped.",
        remedy: &[
            "restart the engine, then check again",
        ],
        explains: &[Code::PortSilent, Code::Close1006],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::EngineAtLogin,
        title: "the container engine starts only after a login at the screen",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Node,
        why: "After a reboot of a headless node no container runs until somebody logs in.",
        remedy: &[
            "use an engine that runs as a LaunchDaemon, or automatic login",
        ],
        explains: &[],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::IngressSplit,
        title: "web hooks arrive at another gateway than the one that owns the port",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Messages are accepted and answered by nobody: the tunnel or the proxy still ends at the old gateway.",
        remedy: &[
            "point the ingress to the gateway that owns the port",
        ],
        explains: &[],
        sources: &["docs/gateway/remote.md"],
    },
    Entry {
        code: Code::IngressFailing,
        title: "the ingress answers 5xx while the gateway is ready",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The way in is broken, not the gateway: a 502 of the proxy is not a 1008 of the gateway.",
        remedy: &[
            "look at the proxy's or tunnel's own log and target",
        ],
        explains: &[],
        sources: &["docs/gateway/remote.md"],
    },
    Entry {
        code: Code::ComposeHealthBlind,
        title: "a health check proves less than others rely on",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "`/healthz` says that a process listens. Services that wait for `service_healthy` then start against a \
            gateway that is not ready, or whose channels are off.",
        remedy: &[
            "check `/startupz` for the order of starts, `/readyz` for readiness",
        ],
        explains: &[],
        sources: &["docs/gateway/health.md", "docs/install/docker.md"],
    },
    Entry {
        code: Code::ComposeLivenessHarsh,
        title: "a liveness check kills the gateway before it can be up",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "Interval times retries is shorter than a start takes, above all the first one or one with large \
            databases. The gateway is killed in the middle of it, and starts again.",
        remedy: &[
            "give it a start period of five minutes",
        ],
        explains: &[],
        sources: &["docs/install/docker.md", "openclaw/openclaw#74281"],
    },
    Entry {
        code: Code::AgentBlind,
        title: "something could not be seen",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Node,
        why: "A permission, a timeout or a missing tool kept the agent from looking. What was not seen is not taken \
            for good: where readiness depends on it the verdict is `unknown`.",
        remedy: &[
            "run as root, or grant what the finding names",
            "on a managed Mac: a profile that grants Full Disk Access to the agent",
        ],
        explains: &[],
        sources: &["docs/platforms/mac/permissions.md"],
    },
    Entry {
        code: Code::AgentBacklog,
        title: "reports wait to be delivered",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Node,
        why: "The endpoint could not be reached for more than an hour. Nothing is lost: reports wait on disk.",
        remedy: &[
            "see the endpoint's last error in `portreeve status`",
        ],
        explains: &[],
        sources: &[],
    },
];
