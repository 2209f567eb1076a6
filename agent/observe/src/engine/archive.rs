//! Files of containers, which the engine gives as tar archives: of its image, its own layer and its volumes alike.
//!
//! The engine resolves a path within the container, so that no link leads out of it. It does not follow the last link of a path; that is
//! done here, for a few steps.

use std::time::Instant;

use super::client::{Client, segment};
use super::error::EngineError;

/// Bytes of a block of an archive.
const BLOCK: usize = 512;
/// Most bytes of an archive that are read.
const MAX_ARCHIVE: usize = 2 << 20;
/// Most links that are followed.
const MAX_LINKS: usize = 8;
/// Most entries of an archive that are looked at.
const MAX_ENTRIES: usize = 2_048;

/// What an archive holds under one name.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    name: String,
    kind: Kind<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    File(&'a [u8]),
    Link(String),
    Folder,
    Other,
}

/// What lies at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A plain file.
    File(Vec<u8>),
    /// A folder, with the names of what is in it, as far as the bounds let it be read.
    Folder(Vec<String>),
}

/// Reads a plain file, or the names in a folder. Errors are told in words: they are shown.
pub(crate) async fn read(client: &Client, container: &str, path: &str, until: Instant) -> Result<Found, String> {
    let mut path = path.to_owned();
    for _ in 0..=MAX_LINKS {
        let query = format!("/containers/{}/archive?path={}", segment(container), segment(&path));
        let (archive, whole) = client.call_partly(&query, MAX_ARCHIVE, until).await.map_err(|error| words(&error))?;
        let entries = entries(&archive);
        let Some(first) = entries.first() else { return Err("it is larger than what is read".to_owned()) };
        match &first.kind {
            Kind::File(content) => return Ok(Found::File(content.to_vec())),
            Kind::Link(target) => path = followed(&path, target),
            Kind::Folder => return Ok(Found::Folder(names(&entries))),
            Kind::Other if whole => return Err("it is no plain file".to_owned()),
            Kind::Other => return Err("it is larger than what is read".to_owned()),
        }
    }
    Err("too many links".to_owned())
}

fn words(error: &EngineError) -> String {
    if error.is_not_found() { "no such file in the container".to_owned() } else { error.sentence() }
}

/// Where a link in the folder of `path` leads; above the root there is nothing.
fn followed(path: &str, target: &str) -> String {
    let folder = path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    let from = if target.starts_with('/') { "" } else { folder };
    for part in from.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The names directly below the first entry, which is the folder itself.
fn names(entries: &[Entry<'_>]) -> Vec<String> {
    let Some((first, rest)) = entries.split_first() else { return Vec::new() };
    let below = rest.iter().filter_map(|entry| {
        let name = entry.name.strip_prefix(first.name.trim_end_matches('/'))?.strip_prefix('/')?;
        let is_there = !name.is_empty() && !name.contains('/') && matches!(entry.kind, Kind::File(_) | Kind::Link(_));
        is_there.then(|| name.to_owned())
    });
    below.collect()
}

/// The entries of an archive (ustar, as Docker writes it), as far as it is whole. Those that only extend others are passed over.
fn entries(mut archive: &[u8]) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    while found.len() < MAX_ENTRIES {
        let Some((header, rest)) = archive.split_at_checked(BLOCK) else { break };
        let Some(size) = octal(header, 124, 12) else { break };
        if header.first() == Some(&0) {
            break;
        }
        let kind = header.get(156).copied().unwrap_or_default();
        let Some(content) = rest.get(..size) else { break };
        let text = |at: usize, length: usize| text(header, at, length);
        let entry = match kind {
            b'0' | 0 => Some(Kind::File(content)),
            b'2' => Some(Kind::Link(text(157, 100))),
            b'5' => Some(Kind::Folder),
            b'x' | b'g' | b'L' | b'K' => None,
            _ => Some(Kind::Other),
        };
        if let Some(kind) = entry {
            let (name, prefix) = (text(0, 100), text(345, 155));
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            found.push(Entry { name, kind });
        }
        let Some(next) = size.checked_next_multiple_of(BLOCK).and_then(|size| rest.get(size..)) else { break };
        archive = next;
    }
    found
}

fn text(header: &[u8], at: usize, length: usize) -> String {
    let field = header.get(at..at + length).unwrap_or_default();
    let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

fn octal(header: &[u8], at: usize, length: usize) -> Option<usize> {
    let text = text(header, at, length);
    let digits = text.trim_matches(|c: char| c == ' ' || c == '\0');
    if digits.is_empty() { Some(0) } else { usize::from_str_radix(digits, 8).ok() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// An archive as the system's tar makes it.
    fn archive(make: impl FnOnce(&std::path::Path), name: &str) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let output =
            Command::new("tar").args(["--format=ustar", "-cf", "-", "-C"]).arg(dir.path()).arg(name).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn a_file_a_link_and_a_folder_are_told_apart() {
        let content = "x".repeat(1_000);
        let file = archive(|dir| std::fs::write(dir.join("nginx.conf"), &content).unwrap(), "nginx.conf");
        assert_eq!(entries(&file)[0].kind, Kind::File(content.as_bytes()));
        let link = archive(|dir| symlink("../a/b", dir.join("link")).unwrap(), "link");
        assert_eq!(entries(&link)[0].kind, Kind::Link("../a/b".to_owned()));
        let folder = archive(
            |dir| {
                std::fs::create_dir_all(dir.join("conf.d/below")).unwrap();
                for name in ["conf.d/a.conf", "conf.d/b.conf", "conf.d/below/c.conf"] {
                    std::fs::write(dir.join(name), name).unwrap();
                }
            },
            "conf.d",
        );
        let mut names = names(&entries(&folder));
        names.sort();
        assert_eq!(names, ["a.conf", "b.conf"]);
        let fifo = archive(
            |dir| {
                nix::unistd::mkfifo(&dir.join("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
            },
            "fifo",
        );
        assert_eq!(entries(&fifo)[0].kind, Kind::Other);
    }

    #[test]
    fn what_is_cut_off_is_not_taken() {
        let file = archive(|dir| std::fs::write(dir.join("a"), "x".repeat(3_000)).unwrap(), "a");
        assert!(entries(&file[..2_000]).is_empty() && entries(&[]).is_empty());
    }

    #[test]
    fn links_stay_in_the_container() {
        for (path, target, expected) in [
            ("/etc/nginx/nginx.conf", "/srv/n.conf", "/srv/n.conf"),
            ("/etc/nginx/nginx.conf", "n.conf", "/etc/nginx/n.conf"),
            ("/etc/nginx/nginx.conf", "../../../../etc/shadow", "/etc/shadow"),
            ("/a", "b/./c", "/b/c"),
        ] {
            assert_eq!(followed(path, target), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), size in "[0-7 ]{12}") {
            let mut archive = vec![b'a'; BLOCK];
            archive[124..136].copy_from_slice(size.as_bytes());
            archive.extend(bytes);
            names(&entries(&archive));
        }
    }
}
