//! From what OpenClaw's files and answers say to the facts of a snapshot.
//!
//! The observers of the host and the probe in a container's namespaces both use it, so that a rule sees the same facts of either.
