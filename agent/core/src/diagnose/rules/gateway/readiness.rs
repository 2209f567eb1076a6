//! `gateway.not-ready`, `gateway.stalled`, `gateway.breaker`

use super::super::container::stage::{Stage, stage};
use super::super::life::{Life, events, life, span, started};
use super::phase::is_draining;
use crate::catalogue::Code;
use crate::diagnose::rules::contained::place_named;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, event};

/// Milliseconds after which a gateway's event loop has its start behind it. The loop is degraded in the first seconds of every start.
const SETTLED_MS: u64 = 60_000;

/// `gateway.not-ready`: the gateway answers, and says that it is not live, not started or not ready.
pub(super) fn not_ready(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        if is_draining(gateway)
            || matches!(stage(context, gateway), Stage::Starting(..) | Stage::Down(..))
            || matches!(life(context, gateway), Life::Starting(..) | Life::Stopped(_) | Life::Deaf(_))
        {
            continue;
        }
        let ladder = &gateway.ladder;
        let what = match (ladder.healthz.answer(), ladder.startupz.answer(), ladder.readyz.answer()) {
            (Some(live), ..) if !live.ok => "answers `ok: false` to `/healthz`".to_owned(),
            (_, Some(startup), _) if startup.status != "started" => {
                let since = startup.uptime_ms.map_or_else(String::new, |ms| {
                    format!(" after {}", span(i64::try_from(ms / 1_000).unwrap_or(i64::MAX)))
                });
                let waits =
                    startup.pending_reason.as_ref().map_or_else(String::new, |why| format!(", waits for `{why}`"));
                format!("is still `{}`{since}{waits}", startup.status)
            }
            (.., Some(ready)) if !ready.ready || !ready.failing.is_empty() => {
                if ready.failing.is_empty() {
                    "is not ready and does not say why".to_owned()
                } else {
                    format!("is not ready: {} failing", list(&ready.failing))
                }
            }
            _ => continue,
        };
        let mut draft = Draft::new(
            Code::GatewayNotReady,
            "gateway",
            gateway.id.clone(),
            format!("the gateway in {} {what}", place_named(&gateway.id)),
        )
        .gateway(gateway)
        .answered(what, format!("GET /readyz of {}", ladder.target), &ladder.readyz);
        for item in ladder.readyz.answer().into_iter().flat_map(|ready| &ready.failing) {
            draft = draft.remedy(advice(item));
        }
        out.push(draft);
    }
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

/// What to do about one item of the `failing` list.
fn advice(item: &str) -> String {
    if let Some(agent) = item.strip_prefix("agent-database:") {
        return format!(
            "the database of agent `{agent}` is not admitted: see the gateway's log for its integrity check"
        );
    }
    match item {
        "startup-sidecars" => {
            "sidecars did not come up: see the gateway's log after `starting channels and sidecars`".to_owned()
        }
        "plugin-reload" => {
            "plugins are being reloaded: wait, then see the gateway's log for the plugin that hangs".to_owned()
        }
        "state-database" => {
            "the state database does not answer: free disk space, permissions, `database` lines of the log".to_owned()
        }
        "internal" => "the gateway's own readiness check failed: see its log".to_owned(),
        channel => format!("`{channel}` fails: `openclaw channels status --probe` shows its error"),
    }
}

/// `gateway.stalled`: the event loop is late.
pub(super) fn stalled(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let ladder = &gateway.ladder;
        let Some(event_loop) = ladder.readyz.answer().and_then(|ready| ready.event_loop.as_ref()) else { continue };
        let uptime = ladder.startupz.answer().and_then(|startup| startup.uptime_ms);
        if uptime.is_some_and(|ms| ms < SETTLED_MS) {
            continue;
        }
        let bar = context.policy.event_loop_delay_ms;
        let what = match event_loop.delay_max_ms {
            Some(delay) if delay > bar => format!("was late by {delay:.0} ms, the bar is {bar:.0} ms"),
            None if event_loop.degraded => "is degraded by its own judgement".to_owned(),
            Some(_) | None => continue,
        };
        let mut draft = Draft::new(
            Code::GatewayStalled,
            "gateway",
            gateway.id.clone(),
            format!("the event loop of the gateway in {} {what}", place_named(&gateway.id)),
        )
        .gateway(gateway)
        .answered(what, format!("GET /readyz of {}", ladder.target), &ladder.readyz);
        if let Some(utilization) = event_loop.utilization {
            draft = draft.answered(
                format!("the loop is in use {:.0} % of the time", utilization * 100.0),
                format!("GET /readyz of {}", ladder.target),
                &ladder.readyz,
            );
        }
        out.push(draft);
    }
}

