//! What gateways answer.

use std::collections::BTreeMap;
use std::time::Duration;

use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::Listener;
use portreeve_facts::Climb;
use portreeve_openclaw::endpoint::Target;

use crate::gateway::Draft;
use crate::site::Site;

/// Asks all gateways at once, each within what is left of the deadline.
pub(super) async fn climb_all(
    drafts: &[Option<Draft>],
    sites: &[Site],
    listeners: &Fact<Vec<Listener>>,
    left: Duration,
) -> Vec<Option<Climb>> {
    let asked = drafts.iter().zip(sites).map(|(draft, site)| async move {
        let draft = draft.as_ref()?;
        let seen = match (listeners.get(), listeners.blind()) {
            (Some(all), _) => Ok(on_port(all, draft.gateway.port)),
            (None, why) => Err(why.unwrap_or("listeners were not looked at")),
        };
        tokio::time::timeout(left, draft.ask(seen, site.uid)).await.ok()
    });
    futures_util::future::join_all(asked).await
}

/// How this node reaches each of its own gateways, by their ids.
pub(super) fn targets(drafts: &[Option<Draft>], listeners: &Fact<Vec<Listener>>) -> BTreeMap<String, Target> {
    let all = listeners.get().map(Vec::as_slice).unwrap_or_default();
    let target = |draft: &Draft| draft.target(&on_port(all, draft.gateway.port)).ok();
    drafts.iter().flatten().filter_map(|draft| Some((draft.gateway.id.clone(), target(draft)?))).gather()
}

pub(crate) fn on_port(listeners: &[Listener], port: u16) -> Vec<&Listener> {
    listeners.iter().filter(|listener| listener.port == port && !listener.foreign_netns).collect()
}

pub(crate) fn settle(draft: &mut Draft, climb: Climb) {
    let Climb { ladder, pairing, written } = climb;
    draft.gateway.ladder = ladder;
    draft.gateway.pairing = pairing;
    if let Some(written) = written {
        let known = draft.gateway.config.clone().map(|mut config| {
            written.note(&mut config);
            config
        });
        draft.gateway.config = known;
    }
}
