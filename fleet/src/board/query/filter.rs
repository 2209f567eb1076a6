//! Which nodes a query asks for.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::super::standing::Item;
use super::{Query, SPANS};
use crate::index::Image;

/// What a node must have, in small letters.
pub(super) struct Filter<'a> {
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
    pub(super) fn new(query: &'a Query, now: Timestamp) -> Self {
        let span = SPANS.into_iter().find(|span| Some(span.key) == query.since);
        Self {
            query,
            q: query.q.to_lowercase().split_whitespace().map(str::to_owned).collect(),
            node: query.node.to_lowercase(),
            cause: query.cause.to_lowercase(),
            build: query.build.to_lowercase(),
            openclaw: query.openclaw.to_lowercase(),
            image: query.image.to_lowercase(),
            since: span.and_then(|span| span.limit(now)),
        }
    }

    /// Whether a node has it.
    pub(super) fn holds(&self, item: &Item, words: &Words) -> bool {
        let node = &item.node;
        let brief = &node.brief;
        self.query.verdict.is_none_or(|verdict| verdict == item.standing)
            && self.since.is_none_or(|(limit, over)| (item.since < limit) == over)
            && any([node.name.as_str(), &node.hostname, &node.id], &self.node)
            && any([item.cause()].into_iter().chain(brief.root_causes.iter().map(String::as_str)), &self.cause)
            && any([&brief.os_build, &brief.os_version].into_iter().filter_map(|text| text.as_deref()), &self.build)
            && any(brief.openclaw_versions.iter().map(String::as_str), &self.openclaw)
            && any(images(item), &self.image)
            && self.q.iter().all(|word| words.of(item).contains(word.as_str()))
    }
}

/// All that is searched of a node, once somebody searches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words(OnceLock<Arc<str>>);

impl Words {
    fn of(&self, item: &Item) -> &str {
        self.0.get_or_init(|| words(item).into())
    }
}

/// In small letters, each text on a line.
fn words(item: &Item) -> String {
    let node = &item.node;
    let brief = &node.brief;
    let own = [&node.name, &node.hostname, &node.id, &node.agent_version].map(String::as_str);
    let system = [&brief.os, &brief.os_version, &brief.os_build].into_iter().filter_map(|text| text.as_deref());
    let lists = brief.openclaw_versions.iter().chain(&brief.root_causes).map(String::as_str);
    let all = own.into_iter().chain([item.standing.key(), item.cause(), item.says()]);
    let mut words = String::new();
    for text in all.chain(system).chain(lists).chain(images(item)) {
        words.push_str(text);
        words.push('\n');
    }
    if words.is_ascii() {
        words.make_ascii_lowercase();
        words
    } else {
        words.to_lowercase()
    }
}

fn images(item: &Item) -> impl Iterator<Item = &str> {
    fn texts(image: &Image) -> [Option<&str>; 2] {
        [Some(&image.reference), image.digest.as_deref()]
    }
    item.node.brief.images.iter().flat_map(texts).flatten()
}

/// Whether one of these texts holds a part, which is in small letters. An empty part asks for nothing.
fn any<'a>(texts: impl IntoIterator<Item = &'a str>, part: &str) -> bool {
    part.is_empty() || texts.into_iter().any(|text| contains(text, part))
}

/// Whether a text holds a part, which is in small letters.
fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(part)
}
