//! Gates in the place of gateway units of launchd, and back.
//!
//! [`Installer::plan_unit`] and [`Installer::plan_compose`] say what would be done and change nothing; [`Installer::install`] does it, and
//! takes everything back where a step fails; [`Installer::uninstall`] restores what was there byte for byte. What was there is kept before
//! the first change, so that a crash at any moment can be taken back too.

mod control;
mod diff;
mod error;
mod installer;
mod label;
mod plan;
mod record;
mod template;

pub use error::InstallError;
pub use installer::{Installer, Place, Uninstalled};
pub use plan::{ComposeJob, Plan};
pub use template::{COMPOSE, UNIT};
