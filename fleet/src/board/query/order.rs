//! The order of the list.

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::super::standing::Item;
use super::Column;

/// Nodes with their places among all, which are in the order of names.
type Picked<'a> = [(usize, &'a Item)];

/// Puts nodes into order. They come in that of their names, which is kept where they are alike.
pub(super) fn arrange(picked: &mut Picked<'_>, sort: Column, descending: bool) {
    match sort {
        Column::Node if descending => picked.reverse(),
        Column::Node => {}
        Column::Verdict => by(picked, descending, |item| item.standing),
        // The longest for is the earliest.
        Column::Since => by(picked, descending, |item| Reverse(item.since)),
        Column::Heard => by(picked, descending, |item| Reverse(item.node.last_seen)),
        // Nodes without one come last.
        Column::Cause => by_rank(picked, descending, |item| (item.cause().is_empty(), item.cause()), Ord::cmp),
        Column::Build => by_rank(
            picked,
            descending,
            |item| (item.node.brief.os_version.as_deref().unwrap_or_default(), item.node.brief.os_build.as_deref()),
            |one, other| natural(one.0, other.0).then_with(|| one.1.cmp(&other.1)),
        ),
        Column::OpenClaw => by_rank(
            picked,
            descending,
            |item| item.node.brief.openclaw_versions.first().map_or("", String::as_str),
            |one, other| natural(one, other),
        ),
        Column::Image => by_rank(
            picked,
            descending,
            |item| item.node.brief.images.iter().map(|image| image.digest.as_deref()).collect::<Vec<_>>(),
            Ord::cmp,
        ),
    }
}

fn by<'a, K: Ord>(picked: &mut Picked<'a>, descending: bool, key: impl Fn(&'a Item) -> K) {
    if descending {
        picked.sort_by_key(|(_, item)| Reverse(key(item)));
    } else {
        picked.sort_by_key(|(_, item)| key(item));
    }
}

/// The same where many nodes have few different keys that take long to compare.
fn by_rank<'a, K: Eq + Hash>(
    picked: &mut Picked<'a>,
    descending: bool,
    key: impl Fn(&'a Item) -> K,
    compare: impl Fn(&K, &K) -> Ordering,
) {
    let mut keys: Vec<K> = picked.iter().map(|(_, item)| key(item)).collect::<HashSet<_>>().into_iter().collect();
    keys.sort_by(|one, other| if descending { compare(other, one) } else { compare(one, other) });
    let ranks: HashMap<K, usize> = keys.into_iter().enumerate().map(|(rank, key)| (key, rank)).collect();
    picked.sort_by_cached_key(|(_, item)| ranks.get(&key(item)).copied());
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
