//! `proxy.idle-cut`

use super::{about, as_written, gateway_of, location, name, reload};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, ProxyRoute};

/// Longest that a gateway is silent on a connection that it has let in, in milliseconds: it pings each (`websocket-keepalive`), between its
/// ticks of 30 s.
const PING_MS: u64 = 25_000;

/// `proxy.idle-cut`: silence through the proxy ends sooner than the gateway breaks it.
pub(in super::super) fn cut(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in context.snapshot.proxies.iter().filter(|route| !route.http_only) {
        let timeout_ms = route.config.get().and_then(|config| config.read_timeout_s).map(|seconds| seconds * 1_000.0);
        let tick_ms = tick(gateway_of(context.snapshot, route), route);
        let draft = match route.idle.answer() {
            Some(idle) if idle.cut && below(idle.held_ms, tick_ms) => {
                let how = idle.how.as_deref().map(|how| format!(" ({how})")).unwrap_or_default();
                let summary = format!(
                    "{} cut an idle connection after {}, and the gateway speaks only every {}",
                    name(route),
                    seconds(idle.held_ms),
                    seconds(ticks(tick_ms))
                );
                about(context, Code::ProxyIdleCut, route, summary).answered(
                    format!("an idle socket through the proxy ended after {}{how}", seconds(idle.held_ms)),
                    route.id.clone(),
                    &route.idle,
                )
            }
            // It was held longer than the configuration says: another part of it counts.
            Some(idle) if timeout_ms.is_none_or(|timeout| idle.held_ms > timeout + 1_000.0) => continue,
            _ => {
                let Some(timeout) = timeout_ms.filter(|timeout| below(*timeout, tick_ms)) else { continue };
                let summary = format!(
                    "{} cuts connections after {} of silence, and the gateway speaks only every {}",
                    name(route),
                    seconds(timeout),
                    seconds(ticks(tick_ms))
                );
                about(context, Code::ProxyIdleCut, route, summary)
            }
        };
        let draft = match timeout_ms {
            Some(timeout) => {
                let words = format!("read timeout of {}", seconds(timeout));
                as_written(draft, route, "read_timeout", &words, context.snapshot.taken_at)
            }
            None => draft,
        };
        out.push(reload(context, route, remedies(route, draft)));
    }
}

fn tick(gateway: Option<&Gateway>, route: &ProxyRoute) -> u64 {
    let said = gateway.and_then(|gateway| gateway.ladder.connect.answer()?.tick_interval_ms);
    said.or_else(|| route.idle.answer().map(|idle| idle.tick_ms))
        .filter(|tick| *tick > 0)
        .unwrap_or(PING_MS)
        .min(PING_MS)
}

#[expect(clippy::cast_precision_loss, reason = "ticks are seconds apart")]
fn ticks(tick_ms: u64) -> f64 {
    tick_ms as f64
}

/// As soon as the tick is too soon: the two race.
fn below(timeout_ms: f64, tick_ms: u64) -> bool {
    timeout_ms <= ticks(tick_ms)
}

fn seconds(milliseconds: f64) -> String {
    let seconds = (milliseconds / 100.0).round() / 10.0;
    format!("{seconds} s")
}

fn remedies(route: &ProxyRoute, draft: Draft) -> Draft {
    match route.program.as_str() {
        "nginx" => draft.remedy(format!("write `proxy_read_timeout 1h;`{}", location(route, "read_timeout"))),
        "caddy" => draft.remedy(format!("take `read_timeout` out, or make it `1h`{}", location(route, "read_timeout"))),
        _ => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{IdleSocket, event};

    fn held(held_ms: f64, cut: bool) -> crate::snapshot::Probe<IdleSocket> {
        answered(IdleSocket { held_ms, cut, tick_ms: 30_000, how: cut.then(|| "eof".to_owned()) })
    }

    #[test]
    fn a_cut_that_was_seen_explains_1006() {
        let node = {
            let mut node = behind(|route| {
                value(&mut route.config).read_timeout_s = Some(5.0);
                route.idle = held(5_004.0, true);
            });
            log_event(&mut node, 60, event::DISCONNECTED, "closed code=1006", &[]);
            node
        };
        let draft = draft(cut, &node);
        assert_eq!(
            draft.summary,
            "`nginx` at `claw.example:443` cut an idle connection after 5 s, and the gateway speaks only every 25 s"
        );
        assert_eq!(draft.remedy[0].text, "write `proxy_read_timeout 1h;` at /etc/nginx/conf.d/claw.conf:17:9");
        assert_eq!(root_causes(&node), [Code::ProxyIdleCut]);
        assert_eq!(finding(&node, Code::Close1006).explained_by, Some(Code::ProxyIdleCut));
    }

    #[test]
    fn what_is_only_written_counts_where_it_is_below_the_ping() {
        for (timeout, found) in [(5.0, 1), (24.9, 1), (25.0, 1), (27.0, 0), (60.0, 0), (3_600.0, 0)] {
            let node = behind(|route| value(&mut route.config).read_timeout_s = Some(timeout));
            assert_eq!(drafts(cut, &node).len(), found, "{timeout}");
        }
    }

    #[test]
    fn a_socket_that_was_held_disproves_what_is_written() {
        let node = behind(|route| {
            value(&mut route.config).read_timeout_s = Some(5.0);
            route.idle = held(35_000.0, false);
        });
        assert!(silent(cut, &node));
    }

    #[test]
    fn a_cut_after_the_tick_is_none() {
        assert!(silent(cut, &behind(|route| route.idle = held(61_000.0, true))));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(cut, &healthy()) && silent(cut, &behind(|_| {})));
        assert!(silent(cut, &behind(|route| route.config = denied())));
    }
}
