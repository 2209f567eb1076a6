//! Simulated nodes, each as its number makes it: the same number is always the same node.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What keeps simulated nodes from being ready, with how many of a hundred.
const CAUSES: [(&str, &str, &str, &str, usize); 9] = [
    (
        "token.shadowed",
        "auth",
        "gateway",
        "The gateway uses OPENCLAW_GATEWAY_TOKEN of its unit, and clients the token of openclaw.json",
        5,
    ),
    (
        "port.contended",
        "transport",
        "port",
        "Two processes want port 18789: pid 412 listens, and unit ai.openclaw.gateway starts every 10 s",
        3,
    ),
    ("pairing.unapproved", "auth", "device", "The command line's device waits for approval since 3 h", 3),
    (
        "port.silent",
        "transport",
        "gateway",
        "Nothing listens on port 18789, where a gateway is expected by its unit",
        2,
    ),
    ("unit.relaunch-loop", "transport", "unit", "ai.openclaw.gateway was started 214 times in the last hour", 1),
    (
        "url.loopback-in-namespace",
        "transport",
        "client",
        "The command line in container openclaw-cli connects to 127.0.0.1, which is the container itself",
        1,
    ),
    ("state.lock-wait", "alignment", "state", "95 of 100 newcomers wait 4.8 s for openclaw.json.lock", 1),
    ("image.drift", "alignment", "container", "The gateway's image is another than its pin", 6),
    (
        "mirror.time-machine",
        "alignment",
        "state",
        "Time Machine copies the state directory while the gateway writes to it",
        5,
    ),
];
const BUILDS: [(&str, &str, usize); 4] =
    [("26.2", "25C56", 38), ("26.1", "25B78", 47), ("26.0.1", "25A362", 11), ("15.7.2", "24G325", 4)];
const VERSIONS: [(&str, usize); 4] = [("2026.3.2", 55), ("2026.2.26", 30), ("2026.2.19", 13), ("2026.1.30", 2)];

/// A simulated node.
pub(crate) struct Simulated {
    /// Its identity.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its host name.
    pub(crate) hostname: String,
    /// Version of its agent.
    pub(crate) agent: &'static str,
    /// Since when its verdict stands.
    pub(crate) since: Timestamp,
    /// Whether it was silent for long.
    pub(crate) is_absent: bool,
    /// Whether it never sent a report.
    pub(crate) is_new: bool,
    /// Its report.
    pub(crate) report: Value,
}

/// A number that has nothing to do with its neighbours.
pub(crate) fn mixed(number: usize, salt: u64) -> usize {
    let mut value = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^= value >> 31;
    value = value.wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^= value >> 29;
    usize::try_from(value >> 8).unwrap_or(0)
}

/// The entry that a share of a hundred falls on.
fn share<T: Copy>(of: usize, all: &[T], weight: impl Fn(&T) -> usize) -> Option<T> {
    let mut left = of % 100;
    for one in all {
        if left < weight(one) {
            return Some(*one);
        }
        left -= weight(one);
    }
    None
}

fn hex(number: usize, salt: u64, digits: usize) -> String {
    let digit = |at: usize| u32::try_from(mixed(number, salt.wrapping_add(at as u64 * 97)) % 16).unwrap_or(0);
    (0..digits).filter_map(|at| char::from_digit(digit(at), 16)).collect()
}

