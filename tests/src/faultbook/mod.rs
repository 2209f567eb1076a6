//! Real faults, each in a file of its own: set up from a healthy base, and what has to be said of it.
//!
//! A file is TOML: see [`Fault`] for its keys and [`Step`] for what can be done to a set-up.

mod ask;
mod book;
mod contained;
mod fault;
mod files;
mod kept;
mod listener;
mod page;
mod peers;
mod play;
mod recorded;
mod score;
mod show;
mod stage;
mod step;
mod totals;
mod words;

pub use ask::Said;
pub use book::{Outcome, Reading, folder, read as play_all};
pub use fault::{Base, Expect, Family, Fault, Kind, Pattern, Peers, Until, read};
pub use kept::Keep;
pub use page::page;
pub use peers::Peer;
pub use play::{Played, play, runs_a_gateway};
pub use score::{Answer, Finding, Hit, Judgement};
pub use show::{json, row, summary};
pub use step::Step;
pub use totals::{Counts, PeerCounts, SCHEMA, Totals, totals};

#[cfg(test)]
mod tests;
