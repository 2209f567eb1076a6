//! All nodes at one time, judged: what pages and streams share.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::decisions::Decisions;
use super::nodes::Tally;
use super::query::{Query, Words, natural};
use super::standing::Item;
use crate::index::{Index, NodeKey, NodeSummary};

/// A look that took no longer than this to make is made for each page.
const CHEAP: Duration = Duration::from_millis(1);
/// How much longer a look serves than it took, so that looks take a small part of a processor.
const SERVES: u32 = 20;
/// How long a look serves at most.
const LONGEST: Duration = Duration::from_secs(1);
/// Answers to queries that a look keeps.
const ANSWERS: usize = 16;
/// Most values that a field offers.
const MAX_OFFERS: usize = 200;

/// All nodes at one time.
pub(crate) struct Look {
    /// When.
    pub(crate) at: Timestamp,
    /// What people have decided.
    pub(crate) decisions: Arc<Decisions>,
    /// How many nodes stand how.
    pub(crate) tally: Tally,
    /// All nodes, in the order of their names.
    pub(crate) items: Vec<Item>,
    words: Vec<Words>,
    places: HashMap<NodeKey, usize>,
    offers: OnceLock<Offers>,
    answers: Mutex<VecDeque<(Query, Arc<[usize]>)>>,
}

/// Values that fields of the filter offer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offers {
    /// Causes in force.
    pub(crate) causes: Vec<String>,
    /// Builds of the operating system.
    pub(crate) builds: Vec<String>,
    /// Versions of `OpenClaw`.
    pub(crate) openclaws: Vec<String>,
}

/// The last look.
#[derive(Default)]
pub(crate) struct Looks(Mutex<Option<(Instant, Arc<Look>)>>);

impl Looks {
    /// The last look, or a new one where that does not serve any more. Blocks as long as that takes.
    pub(crate) fn current(&self, index: &Index, decisions: &Arc<Decisions>) -> Arc<Look> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        if let Some((until, look)) = &*last
            && begun < *until
            && Arc::ptr_eq(&look.decisions, decisions)
        {
            return Arc::clone(look);
        }
        let before = last.as_ref().map(|(_, look)| &**look);
        let look = Arc::new(Look::new(index.all(), Arc::clone(decisions), before, Timestamp::now()));
        let took = begun.elapsed();
        let serves = if took < CHEAP { Duration::ZERO } else { (took * SERVES).min(LONGEST) };
        *last = Some((begun + took + serves, Arc::clone(&look)));
        look
    }
}

impl Look {
    /// Judges all nodes, but for those of which nothing is new since `before`.
    pub(crate) fn new(
        nodes: Vec<Arc<NodeSummary>>,
        decisions: Arc<Decisions>,
        before: Option<&Self>,
        now: Timestamp,
    ) -> Self {
        let same_decisions = before.is_some_and(|before| Arc::ptr_eq(&before.decisions, &decisions));
        let mut all: Vec<(Option<usize>, Item, Words)> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let known = before.and_then(|before| before.known(node.key));
            let place = known.filter(|(_, item, _)| item.node.name == node.name).map(|(place, ..)| place);
            // Waivers run out without anything else being another.
            let is_same = |item: &Item| {
                same_decisions
                    && Arc::ptr_eq(&item.node, &node)
                    && decisions.waivers_of(node.key, Timestamp::MIN).next().is_none()
            };
            if let Some((_, item, words)) = known.filter(|(_, item, _)| is_same(item)) {
                all.push((place, item.clone(), words.clone()));
            } else {
                all.push((place, Item::of(node, &decisions, now), Words::default()));
            }
        }
        if before.is_some_and(|before| before.items.len() == all.len()) && all.iter().all(|(place, ..)| place.is_some())
        {
            all.sort_unstable_by_key(|(place, ..)| *place);
        } else {
            all.sort_by(|(_, one, _), (_, other, _)| {
                natural(&one.node.name, &other.node.name).then_with(|| one.node.key.cmp(&other.node.key))
            });
        }
        let places = all.iter().enumerate().map(|(place, (_, item, _))| (item.node.key, place)).collect();
        let (items, words): (Vec<_>, Vec<_>) = all.into_iter().map(|(_, item, words)| (item, words)).unzip();
        let tally = Tally::of(&items);
        let (offers, answers) = (OnceLock::new(), Mutex::default());
        Self { at: now, decisions, tally, items, words, places, offers, answers }
    }

    fn known(&self, key: NodeKey) -> Option<(usize, &Item, &Words)> {
        let place = *self.places.get(&key)?;
        Some((place, self.items.get(place)?, self.words.get(place)?))
    }

    /// A node.
    pub(crate) fn item(&self, key: NodeKey) -> Option<&Item> {
        self.known(key).map(|(_, item, _)| item)
    }

    /// The places of the nodes that a query asks for, of all its pages, in order.
    pub(crate) fn pick(&self, query: &Query) -> Arc<[usize]> {
        let query = Query { page: 1, ..query.clone() };
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, picked)) = answers().iter().find(|(asked, _)| *asked == query) {
            return Arc::clone(picked);
        }
        let picked: Arc<[usize]> = query.pick(self.items.iter().zip(&self.words), self.at).into();
        let mut answers = answers();
        answers.truncate(ANSWERS - 1);
        answers.push_front((query, Arc::clone(&picked)));
        picked
    }

    /// The nodes at these places.
    pub(crate) fn these<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Item> {
        places.iter().filter_map(|place| self.items.get(*place))
    }

    /// Values that fields of the filter offer.
    pub(crate) fn offers(&self) -> &Offers {
        self.offers.get_or_init(|| Offers::of(&self.items))
    }
}

impl Offers {
    fn of(items: &[Item]) -> Self {
        let briefs = || items.iter().map(|item| &item.node.brief);
        Self {
            causes: offered(items.iter().map(Item::cause).filter(|cause| !cause.is_empty())),
            builds: offered(briefs().filter_map(|brief| brief.os_build.as_deref())),
            openclaws: offered(briefs().flat_map(|brief| brief.openclaw_versions.iter().map(String::as_str))),
        }
    }
}

fn offered<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let distinct: BTreeSet<&str> = values.collect::<HashSet<_>>().into_iter().collect();
    distinct.into_iter().take(MAX_OFFERS).map(str::to_owned).collect()
}
