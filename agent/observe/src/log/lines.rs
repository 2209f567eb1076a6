//! A log file line by line, of any size in bounded memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};

use portreeve_openclaw::log::MAX_LINE_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes that are read at once.
pub(crate) const CHUNK: usize = 1 << 20;
/// Bytes at once where many files are read together.
pub(crate) const SMALL_CHUNK: usize = 192 << 10;
/// Bytes at the beginning of a file by which it is known again.
const HEAD: usize = 1_024;

/// How far a file was read, so that another process can go on there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Device of the file.
    pub dev: u64,
    /// Inode of the file.
    pub ino: u64,
    /// Where the first line begins that was not handed out.
    pub offset: u64,
    /// Whether the rest of a line that was cut is still to be passed over.
    pub within_line: bool,
    /// Bytes of the beginning that [`Self::head`] is made of.
    pub head_len: usize,
    /// SHA-256 of the beginning, in hex.
    pub head: String,
}

/// An open log file. Lines that are longer than what is looked at are cut.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    buffer: Vec<u8>,
    /// What of the buffer is read and not handed out.
    from: usize,
    to: usize,
    /// Where in the file the first byte that is not handed out stands.
    offset: u64,
    /// Where reading ends, however much is written meanwhile.
    limit: Option<u64>,
    within_line: bool,
    /// Lines that were cut.
    pub(crate) cut: u64,
}

