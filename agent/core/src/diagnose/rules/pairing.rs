//! Devices: who waits, who is approved, who can approve; and what the gateway's log says of refusals.

use jiff::{SignedDuration, Timestamp};

use super::super::{Context, Draft, Rule};
use super::auth::{client_name, gateway_of};
use crate::catalogue::Code;
use crate::snapshot::{Client, Gateway, LogEvent, PairedDevice, Pairing, PendingPairing, Snapshot, event};

pub(super) const RULES: &[Rule] = &[
    pending,
    unapproved,
    deadlock,
    identity_lost,
    state_readonly,
    retries,
    token_stale,
    clock,
    origin,
    protocol,
    storm,
    rate_limited,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::PairingPending,
    Code::PairingScopeUpgrade,
    Code::PairingUnapproved,
    Code::PairingDeadlock,
    Code::PairingIdentityLost,
    Code::PairingStateReadonly,
    Code::PairingRetries,
    Code::DeviceTokenStale,
    Code::DeviceClock,
    Code::OriginRefused,
    Code::ProtocolMismatch,
    Code::TokenStorm,
    Code::RateLimited,
];

/// How long a request for approval lives (`OpenClaw` 2026.9: five minutes from the last try).
const REQUEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// The window in which repeated refusals count as one storm.
const STORM_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// Refusals within the window that a mistyped token does not explain.
const STORM_REFUSALS: usize = 3;
/// The window in which pairing attempts are counted.
const RETRY_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Attempts within the window that a person waiting at a prompt does not make.
const RETRIES: usize = 5;
/// The gateway refuses a device signature that is older or newer than this.
const SIGNATURE_SKEW_MS: i64 = 120_000;
/// How far back a refusal in the log counts as the state of now.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// Requests that still live: an old row is no request any more.
fn live(pairing: &Pairing, now: Timestamp) -> impl Iterator<Item = &PendingPairing> {
    pairing
        .pending
        .iter()
        .filter(move |request| request.requested_at.is_none_or(|at| now.duration_since(at) <= REQUEST_LIFE))
}

fn client_with_device<'a>(snapshot: &'a Snapshot, device_id: &str) -> Option<&'a Client> {
    snapshot.clients.iter().find(|client| client.device.get().is_some_and(|device| device.device_id == device_id))
}

fn approve_command(gateway: &Gateway, request: &PendingPairing) -> String {
    let approve = format!("openclaw devices approve {}", request.request_id);
    match (&gateway.state_dir, &gateway.profile) {
        (_, Some(profile)) => format!("openclaw --profile {profile} devices approve {}", request.request_id),
        (Some(dir), None) if !dir.ends_with("/.openclaw") => format!("OPENCLAW_STATE_DIR='{dir}' {approve}"),
        _ => approve,
    }
}

fn who(snapshot: &Snapshot, request: &PendingPairing) -> String {
    if let Some(client) = client_with_device(snapshot, &request.device_id) {
        return client_name(client);
    }
    let client = request.client_id.as_deref().unwrap_or("a client");
    match &request.remote_ip {
        Some(address) => format!("{client} at {address}"),
        None => client.to_owned(),
    }
}

/// `pairing.pending` and `pairing.scope-upgrade`: a device waits for approval.
fn pending(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(pairing) = gateway.pairing.get() else { continue };
        for request in live(pairing, snapshot.taken_at) {
            let paired = pairing.paired.iter().find(|device| device.device_id == request.device_id);
            let since = request.requested_at.map_or_else(String::new, |at| {
                format!(", for {} s", snapshot.taken_at.duration_since(at).as_secs().max(0))
            });
            let who = who(snapshot, request);
            let (code, summary) = match paired {
                Some(_) => {
                    let wanted = request.scopes.join(" ");
                    (
                        Code::PairingScopeUpgrade,
                        format!("{who} is paired and asks for more ({wanted}): request {}{since}", request.request_id),
                    )
                }
                None => {
                    (Code::PairingPending, format!("{who} waits for approval: request {}{since}", request.request_id))
                }
            };
            let mut draft = Draft::new(code, "device", request.device_id.clone(), summary).gateway(gateway);
            if let Some(client) = client_with_device(snapshot, &request.device_id) {
                draft = draft.client(client);
            }
            let role = request.role.as_deref().unwrap_or("operator");
            let asked =
                format!("device {} asks for role {role}, scopes {}", request.device_id, request.scopes.join(" "));
            draft = draft.seen(asked, &gateway.pairing);
            if let Some(paired) = paired {
                draft = draft.seen(format!("approved so far: {}", paired.scopes.join(" ")), &gateway.pairing);
            }
            let user = gateway.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
            let place = format!("approve it on this node{user}, where the gateway runs; the request lives 5 minutes");
            out.push(draft.command(place, approve_command(gateway, request)));
        }
    }
}

