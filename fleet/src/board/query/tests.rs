use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::board::tests::{HOUR, ago, look, look_at, names, node, now, with};
use crate::index::NodeSummary;

fn found(query: &str) -> Vec<String> {
    let look = look();
    let places = look.pick(&Query::parse(Some(query)));
    names(look.these(&places)).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_most_pressing_come_first() {
    let order = ["mini-2", "mini-6", "mini-7", "mini-5", "mini-3", "<b>mini-8</b>", "mini-1", "mini-10"];
    assert_eq!(found(""), order);
    assert_eq!(found("order=desc")[..3], ["<b>mini-8</b>", "mini-1", "mini-10"]);
}

#[test]
fn each_column_sorts() {
    let of = |query: &str| found(query).first().cloned().unwrap();
    assert_eq!(found("sort=node").last().unwrap(), "mini-10");
    assert_eq!(of("sort=node&order=desc"), "mini-10");
    // `mini-7` never reported: it stands since it enrolled.
    assert_eq!((of("sort=since"), of("sort=since&order=desc")), ("mini-10".to_owned(), "mini-7".to_owned()));
    assert_eq!((of("sort=cause"), of("sort=cause&order=desc")), ("mini-5".to_owned(), "<b>mini-8</b>".to_owned()));
    assert_eq!((of("sort=build"), of("sort=build&order=desc")), ("mini-7".to_owned(), "mini-6".to_owned()));
    assert_eq!((of("sort=openclaw"), of("sort=image")), ("mini-7".to_owned(), "mini-7".to_owned()));
    assert_eq!(of("sort=image&order=desc"), "<b>mini-8</b>");
    // The latest heard first; who was never heard of last.
    assert_eq!(found("sort=heard").last().unwrap(), "mini-7");
}

#[test]
fn each_column_filters_and_all_of_them_together() {
    for (query, names) in [
        ("node=MINI-1", &["mini-1", "mini-10"][..]),
        ("node=id-3", &["mini-3"]),
        ("verdict=absent", &["mini-5"]),
        ("cause=Token.", &["mini-2"]),
        // A root cause that is not the first one, or is out of the verdict.
        ("cause=port.contended", &["mini-2"]),
        ("cause=pairing", &["mini-10"]),
        ("build=25c56", &["mini-6"]),
        ("build=26.2", &["mini-6"]),
        ("openclaw=2.26", &["<b>mini-8</b>"]),
        ("image=b2b2", &["<b>mini-8</b>"]),
        ("since=over1d", &["mini-7"]),
        ("since=1h&verdict=ready", &["<b>mini-8</b>", "mini-1", "mini-10"]),
        ("q=shadowed+MINI", &["mini-2"]),
        ("q=shadowed+mini-3", &[]),
        ("q=%3Cb%3E", &["<b>mini-8</b>"]),
        ("q=sha256%3Ab2", &["<b>mini-8</b>"]),
        ("verdict=blocked&build=25C56", &["mini-6"]),
        ("verdict=nonsense&since=nonsense&sort=nonsense&node=mini-2", &["mini-2"]),
    ] {
        assert_eq!(found(query), names, "{query}");
    }
}

#[test]
fn letters_of_any_script_are_found_whatever_their_case() {
    let nodes: Vec<NodeSummary> =
        vec![node(1, "ÄRGER-1"), with(node(2, "b"), |brief| brief.os = Some("Ωmega".to_owned()))];
    let look = look_at(nodes, super::super::decisions::Decisions::default());
    for (query, count) in [("q=ärger", 1), ("node=ärg", 1), ("q=ωM", 1), ("q=ß", 0)] {
        assert_eq!(look.pick(&Query::parse(Some(query))).len(), count, "{query}");
    }
}

#[test]
fn an_address_says_what_was_asked_and_nothing_else() {
    let query = Query::parse(Some("verdict=blocked&q=a%26b&sort=since&order=desc&page=3&evil=%3Cscript%3E"));
    assert_eq!(query.href(), "/?q=a%26b&verdict=blocked&sort=since&order=desc&page=3");
    assert_eq!(query.only(Standing::Blocked), "/?q=a%26b&sort=since&order=desc");
    assert_eq!(query.on_page(1), "/?q=a%26b&verdict=blocked&sort=since&order=desc");
    assert!(query.is_narrowed() && !query.has_columns());
    assert!(Query::parse(Some("build=25B78")).has_columns());
    assert_eq!(Query::parse(None).href(), "/");
    assert_eq!(Query::parse(Some("sort=verdict&order=asc&page=0&q=")).href(), "/");
    assert!(!Query::parse(Some("sort=heard&order=desc&page=2")).is_narrowed());
    let headings = query.columns();
    let since = headings.iter().find(|heading| heading.key == "since").unwrap();
    assert_eq!((since.aria_sort(), since.arrow()), (Some("descending"), Some("↓")));
    assert_eq!(since.href, "/?q=a%26b&verdict=blocked&sort=since");
    assert_eq!(headings.iter().filter(|heading| heading.chosen).count(), 1);
    assert_eq!(query.order_in_words(), "sorted by for, descending");
}

#[test]
fn a_time_divides_at_its_end() {
    let at = |seconds| NodeSummary { since: Some(ago(seconds)), ..node(1, "a") };
    let held = |seconds, query: &str| {
        let look = look_at(vec![at(seconds)], super::super::decisions::Decisions::default());
        !look.pick(&Query::parse(Some(query))).is_empty()
    };
    assert!(held(HOUR, "since=1h") && !held(HOUR, "since=over1h"));
    assert!(!held(HOUR + 1, "since=1h") && held(HOUR + 1, "since=over1h"));
    assert_eq!(look().at, now());
}

#[test]
fn pages_are_within_what_there_is() {
    let pages = |total, page| Pages::new(total, 100, page, "nodes", |page| format!("/?page={page}"));
    assert_eq!((pages(0, 5).range(), pages(0, 5).summary()), (0..0, "No nodes".to_owned()));
    assert_eq!((pages(1, 1).range(), pages(1, 1).summary()), (0..1, "1 node".to_owned()));
    let last = pages(12_345, 1_000_000);
    assert_eq!((last.page, last.range()), (124, 12_300..12_345));
    assert_eq!(last.summary(), "12\u{202f}301–12\u{202f}345 of 12\u{202f}345 nodes");
    assert_eq!((last.next_href(), last.last_href()), (None, None));
    assert_eq!((last.first_href().unwrap(), last.previous_href().unwrap()), ("/?page=1".into(), "/?page=123".into()));
    assert_eq!((pages(200, 1).first_href(), pages(200, 1).last_href()), (None, None));
}

#[test]
fn names_are_ordered_as_people_do() {
    let mut names = ["mac-10", "Mac-9", "mac-009", "mac", "mac-9b", "m\u{e4}c-1", "10", "9"];
    names.sort_by(|one, other| natural(one, other));
    assert_eq!(names, ["9", "10", "mac", "Mac-9", "mac-009", "mac-9b", "mac-10", "m\u{e4}c-1"]);
}

proptest! {
    #[test]
    fn the_order_of_names_is_one(one in ".{0,12}", other in "[a-c0-2-]{0,8}", third in "[A-C0-2-]{0,8}") {
        prop_assert_eq!(natural(&one, &other), natural(&other, &one).reverse());
        prop_assert_eq!(natural(&one, &one), Ordering::Equal);
        if natural(&one, &other) != Ordering::Greater && natural(&other, &third) != Ordering::Greater {
            prop_assert_ne!(natural(&one, &third), Ordering::Greater);
        }
    }

    #[test]
    fn any_address_is_a_query_that_reads_as_itself(raw in ".{0,60}") {
        let query = Query::parse(Some(&raw));
        let href = query.href();
        let again = Query::parse(href.split_once('?').map(|(_, pairs)| pairs));
        prop_assert_eq!(query, again);
    }
}
