//! What differs between systems, behind the same functions on each.
//!
//! | function | does |
//! |--|--|
//! | `adopt_orphans()` | lets what descendants leave behind become children of this process, where the system can |
//! | `members(leader)` | the processes of the command that live, zombies left out |
//! | `is_ignored(signal)` | whether this process was started with the signal ignored, as `nohup` does; false where that is not told |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub(crate) use linux::{adopt_orphans, is_ignored, members};
#[cfg(target_os = "macos")]
pub(crate) use macos::{adopt_orphans, is_ignored, members};
