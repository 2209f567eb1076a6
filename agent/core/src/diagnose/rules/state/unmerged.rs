//! `state.split-roots` that keeps a gateway from starting.

use super::super::command::quote;
use super::super::life::{recent, seconds, state_of};
use super::{about, gateways_of};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, LogEvent, StateDir, event};

/// How long ago a start may have been refused that is still the last one, in seconds.
const WINDOW_S: i64 = 7 * 86_400;

/// Within how many seconds a gateway says that another one has its directory, where that is why it refuses.
const CONTENTION_S: i64 = 60;

/// The root of an earlier release, from which OpenClaw would move the state.
const LEGACY: &str = ".clawdbot";

/// `state.split-roots`: a gateway does not start, because the state of an earlier release lies beside its own and waits to be moved there.
pub(super) fn unmerged(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in context.snapshot.host_gateways() {
        let Some((dir, legacy, refused)) = refusal(context, gateway) else { continue };
        let summary = format!(
            "the gateway in `{}` refuses to start: `{legacy}` of an earlier release lies beside it, and what is in it was not moved",
            dir.path
        );
        out.push(
            about(context, Code::StateSplitRoots, dir, summary)
                .severity(Severity::Error)
                .gateway(gateway)
                .state_dir(&legacy)
                .evidence(refused.text.clone(), "gateway log", refused.at.unwrap_or(context.snapshot.taken_at))
                .remedy(format!("look what is in `{legacy}`: sessions, devices and tokens of the earlier release"))
                .command("where nothing of it is needed, move it aside", format!("mv {0} {0}.before", quote(&legacy)))
                .command("else let OpenClaw move it, and start the gateway", "openclaw doctor --fix"),
        );
    }
}

/// Whether a gateway on this state directory does not start for this reason.
pub(super) fn is_refused(context: Context<'_>, dir: &StateDir) -> bool {
    gateways_of(context, dir).any(|gateway| refusal(context, gateway).is_some())
}

/// The state directory of a gateway that is down, the earlier root beside it, and the line that says that the start was refused.
fn refusal<'a>(context: Context<'a>, gateway: &'a Gateway) -> Option<(&'a StateDir, String, &'a LogEvent)> {
    if !gateway.pids.is_empty() {
        return None;
    }
    let dir = state_of(context, gateway).filter(|dir| dir.profile.is_none())?;
    let legacy = format!("{}/{LEGACY}", dir.home.as_deref()?);
    let mut dirs = context.snapshot.state_dirs.iter();
    let is_there = dir.path != legacy && dirs.any(|other| other.path == legacy || other.aliases.contains(&legacy));
    let refused = recent(context, gateway, event::REQUIRES_STATE_MIGRATION, WINDOW_S).last().filter(|_| is_there)?;
    let is_contention = recent(context, gateway, event::MAINTENANCE_CONTENTION, WINDOW_S)
        .any(|other| other.at.zip(refused.at).is_some_and(|(other, at)| seconds(other, at).abs() <= CONTENTION_S));
    (!is_contention).then_some((dir, legacy, refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::*;

    const TEXT: &str = "requires state migration. Stop the service with openclaw gateway stop";

    fn refused(legacy: &str, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            node.state_dirs.push(state_dir(legacy, 500));
            log_event(node, 30, event::REQUIRES_STATE_MIGRATION, TEXT, &[]);
            change(node);
        })
    }

    #[test]
    fn an_earlier_root_that_was_not_moved_is_why_the_gateway_is_down() {
        let node = refused("/Users/op/.clawdbot", |_| {});
        let draft = draft(unmerged, &node);
        assert!(draft.summary.contains("`/Users/op/.clawdbot` of an earlier release"), "{}", draft.summary);
        assert_eq!(root_causes(&node), [Code::StateSplitRoots]);
        assert_eq!(report(&node).exit_status(false), 78);
    }

    #[test]
    fn a_gateway_that_was_turned_away_by_another_one_is_not_split() {
        let node = refused("/Users/op/.clawdbot", |node| {
            log_event(node, 31, event::MAINTENANCE_CONTENTION, "Doctor could not enter maintenance", &[]);
        });
        assert!(silent(unmerged, &node));
    }

    #[test]
    fn without_an_earlier_root_or_a_refusal_it_says_nothing() {
        assert!(silent(unmerged, &healthy()));
        assert!(silent(unmerged, &refused("/Users/op/.openclaw-work", |_| {})));
        assert!(silent(unmerged, &refused("/Users/op/.clawdbot", |node| value(&mut gateway(node).log).events.clear())));
        assert!(silent(unmerged, &refused("/Users/op/.clawdbot", |node| gateway(node).log = denied())));
        let runs = node(|node| {
            node.state_dirs.push(state_dir("/Users/op/.clawdbot", 500));
            log_event(node, 3_000, event::REQUIRES_STATE_MIGRATION, TEXT, &[]);
        });
        assert!(silent(unmerged, &runs));
    }
}
