//! The settings files of sync clients. The parsers are pure: they are given bytes from any machine.

use std::path::PathBuf;

use portreeve_core::snapshot::MirrorWay;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::ignore::Rules;

/// The most bytes of a settings file.
pub const MAX_BYTES: u64 = 2 << 20;
/// Most folders of one client.
const MAX_FOLDERS: usize = 1_000;

/// A folder that a client syncs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFolder {
    /// Its path as written; `~` is the home.
    pub path: String,
    /// Which way.
    pub way: MirrorWay,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether names that begin with a dot are left out.
    pub leaves_out_hidden: bool,
}

impl SyncFolder {
    fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), way: MirrorWay::Both, paused: false, leaves_out_hidden: false }
    }

    /// Its path with the home put in.
    pub fn resolve(&self, home: &std::path::Path) -> PathBuf {
        match self.path.strip_prefix('~') {
            Some(rest) => home.join(rest.trim_start_matches('/')),
            None => PathBuf::from(&self.path),
        }
    }
}

/// Why a settings file was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not XML.
    #[error("it is not well-formed XML")]
    Xml,
    /// It is not JSON of the expected form.
    #[error("it is not JSON of the form that the client writes")]
    Json,
    /// It is no text.
    #[error("it is not UTF-8")]
    Text,
    /// It is the settings of something else.
    #[error("it holds nothing that the client writes")]
    Foreign,
}

/// Folders of Syncthing's `config.xml`.
pub fn syncthing(bytes: &[u8]) -> Result<Vec<SyncFolder>, SettingsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SettingsError::Text)?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let (mut folders, mut is_syncthing): (Vec<SyncFolder>, bool) = (Vec::new(), false);
    loop {
        match reader.read_event().map_err(|_| SettingsError::Xml)? {
            Event::Start(tag) => {
                let name = name(&tag);
                if is_folder(&open, &name) && folders.len() < MAX_FOLDERS {
                    folders.push(folder(&tag)?);
                }
                is_syncthing |= open.is_empty() && name == "configuration";
                open.push(name);
            }
            Event::Empty(tag) => {
                let name = name(&tag);
                if is_folder(&open, &name) && folders.len() < MAX_FOLDERS {
                    folders.push(folder(&tag)?);
                }
            }
            Event::Text(text) => {
                let in_folder =
                    matches!(open.as_slice(), [_, folder, inner] if folder == "folder" && inner == "paused");
                if in_folder && let Some(folder) = folders.last_mut() {
                    folder.paused = text.xml_content(XmlVersion::Implicit1_0).trim() == "true";
                }
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if open.is_empty() && is_syncthing { Ok(folders) } else { Err(SettingsError::Foreign) }
}

fn name(tag: &BytesStart<'_>) -> String {
    tag.name().as_ref().to_owned()
}

fn is_folder(open: &[String], name: &str) -> bool {
    name == "folder" && matches!(open, [root] if root == "configuration")
}

fn folder(tag: &BytesStart<'_>) -> Result<SyncFolder, SettingsError> {
    let mut folder = SyncFolder::new("");
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| SettingsError::Xml)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| SettingsError::Xml)?;
        match attribute.key.as_ref() {
            "path" => value.as_ref().clone_into(&mut folder.path),
            "type" => {
                folder.way = match value.as_ref() {
                    "sendonly" | "readonly" => MirrorWay::Out,
                    "receiveonly" | "receiveencrypted" => MirrorWay::Into,
                    _ => MirrorWay::Both,
                };
            }
            "paused" => folder.paused = value == "true",
            _ => {}
        }
    }
    Ok(folder)
}

/// Folders of Dropbox's `info.json`: one for each account that is linked.
pub fn dropbox(bytes: &[u8]) -> Result<Vec<SyncFolder>, SettingsError> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| SettingsError::Json)?;
    let accounts = value.as_object().ok_or(SettingsError::Json)?;
    let path = |account: &serde_json::Value| Some(SyncFolder::new(account.get("path")?.as_str()?));
    Ok(accounts.values().filter_map(path).take(MAX_FOLDERS).collect())
}

/// Folders of the settings of Nextcloud's and ownCloud's client (`nextcloud.cfg`, `owncloud.cfg`): lines such as
/// `0\Folders\1\localPath=/home/op/Nextcloud/`.
pub fn nextcloud(bytes: &[u8]) -> Result<Vec<SyncFolder>, SettingsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SettingsError::Text)?;
    let mut folders: Vec<(String, SyncFolder)> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let Some((group, name)) = key.trim().rsplit_once('\\') else { continue };
        if !group.contains("\\Folders") {
            continue;
        }
        let at = folders.iter().position(|(known, _)| known == group);
        let at = match at {
            Some(at) => at,
            None if folders.len() < MAX_FOLDERS => {
                folders.push((group.to_owned(), SyncFolder::new("")));
                folders.len() - 1
            }
            None => continue,
        };
        let Some((_, folder)) = folders.get_mut(at) else { continue };
        match name {
            "localPath" => folder.path = qt_string(value.trim()),
            "paused" => folder.paused = value.trim() == "true",
            "ignoreHiddenFiles" => folder.leaves_out_hidden = value.trim() == "true",
            _ => {}
        }
    }
    Ok(folders.into_iter().map(|(_, folder)| folder).filter(|folder| !folder.path.is_empty()).collect())
}

