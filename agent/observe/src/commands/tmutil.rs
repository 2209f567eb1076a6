//! `tmutil`: Time Machine. Prefer `-X` where the command has it. It can hang on a sleeping disk or a dead share.

use jiff::Timestamp;

use super::{Parsed, Unparsed};
use crate::plist::{self, Dictionary, ParseError, Value};

/// One place that backups go to. Its URL can hold an account and is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// Name.
    pub name: Option<String>,
    /// Id.
    pub id: Option<String>,
    /// `Local` or `Network`.
    pub kind: Option<String>,
    /// Where it is mounted; none when it is not.
    pub mount_point: Option<String>,
    /// Quota as written.
    pub quota: Option<String>,
    /// Whether the last backup went there.
    pub is_last: bool,
}

/// Parses `tmutil destinationinfo`. Without a destination it says so on standard error.
///
/// ```text
/// ====================================================
/// Name          : Mac
/// Kind          : Local
/// Mount Point   : /Volumes/Mac
/// ID            : DEAD2007-8BC5-4D7B-BCF3-A5646B636CCD
/// Quota         : 300 GB
/// > ==================================================
/// Name          : NAS
/// ```
pub fn parse_destinations(output: &[u8]) -> Parsed<Vec<Destination>> {
    let text = String::from_utf8_lossy(output);
    let (mut destinations, mut unparsed) = (Vec::new(), Unparsed::default());
    let mut current: Option<Destination> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.contains("No destinations configured") {
            continue;
        }
        let marker = line.trim_start_matches("> ").trim();
        if marker.bytes().all(|byte| byte == b'=') {
            destinations
                .extend(current.replace(Destination { is_last: line.starts_with("> "), ..Destination::default() }));
            continue;
        }
        let field =
            line.split_once(':').map(|(name, value)| (name.trim_start_matches("> ").trim(), value.trim().to_owned()));
        match (current.as_mut(), field) {
            (Some(destination), Some(("Name", value))) => destination.name = Some(value),
            (Some(destination), Some(("ID", value))) => destination.id = Some(value),
            (Some(destination), Some(("Kind", value))) => destination.kind = Some(value),
            (Some(destination), Some(("Mount Point" | "MountPoint", value))) => destination.mount_point = Some(value),
            (Some(destination), Some(("Quota", value))) => destination.quota = Some(value),
            (Some(_), Some(("URL", _))) => {}
            _ => unparsed.push(line),
        }
    }
    destinations.extend(current);
    Parsed { value: destinations, unparsed }
}

/// Parses `tmutil destinationinfo -X`. Diagnostics may come before the XML; without a destination the key is missing.
pub fn parse_destinations_xml(output: &[u8]) -> Result<Vec<Destination>, ParseError> {
    let value = plist::parse(from_xml(output))?;
    let list = value.as_dictionary().and_then(|root| root.get("Destinations")).and_then(Value::as_array);
    Ok(list.into_iter().flatten().filter_map(Value::as_dictionary).map(destination).collect())
}

fn destination(members: &Dictionary) -> Destination {
    let text = |name| members.get(name).and_then(Value::as_string).map(str::to_owned);
    Destination {
        name: text("Name"),
        id: text("ID"),
        kind: text("Kind"),
        mount_point: text("MountPoint"),
        quota: members.get("Quota").map(plain).or_else(|| members.get("QuotaGB").map(plain)),
        is_last: members.get("LastDestination").is_some_and(is_true),
    }
}

/// A backup that runs, or does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// Whether a backup runs.
    pub running: bool,
    /// Whether it is being stopped.
    pub stopping: bool,
    /// `Copying`, `ThinningPostBackup`, …
    pub phase: Option<String>,
    /// Since when it is in that phase.
    pub since: Option<Timestamp>,
    /// Where it goes.
    pub destination_id: Option<String>,
    /// Share done, 0 to 1; none where no progress is known.
    pub fraction: Option<f64>,
    /// Bytes copied.
    pub bytes: Option<u64>,
    /// Bytes to copy.
    pub total_bytes: Option<u64>,
}

/// Parses `tmutil status` or `tmutil status -X`. Numbers are quoted strings in the first, and -1 means that nothing is known.
///
/// ```text
/// Backup session status:
/// {
///     BackupPhase = Copying;
///     Progress =     {
///         Percent = "0.2766528592339472";
///         totalBytes = 1596906082304;
///     };
///     Running = 1;
/// }
/// ```
pub fn parse_status(output: &[u8]) -> Result<Status, ParseError> {
    let start = output.iter().position(|byte| matches!(byte, b'{' | b'<')).unwrap_or(0);
    let value = plist::parse(output.get(start..).unwrap_or_default())?;
    let Some(root) = value.as_dictionary() else {
        return Err(ParseError::UnknownForm);
    };
    let progress = root.get("Progress").and_then(Value::as_dictionary);
    let number = |name: &str| progress.and_then(|inner| inner.get(name)).or_else(|| root.get(name)).and_then(real);
    let whole = |name: &str| progress.and_then(|inner| inner.get(name)).and_then(|value| plain(value).parse().ok());
    let fraction = ["Percent", "FractionOfProgressBar", "FractionDone"]
        .iter()
        .find_map(|name| number(name).filter(|it| *it >= 0.0));
    Ok(Status {
        running: root.get("Running").is_some_and(is_true),
        stopping: root.get("Stopping").is_some_and(is_true),
        phase: root.get("BackupPhase").map(plain).filter(|phase| phase != "BackupNotRunning"),
        since: root
            .get("DateOfStateChange")
            .and_then(Value::as_date)
            .and_then(|date| date.to_xml_format().parse().ok()),
        destination_id: root.get("DestinationID").map(plain),
        fraction,
        bytes: whole("bytes"),
        total_bytes: whole("totalBytes"),
    })
}

