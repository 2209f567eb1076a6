//! What device management prescribes: a property list with the keys of the configuration file, dotted or nested.

use std::path::Path;

use portreeve_observe::plist::{self, Dictionary, PlistError, Value as Plist};
use portreeve_openclaw::file::{ReadError, Reader};
use toml::Value;

use super::{Origin, Settings, SettingsError, keys};

/// Applies a property list to the settings. One that is not there prescribes nothing.
pub(super) fn apply(settings: &mut Settings, path: &Path) -> Result<(), SettingsError> {
    let list = match plist::read(path, &Reader::for_self(None)) {
        Ok(list) => list,
        Err(PlistError::Read(ReadError::NotFound { .. })) => return Ok(()),
        Err(error) => return Err(SettingsError::Managed(error)),
    };
    let Plist::Dictionary(table) = &list.value else {
        let problem = "is a dictionary of settings".to_owned();
        return Err(SettingsError::ManagedValue { path: path.to_owned(), key: "the list".to_owned(), problem });
    };
    walk(settings, path, "", table)
}

fn walk(settings: &mut Settings, path: &Path, prefix: &str, table: &Dictionary) -> Result<(), SettingsError> {
    for (name, value) in table {
        // What a profile says of itself (`PayloadType`, `PayloadUUID`, …) may be copied along with what it prescribes.
        if prefix.is_empty() && name.starts_with("Payload") {
            continue;
        }
        let dotted = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Some(key) = keys().find(|key| key.name == dotted) {
            let refuse =
                |problem: String| SettingsError::ManagedValue { path: path.to_owned(), key: dotted.clone(), problem };
            let value = plain(value).ok_or_else(|| refuse("has a value of a kind that no setting takes".to_owned()))?;
            (key.apply)(settings, &value).map_err(refuse)?;
            settings.origins.insert(key.name, Origin::Managed { path: path.display().to_string() });
            continue;
        }
        let is_section = keys().any(|key| key.name.starts_with(&format!("{dotted}.")));
        match value {
            Plist::Dictionary(inner) if is_section => walk(settings, path, &dotted, inner)?,
            _ => {
                let nearest = keys::nearest(&dotted);
                return Err(SettingsError::UnknownManagedKey { path: path.to_owned(), key: dotted, nearest });
            }
        }
    }
    Ok(())
}

/// A value as the configuration file would have it. The reader of property lists bounds the depth.
fn plain(value: &Plist) -> Option<Value> {
    Some(match value {
        Plist::String(text) => Value::String(text.clone()),
        Plist::Boolean(value) => Value::Boolean(*value),
        Plist::Integer(number) => Value::Integer(number.as_signed()?),
        Plist::Real(number) => Value::Float(*number),
        Plist::Array(items) => Value::Array(items.iter().map(plain).collect::<Option<_>>()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn load(inner: &str, variables: &[(&str, &str)], is_root: bool) -> Result<Settings, SettingsError> {
        let dir = tempfile::tempdir().unwrap();
        let managed = dir.path().join("dev.portreeve.agent.plist");
        fs::write(&managed, format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{inner}</plist>")).unwrap();
        let config = dir.path().join("portreeve.toml");
        fs::write(&config, "timeout_s = 20\nports = [19001]\n").unwrap();
        let variable = |name: &str| {
            let known = variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            known.or_else(|| (name == "HOME").then(|| "/home/op".to_owned()))
        };
        Settings::load(Some(&config), &managed, variable, is_root)
    }

    const LIST: &str = "<dict><key>timeout_s</key><integer>40</integer><key>policy</key><dict><key>lock_wait_s</key><real>1.5</real></dict>\
        <key>images.pinned</key><array/><key>homes</key><array><string>/Users/op</string></array></dict>";

    #[test]
    fn what_is_prescribed_comes_before_the_file_and_shows_its_origin() {
        let settings = load(LIST, &[], false).unwrap();
        assert_eq!((settings.timeout_s, settings.ports.as_slice()), (40, [19001_u16].as_slice()));
        assert_eq!(settings.homes, [PathBuf::from("/Users/op")]);
        assert!((settings.policy.lock_wait.error_s - 1.5).abs() < 1e-9);
        let origin = settings.origins.get("timeout_s").unwrap().to_string();
        assert!(origin.ends_with("dev.portreeve.agent.plist (managed)"), "{origin}");
    }

    #[test]
    fn what_a_profile_says_of_itself_is_no_setting() {
        let list = LIST.replacen("<dict>", "<dict><key>PayloadType</key><string>dev.portreeve.agent</string>", 1);
        assert_eq!(load(&list, &[], false).unwrap().timeout_s, 40);
    }

    #[test]
    fn the_environment_comes_before_it_for_anybody_but_root() {
        let variables = [("PORTREEVE_TIMEOUT_S", "30")];
        assert_eq!(load(LIST, &variables, false).unwrap().timeout_s, 30);
        assert_eq!(load(LIST, &variables, true).unwrap().timeout_s, 40);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for (inner, what) in [
            ("<dict><key>timout_s</key><integer>4</integer></dict>", "there is no setting `timout_s`"),
            ("<dict><key>timeout_s</key><string>4</string></dict>", "`timeout_s` takes a whole number"),
            ("<dict><key>timeout_s</key><data>AAAA</data></dict>", "a kind that no setting takes"),
            ("<array/>", "is a dictionary"),
            ("<dict>", "cannot read the managed configuration"),
        ] {
            let error = load(inner, &[], false).expect_err(inner);
            assert!(error.to_string().contains(what), "{error}");
        }
        let deep = format!("{}{}", "<array>".repeat(5_000), "</array>".repeat(5_000));
        assert!(load(&format!("<dict><key>ports</key>{deep}</dict>"), &[], false).is_err());
    }
}
