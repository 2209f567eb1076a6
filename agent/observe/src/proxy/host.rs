//! Proxies that run on the host, and files of the host and of containers.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use portreeve_core::snapshot::{MountKind, Workload};
use portreeve_openclaw::file::Reader;

use super::{File, Files, MAX_FILE_BYTES, Parsed, Program, parse, parse_text};
use crate::deadline::within;
use crate::engine::line;
use crate::process::{ProcessEntry, ProcessTable};

/// Longest path that is shown, in bytes.
pub(super) const MAX_SHOWN: usize = 300;
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

/// Files of a container that are mounted from the host, as the user of its engine would read them. Places in them name the path on the host.
#[derive(Debug)]
pub struct MountedFiles<'a> {
    workload: &'a Workload,
    owner: Option<u32>,
}

/// A path on the host, and the user for whom it is read.
struct OnHost {
    path: PathBuf,
    reader: Option<Reader>,
}

impl<'a> MountedFiles<'a> {
    /// Those of a workload on the engine of user `owner`. Where nobody knows whose it is, none is read.
    pub fn of(workload: &'a Workload, owner: Option<u32>) -> Self {
        Self { workload, owner }
    }

    fn on_host(&self, path: &str) -> Option<OnHost> {
        let mount = self.workload.mount_of(path).filter(|mount| mount.kind == MountKind::Bind)?;
        let below = path.strip_prefix(mount.target.trim_end_matches('/'))?;
        let source = mount.source.as_deref().filter(|source| source.starts_with('/'))?;
        let path = PathBuf::from(format!("{}{below}", source.trim_end_matches('/')));
        let reader = reader(self.owner, Path::new(source));
        (!below.split('/').any(|part| part == "..")).then_some(OnHost { path, reader })
    }
}

/// Reads as the user whose engine names what is mounted; an engine of root's may name what belongs to others, and their files are read as
/// they would.
fn reader(owner: Option<u32>, source: &Path) -> Option<Reader> {
    let agent = nix::unistd::geteuid().as_raw();
    let uid = match owner? {
        0 => fs::symlink_metadata(source).ok()?.uid(),
        owner if agent == 0 || agent == owner => owner,
        _ => return None,
    };
    Some(Reader::for_user(uid, None))
}

impl Files for MountedFiles<'_> {
    fn read(&self, path: &str) -> Result<File, String> {
        let host = self.on_host(path).ok_or("it is not mounted from the host")?;
        let reader =
            host.reader.ok_or("it is mounted from the host by an engine that another user may have started")?;
        let content = reader.read(&host.path, MAX_FILE_BYTES as u64).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&content.bytes).into_owned();
        Ok(File { name: host.path.to_string_lossy().into_owned(), text })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let folder = folder.trim_end_matches('/');
        let mut found =
            self.on_host(folder).filter(|host| host.reader.is_some()).map(|host| names(&host.path)).unwrap_or_default();
        // Single files may be mounted into a folder of the image.
        let single = self.workload.mounts.iter().filter_map(|mount| {
            let name = mount.target.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/') && !name.is_empty()).then(|| name.to_owned())
        });
        found.extend(single);
        found
    }
}

/// What comes of it in time: a file on a dead mount never answers.
pub(super) async fn in_time<T: Send + 'static>(
    until: Instant,
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err("the time was up".to_owned());
    }
    match tokio::task::spawn_blocking(move || within(left, read)).await {
        Ok(read) => read.map_err(|overdue| format!("its files were not read: {overdue}")),
        Err(error) => Err(error.to_string()),
    }
}

/// A proxy that runs on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) program: Program,
    /// Its configuration, where its arguments say.
    named: Option<String>,
    /// The configuration in place of a file: `caddy reverse-proxy`.
    text: Option<String>,
}

