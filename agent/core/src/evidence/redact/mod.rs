//! What leaves a node in a ticket: secrets masked, and people, machines and addresses under names that say nothing.
//!
//! The facts hold no secret to begin with, and the log's own reader masks what looks like one. This goes over all of it once more, since a
//! bundle is sent to strangers: what is left is what a reader needs, under pseudonyms that stay the same through all parts.
//!
//! Where it errs, it hides. Names of people and hosts are replaced wherever they stand only where the facts themselves name them as such;
//! a line of a log cannot make the word `error` a user.

mod address;
mod name;
mod place;
mod secret;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::name::{Hosts, Names};
use crate::secret::{FingerprintKey, Secret};
use crate::snapshot::Snapshot;

/// What stands in place of a secret.
pub const MASK: &str = "***";
/// Longest text that is kept, in bytes; the rest is cut.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Deepest value that is gone through; what lies deeper is left out.
const MAX_DEPTH: usize = 96;
/// How often a text is gone through at most.
const MOST_LOOKS: usize = 4;

/// Keys whose values are words of our own where they are one plain word, so that no person's name is looked for in them.
const OWN_WORDS: [&str; 40] = [
    "action",
    "answer",
    "asks",
    "bind",
    "by",
    "code",
    "detail_code",
    "domain",
    "driver",
    "explained_by",
    "explains",
    "expected",
    "form",
    "format",
    "forwards",
    "kind",
    "layer",
    "level",
    "manager",
    "mode",
    "origin",
    "outcome",
    "phase",
    "platform",
    "protocol",
    "purpose",
    "quality",
    "question",
    "relation",
    "role",
    "roles",
    "root_causes",
    "rung",
    "schema",
    "severity",
    "standing",
    "state",
    "status",
    "verdict",
    "way",
];

/// Values of `by` that are no person: what decides of an image, and what leaves a directory out of backups.
const OWN_BY: [&str; 8] = ["accepted", "attribute", "config", "definition", "path", "standard", "unnamed", "volume"];

/// How much was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redacted {
    /// Places at which a secret, or what looks like one, was masked.
    pub secrets: u64,
    /// People, `user-1` and so on.
    pub users: usize,
    /// Other machines, `host-1` and so on.
    pub hosts: usize,
    /// Addresses outside the node, `peer-1` and so on.
    pub peers: usize,
    /// Mail addresses, `mail-1` and so on.
    pub mails: usize,
    /// Accounts of cloud storage, `account-1` and so on.
    pub accounts: usize,
    /// Hardware addresses, `mac-1` and so on.
    pub macs: usize,
    /// Devices, requests and containers, `id-` and a keyed fingerprint.
    pub ids: usize,
}

/// Takes out of text and of values what is nobody else's business. The same thing gets the same pseudonym for as long as it lives.
#[derive(Debug)]
pub struct Redactor {
    key: FingerprintKey,
    own_addresses: BTreeSet<IpAddr>,
    own_networks: Vec<IpNet>,
    hosts: Hosts,
    users: Names,
    /// People who are named as such by the facts.
    spoken: BTreeSet<String>,
    peers: Names,
    mails: Names,
    accounts: Names,
    macs: Names,
    /// Devices and requests that the facts name.
    known_ids: BTreeSet<String>,
    ids: BTreeSet<String>,
    secrets: u64,
}

impl Redactor {
    /// Learns from the facts of a node, and from its addresses, what is its own.
    pub fn new(key: FingerprintKey, snapshot: &Snapshot, addresses: &[IpAddr]) -> Self {
        let mut redactor = Self {
            key,
            own_addresses: addresses.iter().copied().collect(),
            own_networks: Vec::new(),
            hosts: Hosts::default(),
            users: Names::new("user"),
            spoken: BTreeSet::new(),
            peers: Names::new("peer"),
            mails: Names::new("mail"),
            accounts: Names::new("account"),
            macs: Names::new("mac"),
            known_ids: BTreeSet::new(),
            ids: BTreeSet::new(),
            secrets: 0,
        };
        redactor.learn_addresses(snapshot);
        redactor.learn_names(snapshot);
        redactor.learn_ids(snapshot);
        redactor
    }

    /// How much was taken out so far.
    pub fn redacted(&self) -> Redacted {
        Redacted {
            secrets: self.secrets,
            users: self.users.len(),
            hosts: self.hosts.len(),
            peers: self.peers.len(),
            mails: self.mails.len(),
            accounts: self.accounts.len(),
            macs: self.macs.len(),
            ids: self.ids.len(),
        }
    }

    /// A text without what is nobody else's business, at most [`MAX_TEXT_BYTES`] long.
    pub fn text(&mut self, text: &str) -> String {
        self.cleaned(text, true)
    }

    /// Goes through a value: all its texts, and the keys of its maps.
    pub fn value(&mut self, value: &mut Value) {
        self.walk(value, "", 0);
    }

