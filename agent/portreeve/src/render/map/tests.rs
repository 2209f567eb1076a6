use jiff::Timestamp;
use portreeve_core::topology::{Edge, Group, GroupKind, HOST, Node, NodeKind, Relation, State, Topology};

use super::*;

/// Names with what could end an element, restyle a label, or drive a terminal.
const EVIL: &str = "evil \"]; <b>&amp;</svg>'\u{1b}[2J\u{202e}\u{ffff}\n";

fn node(id: &str, kind: NodeKind, state: Option<State>, group: Option<&str>, lines: &[&str]) -> Node {
    Node {
        id: id.to_owned(),
        kind,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        state,
        group: group.map(str::to_owned),
    }
}

fn edge(from: &str, to: &str, relation: Relation) -> Edge {
    Edge { from: from.to_owned(), to: to.to_owned(), relation, detail: None, token: None }
}

fn topology() -> Topology {
    let host = Some(HOST);
    Topology {
        host: Some("mini-7".to_owned()),
        taken_at: Timestamp::UNIX_EPOCH,
        groups: vec![Group {
            id: HOST.to_owned(),
            kind: GroupKind::Host,
            lines: vec!["mini-7".to_owned()],
            state: None,
            parent: None,
        }],
        nodes: vec![
            node("client a", NodeKind::Client, None, host, &["command line of op", "/Users/op/.openclaw"]),
            node("port 18789", NodeKind::Port, Some(State::Running), host, &["port 18789", "127.0.0.1, ::1"]),
            node("gateway a", NodeKind::Gateway, Some(State::Running), host, &["gateway default", "pid 42", EVIL]),
        ],
        edges: vec![
            edge("client a", "port 18789", Relation::Connects),
            edge("port 18789", "gateway a", Relation::OwnedBy),
        ],
    }
}

/// So many projects with a gateway and three clients each, every name hostile.
fn crowd(projects: usize) -> Topology {
    let mut crowd = topology();
    for project in 0..projects {
        let group = format!("project {project}");
        crowd.groups.push(Group {
            id: group.clone(),
            kind: GroupKind::Project,
            lines: vec![format!("{project} {EVIL}"), EVIL.repeat(9)],
            state: Some(State::Written),
            parent: None,
        });
        let gateway = format!("gateway {project}");
        let lines = [EVIL, &EVIL.repeat(30), "日本語のとても長い名前日本語のとても長い名前日本語のとても長い名前"];
        crowd.nodes.push(node(&gateway, NodeKind::Gateway, Some(State::Troubled), Some(&group), &lines));
        for client in 0..3 {
            let id = format!("client {project} {client}");
            crowd.nodes.push(node(&id, NodeKind::Client, Some(State::Unknown), Some(&group), &[EVIL]));
            crowd.edges.push(Edge { detail: Some(EVIL.to_owned()), ..edge(&id, &gateway, Relation::Connects) });
        }
    }
    crowd
}

#[test]
fn text_shows_each_thing_with_its_lines() {
    let mut topology = topology();
    topology.nodes[2].lines[2] = "evil \"]; <b>\u{1b}[2J".to_owned();
    let text = anstream::adapter::strip_str(&map_text(&topology, false, 80)).to_string();
    insta::assert_snapshot!(text, @r#"
    command line of op  /Users/op/.openclaw
      └─ connects → port 18789
    port 18789  127.0.0.1, ::1
      └─ owned by → gateway default
    gateway default  pid 42 · evil "]; <b>\u{1b}[2J
    "#);
}

#[test]
fn mermaid_cannot_be_broken_out_of() {
    insta::assert_snapshot!(map_mermaid(&topology()));
}

#[test]
fn the_picture_is_well_formed_whatever_the_names_are() {
    for projects in [0, 1, 7, 40] {
        let picture = map_svg(&crowd(projects)).unwrap();
        assert_well_formed(&picture);
        assert!(!picture.chars().any(|c| c.is_control() && c != '\n'), "a control character");
        assert!(!picture.contains(['\u{202e}', '\u{ffff}']));
        for word in ["<script", "<style", "<image", "<foreignObject", "href", "url(", " on"] {
            let markup: String = picture.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag).collect();
            assert!(!markup.contains(word.trim_start_matches('<')), "{word}");
        }
    }
}

/// Every element is closed in its turn, and `<` and `&` stand for nothing else.
pub(in crate::render) fn assert_well_formed(picture: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in picture.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{text}");
        let entities = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"];
        for (at, _) in text.match_indices('&') {
            assert!(entities.iter().any(|entity| text[at..].starts_with(entity)), "{text}");
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split([' ', '\n']).next().expect("a tag has a name"));
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_picture_is_bounded_and_says_what_it_leaves_out() {
    let picture = map_svg(&crowd(400)).unwrap();
    assert!(picture.len() < 400_000, "{} bytes", picture.len());
    assert!(picture.contains("1543 more things are not drawn"), "{}", &picture[picture.len() - 600..]);
}

#[test]
fn the_same_facts_give_the_same_picture() {
    assert_eq!(map_svg(&crowd(20)).unwrap(), map_svg(&crowd(20)).unwrap());
}

mod any {
    use proptest::prelude::*;

    use super::*;

    const RELATIONS: [Relation; 5] =
        [Relation::Connects, Relation::On, Relation::Uses, Relation::PassesOn, Relation::InNetworkOf];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_lines_between_any_things_are_drawn(
            groups in prop::collection::vec(0_usize..6, 1..40),
            edges in prop::collection::vec((0_usize..40, 0_usize..40, 0_usize..5), 0..80),
        ) {
            let mut picture = topology();
            for index in 0..5 {
                let parent = (index > 2).then(|| "group 0".to_owned());
                let lines = vec![format!("group {index}")];
                let kind = if index == 0 { GroupKind::Engine } else { GroupKind::Project };
                picture.groups.push(Group { id: format!("group {index}"), kind, lines, state: None, parent });
            }
            for (index, group) in groups.iter().enumerate() {
                let group = format!("group {group}");
                let known = picture.groups.iter().any(|other| other.id == group);
                let group = known.then_some(group.as_str());
                picture.nodes.push(node(&index.to_string(), NodeKind::Container, None, group, &["a", "b"]));
            }
            for (from, to, relation) in edges {
                picture.edges.push(edge(&from.to_string(), &to.to_string(), RELATIONS[relation]));
            }
            assert_well_formed(&map_svg(&picture).unwrap());
            map_text(&picture, false, 80);
            map_mermaid(&picture);
        }
    }
}
