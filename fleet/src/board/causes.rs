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
use super::error::BoardError;
use super::look::Look;
use super::moment::Moment;
use super::nodes::href;
use super::page::{Shell, page};
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
    board.draw(&state, move |look| draw(&viewer, look, now)).await
}

/// The page.
pub(super) fn draw(viewer: &Viewer, look: &Look, now: Timestamp) -> Response {
    let shell = Shell::new(viewer, "Causes", "causes", now).live("/live".to_owned());
    page(StatusCode::OK, &CausesPage { shell, groups: groups(&look.items), waived: waivers(look, now) })
}

#[expect(clippy::cast_precision_loss, reason = "nodes are far fewer than 2^52")]
fn groups(items: &[Item]) -> Vec<Group> {
    let mut by_cause: HashMap<(&str, bool), Vec<&Item>> = HashMap::new();
    for item in items.iter().filter(|item| !item.cause().is_empty()) {
        by_cause.entry((item.cause(), item.is_finding())).or_default().push(item);
    }
    let most = by_cause.values().map(Vec::len).max().unwrap_or(1);
    let mut groups: Vec<(Standing, Group)> = by_cause
        .into_iter()
        .map(|((code, is_finding), items)| {
            let worst = items.iter().map(|item| item.standing).min().unwrap_or(Standing::Unknown);
            let said = items.first().map(|item| item.says().to_owned()).unwrap_or_default();
            let known = title(code);
            let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("cause", code).finish();
            let examples = items.iter().take(EXAMPLES).map(|item| (item.node.name.clone(), href(&item.node)));
            let group = Group {
                title: if is_finding && !known.is_empty() { known.to_owned() } else { said },
                nodes: items.len(),
                look: worst.key(),
                share: format!("{:.2}", 100.0 * items.len() as f64 / most as f64),
                href: format!("/?{query}"),
                examples: examples.collect(),
                code: code.to_owned(),
            };
            (worst, group)
        })
        .collect();
    groups.sort_by(|(worst, one), (other_worst, other)| {
        worst.cmp(other_worst).then(other.nodes.cmp(&one.nodes)).then_with(|| one.code.cmp(&other.code))
    });
    groups.into_iter().map(|(_, group)| group).collect()
}

fn waivers(look: &Look, now: Timestamp) -> Vec<WaiverRow> {
    let row = |waiver: &super::decisions::Waiver| {
        let (name, link) = match waiver.node.map(|key| look.item(key)) {
            // A waiver of a node that left means nothing.
            Some(None) => return None,
            Some(Some(item)) => (item.node.name.clone(), href(&item.node)),
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
    look.decisions.waivers(now).into_iter().filter_map(row).take(MOST_WAIVERS).collect()
}
