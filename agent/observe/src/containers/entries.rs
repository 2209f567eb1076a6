//! Gateways and clients of containers, as the snapshot keeps those of the host.

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{
    Client, ClientKind, Credentials, Expectation, Gateway, Ladder, NamespaceView, Probe, Workload, WorkloadRole,
};
use portreeve_facts::untried;
use portreeve_facts::workload::{Definition, listens_as_gateway};

use crate::engine::Seen;

const SOURCE: &str = "probe";

/// The gateway of a workload. What was seen within it decides; without a probe nothing of it is known but that it is there.
pub(crate) fn gateway(workload: &Workload, expected: Expectation, at: Timestamp) -> Option<Gateway> {
    if workload.role != WorkloadRole::Gateway {
        return None;
    }
    let seen = workload.view.get().and_then(|view| view.gateway.as_ref());
    let why = why_unseen(workload);
    let (port, port_source) = match (seen, &workload.listens) {
        (Some(seen), _) => (seen.port, seen.port_source.clone()),
        (None, Some(listens)) => (listens.port, listens.port_source.clone()),
        (None, None) => (portreeve_openclaw::port::DEFAULT_PORT, "the default".to_owned()),
    };
    Some(Gateway {
        id: workload.id.clone(),
        user: None,
        profile: None,
        state_dir: None,
        workload: Some(workload.id.clone()),
        expected: vec![expected],
        config: seen.map_or_else(|| Fact::unreadable(&why, SOURCE, at), |seen| seen.config.clone()),
        port,
        port_source,
        pids: Vec::new(),
        units: Vec::new(),
        credentials: given(
            credentials(workload, seen.map(|seen| &seen.credentials), &why, at),
            workload,
            seen.map(|seen| &seen.ladder),
        ),
        ladder: seen.map_or_else(|| untried(&why, port, at), |seen| seen.ladder.clone()),
        pairing: seen.map_or_else(|| Fact::unreadable(&why, SOURCE, at), |seen| seen.pairing.clone()),
        log: Fact::unreadable("the log of its container was not read", "container logs", at),
        connects: None,
    })
}

/// The client of a workload. That of a service that no probe looked from is what its files tell.
pub(crate) fn client(seen: &Seen, at: Timestamp) -> Option<Client> {
    let workload = &seen.workload;
    if let (Some(written), None) = (&seen.client, workload.view.get()) {
        return Some(written.clone());
    }
    let kind = match workload.role {
        WorkloadRole::Cli => ClientKind::Cli,
        WorkloadRole::NodeHost => ClientKind::NodeHost,
        _ => return None,
    };
    let seen = workload.view.get().and_then(|view| view.client.as_ref());
    let why = why_unseen(workload);
    Some(Client {
        id: workload.id.clone(),
        kind,
        user: None,
        state_dir: None,
        pid: None,
        workload: Some(workload.id.clone()),
        url: seen.map_or_else(|| Fact::unreadable(&why, SOURCE, at), |seen| seen.url.clone()),
        gateway: None,
        credentials: credentials(workload, seen.map(|seen| &seen.credentials), &why, at),
        device: seen.map_or_else(|| Fact::unreadable(&why, SOURCE, at), |seen| seen.device.clone()),
        handshake: seen.map_or_else(|| Probe::not_tried(&why, at), |seen| seen.handshake.clone()),
        connect: seen.map_or_else(|| Probe::not_tried(&why, at), |seen| seen.connect.clone()),
        acceptance: None,
        connects: None,
    })
}

/// Where a gateway listens, with the configuration that was seen within its container.
pub(crate) fn refine_listens(workload: &mut Workload, definition: &Definition) {
    if workload.role != WorkloadRole::Gateway {
        return;
    }
    let config = workload.view.get().and_then(|view: &NamespaceView| view.gateway.as_ref()?.config.get());
    if let Some(config) = config {
        workload.listens = Some(listens_as_gateway(definition, Some(config)));
    }
}

fn why_unseen(workload: &Workload) -> String {
    match (workload.view.blind(), workload.view.get()) {
        (Some(why), _) => why.to_owned(),
        (None, Some(_)) => "the probe in its namespaces did not tell".to_owned(),
        (None, None) => "no probe was run in its namespaces".to_owned(),
    }
}

/// What was seen within. A variable is written in the project's files, where these are known.
fn credentials(workload: &Workload, seen: Option<&Credentials>, why: &str, at: Timestamp) -> Credentials {
    let Some(seen) = seen else { return unseen_credentials(why, at) };
    let mut credentials = seen.clone();
    for source in credentials.sources.iter_mut().filter(|source| source.path.is_none() && source.place.is_none()) {
        let variable = source.location.split('`').nth(1);
        source.place = variable.and_then(|name| workload.place(&format!("environment.{name}"))).cloned();
        let same = workload.written.iter().find(|written| written.is_same_variable(source));
        source.path = same.filter(|written| written.fingerprint == source.fingerprint).and_then(|one| one.path.clone());
    }
    credentials
}

/// A gateway that answers beyond the loopback was given a secret, as it refuses to start without: one that is nowhere written comes from what
/// its container ran before it.
fn given(credentials: Credentials, workload: &Workload, ladder: Option<&Ladder>) -> Credentials {
    let answers = ladder.is_some_and(|ladder| ladder.healthz.answer().is_some());
    let is_beyond = workload.listens.as_ref().is_some_and(|listens| !listens.loopback_only);
    if !(credentials.runtime_only && answers && is_beyond) {
        return credentials;
    }
    let why = "its secret is in no definition and no file: what the container runs before the gateway may set it";
    let blind = credentials.blind.iter().cloned().chain([why.to_owned()]).collect();
    Credentials { runtime_only: false, blind, ..credentials }
}

fn unseen_credentials(why: &str, at: Timestamp) -> Credentials {
    Credentials {
        mode: Fact::unreadable(why, SOURCE, at),
        mode_reason: String::new(),
        mode_flipped: false,
        sources: Vec::new(),
        winner: None,
        refusal: None,
        remote_only: false,
        runtime_only: false,
        blind: vec![why.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::snapshot::{Listens, Liveness};
    use portreeve_facts::workload::Definition;

    use super::*;
    use crate::engine::test_workload;

    fn blind_of(answers: bool, loopback_only: bool) -> (bool, usize) {
        let at = Timestamp::UNIX_EPOCH;
        let mut workload = test_workload("gateway", &Definition::default());
        workload.role = WorkloadRole::Gateway;
        workload.listens = Some(Listens {
            port: 18_789,
            port_source: "the default".to_owned(),
            bind: if loopback_only { "loopback" } else { "lan" }.to_owned(),
            bind_source: "--bind of its command".to_owned(),
            bind_key: "command".to_owned(),
            loopback_only,
        });
        let credentials = Credentials { runtime_only: true, blind: Vec::new(), ..unseen_credentials("none", at) };
        let mut ladder = untried("no probe", 18_789, at);
        if answers {
            ladder.healthz = Probe::answered(Liveness { ok: true }, 1.0, at);
        }
        let given = given(credentials, &workload, Some(&ladder));
        (given.runtime_only, given.blind.len())
    }

    #[test]
    fn a_gateway_that_answers_beyond_the_loopback_made_no_secret_of_its_own() {
        assert_eq!(blind_of(true, false), (false, 1));
        assert_eq!(blind_of(true, true), (true, 0));
        assert_eq!(blind_of(false, false), (true, 0));
    }
}