/// Parses `tmutil isexcluded`: paths and whether each is left out.
///
/// ```text
/// [Excluded]  /Users/user/Library/Caches
/// [Included]  /Users/user/.openclaw
/// ```
pub fn parse_excluded(output: &[u8]) -> Parsed<Vec<(String, bool)>> {
    let text = String::from_utf8_lossy(output);
    let (mut paths, mut unparsed) = (Vec::new(), Unparsed::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(path) = line.strip_prefix("[Excluded]") {
            paths.push((path.trim_start().to_owned(), true));
        } else if let Some(path) = line.strip_prefix("[Included]") {
            paths.push((path.trim_start().to_owned(), false));
        } else {
            unparsed.push(line);
        }
    }
    Parsed { value: paths, unparsed }
}

/// Parses `tmutil isexcluded -X`: an array of dictionaries with `IsExcluded` and `Path`.
pub fn parse_excluded_xml(output: &[u8]) -> Result<Vec<(String, bool)>, ParseError> {
    let value = plist::parse(from_xml(output))?;
    let Some(list) = value.as_array() else {
        return Err(ParseError::UnknownForm);
    };
    let entry = |members: &Dictionary| {
        Some((members.get("Path")?.as_string()?.to_owned(), is_true(members.get("IsExcluded")?)))
    };
    Ok(list.iter().filter_map(Value::as_dictionary).filter_map(entry).collect())
}

/// Parses `tmutil listlocalsnapshots`. Newer releases write a heading and end names in `.local`.
///
/// ```text
/// Snapshots for disk /:
/// com.apple.TimeMachine.2026-09-20-153324.local
/// ```
pub fn parse_snapshots(output: &[u8]) -> Parsed<Vec<String>> {
    let text = String::from_utf8_lossy(output);
    let (mut names, mut unparsed) = (Vec::new(), Unparsed::default());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("com.apple.") && !line.contains(' ') {
            names.push(line.to_owned());
        } else if !(line.starts_with("Snapshots for ") && line.ends_with(':')) {
            unparsed.push(line);
        }
    }
    Parsed { value: names, unparsed }
}

/// Parses `tmutil latestbackup`: the path of the newest backup. Without one a message comes, in recent releases with exit status 0.
///
/// ```text
/// /Volumes/Backup/Backups.backupdb/Mac/2026-09-20-153324
/// ```
pub fn parse_latest(output: &[u8]) -> Parsed<Option<String>> {
    let text = String::from_utf8_lossy(output);
    let (mut latest, mut unparsed) = (None, Unparsed::default());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('/') {
            latest = Some(line.to_owned());
        } else if !line.starts_with("Failed to find any backups") && !line.contains("No machine directory found") {
            unparsed.push(line);
        }
    }
    Parsed { value: latest, unparsed }
}

fn from_xml(output: &[u8]) -> &[u8] {
    let at = output
        .windows(5)
        .position(|window| window == b"<?xml")
        .or_else(|| output.iter().position(|byte| *byte == b'<'));
    output.get(at.unwrap_or(0)..).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        _ => String::new(),
    }
}

fn real(value: &Value) -> Option<f64> {
    value.as_real().or_else(|| plain(value).parse().ok())
}

fn is_true(value: &Value) -> bool {
    matches!(plain(value).as_str(), "1" | "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_destination_is_marked() {
        let parsed = parse_destinations(
            b"> ====\nName : A: b\nMount Point : /Volumes/A\n====\nName : C\nURL : smb://user@nas/x\nWhat\n",
        );
        let [first, second] = parsed.value.as_slice() else { panic!("{parsed:?}") };
        assert_eq!((first.name.as_deref(), first.is_last, second.is_last), (Some("A: b"), true, false));
        assert_eq!(parsed.unparsed.lines(), ["What"]);
        assert!(!format!("{parsed:?}").contains("user@"));
    }

    #[test]
    fn xml_after_diagnostics() {
        let xml = b"tmutil: <warning>\n<?xml version=\"1.0\"?><plist><dict><key>Destinations</key><array><dict><key>ID</key><string>X</string>\
                    <key>LastDestination</key><integer>1</integer></dict></array></dict></plist>";
        assert!(parse_destinations_xml(xml).unwrap()[0].is_last);
        assert_eq!(parse_destinations_xml(b"<plist><dict/></plist>").unwrap(), []);
        let excluded = b"<plist><array><dict><key>IsExcluded</key><integer>1</integer><key>Path</key><string>/a</string></dict></array></plist>";
        assert_eq!(parse_excluded_xml(excluded).unwrap(), [("/a".to_owned(), true)]);
    }

    #[test]
    fn no_progress_is_not_a_fraction() {
        let status = parse_status(b"Backup session status:\n{\n    Percent = \"-1\";\n    Running = 0;\n}\n").unwrap();
        assert_eq!(status, Status::default());
        assert!(parse_status(b"").is_err());
    }
}
