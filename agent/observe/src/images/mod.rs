//! Digests of images in use, from their registries and from what was kept of the last time.

mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::ImageReference;
use portreeve_core::images::schedule::{self, Runs};
use portreeve_core::images::{Asked, ImageUse, in_use};
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{AcceptedImage, ImageCheck, ImageDigest, RegistryAnswer, Snapshot};
use portreeve_store::StoreError;

pub use store::{Kept, load, parse, update};

use crate::deadline::within;
use crate::registry::{Caller, Logins, Registries, Reply};
use crate::users::{self, Account};

/// Most images that are asked for in one run.
const MAX_ASKED: usize = 200;
/// How long the files with logins may take.
const LOGINS: Duration = Duration::from_secs(3);
/// How long all registries together may take.
const ALL: Duration = Duration::from_mins(2);
/// The longest time for which a registry is left alone; one that lies further ahead was written before the clock was set back.
const MAX_PAUSE_S: i64 = 2 * 86_400;

/// What to check.
#[derive(Debug)]
pub struct Question<'a> {
    /// What runs.
    pub snapshot: &'a Snapshot,
    /// Images besides those in use.
    pub named: &'a [ImageReference],
    /// References with digests that must run.
    pub pinned: &'a [String],
    /// The agent's own folder.
    pub data_dir: &'a Path,
    /// Whether no registry is asked.
    pub offline: bool,
    /// Whether registries are asked only when they are due.
    pub if_due: bool,
    /// Seconds between two checks.
    pub period_s: u64,
    /// Environment of the caller, which says where logins lie.
    pub environment: &'a [(String, String)],
    /// Homes whose logins are used; those of every account where none are named.
    pub homes: &'a [PathBuf],
    /// Now.
    pub now: Timestamp,
}

/// What came of one image.
struct Outcome {
    image: String,
    reply: Reply,
    running: Vec<ImageDigest>,
}

/// Asks registries for the images in use where that is wanted and due, and keeps what came of it. Gives what is known of each image now, and
/// what was done.
pub async fn check(question: &Question<'_>) -> (Vec<ImageCheck>, Asked) {
    let named = question.named.iter().map(ImageReference::normal).collect();
    let mut asked = Asked { named, ..Asked::default() };
    let kept = load(question.data_dir).unwrap_or_else(|error| {
        asked.notes.push(error.sentence());
        Kept::default()
    });
    let jitter = schedule::jitter(&node_name(question.snapshot), question.period_s);
    let next = |runs: &Runs| Some(runs.next(question.now, question.period_s, jitter));
    let is_due = kept.runs.is_due(question.now, question.period_s, jitter);
    asked.next = next(&kept.runs);
    if question.offline || question.if_due && !is_due {
        return (kept.images, asked);
    }
    let (logins, notes) = logins(question).await;
    asked.notes.extend(notes);
    let uses = wanted(question);
    let mut run = Run {
        registries: Registries::default(),
        logins: &logins,
        now: question.now,
        whole: false,
        results: Vec::new(),
    };
    let mut known = kept.clone();
    // What came until then counts.
    if tokio::time::timeout(ALL, run.ask_all(&uses, &mut known)).await.is_err() {
        asked.notes.push(format!("not every image was asked for within {} s", ALL.as_secs()));
    }
    asked.asked = true;
    asked.requests = run.registries.requests();
    let resolved: BTreeMap<String, Vec<_>> =
        known.images.iter().map(|check| (check.image.clone(), check.resolved.clone())).gather();
    // One who refuses today refuses tomorrow.
    let is_settled = |answer: &RegistryAnswer| answer.decides() || matches!(answer, RegistryAnswer::Denied { .. });
    let complete = run.whole && run.results.iter().all(|result| is_settled(&result.reply.answer));
    let apply = |kept: &mut Kept| {
        for result in &run.results {
            let check = kept.check(&result.image);
            check.record(result.reply.answer.clone(), result.reply.digest.clone(), &result.running, question.now);
            for one in resolved.get(&result.image).into_iter().flatten() {
                if !check.resolved.contains(one) {
                    check.resolve(one.clone());
                }
            }
        }
        kept.runs = kept.runs.after(question.now, complete);
    };
    let kept = match update(question.data_dir, apply) {
        Ok((kept, note)) => {
            asked.notes.extend(note);
            kept
        }
        Err(error) => {
            asked.notes.push(format!("{}; the next run knows nothing of this one", error.sentence()));
            let mut kept = kept;
            apply(&mut kept);
            kept
        }
    };
    asked.next = next(&kept.runs);
    (kept.images, asked)
}

/// Images to ask for: those in use that a registry may have, and those that are named, each once.
fn wanted(question: &Question<'_>) -> Vec<ImageUse> {
    let mut uses: Vec<ImageUse> = in_use(question.snapshot, question.pinned);
    uses.retain(|one| one.local.is_none());
    for reference in question.named {
        let image = reference.normal();
        if !uses.iter().any(|one| one.image == image) {
            uses.push(ImageUse {
                image,
                reference: reference.clone(),
                roles: Vec::new(),
                used_by: Vec::new(),
                platform: None,
                running: Vec::new(),
                pins: Vec::new(),
                local: None,
            });
        }
    }
    uses.truncate(MAX_ASKED);
    uses
}

struct Run<'a> {
    registries: Registries,
    logins: &'a Logins,
    now: Timestamp,
    /// Whether every image was asked for.
    whole: bool,
    results: Vec<Outcome>,
}

