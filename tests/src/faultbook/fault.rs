//! The form of a fault's file.

use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::catalogue::Code;
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::step::Step;

/// One set-up, what breaks it, and what is to be said of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Stable name; that of the file, without its ending.
    pub id: String,
    /// One line: what is wrong.
    pub title: String,
    /// Where in the catalogue of findings it belongs.
    pub family: Family,
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// The healthy set-up that is broken.
    pub base: Base,
    /// What a user sees.
    pub sees: String,
    /// The words by which people report it.
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// Until when the first gateway is waited for.
    #[serde(default)]
    pub start: Until,
    /// Until when the second gateway is waited for.
    #[serde(default)]
    pub second: Until,
    /// The recorded facts to start from, beside the file.
    pub snapshot: Option<String>,
    /// What differs before anything is started.
    #[serde(default)]
    pub before: Vec<Step>,
    /// What is done to it then.
    #[serde(default)]
    pub step: Vec<Step>,
    /// The arguments of `portreeve` that have to name it.
    #[serde(default = "check")]
    pub command: Vec<String>,
    /// What they have to say.
    pub expect: Expect,
    /// What of the peers' words would be the cause.
    #[serde(default)]
    pub peers: Peers,
    /// Its file.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Where in the catalogue of findings a fault belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Ports, service units, processes.
    Ownership,
    /// Addresses, proxies, sockets.
    Transport,
    /// Secrets, devices, approval.
    Auth,
    /// Channels.
    Channels,
    /// Configuration.
    Config,
    /// State directories and locks.
    State,
    /// What copies a state directory.
    Mirrors,
    /// Images.
    Images,
    /// The machine and its engines.
    Node,
    /// Nothing is wrong.
    Healthy,
}

/// What a set-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One fault.
    #[default]
    Fault,
    /// Two at once.
    Pair,
    /// None, though it may look like one.
    Healthy,
}

/// The healthy set-up that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// A gateway on this machine.
    Native,
    /// Two gateways on this machine, each with a home of its own.
    TwoGateways,
    /// The same, and a supervisor starts each that has ended.
    Supervised,
    /// A gateway in one network namespace, and a client in another.
    Namespaces,
    /// A Compose project on a machine with an engine of its own.
    Compose,
    /// Recorded facts.
    Snapshot,
}

/// Until when a gateway is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// It is ready.
    #[default]
    Ready,
    /// It owns its state directory, and starts.
    Owner,
    /// It has ended.
    Exit,
    /// Not at all: it is never started.
    Never,
}

/// What has to be said.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The root causes, all of them.
    #[serde(default)]
    pub causes: Vec<Code>,
    /// The warnings that are the fault, where nothing blocks.
    #[serde(default)]
    pub warns: Vec<Code>,
    /// Warnings that are true besides.
    #[serde(default)]
    pub also: Vec<Code>,
    /// The exit status.
    pub status: i32,
    /// What must not be reported, in whatever severity.
    #[serde(default)]
    pub must_not: Vec<Code>,
}

/// What of the words of `OpenClaw`'s own tools would be the cause.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Peers {
    /// Any of these in what a tool prints counts as naming the cause.
    #[serde(default)]
    pub names: Vec<Pattern>,
}

/// A regular expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(pub Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, regex::Error> {
        Regex::new(&text).map(Self)
    }
}

fn check() -> Vec<String> {
    vec!["check".to_owned()]
}

impl Fault {
    /// Reads a file; else what is wrong with it, with file and line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut fault = Self::parse(&text, &stem).map_err(|(line, why)| format!("{}:{line}: {why}", path.display()))?;
        path.clone_into(&mut fault.path);
        Ok(fault)
    }

    /// Parses the text of the file with this stem; else the line and what is wrong there.
    pub fn parse(text: &str, stem: &str) -> Result<Self, (usize, String)> {
        let fault: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            (line, error.message().to_owned())
        })?;
        let line_of = |key: &str| text.lines().position(|line| line.starts_with(key)).map_or(1, |index| index + 1);
        if fault.id != stem {
            return Err((line_of("id"), format!("the id is `{}`, and the file is `{stem}.toml`", fault.id)));
        }
        fault.is_sound().map_err(|(key, why)| (line_of(key), why))?;
        Ok(fault)
    }

    /// Whether what it expects goes with what it is; else the key that does not, and why.
    fn is_sound(&self) -> Result<(), (&'static str, String)> {
        let expected = self.expect.causes.len() + self.expect.warns.len();
        let fail = |key, why: &str| Err((key, why.to_owned()));
        match self.kind {
            Kind::Healthy if expected > 0 || self.expect.status != 0 => {
                fail("[expect]", "a healthy set-up has no cause, and the status is 0")
            }
            Kind::Fault if expected == 0 => fail("[expect]", "a fault has a cause or a warning"),
            Kind::Pair if expected < 2 => fail("[expect]", "a pair has two causes or warnings"),
            _ if (self.kind == Kind::Healthy) != (self.family == Family::Healthy) => {
                fail("family", "what is healthy, and nothing else, is of the family `healthy`")
            }
            _ if self.snapshot.is_some() != (self.base == Base::Snapshot) => {
                fail("base", "recorded facts have the base `snapshot`, and nothing else has")
            }
            _ => match self.named().find(|code| self.expect.must_not.contains(code)) {
                Some(code) => fail("must-not", &format!("`{code}` is expected, and must not be reported")),
                None => Ok(()),
            },
        }
    }

    /// Whether this is to be found.
    pub fn expects(&self, code: Code) -> bool {
        self.named().any(|named| *named == code)
    }

    fn named(&self) -> impl Iterator<Item = &Code> {
        let expect = &self.expect;
        expect.causes.iter().chain(&expect.warns).chain(&expect.also)
    }
}

/// All faults of a folder, by id; else what is wrong with each file that is none.
pub fn read(folder: &Path) -> Result<Vec<Fault>, Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| vec![format!("{}: {error}", folder.display())])?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let (mut faults, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match Fault::read(&path) {
            Ok(fault) => faults.push(fault),
            Err(why) => problems.push(why),
        }
    }
    if problems.is_empty() { Ok(faults) } else { Err(problems) }
}
