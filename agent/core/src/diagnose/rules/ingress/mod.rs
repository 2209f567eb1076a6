//! What takes web hooks: where it passes them on to, and whether they arrive.

mod failing;
mod split;

use super::super::Rule;
use crate::Snapshot;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Ingress};

pub(super) const RULES: &[Rule] = &[failing::ingress, failing::proxy, split::elsewhere];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::IngressSplit, Code::IngressFailing];

/// The gateway at which an ingress ends.
fn gateway_of<'a>(snapshot: &'a Snapshot, ingress: &Ingress) -> Option<&'a Gateway> {
    snapshot.gateways.iter().find(|gateway| ingress.gateway.as_ref() == Some(&gateway.id))
}

/// A finding on an ingress, with the place of its target.
fn about(context: Context<'_>, code: Code, ingress: &Ingress, summary: String) -> Draft {
    let target = &ingress.target;
    let words = format!("`{}` is {}://{}:{}", ingress.source, target.scheme, target.host, target.port);
    let draft = Draft::new(code, "ingress", ingress.id.clone(), summary);
    let draft = match &ingress.place {
        Some(place) => draft.written(words, Some(place), context.snapshot.taken_at),
        None => draft.evidence(words, ingress.source.clone(), context.snapshot.taken_at),
    };
    match ingress.workload.as_deref().and_then(|id| context.snapshot.workload(id)) {
        Some(workload) => draft.workload(workload),
        None => draft,
    }
}

#[cfg(test)]
mod fixture {
    use crate::Snapshot;
    use crate::diagnose::fixture::*;
    use crate::diagnose::rules::proxy::fixture::workload;
    use crate::snapshot::{GatewayUrl, Ingress, WorkloadRole};

    /// The healthy gateway, and n8n that passes web hooks on to it.
    pub(super) fn with_ingress(change: impl FnOnce(&mut Ingress)) -> Snapshot {
        let mut ingress = Ingress {
            id: "service:claw/n8n OPENCLAW_HOOKS_URL".to_owned(),
            workload: Some("service:claw/n8n".to_owned()),
            target: GatewayUrl {
                scheme: "ws".to_owned(),
                host: "gateway".to_owned(),
                port: PORT,
                path: "/…".to_owned(),
            },
            source: "OPENCLAW_HOOKS_URL of service n8n".to_owned(),
            place: None,
            gateway: Some(STATE.to_owned()),
            answer: untried(),
        };
        change(&mut ingress);
        node(|node| {
            node.workloads = vec![workload("n8n", WorkloadRole::Ingress)];
            node.ingresses = vec![ingress];
        })
    }
}
