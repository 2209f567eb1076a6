//! Sorting, and collecting in order, with little code for each type.
//!
//! The standard library's sort is compiled anew for each type and each way to compare, at three to four KiB a time. What is sorted here
//! is short, and the places are many; the program has to stay small.

use std::cmp::Ordering;

/// Stable sorting that takes little code, and memory for one number for each element.
pub trait Order<T> {
    /// Does what [`slice::sort`] does.
    fn order(&mut self)
    where
        T: Ord;

    /// Does what [`slice::sort_by`] does.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Does what [`slice::sort_by_cached_key`] does.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

/// Collecting into maps and sets that takes little code.
pub trait Gather: Iterator + Sized {
    /// Does what [`Iterator::collect`] does, one by one: maps and sets of the standard library sort all beforehand, with a sort for each type.
    fn gather<C: Default + Extend<Self::Item>>(self) -> C {
        let mut all = C::default();
        all.extend(self);
        all
    }
}

impl<I: Iterator> Gather for I {}

impl<T> Order<T> for [T] {
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }

    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let from = places(self.len(), &mut |one, other| match (self.get(one), self.get(other)) {
            (Some(one), Some(other)) => compare(one, other),
            _ => Ordering::Equal,
        });
        rearrange(self, from);
    }

    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K) {
        let keys: Vec<K> = self.iter().map(key).collect();
        let from = places(keys.len(), &mut |one, other| keys.get(one).cmp(&keys.get(other)));
        rearrange(self, from);
    }
}

/// For each place the one whose element belongs there.
fn places(length: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut from: Vec<usize> = (0..length).collect();
    from.sort_by(|one, other| compare(*one, *other));
    from
}

/// Follows each cycle of the permutation from its first place.
fn rearrange<T>(all: &mut [T], mut from: Vec<usize>) {
    for first in 0..all.len() {
        let mut place = first;
        while let Some(slot) = from.get_mut(place) {
            let source = std::mem::replace(slot, place);
            if source == first || source == place {
                break;
            }
            all.swap(place, source);
            place = source;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(list in prop::collection::vec((0u8..8, any::<u8>()), 0..200)) {
            let sorted = |sort: fn(&mut Vec<(u8, u8)>)| {
                let mut list = list.clone();
                sort(&mut list);
                list
            };
            prop_assert_eq!(sorted(|list| list.order()), sorted(|list| list.sort_unstable()));
            let by = |list: &mut Vec<(u8, u8)>| list.order_by(|one, other| other.0.cmp(&one.0));
            prop_assert_eq!(sorted(by), sorted(|list| list.sort_by_key(|one| std::cmp::Reverse(one.0))));
            prop_assert_eq!(sorted(|list| list.order_by_key(|one| one.0)), sorted(|list| list.sort_by_key(|one| one.0)));
        }
    }
}