impl Running {
    /// Its configuration, where its arguments or its package say.
    fn config(&self) -> &str {
        let usual = match self.program {
            Program::Nginx => ["/opt/homebrew/etc/nginx/nginx.conf", "/usr/local/etc/nginx/nginx.conf"],
            Program::Caddy => ["/opt/homebrew/etc/Caddyfile", "/usr/local/etc/Caddyfile"],
        };
        let default = self.program.default_config();
        let exists = |path: &&str| Path::new(path).exists();
        self.named.as_deref().unwrap_or_else(|| [default].into_iter().chain(usual).find(exists).unwrap_or(default))
    }

    /// What its configuration says.
    pub(super) fn parse(&self) -> Parsed {
        match &self.text {
            Some(text) => parse_text(self.program, "arguments", text),
            None => parse(self.program, self.config(), None, &HostFiles::for_user(self.uid)),
        }
    }

    /// What is looked at, for people.
    pub(super) fn what(&self) -> String {
        let what = format!("configuration of {} (pid {})", self.program.name(), self.pid);
        match &self.named {
            Some(path) => format!("{what}, `{}`", line(path, MAX_SHOWN)),
            None => what,
        }
    }
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
            Some(Running { pid: entry.pid, uid: entry.uid?, program, named: named(program, &words), text })
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

fn named(program: Program, words: &[String]) -> Option<String> {
    let named = match program {
        Program::Nginx => option(words, &["-c"]),
        Program::Caddy => option(words, &["--config", "-config", "-c"]),
    };
    let prefix = option(words, &["-p"]).filter(|_| program == Program::Nginx);
    match (named, prefix) {
        (Some(path), _) if path.starts_with('/') => Some(path.to_owned()),
        (Some(path), Some(prefix)) => Some(format!("{}/{path}", prefix.trim_end_matches('/'))),
        _ => None,
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
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use portreeve_core::snapshot::Mount;

    use super::*;
    use crate::engine::test_workload;

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
        let short: Vec<(u32, &str)> = found.iter().map(|one| (one.pid, one.named.as_deref().unwrap_or(""))).collect();
        assert_eq!(short, [(10, "/srv/conf/n.conf"), (12, "/srv/Caddyfile"), (13, "")]);
        assert_eq!(found[0].what(), "configuration of nginx (pid 10), `/srv/conf/n.conf`");
        assert_eq!(found[2].text.as_deref(), Some(":8080 {\n\treverse_proxy 127.0.0.1:18789\n}\n"));
    }

    #[tokio::test]
    async fn files_that_never_answer_end_with_their_time() {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let begun = Instant::now();
        let silent = in_time(begun + Duration::from_millis(50), move || released.recv()).await.unwrap_err();
        assert!(silent.contains("no answer within") && begun.elapsed() < Duration::from_secs(5), "{silent}");
        drop(release);
        assert_eq!(in_time(begun, || 7).await.unwrap_err(), "the time was up");
        assert_eq!(in_time(Instant::now() + Duration::from_secs(10), || 7).await.unwrap(), 7);
    }

    #[test]
    fn what_is_mounted_is_read_as_the_user_of_the_engine() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Caddyfile");
        fs::write(&file, "a {\n}\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let mut workload = test_workload("web", &portreeve_facts::workload::Definition::default());
        workload.mounts = vec![Mount {
            kind: MountKind::Bind,
            source: Some(dir.path().to_string_lossy().into_owned()),
            target: "/etc/caddy".to_owned(),
            read_only: true,
            propagation: None,
            key: String::new(),
        }];
        let read = |owner: Option<u32>| MountedFiles::of(&workload, owner).read("/etc/caddy/Caddyfile");
        let listed = |owner: Option<u32>| MountedFiles::of(&workload, owner).list("/etc/caddy");
        let agent = nix::unistd::geteuid().as_raw();
        assert_eq!(read(Some(agent)).unwrap().name, file.to_string_lossy());
        assert_eq!(read(Some(0)).unwrap().text, "a {\n}\n");
        assert!(read(None).unwrap_err().contains("another user") && listed(None).is_empty());
        assert!(read(Some(agent + 1)).is_err());
        assert_eq!(listed(Some(agent)), ["Caddyfile"]);
    }
}
