use std::sync::Arc;

use portreeve_core::Verdict;

use super::super::decisions::{Acknowledgement, Decisions, Maintenance};
use super::super::standing::{Item, Standing};
use super::{HOUR, ago, blocked, degraded, finding, node, now, waiver, with};
use crate::index::{NodeKey, NodeSummary, Presence};

fn item(node: NodeSummary, waived: &[(&str, Option<&str>)]) -> Item {
    let waivers = waived.iter().map(|(code, subject)| waiver(1, Some(1), code, *subject)).collect();
    Item::of(Arc::new(node), &Decisions::new(waivers, vec![], vec![]), now())
}

#[test]
fn a_node_stands_as_it_says() {
    let ready = item(node(1, "a"), &[]);
    assert_eq!((ready.standing, ready.cause(), ready.says(), ready.since), (Standing::Ready, "", "", ago(HOUR)));
    let sick = item(blocked(node(1, "a"), &["token.shadowed", "port.contended"]), &[]);
    assert_eq!((sick.standing, sick.cause(), sick.more), (Standing::Blocked, "token.shadowed", 1));
    assert!(sick.is_finding());
    let warned = item(degraded(node(1, "a"), &["image.drift"]), &[]);
    assert_eq!((warned.standing, warned.cause()), (Standing::Degraded, "image.drift"));
    let unseen = item(with(node(1, "a"), |brief| brief.verdict = Some(Verdict::Unknown)), &[]);
    assert_eq!((unseen.standing, unseen.cause(), unseen.is_finding()), (Standing::Unknown, "not seen", false));
}

#[test]
fn who_is_not_heard_of_has_no_verdict() {
    let sick = || blocked(node(1, "a"), &["token.shadowed"]);
    let silent = NodeSummary { presence: Presence::Absent, presence_since: ago(300), ..sick() };
    let silent = item(silent, &[]);
    assert_eq!((silent.standing, silent.cause(), silent.since), (Standing::Absent, "absent", ago(300)));
    let revoked = item(NodeSummary { revoked_at: Some(ago(100)), ..sick() }, &[]);
    assert_eq!((revoked.standing, revoked.cause(), revoked.since), (Standing::Absent, "revoked", ago(100)));
    let new = with(node(1, "a"), |brief| brief.verdict = None);
    let new = item(NodeSummary { since: None, ..new }, &[]);
    assert_eq!((new.standing, new.cause(), new.since), (Standing::Unknown, "never reported", ago(90 * 24 * HOUR)));
}

#[test]
fn what_is_waived_here_is_out_of_the_verdict() {
    let gateway = Some("gateway 18789");
    let both = || blocked(node(1, "a"), &["token.shadowed", "port.contended"]);
    let one = item(both(), &[("token.shadowed", gateway)]);
    assert_eq!((one.standing, one.cause(), one.waived), (Standing::Blocked, "port.contended", 1));
    let all = item(both(), &[("token.shadowed", None), ("port.contended", gateway)]);
    assert_eq!((all.standing, all.cause(), all.waived), (Standing::Ready, "", 2));
    // It stands so since the waiver.
    assert_eq!(all.since, ago(600));
    let other = item(both(), &[("token.shadowed", Some("gateway 1"))]);
    assert_eq!((other.standing, other.waived, other.since), (Standing::Blocked, 0, ago(HOUR)));
    let warned = |waived: &[(&str, Option<&str>)]| {
        let node = with(both(), |brief| brief.findings.push(finding("image.drift", "warning", "container a")));
        item(node, waived).standing
    };
    assert_eq!(warned(&[("token.shadowed", None), ("port.contended", None)]), Standing::Degraded);
    assert_eq!(warned(&[("token.shadowed", None), ("port.contended", None), ("image.drift", None)]), Standing::Ready);
    assert_eq!(item(degraded(node(1, "a"), &["image.drift"]), &[("image.drift", None)]).standing, Standing::Ready);
}

#[test]
fn a_waiver_makes_nothing_ready_that_nobody_explained() {
    // Blocked by what no finding tells, or by more than a brief holds.
    let silent = with(node(1, "a"), |brief| {
        brief.verdict = Some(Verdict::Blocked);
        brief.root_causes = vec!["port.silent".to_owned()];
    });
    let silent = item(silent, &[("port.silent", None)]);
    assert_eq!((silent.standing, silent.cause(), silent.waived), (Standing::Blocked, "port.silent", 0));
    assert!(!silent.says().is_empty(), "the catalogue knows it");
    let unseen = with(node(1, "a"), |brief| {
        brief.verdict = Some(Verdict::Unknown);
        brief.findings = vec![finding("image.drift", "warning", "")];
    });
    assert_eq!(item(unseen, &[("image.drift", None)]).standing, Standing::Unknown);
    // What the error kept from being proven is not proven by its waiver.
    let dead = with(blocked(node(1, "a"), &["port.silent", "image.drift"]), |brief| brief.unproven = true);
    assert_eq!(item(dead.clone(), &[("port.silent", None)]).standing, Standing::Blocked);
    let dead = item(dead, &[("port.silent", None), ("image.drift", None)]);
    assert_eq!((dead.standing, dead.cause()), (Standing::Unknown, "not seen"));
}

#[test]
fn a_cause_that_is_waived_leaves_what_it_explained() {
    let node = with(blocked(node(1, "a"), &["token.shadowed", "transport.flaky"]), |brief| {
        brief.root_causes.truncate(1);
        brief.findings[1].explained = true;
    });
    assert_eq!((item(node.clone(), &[]).cause(), item(node.clone(), &[]).more), ("token.shadowed", 0));
    assert_eq!(item(node, &[("token.shadowed", None)]).cause(), "transport.flaky");
}

#[test]
fn decisions_end_by_themselves_and_touch_their_node_alone() {
    let maintenance =
        |id, until| Maintenance { id, node: NodeKey(1), reason: String::new(), by: String::new(), at: ago(900), until };
    let acknowledgement = Acknowledgement {
        id: 1,
        node: NodeKey(1),
        code: "port.silent".to_owned(),
        subject: None,
        note: String::new(),
        by: String::new(),
        at: ago(9),
    };
    let all = Decisions::new(
        vec![waiver(3, Some(1), "a", None), waiver(2, None, "b", None), waiver(1, Some(2), "c", None)],
        vec![acknowledgement],
        vec![maintenance(1, ago(-60)), maintenance(2, ago(-120)), maintenance(3, ago(1))],
    );
    let codes = |node, at| all.waivers_of(NodeKey(node), at).map(|one| one.code.as_str()).collect::<Vec<_>>();
    assert_eq!((codes(1, now()), codes(2, now()), codes(9, now())), (vec!["a", "b"], vec!["c", "b"], vec!["b"]));
    assert_eq!(codes(1, ago(-HOUR)), [""; 0]);
    assert_eq!(all.waivers(now()).iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all.maintenance_of(NodeKey(1), now()).map(|one| one.id), Some(2));
    assert_eq!(all.maintenance_of(NodeKey(1), ago(-120)), None);
    assert_eq!((all.acknowledgements_of(NodeKey(1)).len(), all.acknowledgements_of(NodeKey(2)).len()), (1, 0));
}