impl Run<'_> {
    async fn ask_all(&mut self, uses: &[ImageUse], known: &mut Kept) {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let paused = paused(known, self.now);
        let mut left_alone = false;
        for one in uses {
            if done.insert(&one.image) {
                if let Some((until, why)) = paused.get(&one.reference.registry) {
                    tracing::info!(registry = one.reference.registry, %until, why, "left alone");
                    left_alone = true;
                    continue;
                }
                let reply = self.registries.digest(&one.reference, self.logins, self.now).await;
                let check = known.check(&one.image);
                check.record(reply.answer.clone(), reply.digest.clone(), &one.running, self.now);
                self.results.push(Outcome { image: one.image.clone(), reply, running: one.running.clone() });
            }
            let check = known.check(&one.image);
            if matches!(check.answer, RegistryAnswer::Digest { .. }) {
                for digest in check.unresolved(one) {
                    let platform = one.platform.as_deref().unwrap_or_default();
                    let resolved = self.registries.resolve(&one.reference, &digest, platform, self.logins).await;
                    if let Some(resolved) = resolved {
                        known.check(&one.image).resolve(resolved);
                    }
                }
            }
        }
        self.whole = !left_alone;
    }
}

/// Registries that want to be left alone for now.
fn paused(kept: &Kept, now: Timestamp) -> BTreeMap<String, (Timestamp, String)> {
    let mut paused = BTreeMap::new();
    for check in &kept.images {
        let RegistryAnswer::RateLimited { until, why } = &check.answer else { continue };
        let left = until.as_second() - now.as_second();
        if let Ok(reference) = ImageReference::parse(&check.image)
            && (1..=MAX_PAUSE_S).contains(&left)
        {
            paused.insert(reference.registry, (*until, why.clone()));
        }
    }
    paused
}

/// The name by which the node spreads from others.
fn node_name(snapshot: &Snapshot) -> String {
    let id = snapshot.node.id.get().map(ToString::to_string);
    id.or_else(|| snapshot.node.hostname.get().cloned()).unwrap_or_default()
}

/// Stored logins of the accounts in question.
async fn logins(question: &Question<'_>) -> (Logins, Vec<String>) {
    let homes = question.homes.to_vec();
    let caller = Caller { uid: nix::unistd::geteuid().as_raw(), variables: question.environment.to_vec() };
    let now = question.now;
    let find = move || {
        let accounts = users::observe(now);
        let mut accounts: Vec<Account> = accounts.get().cloned().unwrap_or_default();
        if !homes.is_empty() {
            accounts = homes.iter().filter_map(|home| account_of(home, &accounts)).collect();
        }
        // What the caller's own command line would send.
        let own = caller.home().filter(|home| !accounts.iter().any(|account| account.home == *home));
        accounts.extend(own.and_then(|home| account_of(home, &[])).filter(|account| account.uid == caller.uid));
        Logins::find(&accounts, &caller)
    };
    let found = tokio::task::spawn_blocking(move || within(LOGINS, find)).await;
    match found {
        Ok(Ok(mut logins)) => {
            let notes = std::mem::take(&mut logins.notes);
            (logins, notes)
        }
        Ok(Err(overdue)) => (Logins::default(), vec![format!("stored logins not read: {overdue}")]),
        Err(error) => (Logins::default(), vec![format!("stored logins not read: {error}")]),
    }
}

fn account_of(home: &Path, known: &[Account]) -> Option<Account> {
    use std::os::unix::fs::MetadataExt;
    if let Some(account) = known.iter().find(|account| account.home == home) {
        return Some(account.clone());
    }
    let metadata = std::fs::metadata(home).ok()?;
    let name = home.file_name()?.to_string_lossy().into_owned();
    Some(Account { name, uid: metadata.uid(), gid: metadata.gid(), home: home.to_owned(), unreachable: None })
}

/// What came of accepting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Images with the digests that are right now.
    pub images: Vec<(String, Vec<ImageDigest>)>,
    /// Images that are asked for and do not run.
    pub missing: Vec<String>,
    /// A word on the file.
    pub note: Option<String>,
}

/// Records that what runs of some images, or of all, is right. Nothing is recorded where one of them does not run.
pub fn accept(
    snapshot: &Snapshot,
    only: &[ImageReference],
    by: &str,
    reason: Option<&str>,
    data_dir: &Path,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let mut accepted = Accepted::default();
    let mut running: BTreeMap<String, Vec<ImageDigest>> = BTreeMap::new();
    for one in in_use(snapshot, &[]).into_iter().filter(|one| !one.running.is_empty()) {
        running.entry(one.image).or_default().extend(one.running);
    }
    let names: Vec<String> = only.iter().map(ImageReference::normal).collect();
    accepted.missing = names.iter().filter(|name| !running.contains_key(*name)).cloned().collect();
    if !accepted.missing.is_empty() {
        return Ok(accepted);
    }
    accepted.images = running.into_iter().filter(|(image, _)| names.is_empty() || names.contains(image)).collect();
    let (_, note) = update(data_dir, |kept| {
        for (image, digests) in &accepted.images {
            let digests = digests.clone();
            let (by, reason) = (by.to_owned(), reason.map(str::to_owned));
            kept.check(image).accept(AcceptedImage { digests, at: now, by, reason });
        }
    })?;
    accepted.note = note;
    Ok(accepted)
}

/// What was kept of the last time, for a snapshot. Nothing is changed.
pub(crate) fn last(data_dir: &Path) -> Result<Vec<ImageCheck>, StoreError> {
    load(data_dir).map(|kept| kept.images)
}
