//! The way from a client to its gateway, and the configuration that decides it.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::UrlLoopbackInNamespace,
        title: "a client in another network namespace looks for the gateway on its own loopback",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`127.0.0.1` in a container is the container itself. The client gets `ECONNREFUSED` and 1006 while the \
            gateway is healthy on the host or in the next container, and every probe from the host is green. A line \
            of `extra_hosts` makes any name lead there, even that of the gateway's service: a hosts file counts \
            before the names of networks. A container that shares the gateway's namespace keeps that of the gateway's \
            last start when only the gateway is started again.",
        remedy: &[
            "use the gateway's service name in the client's URL",
            "or let the client share the gateway's namespace: `network_mode: \"service:<gateway>\"`",
        ],
        explains: &[Code::UrlWrongPort, Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/install/docker.md", "openclaw/openclaw#55067", "openclaw/openclaw#27950"],
    },
    Entry {
        code: Code::UrlUnresolvable,
        title: "the host of a client's URL does not resolve where the client runs",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`ENOTFOUND` or `EAI_AGAIN` before any connection. A service name exists only on networks that both \
            sides share; a typing mistake looks the same.",
        remedy: &[
            "compare the name with those that resolve in the client's namespace",
            "attach the client to the gateway's network",
        ],
        explains: &[Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::UrlNoSharedNetwork,
        title: "client and gateway containers have no network in common",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Names do not resolve and addresses have no route between them. Compose puts services of two projects \
            on two networks.",
        remedy: &[
            "attach both to one network: `docker network connect <network> <container>`, and write it into the \
                Compose file",
        ],
        explains: &[Code::UrlUnresolvable, Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::UrlWrongPort,
        title: "a client connects to a port where no gateway listens",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The client gets `ECONNREFUSED`, or the answer of another program; its gateway is healthy, on another \
            port or behind a tunnel whose other end is gone. Published and inner port of a container are mixed up; a \
            container goes over `host.docker.internal` to a port that is published on 127.0.0.1 of a Linux host, where \
            that name stands for another of the host's addresses; or `gateway.port` was changed under a running \
            gateway: it restarts within its process, keeps the port of its first start, and says nothing, while the \
            command line reads the new one.",
        remedy: &[
            "use the port on which the gateway listens",
            "after a change of `gateway.port` end the gateway's process and start it anew: a restart within the \
                process keeps the old port",
            "in a container the inner port stays 18789; only the published one differs",
            "from another container use the gateway's service name and its inner port, and not the host",
        ],
        explains: &[Code::PortSilent, Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/gateway/configuration.md", "docs/install/docker.md", "openclaw/openclaw#133503"],
    },
    Entry {
        code: Code::UrlWrongScheme,
        title: "a client speaks TLS where the gateway does not, or the other way round",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The connection breaks before any answer: `wrong version number`, `socket hang up`, or 1006. TLS ends \
            either at the gateway (`gateway.tls.enabled`) or at a proxy before it, never at both and never at none.",
        remedy: &[
            "write `ws://` for a gateway without TLS, `wss://` for one with it",
            "behind a proxy that ends TLS: `wss://` to the proxy, `ws://` from the proxy to the gateway",
        ],
        explains: &[Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/gateway/security/network-exposure.md", "docs/gateway/remote.md"],
    },
    Entry {
        code: Code::UrlPlaintextRefused,
        title: "the client refuses to send its secret unencrypted",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Before it connects, the client refuses `ws://` to a host that is neither loopback nor private: the \
            token would cross the network in the clear. The gateway sees nothing of it.",
        remedy: &[
            "use `wss://`, a tunnel to loopback, or the gateway's own network namespace",
            "for a private DNS name on a network that is trusted as a whole: `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1` \
                in the client's environment",
        ],
        explains: &[Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/gateway/remote.md", "docs/gateway/security/network-exposure.md"],
    },
    Entry {
        code: Code::UrlMixed,
        title: "one project mixes two ways to reach the gateway",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "A service shares the gateway's namespace and has a bridge URL as well, or uses a socket here and TCP \
            there. One of the two works, and which one depends on the side that starts first.",
        remedy: &[
            "choose one way and remove the other",
        ],
        explains: &[],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::BindLoopback,
        title: "the gateway listens on loopback only, and clients come from elsewhere",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The published port accepts a connection and resets it at once (`empty reply`), while the health check \
            inside the container is green: the gateway binds 127.0.0.1 of its container, and published ports reach \
            another interface.",
        remedy: &[
            "in a container bind `lan`, with auth, and publish on 127.0.0.1 of the host",
            "or let the clients share the gateway's namespace",
        ],
        explains: &[Code::TransportFlaky, Code::PairingUnapproved, Code::Close1006],
        sources: &[
            "docs/install/docker.md", "openclaw/openclaw#27950", "openclaw/openclaw#46462",
            "openclaw/openclaw#61779",
        ],
    },
    Entry {
        code: Code::BindExposed,
        title: "the gateway listens beyond its node",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "Whoever reaches the address may try to connect. With a strong token it is an exposure; without auth, \
            with a weak token or a placeholder, it is open. Clients that come from outside are remote: their devices \
            need approval, and the control page needs `allowedOrigins`.",
        remedy: &[
            "bind loopback: `openclaw config set gateway.bind loopback`, and reach it through a tunnel or a proxy \
                with TLS",
            "in a container publish on 127.0.0.1: `127.0.0.1:18789:18789`",
            "if it must be reachable: a token of 24 characters or more, and a firewall",
        ],
        explains: &[],
        sources: &["docs/gateway/security/network-exposure.md", "docs/gateway/configuration.md"],
    },
    Entry {
        code: Code::TransportFlaky,
        title: "fewer than 97 of 100 connections succeed",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Single checks are green or red by chance: `status --deep` says ok and `status --all` says unreachable \
            a second later. What failed (name, refusal, reset, timeout) tells where to look.",
        remedy: &[
            "look at what failed most often, and at what happened on the gateway at those times",
            "repeat the measurement from the client's namespace",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/gateway/troubleshooting.md", "openclaw/openclaw#62762", "openclaw/openclaw#98753"],
    },
    Entry {
        code: Code::TransportSlowChallenge,
        title: "the gateway is slow to shake hands",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "After the upgrade the gateway sends `connect.challenge` at once when it is well. If its event loop is \
            busy, clients give up before it comes: `gateway closed (1000 normal closure): no close reason` on their \
            side, `handshake timeout` and `closed before connect` in the gateway's log.",
        remedy: &[
            "look at the event loop in `/readyz`, and at the load of the node",
            "find slow locks or a backup that runs",
            "as a stopgap raise `OPENCLAW_HANDSHAKE_TIMEOUT_MS` on both sides",
        ],
        explains: &[Code::TransportFlaky, Code::Close1006],
        sources: &[
            "docs/gateway/protocol/handshake.md", "openclaw/openclaw#46892", "openclaw/openclaw#49726",
            "openclaw/openclaw#45560",
        ],
    },
    Entry {
        code: Code::SocketMissing,
        title: "a configured Unix socket does not exist where the client runs",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The path is right on the host and absent in the client's mount namespace.",
        remedy: &[
            "bind the socket's folder into both sides at the same path",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::SocketDenied,
        title: "a Unix socket is there, and its mode or owner keeps the client out",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "`EACCES` on connect: the client's user is neither owner nor in the group of the socket.",
        remedy: &[
            "align user and group of both sides, or the socket's group",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/install/docker.md", "unix(7)"],
    },
    Entry {
        code: Code::ProxyNoUpgrade,
        title: "the proxy drops the WebSocket upgrade",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Direct connections work; through the proxy the upgrade is answered with 400, 426 or 502, or with the \
            control page. The proxy speaks HTTP/1.0 to the gateway or does not pass `Upgrade` and `Connection`.",
        remedy: &[
            "let the proxy use HTTP/1.1 and pass `Upgrade` and `Connection`",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/gateway/remote.md", "docs/gateway/trusted-proxy-auth.md"],
    },
    Entry {
        code: Code::ProxyIdleCut,
        title: "the proxy cuts idle connections sooner than the gateway speaks",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "The gateway pings every 25 s whom it has let in. A proxy with a shorter read timeout drops the connection in between, and \
            the client sees 1006 at regular intervals.",
        remedy: &[
            "set the proxy's read timeout well above 25 s, better to an hour",
        ],
        explains: &[Code::TransportFlaky, Code::Close1006],
        sources: &["docs/gateway/remote.md", "openclaw/openclaw#16937"],
    },
    Entry {
        code: Code::ProxyBuffering,
        title: "the proxy holds back the first frame",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "The upgrade is answered at once and the challenge arrives late, in one piece with what follows.",
        remedy: &[
            "switch response buffering off for the gateway's location",
        ],
        explains: &[Code::TransportSlowChallenge],
        sources: &["docs/gateway/remote.md"],
    },
    Entry {
        code: Code::ProxyUntrusted,
        title: "forwarded requests come from a proxy that the gateway does not trust",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "With forwarding headers from an address outside `gateway.trustedProxies` everything but `/healthz` is \
            answered with 403 `proxy_attribution_required`, the upgrade too; the log says so once per run (`observed \
            unattributable proxy-shaped traffic from <ip>`). A trusted proxy makes every client remote, so that \
            devices need approval.",
        remedy: &[
            "let the proxy keep one address, and add that to `gateway.trustedProxies`, as the engine states it; with the whole subnet of a container network, clients from a published port count as proxies and are refused",
            "let the proxy send `X-Forwarded-For`; without it `Forwarded` and `X-Forwarded-Proto` name no client, and `X-Real-IP` only with `gateway.allowRealIpFallback`",
        ],
        explains: &[Code::GatewayNotReady, Code::PairingPending, Code::PairingUnapproved, Code::Close1006],
        sources: &["docs/gateway/trusted-proxy-auth.md", "docs/gateway/security/network-exposure.md"],
    },
    Entry {
        code: Code::ProxyTls,
        title: "the certificate before the gateway is not good",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Transport,
        why: "Expired or soon to expire, issued for another name, or sent without its chain. Browsers and clients \
            refuse it, each with words of its own. One that signs itself is taken by clients only that have its SHA-256 \
            as `gateway.remote.tlsFingerprint`, and those take no other, not even its successor.",
        remedy: &[
            "renew it, for the name that clients use, with its full chain",
            "or pin it: `gateway.remote.tlsFingerprint` of each client, anew after each renewal",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/gateway/remote.md"],
    },
    Entry {
        code: Code::ConfigInvalid,
        title: "the configuration does not parse, or the gateway refuses it",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "A running gateway keeps the last good revision and logs `config reload skipped (invalid config)`; the \
            next start ends with status 78, and its text may blame something else: `Gateway start blocked: existing \
            config is missing gateway.mode`. Port and token then fall back to what is not in the file, so that every \
            tool that reads it looks in the wrong place.",
        remedy: &[
            "mend the line and column named",
            "check with `openclaw config get gateway.mode`, which must say `local`",
            "`openclaw.json.last-good` beside it holds the last revision that was accepted",
        ],
        explains: &[
            Code::PortSilent, Code::UrlWrongPort, Code::UnitWrongPort, Code::UnitExitConfig, Code::UnitParked,
            Code::UnitRelaunchLoop, Code::GatewayRestartStorm, Code::GatewayNotReady, Code::ConfigUnapplied,
            Code::TokenMissing, Code::TokenSplit, Code::TokenStaleProcess, Code::AuthRemoteOnly,
            Code::TokenRuntimeOnly, Code::Close1006, Code::PortContended,
        ],
        sources: &["docs/gateway/configuration.md", "docs/gateway/troubleshooting.md"],
    },
    Entry {
        code: Code::ConfigRolledBack,
        title: "a start put the last good copy back over the configuration",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "OpenClaw writes a `meta` block into its file. A template that overwrites the file without it looks \
            like damage: the next start restores the last good copy, keeps the template as \
            `openclaw.json.clobbered.<time>` and logs `Config auto-restored from backup:`. Port and token are then \
            the old ones, and nothing fails until a client uses the new ones.",
        remedy: &[
            "compare the `.clobbered.` copy with the file in force",
            "set values through `openclaw config set`, or let the template keep the `meta` block",
            "restart the gateway",
        ],
        explains: &[
            Code::TokenSplit, Code::TokenStaleProcess, Code::UrlWrongPort, Code::UnitWrongPort, Code::PortSilent,
            Code::ConfigUnapplied, Code::PortContended,
        ],
        sources: &["docs/gateway/configuration.md"],
    },
    Entry {
        code: Code::ConfigUnapplied,
        title: "the running gateway uses another revision than the file holds",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "With `gateway.reload.mode` off, or for keys that need a restart, a change stays in the file: `config \
            change requires gateway restart`. What `openclaw config get` shows is not what the gateway does, and the \
            change takes effect at the next restart, whenever that is.",
        remedy: &[
            "restart the gateway at a time that suits",
            "or take the change back",
        ],
        explains: &[],
        sources: &["docs/gateway/configuration.md", "openclaw/openclaw#17861", "openclaw/openclaw#24523"],
    },
    Entry {
        code: Code::GatewayStarting,
        title: "the gateway is starting",
        severity: Severity::Information,
        symptom: true,
        layer: Layer::Transport,
        why: "From process to listener it takes some 6 s, to ready some 9 s; large databases and slow disks stretch \
            that to minutes. Until then nothing listens, or `/startupz` answers 503 `starting` and `connect` is \
            closed with 1013. It is no fault before the budget of the policy is spent; a watchdog that restarts it \
            meanwhile keeps it from ever finishing.",
        remedy: &[
            "wait, and check again",
            "if it takes longer than the budget, read the gateway's log for what it waits for",
        ],
        explains: &[
            Code::PortSilent, Code::GatewayNotReady, Code::GatewayStalled, Code::TransportSlowChallenge,
            Code::ChannelFailing, Code::Close1006,
        ],
        sources: &["docs/gateway/health.md", "openclaw/openclaw#74281", "openclaw/openclaw#150762"],
    },
    Entry {
        code: Code::GatewayNotReady,
        title: "the gateway answers and says that it is not ready",
        severity: Severity::Error,
        symptom: true,
        layer: Layer::Transport,
        why: "`/readyz` is 503, with what fails in `failing`: a start that does not finish, a database that is not \
            admitted, a plugin that reloads, a channel. `/healthz` stays 200 all the while, which is why a health \
            check that asks it proves nothing.",
        remedy: &[
            "take up each item of `failing`",
            "read the gateway's log since its start",
        ],
        explains: &[Code::Close1006],
        sources: &["docs/gateway/health.md", "openclaw/openclaw#114269", "NoDeskAI/nodeskclaw#56"],
    },
    Entry {
        code: Code::GatewayDraining,
        title: "the gateway drains before a stop or a restart",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Transport,
        why: "It finishes work, admits nothing new and closes with 1012 `service restart`, gives up its port and ends \
            within seconds. Clients come back by themselves once it is back.",
        remedy: &[
            "wait until it is back, then check again; if it was to stop, nothing listens afterwards",
        ],
        explains: &[
            Code::PortSilent, Code::GatewayNotReady, Code::TransportSlowChallenge, Code::ChannelFailing,
            Code::Close1006,
        ],
        sources: &["docs/gateway/health.md", "docs/gateway/protocol/transport.md", "openclaw/openclaw#16937"],
    },
    Entry {
        code: Code::GatewayStalled,
        title: "the gateway's event loop is late",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Transport,
        why: "One thread does all of it: handshakes, channels, timers. A delay of seconds makes handshakes time out \
            and heartbeats fail, while `/healthz` is green in between. Known causes are slow SQLite transactions, \
            command-line probes against live state, a starved host. The first seconds of a start do not count.",
        remedy: &[
            "look at the load of the node, and for a backup or an index that runs",
            "look for `slow SQLite` lines in the gateway's log",
            "do not run `openclaw status` or `doctor` in a loop against a live gateway",
        ],
        explains: &[Code::TransportSlowChallenge, Code::Close1006],
        sources: &["docs/gateway/health.md", "openclaw/openclaw#117262", "openclaw/openclaw#46892"],
    },
    Entry {
        code: Code::Close1006,
        title: "connections ended without a close frame (1006)",
        severity: Severity::Information,
        symptom: true,
        layer: Layer::Transport,
        why: "1006 is made up by the client when a connection ends without a close frame. It proves nothing else: \
            neither a crash nor a network fault. What ended it is told by other evidence: a new process, a proxy's \
            timeout, a listener that is gone.",
        remedy: &[
            "see which finding explains it",
            "alone, compare its times with restarts of the gateway in the gateway's log",
        ],
        explains: &[],
        sources: &[
            "docs/gateway/protocol/transport.md", "openclaw/openclaw#101219", "openclaw/openclaw#100941",
            "openclaw/openclaw#154281",
        ],
    },
];
