//! Configuration profiles for MDM: Full Disk Access, settings, and the daemon as a managed background item.
//!
//! Identifiers are derived from what a profile is for, so that a new build replaces the profile of the one before.

use plist::{Dictionary, Value};
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

use crate::IDENTIFIER;
use crate::contents::BINARY;
use crate::macho::Signature;

/// Who signed the program, and so by what it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// A Developer ID of this team.
    Team(String),
    /// Nobody: this very build, by the hash of its code directory.
    Nobody {
        /// 40 hexadecimal digits.
        cdhash: String,
    },
}

/// What is no team.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no team identifier: ten capital letters and digits")]
pub struct TeamError(pub String);

impl Signer {
    /// The team where one is named, else the build that `signature` is of.
    pub fn new(team: Option<&str>, signature: &Signature) -> Result<Self, TeamError> {
        let Some(team) = team else {
            return Ok(Self::Nobody { cdhash: signature.cdhash.clone() });
        };
        // It goes into a requirement between quotes.
        let is_team = team.len() == 10 && team.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_team { Ok(Self::Team(team.to_owned())) } else { Err(TeamError(team.to_owned())) }
    }

    /// In the language of `csreq(1)`.
    pub fn requirement(&self) -> String {
        match self {
            Self::Team(team) => format!(
                "identifier \"{IDENTIFIER}\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and \
                 certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = \"{team}\""
            ),
            Self::Nobody { cdhash } => format!("cdhash H\"{cdhash}\""),
        }
    }
}

/// A profile and the name of its file.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Without its folder.
    pub file: &'static str,
    /// The property list.
    pub value: Value,
}

impl Profile {
    /// As XML.
    pub fn to_xml(&self) -> Result<Vec<u8>, plist::Error> {
        let mut out = Vec::new();
        self.value.to_writer_xml(&mut out)?;
        out.push(b'\n');
        Ok(out)
    }
}

/// All profiles; `settings` are those of the agent that MDM is to enforce, where there are any.
pub fn profiles(signer: &Signer, settings: Option<Dictionary>) -> Vec<Profile> {
    let mut profiles = vec![full_disk_access(signer), background_item(signer)];
    profiles.extend(settings.map(configuration));
    profiles
}

fn full_disk_access(signer: &Signer) -> Profile {
    let rule = dictionary([
        ("Authorization", "Allow".into()),
        ("CodeRequirement", signer.requirement().into()),
        (
            "Comment",
            "reads state directories, Time Machine's settings and other accounts' files; writes none of them".into(),
        ),
        // A program outside a bundle is known by its path, whoever signed it.
        ("Identifier", format!("/{BINARY}").into()),
        ("IdentifierType", "path".into()),
        ("StaticCode", false.into()),
    ]);
    let services = dictionary([("SystemPolicyAllFiles", Value::Array(vec![rule.into()]))]);
    profile(
        "full-disk-access.mobileconfig",
        "full-disk-access",
        "Portreeve: Full Disk Access",
        "Lets Portreeve see what a LaunchDaemon cannot see otherwise: Time Machine's settings and folders of accounts.",
        "com.apple.TCC.configuration-profile-policy",
        dictionary([("Services", services.into())]),
    )
}

fn configuration(settings: Dictionary) -> Profile {
    // A payload of the domain's own type would leave its `Payload…` keys among the settings.
    let forced = dictionary([("mcx_preference_settings", settings.into())]);
    let domain = dictionary([("Forced", Value::Array(vec![forced.into()]))]);
    profile(
        "settings.mobileconfig",
        "settings",
        "Portreeve: settings",
        "Settings of Portreeve; they take precedence over the configuration file.",
        "com.apple.ManagedClient.preferences",
        dictionary([("PayloadContent", dictionary([(IDENTIFIER, domain.into())]).into())]),
    )
}

