//! `bind.exposed`

use std::collections::BTreeSet;

use super::super::contained::run_at;
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::order::Gather as _;
use crate::snapshot::{AuthMode, Gateway, ProcessRole, SourceOutcome};

/// `bind.exposed`: a gateway listens where others reach it.
pub(super) fn exposed(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in snapshot.host_gateways() {
        let addresses: BTreeSet<String> = snapshot
            .listeners_on(gateway.port)
            .filter(|listener| !listener.foreign_netns && !listener.address.is_loopback())
            .filter(|listener| {
                listener.pids.iter().any(|pid| {
                    gateway.pids.contains(pid)
                        && snapshot.process(*pid).is_none_or(|process| process.role == ProcessRole::Gateway)
                })
            })
            .map(|listener| listener.address.to_string())
            .gather();
        if addresses.is_empty() {
            continue;
        }
        let addresses: Vec<String> = addresses.into_iter().collect();
        let addresses = addresses.join(", ");
        let weakness = weakness(context, gateway);
        let but = weakness.as_ref().map_or_else(String::new, |weakness| format!(", and {weakness}"));
        let mut draft = Draft::new(
            Code::BindExposed,
            "gateway",
            gateway.id.clone(),
            format!("the gateway on port {} listens on {addresses}, beyond this node{but}", gateway.port),
        )
        .gateway(gateway)
        .seen(format!("port {} is bound to {addresses}", gateway.port), &snapshot.listeners);
        if let Some(weakness) = weakness {
            draft = draft.severity(Severity::Error).seen(weakness, &gateway.credentials.mode);
        }
        out.push(draft.command(
            "bind it to loopback, and restart it; reach it through a tunnel",
            run_at(snapshot, gateway, "config set gateway.bind loopback"),
        ));
    }
}

/// Why whoever reaches the gateway may get in.
pub(crate) fn weakness(context: Context<'_>, gateway: &Gateway) -> Option<String> {
    let policy = context.policy;
    let credentials = &gateway.credentials;
    if credentials.mode.get()? == &AuthMode::None {
        return Some("it asks for no secret".to_owned());
    }
    let quality = credentials
        .sources
        .iter()
        .find(|source| matches!(source.outcome, SourceOutcome::Wins { .. }))
        .and_then(|source| source.quality.as_ref())?;
    if let Some(placeholder) = &quality.placeholder {
        return Some(format!("its secret is a placeholder ({placeholder})"));
    }
    (quality.length < policy.token_min_length || quality.entropy_bits < policy.token_min_entropy_bits)
        .then(|| "its secret is weak".to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::*;

    fn wide(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            value(&mut node.listeners)[0].address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            change(node);
        })
    }

    #[test]
    fn every_address_warns_and_errs_without_a_good_secret() {
        let warning = draft(exposed, &wide(|_| {}));
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(warning.summary, "the gateway on port 18789 listens on 0.0.0.0, beyond this node");
        let open = draft(exposed, &wide(|node| gateway(node).credentials.mode = known(AuthMode::None)));
        assert_eq!(open.severity, Severity::Error);
        assert!(open.summary.ends_with("and it asks for no secret"));
        let weak = wide(|node| gateway(node).credentials.sources[0].quality.as_mut().unwrap().length = 8);
        assert_eq!(draft(exposed, &weak).severity, Severity::Error);
    }

    #[test]
    fn what_is_hidden_of_the_secret_is_not_held_against_it() {
        let node = wide(|node| {
            gateway(node).credentials.mode = denied();
            gateway(node).credentials.sources.clear();
        });
        assert_eq!(draft(exposed, &node).severity, Severity::Warning);
    }

    #[test]
    fn a_foreign_listener_is_not_this_gateways_exposure() {
        assert!(silent(exposed, &wide(|node| value(&mut node.listeners)[0].pids = vec![99])));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(exposed, &healthy()));
        assert!(silent(exposed, &node(|node| node.listeners = denied())));
    }
}
