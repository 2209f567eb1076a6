//! The embedded central endpoint: OTLP in, `SQLite`, the fleet board.
//!
//! ```text
//! agents ──▶ ingest ──▶ store (one writer, group commit) ──▶ index (in memory) ──▶ board
//! ```
//!
//! What is acknowledged is committed. The board reads the [`index::Index`] for all that concerns many nodes, and `SQLite` for the
//! history of one. Every table, queue, connection and body has a bound.

pub mod auth;
pub mod board;
pub mod cli;
pub mod config;
pub mod enrol;
pub mod error;
pub mod index;
pub mod ingest;
pub mod meter;
pub mod series;
pub mod server;
pub mod state;
pub mod store;

pub use config::Config;
pub use state::AppState;