/// Whether this client must show a device: it comes from beyond the loopback, or has no shared secret.
fn needs_device(client: &Client) -> bool {
    client.url.get().is_some_and(|url| !url.loopback) || client.credentials.winner.is_none()
}

/// `pairing.unapproved`: the client's device is neither approved nor waiting.
fn unapproved(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in &snapshot.clients {
        let (Some(gateway), Some(device)) = (gateway_of(snapshot, client), client.device.get()) else { continue };
        if gateway.pairing.get().is_none()
            || !needs_device(client)
            || device.approved.is_some()
            || device.pending.is_some()
        {
            continue;
        }
        let summary = format!(
            "{} has device {}, which the gateway on port {} does not know",
            client_name(client),
            device.device_id,
            gateway.port
        );
        out.push(
            Draft::new(Code::PairingUnapproved, "device", device.device_id.clone(), summary)
                .client(client)
                .seen("neither approved nor waiting", &gateway.pairing)
                .command("let the client connect once, so that it asks", "openclaw channels status")
                .command("then approve the request where the gateway runs", "openclaw devices list"),
        );
    }
}

/// Whether a device may approve others.
fn can_approve(device: &PairedDevice) -> bool {
    device.scopes.iter().any(|scope| matches!(scope.as_str(), "operator.pairing" | "operator.admin"))
}

/// `pairing.deadlock`: nobody who could approve is left.
fn deadlock(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(pairing) = gateway.pairing.get() else { continue };
        // With a shared secret the command line on the gateway's own loopback needs no device, and so can always approve.
        if gateway.credentials.winner.is_some() || !gateway.credentials.blind.is_empty() || pairing.paired.is_empty() {
            continue;
        }
        let waiting: Vec<&PendingPairing> = live(pairing, snapshot.taken_at).collect();
        let free = pairing
            .paired
            .iter()
            .any(|device| can_approve(device) && !waiting.iter().any(|request| request.device_id == device.device_id));
        if waiting.is_empty() || free {
            continue;
        }
        let summary = format!(
            "every device that could approve at the gateway on port {} waits for approval itself",
            gateway.port
        );
        out.push(Draft::new(Code::PairingDeadlock, "gateway", gateway.id.clone(), summary).gateway(gateway).seen(
            format!("{} wait, {} are approved, no shared secret", waiting.len(), pairing.paired.len()),
            &gateway.pairing,
        ));
    }
}

/// `pairing.identity-lost`: a client comes back under a new device id while its old one stays approved.
fn identity_lost(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(pairing) = gateway.pairing.get() else { continue };
        for request in live(pairing, snapshot.taken_at) {
            if request.remote_ip.is_none() || request.client_id.is_none() {
                continue;
            }
            if pairing.paired.iter().any(|device| device.device_id == request.device_id) {
                continue;
            }
            let old = pairing.paired.iter().find(|device| {
                device.client_id == request.client_id
                    && device.remote_ip == request.remote_ip
                    && device.platform == request.platform
                    && client_with_device(snapshot, &device.device_id).is_none()
            });
            let Some(old) = old else { continue };
            let summary = format!(
                "{} comes back as device {} although {} of the same address is approved: its state was lost",
                who(snapshot, request),
                request.device_id,
                old.device_id
            );
            let mut draft =
                Draft::new(Code::PairingIdentityLost, "device", request.device_id.clone(), summary).gateway(gateway);
            if let Some(client) = client_with_device(snapshot, &request.device_id) {
                draft = draft.client(client);
            }
            let seen = format!("same client, platform and address as approved device {}", old.device_id);
            draft = draft.seen(seen, &gateway.pairing);
            draft =
                draft.remedy("keep the client's state directory on a volume that survives its container or upgrade");
            draft = draft.command("approve the new device", approve_command(gateway, request));
            out.push(draft.command("remove the old one", format!("openclaw devices remove {}", old.device_id)));
        }
    }
}

