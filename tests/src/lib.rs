//! The bench on which `portreeve` is tried against the real `OpenClaw`: gateways in throw-away homes, network namespaces, Compose projects
//! on nodes with an engine of their own, and the `portreeve` binary with its report.
//!
//! Where `PORTREEVE_OPENCLAW` names the folder that holds `node_modules/openclaw` and a Node from the same registry, the tests run; where
//! it is unset they say so and pass, unless `PORTREEVE_REQUIRE_E2E=1`. Nothing outlives a test program, however it ends: each gateway
//! has a [`Guard`] that kills its process group and removes its home when the program's end of a pipe closes.
//!
//! A bench that cannot be set up is a failed test, so everything here panics with what went wrong.

#![expect(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench that cannot be set up is a failed test"
)]

mod authority;
mod builder;
mod certificate;
mod connect_proxy;
mod daemon;
pub mod faultbook;
mod fleet;
mod gateway;
mod guard;
mod home;
mod http;
mod launchd;
mod linted;
mod namespace;
mod node;
mod openclaw;
pub mod otlp_endpoint;
mod port;
mod portreeve;
mod project;
mod proxy;
mod registry;
mod slots;
mod stack;
mod supervisor;
mod time_server;
mod wait;
mod websocket;
mod yaml;

pub use authority::Authority;
pub use builder::Builder;
pub use certificate::certificate;
pub use connect_proxy::ConnectProxy;
pub use daemon::Daemon;
pub use fleet::Fleet;
pub use gateway::Gateway;
pub use guard::{Guard, Running};
pub use home::Home;
pub use http::{get, get_with, serve};
pub use launchd::{Job, Launchd, Run};
pub use linted::Linted;
pub use namespace::Namespaces;
pub use node::Node;
pub use openclaw::{OpenClaw, is_root, skip};
pub use port::free_port;
pub use portreeve::{Checked, Portreeve};
pub use project::{IMAGE, Project};
pub use proxy::Proxy;
pub use registry::{LIST, MANIFEST, Pushed, Registry, container};
pub use stack::{Store, contrib, stack_program};
pub use supervisor::Supervisor;
pub use time_server::time_server;
pub use wait::wait_until;
pub use websocket::connect_with;
