//! Devices that wait, are unknown or were lost.

use jiff::Timestamp;

use super::super::auth::{client_name, gateway_of};
use super::super::contained::{of, of_client, place_of, run_as, run_at};
use super::REQUEST_LIFE;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{
    Client, ClientKind, Gateway, PairedDevice, Pairing, PendingPairing, Snapshot, SourceOutcome, TokenSource, Workload,
};

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

fn approve_command(snapshot: &Snapshot, gateway: &Gateway, request: &PendingPairing) -> String {
    run_at(snapshot, gateway, &format!("devices approve {}", request.request_id))
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
pub(super) fn pending(context: Context<'_>, out: &mut Vec<Draft>) {
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
            let place = place_of(snapshot, gateway);
            let place = format!("approve it {place}, where the gateway runs; the request lives 5 minutes");
            out.push(draft.command(place, approve_command(snapshot, gateway, request)));
        }
    }
}

/// Whether this client must show a device: it comes from beyond the loopback, or has no shared secret. One whose secret does not resolve has
/// one: it refuses before it connects, whatever device it has.
fn needs_device(client: &Client) -> bool {
    let credentials = &client.credentials;
    let unresolved = |source: &TokenSource| matches!(source.outcome, SourceOutcome::Unresolved { .. });
    let refuses = credentials.refusal.is_some() && credentials.sources.iter().any(unresolved);
    client.url.get().is_some_and(|url| !url.loopback) || credentials.winner.is_none() && !refuses
}

/// A command of a client without a device that makes it one and asks for its approval: others go without, and are told of a missing scope.
const ASKS: &str = "agent --agent main --message hello";

/// Whether a client that has no device yet needs one: a command line of the host that came to its gateway at another address than a loopback
/// one, where the right secret alone gives no scope and no device is approved unasked.
fn would_ask(client: &Client, gateway: &Gateway) -> bool {
    let secret = &client.credentials.winner;
    client.device.is_absent()
        && client.kind == ClientKind::Cli
        && client.workload.is_none()
        && gateway.workload.is_none()
        && client.url.get().is_some_and(|url| !url.loopback && url.refusal.is_none())
        && client.handshake.answer().is_some()
        && secret.is_some()
        && *secret == gateway.credentials.winner
}

/// `pairing.unapproved`: the client's device is neither approved nor waiting.
pub(super) fn unapproved(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in &snapshot.clients {
        let Some(gateway) = gateway_of(snapshot, client).filter(|gateway| gateway.pairing.get().is_some()) else {
            continue;
        };
        let name = client_name(client);
        let (subject, asks, summary) = match client.device.get() {
            Some(device) => {
                if !needs_device(client) || device.approved.is_some() || device.pending.is_some() {
                    continue;
                }
                let id = &device.device_id;
                let summary =
                    format!("{name} has device {id}, which the gateway on port {} does not know", gateway.port);
                (id, "channels status", summary)
            }
            None if would_ask(client, gateway) => {
                let host = client.url.get().map_or("its URL", |url| url.url.host.as_str());
                let summary = format!(
                    "{name} has no device, without which the gateway on port {} grants no scope to who comes by {host}",
                    gateway.port
                );
                (&client.id, ASKS, summary)
            }
            None => continue,
        };
        out.push(
            Draft::new(Code::PairingUnapproved, "device", subject.clone(), summary)
                .client(client)
                .seen("neither approved nor waiting", &gateway.pairing)
                .command("let the client connect once, so that it asks", run_as(snapshot, client, asks))
                .command(
                    format!("then find the request {}, where the gateway runs", place_of(snapshot, gateway)),
                    run_at(snapshot, gateway, "devices list"),
                )
                .command("and approve it", run_at(snapshot, gateway, "devices approve <requestId>")),
        );
    }
}

/// The target of the read-only mount that the state of a client in a container is on, where the client needs to write there and its
/// gateway is not kept from the same.
fn read_only<'a>(snapshot: &'a Snapshot, client: &Client) -> Option<&'a str> {
    let mount_of = |workload: &'a Workload| workload.mount_of(workload.state_dir.as_deref()?);
    let mount = mount_of(of_client(snapshot, client)?).filter(|mount| mount.read_only && needs_device(client))?;
    let gateway = gateway_of(snapshot, client).and_then(|gateway| mount_of(of(snapshot, gateway)?));
    let both = gateway.is_some_and(|other| other.read_only && other.source == mount.source);
    (!both).then_some(mount.target.as_str())
}

/// Whether a device may approve others.
fn can_approve(device: &PairedDevice) -> bool {
    device.scopes.iter().any(|scope| matches!(scope.as_str(), "operator.pairing" | "operator.admin"))
}

/// `pairing.deadlock`: nobody who could approve is left.
pub(super) fn deadlock(context: Context<'_>, out: &mut Vec<Draft>) {
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
pub(super) fn identity_lost(context: Context<'_>, out: &mut Vec<Draft>) {
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
                    && (device.remote_ip == request.remote_ip || is_remade(snapshot, request, device))
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
            let seen = format!("same client and platform as approved device {}", old.device_id);
            draft = draft.seen(seen, &gateway.pairing);
            draft =
                draft.remedy("keep the client's state directory on a volume that survives its container or upgrade");
            draft = draft.command("approve the new device", approve_command(snapshot, gateway, request));
            out.push(draft.command(
                "remove the old one",
                run_at(snapshot, gateway, &format!("devices remove {}", old.device_id)),
            ));
        }
    }
}

/// Whether a client whose state goes with its container was made anew on the same network: its address changes then as well.
fn is_remade(snapshot: &Snapshot, request: &PendingPairing, old: &PairedDevice) -> bool {
    let Some(workload) =
        client_with_device(snapshot, &request.device_id).and_then(|client| of_client(snapshot, client))
    else {
        return false;
    };
    let attached = workload.networks.iter().any(|network| network.address == request.remote_ip);
    let known_elsewhere = snapshot.workloads.iter().flat_map(|workload| &workload.networks).any(|network| {
        network.address.is_some() && network.address == old.remote_ip && network.address != request.remote_ip
    });
    attached && !known_elsewhere && !super::super::state::keeps_state(snapshot, workload)
}

/// `pairing.state-readonly`: the client cannot keep its identity.
pub(super) fn state_readonly(context: Context<'_>, out: &mut Vec<Draft>) {
    for client in &context.snapshot.clients {
        let Some(device) = client.device.get() else { continue };
        let mount = read_only(context.snapshot, client);
        if device.state_writable && mount.is_none() {
            continue;
        }
        let dir = client.state_dir.as_deref().or(mount).unwrap_or("its state directory");
        let summary = format!("{} cannot write its identity and tokens to {dir}", client_name(client));
        let draft = Draft::new(Code::PairingStateReadonly, "client", client.id.clone(), summary)
            .client(client)
            .seen(format!("device {}", device.device_id), &client.device);
        // In a container the path is one of its own.
        out.push(match client.state_dir.as_deref().filter(|_| client.workload.is_none()) {
            Some(dir) => draft.state_dir(dir),
            None => draft,
        });
    }
}