/// `pairing.state-readonly`: the client cannot keep its identity.
fn state_readonly(context: Context<'_>, out: &mut Vec<Draft>) {
    for client in &context.snapshot.clients {
        let Some(device) = client.device.get().filter(|device| !device.state_writable) else { continue };
        let dir = client.state_dir.as_deref().unwrap_or("its state directory");
        let summary = format!("{} cannot write its identity and tokens to {dir}", client_name(client));
        out.push(
            Draft::new(Code::PairingStateReadonly, "client", client.id.clone(), summary)
                .client(client)
                .seen(format!("device {}", device.device_id), &client.device),
        );
    }
}

fn events<'a>(gateway: &'a Gateway, kind: &'a str) -> impl Iterator<Item = &'a LogEvent> {
    gateway.log.get().into_iter().flat_map(|log| &log.events).filter(move |event| event.kind == kind)
}

/// Events of the last `window` before the snapshot.
fn within<'a>(
    events: impl Iterator<Item = &'a LogEvent>,
    now: Timestamp,
    window: SignedDuration,
) -> impl Iterator<Item = &'a LogEvent> {
    events.filter(move |event| event.at.is_some_and(|at| at <= now && now.duration_since(at) <= window))
}

/// The largest number of events that any window of this length holds, with the last of them.
fn densest<'a>(events: &[&'a LogEvent], window: SignedDuration) -> Option<(usize, &'a LogEvent)> {
    let mut times: Vec<(Timestamp, &LogEvent)> =
        events.iter().filter_map(|event| event.at.map(|at| (at, *event))).collect();
    times.sort_by_key(|(at, _)| *at);
    let mut first = 0;
    let mut best = None;
    for (last, (at, event)) in times.iter().enumerate() {
        while times.get(first).is_some_and(|(start, _)| at.duration_since(*start) > window) {
            first += 1;
        }
        let count = last + 1 - first;
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, *event));
        }
    }
    best
}

fn log_source(gateway: &Gateway) -> String {
    gateway.log.get().and_then(|log| log.files.first().cloned()).unwrap_or_else(|| gateway.log.source.clone())
}

/// `pairing.retries`: a client tries again and again.
fn retries(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let recent: Vec<&LogEvent> = within(events(gateway, event::PAIRING_REQUIRED), now, RETRY_WINDOW).collect();
        let Some(last) = recent.last().filter(|_| recent.len() > RETRIES) else { continue };
        let summary = format!("{} connects were turned away for pairing within 10 minutes", recent.len());
        out.push(Draft::new(Code::PairingRetries, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(now),
        ));
    }
}

/// `token.storm`: mismatch after mismatch.
fn storm(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let refused = events(gateway, event::UNAUTHORIZED)
            .filter(|event| matches!(event.detail.as_deref(), Some("token_mismatch" | "password_mismatch")));
        let recent: Vec<&LogEvent> = within(refused, now, SignedDuration::from_hours(1)).collect();
        let Some((count, last)) = densest(&recent, STORM_WINDOW).filter(|(count, _)| *count > STORM_REFUSALS) else {
            continue;
        };
        let summary = format!("the gateway on port {} refused {count} secrets within 5 minutes", gateway.port);
        out.push(Draft::new(Code::TokenStorm, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(now),
        ));
    }
}

/// `rate.limited`: attempts are locked out.
fn rate_limited(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let limited =
            events(gateway, event::UNAUTHORIZED).filter(|event| event.detail.as_deref() == Some("rate_limited"));
        let logged = within(limited, now, RECENT).last();
        let probe = &gateway.ladder.connect;
        let answered = probe.failure().filter(|failure| failure.detail_code.as_deref() == Some("AUTH_RATE_LIMITED"));
        let mut draft = Draft::new(
            Code::RateLimited,
            "gateway",
            gateway.id.clone(),
            format!("the gateway on port {} locks out attempts to connect", gateway.port),
        )
        .gateway(gateway);
        match (answered, logged) {
            (Some(failure), _) => draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe),
            (None, Some(event)) => {
                draft = draft.evidence(event.text.clone(), log_source(gateway), event.at.unwrap_or(now));
            }
            (None, None) => continue,
        }
        out.push(draft);
    }
}

