//! The machine: what it is, how long it runs, who is at it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::unistd::{Uid, User, geteuid, gethostname};
use portreeve_core::snapshot::{Host, Keeping, Node, NodeClock, PowerSettings, SystemVersion, UpdateSettings};
use portreeve_core::{Fact, FingerprintKey, Secret};
use serde::Deserialize;
use sysinfo::System;

use crate::deadline::within;
use crate::plist::{Dictionary, Value};
use crate::{file, os};

/// How long the user database has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Most bytes of the login window's property list.
const MAX_PLIST: u64 = 256 * 1024;

/// What only a command tells of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Sleep and restart settings.
    pub power: Fact<PowerSettings>,
    /// Whether the disk stays locked after boot until somebody types a password.
    pub file_vault: Fact<bool>,
}

/// The machine. `asked` holds what commands told of it.
pub fn observe(key: &FingerprintKey, asked: Asked, at: Timestamp) -> Node {
    Node {
        id: identity(at).map(|id| key.fingerprint(&id)),
        hostname: hostname(at),
        system: system(at),
        arch: System::cpu_arch(),
        host: Host {
            uptime_s: uptime(at),
            power: asked.power,
            console_user: console_user(at),
            auto_login: auto_login(at),
            file_vault: asked.file_vault,
            updates: updates(&os::update_settings_files(), at),
            agent_uid: geteuid().as_raw(),
        },
        clock: NodeClock { kept: Some(clock(at)), server: None },
    }
}

/// What names this machine for as long as it lives: the hardware UUID of a Mac, the machine id of a Linux system. It is held as a
/// secret, because only its fingerprint leaves the agent.
pub fn identity(at: Timestamp) -> Fact<Secret> {
    file::from_io(os::host_uuid().map(Secret::from), "host UUID", at)
}

/// What names this boot of the machine.
pub fn boot_session() -> std::io::Result<String> {
    os::boot_session()
}

/// The name that the kernel has for this host; the gateway writes the same into its lease.
pub fn hostname(at: Timestamp) -> Fact<String> {
    let name = gethostname().map(|name| name.to_string_lossy().into_owned()).map_err(std::io::Error::from);
    file::from_io(name, "gethostname", at)
}

/// Name, version and build of the operating system.
pub fn system(at: Timestamp) -> Fact<SystemVersion> {
    file::from_io(os::system_version(), "operating system version", at)
}

/// Whether something keeps the clock.
pub(crate) fn clock(at: Timestamp) -> Fact<Keeping> {
    file::from_io(os::clock_keeping(), "adjtimex", at)
}

/// Seconds since boot.
pub(crate) fn uptime(at: Timestamp) -> Fact<u64> {
    match System::uptime() {
        Ok(seconds) => Fact::known(seconds, "uptime", at),
        Err(error) => Fact::unreadable(error.to_string(), "uptime", at),
    }
}

fn console_user(at: Timestamp) -> Fact<String> {
    const SOURCE: &str = "owner of /dev/console";
    match os::console_user_id() {
        Ok(None) => Fact::absent(SOURCE, at),
        Ok(Some(uid)) => match within(DEADLINE, move || User::from_uid(Uid::from_raw(uid))) {
            Ok(Ok(Some(user))) => Fact::known(user.name, SOURCE, at),
            Ok(Ok(None)) => Fact::unreadable(format!("user {uid} has no name"), SOURCE, at),
            Ok(Err(error)) => file::error_fact(&error.into(), SOURCE, at),
            Err(overdue) => Fact::unreadable(overdue.to_string(), SOURCE, at),
        },
        Err(error) => file::error_fact(&error, SOURCE, at),
    }
}

fn auto_login(at: Timestamp) -> Fact<String> {
    match os::auto_login_file() {
        Some(path) => auto_login_of(path, at),
        None => Fact::absent("automatic login", at),
    }
}

/// The user that a login window's property list (`com.apple.loginwindow.plist`) logs in after boot.
fn auto_login_of(path: &Path, at: Timestamp) -> Fact<String> {
    use portreeve_openclaw::file::{ReadError, read_regular};

    #[derive(Deserialize)]
    struct LoginWindow {
        #[serde(rename = "autoLoginUser")]
        auto_login_user: Option<String>,
    }

    let source = format!("autoLoginUser in {}", path.display());
    let content = match read_regular(path, MAX_PLIST) {
        Ok(content) => content,
        Err(ReadError::NotFound { .. }) => return Fact::absent(source, at),
        Err(ReadError::Denied { source: error, .. }) => return file::error_fact(&error, source, at),
        Err(error) => return Fact::unreadable(error.to_string(), source, at),
    };
    match plist::from_bytes::<LoginWindow>(&content.bytes) {
        Ok(LoginWindow { auto_login_user: Some(user) }) if !user.is_empty() => Fact::known(user, source, at),
        Ok(_) => Fact::absent(source, at),
        Err(error) => Fact::unreadable(error.to_string(), source, at),
    }
}

