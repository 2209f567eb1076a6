//! What the address of the list of nodes asks for. Whatever stands there, some list comes of it.

mod column;
mod filter;
mod order;
mod pages;
mod span;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use super::standing::{Item, Standing};
pub(crate) use column::{Column, Heading};
pub(crate) use filter::Words;
pub(crate) use order::natural;
pub(crate) use pages::{Pages, grouped};
pub(crate) use span::Choice;
use span::SPANS;

/// Longest text of a filter, in characters.
const MAX_TEXT: usize = 200;
/// Rows of a page.
const ROWS: usize = 50;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Query {
    /// Text in any column.
    pub(crate) q: String,
    /// Text in name, host name or identity.
    pub(crate) node: String,
    /// How it stands.
    pub(crate) verdict: Option<Standing>,
    /// Key of the time for which it stands so.
    pub(crate) since: Option<&'static str>,
    /// Text in the root cause.
    pub(crate) cause: String,
    /// Text in the operating system's version or build.
    pub(crate) build: String,
    /// Text in the version of `OpenClaw`.
    pub(crate) openclaw: String,
    /// Text in an image's name or digest.
    pub(crate) image: String,
    /// What the list is sorted by.
    pub(crate) sort: Column,
    /// Whether it is sorted downwards.
    pub(crate) descending: bool,
    /// Page, from 1.
    pub(crate) page: usize,
}

impl Query {
    /// Reads the query of an address. What it does not know it leaves out.
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let mut query = Self { page: 1, ..Self::default() };
        for (key, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).take(64) {
            let text = || value.trim().chars().take(MAX_TEXT).collect::<String>();
            match &*key {
                "q" => query.q = text(),
                "node" => query.node = text(),
                "verdict" => query.verdict = Standing::from_key(&value),
                "since" => query.since = SPANS.iter().map(|span| span.key).find(|key| *key == value),
                "cause" => query.cause = text(),
                "build" => query.build = text(),
                "openclaw" => query.openclaw = text(),
                "image" => query.image = text(),
                "sort" => query.sort = Column::ALL.into_iter().find(|column| column.key() == value).unwrap_or_default(),
                "order" => query.descending = value == "desc",
                "page" => query.page = value.parse().unwrap_or(1).clamp(1, 1_000_000),
                _ => {}
            }
        }
        query
    }

    /// The address of this list. What is as it would be anyway is left out.
    pub(crate) fn href(&self) -> String {
        self.address("/")
    }

    /// The same question to another path.
    pub(crate) fn address(&self, path: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (key, value) in [
            ("q", self.q.as_str()),
            ("node", &self.node),
            ("verdict", self.verdict.map_or("", Standing::key)),
            ("since", self.since.unwrap_or_default()),
            ("cause", &self.cause),
            ("build", &self.build),
            ("openclaw", &self.openclaw),
            ("image", &self.image),
            ("sort", if self.sort == Column::default() { "" } else { self.sort.key() }),
            ("order", if self.descending { "desc" } else { "" }),
        ] {
            if !value.is_empty() {
                pairs.append_pair(key, value);
            }
        }
        if self.page > 1 {
            pairs.append_pair("page", &self.page.to_string());
        }
        let pairs = pairs.finish();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{pairs}") }
    }

    /// Another page of it.
    pub(crate) fn on_page(&self, page: usize) -> String {
        Self { page, ..self.clone() }.href()
    }

    /// The list with this verdict alone, or with any where it is in force already.
    pub(crate) fn only(&self, standing: Standing) -> String {
        let verdict = (self.verdict != Some(standing)).then_some(standing);
        Self { verdict, page: 1, ..self.clone() }.href()
    }

    /// Whether it leaves nodes out.
    pub(crate) fn is_narrowed(&self) -> bool {
        *self != Self { sort: self.sort, descending: self.descending, page: self.page, ..Self::default() }
    }

    /// Whether single columns are filtered.
    pub(crate) fn has_columns(&self) -> bool {
        Self { q: String::new(), verdict: None, ..self.clone() }.is_narrowed()
    }

    /// All columns.
    pub(crate) fn columns(&self) -> Vec<Heading> {
        let heading = |column: Column| {
            let chosen = column == self.sort;
            let turned = Self { sort: column, descending: chosen && !self.descending, page: 1, ..self.clone() };
            Heading::new(column, turned.href(), chosen.then_some(self.descending))
        };
        Column::ALL.into_iter().map(heading).collect()
    }

    /// Times to choose from.
    pub(crate) fn spans(&self) -> Vec<Choice> {
        let choice =
            |span: span::Span| Choice { key: span.key, label: span.label, chosen: self.since == Some(span.key) };
        SPANS.into_iter().map(choice).collect()
    }

    /// `sorted by verdict, upwards`.
    pub(crate) fn order_in_words(&self) -> String {
        let way = if self.descending { "descending" } else { "ascending" };
        format!(
            "sorted by {}, {way}",
            self.sort.label().to_lowercase().replace("os build", "OS build").replace("openclaw", "OpenClaw")
        )
    }

    /// The places of the nodes asked for, in order. `items` come in the order of their names, each with its [`Words`].
    pub(crate) fn pick<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a Item, &'a Words)>,
        now: Timestamp,
    ) -> Vec<usize> {
        let filter = filter::Filter::new(self, now);
        let held = items.into_iter().enumerate().filter(|(_, (item, words))| filter.holds(item, words));
        let mut picked: Vec<(usize, &Item)> = held.map(|(place, (item, _))| (place, item)).collect();
        order::arrange(&mut picked, self.sort, self.descending);
        picked.into_iter().map(|(place, _)| place).collect()
    }
}