    fn walk(&mut self, value: &mut Value, key: &str, depth: usize) {
        if depth > MAX_DEPTH {
            *value = Value::Null;
            return;
        }
        match value {
            Value::String(text) => *text = self.leaf(text, key),
            Value::Array(items) => {
                for item in items {
                    self.walk(item, key, depth + 1);
                }
            }
            Value::Object(map) => {
                let pairs = std::mem::take(map);
                for (key, mut value) in pairs {
                    self.walk(&mut value, &key, depth + 1);
                    let renamed = if is_field(&key) { key } else { self.text(&key) };
                    map.insert(renamed, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn leaf(&mut self, text: &str, key: &str) -> String {
        // Typed as addresses: a pseudonym must be one too.
        if key == "addresses"
            && let Ok(address) = text.parse::<IpAddr>()
        {
            return self.address_for_address(address);
        }
        let is_word = text.len() <= 48 && is_field(text);
        let is_own = is_word && OWN_WORDS.contains(&key) && (key != "by" || OWN_BY.contains(&text));
        self.cleaned(text, !is_own)
    }

    /// What one look brings to light, such as a name that stood before a mark, a second one may have to hide.
    fn cleaned(&mut self, text: &str, with_names: bool) -> String {
        let mut out = Cow::Borrowed(text);
        for _ in 0..MOST_LOOKS {
            let before = out.clone().into_owned();
            for pass in PASSES {
                out = owned(pass(self, &out), out);
            }
            if with_names {
                out = owned(self.names_in(&out), out);
            }
            if *out == before {
                break;
            }
        }
        let mut out = out.into_owned();
        // Those that the log's reader masked count too.
        self.secrets += out.matches(MASK).count() as u64;
        if out.len() > MAX_TEXT_BYTES {
            const ELLIPSIS: char = '…';
            let end = out.floor_char_boundary(MAX_TEXT_BYTES - ELLIPSIS.len_utf8());
            out.truncate(end);
            out.push(ELLIPSIS);
        }
        out
    }

    /// The keyed fingerprint that stands for an id.
    fn id(&mut self, id: &str) -> String {
        self.ids.insert(id.to_owned());
        format!("id-{}", self.key.fingerprint(&Secret::from(id)))
    }

    fn learn_ids(&mut self, snapshot: &Snapshot) {
        let pairings = snapshot.gateways.iter().filter_map(|gateway| gateway.pairing.get());
        let mut ids: Vec<&String> = Vec::new();
        for pairing in pairings {
            ids.extend(pairing.pending.iter().flat_map(|pending| [&pending.request_id, &pending.device_id]));
            ids.extend(pairing.paired.iter().map(|paired| &paired.device_id));
        }
        for records in snapshot.state_dirs.iter().filter_map(|dir| dir.records.get()) {
            ids.extend(&records.devices);
            ids.extend(records.paired.iter().map(|paired| &paired.device_id));
            ids.extend(records.pending.iter().flat_map(|pending| [&pending.request_id, &pending.device_id]));
            ids.extend(records.device_tokens.iter().map(|(device, _)| device));
        }
        ids.extend(snapshot.clients.iter().filter_map(|client| client.device.get()).map(|device| &device.device_id));
        let failures = snapshot.clients.iter().filter_map(|client| client.connect.failure());
        let failures = failures.chain(snapshot.gateways.iter().filter_map(|gateway| gateway.ladder.connect.failure()));
        ids.extend(failures.flat_map(|failure| failure.request_id.iter().chain(&failure.device_id)));
        self.known_ids.extend(ids.into_iter().filter(|id| id.len() >= 8).cloned());
    }
}

type Pass = for<'a> fn(&mut Redactor, &'a str) -> Option<String>;

/// The ids that are known come first, since they look like secrets.
const PASSES: [Pass; 6] = [
    Redactor::ids_in,
    Redactor::secrets_in,
    Redactor::urls_in,
    Redactor::places_in,
    Redactor::mails_in,
    Redactor::addresses_in,
];

fn owned(new: Option<String>, old: Cow<'_, str>) -> Cow<'_, str> {
    new.map_or(old, Cow::Owned)
}

/// Whether a key is one of a form's fields and no name of anything.
fn is_field(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.'))
        && !key.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !key.starts_with(['.', '-'])
        && key.len() < 40
}

/// Goes through a text from left to right. `look` is given the character before a place and the text from it on, and answers with how many
/// bytes something there takes and what is to stand instead. None where nothing was replaced.
fn rewrite(text: &str, mut look: impl FnMut(Option<char>, &str) -> Option<(usize, String)>) -> Option<String> {
    let mut out: Option<String> = None;
    let mut before = None;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        match look(before, rest) {
            Some((taken, instead)) if taken > 0 && rest.is_char_boundary(taken) => {
                out.get_or_insert_with(|| text.get(..at).unwrap_or_default().to_owned()).push_str(&instead);
                at += taken;
                before = rest.get(..taken).and_then(|taken| taken.chars().next_back());
            }
            _ => {
                if let Some(out) = &mut out {
                    out.push(first);
                }
                at += first.len_utf8();
                before = Some(first);
            }
        }
    }
    out.filter(|out| out != text)
}

/// The longest beginning of a text that is made of such characters.
fn run(text: &str, is_in: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !is_in(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Whether a place is not within a word.
fn begins_word(before: Option<char>) -> bool {
    before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
}
