//! iCloud Drive, and Desktop and Documents while those sync.

use std::path::Path;

use portreeve_core::Fact;
use portreeve_core::snapshot::{Mirror, MirrorKind, MirrorWay};
use portreeve_openclaw::file::Reader;

use super::place::{Link, StatePlace, without_accounts};
use super::{Question, refusal};
use crate::plist;
use crate::users::Account;

/// Set on Desktop and Documents while they sync, up to macOS 14.
const DESKTOP: &str = "com.apple.icloud.desktop";
/// Set on the root of what a file provider syncs; its value names the provider.
pub(super) const DOMAIN: &str = "com.apple.file-provider-domain-id";
/// What the value begins with where the provider is iCloud.
const ICLOUD_DOMAIN: &str = "com.apple.CloudDocs";
/// Set on what a file provider is to leave alone.
pub(super) const IGNORED: &str = "com.apple.fileprovider.ignore#P";

/// What iCloud does with a state directory.
pub(super) fn observe(place: &StatePlace, question: &Question<'_>) -> Vec<Mirror> {
    let mut found: Vec<Mirror> = Vec::new();
    for account in question.accounts {
        let drive = account.home.join("Library/Mobile Documents");
        if let Some(at) = place.covered_by(&drive) {
            let seen = Fact::known(format!("it lies below `{}`", drive.display()), "realpath", question.at);
            found.extend(mirror(place, at, MirrorKind::Icloud, seen, &drive, question));
        }
        for (folder, preference) in [("Desktop", "FXICloudDriveDesktop"), ("Documents", "FXICloudDriveDocuments")] {
            let path = account.home.join(folder);
            let Some(at) = place.covered_by(&path) else { continue };
            let Some(link) = place.chain.get(at) else { continue };
            let seen = syncs(link, account, preference, question);
            if !seen.is_absent() {
                found.extend(mirror(place, at, MirrorKind::DesktopDocuments, seen, &path, question));
            }
        }
    }
    // A folder can be of iCloud's domain without lying in any of the usual places.
    if found.is_empty()
        && let Some((at, link)) =
            place.chain.iter().enumerate().find(|(_, link)| domain(link, question).is_some_and(|name| is_icloud(&name)))
    {
        let seen = Fact::known(format!("`{}` is of iCloud's domain", link.path.display()), DOMAIN, question.at);
        found.extend(mirror(place, at, MirrorKind::Icloud, seen, &link.path.clone(), question));
    }
    found
}

/// The domain of a file provider that a folder is the root of.
pub(super) fn domain(link: &Link, question: &Question<'_>) -> Option<String> {
    if !link.has(DOMAIN) {
        return None;
    }
    let value = question.marks.value(&link.path, DOMAIN).ok().flatten()?;
    Some(String::from_utf8_lossy(&value).trim_end_matches('\0').to_owned())
}

pub(super) fn is_icloud(domain: &str) -> bool {
    domain.starts_with(ICLOUD_DOMAIN)
}

/// Whether a folder of the home syncs: by its attributes, else by the Finder's setting.
fn syncs(link: &Link, account: &Account, preference: &str, question: &Question<'_>) -> Fact<String> {
    let at = question.at;
    if link.has(DESKTOP) {
        return Fact::known(format!("`{}` has the attribute `{DESKTOP}`", link.path.display()), "listxattr", at);
    }
    if domain(link, question).is_some_and(|name| is_icloud(&name)) {
        return Fact::known(
            format!("`{}` has the attribute `{DOMAIN}` of iCloud", link.path.display()),
            "getxattr",
            at,
        );
    }
    if let Err(error) = &link.marks {
        return refusal::of_io(error, "listxattr", at);
    }
    let finder = account.home.join("Library/Preferences/com.apple.finder.plist");
    let reader = Reader::for_user(account.uid, Some(account.home.clone()));
    // Attributes are the better witness: without them only a setting that says so counts.
    let on = plist::read(&finder, &reader).ok().and_then(|file| {
        let value = file.value.as_dictionary()?.get(preference)?;
        value.as_boolean().or_else(|| value.as_signed_integer().map(|number| number != 0))
    });
    match on {
        Some(true) => {
            Fact::known(format!("`{preference}` is on in `{}`", finder.display()), finder.to_string_lossy(), at)
        }
        Some(false) | None => Fact::absent("listxattr", at),
    }
}

fn mirror(
    place: &StatePlace,
    at: usize,
    kind: MirrorKind,
    seen: Fact<String>,
    marker: &Path,
    question: &Question<'_>,
) -> Option<Mirror> {
    let root = place.chain.get(at)?;
    Some(Mirror {
        state_dir: place.name.clone(),
        kind,
        way: MirrorWay::Both,
        root: without_accounts(&root.path),
        seen,
        marker: Some(without_accounts(marker)),
        excluded: left_alone(place, at, true, question),
    })
}

/// What keeps a file provider from a directory: an attribute, or with `nosync`, for iCloud, a name that ends so.
pub(super) fn left_alone(place: &StatePlace, root: usize, nosync: bool, question: &Question<'_>) -> Fact<String> {
    let inside = || place.chain.iter().take(root);
    if let Some(link) = inside().find(|link| link.has(IGNORED)) {
        return Fact::known(
            format!("attribute `{IGNORED}` of `{}`", without_accounts(&link.path)),
            "listxattr",
            question.at,
        );
    }
    let named = |link: &&Link| link.path.extension().is_some_and(|extension| extension == "nosync");
    if let Some(link) = inside().find(named).filter(|_| nosync) {
        return Fact::known(format!("the name of `{}`", without_accounts(&link.path)), "realpath", question.at);
    }
    match inside().find_map(|link| link.marks.as_ref().err()) {
        Some(error) => refusal::of_io(error, "listxattr", question.at),
        None => Fact::absent("listxattr", question.at),
    }
}
