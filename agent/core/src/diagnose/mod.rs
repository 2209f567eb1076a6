//! From facts to findings, from findings to one verdict.
//!
//! Each rule reads the snapshot and the policy, and nothing else. What a rule finds is a [`Draft`]; the engine then decides which drafts
//! explain which, applies waivers and gives the verdict.

mod draft;
mod engine;
#[cfg(test)]
pub(crate) mod fixture;
mod policy;
pub(crate) mod rules;

pub use draft::{Draft, Scope};
pub use policy::{Policy, Waiver};

use crate::report::Report;
use crate::snapshot::{AccountStatus, Snapshot};

/// What a rule sees.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// Thresholds.
    pub policy: &'a Policy,
}

/// A rule: pure, total, and silent about what it cannot see.
pub type Rule = fn(Context<'_>, &mut Vec<Draft>);

/// The verdict on a node.
pub fn diagnose(snapshot: &Snapshot, policy: &Policy) -> Report {
    let context = Context { snapshot, policy };
    let mut drafts = Vec::new();
    for rule in rules::all() {
        rule(context, &mut drafts);
    }
    engine::report(context, drafts)
}

/// Where gateway and command line run different images, in words.
pub(crate) fn image_skew(snapshot: &Snapshot) -> Vec<String> {
    let mut drafts = Vec::new();
    rules::image::skew(Context { snapshot, policy: &Policy::default() }, &mut drafts);
    drafts.into_iter().map(|draft| draft.summary).collect()
}

/// Whether a channel account that should run does not.
pub fn account_fails(account: &AccountStatus) -> bool {
    account.enabled
        && account.configured
        && (!account.running
            || account.probe_ok == Some(false)
            || account.connected == Some(false)
                && (account.lifecycle.as_deref() == Some("blocked") || is_contested(account)))
}

/// Whether the service says that somebody else receives in this account's place: waiting mends nothing of it, although the account is tried
/// again for ever.
fn is_contested(account: &AccountStatus) -> bool {
    account.last_error.as_ref().is_some_and(|error| error.to_ascii_lowercase().contains("conflict"))
}
