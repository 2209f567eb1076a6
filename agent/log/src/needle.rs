//! Words that are looked for in each line. What a search needs to know of its word is made once and not for each line.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// A word that is looked for.
#[derive(Debug)]
pub(super) struct Needle(LazyLock<Finder<'static>>);

macro_rules! needles {
    ($($name:ident = $word:literal;)*) => {
        $(pub(super) static $name: Needle = Needle(LazyLock::new(|| Finder::new($word)));)*
    };
}

needles! {
    CAUSE = "\"cause\":\"";
    LEVEL = "\"logLevelId\":";
    PARAMETERS = " raw_params=";
    PHASE = "\"phase\":\"";
    // Within a string no quote stands without a backslash before it, so that this is the end of `_meta`.
    TIME = "},\"time\":\"";
}

impl Needle {
    /// What stands before the word where it is first, and what behind it.
    pub(super) fn split<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let at = self.0.find(text.as_bytes())?;
        Some((text.get(..at)?, text.get(at + self.0.needle().len()..)?))
    }
}
