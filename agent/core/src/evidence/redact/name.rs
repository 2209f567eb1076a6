//! Names of people and of other machines.

use std::collections::{BTreeMap, BTreeSet};

use super::{Redactor, begins_word, run};
use crate::snapshot::Snapshot;

/// Most names of one kind that get a number of their own.
const MOST: usize = 4_096;
/// Shortest name of a person that is looked for in sentences.
const SHORTEST: usize = 3;

/// Accounts and machines that are named after what they do, and words without which no sentence about a gateway can be said.
const ROLES: [&str; 64] = [
    "account",
    "admin",
    "administrator",
    "agent",
    "app",
    "caddy",
    "channel",
    "claw",
    "cli",
    "client",
    "clients",
    "config",
    "container",
    "core",
    "daemon",
    "debian",
    "device",
    "docker",
    "engine",
    "file",
    "gateway",
    "guest",
    "Guest",
    "home",
    "host",
    "launchd",
    "linux",
    "linuxbrew",
    "local",
    "localhost",
    "macos",
    "n8n",
    "network",
    "nginx",
    "nobody",
    "node",
    "op",
    "openclaw",
    "operator",
    "pairing",
    "podman",
    "port",
    "portreeve",
    "process",
    "proxy",
    "root",
    "runner",
    "secret",
    "server",
    "service",
    "shared",
    "Shared",
    "socket",
    "state",
    "system",
    "token",
    "traefik",
    "ubuntu",
    "unit",
    "user",
    "users",
    "web",
    "worker",
    "www",
];
/// Hosts that are public services or parts of any node.
const PUBLIC: [&str; 30] = [
    "anthropic.com",
    "apple.com",
    "caddyserver.com",
    "containers.internal",
    "debian.org",
    "discord.com",
    "docker.com",
    "docker.internal",
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "github.com",
    "githubusercontent.com",
    "googleapis.com",
    "json-schema.org",
    "letsencrypt.org",
    "localhost",
    "mcr.microsoft.com",
    "nodejs.org",
    "npmjs.com",
    "npmjs.org",
    "ntp.org",
    "openai.com",
    "openclaw.ai",
    "orb.local",
    "portreeve.dev",
    "public.ecr.aws",
    "quay.io",
    "slack.com",
    "telegram.org",
];
/// Last labels by which a name with dots is known as a host's.
const TOP: [&str; 44] = [
    "at",
    "au",
    "be",
    "biz",
    "br",
    "ca",
    "ch",
    "cloud",
    "cn",
    "co",
    "com",
    "corp",
    "cz",
    "de",
    "dev",
    "dk",
    "edu",
    "es",
    "eu",
    "fi",
    "fr",
    "gov",
    "internal",
    "intranet",
    "io",
    "jp",
    "kr",
    "lan",
    "localdomain",
    "local",
    "net",
    "nl",
    "no",
    "nz",
    "org",
    "pl",
    "pt",
    "ru",
    "se",
    "site",
    "tech",
    "uk",
    "us",
    "xyz",
];

/// Names and the numbers that stand for them.
#[derive(Debug)]
pub(super) struct Names {
    prefix: &'static str,
    known: BTreeMap<String, usize>,
}

impl Names {
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, known: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// What stands for a name; a pseudonym stands for itself, and so does an account that is named after what it does.
    pub(super) fn alias(&mut self, name: &str) -> String {
        let is_alias = name.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_number);
        if is_alias || self.prefix == "user" && (is_role(name) || name.starts_with('_')) {
            return name.to_owned();
        }
        let next = self.known.len() + 1;
        let number = match self.known.get(name) {
            Some(number) => *number,
            None if next > MOST => 0,
            None => {
                self.known.insert(name.to_owned(), next);
                next
            }
        };
        format!("{}-{number}", self.prefix)
    }
}

/// Machines: which are this node's own, and what stands for the others.
#[derive(Debug)]
pub(super) struct Hosts {
    others: Names,
    own: BTreeSet<String>,
    /// Others that the facts name as such.
    spoken: BTreeSet<String>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { others: Names::new("host"), own: BTreeSet::new(), spoken: BTreeSet::new() }
    }
}

impl Hosts {
    pub(super) fn len(&self) -> usize {
        self.others.len()
    }

    fn keep(&mut self, name: &str) {
        let name = name.to_lowercase();
        if let Some((short, _)) = name.split_once('.') {
            self.own.insert(short.to_owned());
        }
        self.own.insert(name);
    }

    fn is_kept(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let name = name.trim_end_matches('.');
        let is_public =
            |public: &str| name.strip_suffix(public).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        self.own.contains(name) || PUBLIC.iter().any(|public| is_public(public)) || is_role(name)
    }

