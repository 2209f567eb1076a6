//! What is kept of a unit that was taken over, until it is restored.

use std::path::PathBuf;

use jiff::Timestamp;
use portreeve_store::{Audience, Folder};
use serde::{Deserialize, Serialize};

use crate::InstallError;

const SCHEMA: &str = "portreeve.gate-unit/1";
/// Most bytes of a record.
const MAX_RECORD: u64 = 64 * 1024;

/// What was done, and what undoes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    schema: String,
    /// Label of the gate.
    pub(crate) gate: String,
    /// The gate's property list.
    pub(crate) gate_path: PathBuf,
    /// launchd's domain of both.
    pub(crate) domain: String,
    /// When it was taken over.
    pub(crate) at: Timestamp,
    /// The unit; none for a Compose project.
    pub(crate) original: Option<Original>,
}

/// A unit as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Original {
    pub(crate) label: String,
    pub(crate) path: PathBuf,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) was_loaded: bool,
    pub(crate) was_disabled: bool,
}

impl Record {
    pub(crate) fn new(gate: &str, gate_path: PathBuf, domain: &str, original: Option<Original>) -> Self {
        let (gate, domain) = (gate.to_owned(), domain.to_owned());
        Self { schema: SCHEMA.to_owned(), gate, gate_path, domain, at: Timestamp::now(), original }
    }
}

/// The folder of records.
pub(crate) struct Records(Folder);

impl Records {
    pub(crate) fn of(data: &Folder) -> Result<Self, InstallError> {
        Ok(Self(data.folder("gate")?.folder("units")?))
    }

    pub(crate) fn load(&self, name: &str) -> Result<Option<Record>, InstallError> {
        Ok(self.0.read_json(&format!("{name}.json"), MAX_RECORD)?)
    }

    /// The original's bytes.
    pub(crate) fn original(&self, name: &str) -> Result<Option<Vec<u8>>, InstallError> {
        Ok(self.0.read(&format!("{name}.plist"), portreeve_observe::plist::MAX_BYTES)?)
    }

    /// The record comes last: where it is, the bytes are.
    pub(crate) fn keep(&self, name: &str, record: &Record, original: Option<&[u8]>) -> Result<(), InstallError> {
        if let Some(bytes) = original {
            self.0.write(&format!("{name}.plist"), bytes, Audience::Owner)?;
        }
        Ok(self.0.write_json(&format!("{name}.json"), record, Audience::Owner)?)
    }

    /// The record goes first, for the same reason.
    pub(crate) fn forget(&self, name: &str) -> Result<(), InstallError> {
        self.0.remove(&format!("{name}.json"))?;
        Ok(self.0.remove(&format!("{name}.plist"))?)
    }
}
