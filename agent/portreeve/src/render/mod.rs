//! What people read. Each function turns data into text; none of them looks anything up.

mod acceptance;
mod chart;
mod connects;
mod containers;
mod evidence;
mod explain;
mod images;
mod lint;
mod lists;
mod locks;
mod logs;
mod maintenance;
mod map;
mod reference;
mod report;
mod selftest;
mod states;
mod status;
mod text;

pub(crate) use acceptance::acceptance;
pub(crate) use chart::{CloseChart, LockChart, connects_svg, locks_svg, logs_svg};
pub(crate) use connects::connects;
pub(crate) use evidence::{Picture, Shown, note as evidence_note, page as evidence_page, said as evidence_said};
pub(crate) use explain::{catalogue, entry};
pub(crate) use images::{accepted, images};
pub(crate) use lint::{lint_github, lint_sarif, lint_text};
pub(crate) use lists::{settings, tokens, units};
pub(crate) use locks::{locks, locks_line};
pub(crate) use logs::{entry as log_entry, logs};
pub(crate) use maintenance::maintenance;
pub(crate) use map::{map_mermaid, map_svg, map_text};
pub(crate) use reference::{configuration, findings};
pub(crate) use report::report;
pub(crate) use selftest::selftest;
pub(crate) use status::status;
