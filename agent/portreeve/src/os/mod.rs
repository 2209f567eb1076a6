//! What differs between systems, behind the same functions on each.
//!
//! | function | gives |
//! |--|--|
//! | `system_log()` | where the system collects what daemons say; none where that reads standard error |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub(crate) use linux::system_log;
#[cfg(target_os = "macos")]
pub(crate) use macos::system_log;

use tracing_subscriber::Layer;

/// A log of the system.
pub(crate) type SystemLog<S> = Box<dyn Layer<S> + Send + Sync>;
