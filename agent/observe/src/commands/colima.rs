//! `colima list --json`.

use serde::Deserialize;

use super::{Parsed, Unparsed};

/// One virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// Profile.
    pub name: String,
    /// `Running`, `Stopped`, `Broken`.
    pub status: String,
    /// `aarch64`, `x86_64`.
    pub arch: Option<String>,
    /// Address; none when stopped or without one that the host can reach.
    pub address: Option<String>,
    /// `docker`, `containerd`, `incus`; none when stopped.
    pub runtime: Option<String>,
}

/// Parses the list: one object a line, not an array.
///
/// ```text
/// {"name":"default","status":"Running","arch":"aarch64","cpus":2,"address":"192.168.64.2","runtime":"docker"}
/// {"name":"m1","status":"Stopped","arch":"aarch64","cpus":4}
/// ```
pub fn parse(output: &[u8]) -> Parsed<Vec<Profile>> {
    let text = String::from_utf8_lossy(output);
    let (mut profiles, mut unparsed) = (Vec::new(), Unparsed::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(profile) => profiles.push(profile),
            Err(_) => unparsed.push(line),
        }
    }
    Parsed { value: profiles, unparsed }
}
