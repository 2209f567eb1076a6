//! Files that an agent keeps for itself between its runs.
//!
//! A [`Folder`] belongs to the user that runs the agent, and nobody else can write it or what leads to it. Whatever is written whole is
//! there whole after a crash, or as it was before. No link is followed, no FIFO is opened, no read is without bound.

mod error;
mod folder;
mod lock;
mod named;
mod trust;

pub use error::StoreError;
pub use folder::{Audience, Folder};
pub use lock::Lock;
pub use named::{Privacy, read_named};
pub use trust::check_program;
