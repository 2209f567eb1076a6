//! Sync clients: by their settings, by the marks that they leave in a folder, and by where macOS keeps what they sync.

use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::Fact;
use portreeve_core::snapshot::{Blind, Mirror, MirrorKind, MirrorWay};
use portreeve_openclaw::file::{ReadError, Reader};

use super::icloud::{DOMAIN, domain, is_icloud, left_alone};
use super::ignore::{Rules, Verdict};
use super::place::{StatePlace, without_accounts};
use super::settings::{self, MAX_BYTES, SettingsError, SyncFolder};
use super::{Question, Seen, refusal};
use crate::file;
use crate::users::Account;

/// Most entries of one folder that are looked at for marks.
const MAX_ENTRIES: usize = 10_000;
/// Most bytes of a list of patterns.
const MAX_PATTERNS: u64 = 256 * 1024;
/// Set by hand on what Dropbox is to leave alone.
const DROPBOX_IGNORED: &str = "com.dropbox.ignored";

/// A folder that a client syncs, by its settings or a mark.
struct Root {
    client: Client,
    folder: PathBuf,
    way: MirrorWay,
    seen: String,
    source: String,
    marker: PathBuf,
    paused: bool,
    leaves_out_hidden: bool,
    rules: Rules,
    /// On whose behalf its lists are read.
    reader: Reader,
}

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Dropbox,
    GoogleDrive,
    OneDrive,
    Box,
    Nextcloud,
    OwnCloud,
    Syncthing,
    Resilio,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Dropbox => "Dropbox",
            Self::GoogleDrive => "Google Drive",
            Self::OneDrive => "OneDrive",
            Self::Box => "Box",
            Self::Nextcloud => "Nextcloud",
            Self::OwnCloud => "ownCloud",
            Self::Syncthing => "Syncthing",
            Self::Resilio => "Resilio Sync",
        }
    }
}

/// Looks for sync clients whose folders hold a state directory.
pub(super) fn observe(question: &Question<'_>, seen: &mut Seen) {
    let mut roots = Vec::new();
    for account in question.accounts {
        roots.extend(configured(account, question, &mut seen.blind));
    }
    for place in question.places {
        let mut found: Vec<Mirror> = Vec::new();
        found.extend(storage(place, question));
        // Listing a folder of a file provider can wait for the network.
        let provided = !found.is_empty() || place.chain.iter().any(|link| link.has(DOMAIN));
        let marked = if provided { Vec::new() } else { marked(place, question) };
        for root in roots.iter().chain(&marked) {
            let (shown, excluded) = match place.covered_by(&root.folder) {
                Some(at) => {
                    let Some(folder) = place.chain.get(at) else { continue };
                    (without_accounts(&folder.path), excluded(root, place, at, question))
                }
                None => {
                    let Some(inside) = place.kept(&root.folder) else { continue };
                    (within(place, &inside), excluded_within(root, &place.path.join(inside), question))
                }
            };
            // Settings come before marks: they know more of the same folder.
            let same = |mirror: &Mirror| mirror.kind.name() == root.client.name() && mirror.root == shown;
            if found.iter().any(same) {
                continue;
            }
            found.push(Mirror {
                state_dir: place.name.clone(),
                kind: MirrorKind::Provider { name: root.client.name().to_owned() },
                way: root.way,
                root: shown,
                seen: Fact::known(root.seen.clone(), root.source.clone(), question.at),
                marker: Some(without_accounts(&root.marker)),
                excluded,
            });
        }
        seen.mirrors.extend(found);
    }
}

/// A folder of a state directory, under the name by which that is known.
fn within(place: &StatePlace, inside: &Path) -> String {
    without_accounts(&Path::new(&place.name).join(inside))
}