/// The node of a number.
pub(crate) fn node(number: usize, now: Timestamp) -> Simulated {
    let ago = |seconds: usize| now - SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
    let city = ["ams", "fra", "lon", "nyc", "sin", "syd"][mixed(number, 1) % 6];
    let name = format!("mac-{city}-{:04}", number + 1);
    let cause = share(mixed(number, 2), &CAUSES, |one| one.4);
    let is_error = cause.is_some_and(|one| !matches!(one.0, "image.drift" | "mirror.time-machine"));
    let (os_version, build, _) = share(mixed(number, 3), &BUILDS, |one| one.2).unwrap_or(BUILDS[0]);
    let (version, _) = share(mixed(number, 4), &VERSIONS, |one| one.1).unwrap_or(VERSIONS[0]);
    let quarantined = build == "25C56" && mixed(number, 5).is_multiple_of(9);
    let unseen = cause.is_none() && !quarantined && mixed(number, 6).is_multiple_of(60);
    let verdict = match (is_error || quarantined, cause.is_some(), unseen) {
        (true, ..) => "blocked",
        (false, true, _) => "degraded",
        (false, false, true) => "unknown",
        _ => "ready",
    };
    let seconds = mixed(number, 7) % if verdict == "ready" { 2_000_000 } else { 90_000 };
    let since = ago(seconds + 5);
    let at = ago(mixed(number, 8) % 55);
    let broken = match cause.map(|one| (one.0, one.1)) {
        Some(("port.silent" | "unit.relaunch-loop", _)) => 1,
        Some(("port.contended", _)) => 0,
        Some((_, "auth")) => 5,
        Some(("url.loopback-in-namespace", _)) => 7,
        _ => usize::MAX,
    };
    let rungs = ["one-owner", "live", "started", "ready", "handshake", "authenticated", "channels", "reached"];
    let rungs: Vec<Value> = rungs
        .iter()
        .enumerate()
        .map(|(rung, name)| {
            let (state, detail) = match rung.cmp(&broken) {
                std::cmp::Ordering::Less => ("pass", "answered as it should"),
                std::cmp::Ordering::Equal => ("fail", "did not hold; see the findings"),
                std::cmp::Ordering::Greater => ("unknown", "not asked: a rung below does not hold"),
            };
            let hundredths = u32::try_from(mixed(number, 20 + rung as u64) % 4_000).unwrap_or(0);
            let took = (state != "unknown").then(|| 1.5 + f64::from(hundredths) / 100.0);
            json!({ "rung": name, "state": state, "elapsed_ms": took, "detail": detail })
        })
        .collect();
    let port = 18_789;
    let subject = |kind: &str| match kind {
        "port" => port.to_string(),
        "unit" => "ai.openclaw.gateway".to_owned(),
        "state" => "/Users/op/.openclaw".to_owned(),
        "container" => "container:openclaw-gateway".to_owned(),
        "client" => "container:openclaw-cli".to_owned(),
        "device" => hex(number, 30, 12),
        _ => format!("op/default:{port}"),
    };
    let mut findings = Vec::new();
    if let Some((code, layer, kind, summary, _)) = cause {
        let symptom = if is_error { vec!["transport.flaky"] } else { Vec::new() };
        findings.push(json!({
            "code": code, "severity": if is_error { "error" } else { "warning" }, "layer": layer,
            "subject": { "kind": kind, "id": subject(kind) }, "summary": summary,
            "evidence": [
                { "fact": "the process of the gateway has OPENCLAW_GATEWAY_TOKEN (fingerprint 5f1c2a90be77) in its environment", "source": "ps -E 412", "observed_at": at },
                { "fact": "gateway.auth.token of openclaw.json has the fingerprint 9b0e44d1a2c3", "source": "/Users/op/.openclaw/openclaw.json:14", "observed_at": at }
            ],
            "explains": symptom, "explained_by": null,
            "remedy": [
                { "text": "Take the variable out of the unit, so that the file counts", "command": "openclaw config set gateway.auth.token \"$(op read op://fleet/gateway/token)\"" },
                { "text": "Start the gateway anew", "command": "launchctl kickstart -k gui/501/ai.openclaw.gateway" }
            ],
            "waived": null
        }));
        if is_error {
            findings.push(json!({
                "code": "transport.flaky", "severity": "error", "layer": "transport",
                "subject": { "kind": "gateway", "id": format!("op/default:{port}") },
                "summary": "12 of 100 connects came through", "evidence": [], "explains": [], "explained_by": code,
                "remedy": [{ "text": "Mend what explains it" }], "waived": null
            }));
        }
    }
    if mixed(number, 9).is_multiple_of(5) {
        findings.push(json!({
            "code": "image.unchecked", "severity": "info", "layer": "alignment",
            "subject": { "kind": "container", "id": "container:openclaw-gateway" },
            "summary": "The registry was not asked for 9 days", "evidence": [], "explains": [], "explained_by": null,
            "remedy": [{ "text": "Let the node reach the registry" }], "waived": null
        }));
    }
    let release = VERSIONS.iter().position(|one| one.0 == version).unwrap_or(0);
    let drifted = cause.is_some_and(|one| one.0 == "image.drift");
    let digest =
        |role: u64| format!("sha256:{}", hex(release + if drifted { 50 + number % 3 } else { 0 }, 40 + role, 64));
    // Every so many hundred nodes one is a copy of its neighbour.
    let device = hex(if number % 400 == 41 { number - 1 } else { number }, 31, 64);
    let quarantine = quarantined.then(|| {
        json!({
            "since": ago(20_000 + mixed(number, 10) % 60_000), "occasions": [], "attempts": 1 + mixed(number, 11) % 6,
            "last_attempt": ago(900),
            "reasons": [format!("macOS became another build: {build} instead of 25B78"), "channels.status did not answer within 20 s"],
            "needs_consent": mixed(number, 12).is_multiple_of(3)
        })
    });
    let accepted_build = if quarantined || mixed(number, 13).is_multiple_of(8) { "25B78" } else { build };
    let report = json!({
        "schema": "portreeve.report/1", "generated_at": at, "agent": { "version": "0.1.0" },
        "node": {
            "id": hex(number, 32, 12), "hostname": format!("{name}.example.net"), "os": "macOS", "os_version": os_version,
            "os_build": build, "arch": "arm64", "uptime_s": 86_400
        },
        "verdict": verdict, "quarantine": quarantine,
        "accepted": { "at": ago(400_000), "by": "agent", "how": "full", "reason": null, "in_spite_of": [], "os_build": accepted_build },
        "root_causes": if is_error { cause.map(|one| one.0).into_iter().collect() } else { Vec::new() },
        "layers": {
            "transport": { "state": if broken < 5 { "fail" } else { "pass" }, "detail": "port 18789" },
            "auth": { "state": if broken == 5 { "fail" } else { "pass" }, "detail": "hello-ok" },
            "channels": { "state": if unseen { "unknown" } else { "pass" }, "detail": "2 accounts" },
            "alignment": { "state": "pass", "detail": "one token source per side" }
        },
        "findings": findings,
        "gateways": [{
            "id": format!("op/default:{port}"), "user": "op", "profile": "default", "expected": ["unit", "process"],
            "workload": "container:openclaw-gateway", "state_dir": "/Users/op/.openclaw", "config": "/Users/op/.openclaw/openclaw.json",
            "port": port, "port_source": "openclaw.json", "pids": [412], "units": ["gui/501/ai.openclaw.gateway"], "version": version,
            "token_sources": [
                { "kind": "environment", "location": "OPENCLAW_GATEWAY_TOKEN of ai.openclaw.gateway", "fingerprint": "5f1c2a90be77", "quality": null, "outcome": { "outcome": "wins", "why": "the environment counts more" } },
                { "kind": "config", "location": "openclaw.json gateway.auth.token", "fingerprint": if cause.is_some_and(|one| one.0 == "token.shadowed") { "9b0e44d1a2c3" } else { "5f1c2a90be77" }, "quality": null, "outcome": { "outcome": "loses", "why": "the environment counts more" } }
            ],
            "rungs": rungs, "boots": 3
        }],
        "clients": [
            { "id": "op/cli", "kind": "cli", "user": "op", "workload": null, "state_dir": "/Users/op/.openclaw",
              "url": { "scheme": "ws", "host": "127.0.0.1", "port": port, "path": "/" }, "url_source": "openclaw.json",
              "gateway": format!("op/default:{port}"), "token_sources": [], "device_id": device },
            { "id": "container:openclaw-cli", "kind": "cli", "user": null, "workload": "container:openclaw-cli", "state_dir": "/home/node/.openclaw",
              "url": { "scheme": "ws", "host": "openclaw-gateway", "port": port, "path": "/" }, "url_source": "environment",
              "gateway": format!("op/default:{port}"), "token_sources": [], "device_id": null }
        ],
        "units": [{
            "id": "gui/501/ai.openclaw.gateway", "label": "ai.openclaw.gateway", "role": "gateway", "path": "/Users/op/Library/LaunchAgents/ai.openclaw.gateway.plist",
            "loaded": true, "disabled": false, "state": "running", "pid": 412, "last_exit_code": 0, "port": port, "state_dir": null,
            "keep_alive": { "kind": "always" }
        }],
        "engines": [],
        "containers": [
            container("openclaw-gateway", "gateway", version, &digest(0), mixed(number, 14) % 4),
            container("openclaw-cli", "cli", version, &digest(1), 0)
        ],
        "state_dirs": [{
            "path": "/Users/op/.openclaw", "aliases": [], "file_system": "apfs", "free_bytes": 91_000_000_000_u64 + number as u64,
            "uid": 501, "mode": "0700", "wal_bytes": 4_194_304, "owner_pid": 412
        }],
        "blind": if unseen { json!([{ "what": "container engine", "why": "the socket did not answer within 3 s", "remedy": "start the engine", "readiness": true }]) } else { json!([]) }
    });
    Simulated {
        id: hex(number, 33, 12),
        hostname: format!("{name}.example.net"),
        name,
        agent: if mixed(number, 15).is_multiple_of(10) { "0.0.9" } else { "0.1.0" },
        since,
        is_absent: mixed(number, 16).is_multiple_of(70),
        is_new: mixed(number, 17).is_multiple_of(250),
        report,
    }
}

fn container(name: &str, role: &str, version: &str, digest: &str, restarts: usize) -> Value {
    json!({
        "id": format!("container:{name}"), "name": name, "engine": "docker", "project": "openclaw", "service": name, "role": role,
        "role_reason": "its image", "state": "running", "health": "healthy", "restarts": restarts, "exit_code": null, "started_at": null,
        "image": format!("ghcr.io/openclaw/{name}:stable"), "digest": digest, "version": version, "ports": [], "networks": ["openclaw"],
        "shares_network_of": null, "not_seen": null
    })
}
