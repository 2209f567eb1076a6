//! `ingress.failing`

use super::super::proxy::{gateway_of as gateway_behind, name};
use super::{about, gateway_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Gateway};

/// Whether a gateway itself is well.
fn is_ready(gateway: &Gateway) -> bool {
    gateway.ladder.readyz.answer().is_some_and(|ready| ready.ready)
}

/// `ingress.failing`: the way for web hooks is broken, and the gateway is not.
pub(in super::super) fn ingress(context: Context<'_>, out: &mut Vec<Draft>) {
    for ingress in &context.snapshot.ingresses {
        let Some(gateway) = gateway_of(context.snapshot, ingress).filter(|gateway| is_ready(gateway)) else { continue };
        let Some(status) = ingress.answer.answer().filter(|status| **status >= 500) else { continue };
        let summary = format!(
            "`{}` answers with HTTP status {status}, and the gateway on port {} is ready",
            ingress.id, gateway.port
        );
        out.push(
            about(context, Code::IngressFailing, ingress, summary)
                .gateway(gateway)
                .answered(format!("HTTP status {status}"), ingress.id.clone(), &ingress.answer)
                .answered("`/readyz` says ready", gateway.ladder.target.clone(), &gateway.ladder.readyz),
        );
    }
}

/// The same of a proxy that cannot reach the gateway behind it.
pub(in super::super) fn proxy(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in &context.snapshot.proxies {
        let Some(gateway) = gateway_behind(context.snapshot, route).filter(|gateway| is_ready(gateway)) else {
            continue;
        };
        let refused = route.through.failure().filter(|failure| failure.kind == FailureKind::HttpStatus);
        let (Some(failure), Some(status @ 502..=504)) = (refused, refused.and_then(|failure| failure.http_status))
        else {
            continue;
        };
        // Plain requests arrive, or the scheme or the upgrade is wrong: other findings.
        let wrong_scheme = route
            .upstream
            .as_ref()
            .is_some_and(|upstream| (upstream.scheme == "wss") != gateway.ladder.target.starts_with("wss://"));
        let no_upgrade = route.config.get().is_some_and(|config| !config.upgrade);
        if route.http.is_some_and(|status| status < 500) || wrong_scheme || no_upgrade {
            continue;
        }
        let summary = format!(
            "{} answers with HTTP status {status}, and the gateway on port {} is ready",
            name(route),
            gateway.port
        );
        let draft = super::super::proxy::about(context, Code::IngressFailing, route, summary)
            .answered(failure.message.clone(), route.id.clone(), &route.through)
            .answered("`/readyz` says ready", gateway.ladder.target.clone(), &gateway.ladder.readyz);
        out.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::with_ingress;
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::diagnose::rules::proxy::fixture::{behind, refused};

    #[test]
    fn a_502_before_a_ready_gateway_is_the_root_cause() {
        let node = with_ingress(|ingress| ingress.answer = answered(502));
        assert!(
            draft(super::ingress, &node).summary.ends_with("HTTP status 502, and the gateway on port 18789 is ready")
        );
        assert_eq!(root_causes(&node), [Code::IngressFailing]);
    }

    #[test]
    fn a_refused_hook_and_a_gateway_that_is_down_are_none() {
        assert!(silent(super::ingress, &with_ingress(|ingress| ingress.answer = answered(401))));
        let mut node = with_ingress(|ingress| ingress.answer = answered(502));
        gateway(&mut node).ladder.readyz = untried();
        assert!(silent(super::ingress, &node));
    }

    #[test]
    fn a_proxy_that_reaches_nobody_is_told_from_one_that_drops_upgrades() {
        let broken = behind(|route| {
            route.through = refused(502, None);
            route.http = Some(502);
        });
        assert_eq!(root_causes(&broken), [Code::IngressFailing]);
        let dropped = behind(|route| route.through = refused(502, None));
        assert!(silent(super::proxy, &dropped));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [super::ingress, super::proxy] {
            assert!(silent(rule, &healthy()) && silent(rule, &with_ingress(|_| {})) && silent(rule, &behind(|_| {})));
        }
    }
}
