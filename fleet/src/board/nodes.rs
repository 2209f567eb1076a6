//! The list of nodes.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::Board;
use super::decisions::Decisions;
use super::error::BoardError;
use super::look::{Look, Offers};
use super::moment::Moment;
use super::page::{Shell, page};
use super::query::{Pages, Query, grouped};
use super::standing::{Item, Standing};
use crate::AppState;
use crate::auth::Viewer;
use crate::index::NodeSummary;

/// How many nodes stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// All nodes.
    pub(crate) nodes: usize,
    counts: [usize; Standing::ALL.len()],
}

/// One verdict of a tally, with its part of a bar 1,000 wide.
pub(crate) struct Part {
    /// The verdict.
    pub(crate) standing: Standing,
    /// How many.
    pub(crate) count: usize,
    /// Where its part begins.
    pub(crate) x: String,
    /// How wide it is.
    pub(crate) width: String,
}

impl Tally {
    /// Counts.
    pub(crate) fn of(items: &[Item]) -> Self {
        let mut tally = Self { nodes: items.len(), ..Self::default() };
        for item in items {
            if let Some(count) = tally.counts.get_mut(item.standing as usize) {
                *count += 1;
            }
        }
        tally
    }

    /// How many stand so.
    pub(crate) fn count(&self, standing: Standing) -> usize {
        self.counts.get(standing as usize).copied().unwrap_or(0)
    }

    /// All verdicts, the most pressing first.
    #[expect(clippy::cast_precision_loss, reason = "nodes are far fewer than 2^52")]
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut x = 0.0;
        let part = |standing| {
            let count = self.count(standing);
            let width = 1_000.0 * count as f64 / self.nodes.max(1) as f64;
            let part = Part { standing, count, x: format!("{x:.2}"), width: format!("{width:.2}") };
            x += width;
            part
        };
        Standing::ALL.into_iter().map(part).collect()
    }
}

/// A node as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its identity.
    pub(crate) id: String,
    /// Its page.
    pub(crate) href: String,
    /// Its name.
    pub(crate) name: String,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Since when.
    pub(crate) since: Moment,
    /// Code of the root cause.
    pub(crate) cause: String,
    /// Root causes beside it.
    pub(crate) more: usize,
    /// One sentence on it.
    pub(crate) says: String,
    /// Version of the operating system.
    pub(crate) os: String,
    /// Its build.
    pub(crate) build: String,
    /// Versions of `OpenClaw`.
    pub(crate) openclaw: String,
    /// Digests of images, short.
    pub(crate) digests: String,
    /// When it was last heard of.
    pub(crate) heard: Moment,
    /// What else is to be known.
    pub(crate) flags: Vec<String>,
}

impl Row {
    /// A node as a row.
    pub(crate) fn of(item: &Item, decisions: &Decisions, now: Timestamp) -> Self {
        let node = &item.node;
        let brief = &node.brief;
        let mut flags = Vec::new();
        if decisions.maintenance_of(node.key, now).is_some()
            || brief.maintenance.as_ref().is_some_and(|one| one.until.is_none_or(|until| until > now))
        {
            flags.push("maintenance".to_owned());
        }
        if brief.quarantine.is_some() {
            flags.push("quarantine".to_owned());
        }
        if item.waived > 0 {
            flags.push(format!("{} waived", item.waived));
        }
        if decisions
            .acknowledgements_of(node.key)
            .iter()
            .any(|one| brief.findings.iter().any(|finding| finding.code == one.code))
        {
            flags.push("acknowledged".to_owned());
        }
        Self {
            id: node.id.clone(),
            href: href(node),
            name: node.name.clone(),
            standing: item.standing,
            since: Moment::new(item.since, now),
            cause: item.cause().to_owned(),
            more: item.more,
            says: item.says().to_owned(),
            os: os(node),
            build: brief.os_build.clone().unwrap_or_default(),
            openclaw: if brief.openclaw_versions.is_empty() {
                "–".to_owned()
            } else {
                brief.openclaw_versions.join(", ")
            },
            digests: digests(node),
            heard: Moment::of(node.last_seen, now),
            flags,
        }
    }
}

/// Address of a node's page.
pub(crate) fn href(node: &NodeSummary) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let id =
        node.id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    format!("/nodes/{}", id.collect::<String>())
}

/// Operating system and version.
pub(crate) fn os(node: &NodeSummary) -> String {
    let brief = &node.brief;
    let words = [brief.os.as_deref(), brief.os_version.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Twelve digits of a digest.
pub(crate) fn short(digest: &str) -> String {
    digest.rsplit(':').next().unwrap_or(digest).chars().take(12).collect()
}

fn digests(node: &NodeSummary) -> String {
    let all: Vec<String> = node.brief.images.iter().filter_map(|image| image.digest.as_deref()).map(short).collect();
    match all.as_slice() {
        [] => "–".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one}, {other}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}

#[derive(Template)]
#[template(path = "nodes.html")]
struct NodesPage {
    shell: Shell,
    heading: String,
    tally: Tally,
    query: Query,
    offers: Offers,
    rows: Vec<Row>,
    pages: Pages,
}

/// `GET /`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    board.draw(&state, move |look| draw(&viewer, look, raw.as_deref(), now)).await
}

/// The list as an address asks for it.
pub(super) fn draw(viewer: &Viewer, look: &Look, raw: Option<&str>, now: Timestamp) -> Response {
    page(StatusCode::OK, &view(viewer, look, Query::parse(raw), now))
}

fn view(viewer: &Viewer, look: &Look, query: Query, now: Timestamp) -> NodesPage {
    let picked = look.pick(&query);
    let pages = Pages::of_nodes(picked.len(), &query);
    let query = Query { page: pages.page, ..query };
    let shown = picked.get(pages.range()).unwrap_or_default();
    let rows = look.these(shown).map(|item| Row::of(item, &look.decisions, now)).collect();
    let heading = if query.is_narrowed() {
        format!("{} of {} nodes", grouped(picked.len()), grouped(look.tally.nodes))
    } else {
        "Nodes".to_owned()
    };
    let shell = Shell::new(viewer, heading.clone(), "nodes", now).live(query.address("/live"));
    NodesPage { shell, heading, tally: look.tally, query, offers: look.offers().clone(), rows, pages }
}