/// `gateway.breaker`: everything is green, and no channel runs, because too many runs ended badly.
pub(super) fn breaker(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let ladder = &gateway.ladder;
        let ready = ladder.readyz.answer();
        let suppressed = ready.map(|ready| ready.suppressed.as_slice()).unwrap_or_default();
        if suppressed.is_empty() && !tripped_by_log(context, gateway) {
            continue;
        }
        let who = if suppressed.is_empty() { "its channels".to_owned() } else { list(suppressed) };
        let mut draft = Draft::new(
            Code::GatewayBreaker,
            "gateway",
            gateway.id.clone(),
            format!(
                "the gateway in {} looks ready, and its crash-loop breaker keeps {who} from starting",
                place_named(&gateway.id)
            ),
        )
        .gateway(gateway);
        if !suppressed.is_empty() {
            draft = draft.answered(
                format!("`suppressed`: {}", suppressed.join(", ")),
                format!("GET /readyz of {}", ladder.target),
                &ladder.readyz,
            );
        }
        for event in events(gateway, event::BREAKER_TRIPPED).chain(events(gateway, event::STABILITY_BUNDLE)) {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        if let Some(records) = super::super::life::state_of(context, gateway).map(|dir| &dir.records)
            && let Some(known) = records.get()
        {
            for boot in known.boots.iter().filter(|boot| boot.outcome.as_deref() != Some("clean_stop")).take(4) {
                let end = boot.outcome.as_deref().unwrap_or("no clean end");
                let why = boot.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                draft = draft.seen(format!("run since {}: {end}{why}", boot.started_at), records);
            }
        }
        out.push(draft);
    }
}

/// Where `/readyz` gave no details, the log tells.
fn tripped_by_log(context: Context<'_>, gateway: &Gateway) -> bool {
    let detailed = gateway.ladder.readyz.answer().is_some_and(|ready| ready.detailed);
    let has_channels = gateway.config.get().is_some_and(|config| !config.channels.is_empty());
    let start = match life(context, gateway) {
        Life::Listening(process) => started(context, gateway, process),
        _ => None,
    };
    let Some(start) = start.filter(|_| !detailed && has_channels) else { return false };
    let last = |kind| events(gateway, kind).filter_map(|event| event.at).filter(|at| *at >= start).max();
    last(event::BREAKER_TRIPPED)
        .is_some_and(|tripped| last(event::BREAKER_RECOVERED).is_none_or(|recovered| recovered < tripped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn failing(item: &str) -> Snapshot {
        node(|node| {
            let ready = answer(&mut gateway(node).ladder.readyz);
            (ready.ready, ready.failing) = (false, vec![item.to_owned()]);
        })
    }

    #[test]
    fn each_failing_item_is_named_with_what_to_do() {
        let node = failing("agent-database:main");
        let draft = draft(not_ready, &node);
        assert_eq!(draft.summary, "the gateway in `/Users/op/.openclaw` is not ready: `agent-database:main` failing");
        assert!(draft.remedy[0].text.contains("agent `main`"));
        assert_eq!(root_causes(&node), [Code::GatewayNotReady]);
    }

    #[test]
    fn a_start_past_its_budget_is_an_error() {
        let node = node(|node| {
            let startup = answer(&mut gateway(node).ladder.startupz);
            (startup.status, startup.pending_reason) = ("starting".to_owned(), Some("startup-sidecars".to_owned()));
            answer(&mut gateway(node).ladder.readyz).ready = false;
        });
        assert_eq!(
            draft(not_ready, &node).summary,
            "the gateway in `/Users/op/.openclaw` is still `starting` after 59 min, waits for `startup-sidecars`"
        );
    }

    #[test]
    fn draining_is_not_failing() {
        assert!(silent(not_ready, &failing("gateway-draining")));
    }

    #[test]
    fn a_late_event_loop_warns_once_the_start_is_over() {
        let mut node = node(|node| {
            let event_loop = answer(&mut gateway(node).ladder.readyz).event_loop.as_mut().unwrap();
            (event_loop.degraded, event_loop.delay_max_ms) = (true, Some(9_110.0));
        });
        assert_eq!(
            draft(stalled, &node).summary,
            "the event loop of the gateway in `/Users/op/.openclaw` was late by 9110 ms, the bar is 1000 ms"
        );
        assert_eq!(report(&node).verdict, Verdict::Degraded);
        answer(&mut gateway(&mut node).ladder.startupz).uptime_ms = Some(4_000);
        assert!(silent(stalled, &node));
    }

    #[test]
    fn suppressed_channels_block_a_gateway_that_looks_ready() {
        let node = node(|node| answer(&mut gateway(node).ladder.readyz).suppressed = vec!["telegram".to_owned()]);
        assert_eq!(
            draft(breaker, &node).summary,
            "the gateway in `/Users/op/.openclaw` looks ready, and its crash-loop breaker keeps `telegram` from starting"
        );
        assert_eq!(root_causes(&node), [Code::GatewayBreaker]);
        assert_eq!(report(&node).exit_status(false), 76);
    }

    #[test]
    fn without_details_the_log_of_this_run_tells_of_the_breaker() {
        let mut node = node(|node| {
            answer(&mut gateway(node).ladder.readyz).detailed = false;
            value(&mut gateway(node).config).channels = vec!["telegram".to_owned()];
            log_event(node, 100, event::BREAKER_TRIPPED, "restart-loop breaker tripped: 3 unclean boots", &[]);
        });
        assert_eq!(drafts(breaker, &node).len(), 1);
        log_event(&mut node, 50, event::BREAKER_RECOVERED, "restart-loop breaker recovered", &[]);
        assert!(silent(breaker, &node));
    }

    #[test]
    fn healthy_or_unasked_they_say_nothing() {
        let unasked = node(|node| {
            let ladder = &mut gateway(node).ladder;
            (ladder.healthz, ladder.startupz, ladder.readyz) = (untried(), untried(), untried());
        });
        for rule in [not_ready, stalled, breaker] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &unasked));
        }
    }
}