/// `device.token-stale`: a stored device token is refused.
fn token_stale(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in &snapshot.clients {
        let Some(device) = client.device.get().filter(|device| device.token_outdated) else { continue };
        let summary = format!(
            "{} keeps a token for device {} that the gateway has replaced",
            client_name(client),
            device.device_id
        );
        out.push(
            Draft::new(Code::DeviceTokenStale, "device", device.device_id.clone(), summary)
                .client(client)
                .seen("older than the gateway's", &client.device),
        );
    }
    for gateway in &snapshot.gateways {
        // The shared secret must be proven good: otherwise the refusal may be about that one.
        if gateway.ladder.connect.answer().is_none() {
            continue;
        }
        let refused = events(gateway, event::UNAUTHORIZED)
            .filter(|event| event.detail.as_deref() == Some("device_token_mismatch"));
        let Some(last) = within(refused, snapshot.taken_at, RECENT).last() else { continue };
        let summary =
            format!("the gateway on port {} refuses a stored device token while its shared secret works", gateway.port);
        out.push(Draft::new(Code::DeviceTokenStale, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(snapshot.taken_at),
        ));
    }
}

fn closed_for<'a>(gateway: &'a Gateway, now: Timestamp, cause: &'a str) -> Option<&'a LogEvent> {
    let closed =
        events(gateway, event::CLOSED_BEFORE_CONNECT).filter(move |event| event.detail.as_deref() == Some(cause));
    within(closed, now, RECENT).last()
}

/// `device.clock`: a device's signature is refused for its time.
fn clock(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let skew = gateway.ladder.handshake.answer().and_then(|challenge| challenge.skew_ms);
        let far = skew.filter(|skew| skew.abs() > SIGNATURE_SKEW_MS);
        let expired = events(gateway, event::CLOSED_BEFORE_CONNECT)
            .filter(|event| event.text.contains("device signature expired"));
        let logged = within(expired, snapshot.taken_at, RECENT).last();
        let mut draft = match (far, logged) {
            (None, None) => continue,
            (Some(skew), _) => {
                let summary = format!("the clock of the gateway on port {} differs by {} s", gateway.port, skew / 1000);
                Draft::new(Code::DeviceClock, "gateway", gateway.id.clone(), summary).answered(
                    format!("the challenge is {skew} ms ahead of this node's clock"),
                    gateway.ladder.target.clone(),
                    &gateway.ladder.handshake,
                )
            }
            (None, Some(_)) => {
                let summary = format!("the gateway on port {} refuses a device's signature as too old", gateway.port);
                Draft::new(Code::DeviceClock, "gateway", gateway.id.clone(), summary)
            }
        };
        if let Some(event) = logged {
            draft = draft.evidence(event.text.clone(), log_source(gateway), event.at.unwrap_or(snapshot.taken_at));
        }
        out.push(draft.gateway(gateway));
    }
}

/// `origin.refused`: a browser's origin is not allowed.
fn origin(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(refused) = closed_for(gateway, snapshot.taken_at, "origin-mismatch") else { continue };
        let summary = format!("the gateway on port {} refuses a browser's origin", gateway.port);
        let mut draft = Draft::new(Code::OriginRefused, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .evidence(refused.text.clone(), log_source(gateway), refused.at.unwrap_or(snapshot.taken_at));
        if let Some(config) = gateway.config.get() {
            let allowed = config.allowed_origins.as_ref().map_or_else(|| "not set".to_owned(), |list| list.join(", "));
            draft = draft.seen(format!("`gateway.controlUi.allowedOrigins`: {allowed}"), &gateway.config);
        }
        out.push(draft);
    }
}

