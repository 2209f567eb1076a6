//! Who owns the port: units and processes.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::PortSilent,
        title: "nothing listens on the gateway's configured port",
        severity: Severity::Error,
        symptom: true,
        layer: Layer::Transport,
        why: "Every client fails with `ECONNREFUSED` or `gateway closed (1006 abnormal closure (no close frame))`. \
            The gateway is not running, or listens elsewhere. Its process ended, its unit was never loaded, or the \
            port was changed after the start. By itself this is a symptom: look at the unit's last exit and at the \
            gateway's log.",
        remedy: &[
            "bring up the unit that should run it: `launchctl kickstart -k gui/<uid>/<label>`, or `systemctl --user \
                restart <unit>`",
            "if it does not stay up, read the last exit (`launchctl print gui/<uid>/<label>`) and the last lines of \
                the gateway's log",
            "without a unit: `openclaw gateway install`",
        ],
        explains: &[Code::GatewayNotReady, Code::Close1006],
        sources: &[
            "docs/gateway/gateway-lock.md", "docs/gateway/troubleshooting.md", "launchctl(1)",
            "openclaw/openclaw#101219", "openclaw/openclaw#40905",
        ],
    },
    Entry {
        code: Code::PortContended,
        title: "two or more owners are set up for one port",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Only one of them can bind. The other one retries for ten seconds and ends with `another gateway \
            instance is already listening on ws://127.0.0.1:18789`, or, if a service manager starts it, kills the \
            one that listens. Whichever wins the race answers the clients of both, so that clients of the other meet \
            a foreign token and foreign devices. Two state directories never exclude each other: only the port does.",
        remedy: &[
            "decide which gateway keeps the port",
            "retire the other's unit (`launchctl disable`, then `launchctl bootout`; `systemctl --user disable \
                --now`)",
            "or give it a port of its own, at least 120 away: `openclaw config set gateway.port <port>`",
        ],
        explains: &[
            Code::PortSilent, Code::PortOrphan, Code::UnitRelaunchLoop, Code::UnitSuccessElsewhere,
            Code::UnitParked, Code::UnitExitConfig, Code::GatewayRestartStorm, Code::GatewayNotReady,
            Code::UrlWrongPort, Code::TokenSplit, Code::TokenStaleProcess, Code::DeviceTokenStale,
            Code::ProtocolMismatch, Code::TokenStorm, Code::Close1006, Code::GatewayWedged,
        ],
        sources: &[
            "docs/gateway/gateway-lock.md", "docs/gateway/multiple-gateways.md", "openclaw/openclaw#89791",
            "openclaw/openclaw#67631", "openclaw/openclaw#111372",
        ],
    },
    Entry {
        code: Code::PortForeign,
        title: "a program that is no OpenClaw gateway listens on the gateway's port",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The gateway cannot bind (`EADDRINUSE`, `Port 18789 is already in use.`), and clients talk to a program \
            that does not know them. Typical owners are an SSH tunnel, the port proxy of a virtual machine, or a \
            second web server. It is told by executable, arguments and answer: the kernel calls a gateway `node`, so \
            that the short name proves nothing.",
        remedy: &[
            "decide which of the two keeps the port",
            "stop the other program, or move the gateway: `openclaw config set gateway.port <port>`",
            "a tunnel to a remote gateway belongs on a port of its own",
        ],
        explains: &[
            Code::PortContended, Code::PortSilent, Code::UnitRelaunchLoop, Code::UnitParked, Code::UnitExitConfig,
            Code::GatewayRestartStorm, Code::GatewayNotReady, Code::UrlWrongPort, Code::TokenSplit,
            Code::TokenStaleProcess, Code::ProtocolMismatch, Code::TransportSlowChallenge, Code::Close1006,
            Code::GatewayWedged,
        ],
        sources: &[
            "docs/gateway/troubleshooting.md", "lsof(8)", "openclaw/openclaw#15371", "openclaw/openclaw#70664",
        ],
    },
    Entry {
        code: Code::PortOrphan,
        title: "the gateway on the port belongs to no unit, while a unit should own it",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "A process that outlived its registration, or one started by hand, holds the port. `openclaw gateway \
            status` then says `Runtime: stopped` or `not loaded` together with `RPC probe: ok`. It keeps the unit's \
            own gateway from starting, is not restarted when it dies, and may run an old version with an old token.",
        remedy: &[
            "stop the process that no unit owns: `kill <pid>`",
            "then bring up the unit: `launchctl kickstart -k gui/<uid>/<label>`, after `launchctl bootstrap` where \
                it is not loaded",
        ],
        explains: &[
            Code::UnitRelaunchLoop, Code::UnitSuccessElsewhere, Code::UnitParked, Code::UnitExitConfig,
            Code::TokenStaleProcess,
        ],
        sources: &[
            "docs/gateway/troubleshooting.md", "openclaw/openclaw#21073", "openclaw/openclaw#67335",
            "openclaw/openclaw#21995",
        ],
    },
    Entry {
        code: Code::UnitDuplicate,
        title: "one gateway is installed by more than one unit",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The same state directory, label or port is served by a LaunchDaemon and a LaunchAgent, by a present \
            and a legacy label, or twice. Each start meets the other's process: restarts every few seconds, dropped \
            clients, or a job that switches itself off. Newer installers refuse to add a LaunchAgent over a \
            LaunchDaemon of the same label; older ones did not.",
        remedy: &[
            "keep one: a LaunchDaemon starts without a login, a LaunchAgent needs one",
            "retire the others: `launchctl disable <domain>/<label>`, then `launchctl bootout <domain>/<label>`, and \
                move their property lists away",
            "to keep a LaunchDaemon, set `OPENCLAW_SERVICE_REPAIR_POLICY=external` for the command line",
        ],
        explains: &[
            Code::PortContended, Code::PortOrphan, Code::PortSilent, Code::UnitRelaunchLoop, Code::UnitPortWar,
            Code::UnitSelfDisabled, Code::UnitSuccessElsewhere, Code::UnitParked, Code::UnitExitConfig,
            Code::GatewayRestartStorm, Code::GatewayBreaker, Code::StateShared, Code::Close1006,
        ],
        sources: &[
            "docs/gateway/troubleshooting.md", "launchd.plist(5)", "openclaw/openclaw#97178",
            "openclaw/openclaw#97296", "openclaw/openclaw#67631",
        ],
    },
    Entry {
        code: Code::UnitRelaunchLoop,
        title: "the service manager starts the gateway over and over",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`gateway already running under launchd; existing gateway is healthy, leaving it in control` stands in \
            the log every 10 to 14 s. The new process finds a healthy gateway of another owner and exits; \
            `KeepAlive` true takes any exit as a reason to start again. Or the gateway becomes ready and gets \
            SIGTERM within seconds, each time. Either way two supervisors are at work.",
        remedy: &[
            "find the two: the process on the port, and the unit that is restarted",
            "keep one supervisor, and stop or retire the other",
            "set `KeepAlive` to a dictionary with `SuccessfulExit` false, so that leaving to another is final",
        ],
        explains: &[Code::GatewayRestartStorm, Code::GatewayBreaker, Code::PortSilent, Code::Close1006],
        sources: &[
            "docs/gateway/gateway-lock.md", "launchd.plist(5)", "openclaw/openclaw#82250",
            "openclaw/openclaw#89867", "openclaw/openclaw#89784", "openclaw/openclaw#144094",
        ],
    },
    Entry {
        code: Code::UnitPortWar,
        title: "two supervised gateways kill each other over one port",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "A gateway that a service manager starts, and whose state holds no lease, kills every gateway on its \
            port before it binds: `killing 1 stale gateway process(es) before restart: <pid>`, `service-mode: \
            cleared 1 stale gateway pid(s) before bind on port 18789`. The other's service manager starts that one \
            again, which kills in turn. Neither lives longer than some 20 s, and every client is dropped each time.",
        remedy: &[
            "decide which gateway keeps the port",
            "retire the other's unit, or give that gateway a port of its own",
            "check that no unit of an earlier user, profile or release is left",
        ],
        explains: &[
            Code::PortContended, Code::PortSilent, Code::PortOrphan, Code::UnitRelaunchLoop,
            Code::UnitSuccessElsewhere, Code::UnitParked, Code::UnitExitConfig, Code::GatewayRestartStorm,
            Code::GatewayBreaker, Code::GatewayNotReady, Code::TokenSplit, Code::TokenStaleProcess,
            Code::TokenStorm, Code::Close1006, Code::GatewayWedged,
        ],
        sources: &[
            "docs/gateway/gateway-lock.md", "docs/gateway/multiple-gateways.md", "openclaw/openclaw#111372",
            "openclaw/openclaw#58306",
        ],
    },
    Entry {
        code: Code::UnitSelfDisabled,
        title: "the gateway switched its own job off after a clash over its state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "A gateway that finds its state directory taken says `gateway requires state migration; parked the \
            managed LaunchAgent`, runs `launchctl disable` and `bootout` on itself and exits 78. The text hides the \
            cause: another process owned `gateway-lifecycle`. The override outlives a reboot, so that the gateway \
            stays off until somebody enables it.",
        remedy: &[
            "find the other owner of the state directory and stop it: a second unit, a gateway in a terminal, \
                `openclaw doctor --fix`",
            "`launchctl enable gui/<uid>/<label>`",
            "`launchctl bootstrap gui/<uid> <property list>`",
        ],
        explains: &[Code::UnitUnloaded, Code::UnitExitConfig, Code::PortSilent, Code::PortOrphan, Code::Close1006],
        sources: &[
            "docs/gateway/gateway-lock.md", "launchctl(1)", "openclaw/openclaw#40905", "openclaw/openclaw#25199",
        ],
    },
    Entry {
        code: Code::UnitSuccessElsewhere,
        title: "the job ended with success because another gateway was healthy on its port",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Under launchd a gateway that finds a healthy one on its port leaves with exit 0: `existing gateway is \
            healthy, leaving it in control`. The unit then looks as if it had done its work, and runs nothing. If \
            the other process ends, nobody starts the gateway again. Success of this unit is not readiness of this \
            unit.",
        remedy: &[
            "decide who owns the port",
            "to let the unit own it: stop the other process, then start the unit",
            "to keep the other: retire the unit",
        ],
        explains: &[],
        sources: &["docs/gateway/gateway-lock.md", "openclaw/openclaw#82250", "openclaw/openclaw#89784"],
    },
    Entry {
        code: Code::UnitKeepaliveBlind,
        title: "the unit restarts on any exit, and nothing ties success to readiness",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "The definition that OpenClaw writes has `KeepAlive` true (systemd: `Restart=always`). Every exit is \
            then alike: a clean stop, a gateway that left to another one, one that refused its configuration. A job \
            that is restarted for ever looks running and may never be ready.",
        remedy: &[
            "start the gateway through a supervisor that ends with 0 only if the gateway had been ready",
            "set `KeepAlive` to a dictionary with `SuccessfulExit` false (systemd: `Restart=on-failure`)",
            "use a label of your own: `openclaw gateway restart` writes its own definition anew",
        ],
        explains: &[],
        sources: &["launchd.plist(5)", "docs/gateway/index.md", "openclaw/openclaw#82250", "openclaw/openclaw#84363"],
    },
    Entry {
        code: Code::UnitThrottleShort,
        title: "launchd may restart the gateway faster than it lets go of its port",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "Older installers wrote `ThrottleInterval` 1. A dying gateway holds its port and its locks for some \
            seconds; the next one starts meanwhile, fails, and is started again. Thirty processes within minutes and \
            databases opened by two of them have been seen.",
        remedy: &[
            "`openclaw gateway install --force` writes the present definition with `ThrottleInterval` 10",
            "or set it to 10 or more, then `launchctl bootout` and `bootstrap`",
        ],
        explains: &[],
        sources: &["launchd.plist(5)", "openclaw/openclaw#58306", "Martian-Engineering/lossless-claw#287"],
    },
    Entry {
        code: Code::UnitUnloaded,
        title: "the unit is installed and not loaded, or switched off",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`Gateway service not loaded`, and `launchctl list` does not show the label. `bootout` takes a job out \
            of launchd; when the following `bootstrap` fails (`Bootstrap failed: 5: Input/output error`), or an \
            update is cut short, nothing brings it back. A label that was disabled stays so across reboots.",
        remedy: &[
            "`launchctl enable <domain>/<label>` where it is switched off",
            "`launchctl bootstrap <domain> <property list>`",
            "Linux: `systemctl --user enable --now <unit>`",
        ],
        explains: &[Code::PortSilent, Code::PortOrphan, Code::Close1006],
        sources: &[
            "launchctl(1)", "docs/gateway/troubleshooting.md", "openclaw/openclaw#40905",
            "openclaw/openclaw#133647", "openclaw/openclaw#26435",
        ],
    },
    Entry {
        code: Code::UnitParked,
        title: "launchd has ceased to start a job that it should keep alive",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "After a burst of crashes, or with an old process that ignored SIGTERM, launchd shows `state = not \
            running` or `spawn scheduled` for ever in spite of `KeepAlive`. Nothing listens, nothing is logged, and \
            nothing happens until somebody starts the job.",
        remedy: &[
            "`launchctl kickstart -k <domain>/<label>`",
            "then find what crashed before: the unit's last exit and the gateway's log",
        ],
        explains: &[Code::PortSilent, Code::Close1006],
        sources: &["docs/gateway/troubleshooting.md", "launchctl(1)", "openclaw/openclaw#13002"],
    },
    Entry {
        code: Code::UnitBackgroundOff,
        title: "the system does not let the unit run in the background",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Background task management keeps a switch for each background item (`enabled, disallowed`). With the \
            switch off launchd does not start the job, although its definition is in order and `launchctl \
            print-disabled` says enabled. One click in Login Items does it.",
        remedy: &[
            "allow it under System Settings, General, Login Items & Extensions",
            "on a managed node: a configuration profile with a Service Management payload for the label",
            "then `launchctl bootstrap <domain> <property list>`",
        ],
        explains: &[Code::UnitUnloaded, Code::UnitParked, Code::PortSilent, Code::Close1006],
        sources: &["sfltool(1)", "docs/platforms/mac/bundled-gateway.md"],
    },
    Entry {
        code: Code::UnitOffBootVolume,
        title: "the unit depends on another volume than the boot volume, or on a symbolic link",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "launchd refuses a property list on another volume (`Bootstrap failed: 5: Input/output error`) and \
            cannot open a log or run a wrapper on a volume that is not mounted yet or that it may not enter: `last \
            exit code = 78 (EX_CONFIG)`, `posix_spawn(…), Permission denied`. At boot it starts before external \
            volumes are there.",
        remedy: &[
            "put definition, program, wrapper and log on the boot volume, at paths without symbolic links",
            "then `launchctl bootout` and `bootstrap` the unit",
        ],
        explains: &[
            Code::UnitProgramMissing, Code::UnitUnloaded, Code::UnitParked, Code::UnitExitConfig, Code::PortSilent,
            Code::Close1006,
        ],
        sources: &[
            "launchd.plist(5)", "openclaw/openclaw#60398", "openclaw/openclaw#40207", "openclaw/openclaw#87199",
        ],
    },
    Entry {
        code: Code::UnitEnvNotInherited,
        title: "the secret is exported in a shell profile, which no service manager reads",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Auth,
        why: "`Gateway auth is set to token, but no token is configured.` in a restart loop, while the same command \
            works in a terminal. launchd and systemd do not run a login shell: what `.zshrc` or `.profile` exports \
            is not there for a service. A client then says `unauthorized: gateway token missing`.",
        remedy: &[
            "put the value where the gateway reads it: `gateway.auth.token` in its configuration, or `.env` in its \
                state directory",
            "remove it from the shell profile, so that there is one source",
            "restart the unit",
        ],
        explains: &[
            Code::TokenMissing, Code::TokenRuntimeOnly, Code::TokenSplit, Code::UnitExitConfig, Code::UnitParked,
            Code::PortSilent,
        ],
        sources: &[
            "docs/gateway/troubleshooting.md", "launchd.plist(5)", "openclaw/openclaw#13692", "nexu-io/nexu#694",
        ],
    },
    Entry {
        code: Code::UnitGuiOnly,
        title: "the gateway starts only after a login at the screen, and nobody logs in",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "A LaunchAgent belongs to `gui/<uid>`, a domain that exists only while its user is logged in at the \
            screen: `Could not find domain for user gui: 501`, `Bootstrap failed: 125: Domain does not support \
            specified action`. On a rented Mac without automatic login, or with FileVault on, a reboot leaves the \
            gateway down until somebody comes.",
        remedy: &[
            "run the gateway from a LaunchDaemon with `UserName` set to its user",
            "or let that user be logged in automatically, with FileVault off",
            "check with a reboot in a maintenance window",
        ],
        explains: &[Code::UnitUnloaded, Code::PortSilent, Code::Close1006],
        sources: &[
            "launchd.plist(5)", "launchctl(1)", "openclaw/openclaw#5846", "openclaw/openclaw#46466",
            "openclaw/openclaw#13795",
        ],
    },
    Entry {
        code: Code::UnitProgramMissing,
        title: "the unit's program is absent or cannot be executed",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The definition names a fixed path of `node`, of the package or of a wrapper. An upgrade of Node, \
            another package manager or an unmounted volume moves it away. The process that runs goes on; the next \
            start fails, often weeks later at a reboot. Or it names `node` alone, by `env` or in a wrapper, which \
            works in a terminal: launchd looks in `/usr/bin:/bin:/usr/sbin:/sbin` only, and each run ends with 127 \
            (not found) or 126 (not executable).",
        remedy: &[
            "`openclaw gateway install --force` writes the paths of today",
            "or mend the path in the definition, or its `PATH`, and load it again",
        ],
        explains: &[
            Code::UnitParked, Code::UnitExitConfig, Code::UnitUnloaded, Code::GatewayRestartStorm, Code::PortSilent,
            Code::Close1006,
        ],
        sources: &["launchd.plist(5)", "env(1)", "docs/gateway/troubleshooting.md", "openclaw/openclaw#40207"],
    },
    Entry {
        code: Code::UnitExitConfig,
        title: "the gateway ended with status 78: it refuses to start as things are",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "OpenClaw ends with 78 (`EX_CONFIG`) when a restart is of no use: configuration missing or invalid, \
            `gateway.mode` not `local`, an unsafe bind without auth, a state directory in use or in need of \
            migration, a broken environment file. systemd then leaves it alone; launchd ignores the status and \
            starts it again. The text of the log may hide the cause, as in `gateway requires state migration`.",
        remedy: &[
            "read the reason that the gateway's log gives",
            "mend what it names",
            "start the unit again: `launchctl kickstart -k <domain>/<label>`",
        ],
        explains: &[Code::UnitParked, Code::GatewayRestartStorm, Code::PortSilent, Code::Close1006],
        sources: &[
            "docs/gateway/index.md", "docs/gateway/gateway-lock.md", "sysexits(3)", "openclaw/openclaw#89867",
            "openclaw/openclaw#40207",
        ],
    },
    Entry {
        code: Code::UnitWrongPort,
        title: "the unit passes another port than the configuration says",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`--port` of the unit, else its `OPENCLAW_GATEWAY_PORT`, beats `gateway.port` of the configuration for \
            the gateway, while clients read the configuration. The gateway is healthy on the old port, and every \
            client gets `ECONNREFUSED` on the new one.",
        remedy: &[
            "`openclaw gateway install --force` writes the definition from the configuration",
            "or set `gateway.port` back to what the unit passes",
        ],
        explains: &[Code::UrlWrongPort, Code::PortSilent, Code::Close1006],
        sources: &["docs/gateway/configuration.md", "openclaw/openclaw#133503"],
    },
];