    fn alias(&mut self, name: &str) -> String {
        if self.is_kept(name) { name.to_owned() } else { self.others.alias(&name.to_lowercase()) }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_role(name: &str) -> bool {
    ROLES.contains(&name)
}

impl Redactor {
    pub(super) fn learn_names(&mut self, snapshot: &Snapshot) {
        if let Some(host) = snapshot.node.hostname.get() {
            self.hosts.keep(host);
        }
        for workload in &snapshot.workloads {
            self.hosts.keep(&workload.name);
            workload.service.iter().for_each(|service| self.hosts.keep(service));
            workload
                .networks
                .iter()
                .flat_map(|attachment| &attachment.aliases)
                .for_each(|alias| self.hosts.keep(alias));
        }
        let mut users: Vec<&String> = Vec::new();
        users.extend(snapshot.gateways.iter().filter_map(|gateway| gateway.user.as_ref()));
        users.extend(snapshot.clients.iter().filter_map(|client| client.user.as_ref()));
        users.extend(snapshot.engines.iter().filter_map(|engine| engine.user.as_ref()));
        users.extend(snapshot.node.host.console_user.get());
        users.extend(snapshot.node.host.auto_login.get());
        users.extend(snapshot.maintenance.as_ref().map(|maintenance| &maintenance.by));
        let images = snapshot.image_checks.iter().filter_map(|check| Some(&check.accepted.as_ref()?.by));
        let accepted = snapshot.accepted.get().map(|accepted| &accepted.by);
        // What the daemon accepts by itself it signs with two words.
        users.extend(images.chain(accepted).filter(|by| !by.contains(' ')));
        for user in users {
            self.learn_user(user);
        }
        let homes = snapshot.state_dirs.iter().filter_map(|dir| dir.home.as_deref());
        for path in homes.chain(snapshot.state_dirs.iter().map(|dir| dir.path.as_str())) {
            for base in ["/Users/", "/home/"] {
                let below = path.strip_prefix(base).and_then(|below| below.split('/').next());
                if let Some(name) = below {
                    self.learn_user(name);
                }
            }
        }
        let urls = snapshot.clients.iter().filter_map(|client| client.url.get()).map(|url| url.url.host.as_str());
        let fronts = snapshot.proxies.iter().flat_map(|route| {
            [Some(route.front.host.as_str()), route.upstream.as_ref().map(|upstream| upstream.host.as_str())]
        });
        let leases = snapshot.state_dirs.iter().filter_map(|dir| dir.records.get()?.lease.as_ref()?.host.as_deref());
        let names: Vec<String> = urls.chain(fronts.flatten()).chain(leases).map(str::to_lowercase).collect();
        for name in names {
            let is_name =
                name.parse::<std::net::IpAddr>().is_err() && name.len() >= SHORTEST && !name.contains(['*', '[', ' ']);
            if is_name && !self.hosts.is_kept(&name) {
                self.hosts.others.alias(&name);
                self.hosts.spoken.insert(name);
            }
        }
    }

    fn learn_user(&mut self, name: &str) {
        if self.users.alias(name) != name && name.len() >= SHORTEST {
            self.spoken.insert(name.to_owned());
        }
    }

    /// The hosts of URLs.
    pub(super) fn urls_in(&mut self, text: &str) -> Option<String> {
        super::rewrite(text, |before, rest| {
            let tail = rest.strip_prefix("://").filter(|_| before.is_some_and(|c| c.is_ascii_alphanumeric()))?;
            let lead = run(tail, |c| c == '*').len();
            let lead = if tail.get(lead..)?.starts_with('@') { lead + 1 } else { 0 };
            let host = run(tail.get(lead..)?, |c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
            let is_address = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if host.is_empty() || is_address {
                return None;
            }
            let alias = self.hosts.alias(host);
            let length = 3 + lead + host.len();
            Some((length, format!("{}{alias}", rest.get(..3 + lead)?)))
        })
    }

    /// People and machines in sentences.
    pub(super) fn names_in(&mut self, text: &str) -> Option<String> {
        super::rewrite(text, |before, rest| {
            if !begins_word(before) {
                return None;
            }
            let dotted =
                run(rest, |c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')).trim_end_matches(['.', '-']);
            if before != Some('.') && before != Some('-') {
                let lower = dotted.to_lowercase();
                let is_host = self.hosts.spoken.contains(&lower)
                    || lower.rsplit_once('.').is_some_and(|(name, top)| TOP.contains(&top) && is_host_name(name));
                if is_host && !self.hosts.is_kept(&lower) {
                    return Some((dotted.len(), self.hosts.alias(dotted)));
                }
                if is_host {
                    return Some((dotted.len(), dotted.to_owned()));
                }
            }
            let word = run(rest, |c| c.is_alphanumeric() || c == '_');
            self.spoken.contains(word).then(|| (word.len(), self.users.alias(word)))
        })
    }

    /// Ids of devices, requests and containers.
    pub(super) fn ids_in(&mut self, text: &str) -> Option<String> {
        super::rewrite(text, |before, rest| {
            if !begins_word(before) {
                return None;
            }
            if let Some(digest) = super::secret::digest(rest) {
                return Some(digest);
            }
            let word = run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            let is_digest = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_digest || self.known_ids.contains(word) {
                return Some((word.len(), self.id(word)));
            }
            None
        })
    }
}

/// Whether the part before the last label is one of a host: labels of letters, digits and hyphens, and not only digits.
fn is_host_name(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}
