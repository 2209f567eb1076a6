//! Logs: what they say lately, for a check; and all that they say, for `logs`.

mod follow;
mod gather;
mod lines;
mod open;
mod place;
mod printed;
mod read;
mod recent;
mod tail;
mod unified;

pub use follow::Follower;
pub use gather::{EntryList, History, entries, tally};
pub use lines::Position;
pub use open::Access;
pub use place::{From, Place, engine_entries, named, places};
pub(crate) use printed::{Printer, printed};
pub use read::Wanted;
pub(crate) use recent::{Mine, Source, masked, observe};
pub use tail::Tail;
