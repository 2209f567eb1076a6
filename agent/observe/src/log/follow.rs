//! Following a log through its rotation.
//!
//! A log is rotated in two ways. It is renamed and a new file takes its name: the open file is read to its end, and kept for a while, since
//! its writer may not know yet. Or it is copied and cut: what was not read yet is in the copy. In both, files between the old and the new
//! one are found by the numbers in their names.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portreeve_core::order::Order as _;

use super::lines::{Lines, Position, SMALL_CHUNK};
use super::open::{Access, open};

/// How long a renamed file is read on after its last line.
const RETIREMENT: Duration = Duration::from_secs(10);
/// Most rotated files that are looked at.
const MAX_ROTATED: usize = 64;
/// Most names of the folder that are looked at.
const MAX_NAMES: usize = 10_000;
/// Most renamed files that are kept open.
const MAX_RETIRED: usize = 4;

/// A log that is read as it grows.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    access: Access,
    current: Option<Lines>,
    /// Where the current file stood after the last look: how it is told whether it was cut since.
    known: Option<Position>,
    retired: Vec<(Lines, Instant)>,
}

impl Follower {
    /// Follows a log from its beginning, or from where somebody ended. A file that is not there yet is waited for.
    pub fn new(path: impl Into<PathBuf>, access: Access) -> Self {
        Self { path: path.into(), access, current: None, known: None, retired: Vec::new() }
    }

    /// Goes on where somebody ended, in whatever file that is by now.
    #[must_use]
    pub fn from(mut self, position: Position) -> Self {
        self.known = Some(position);
        self
    }

    /// Where to go on: after the last line that was handed out.
    pub fn position(&self) -> Option<&Position> {
        self.known.as_ref()
    }

    /// Hands out each complete line that was written since the last look.
    pub fn poll(&mut self, visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for (lines, last) in &mut self.retired {
            if drain(lines, visit)? {
                *last = Instant::now();
            }
        }
        self.retire(visit);
        if let Some(lines) = &mut self.current {
            let is_cut = match &self.known {
                Some(known) => !lines.continues(&Position { offset: lines.end(), ..known.clone() })?,
                None => false,
            };
            if is_cut {
                self.current = None;
            } else {
                drain(lines, visit)?;
            }
        }
        if let Some(next) = self.next()? {
            self.begin(&next, visit)?;
        }
        if let Some(lines) = &self.current {
            let position = lines.position()?;
            self.known = Some(match self.known.take() {
                // A file that is cut at this moment has a shorter beginning; that it was cut must show at the next look.
                Some(known) if known.ino == position.ino && known.head_len > position.head_len => {
                    Position { head_len: known.head_len, head: known.head, ..position }
                }
                _ => position,
            });
        }
        Ok(())
    }

    /// Hands out what a line feed does not end.
    pub fn finish(&mut self, visit: &mut dyn FnMut(&[u8])) {
        for (lines, _) in &mut self.retired {
            lines.rest().map(&mut *visit);
        }
        self.current.as_mut().and_then(Lines::rest).map(visit);
    }

    fn retire(&mut self, visit: &mut dyn FnMut(&[u8])) {
        let surplus = self.retired.len().saturating_sub(MAX_RETIRED);
        let mut index = 0;
        self.retired.retain_mut(|(lines, last)| {
            let stays = index >= surplus && last.elapsed() < RETIREMENT;
            index += 1;
            if !stays {
                lines.rest().map(&mut *visit);
            }
            stays
        });
    }

