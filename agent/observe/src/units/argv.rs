//! Arguments of a command line, which may hold secrets.

use std::fmt;

/// Program arguments as they were written. `Debug` shows their number only; [`crate::process::mask`] makes them fit to show.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Argv(Vec<String>);

impl Argv {
    /// The arguments.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for Argv {
    fn from_iter<I: IntoIterator<Item = String>>(arguments: I) -> Self {
        Self(arguments.into_iter().collect())
    }
}

impl fmt::Debug for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argv({})", self.0.len())
    }
}
