//! The form of a transcript: one JSON object a line, what went which way at which millisecond.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One line of a transcript.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// The HTTP answer to the upgrade.
    Http { status: u16, headers: BTreeMap<String, String>, body: String },
    /// A frame from the gateway.
    Recv(Value),
    /// A frame to the gateway; a string where it was not JSON.
    Send(Value),
    /// The end; 1006 stands for an end without a close frame.
    Close { code: u16, reason: String },
    /// The result of a probe in a timeline.
    Probe { probe: String, result: String },
    /// Anything that has no part in the conversation.
    Aside,
}

/// A transcript and its name.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
}

impl Transcript {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let entries = text.lines().filter(|line| !line.trim().is_empty()).map(entry).collect();

        Self { name: name.to_owned(), entries }
    }

    pub(crate) fn http(&self) -> Option<(u16, &BTreeMap<String, String>, &str)> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Http { status, headers, body } => Some((*status, headers, body.as_str())),
            _ => None,
        })
    }

    pub(crate) fn sent(&self) -> impl Iterator<Item = &Value> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Send(frame) => Some(frame),
            _ => None,
        })
    }

    pub(crate) fn received(&self) -> impl Iterator<Item = &Value> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Recv(frame) => Some(frame),
            _ => None,
        })
    }

    pub(crate) fn close(&self) -> Option<(u16, &str)> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Close { code, reason } => Some((*code, reason.as_str())),
            _ => None,
        })
    }

    pub(crate) fn probes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Probe { probe, result } => Some((probe.as_str(), result.as_str())),
            _ => None,
        })
    }

    /// The id of the first request, which the gateway took for the `connect`.
    pub(crate) fn connect_id(&self) -> String {
        self.sent().find_map(|frame| frame["id"].as_str()).unwrap_or("c1").to_owned()
    }

    /// The answer of this id.
    pub(crate) fn answer(&self, id: &str) -> Option<&Value> {
        self.received().find(|frame| frame["type"] == "res" && frame["id"] == id)
    }
}

fn entry(line: &str) -> Entry {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    match value["dir"].as_str() {
        Some("http") => Entry::Http {
            status: u16::try_from(value["status"].as_u64().unwrap()).unwrap(),
            headers: serde_json::from_value(value["headers"].clone()).unwrap_or_default(),
            body: text("body"),
        },
        Some("recv") => Entry::Recv(value["frame"].clone()),
        Some("send") => Entry::Send(value["frame"].clone()),
        Some("close") => {
            Entry::Close { code: u16::try_from(value["code"].as_u64().unwrap()).unwrap(), reason: text("reason") }
        }
        None if value["probe"].is_string() => Entry::Probe { probe: text("probe"), result: text("result") },
        _ => Entry::Aside,
    }
}

/// Every transcript in `dir`, by name.
pub(crate) fn transcripts(dir: &Path) -> Vec<Transcript> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();

    paths
        .iter()
        .map(|path| Transcript::parse(&path.file_stem().unwrap().to_string_lossy(), &fs::read_to_string(path).unwrap()))
        .collect()
}
