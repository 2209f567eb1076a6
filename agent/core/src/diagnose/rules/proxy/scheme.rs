//! `url.wrong-scheme` on the way through a proxy: TLS twice, or not at all.

use super::{about, as_written, gateway_of, location, name, reload};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Gateway, ProxyRoute};

/// `url.wrong-scheme`: a proxy or its clients speak TLS where the other side does not, or the other way round.
pub(in super::super) fn wrong(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in context.snapshot.proxies.iter().filter(|route| route.through.answer().is_none()) {
        if let Some(draft) = behind(context, route).or_else(|| before(context, route)) {
            out.push(draft);
        }
    }
}

/// Between the proxy and the gateway.
fn behind(context: Context<'_>, route: &ProxyRoute) -> Option<Draft> {
    let upstream = route.upstream.as_ref()?;
    let gateway = gateway_of(context.snapshot, route)?;
    let speaks_tls = speaks_tls(gateway)?;
    let passes_tls = upstream.scheme == "wss";
    if passes_tls == speaks_tls {
        return None;
    }
    let scheme = |tls: bool| if tls { "https" } else { "http" };
    let right = scheme(speaks_tls);
    let summary = format!(
        "{} passes requests on to `{}://{}:{}`, and the gateway there speaks plain `{right}`",
        name(route),
        scheme(passes_tls),
        upstream.host,
        upstream.port
    );
    let summary = if speaks_tls { summary.replace("speaks plain `https`", "speaks TLS") } else { summary };
    let words = format!("`{}` to port {}", scheme(passes_tls), upstream.port);
    let mut draft = about(context, Code::UrlWrongScheme, route, summary);
    if let Some(failure) = route.through.failure() {
        draft = draft.answered(format!("through the proxy: {}", failure.message), route.id.clone(), &route.through);
    }
    draft = as_written(draft, route, "upstream", &words, context.snapshot.taken_at);
    draft = draft.seen(if speaks_tls { "TLS is on" } else { "TLS is off" }, &gateway.config);
    let to = format!("{right}://{}:{}", upstream.host, upstream.port);
    let draft = draft.remedy(match route.program.as_str() {
        "nginx" => format!("write `proxy_pass {to};`{}", location(route, "upstream")),
        "caddy" => format!("write `reverse_proxy {to}`{}", location(route, "upstream")),
        _ => format!("let it pass requests on to `{to}`"),
    });
    Some(reload(context, route, draft))
}

/// Whether a gateway speaks TLS: as it answered, else as it is configured.
fn speaks_tls(gateway: &Gateway) -> Option<bool> {
    if gateway.ladder.handshake.answer().is_some() {
        return Some(gateway.ladder.target.starts_with("wss://"));
    }
    match gateway.config.get() {
        Some(config) => Some(config.tls),
        None => gateway.config.is_absent().then_some(false),
    }
}

/// Between the clients and the proxy.
fn before(context: Context<'_>, route: &ProxyRoute) -> Option<Draft> {
    let front = &route.front;
    let failure = route.through.failure()?;
    let (right, what) = match front.scheme.as_str() {
        "wss" if failure.kind == FailureKind::Tls && route.tls.is_absent() => ("ws", "does not speak TLS"),
        "ws" if route.tls.get().is_some() => ("wss", "speaks TLS"),
        _ => return None,
    };
    let summary = format!("clients of {} would speak `{}`, and the port {what}", name(route), front.scheme);
    let draft = about(context, Code::UrlWrongScheme, route, summary)
        .answered(failure.message.clone(), route.id.clone(), &route.through)
        .seen(format!("port {} {what}", front.port), &route.tls);
    Some(draft.remedy(format!("use `{right}://{}:{}`, or let the port speak the other", front.host, front.port)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{behind as behind_route, refused, untried_both};
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Phase;

    #[test]
    fn https_to_the_plain_port_is_the_root_cause() {
        let node = behind_route(|route| {
            route.upstream.as_mut().unwrap().scheme = "wss".to_owned();
            (route.through, route.http) = (refused(502, None), Some(502));
        });
        let draft = draft(wrong, &node);
        assert_eq!(
            draft.summary,
            "`nginx` at `claw.example:443` passes requests on to `https://127.0.0.1:18789`, and the gateway there speaks plain `http`"
        );
        assert_eq!(
            draft.remedy[0].text,
            "write `proxy_pass http://127.0.0.1:18789;` at /etc/nginx/conf.d/claw.conf:13:9"
        );
        assert_eq!(root_causes(&node), [Code::UrlWrongScheme]);
    }

    #[test]
    fn plain_to_a_gateway_with_tls() {
        let mut node = behind_route(|route| route.through = refused(502, None));
        gateway(&mut node).ladder.target = "wss://127.0.0.1:18789".to_owned();
        assert!(draft(wrong, &node).summary.ends_with("`http://127.0.0.1:18789`, and the gateway there speaks TLS"));
    }

    #[test]
    fn what_is_only_written_is_judged_by_the_configuration() {
        let written = |tls: bool| {
            let mut node = behind_route(|route| {
                route.upstream.as_mut().unwrap().scheme = "wss".to_owned();
                untried_both(route);
            });
            let gateway = gateway(&mut node);
            gateway.ladder.handshake = untried();
            value(&mut gateway.config).tls = tls;
            node
        };
        assert_eq!(drafts(wrong, &written(false)).len(), 1);
        assert!(silent(wrong, &written(true)));
    }

    #[test]
    fn the_front_may_speak_another_scheme_than_its_clients() {
        let node = behind_route(|route| {
            route.tls = absent();
            route.through = failed(Phase::Tls, FailureKind::Tls);
        });
        assert!(draft(wrong, &node).summary.ends_with("would speak `wss`, and the port does not speak TLS"));
        let node = behind_route(|route| {
            route.front.scheme = "ws".to_owned();
            route.through = refused(400, None);
        });
        assert!(draft(wrong, &node).summary.ends_with("would speak `ws`, and the port speaks TLS"));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(wrong, &healthy()) && silent(wrong, &behind_route(|_| {})));
        let mut hidden = behind_route(|route| {
            route.upstream.as_mut().unwrap().scheme = "wss".to_owned();
            untried_both(route);
        });
        gateway(&mut hidden).config = denied();
        gateway(&mut hidden).ladder.handshake = untried();
        assert!(silent(wrong, &hidden));
    }
}