impl Lines {
    /// Reads from the beginning.
    pub(crate) fn new(file: File, chunk: usize) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            file,
            dev: metadata.dev(),
            ino: metadata.ino(),
            buffer: vec![0; chunk.max(2 * MAX_LINE_BYTES)],
            from: 0,
            to: 0,
            offset: 0,
            limit: None,
            within_line: false,
            cut: 0,
        })
    }

    /// Reads no further than the file is long now, or than its last complete line ends.
    pub(crate) fn limited(mut self, whole_lines: bool) -> io::Result<Self> {
        let len = self.file.metadata()?.len();
        self.limit = Some(if whole_lines { self.last_line_end(len)? } else { len });
        Ok(self)
    }

    /// Where the last complete line ends. A torn line that is longer than what is looked at counts as complete.
    fn last_line_end(&self, len: u64) -> io::Result<u64> {
        let mut tail = vec![0; MAX_LINE_BYTES];
        let from = len.saturating_sub(tail.len() as u64);
        let mut filled = 0;
        while let Some(free) = tail.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.file.read_at(free, from + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        let end = tail.get(..filled).and_then(|tail| memchr::memrchr(b'\n', tail)).map(|at| from + at as u64 + 1);
        Ok(end.unwrap_or(if from == 0 { 0 } else { len }))
    }

    /// Where another process can go on that reads what was written after the limit.
    pub(crate) fn limit_position(&self) -> io::Result<Option<Position>> {
        let position = self.position()?;
        Ok(self.limit.map(|offset| Position { offset, within_line: false, ..position }))
    }

    /// Goes on at an offset at which a line begins, or the rest of one.
    pub(crate) fn seek(&mut self, offset: u64, within_line: bool) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        (self.from, self.to, self.offset, self.within_line) = (0, 0, offset, within_line);
        Ok(())
    }

    /// Bytes of the file that were read, handed out or not.
    pub(crate) fn end(&self) -> u64 {
        self.offset + (self.to - self.from) as u64
    }

    /// The next complete line without its line feed; `None` where no more is there now.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let mut looked_at = self.from;
        loop {
            let unseen = self.buffer.get(looked_at..self.to).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unseen) {
                let (from, end) = (self.from, looked_at + found);
                self.advance(end + 1);
                looked_at = self.from;
                if std::mem::take(&mut self.within_line) {
                    continue;
                }
                let end = end.min(from + MAX_LINE_BYTES);
                return Ok(self.buffer.get(from..end));
            }
            if self.within_line {
                self.advance(self.to);
            } else if self.to - self.from > MAX_LINE_BYTES {
                let from = self.from;
                self.advance(self.to);
                self.within_line = true;
                self.cut += 1;
                return Ok(self.buffer.get(from..from + MAX_LINE_BYTES));
            }
            looked_at = self.to - self.from;
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The last line, which no line feed ends.
    pub(crate) fn rest(&mut self) -> Option<&[u8]> {
        let from = self.from;
        let end = self.to.min(from + MAX_LINE_BYTES);
        self.advance(self.to);
        let within_line = std::mem::take(&mut self.within_line);
        self.buffer.get(from..end).filter(|line| !line.is_empty() && !within_line)
    }

    fn advance(&mut self, to: usize) {
        self.offset += (to - self.from) as u64;
        self.from = to;
    }

    /// Moves what is left to the front and reads behind it; whether anything came.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        let room = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.end()));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(self.buffer.len() - self.to);
        let Some(free) = self.buffer.get_mut(self.to..self.to + room) else { return Ok(false) };
        let read = loop {
            match self.file.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.to += read;
        Ok(read > 0)
    }

    /// Where another process can go on.
    pub(crate) fn position(&self) -> io::Result<Position> {
        let (head_len, head) = self.head(HEAD)?;
        Ok(Position {
            dev: self.dev,
            ino: self.ino,
            offset: self.offset,
            within_line: self.within_line,
            head_len,
            head,
        })
    }

    /// Whether this is the file of the position, or a copy of it: as long at least, with the same beginning.
    pub(crate) fn continues(&self, position: &Position) -> io::Result<bool> {
        let long_enough = self.file.metadata()?.len() >= position.offset;
        Ok(long_enough && self.head(position.head_len)? == (position.head_len, position.head.clone()))
    }

    /// Length and hash of the beginning, of at most so many bytes.
    fn head(&self, most: usize) -> io::Result<(usize, String)> {
        let mut head = [0; HEAD];
        let mut len = 0;
        while let Some(free) = head.get_mut(len..most.min(HEAD)).filter(|free| !free.is_empty()) {
            match self.file.read_at(free, len as u64)? {
                0 => break,
                read => len += read,
            }
        }
        let digest = Sha256::digest(head.get(..len).unwrap_or_default());
        let hex = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Ok((len, hex))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8]) -> Lines {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Lines::new(file, 0).unwrap()
    }

    fn all(mut lines: Lines) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(line.to_vec());
        }
        all.extend(lines.rest().map(<[u8]>::to_vec));
        all
    }

    #[test]
    fn a_torn_line_waits_until_it_is_whole() {
        let mut lines = lines(b"one\ntw");
        assert_eq!(lines.next_line().unwrap(), Some(&b"one"[..]));
        assert_eq!(lines.next_line().unwrap(), None);
        assert_eq!((lines.position().unwrap().offset, lines.end()), (4, 6));
        lines.file.write_all(b"o\n").unwrap();
        lines.file.seek(SeekFrom::Start(6)).unwrap();
        assert_eq!(lines.next_line().unwrap(), Some(&b"two"[..]));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_long_line_is_cut_and_its_rest_passed_over() {
        let long = vec![b'x'; 5 * MAX_LINE_BYTES];
        let mut lines = lines(&[b"a\n", &long[..], b"\nb\n"].concat());
        assert_eq!(lines.next_line().unwrap(), Some(&b"a"[..]));
        assert_eq!(lines.next_line().unwrap().unwrap().len(), MAX_LINE_BYTES);
        let position = lines.position().unwrap();
        assert!(position.within_line);
        assert_eq!(lines.next_line().unwrap(), Some(&b"b"[..]));
        assert_eq!(lines.cut, 1);
        lines.seek(position.offset, position.within_line).unwrap();
        assert_eq!(lines.next_line().unwrap(), Some(&b"b"[..]));
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        let position = lines(b"one\ntwo\n").position().unwrap();
        assert!(lines(b"one\ntwo\nthree\n").continues(&position).unwrap());
        assert!(!lines(b"One\ntwo\nthree\n").continues(&position).unwrap());
        assert!(!lines(b"one\n").continues(&Position { offset: 8, ..position }).unwrap());
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_split(text in "[a\n]{0,200}", long in 0_usize..400_000) {
            let bytes = [text.as_bytes(), &vec![b'y'; long], b"\n", text.as_bytes()].concat();
            let mut expected: Vec<Vec<u8>> =
                bytes.split(|byte| *byte == b'\n').map(|line| line[..line.len().min(MAX_LINE_BYTES)].to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(all(lines(&bytes)), expected);
        }
    }
}