/// What is below `~/Library/CloudStorage`, and what else is of a file provider's domain.
fn storage(place: &StatePlace, question: &Question<'_>) -> Option<Mirror> {
    let in_storage = question.accounts.iter().find_map(|account| {
        let storage = account.home.join("Library/CloudStorage");
        let at = place.covered_by(&storage)?.checked_sub(1)?;
        let folder = place.chain.get(at)?.path.file_name()?.to_string_lossy().into_owned();
        let name = folder.split_once('-').map_or(folder.as_str(), |(name, _)| name).to_owned();
        Some((at, name, "it lies below `~/Library/CloudStorage`".to_owned()))
    });
    let of_domain = || {
        place.chain.iter().enumerate().find_map(|(at, link)| {
            let domain = domain(link, question).filter(|name| !is_icloud(name))?;
            // The rest of the value names the account.
            let provider = domain.split('/').next().unwrap_or_default().to_owned();
            let seen = format!("`{}` is of a file provider's domain", without_accounts(&link.path));
            Some((at, provider, seen))
        })
    };
    let dataless = || {
        let away = question.marks.is_dataless(&place.path).unwrap_or(false);
        away.then(|| (0, "a file provider".to_owned(), "it is a placeholder whose content is elsewhere".to_owned()))
    };
    let (at, name, seen) = in_storage.or_else(of_domain).or_else(dataless)?;
    let root = without_accounts(&place.chain.get(at)?.path);
    let name = match name.as_str() {
        "GoogleDrive" => "Google Drive".to_owned(),
        _ => name,
    };
    let mut excluded = left_alone(place, at, false, question);
    if name == "Dropbox" && excluded.is_absent() {
        excluded = by_attribute(place, at, question);
    }
    Some(Mirror {
        state_dir: place.name.clone(),
        kind: MirrorKind::Provider { name },
        way: MirrorWay::Both,
        marker: Some(root.clone()),
        root,
        seen: Fact::known(seen, "realpath", question.at),
        excluded,
    })
}

/// Reads settings: the folders, and what is left out of all of them.
type Parse<'a> = dyn Fn(&[u8]) -> Result<(Vec<SyncFolder>, Rules), SettingsError> + 'a;

/// Folders that the clients of an account are set to sync.
fn configured(account: &Account, question: &Question<'_>, blind: &mut Vec<Blind>) -> Vec<Root> {
    let reader = Reader::for_user(account.uid, Some(account.home.clone()));
    let mut roots = Vec::new();
    let mut take = |client: Client, file: &str, parse: &Parse<'_>| {
        let path = account.home.join(file);
        let content = match reader.read_linked(&path, MAX_BYTES) {
            Ok(content) => content,
            Err(ReadError::NotFound { .. }) => return,
            Err(error) => {
                let fact: Fact<()> = refusal::of_read(&error, question.at);
                blind.push(unread(client, &path, fact.blind().unwrap_or("it cannot be read")));
                return;
            }
        };
        match parse(&content.bytes) {
            Ok((folders, rules)) => roots.extend(folders.into_iter().map(|folder| Root {
                client,
                folder: folder.resolve(&account.home),
                way: folder.way,
                seen: format!(
                    "`{}` names `{}`",
                    without_accounts(&path),
                    without_accounts(&folder.resolve(&account.home))
                ),
                source: without_accounts(&path),
                marker: path.clone(),
                paused: folder.paused,
                leaves_out_hidden: folder.leaves_out_hidden,
                rules: rules.clone(),
                reader: reader.clone(),
            })),
            Err(error) => blind.push(unread(client, &path, &error.to_string())),
        }
    };
    let plain = |parse: fn(&[u8]) -> Result<Vec<SyncFolder>, SettingsError>| {
        move |bytes: &[u8]| parse(bytes).map(|folders| (folders, Rules::default()))
    };
    take(Client::Dropbox, ".dropbox/info.json", &plain(settings::dropbox));
    for file in [
        "Library/Application Support/Syncthing/config.xml",
        ".local/state/syncthing/config.xml",
        ".config/syncthing/config.xml",
    ] {
        take(Client::Syncthing, file, &plain(settings::syncthing));
    }
    for (client, file) in [
        (Client::Nextcloud, "Library/Preferences/Nextcloud/nextcloud.cfg"),
        (Client::Nextcloud, ".config/Nextcloud/nextcloud.cfg"),
        (Client::OwnCloud, "Library/Preferences/ownCloud/owncloud.cfg"),
        (Client::OwnCloud, ".config/ownCloud/owncloud.cfg"),
    ] {
        let lists = Path::new(file).parent().map(|folder| folder.join("sync-exclude.lst"));
        take(client, file, &|bytes| {
            let folders = settings::nextcloud(bytes)?;
            let list = lists.as_deref().map(|list| account.home.join(list));
            Ok((folders, list.map(|list| patterns(&list, &reader, &["]"])).unwrap_or_default()))
        });
    }
    take(Client::OneDrive, ".config/onedrive/config", &|bytes| {
        settings::onedrive(bytes).map(|(folder, rules)| (vec![folder], rules))
    });
    roots.extend(legacy(account, &reader));
    roots
}