/// `protocol.mismatch`: the two sides share no version.
fn protocol(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let probe = &gateway.ladder.connect;
        let answered = probe.failure().filter(|failure| failure.detail_code.as_deref() == Some("PROTOCOL_MISMATCH"));
        let logged = within(events(gateway, event::PROTOCOL_MISMATCH), snapshot.taken_at, RECENT)
            .last()
            .or_else(|| closed_for(gateway, snapshot.taken_at, "protocol-mismatch"));
        let summary = format!("a client speaks no protocol version of the gateway on port {}", gateway.port);
        let draft = Draft::new(Code::ProtocolMismatch, "gateway", gateway.id.clone(), summary).gateway(gateway);
        match (answered, logged) {
            (Some(failure), _) => {
                out.push(draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe));
            }
            (None, Some(event)) => {
                out.push(draft.evidence(
                    event.text.clone(),
                    log_source(gateway),
                    event.at.unwrap_or(snapshot.taken_at),
                ));
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::*;
    use super::*;

    fn request(device: &str) -> PendingPairing {
        PendingPairing {
            request_id: "b2c4d6e8".to_owned(),
            device_id: device.to_owned(),
            role: Some("operator".to_owned()),
            scopes: vec!["operator.read".to_owned()],
            client_id: Some("cli".to_owned()),
            platform: Some("darwin".to_owned()),
            remote_ip: Some("10.0.0.2".to_owned()),
            requested_at: Some(ago(42)),
            repair: false,
        }
    }

    fn wait(snapshot: &mut Snapshot, request: PendingPairing) {
        value(&mut gateway(snapshot).pairing).pending.push(request);
    }

    fn refusals(snapshot: &mut Snapshot, kind: &str, detail: &str, count: usize, apart: i64) {
        for index in 0..count {
            let seconds = apart * i64::try_from(index).unwrap() + 5;
            log_event(snapshot, seconds, kind, "refused", &[]);
            value(&mut gateway(snapshot).log).events.last_mut().unwrap().detail = Some(detail.to_owned());
        }
    }

    #[test]
    fn healthy_node_has_nothing_to_say_about_devices() {
        for rule in RULES {
            assert!(silent(*rule, &healthy()));
        }
    }

    #[test]
    fn a_waiting_device_is_named_with_its_request_and_the_command() {
        let node = node(|node| wait(node, request("new")));
        assert_eq!(root_causes(&node), [Code::PairingPending]);
        let finding = finding(&node, Code::PairingPending);
        assert_eq!(finding.summary, "cli at 10.0.0.2 waits for approval: request b2c4d6e8, for 42 s");
        assert_eq!(finding.remedy[0].command.as_deref(), Some("openclaw devices approve b2c4d6e8"));
        assert_eq!(report(&node).exit_status(false), 77);
    }

    #[test]
    fn the_command_names_a_state_directory_that_is_not_the_default() {
        let node = node(|node| {
            wait(node, request("new"));
            gateway(node).state_dir = Some("/srv/claw".to_owned());
        });
        let command = finding(&node, Code::PairingPending).remedy[0].command.clone();
        assert_eq!(command.as_deref(), Some("OPENCLAW_STATE_DIR='/srv/claw' openclaw devices approve b2c4d6e8"));
    }

    #[test]
    fn an_expired_request_and_a_hidden_list_are_no_findings() {
        let expired = node(|node| wait(node, PendingPairing { requested_at: Some(ago(301)), ..request("new") }));
        assert!(silent(pending, &expired));
        let hidden = node(|node| gateway(node).pairing = denied());
        for rule in RULES {
            assert!(silent(*rule, &hidden));
        }
    }

    #[test]
    fn a_paired_device_that_asks_for_more_is_a_scope_upgrade() {
        let node = node(|node| wait(node, request(DEVICE)));
        assert_eq!(root_causes(&node), [Code::PairingScopeUpgrade]);
    }

    #[test]
    fn an_unknown_device_matters_only_where_a_device_is_needed() {
        let stranger = |node: &mut Snapshot| {
            let device = value(&mut first_client(node).device);
            device.approved = None;
            device.device_id = "stranger".to_owned();
        };
        assert!(silent(unapproved, &node(stranger)), "loopback with the shared secret needs no device");
        let remote = node(|node| {
            stranger(node);
            value(&mut first_client(node).url).loopback = false;
        });
        assert_eq!(root_causes(&remote), [Code::PairingUnapproved]);
        let hidden = node(|node| {
            stranger(node);
            value(&mut first_client(node).url).loopback = false;
            gateway(node).pairing = denied();
        });
        assert!(silent(unapproved, &hidden));
    }

    #[test]
    fn a_deadlock_needs_that_no_other_way_to_approve_is_left() {
        let locked = |node: &mut Snapshot| {
            gateway(node).credentials.winner = None;
            wait(node, request(DEVICE));
        };
        assert!(codes(&node(locked)).contains(&Code::PairingDeadlock));
        let other_approver = node(|node| {
            locked(node);
            let mut other = paired("other");
            other.scopes.push("operator.admin".to_owned());
            value(&mut gateway(node).pairing).paired.push(other);
        });
        assert!(silent(deadlock, &other_approver));
        assert!(silent(deadlock, &node(|node| wait(node, request(DEVICE)))), "the shared secret approves");
    }

    #[test]
    fn a_lost_identity_explains_why_a_known_client_waits() {
        let mut old = paired("old");
        old.remote_ip = Some("10.0.0.2".to_owned());
        let lost = node(|node| {
            wait(node, request("new"));
            value(&mut gateway(node).pairing).paired.push(old.clone());
        });
        assert_eq!(root_causes(&lost), [Code::PairingIdentityLost]);
        let elsewhere = node(|node| {
            wait(node, PendingPairing { remote_ip: Some("10.0.0.3".to_owned()), ..request("new") });
            value(&mut gateway(node).pairing).paired.push(old.clone());
        });
        assert!(silent(identity_lost, &elsewhere));
    }

    #[test]
    fn a_client_that_cannot_write_its_state_is_named() {
        let node = node(|node| value(&mut first_client(node).device).state_writable = false);
        assert_eq!(root_causes(&node), [Code::PairingStateReadonly]);
        let unknown = super::super::super::fixture::node(|node| first_client(node).device = denied());
        assert!(silent(state_readonly, &unknown));
    }

    #[test]
    fn attempts_and_refusals_are_counted_in_their_windows() {
        let many = node(|node| refusals(node, event::PAIRING_REQUIRED, "b2c4d6e8", 6, 60));
        assert_eq!(draft(retries, &many).code, Code::PairingRetries);
        assert!(silent(retries, &node(|node| refusals(node, event::PAIRING_REQUIRED, "x", 5, 60))));

        let storming = node(|node| refusals(node, event::UNAUTHORIZED, "token_mismatch", 4, 60));
        assert_eq!(root_causes(&storming), [Code::TokenStorm], "alone, the symptom is the root cause");
        assert!(silent(storm, &node(|node| refusals(node, event::UNAUTHORIZED, "token_mismatch", 4, 200))));
        assert!(silent(storm, &node(|node| refusals(node, event::UNAUTHORIZED, "token_missing", 9, 10))));
        assert!(silent(storm, &node(|node| gateway(node).log = denied())));
    }

    #[test]
    fn a_lockout_is_seen_in_the_log_and_in_the_answer() {
        let logged = node(|node| refusals(node, event::UNAUTHORIZED, "rate_limited", 1, 1));
        assert_eq!(draft(rate_limited, &logged).code, Code::RateLimited);
        let answered = node(|node| gateway(node).ladder.connect = rejected("AUTH_RATE_LIMITED"));
        assert_eq!(draft(rate_limited, &answered).code, Code::RateLimited);
        let old = node(|node| {
            refusals(node, event::UNAUTHORIZED, "rate_limited", 1, 1);
            value(&mut gateway(node).log).events[0].at = Some(ago(3_600));
        });
        assert!(silent(rate_limited, &old));
    }

    #[test]
    fn a_stale_device_token_is_named_only_while_the_shared_secret_works() {
        let outdated = node(|node| value(&mut first_client(node).device).token_outdated = true);
        assert_eq!(root_causes(&outdated), [Code::DeviceTokenStale]);
        let logged = |node: &mut Snapshot| refusals(node, event::UNAUTHORIZED, "device_token_mismatch", 1, 1);
        assert_eq!(draft(token_stale, &node(logged)).code, Code::DeviceTokenStale);
        let unproven = node(|node| {
            logged(node);
            gateway(node).ladder.connect = untried();
        });
        assert!(silent(token_stale, &unproven));
    }

    #[test]
    fn clock_origin_and_protocol_follow_recent_refusals() {
        let skewed = node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = Some(-130_000));
        assert_eq!(root_causes(&skewed), [Code::DeviceClock]);
        assert!(silent(clock, &node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = None)));

        let refused = node(|node| refusals(node, event::CLOSED_BEFORE_CONNECT, "origin-mismatch", 1, 1));
        assert_eq!(root_causes(&refused), [Code::OriginRefused]);

        let answered = node(|node| gateway(node).ladder.connect = rejected("PROTOCOL_MISMATCH"));
        assert_eq!(root_causes(&answered), [Code::ProtocolMismatch]);
        let logged = node(|node| refusals(node, event::PROTOCOL_MISMATCH, "5", 1, 1));
        assert_eq!(root_causes(&logged), [Code::ProtocolMismatch]);
    }
}