/// A value as Qt writes it: in quotes where it holds a comma or a blank at an end, with `\x20ac` for what is not ASCII.
fn qt_string(value: &str) -> String {
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            Some('x') => {
                let digits: String = chars.as_str().chars().take_while(char::is_ascii_hexdigit).take(4).collect();
                let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.extend(character);
                rest = chars.as_str().get(digits.len()..).unwrap_or_default();
            }
            Some(other) => {
                out.push(other);
                rest = chars.as_str();
            }
            None => return out,
        }
    }
    out.push_str(rest);
    out
}

/// Folder and rules of the client of `OneDrive` for Linux (`~/.config/onedrive/config`).
pub fn onedrive(bytes: &[u8]) -> Result<(SyncFolder, Rules), SettingsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SettingsError::Text)?;
    let mut folder = SyncFolder::new("~/OneDrive");
    let mut rules = Rules::default();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim() {
            "sync_dir" => value.clone_into(&mut folder.path),
            "skip_dotfiles" => folder.leaves_out_hidden = value == "true",
            "upload_only" if value == "true" => folder.way = MirrorWay::Out,
            "download_only" if value == "true" => folder.way = MirrorWay::Into,
            "skip_dir" => {
                for pattern in value.split('|').filter(|pattern| !pattern.is_empty()) {
                    rules.exclude(
                        pattern.trim_start_matches("./"),
                        format!("`skip_dir` in line {number} of its configuration"),
                    );
                }
            }
            _ => {}
        }
    }
    Ok((folder, rules))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    const SYNCTHING: &str = r#"<configuration version="51">
    <folder id="default" label="Default &amp; more" path="/home/op/Sync &amp; Co" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true">
        <filesystemType>basic</filesystemType>
        <device id="AAAAAAA" introducedBy=""></device>
        <minDiskFree unit="%">1</minDiskFree>
        <paused>false</paused>
        <markerName>.stfolder</markerName>
    </folder>
    <folder id="b" path="~/b" type="sendonly"><paused>true</paused></folder>
    <folder id="c" path="~" type="receiveonly"/>
    <device id="AAAAAAA" name="x"><paused>false</paused></device>
    <defaults><folder id="" path="~" type="sendreceive"><paused>false</paused></folder></defaults>
</configuration>"#;

    #[test]
    fn folders_of_syncthing() {
        let folders = syncthing(SYNCTHING.as_bytes()).unwrap();
        let [one, two, three] = folders.as_slice() else { panic!("{folders:?}") };
        assert_eq!((one.path.as_str(), one.way, one.paused), ("/home/op/Sync & Co", MirrorWay::Both, false));
        assert_eq!((two.way, two.paused), (MirrorWay::Out, true));
        assert_eq!(two.resolve(Path::new("/home/op")), Path::new("/home/op/b"));
        assert_eq!(three.resolve(Path::new("/home/op")), Path::new("/home/op/"));
        assert_eq!(syncthing(b"<plist/>"), Err(SettingsError::Foreign));
        assert_eq!(syncthing(b"<configuration><folder"), Err(SettingsError::Xml));
        assert_eq!(syncthing(b"<configuration><folder path=\"/x\">"), Err(SettingsError::Foreign));
    }

    #[test]
    fn folders_of_dropbox() {
        let text = br#"{"personal": {"path": "/home/op/Dropbox", "host": 1, "is_team": false}, "business": {"path": "/home/op/Dropbox (Acme)"}}"#;
        let paths: Vec<String> = dropbox(text).unwrap().into_iter().map(|folder| folder.path).collect();
        assert_eq!(paths, ["/home/op/Dropbox (Acme)", "/home/op/Dropbox"]);
        assert_eq!(dropbox(b"[]"), Err(SettingsError::Json));
    }

    #[test]
    fn folders_of_nextcloud() {
        let text = "[General]\nclientVersion=3.14\n\n[Accounts]\n0\\Folders\\1\\ignoreHiddenFiles=true\n0\\Folders\\1\\journalPath=.sync_ee05714b9319.db\n\
                    0\\Folders\\1\\localPath=/home/op/Nextcloud/\n0\\Folders\\1\\paused=false\n0\\FoldersWithPlaceholders\\2\\localPath=\"/home/op/caf\\xe9, x\"\n\
                    0\\FoldersWithPlaceholders\\2\\paused=true\n0\\url=https://cloud.example.com\n";
        let folders = nextcloud(text.as_bytes()).unwrap();
        let [one, two] = folders.as_slice() else { panic!("{folders:?}") };
        assert_eq!((one.path.as_str(), one.paused, one.leaves_out_hidden), ("/home/op/Nextcloud/", false, true));
        assert_eq!((two.path.as_str(), two.paused, two.leaves_out_hidden), ("/home/op/caf\u{e9}, x", true, false));
    }

    #[test]
    fn the_folder_of_onedrive() {
        let (folder, rules) =
            onedrive(b"# c\nsync_dir = \"~/One\"\nskip_dir = \".openclaw|tmp\"\nskip_dotfiles = \"false\"\n").unwrap();
        assert_eq!((folder.path.as_str(), folder.leaves_out_hidden), ("~/One", false));
        assert_ne!(rules, Rules::default());
        assert_eq!(onedrive(b"").unwrap().0.path, "~/OneDrive");
    }

    proptest! {
        #[test]
        fn no_settings_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,120}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                let _ = syncthing(bytes);
                let _ = dropbox(bytes);
                let _ = nextcloud(bytes);
                let _ = onedrive(bytes);
            }
        }
    }
}
