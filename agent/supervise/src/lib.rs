//! Runs one command in a process group of its own, and leaves nothing of it behind.
//!
//! - Signals are passed on to the whole group ([`Signals`], [`Supervisor::forward`]).
//! - Where there is a controlling terminal and this program is in its foreground, the command gets the foreground, as a shell would give
//!   it: what is typed reaches the command, and a stop from the keyboard stops this program, too.
//! - Whatever ends below is reaped, so that this program can be the first process of a container. On Linux what a descendant leaves behind
//!   comes to this program as well; on macOS the process group is all that can be followed.

mod os;
mod signals;
mod supervisor;
mod terminal;

pub use signals::Signals;
pub use supervisor::{Event, StartError, Supervisor};
