//! `multipass list --format json`.

use serde::Deserialize;

/// One virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Name.
    pub name: String,
    /// `Running`, `Stopped`, `Deleted`, `Suspended`, …
    pub state: String,
    /// Addresses.
    #[serde(default)]
    pub ipv4: Vec<String>,
    /// `Ubuntu 24.04 LTS`
    pub release: Option<String>,
}

/// Parses the list: `{"list": [{"name": …, "state": …, "ipv4": […]}]}`.
pub fn parse(output: &[u8]) -> Result<Vec<Instance>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        list: Vec<Instance>,
    }
    let answer: Answer = serde_json::from_slice(output)?;
    Ok(answer.list)
}
