//! What only Linux tells. A probe runs nowhere else; elsewhere it builds and sees none of this.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{groups, listeners, mountinfo};

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{groups, listeners, mountinfo};