    /// The newest file, where it is another than the one that is read. Between a rename and the new file it is the renamed one.
    fn next(&self) -> io::Result<Option<PathBuf>> {
        let mut path = self.path.clone();
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(newest) = rotated(&self.path).into_iter().next() else { return Ok(None) };
                path = newest;
                fs::symlink_metadata(&path)?
            }
            metadata => metadata?,
        };
        let is_read =
            self.current.as_ref().is_some_and(|lines| (lines.dev, lines.ino) == (metadata.dev(), metadata.ino()));
        Ok((!is_read).then_some(path))
    }

    /// Takes up the newest file, after those that were rotated away since.
    fn begin(&mut self, newest: &Path, visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut next = Lines::new(open(newest, self.access)?, SMALL_CHUNK)?;
        let mut rotated = rotated(&self.path);
        // Whatever was renamed meanwhile, this file is read once.
        if let Some(own) = rotated.iter().position(|path| is_same(path, &next)) {
            rotated.drain(..=own);
        }
        if let Some(mut lines) = self.current.take() {
            // What was written between the last look and the rename.
            drain(&mut lines, visit)?;
            let own = rotated.iter().position(|path| is_same(path, &lines));
            self.between(rotated.get(..own.unwrap_or(0)).unwrap_or_default(), visit)?;
            self.retired.push((lines, Instant::now()));
            self.known = None;
        } else if let Some(known) = self.known.take() {
            if (next.dev, next.ino) == (known.dev, known.ino) && next.continues(&known)? {
                next.seek(known.offset, known.within_line)?;
            } else if let Some((index, mut lines)) = self.find(&rotated, &known)? {
                lines.seek(known.offset, known.within_line)?;
                drain(&mut lines, visit)?;
                lines.rest().map(&mut *visit);
                self.between(rotated.get(..index).unwrap_or_default(), visit)?;
            }
        }
        drain(&mut next, visit)?;
        self.current = Some(next);
        Ok(())
    }

    /// Reads whole files that came and went since the last look, newest first in the list.
    fn between(&self, newer: &[PathBuf], visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for path in newer.iter().rev() {
            let Ok(file) = open(path, self.access) else { continue };
            let mut lines = Lines::new(file, SMALL_CHUNK)?;
            drain(&mut lines, visit)?;
            lines.rest().map(&mut *visit);
        }
        Ok(())
    }

    /// The rotated file that goes on at a position: the very file, or a copy of it.
    fn find(&self, rotated: &[PathBuf], known: &Position) -> io::Result<Option<(usize, Lines)>> {
        let mut copy = None;
        for (index, path) in rotated.iter().enumerate() {
            let Ok(file) = open(path, self.access) else { continue };
            let lines = Lines::new(file, SMALL_CHUNK)?;
            if !lines.continues(known)? {
                continue;
            }
            if (lines.dev, lines.ino) == (known.dev, known.ino) {
                return Ok(Some((index, lines)));
            }
            copy = copy.or(Some((index, lines)));
        }
        Ok(copy)
    }
}

/// Hands out the complete lines that are there; whether there were any.
fn drain(lines: &mut Lines, visit: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
    let mut any = false;
    while let Some(line) = lines.next_line()? {
        any = true;
        visit(line);
    }
    Ok(any)
}

fn is_same(path: &Path, lines: &Lines) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (lines.dev, lines.ino))
}

