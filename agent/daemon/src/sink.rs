//! Where reports, changes and measurements go.

use std::time::Duration;

use portreeve_core::delivery::Delivery;
use portreeve_core::history::{Change, Spell};
use portreeve_core::measure::Measures;
use portreeve_core::schedule::Lane;
use portreeve_core::status::{Judgement, Status};

/// Takes what the daemon comes to know. It is called from the daemon's loop and must not wait.
pub trait Sink {
    /// A new verdict was come to; `change` says how it differs from the one before, and `spells` are all that are kept, oldest first. The
    /// report lies whole in the data folder, as [`crate::REPORT_FILE`].
    fn judged(&mut self, judgement: &Judgement, change: Option<&Change>, spells: &[Spell]);

    /// A look ended, well or badly, with what it measured.
    fn looked(&mut self, lane: Lane, well: bool, measures: Option<Measures>);

    /// The machine slept.
    fn slept(&mut self, slept: Duration);

    /// When it wants to be told how the daemon does, since the machine booted; none where it does not.
    fn due(&self) -> Option<Duration>;

    /// How the daemon does, at that time or earlier.
    fn beat(&mut self, status: &Status);

    /// How delivery goes; none where nothing is delivered.
    fn delivery(&self) -> Option<Delivery>;

    /// What is wrong with delivery; none where nothing is.
    fn problem(&self) -> Option<String>;

    /// The daemon begins to end, and takes a second at most.
    fn ending(&mut self);

    /// The daemon ends.
    fn end(&mut self);
}
