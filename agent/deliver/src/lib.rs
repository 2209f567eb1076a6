//! A spool that no crash and no outage empties, and OTLP/HTTP out of it.

pub mod send;
pub mod spool;