/// What a log was rotated to, newest first: `gateway.1.log`, as `OpenClaw` does, and `gateway.log.1`, as logrotate and newsyslog do.
pub(crate) fn rotated(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    let number = |other: &str| -> Option<u32> {
        let inner = other
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'))
            .or_else(|| other.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(end)?.strip_suffix('.'))?;
        inner.parse().ok()
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .take(MAX_NAMES)
        .flatten()
        .filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    numbered.order();
    numbered.truncate(MAX_ROTATED);
    numbered.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;

    struct Log {
        folder: tempfile::TempDir,
        written: Vec<String>,
        seen: Vec<String>,
        follower: Follower,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let follower = Follower::new(folder.path().join("gateway.log"), Access::Named);
            Self { folder, written: Vec::new(), seen: Vec::new(), follower }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn append(&mut self, name: &str, text: &str) {
            let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            self.written.extend(text.lines().map(str::to_owned));
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.path(from), self.path(to)).unwrap();
        }

        fn poll(&mut self) {
            let seen = &mut self.seen;
            self.follower.poll(&mut |line| seen.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        }

        fn check(mut self) {
            self.poll();
            self.poll();
            assert_eq!(self.seen, self.written);
        }

        /// Another process goes on.
        fn restart(&mut self) {
            let position = self.follower.position().unwrap().clone();
            let position = serde_json::from_str(&serde_json::to_string(&position).unwrap()).unwrap();
            self.follower = Follower::new(self.path("gateway.log"), Access::Named).from(position);
        }
    }

    #[test]
    fn a_renamed_file_is_read_to_its_end_first() {
        let mut log = Log::new();
        log.poll();
        log.append("gateway.log", "1\n2\n");
        log.poll();
        log.append("gateway.log", "3\n");
        log.rename("gateway.log", "gateway.1.log");
        log.append("gateway.log", "4\n");
        log.poll();
        log.append("gateway.log", "5\n");
        log.check();
    }

    #[test]
    fn a_writer_that_does_not_know_of_the_rename_loses_nothing() {
        let mut log = Log::new();
        log.append("gateway.log", "1\n");
        log.poll();
        log.rename("gateway.log", "gateway.log.1");
        log.poll();
        log.append("gateway.log", "2\n");
        log.poll();
        log.append("gateway.log.1", "3\n");
        log.poll();
        log.append("gateway.log", "4\n");
        log.check();
    }

    #[test]
    fn several_rotations_between_two_looks_lose_nothing() {
        let mut log = Log::new();
        log.append("gateway.log", "1\n");
        log.poll();
        for line in ["2\n", "3\n", "4\n"] {
            log.append("gateway.log", line);
            for number in (1..4).rev() {
                if log.path(&format!("gateway.{number}.log")).exists() {
                    log.rename(&format!("gateway.{number}.log"), &format!("gateway.{}.log", number + 1));
                }
            }
            log.rename("gateway.log", "gateway.1.log");
        }
        log.append("gateway.log", "5\n");
        log.check();
    }

    #[test]
    fn a_writer_that_leaves_no_new_file_loses_nothing() {
        let mut log = Log::new();
        log.append("gateway.log", "1\n");
        log.poll();
        log.rename("gateway.log", "gateway.log.2");
        log.append("gateway.log", "2\n");
        log.rename("gateway.log", "gateway.log.1");
        log.poll();
        assert_eq!(log.seen.len(), 2);
        log.rename("gateway.log.2", "gateway.log.3");
        log.rename("gateway.log.1", "gateway.log.2");
        log.append("gateway.log", "3\n");
        log.check();
    }

    #[test]
    fn what_was_cut_is_read_from_its_copy() {
        let mut log = Log::new();
        log.append("gateway.log", "the first line\n");
        log.poll();
        log.append("gateway.log", "2\n");
        fs::copy(log.path("gateway.log"), log.path("gateway.log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(log.path("gateway.log")).unwrap();
        log.append("gateway.log", "another beginning, and longer than what was there\n");
        log.poll();
        log.append("gateway.log", "4\n");
        log.check();
    }

    #[test]
    fn another_process_goes_on_where_one_ended() {
        let mut log = Log::new();
        log.append("gateway.log", "1\n2\n");
        log.poll();
        log.restart();
        log.append("gateway.log", "3\n");
        log.poll();
        log.append("gateway.log", "4\n");
        log.rename("gateway.log", "gateway.log.1");
        log.append("gateway.log", "5\n");
        log.restart();
        log.poll();
        log.append("gateway.log", "6\n");
        log.rename("gateway.log.1", "gateway.log.2");
        fs::copy(log.path("gateway.log"), log.path("gateway.log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(log.path("gateway.log")).unwrap();
        log.restart();
        log.append("gateway.log", "7\n");
        log.check();
    }

    #[test]
    fn a_torn_line_is_handed_out_once_and_whole() {
        let mut log = Log::new();
        log.append("gateway.log", "1\n");
        for part in ["a", "b", "c\n"] {
            fs::OpenOptions::new()
                .append(true)
                .open(log.path("gateway.log"))
                .unwrap()
                .write_all(part.as_bytes())
                .unwrap();
            log.poll();
        }
        log.written.push("abc".to_owned());
        log.check();
    }

    #[test]
    fn neither_links_nor_pipes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(Follower::new(&pipe, Access::Named).poll(&mut |_| ()).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        assert!(Follower::new(&link, Access::Of(uid)).poll(&mut |_| ()).is_err());
    }
}
