//! Nodes by what stands in their way.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::Board;
use super::decisions::Decisions;
use super::error::BoardError;
use super::moment::Moment;
use super::nodes::{href, items};
use super::page::{Shell, page};
use super::query::natural;
use super::standing::{Item, Standing, title};
use crate::AppState;
use crate::auth::Viewer;

/// Nodes that a group names.
const EXAMPLES: usize = 5;
/// Waivers that the page lists.
const MOST_WAIVERS: usize = 500;

/// Nodes with the same cause.
struct Group {
    code: String,
    title: String,
    nodes: usize,
    look: &'static str,
    share: String,
    href: String,
    examples: Vec<(String, String)>,
}

struct WaiverRow {
    code: String,
    subject: String,
    node: String,
    href: String,
    until: Moment,
    reason: String,
    by: String,
}

#[derive(Template)]
#[template(path = "causes.html")]
struct CausesPage {
    shell: Shell,
    groups: Vec<Group>,
    waived: Vec<WaiverRow>,
}

impl Group {
    fn nodes_in_words(&self) -> String {
        if self.nodes == 1 { "1 node".to_owned() } else { format!("{} nodes", self.nodes) }
    }

    fn others(&self) -> usize {
        self.nodes - self.examples.len()
    }
}

/// `GET /causes`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    let decisions = board.decisions(&state).await?;
    let items = items(&state, &decisions, now);
    let waived = waivers(&items, &decisions, now);
    let shell = Shell::new(&viewer, "Causes", "causes", now).live("/live".to_owned());
    Ok(page(StatusCode::OK, &CausesPage { shell, groups: groups(items), waived }))
}

#[expect(clippy::cast_precision_loss, reason = "nodes are far fewer than 2^52")]
fn groups(items: Vec<Item>) -> Vec<Group> {
    let mut by_cause: HashMap<(String, bool), Vec<Item>> = HashMap::new();
    for item in items.into_iter().filter(|item| !item.cause().is_empty()) {
        by_cause.entry((item.cause().to_owned(), item.is_finding())).or_default().push(item);
    }
    let most = by_cause.values().map(Vec::len).max().unwrap_or(1);
    let mut groups: Vec<(Standing, Group)> = by_cause
        .into_iter()
        .map(|((code, is_finding), mut items)| {
            items.sort_by(|one, other| natural(&one.node.name, &other.node.name));
            let worst = items.iter().map(|item| item.standing).min().unwrap_or(Standing::Unknown);
            let said = items.first().map(|item| item.says().to_owned()).unwrap_or_default();
            let known = title(&code);
            let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("cause", &code).finish();
            let examples = items.iter().take(EXAMPLES).map(|item| (item.node.name.clone(), href(&item.node)));
            let group = Group {
                title: if is_finding && !known.is_empty() { known.to_owned() } else { said },
                nodes: items.len(),
                look: worst.key(),
                share: format!("{:.2}", 100.0 * items.len() as f64 / most as f64),
                href: format!("/?{query}"),
                examples: examples.collect(),
                code,
            };
            (worst, group)
        })
        .collect();
    groups.sort_by(|(worst, one), (other_worst, other)| {
        worst.cmp(other_worst).then(other.nodes.cmp(&one.nodes)).then_with(|| one.code.cmp(&other.code))
    });
    groups.into_iter().map(|(_, group)| group).collect()
}

fn waivers(items: &[Item], decisions: &Decisions, now: Timestamp) -> Vec<WaiverRow> {
    let nodes: HashMap<_, _> = items.iter().map(|item| (item.node.key, &item.node)).collect();
    let row = |waiver: &super::decisions::Waiver| {
        let node = waiver.node.map(|key| nodes.get(&key));
        let (name, link) = match node {
            // A waiver of a node that left means nothing.
            Some(None) => return None,
            Some(Some(node)) => (node.name.clone(), href(node)),
            None => ("all".to_owned(), "/".to_owned()),
        };
        Some(WaiverRow {
            code: waiver.code.clone(),
            subject: waiver.subject.clone().unwrap_or_else(|| "any".to_owned()),
            node: name,
            href: link,
            until: Moment::new(waiver.until, now),
            reason: waiver.reason.clone(),
            by: waiver.by.clone(),
        })
    };
    decisions.waivers(now).into_iter().filter_map(row).take(MOST_WAIVERS).collect()
}
