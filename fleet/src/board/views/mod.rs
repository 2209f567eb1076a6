//! The fleet as a whole, seen from one side at a time: pictures and tables.

pub(crate) mod absent;
pub(crate) mod closes;
pub(crate) mod ghosts;
pub(crate) mod images;
pub(crate) mod locks;
pub(crate) mod quarantine;
pub(crate) mod upgrade;
pub(crate) mod versions;

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::Board;
use super::chart::Picture;
use super::error::BoardError;
use super::moment::Moment;
use super::nodes::href;
use super::page::{Shell, page};
use super::query::Pages;
use super::standing::{Item, Standing};
use crate::AppState;
use crate::auth::Viewer;

/// Rows of a page.
const ROWS: usize = 200;

/// A heading of a column.
pub(crate) struct Head {
    text: String,
    number: bool,
    code: bool,
}

/// A cell.
#[derive(Default)]
pub(crate) struct Cell {
    text: String,
    sub: String,
    href: Option<String>,
    class: &'static str,
    number: bool,
    standing: Option<Standing>,
    moment: Option<Moment>,
}

/// A table.
#[derive(Default)]
pub(crate) struct Table {
    title: String,
    about: &'static str,
    heads: Vec<Head>,
    rows: Vec<Vec<Cell>>,
    matrix: bool,
    empty: (&'static str, &'static str),
}

#[derive(Template)]
#[template(path = "table.html")]
struct View {
    shell: Shell,
    lead: String,
    pictures: Vec<Picture>,
    tables: Vec<Table>,
    pages: Option<Pages>,
}

impl Head {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: false, code: false }
    }

    fn number(text: impl Into<String>) -> Self {
        Self { number: true, ..Self::new(text) }
    }
}

impl Cell {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn number(count: usize) -> Self {
        let class = if count == 0 { "cell zero" } else { "cell" };
        Self { number: true, class, ..Self::new(count.to_string()) }
    }

    fn at(at: Option<Timestamp>, now: Timestamp) -> Self {
        Self { moment: Some(Moment::of(at, now)), ..Self::default() }
    }

    fn sub(self, sub: impl Into<String>) -> Self {
        Self { sub: sub.into(), ..self }
    }

    fn link(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }

    fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    fn node(item: &Item) -> Self {
        let host = if item.node.hostname == item.node.name { "" } else { &item.node.hostname };
        Self::new(&item.node.name).link(href(&item.node)).sub(host)
    }

    fn standing(standing: Standing) -> Self {
        Self { standing: Some(standing), ..Self::default() }
    }
}

impl Table {
    fn new<const N: usize>(title: &str, heads: [&str; N]) -> Self {
        let heads = heads.map(Head::new).into_iter().collect();
        Self { title: title.to_owned(), heads, ..Self::default() }
    }

    fn label(&self) -> &str {
        if self.title.is_empty() { "Table" } else { &self.title }
    }
}

/// Nodes as they stand, in the order of their names, for a view.
pub(in crate::board) struct Fleet<'a> {
    /// Who looks.
    pub(in crate::board) viewer: &'a Viewer,
    /// All nodes.
    pub(in crate::board) items: &'a [Item],
    /// When.
    pub(in crate::board) now: Timestamp,
}

/// Draws a view of all nodes.
async fn draw(
    viewer: Viewer,
    state: &AppState,
    board: &Arc<Board>,
    view: impl FnOnce(&Fleet<'_>) -> Response + Send + 'static,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    board.draw(state, move |look| view(&Fleet { viewer: &viewer, items: &look.items, now })).await
}

impl Fleet<'_> {
    fn page(&self, title: &str, key: &'static str, view: ViewParts) -> Response {
        let shell = Shell::new(self.viewer, title, key, self.now);
        let ViewParts { lead, pictures, tables, pages } = view;
        page(StatusCode::OK, &View { shell, lead, pictures, tables, pages })
    }
}

/// What a view shows.
#[derive(Default)]
struct ViewParts {
    lead: String,
    pictures: Vec<Picture>,
    tables: Vec<Table>,
    pages: Option<Pages>,
}

/// The address of the list with a filter.
fn list(key: &str, value: &str) -> String {
    let pairs: String = form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish();
    format!("/?{pairs}")
}

/// The page that an address asks for.
fn page_of(raw: Option<&str>) -> usize {
    let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).take(16);
    pairs.filter(|(key, _)| key == "page").find_map(|(_, value)| value.parse().ok()).unwrap_or(1)
}

/// `1 node`, `17 nodes`.
fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{} nodes", super::query::grouped(count)) }
}
