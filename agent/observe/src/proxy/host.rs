//! Proxies that run on the host, and files of the host and of containers.

use std::fs;
use std::path::{Path, PathBuf};

use portreeve_core::snapshot::{MountKind, Workload};
use portreeve_openclaw::file::{Reader, read_regular};

use super::{File, Files, MAX_FILE_BYTES, Program};
use crate::process::{ProcessEntry, ProcessTable};

/// Most files of a folder that are looked at.
const MAX_LISTED: usize = 1024;

/// Files of the host, as a user of it would read them.
#[derive(Debug)]
pub struct HostFiles {
    reader: Reader,
}

impl HostFiles {
    /// Reads for user `uid`.
    pub fn for_user(uid: u32) -> Self {
        Self { reader: Reader::for_user(uid, None) }
    }
}

impl Files for HostFiles {
    fn read(&self, path: &str) -> Result<File, String> {
        let content =
            self.reader.read_linked(Path::new(path), MAX_FILE_BYTES as u64).map_err(|error| error.to_string())?;
        Ok(File { name: path.to_owned(), text: String::from_utf8_lossy(&content.bytes).into_owned() })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        names(Path::new(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.take(MAX_LISTED).flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Files of a container that are mounted from the host. Places in them name the path on the host.
#[derive(Debug)]
pub struct MountedFiles<'a> {
    workload: &'a Workload,
}

impl<'a> MountedFiles<'a> {
    /// Those of a workload.
    pub fn of(workload: &'a Workload) -> Self {
        Self { workload }
    }

    fn on_host(&self, path: &str) -> Option<PathBuf> {
        let mount = self.workload.mount_of(path).filter(|mount| mount.kind == MountKind::Bind)?;
        let below = path.strip_prefix(mount.target.trim_end_matches('/'))?;
        let source = mount.source.as_deref().filter(|source| source.starts_with('/'))?;
        (!below.split('/').any(|part| part == ".."))
            .then(|| PathBuf::from(format!("{}{below}", source.trim_end_matches('/'))))
    }
}

impl Files for MountedFiles<'_> {
    fn read(&self, path: &str) -> Result<File, String> {
        let host = self.on_host(path).ok_or("it is not mounted from the host")?;
        let content = read_regular(&host, MAX_FILE_BYTES as u64).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&content.bytes).into_owned();
        Ok(File { name: host.to_string_lossy().into_owned(), text })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let folder = folder.trim_end_matches('/');
        let mut found = self.on_host(folder).map(|host| names(&host)).unwrap_or_default();
        // Single files may be mounted into a folder of the image.
        let single = self.workload.mounts.iter().filter_map(|mount| {
            let name = mount.target.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/') && !name.is_empty()).then(|| name.to_owned())
        });
        found.extend(single);
        found
    }
}

/// A proxy that runs on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) program: Program,
    /// Its configuration, where its arguments or its package say.
    pub(super) config: String,
    /// The configuration in place of a file: `caddy reverse-proxy`.
    pub(super) text: Option<String>,
}

/// The proxies among the processes of the host, workers left out.
pub(super) fn running(table: &ProcessTable) -> Vec<Running> {
    let is_proxy = |entry: &&ProcessEntry| program(entry).is_some();
    table
        .entries()
        .iter()
        .filter(|entry| !entry.zombie && !entry.foreign_pidns && entry.foreign_netns.is_none())
        .filter(is_proxy)
        .filter(|entry| table.get(entry.ppid).as_ref().is_none_or(|parent| !is_proxy(parent)))
        .filter_map(|entry| {
            let words = words(entry);
            let program = program(entry)?;
            let text = (program == Program::Caddy).then(|| one_shot(&words)).flatten();
            Some(Running { pid: entry.pid, uid: entry.uid?, program, config: config(program, &words), text })
        })
        .collect()
}

fn program(entry: &ProcessEntry) -> Option<Program> {
    let exe = entry.exe.as_deref()?.file_name()?.to_str()?.trim_end_matches(" (deleted)");
    [Program::Nginx, Program::Caddy].into_iter().find(|program| {
        exe == program.name() || *program == Program::Nginx && matches!(exe, "openresty" | "angie" | "nginx-debug")
    })
}

/// Arguments in words: nginx writes them into its title as one text.
fn words(entry: &ProcessEntry) -> Vec<String> {
    entry.argv.iter().flat_map(|argument| argument.split_whitespace()).take(64).map(str::to_owned).collect()
}

fn option<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(&word.as_str()) {
            return words.get(at + 1).map(String::as_str);
        }
        names.iter().find_map(|name| word.strip_prefix(name)?.strip_prefix('='))
    })
}

fn config(program: Program, words: &[String]) -> String {
    let named = match program {
        Program::Nginx => option(words, &["-c"]),
        Program::Caddy => option(words, &["--config", "-config", "-c"]),
    };
    let prefix = option(words, &["-p"]).filter(|_| program == Program::Nginx);
    match (named, prefix) {
        (Some(path), _) if path.starts_with('/') => path.to_owned(),
        (Some(path), Some(prefix)) => format!("{}/{path}", prefix.trim_end_matches('/')),
        _ => {
            let usual = match program {
                Program::Nginx => ["/opt/homebrew/etc/nginx/nginx.conf", "/usr/local/etc/nginx/nginx.conf"],
                Program::Caddy => ["/opt/homebrew/etc/Caddyfile", "/usr/local/etc/Caddyfile"],
            };
            let default = program.default_config();
            let exists = |path: &&str| Path::new(path).exists();
            [default].into_iter().chain(usual).find(exists).unwrap_or(default).to_owned()
        }
    }
}

/// `caddy reverse-proxy --from :8080 --to gw:18789` as a Caddyfile.
fn one_shot(words: &[String]) -> Option<String> {
    words.iter().find(|word| *word == "reverse-proxy")?;
    let to = option(words, &["--to", "-t"])?;
    let from = option(words, &["--from", "-f"]).unwrap_or("localhost");
    Some(format!("{from} {{\n\treverse_proxy {to}\n}}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, parent: u32, exe: &str, argv: &[&str]) -> ProcessEntry {
        ProcessEntry {
            pid,
            ppid: parent,
            uid: Some(0),
            started_at: None,
            start_raw: None,
            exe: Some(exe.into()),
            comm: "nginx".to_owned(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            stopped: false,
            zombie: false,
            cpu: None,
            foreign_netns: None,
            foreign_pidns: false,
        }
    }

    #[test]
    fn masters_are_found_with_their_configuration_and_workers_are_not() {
        let table: ProcessTable = [
            entry(10, 1, "/usr/sbin/nginx", &["nginx: master process nginx -p /srv -c conf/n.conf", ""]),
            entry(11, 10, "/usr/sbin/nginx", &["nginx: worker process"]),
            entry(12, 1, "/usr/bin/caddy", &["caddy", "run", "--config=/srv/Caddyfile", "--adapter", "caddyfile"]),
            entry(13, 1, "/usr/bin/caddy", &["caddy", "reverse-proxy", "--from", ":8080", "--to", "127.0.0.1:18789"]),
            entry(14, 1, "/usr/bin/node", &["nginx"]),
        ]
        .into_iter()
        .collect();
        let found = running(&table);
        let short: Vec<(u32, &str)> = found.iter().map(|one| (one.pid, one.config.as_str())).collect();
        assert_eq!(short[..2], [(10, "/srv/conf/n.conf"), (12, "/srv/Caddyfile")]);
        assert_eq!(found[2].text.as_deref(), Some(":8080 {\n\treverse_proxy 127.0.0.1:18789\n}\n"));
        assert_eq!(found.len(), 3);
    }
}