fn background_item(signer: &Signer) -> Profile {
    let mut rules = vec![Value::from(dictionary([
        ("Comment", "the agent and the gates that it installs".into()),
        ("RuleType", "LabelPrefix".into()),
        ("RuleValue", "dev.portreeve.".into()),
    ]))];
    if let Signer::Team(team) = signer {
        rules.push(
            dictionary([
                ("Comment", "whatever this team signed".into()),
                ("RuleType", "TeamIdentifier".into()),
                ("RuleValue", team.as_str().into()),
            ])
            .into(),
        );
    }
    profile(
        "background-item.mobileconfig",
        "background-item",
        "Portreeve: background item",
        "Keeps the daemon from being switched off in Login Items.",
        "com.apple.servicemanagement",
        dictionary([("Rules", Value::Array(rules))]),
    )
}

fn profile(file: &'static str, name: &str, title: &str, description: &str, kind: &str, content: Dictionary) -> Profile {
    let identifier = format!("{IDENTIFIER}.{name}");
    let inner = format!("{identifier}.payload");
    let mut payload = content;
    for (key, value) in [
        ("PayloadDisplayName", title.into()),
        ("PayloadIdentifier", inner.as_str().into()),
        ("PayloadType", kind.into()),
        ("PayloadUUID", identity(&inner).into()),
        ("PayloadVersion", Value::from(1)),
    ] {
        payload.insert(key.to_owned(), value);
    }
    let value = dictionary([
        ("PayloadContent", Value::Array(vec![payload.into()])),
        ("PayloadDescription", description.into()),
        ("PayloadDisplayName", title.into()),
        ("PayloadIdentifier", identifier.as_str().into()),
        ("PayloadOrganization", "Portreeve".into()),
        ("PayloadScope", "System".into()),
        ("PayloadType", "Configuration".into()),
        ("PayloadUUID", identity(&identifier).into()),
        ("PayloadVersion", Value::from(1)),
    ]);
    Profile { file, value: value.into() }
}

/// A name-based UUID (RFC 9562, version 5) of the DNS namespace.
fn identity(name: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(Uuid::NAMESPACE_DNS.as_bytes());
    hash.update(name.as_bytes());
    let mut bytes = [0; 16];
    for (byte, digest) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = digest;
    }
    uuid::Builder::from_sha1_bytes(bytes).into_uuid().hyphenated().to_string().to_uppercase()
}

fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Dictionary {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature() -> Signature {
        Signature {
            identifier: "portreeve-1".to_owned(),
            is_ad_hoc: true,
            cdhash: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        }
    }

    #[test]
    fn uuids_are_those_of_the_standard() {
        // `uuidgen --sha1 --namespace @dns --name www.example.com`.
        assert_eq!(identity("www.example.com"), "2ED6657D-E927-568B-95E1-2665A8AEA6A2");
    }

    #[test]
    fn a_team_is_ten_capital_letters_and_digits() {
        assert_eq!(Signer::new(Some("ABCDE12345"), &signature()), Ok(Signer::Team("ABCDE12345".to_owned())));
        for team in ["", "abcde12345", "ABCDE1234", "ABCDE\"2345"] {
            assert_eq!(Signer::new(Some(team), &signature()), Err(TeamError(team.to_owned())));
        }
    }

    #[test]
    fn profiles_of_a_build_that_nobody_signed() {
        let text = shown(&Signer::new(None, &signature()).unwrap());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn profiles_of_a_signed_build() {
        let text = shown(&Signer::new(Some("ABCDE12345"), &signature()).unwrap());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn settings_are_prescribed_only_where_there_are_any() {
        let signer = Signer::new(None, &signature()).unwrap();
        let files: Vec<&str> = profiles(&signer, None).iter().map(|profile| profile.file).collect();
        assert_eq!(files, ["full-disk-access.mobileconfig", "background-item.mobileconfig"]);
    }

    fn shown(signer: &Signer) -> String {
        let settings = dictionary([("timeout_s", 40.into())]);
        profiles(signer, Some(settings))
            .iter()
            .map(|profile| {
                let xml = profile.to_xml().unwrap();
                assert_eq!(Value::from_reader_xml(xml.as_slice()).unwrap(), profile.value);
                format!("{}\n{}", profile.file, String::from_utf8(xml).unwrap())
            })
            .collect::<Vec<_>>()
            .concat()
    }
}
