//! `launchctl procinfo <pid>`: what launchd and the kernel know of one process. Needs root.

use super::block::{Entry, blocks};
use super::service::{is_variable, leading_number};
use crate::commands::{Parsed, Unparsed};

/// One process. Arguments and environment are not kept: the old tool mixes both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcInfo {
    /// Number of arguments.
    pub argument_count: Option<u32>,
    /// Names of the environment's variables.
    pub environment_names: Vec<String>,
    /// Process id.
    pub pid: Option<u32>,
    /// Parent.
    pub ppid: Option<u32>,
    /// Effective user.
    pub uid: Option<u32>,
    /// `running`, `stopped`, …
    pub status: Option<String>,
    /// The kernel's name of the command.
    pub comm: Option<String>,
    /// The process that answers for it, which privacy decisions go by.
    pub responsible_pid: Option<u32>,
    /// The program of that process.
    pub responsible_path: Option<String>,
}

/// Parses the output.
///
/// ```text
/// argument count = 3
/// argument vector = {
///     [0] = /usr/local/bin/redis-server
/// }
/// environment vector = {
///     USER => user
/// }
/// bsd proc info = {
///     pid = 7475
///     ppid = 1
///     status = stopped
///     comm name = redis-server
/// }
/// audit info
///     session id = 100006
/// sandboxed = no
/// responsible pid = 7475
/// ```
pub fn parse(output: &[u8]) -> Parsed<ProcInfo> {
    let text = String::from_utf8_lossy(output);
    let (blocks, stray) = blocks(&text);
    let (mut info, mut unparsed) = (ProcInfo::default(), Unparsed::default());
    for line in stray {
        match line.trim().split_once(" = ") {
            Some(("argument count", count)) => info.argument_count = count.parse().ok(),
            Some(("responsible pid", pid)) => info.responsible_pid = pid.parse().ok(),
            Some(("responsible path", path)) => info.responsible_path = Some(path.to_owned()),
            Some(_) => {}
            None if line.trim() == "audit info" => {}
            None => unparsed.push(line),
        }
    }
    for block in blocks {
        for entry in block.entries {
            match (block.title, entry) {
                // A value that holds ` = ` looks like an assignment.
                ("environment vector", Entry::Bare(line) | Entry::Value(line, _)) => {
                    let name = line.split_once(" =>").map(|(name, _)| name).filter(|name| is_variable(name));
                    info.environment_names.extend(name.map(str::to_owned));
                }
                ("bsd proc info", Entry::Value(name, value)) => info.kernel(name, value),
                _ => {}
            }
        }
    }
    Parsed { value: info, unparsed }
}

impl ProcInfo {
    fn kernel(&mut self, name: &str, value: &str) {
        match name {
            "pid" => self.pid = leading_number(value),
            "ppid" => self.ppid = leading_number(value),
            "uid" => self.uid = leading_number(value),
            "status" => self.status = Some(value.to_owned()),
            "comm name" => self.comm = Some(value.to_owned()),
            _ => {}
        }
    }
}
