//! The bundle for a ticket as people read it: one page that needs nothing but itself, a note beside the parts, and what is said on the
//! terminal.

mod findings;
mod html;
mod logs;
mod page;
mod parts;
mod said;

use portreeve_core::evidence::Evidence;
use portreeve_core::logs::Entry;
use portreeve_core::{ImagesReport, LocksReport, Report};

pub(crate) use page::page;
pub(crate) use said::{note, said};

/// Everything that a page shows, without what is nobody else's business.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The verdict.
    pub(crate) report: Report,
    /// The bundle in short.
    pub(crate) evidence: Evidence,
    /// Events and warnings, oldest first.
    pub(crate) entries: Vec<Entry>,
    /// The topology, drawn.
    pub(crate) topology: Picture,
    /// How long locks were held; none where they were not watched.
    pub(crate) locks: Option<(LocksReport, Picture)>,
    /// The digests of images.
    pub(crate) images: ImagesReport,
}

/// A drawing, or why there is none.
#[derive(Debug)]
pub(crate) enum Picture {
    /// It was drawn.
    Drawn(String),
    /// It was not.
    Failed(String),
}

impl Picture {
    /// What came of drawing.
    pub(crate) fn of<E: std::error::Error>(drawn: Result<String, E>) -> Self {
        drawn.map_or_else(|error| Self::Failed(error.to_string()), Self::Drawn)
    }
}

/// A size for a reader.
fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}
