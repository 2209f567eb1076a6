//! Pages of a list.

use super::{Query, ROWS};

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

    /// Pages of the nodes that a query asks for.
    pub(crate) fn of_nodes(total: usize, query: &Query) -> Self {
        let (page, query) = (query.page, query.clone());
        Self::new(total, ROWS, page, "nodes", move |page| query.on_page(page))
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