/// Settings that could not be read hide folders: it is then not known whether the client syncs a state directory.
fn unread(client: Client, path: &Path, why: &str) -> Blind {
    Blind {
        what: format!("folders that {} syncs", client.name()),
        why: format!("`{}`: {why}", without_accounts(path)),
        remedy: "run as root, and look at that file".to_owned(),
        readiness: true,
    }
}

/// Folders of clients that keep no readable settings: they count where the client has left its own folder of settings.
fn legacy(account: &Account, reader: &Reader) -> Vec<Root> {
    let cases = [
        (Client::GoogleDrive, "Google Drive", "Library/Application Support/Google/DriveFS"),
        (Client::GoogleDrive, "Google Drive", "Library/Application Support/Google/Drive"),
        (Client::OneDrive, "OneDrive", "Library/Group Containers/UBF8T346G9.OneDriveStandaloneSuite"),
        (Client::Box, "Box", "Library/Application Support/Box"),
        (Client::Box, "Box Sync", "Library/Application Support/Box Sync"),
    ];
    let root = |(client, folder, marker): (Client, &str, &str)| {
        let (folder, marker) = (account.home.join(folder), account.home.join(marker));
        (folder.is_dir() && marker.is_dir()).then(|| Root {
            client,
            seen: format!("`{}`, and the settings of the client in `{}`", folder.display(), marker.display()),
            source: "stat".to_owned(),
            folder,
            way: MirrorWay::Both,
            marker,
            paused: false,
            leaves_out_hidden: false,
            rules: Rules::default(),
            reader: reader.clone(),
        })
    };
    cases.into_iter().filter_map(root).collect()
}

/// Folders above and in a state directory in which a client left its mark.
fn marked(place: &StatePlace, question: &Question<'_>) -> Vec<Root> {
    let mut roots = Vec::new();
    for folder in place.chain.iter().map(|link| link.path.clone()).chain(place.kept_folders()) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.take(MAX_ENTRIES).flatten() {
            let name = entry.file_name();
            let Some(client) = name.to_str().and_then(|name| client_of(name, &entry.path())) else { continue };
            let owner = question.accounts.iter().filter(|account| folder.starts_with(&account.home));
            let owner = owner.max_by_key(|account| account.home.as_os_str().len());
            let reader = match owner {
                Some(account) => Reader::for_user(account.uid, Some(account.home.clone())),
                None => Reader::for_self(None),
            };
            roots.push(Root {
                client,
                folder: folder.clone(),
                way: MirrorWay::Both,
                seen: format!("`{}` marks a folder of {}", without_accounts(&entry.path()), client.name()),
                source: "readdir".to_owned(),
                marker: entry.path(),
                paused: false,
                leaves_out_hidden: false,
                rules: Rules::default(),
                reader,
            });
        }
    }
    roots
}

/// The client that leaves an entry of this name at the root of what it syncs.
fn client_of(name: &str, path: &Path) -> Option<Client> {
    let is_journal = |prefix: &str| {
        let middle = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".db"));
        middle.is_some_and(|hash| !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match name {
        ".stfolder" => Some(Client::Syncthing),
        ".dropbox.cache" => path.is_dir().then_some(Client::Dropbox),
        ".sync" => (path.join("ID").is_file() || path.join("IgnoreList").is_file()).then_some(Client::Resilio),
        ".tmp.driveupload" | ".tmp.drivedownload" => path.is_dir().then_some(Client::GoogleDrive),
        ".owncloudsync.log" => Some(Client::OwnCloud),
        _ if is_journal(".sync_") || is_journal("._sync_") => Some(Client::Nextcloud),
        _ => None,
    }
}

