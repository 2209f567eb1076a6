//! `proxy.buffering`

use super::{about, as_written, location, name, reload};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Phase, ProbeOutcome, ProxyRoute};

/// How much later than directly the challenge may come through a proxy, in milliseconds.
const SLACK_MS: f64 = 1_000.0;

/// `proxy.buffering`: the proxy keeps what the gateway says to itself.
pub(in super::super) fn held_back(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in context.snapshot.proxies.iter().filter(|route| !route.http_only) {
        // In nginx the switch has no bearing on what follows an upgrade.
        let collects = route.program != "nginx" && route.config.get().is_some_and(|config| config.buffering);
        let draft = match &route.through.outcome {
            ProbeOutcome::Answered { answer } => {
                let Some(direct) = route.direct.answer() else { continue };
                let late =
                    (answer.challenge_ms - direct.challenge_ms).max(route.through.elapsed_ms - route.direct.elapsed_ms);
                if late <= SLACK_MS {
                    continue;
                }
                let summary = format!("through {} the challenge comes {late:.0} ms later than directly", name(route));
                about(context, Code::ProxyBuffering, route, summary)
                    .answered(
                        format!("{:.0} ms through the proxy", route.through.elapsed_ms),
                        route.id.clone(),
                        &route.through,
                    )
                    .answered(
                        format!("{:.0} ms directly", route.direct.elapsed_ms),
                        "handshake with the gateway",
                        &route.direct,
                    )
            }
            ProbeOutcome::Failed { failure } => {
                let holds = failure.phase == Phase::Challenge
                    || failure.phase == Phase::Http && (collects || route.http == Some(200));
                if failure.kind != FailureKind::Timeout || !holds || route.direct.answer().is_none() {
                    continue;
                }
                let summary = format!("{} holds back what the gateway says: nothing came through in time", name(route));
                about(context, Code::ProxyBuffering, route, summary)
                    .severity(Severity::Error)
                    .answered(failure.message.clone(), route.id.clone(), &route.through)
                    .answered("direct: the challenge came", "handshake with the gateway", &route.direct)
            }
            ProbeOutcome::NotTried { .. } if collects => {
                let summary = format!("{} is told to collect answers before it passes them on", name(route));
                about(context, Code::ProxyBuffering, route, summary)
            }
            ProbeOutcome::NotTried { .. } => continue,
        };
        let draft = if collects {
            as_written(draft, route, "buffering", "answers are collected", context.snapshot.taken_at)
        } else {
            draft
        };
        out.push(reload(context, route, remedies(route, draft)));
    }
}

fn remedies(route: &ProxyRoute, draft: Draft) -> Draft {
    match route.program.as_str() {
        "caddy" => {
            draft.remedy(format!("take `buffer_responses` and `response_buffers` out{}", location(route, "buffering")))
        }
        "nginx" => draft.remedy("write `proxy_buffering off;` in its location, and look for a slow hop behind it"),
        _ => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::diagnose::fixture::*;

    #[test]
    fn a_late_challenge_warns() {
        let node = behind(|route| answer(&mut route.through).challenge_ms = 2_501.0);
        let draft = draft(held_back, &node);
        assert_eq!(draft.severity, Severity::Warning);
        assert_eq!(
            draft.summary,
            "through `nginx` at `claw.example:443` the challenge comes 2500 ms later than directly"
        );
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        let node = behind(|route| {
            route.program = "caddy".to_owned();
            value(&mut route.config).buffering = true;
            route.through = failed(Phase::Http, FailureKind::Timeout);
        });
        assert_eq!(root_causes(&node), [Code::ProxyBuffering]);
        let node = behind(|route| route.through = failed(Phase::Challenge, FailureKind::Timeout));
        assert_eq!(draft(held_back, &node).severity, Severity::Error);
    }

    #[test]
    fn what_is_only_written_counts_for_caddy_alone() {
        let written = |program: &str| {
            behind(|route| {
                route.program = program.to_owned();
                value(&mut route.config).buffering = true;
                untried_both(route);
            })
        };
        assert_eq!(drafts(held_back, &written("caddy")).len(), 1);
        assert!(silent(held_back, &written("nginx")));
    }

    #[test]
    fn a_proxy_that_is_down_holds_nothing_back() {
        assert!(silent(held_back, &behind(|route| route.through = failed(Phase::Tcp, FailureKind::Timeout))));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(held_back, &healthy()) && silent(held_back, &behind(|_| {})));
        let node = behind(|route| {
            route.config = denied();
            untried_both(route);
        });
        assert!(silent(held_back, &node));
    }
}
