//! The way from clients in containers to their gateway: names, networks, ports and sockets.

mod bind;
mod reach;
mod socket;
mod stale;
mod url;
mod way;

#[cfg(test)]
mod hosts_tests;
#[cfg(test)]
mod tests;

pub(crate) use reach::reached;

use super::Rule;
use super::auth::client_name;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::Client;
use way::Way;

pub(super) const RULES: &[Rule] = &[
    bind::exposed,
    bind::loopback,
    bind::loopback_of_host,
    bind::mixed,
    socket::sockets,
    stale::namespace_of_last_start,
    url::loopback,
    url::no_shared_network,
    url::unresolvable,
    url::wrong_port,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::UrlLoopbackInNamespace,
    Code::UrlNoSharedNetwork,
    Code::UrlMixed,
    Code::BindLoopback,
    Code::SocketMissing,
    Code::SocketDenied,
];

fn client(client: &Client) -> String {
    client_name(client)
}

/// A finding about the way of a client, with its URL and what came of it.
fn about(context: Context<'_>, code: Code, way: &Way<'_>, summary: String) -> Draft {
    let url = &way.url.url;
    let words = format!("`{}://{}:{}` from {}", url.scheme, url.host, url.port, way.url.source);
    let mut draft = Draft::new(code, "client", way.client.id.clone(), summary).client(way.client).gateway(way.gateway);
    draft = match way.here.place(Way::URL_KEY) {
        Some(place) => draft.written(words, Some(place), context.snapshot.taken_at),
        None => draft.seen(words, &way.client.url),
    };
    match way.client.handshake.failure() {
        Some(failure) => draft.answered(failure.message.clone(), "handshake of the client", &way.client.handshake),
        None => draft,
    }
}

/// What else a client needs for such a URL: it sends no secret in the clear to a name that it does not know to be private.
fn explain_plaintext(draft: Draft, way: &Way<'_>) -> Draft {
    let named = way.here.environment.iter().any(|name| name == "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS");
    if named || way.together || way.right_url().starts_with("wss") {
        return draft;
    }
    draft.remedy(
        "with `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1` beside it, on a network that is trusted as a whole: the client \
         refuses `ws://` to a name otherwise",
    )
}