/// What keeps a client from a state directory in one of its folders.
fn excluded(root: &Root, place: &StatePlace, at: usize, question: &Question<'_>) -> Fact<String> {
    let Some(folder) = place.chain.get(at) else { return Fact::absent("realpath", question.at) };
    if root.paused {
        return paused(root, question);
    }
    let hidden = place
        .chain
        .iter()
        .take(at)
        .find(|link| link.path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    if let Some(hidden) = hidden.filter(|_| root.leaves_out_hidden) {
        let words = format!("`{}` is hidden, and the client leaves hidden files out", without_accounts(&hidden.path));
        return Fact::known(words, root.source.clone(), question.at);
    }
    if root.client == Client::Dropbox {
        return by_attribute(place, at, question);
    }
    by_rules(root, &folder.path, question, |rules| rules.judge(place, &folder.path))
}

/// What keeps a client from the contents of one of its folders that is a part of a state directory.
fn excluded_within(root: &Root, folder: &Path, question: &Question<'_>) -> Fact<String> {
    if root.paused {
        return paused(root, question);
    }
    by_rules(root, folder, question, |rules| rules.judge_within(folder))
}

fn paused(root: &Root, question: &Question<'_>) -> Fact<String> {
    Fact::known(format!("{} has the folder paused", root.client.name()), root.source.clone(), question.at)
}

/// What the patterns say that are in force for one of a client's folders.
fn by_rules(
    root: &Root,
    folder: &Path,
    question: &Question<'_>,
    judge: impl FnOnce(&Rules) -> Verdict,
) -> Fact<String> {
    let mut rules = root.rules.clone();
    let list = match root.client {
        Client::Syncthing => Some(folder.join(".stignore")),
        Client::Resilio => Some(folder.join(".sync/IgnoreList")),
        Client::Nextcloud | Client::OwnCloud => Some(folder.join(".sync-exclude.lst")),
        _ => None,
    };
    if let Some(list) = &list {
        let read = root.reader.read_linked(list, MAX_PATTERNS).map(|content| {
            let (text, name) = (String::from_utf8_lossy(&content.bytes), without_accounts(list));
            match root.client {
                Client::Syncthing => Rules::syncthing(&text, &name),
                _ => Rules::lines(&text, &name, &[], &["]"]),
            }
        });
        match read {
            Ok(read) => rules.extend(read),
            Err(ReadError::NotFound { .. }) => {}
            Err(error) => return refusal::of_read(&error, question.at),
        }
    }
    let source = list.as_deref().map_or_else(|| root.source.clone(), without_accounts);
    match judge(&rules) {
        Verdict::Excluded(words) => Fact::known(words, source, question.at),
        Verdict::Included => Fact::absent(source, question.at),
        Verdict::Unknown(why) => Fact::unreadable(why, source, question.at),
    }
}

/// Whether Dropbox is told to leave a state directory alone, by an attribute of it or of a folder on the way to it.
fn by_attribute(place: &StatePlace, at: usize, question: &Question<'_>) -> Fact<String> {
    let inside = || place.chain.iter().take(at);
    if let Some(link) = inside().find(|link| link.has(DROPBOX_IGNORED)) {
        let value = question.marks.value(&link.path, DROPBOX_IGNORED);
        if value.is_ok_and(|value| value.is_some_and(|value| value.first() != Some(&b'0'))) {
            let words = format!("attribute `{DROPBOX_IGNORED}` of `{}`", without_accounts(&link.path));
            return Fact::known(words, "getxattr", question.at);
        }
    }
    left_alone(place, at, false, question)
}

/// Patterns of a file, one a line; one that cannot be read leaves all unclear.
fn patterns(path: &Path, reader: &Reader, drop: &[&str]) -> Rules {
    match reader.read_linked(path, MAX_PATTERNS) {
        Ok(content) => Rules::lines(&String::from_utf8_lossy(&content.bytes), &path.to_string_lossy(), &[], drop),
        Err(ReadError::NotFound { .. }) => Rules::default(),
        Err(error) => {
            let mut rules = Rules::default();
            rules.unclear(file::chain(&error));
            rules
        }
    }
}
