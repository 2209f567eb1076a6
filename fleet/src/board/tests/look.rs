use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Verdict;

use super::super::decisions::Decisions;
use super::super::live::told::{News, Shown, Told};
use super::super::look::{Look, Looks};
use super::super::query::Query;
use super::super::standing::Standing;
use super::{HOUR, ago, blocked, look, look_at, names, node, nodes, now, waiver, with};
use crate::index::{Index, NodeKey, NodeSummary};

fn standings(look: &Look) -> Vec<(&str, Standing, Timestamp)> {
    look.items.iter().map(|item| (item.node.name.as_str(), item.standing, item.since)).collect()
}

#[test]
fn nodes_come_by_name_and_are_counted_and_offered() {
    let look = look();
    let order = ["<b>mini-8</b>", "mini-1", "mini-2", "mini-3", "mini-5", "mini-6", "mini-7", "mini-10"];
    assert_eq!(names(&look.items), order);
    let counts = Standing::ALL.map(|standing| look.tally.count(standing));
    assert_eq!((look.tally.nodes, counts), (8, [2, 1, 1, 1, 3]));
    assert_eq!(look.offers().openclaws, ["2026.2.26", "2026.3.2"]);
    assert_eq!(look.offers().builds, ["25B78", "25C56"]);
    assert_eq!(
        look.offers().causes,
        ["absent", "mirror.time-machine", "never reported", "quarantine", "token.shadowed"]
    );
}

/// Changes nodes.
type Change<'a> = &'a dyn Fn(&mut Vec<Arc<NodeSummary>>);

#[test]
fn a_look_on_another_is_as_one_on_none() {
    let mut nodes: Vec<Arc<NodeSummary>> = nodes().into_iter().map(Arc::new).collect();
    let decisions = Arc::new(Decisions::new(vec![waiver(1, Some(4), "pairing.unapproved", None)], vec![], vec![]));
    let mut before = Look::new(nodes.clone(), Arc::clone(&decisions), None, now());
    let changes: [Change; 5] = [
        &|_| {},
        &|nodes| nodes.reverse(),
        &|nodes| nodes[0] = Arc::new(blocked(node(1, "mini-1"), &["port.silent"])),
        &|nodes| nodes[1] = Arc::new(node(2, "a-new-name")),
        &|nodes| {
            nodes.remove(3);
            nodes.push(Arc::new(node(9, "mini-0")));
        },
    ];
    for (turn, change) in changes.into_iter().enumerate() {
        change(&mut nodes);
        // The waiver ends in between.
        let at = ago(-HOUR * i64::try_from(turn).unwrap());
        let on = Look::new(nodes.clone(), Arc::clone(&decisions), Some(&before), at);
        let fresh = Look::new(nodes.clone(), Arc::clone(&decisions), None, at);
        assert_eq!(standings(&on), standings(&fresh), "{turn}");
        assert_eq!(on.tally, fresh.tally);
        for query in ["q=MINI-1", "q=silent", "q=mini+time-machine", "verdict=blocked", "sort=build&order=desc"] {
            let query = Query::parse(Some(query));
            assert_eq!(on.pick(&query), fresh.pick(&query), "{turn} {query:?}");
        }
        before = on;
    }
}

#[test]
fn decisions_are_seen_at_once_and_nodes_soon() {
    let index = Index::default();
    index.put([Arc::new(blocked(node(1, "a"), &["port.silent"]))]);
    let (looks, none) = (Looks::default(), Arc::default());
    assert_eq!(looks.current(&index, &none).tally.count(Standing::Blocked), 1);
    let waived = Arc::new(Decisions::new(
        vec![super::super::decisions::Waiver { until: Timestamp::MAX, ..waiver(1, Some(1), "port.silent", None) }],
        vec![],
        vec![],
    ));
    assert_eq!(looks.current(&index, &waived).tally.count(Standing::Ready), 1);
    index.put([Arc::new(node(2, "b"))]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while looks.current(&index, &waived).tally.nodes != 2 {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn a_stream_tells_what_changed_once() {
    let begun = Instant::now();
    let mut told = Told::new(Shown::List(Box::new(Query::parse(Some("q=mini-1")))), begun);
    let first = told.news(&look(), begun);
    let rows = |news: &[News]| -> Vec<String> {
        let row = |one: &News| match one {
            News::Row(row) => Some(format!("{} {}", row.name, row.standing.word())),
            _ => None,
        };
        news.iter().filter_map(row).collect()
    };
    assert!(matches!(first.first(), Some(News::Tally(tally)) if tally.nodes == 8));
    assert_eq!(rows(&first), ["mini-1 ready", "mini-10 ready"]);
    assert_eq!(told.news(&look(), begun), []);

    // A beat within the same minute is no news; one of the next minute is, with what else changed.
    let beat = |seen: i64| {
        let mut nodes = nodes();
        nodes[0].last_seen = Some(ago(seen));
        look_at(nodes, super::decisions())
    };
    assert_eq!(told.news(&beat(10), begun), []);
    assert_eq!(rows(&told.news(&beat(-40), begun)), ["mini-1 ready"]);

    // A node that is blocked now stands before the other, which is looked at after some seconds.
    let mut changed = nodes();
    changed[3] = blocked(node(4, "mini-10"), &["port.silent"]);
    let changed = look_at(changed, super::decisions());
    let news = told.news(&changed, begun);
    assert_eq!(rows(&news), ["mini-1 ready", "mini-10 blocked"]);
    assert!(!news.contains(&News::Moved(true)));
    assert_eq!(told.news(&changed, begun + Duration::from_secs(6)), [News::Moved(true)]);
    assert_eq!(told.news(&changed, begun + Duration::from_secs(12)), []);
}

#[test]
fn a_stream_of_a_node_tells_of_a_newer_report_and_of_its_end() {
    let begun = Instant::now();
    let shown = |at| Shown::Node(NodeKey(1), Some(at));
    let mut told = Told::new(shown(ago(25)), begun);
    assert!(!told.news(&look(), begun).contains(&News::Moved(true)));
    let newer = NodeSummary { report_at: Some(ago(1)), ..node(1, "mini-1") };
    let newer = look_at(vec![with(newer, |brief| brief.verdict = Some(Verdict::Unknown))], Decisions::default());
    assert!(told.news(&newer, begun).contains(&News::Moved(true)));

    let mut told = Told::new(shown(ago(25)), begun);
    let gone = told.news(&look_at(vec![], Decisions::default()), begun);
    assert!(gone.contains(&News::Moved(true)), "{gone:?}");
}
