//! What other programs print, one file for each program: a typed result, and the lines that were not understood.
//!
//! The parsers are pure, so that an output captured on any Mac can be read on any machine.

pub mod apple_container;
pub mod colima;
pub mod log;
pub mod lsof;
pub mod multipass;
pub mod pmset;
pub mod sfltool;
pub mod sw_vers;
pub mod tmutil;
pub mod xattr;

/// How many lines that were not understood are kept. All are counted.
const MAX_KEPT_LINES: usize = 50;
/// How much of such a line is kept.
const MAX_KEPT_LENGTH: usize = 200;

/// What was understood of an output, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What was understood.
    pub value: T,
    /// What was not.
    pub unparsed: Unparsed,
}

impl<T> Parsed<T> {
    /// The same with the value turned into something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed { value: f(self.value), unparsed: self.unparsed }
    }
}

/// Lines that were not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unparsed {
    lines: Vec<String>,
    count: u64,
}

impl Unparsed {
    /// Adds a line.
    pub fn push(&mut self, line: &str) {
        self.count += 1;
        if self.lines.len() < MAX_KEPT_LINES {
            self.lines.push(line.trim().chars().take(MAX_KEPT_LENGTH).collect());
        }
    }

    /// The first of them, cut to a readable length.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<'a> Extend<&'a str> for Unparsed {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, lines: I) {
        for line in lines {
            self.push(line);
        }
    }
}

impl<'a> FromIterator<&'a str> for Unparsed {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let mut unparsed = Self::default();
        unparsed.extend(lines);
        unparsed
    }
}
