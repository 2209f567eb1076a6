//! The gateway itself: what ends it, and what keeps it from working.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::GatewayTwoVersions,
        title: "more than one version of OpenClaw is in use",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "Two installs (Homebrew and npm, two users, a checkout) are used by units, processes and the search \
            path, or the running gateway is older than what its unit would start. The command line then migrates \
            state for a release that the gateway does not run, and `protocol mismatch` follows. A pending upgrade is \
            taken up at the next restart, wanted or not.",
        remedy: &[
            "keep one install, and remove the others",
            "restart the gateway at a time that suits, so that it runs what is installed",
            "check each unit's program with `portreeve units`",
        ],
        explains: &[],
        sources: &["docs/install/updating.md", "openclaw/openclaw#82841", "openclaw/openclaw#91569"],
    },
    Entry {
        code: Code::GatewayRestartStorm,
        title: "the gateway was started three times or more within ten minutes",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Clients see `gateway closed (1006)` again and again, each time with a healthy gateway a few seconds \
            later. The gateway crashes, is killed, or is started by more than one supervisor. After three starts \
            without a clean end its breaker keeps all channels off.",
        remedy: &[
            "read in the gateway's log how each run ended",
            "look for a second supervisor, a memory kill, a watchdog without patience for a start",
            "stop whatever restarts it until the cause is found",
        ],
        explains: &[Code::PortSilent, Code::GatewayNotReady, Code::Close1006],
        sources: &[
            "docs/gateway/troubleshooting.md", "docs/platforms/mac/bundled-gateway.md", "openclaw/openclaw#58306",
            "openclaw/openclaw#74281",
        ],
    },
    Entry {
        code: Code::GatewayOom,
        title: "the gateway was killed for want of memory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The process ends without a word in its own log: the engine says `OOMKilled`, macOS leaves a jetsam \
            record, Linux a line of the kernel. Clients see 1006, and the service manager starts it again into the \
            same load.",
        remedy: &[
            "raise the memory limit of the container or the node",
            "lower the load: fewer agents, fewer plugins, smaller sessions",
            "set Node's heap limit below the container's, so that it fails with a trace",
        ],
        explains: &[
            Code::GatewayRestartStorm, Code::GatewayBreaker, Code::UnitRelaunchLoop, Code::PortSilent,
            Code::Close1006,
        ],
        sources: &["docs/install/docker.md", "docs/gateway/troubleshooting.md"],
    },
    Entry {
        code: Code::GatewayBreaker,
        title: "everything is green and no channel runs: the crash-loop breaker has tripped",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Channels,
        why: "Three starts without a clean end within 300 s make the gateway start with all channels off: \
            `restart-loop breaker tripped`, `channel autostart suppressed by crash-loop breaker`. `/healthz`, \
            `/startupz` and `/readyz` are all 200; only `suppressed` in the body of `/readyz` tells. No message is \
            answered until a later start outside of the window.",
        remedy: &[
            "find what ended the last runs: the stability bundles under `logs/stability` of the state directory, and \
                the gateway's log",
            "mend it, then wait five minutes and restart the gateway once",
            "check with `openclaw channels status --probe`",
        ],
        explains: &[
            Code::GatewayRestartStorm, Code::GatewayNotReady, Code::ChannelFailing, Code::ChannelIngress,
            Code::Close1006,
        ],
        sources: &["docs/gateway/health.md", "docs/gateway/troubleshooting.md", "openclaw/openclaw#155927"],
    },
    Entry {
        code: Code::GatewayWedged,
        title: "the gateway's process is alive and does not work",
        severity: Severity::Error,
        symptom: true,
        layer: Layer::Transport,
        why: "A process is there, often owner of lock and lease, but listens nowhere or answers nothing: stopped by \
            SIGSTOP or a debugger, caught in a loop at 100 % CPU, or blocked in the kernel. Service manager and \
            `docker ps` say running. OpenClaw's own checks wait up to 75 s and exit 0.",
        remedy: &[
            "sample it before it is restarted: `sample <pid> 5`, on Linux `/proc/<pid>/wchan` and \
                `/proc/<pid>/stack`",
            "a stopped process goes on after `kill -CONT <pid>`",
            "else restart its unit; if it ignores SIGTERM, `kill -KILL <pid>`",
        ],
        explains: &[
            Code::PortSilent, Code::GatewayNotReady, Code::GatewayStalled, Code::TransportSlowChallenge,
            Code::ChannelFailing, Code::Close1006,
        ],
        sources: &[
            "docs/gateway/troubleshooting.md", "openclaw/openclaw#57115", "openclaw/openclaw#13002",
            "NVIDIA/NemoClaw#7377",
        ],
    },
];
