//! What people and programs get from `portreeve`: text, JSON, exit status, generated files.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

mod accept;
mod bench;
mod broken_pipe;
mod check;
mod connect;
mod daemon;
mod enrol;
mod errors;
mod evidence;
mod explain;
mod gate;
mod generated;
mod help;
mod hostile;
mod images;
mod lint;
mod lists;
mod locks;
mod maintenance;
mod manual;
mod picture;
mod selftest;
mod settings;
mod spool;
mod units;