/// What the system does with its own updates, by these property lists; of each setting the first that has it counts.
fn updates(files: &[&Path], at: Timestamp) -> Fact<UpdateSettings> {
    use portreeve_openclaw::file::{ReadError, read_regular};

    const SOURCE: &str = "com.apple.SoftwareUpdate";
    let mut lists: Vec<Dictionary> = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for path in files {
        let source = path.display().to_string();
        let content = match read_regular(path, MAX_PLIST) {
            Ok(content) => content,
            Err(ReadError::NotFound { .. }) => continue,
            Err(ReadError::Denied { source: error, .. }) => return file::error_fact(&error, source, at),
            Err(error) => return Fact::unreadable(error.to_string(), source, at),
        };
        match crate::plist::parse(&content.bytes) {
            Ok(Value::Dictionary(list)) => lists.push(list),
            Ok(_) => return Fact::unreadable("it is no dictionary", source, at),
            Err(error) => return Fact::unreadable(error.to_string(), source, at),
        }
        sources.push(source);
    }
    if lists.is_empty() {
        return Fact::absent(SOURCE, at);
    }
    let flag = |key: &str| {
        lists.iter().find_map(|list| match list.get(key)? {
            Value::Boolean(on) => Some(*on),
            // `defaults write … -int 1`
            Value::Integer(number) => number.as_signed().map(|number| number != 0),
            _ => None,
        })
    };
    let settings = UpdateSettings {
        checks: flag("AutomaticCheckEnabled"),
        downloads: flag("AutomaticDownload"),
        installs: flag("AutomaticallyInstallMacOSUpdates"),
        installs_critical: flag("CriticalUpdateInstall"),
    };
    Fact::known(settings, sources.join(", "), at)
}

/// What `fdesetup status` says: `FileVault is On.`, `FileVault is Off.`, with lines on conversions after it. None where it says
/// neither.
pub fn parse_file_vault(output: &[u8]) -> Option<bool> {
    let text = String::from_utf8_lossy(output);
    text.lines().find_map(|line| match line.trim().strip_prefix("FileVault is ")? {
        state if state.starts_with("On") => Some(true),
        state if state.starts_with("Off") => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn asked(at: Timestamp) -> Asked {
        Asked { power: Fact::absent("test", at), file_vault: Fact::absent("test", at) }
    }

    #[test]
    fn the_machine_is_seen_and_its_identity_is_not() {
        let at = Timestamp::now();
        let key = FingerprintKey::new(&[7; 32]).unwrap();
        let node = observe(&key, asked(at), at);
        assert_eq!(node.hostname.get().unwrap(), &gethostname().unwrap().to_string_lossy());
        assert!(node.host.uptime_s.get().is_some_and(|seconds| *seconds > 0));
        assert_eq!(node.host.agent_uid, geteuid().as_raw());
        let system = node.system.get().unwrap();
        assert!(!system.name.is_empty() && !system.build.is_empty(), "{system:?}");
        assert!(!node.arch.is_empty());
        if let Some(id) = identity(at).get() {
            assert!(id.expose_secret().len() >= 32);
            assert!(!format!("{node:?}{:?}", identity(at)).contains(id.expose_secret()));
            assert!(node.id.get().is_some());
        }
    }

    #[test]
    fn the_login_window_names_a_user_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("com.apple.loginwindow.plist");
        let at = Timestamp::UNIX_EPOCH;
        assert!(auto_login_of(&path, at).is_absent());
        let list = |inner: &str| {
            format!(
                "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>lastUser</key><string>x</string>{inner}</dict></plist>"
            )
        };
        std::fs::write(&path, list("")).unwrap();
        assert!(auto_login_of(&path, at).is_absent());
        std::fs::write(&path, list("<key>autoLoginUser</key><string>claw</string>")).unwrap();
        assert_eq!(auto_login_of(&path, at).get().unwrap(), "claw");
        std::fs::write(&path, "bplist00 and nothing").unwrap();
        assert!(auto_login_of(&path, at).blind().is_some());
    }

    #[test]
    fn a_profile_counts_more_than_the_machines_own_update_settings() {
        let dir = tempfile::tempdir().unwrap();
        let [managed, own] = ["managed.plist", "own.plist"].map(|name| dir.path().join(name));
        let files = [managed.as_path(), own.as_path()];
        let at = Timestamp::UNIX_EPOCH;
        assert!(updates(&files, at).is_absent());
        assert!(updates(&[], at).is_absent());
        let list = |inner: &str| format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{inner}</dict></plist>");
        let on =
            "<key>AutomaticallyInstallMacOSUpdates</key><true/><key>AutomaticCheckEnabled</key><integer>1</integer>";
        std::fs::write(&own, list(on)).unwrap();
        let seen = updates(&files, at);
        assert_eq!(
            seen.get().map(|settings| (settings.checks, settings.installs_alone())),
            Some((Some(true), Some(true)))
        );
        std::fs::write(&managed, list("<key>AutomaticallyInstallMacOSUpdates</key><false/>")).unwrap();
        assert_eq!(updates(&files, at).get().unwrap().installs_alone(), Some(false));
        std::fs::write(&managed, "bplist00 and nothing").unwrap();
        assert!(updates(&files, at).blind().is_some());
    }

    /// The file of a real machine; it has none of the keys, and so tells nothing.
    #[test]
    fn a_real_list_without_the_keys_tells_nothing() {
        let Some(corpus) = std::env::var_os("PORTREEVE_CORPUS") else { return };
        let path = Path::new(&corpus).join("settings/plist-misc/com.apple.SoftwareUpdate.plist");
        let seen = updates(&[&path], Timestamp::UNIX_EPOCH);
        assert_eq!(seen.get(), Some(&UpdateSettings::default()));
    }

    #[test]
    fn file_vault_is_on_off_or_not_said() {
        assert_eq!(parse_file_vault(b"FileVault is On.\n"), Some(true));
        assert_eq!(
            parse_file_vault(b"FileVault is Off.\nDeferred enablement appears to be active for user 'claw'.\n"),
            Some(false)
        );
        assert_eq!(parse_file_vault(b"Error: fdesetup\n"), None);
    }
}
