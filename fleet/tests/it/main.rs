//! The real program over real sockets.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod admin;
mod board;
mod enrol;
mod ingest;
mod program;
mod series;
mod tls;
mod viewers;
