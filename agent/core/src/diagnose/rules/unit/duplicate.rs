//! `unit.duplicate`

use super::super::command::retire;
use super::super::ownership::is_active;
use super::{about, gateway_units, origin};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Domain, Unit};

/// `unit.duplicate`: one gateway is installed more than once.
pub(super) fn duplicate(context: Context<'_>, out: &mut Vec<Draft>) {
    let units: Vec<&Unit> = gateway_units(context).filter(|unit| is_active(unit)).collect();
    for (index, first) in units.iter().enumerate() {
        let earlier = units.iter().take(index).any(|other| how(other, first).is_some());
        let others: Vec<(&Unit, &str)> =
            units.iter().skip(index + 1).filter_map(|other| Some((*other, how(first, other)?))).collect();
        let (false, Some((_, same))) = (earlier, others.first()) else { continue };
        let names: Vec<String> = others.iter().map(|(unit, _)| format!("`{}`", unit.id)).collect();
        let mut draft = about(
            context,
            Code::UnitDuplicate,
            first,
            format!("`{}` and {} run the same gateway: {same}", first.id, names.join(", ")),
        )
        .evidence(format!("`{}`", first.id), origin(first), context.snapshot.taken_at)
        .remedy("decide which one stays: a LaunchDaemon starts without a login, a LaunchAgent needs one");
        for (unit, _) in &others {
            draft = draft.evidence(format!("`{}`", unit.id), origin(unit), context.snapshot.taken_at);
        }
        for unit in [*first].into_iter().chain(others.iter().map(|(unit, _)| *unit)) {
            draft = draft.command(format!("to retire `{}`", unit.id), retire(unit));
        }
        out.push(draft);
    }
}

/// By what two units run the same gateway. Two users with the same label have a gateway each.
fn how(one: &Unit, other: &Unit) -> Option<&'static str> {
    if one.id == other.id && one.path == other.path {
        return None;
    }
    match (&one.state_dir, &other.state_dir) {
        (Some(first), Some(second)) => return (first == second).then_some("they use one state directory"),
        _ if !may_meet(&one.domain, &other.domain) => return None,
        _ => {}
    }
    if one.label == other.label {
        return Some("they have one label");
    }
    let legacy = one.label.contains("clawdbot") != other.label.contains("clawdbot");
    (legacy && one.profile == other.profile && one.port == other.port)
        .then_some("one of them has a label of an old release")
}

/// Whether jobs of the two domains may serve the same user.
fn may_meet(one: &Domain, other: &Domain) -> bool {
    !matches!((one, other), (Domain::User { uid: first }, Domain::User { uid: second }) if first != second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn daemon() -> Unit {
        Unit {
            id: "system/ai.openclaw.gateway".to_owned(),
            domain: Domain::System,
            path: Some("/Library/LaunchDaemons/ai.openclaw.gateway.plist".to_owned()),
            ..unit("ai.openclaw.gateway", None)
        }
    }

    fn with(other: Unit) -> Snapshot {
        node(|node| node.units.units.push(other))
    }

    #[test]
    fn daemon_and_agent_of_one_gateway_are_named_with_how_to_retire_each() {
        let draft = draft(duplicate, &with(daemon()));
        assert_eq!(
            draft.summary,
            "`gui/501/ai.openclaw.gateway` and `system/ai.openclaw.gateway` run the same gateway: they use one state directory"
        );
        assert_eq!(draft.remedy.len(), 3);
    }

    #[test]
    fn one_label_is_enough_where_a_state_directory_is_not_known() {
        assert!(draft(duplicate, &with(Unit { state_dir: None, ..daemon() })).summary.ends_with("they have one label"));
    }

    #[test]
    fn a_label_of_an_old_release_is_a_duplicate() {
        let legacy = Unit { state_dir: None, ..unit("com.clawdbot.gateway", None) };
        assert!(draft(duplicate, &with(legacy)).summary.ends_with("one of them has a label of an old release"));
    }

    #[test]
    fn other_users_other_state_and_what_is_off_are_no_duplicates() {
        let other_user = Unit {
            id: "gui/502/ai.openclaw.gateway".to_owned(),
            domain: Domain::User { uid: 502 },
            state_dir: None,
            ..daemon()
        };
        assert!(silent(duplicate, &with(other_user)));
        assert!(silent(duplicate, &with(Unit { state_dir: Some("/other".to_owned()), ..daemon() })));
        assert!(silent(duplicate, &with(Unit { disabled: known(true), runtime: absent(), ..daemon() })));
    }

    #[test]
    fn three_of_one_kind_are_one_finding() {
        let mut node = with(daemon());
        node.units.units.push(unit("ai.openclaw.second", None));
        assert_eq!(drafts(duplicate, &node).len(), 1);
    }

    #[test]
    fn healthy_or_without_units_it_says_nothing() {
        assert!(silent(duplicate, &healthy()));
        assert!(silent(duplicate, &node(|node| node.units.units.clear())));
    }
}
