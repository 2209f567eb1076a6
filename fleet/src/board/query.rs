//! What the address of the list of nodes asks for. Whatever stands there, some list comes of it.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::standing::{Item, Standing};

/// Longest text of a filter, in characters.
const MAX_TEXT: usize = 200;
/// Rows of a page.
pub(crate) const ROWS: usize = 100;

/// A column of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Column {
    /// Name.
    Node,
    /// How it stands.
    #[default]
    Verdict,
    /// Since when.
    Since,
    /// Root cause.
    Cause,
    /// Build of the operating system.
    Build,
    /// Version of `OpenClaw`.
    OpenClaw,
    /// Digests of images.
    Image,
    /// When it was last heard of.
    Heard,
}

impl Column {
    const ALL: [Self; 8] =
        [Self::Node, Self::Verdict, Self::Since, Self::Cause, Self::Build, Self::OpenClaw, Self::Image, Self::Heard];

    fn key(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Verdict => "verdict",
            Self::Since => "since",
            Self::Cause => "cause",
            Self::Build => "build",
            Self::OpenClaw => "openclaw",
            Self::Image => "image",
            Self::Heard => "heard",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Verdict => "Verdict",
            Self::Since => "For",
            Self::Cause => "Root cause",
            Self::Build => "OS build",
            Self::OpenClaw => "OpenClaw",
            Self::Image => "Image digests",
            Self::Heard => "Heard",
        }
    }
}

/// For how long a verdict stands: (key, label, seconds, whether longer is meant).
const SPANS: [(&str, &str, i64, bool); 6] = [
    ("1h", "Last hour", 3_600, false),
    ("1d", "Last day", 86_400, false),
    ("7d", "Last 7 days", 7 * 86_400, false),
    ("over1h", "Over an hour", 3_600, true),
    ("over1d", "Over a day", 86_400, true),
    ("over7d", "Over 7 days", 7 * 86_400, true),
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

/// A column's heading.
pub(crate) struct Heading {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// The list sorted by it, or the other way round where it is.
    pub(crate) href: String,
    /// Whether the list is sorted by it.
    pub(crate) chosen: bool,
    descending: bool,
}

impl Heading {
    /// For `aria-sort`.
    pub(crate) fn aria_sort(&self) -> Option<&'static str> {
        self.chosen.then_some(if self.descending { "descending" } else { "ascending" })
    }

    /// The same as a sign.
    pub(crate) fn arrow(&self) -> Option<&'static str> {
        self.chosen.then_some(if self.descending { "↓" } else { "↑" })
    }
}

/// A choice of a form.
pub(crate) struct Choice {
    /// Its value.
    pub(crate) key: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// Whether it is the one in force.
    pub(crate) chosen: bool,
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
                "since" => query.since = SPANS.iter().map(|span| span.0).find(|span| *span == value),
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
            Heading {
                key: column.key(),
                label: column.label(),
                href: turned.href(),
                chosen,
                descending: self.descending,
            }
        };
        Column::ALL.into_iter().map(heading).collect()
    }

    /// Times to choose from.
    pub(crate) fn spans(&self) -> Vec<Choice> {
        let choice = |(key, label, ..): (&'static str, &'static str, i64, bool)| Choice {
            key,
            label,
            chosen: self.since == Some(key),
        };
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

    /// The nodes asked for, in order.
    pub(crate) fn pick(&self, mut items: Vec<Item>, now: Timestamp) -> Vec<Item> {
        let filter = Filter::new(self, now);
        items.retain(|item| filter.holds(item));
        items.sort_by(|one, other| self.compare(one, other));
        items
    }

    fn compare(&self, one: &Item, other: &Item) -> Ordering {
        let (a, b) = (&one.node, &other.node);
        let order = match self.sort {
            Column::Node => Ordering::Equal,
            Column::Verdict => one.standing.cmp(&other.standing),
            // The longest for is the earliest.
            Column::Since => other.since.cmp(&one.since),
            // Nodes without one come last.
            Column::Cause => (one.cause().is_empty(), one.cause()).cmp(&(other.cause().is_empty(), other.cause())),
            Column::Build => natural(build(one), build(other)).then_with(|| a.brief.os_build.cmp(&b.brief.os_build)),
            Column::OpenClaw => natural(openclaw(one), openclaw(other)),
            Column::Image => {
                a.brief.images.iter().map(|image| &image.digest).cmp(b.brief.images.iter().map(|image| &image.digest))
            }
            Column::Heard => b.last_seen.cmp(&a.last_seen),
        };
        let order = if self.descending { order.reverse() } else { order };
        let names = natural(&a.name, &b.name).then_with(|| a.key.cmp(&b.key));
        let names = if self.descending && self.sort == Column::Node { names.reverse() } else { names };
        order.then(names)
    }
}

fn build(item: &Item) -> &str {
    item.node.brief.os_version.as_deref().unwrap_or_default()
}

fn openclaw(item: &Item) -> &str {
    item.node.brief.openclaw_versions.first().map_or("", String::as_str)
}

