//! `proxy.no-upgrade`

use super::{about, as_written, location, name, reload};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Failure, FailureKind, Phase, ProbeOutcome, ProxyRoute};

/// `proxy.no-upgrade`: the way through the proxy ends at the upgrade, and the way around it does not.
pub(in super::super) fn dropped(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in context.snapshot.proxies.iter().filter(|route| !route.http_only) {
        let says_no = route.config.get().is_some_and(|config| !config.upgrade);
        let draft = match &route.through.outcome {
            ProbeOutcome::Failed { failure } => {
                let Some(status) = refused_upgrade(route, failure, says_no) else { continue };
                let summary = format!(
                    "{} answers the WebSocket upgrade with HTTP status {status}, and the gateway itself grants it",
                    name(route)
                );
                about(context, Code::ProxyNoUpgrade, route, summary)
                    .answered(format!("through the proxy: {}", failure.message), route.id.clone(), &route.through)
                    .answered("direct: the challenge came", "handshake with the gateway", &route.direct)
            }
            ProbeOutcome::NotTried { .. } if says_no => {
                let summary = format!("{} does not pass the WebSocket upgrade on", name(route));
                about(context, Code::ProxyNoUpgrade, route, summary)
            }
            ProbeOutcome::Answered { .. } | ProbeOutcome::NotTried { .. } => continue,
        };
        let draft = if says_no {
            as_written(draft, route, "upgrade", "the upgrade is not passed on", context.snapshot.taken_at)
        } else {
            draft
        };
        out.push(reload(context, route, remedies(route, draft)));
    }
}

/// The status by which an upgrade was refused that the gateway grants.
fn refused_upgrade(route: &ProxyRoute, failure: &Failure, says_no: bool) -> Option<u16> {
    if failure.phase != Phase::Http || route.direct.answer().is_none() {
        return None;
    }
    match (failure.kind, failure.http_status) {
        // It speaks plain HTTP to a port with TLS: another finding.
        (_, Some(400)) if route.front.scheme == "ws" && route.tls.get().is_some() => None,
        (
            FailureKind::HttpStatus | FailureKind::NotOpenClaw,
            Some(status @ (200 | 400 | 404 | 405 | 426 | 500 | 501)),
        ) => Some(status),
        // A proxy that cannot reach the gateway at all says the same.
        (FailureKind::HttpStatus, Some(status @ (502..=504))) if says_no || route.http == Some(200) => Some(status),
        _ => None,
    }
}

fn remedies(route: &ProxyRoute, draft: Draft) -> Draft {
    match route.program.as_str() {
        "nginx" => draft.remedy(format!(
            "add to the location{}: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
             proxy_set_header Connection \"upgrade\";` (a location with any `proxy_set_header` inherits none)",
            location(route, "")
        )),
        "caddy" => draft.remedy(format!(
            "Caddy passes upgrades on by itself: take out what removes `Upgrade` or `Connection` or asks for HTTP/2{}",
            location(route, "upgrade")
        )),
        _ => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::diagnose::fixture::*;

    #[test]
    fn an_upgrade_that_ends_at_the_proxy_is_the_root_cause() {
        let node = behind(|route| {
            value(&mut route.config).upgrade = false;
            route.through = refused(200, None);
        });
        let draft = draft(dropped, &node);
        assert_eq!(
            draft.summary,
            "`nginx` at `claw.example:443` answers the WebSocket upgrade with HTTP status 200, and the gateway itself grants it"
        );
        assert!(
            draft.remedy[0].text.starts_with("add to the location at /etc/nginx/conf.d/claw.conf:12:5: `proxy_http")
        );
        assert_eq!(draft.remedy[1].command.as_deref(), Some("nginx -t && nginx -s reload"));
        assert_eq!(root_causes(&node), [Code::ProxyNoUpgrade]);
    }

    #[test]
    fn what_is_only_written_is_told_with_its_place() {
        let node = behind(|route| {
            value(&mut route.config).upgrade = false;
            untried_both(route);
        });
        let draft = draft(dropped, &node);
        assert_eq!(draft.summary, "`nginx` at `claw.example:443` does not pass the WebSocket upgrade on");
        assert_eq!(draft.evidence[0].place.as_ref().unwrap().line, 12);
    }

    #[test]
    fn what_works_disproves_what_is_written() {
        assert!(silent(dropped, &behind(|route| value(&mut route.config).upgrade = false)));
    }

    #[test]
    fn a_bad_gateway_is_told_from_a_dropped_upgrade() {
        let node = behind(|route| (route.through, route.http) = (refused(502, None), Some(502)));
        assert!(silent(dropped, &node));
        let node = behind(|route| {
            route.through = refused(502, None);
            route.http = Some(200);
        });
        assert_eq!(drafts(dropped, &node).len(), 1);
    }

    #[test]
    fn a_gateway_that_is_down_a_hook_and_a_login_are_no_dropped_upgrade() {
        let node = behind(|route| {
            route.through = refused(426, None);
            route.direct = failed(Phase::Tcp, FailureKind::Refused);
        });
        assert!(silent(dropped, &node));
        for status in [301, 401, 403, 429] {
            assert!(silent(dropped, &behind(|route| route.through = refused(status, None))), "{status}");
        }
        let node = behind(|route| {
            value(&mut route.config).upgrade = false;
            route.http_only = true;
            untried_both(route);
        });
        assert!(silent(dropped, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(dropped, &healthy()) && silent(dropped, &behind(|_| {})));
        let node = behind(|route| {
            route.config = denied();
            untried_both(route);
        });
        assert!(silent(dropped, &node));
    }
}
