//! What is known of OpenClaw's gateway: where it keeps things, how its configuration and credentials resolve, what it
//! says on the wire and in its logs.
//!
//! Everything here is read-only. Paths, ports and credentials are resolved as the gateway and its clients do it
//! themselves (as seen on OpenClaw 2026.9), for any user's environment, and each result says which source it came from
//! and why the others lost. Files of other users go through [`mod@file`], parsers take bounded input, and secrets are
//! [`secrecy::SecretString`] from where they are read.

pub mod acceptance;
pub mod client;
pub mod config;
pub mod credentials;
pub mod endpoint;
pub mod environment;
pub mod file;
pub mod http;
pub mod lock;
pub mod paths;
pub mod port;
pub mod protocol;
pub mod service;
pub mod state_db;

pub use portreeve_log as log;