/// What a node must have, in small letters.
struct Filter<'a> {
    query: &'a Query,
    q: Vec<String>,
    node: String,
    cause: String,
    build: String,
    openclaw: String,
    image: String,
    since: Option<(Timestamp, bool)>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a Query, now: Timestamp) -> Self {
        let span = SPANS.iter().find(|span| Some(span.0) == query.since);
        let since = span.and_then(|(_, _, seconds, over)| {
            now.checked_sub(jiff::SignedDuration::from_secs(*seconds)).ok().map(|limit| (limit, *over))
        });
        Self {
            query,
            q: query.q.to_lowercase().split_whitespace().map(str::to_owned).collect(),
            node: query.node.to_lowercase(),
            cause: query.cause.to_lowercase(),
            build: query.build.to_lowercase(),
            openclaw: query.openclaw.to_lowercase(),
            image: query.image.to_lowercase(),
            since,
        }
    }

    fn holds(&self, item: &Item) -> bool {
        let node = &item.node;
        let brief = &node.brief;
        let texts = |part: &str, all: &[&str]| part.is_empty() || all.iter().any(|text| contains(text, part));
        let option = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let images = |part: &str| {
            brief.images.iter().any(|image| {
                contains(&image.reference, part) || image.digest.as_deref().is_some_and(|digest| contains(digest, part))
            })
        };
        self.query.verdict.is_none_or(|verdict| verdict == item.standing)
            && self.since.is_none_or(|(limit, over)| (item.since < limit) == over)
            && texts(&self.node, &[&node.name, &node.hostname, &node.id])
            && (self.cause.is_empty()
                || contains(item.cause(), &self.cause)
                || brief.root_causes.iter().any(|code| contains(code, &self.cause)))
            && (self.build.is_empty() || texts(&self.build, &[&option(&brief.os_build), &option(&brief.os_version)]))
            && (self.openclaw.is_empty()
                || brief.openclaw_versions.iter().any(|version| contains(version, &self.openclaw)))
            && (self.image.is_empty() || images(&self.image))
            && self.q.iter().all(|word| {
                [
                    node.name.as_str(),
                    &node.hostname,
                    &node.id,
                    &node.agent_version,
                    item.standing.key(),
                    item.cause(),
                    item.says(),
                ]
                .iter()
                .any(|text| contains(text, word))
                    || [&brief.os, &brief.os_version, &brief.os_build]
                        .iter()
                        .any(|text| text.as_deref().is_some_and(|text| contains(text, word)))
                    || brief.openclaw_versions.iter().chain(&brief.root_causes).any(|text| contains(text, word))
                    || images(word)
            })
    }
}

/// Whether a text holds a part, which is in small letters.
fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(part)
}

/// Orders texts as people do: `mac-9` before `mac-10`.
pub(crate) fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let (Some(first), Some(second)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(other));
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((digits, after), (other_digits, other_after)) = (number(left), number(right));
            let order = digits.len().cmp(&other_digits.len()).then_with(|| digits.cmp(other_digits));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (after, other_after);
            continue;
        }
        let order = first.to_lowercase().cmp(second.to_lowercase());
        if order != Ordering::Equal {
            return order;
        }
        left = left.get(first.len_utf8()..).unwrap_or_default();
        right = right.get(second.len_utf8()..).unwrap_or_default();
    }
}

/// The number at the beginning, without leading zeros, and the rest.
fn number(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

/// Pages of a list.
pub(crate) struct Pages {
    /// The page shown, from 1.
    pub(crate) page: usize,
    /// The last one.
    pub(crate) last: usize,
    total: usize,
    size: usize,
    noun: &'static str,
    address: Box<dyn Fn(usize) -> String + Send>,
}

impl Pages {
    /// Pages of `size` of so many things.
    pub(crate) fn new(
        total: usize,
        size: usize,
        page: usize,
        noun: &'static str,
        address: impl Fn(usize) -> String + Send + 'static,
    ) -> Self {
        let last = total.div_ceil(size).max(1);
        Self { page: page.clamp(1, last), last, total, size, noun, address: Box::new(address) }
    }

    /// The things of the page shown.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        let start = (self.page - 1) * self.size;
        start..(start + self.size).min(self.total).max(start)
    }

    /// `1–100 of 2 340 nodes`.
    pub(crate) fn summary(&self) -> String {
        let range = self.range();
        match self.total {
            0 => format!("No {}", self.noun),
            1 => format!("1 {}", self.noun.trim_end_matches('s')),
            total if self.last == 1 => format!("{} {}", grouped(total), self.noun),
            total => format!("{}–{} of {} {}", grouped(range.start + 1), grouped(range.end), grouped(total), self.noun),
        }
    }

    fn to(&self, page: usize, holds: bool) -> Option<String> {
        holds.then(|| (self.address)(page))
    }

    /// Address of the first page, where that is not one beside this one.
    pub(crate) fn first_href(&self) -> Option<String> {
        self.to(1, self.page > 2)
    }

    /// Address of the page before.
    pub(crate) fn previous_href(&self) -> Option<String> {
        self.to(self.page - 1, self.page > 1)
    }

    /// Address of the page after.
    pub(crate) fn next_href(&self) -> Option<String> {
        self.to(self.page + 1, self.page < self.last)
    }

    /// Address of the last page.
    pub(crate) fn last_href(&self) -> Option<String> {
        self.to(self.last, self.page + 1 < self.last)
    }
}

/// A number with its digits in threes, by narrow spaces.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
