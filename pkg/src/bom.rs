//! Bills of materials: the list of a package's paths with modes, owners, sizes and checksums, which `lsbom` prints and the receipt keeps.
//!
//! A store of numbered blocks (big-endian throughout). The 512-byte header points to the table of blocks and to five named ones:
//!
//! | name | block |
//! |---|---|
//! | `BomInfo` | number of paths, bytes of all files |
//! | `Paths` | a tree whose leaves hold, sorted by folder and name, pairs of blocks: path number with its record, and folder number with the name |
//! | `HLIndex`, `VIndex`, `Size64` | trees of hard links, of variants and of sizes beyond 32 bits: empty here |
//!
//! The format is Apple's and undocumented; this follows what its tools write. Checksums are those of POSIX `cksum`.

use std::collections::BTreeMap;

use crate::tree::Tree;

/// What a bill of materials cannot hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BomError {
    /// A number of more than 32 bits.
    #[error("`{what}` does not fit into 32 bits")]
    TooLarge {
        /// Which one.
        what: &'static str,
    },
}

const HEADER: usize = 512;
const LEAF: usize = 4096;
/// Of a leaf: its own 12 bytes, then 8 for each path.
const PATHS_IN_A_LEAF: usize = (LEAF - 12) / 8;

fn number(value: usize, what: &'static str) -> Result<u32, BomError> {
    u32::try_from(value).map_err(|_| BomError::TooLarge { what })
}

/// Blocks by their number; number 0 is no block.
#[derive(Default)]
struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    fn add(&mut self, block: Vec<u8>) -> Result<u32, BomError> {
        self.0.push(block);
        number(self.0.len(), "blocks")
    }

    fn next(&self) -> Result<u32, BomError> {
        number(self.0.len() + 1, "blocks")
    }

    fn tree(&mut self, root: u32, block_size: u32, paths: u32) -> Result<u32, BomError> {
        let mut block = b"tree".to_vec();
        for value in [1, root, block_size, paths] {
            block.extend_from_slice(&value.to_be_bytes());
        }
        block.push(0);
        self.add(block)
    }

    fn empty_tree(&mut self, block_size: u32) -> Result<u32, BomError> {
        let leaf = self.add(node(true, 0, 0, &[], block_size as usize))?;
        self.tree(leaf, block_size, 0)
    }
}

fn node(is_leaf: bool, next: u32, previous: u32, pairs: &[(u32, u32)], size: usize) -> Vec<u8> {
    let mut block = u16::from(is_leaf).to_be_bytes().to_vec();
    // At most `PATHS_IN_A_LEAF`.
    block.extend_from_slice(&u16::try_from(pairs.len()).unwrap_or(u16::MAX).to_be_bytes());
    block.extend_from_slice(&next.to_be_bytes());
    block.extend_from_slice(&previous.to_be_bytes());
    for (first, second) in pairs {
        block.extend_from_slice(&first.to_be_bytes());
        block.extend_from_slice(&second.to_be_bytes());
    }
    block.resize(size.max(block.len()), 0);
    block
}

/// Lists `tree` with owner and group 0; every path has the time `epoch` (seconds since 1970).
pub fn list(tree: &Tree, epoch: u32) -> Result<Vec<u8>, BomError> {
    // Numbered folder by folder, so that sorting by folder and name is sorting by number.
    let mut entries: Vec<_> = tree.entries().collect();
    entries.sort_by_key(|entry| (depth(entry.path), entry.path));
    let numbers: BTreeMap<&str, u32> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| Ok((entry.path, number(index + 1, "paths")?)))
        .collect::<Result<_, BomError>>()?;

    let mut blocks = Blocks::default();
    let total = number(tree.size(), "size of all files")?;
    let mut info = Vec::new();
    for value in [1, number(entries.len() + 1, "paths")?, 1, 0, 0, total, 0] {
        info.extend_from_slice(&value.to_be_bytes());
    }
    let info = blocks.add(info)?;

    let mut keyed = Vec::with_capacity(entries.len());
    for entry in &entries {
        let (folder, name) = match entry.path.rsplit_once('/') {
            Some((folder, name)) => (numbers.get(folder).copied().unwrap_or(1), name),
            None if entry.path.is_empty() => (0, "."),
            None => (1, entry.path),
        };
        let own = numbers.get(entry.path).copied().unwrap_or(1);
        let mut record = vec![if entry.content.is_some() { 1 } else { 2 }, 1];
        // 15: no program for one processor only.
        record.extend_from_slice(&15_u16.to_be_bytes());
        record.extend_from_slice(&entry.full_mode().to_be_bytes());
        for value in [0, 0, epoch, number(entry.size(), "size of a file")?] {
            record.extend_from_slice(&u32::to_be_bytes(value));
        }
        record.push(1);
        record.extend_from_slice(&entry.content.map_or(0, cksum).to_be_bytes());
        record.extend_from_slice(&0_u32.to_be_bytes());
        let record = blocks.add(record)?;
        let mut index = own.to_be_bytes().to_vec();
        index.extend_from_slice(&record.to_be_bytes());
        let index = blocks.add(index)?;
        let mut file = folder.to_be_bytes().to_vec();
        file.extend_from_slice(name.as_bytes());
        file.push(0);
        keyed.push(((folder, name), (index, blocks.add(file)?)));
    }
    keyed.sort_unstable();
    let pairs: Vec<(u32, u32)> = keyed.into_iter().map(|(_, pair)| pair).collect();

    let leaves: Vec<&[(u32, u32)]> = pairs.chunks(PATHS_IN_A_LEAF).collect();
    let first = blocks.next()?;
    let mut branch = Vec::with_capacity(leaves.len());
    for (index, leaf) in leaves.iter().enumerate() {
        let own = blocks.next()?;
        let next = if index + 1 < leaves.len() { own + 1 } else { 0 };
        let previous = if index > 0 { own - 1 } else { 0 };
        blocks.add(node(true, next, previous, leaf, LEAF))?;
        branch.push((own, leaf.last().map_or(0, |pair| pair.1)));
    }
    let root = if branch.len() > 1 { blocks.add(node(false, 0, 0, &branch, LEAF))? } else { first };
    let paths = blocks.tree(root, 4096, number(pairs.len(), "paths")?)?;
    let links = blocks.empty_tree(4096)?;
    let mut variants = 1_u32.to_be_bytes().to_vec();
    variants.extend_from_slice(&blocks.empty_tree(128)?.to_be_bytes());
    variants.extend_from_slice(&[0; 5]);
    let variants = blocks.add(variants)?;
    let sizes = blocks.empty_tree(4096)?;

    store(&blocks, &[("BomInfo", info), ("Paths", paths), ("HLIndex", links), ("VIndex", variants), ("Size64", sizes)])
}

fn depth(path: &str) -> usize {
    if path.is_empty() { 0 } else { path.split('/').count() }
}

fn store(blocks: &Blocks, names: &[(&str, u32)]) -> Result<Vec<u8>, BomError> {
    let mut body = Vec::new();
    // Number 0, which is no block.
    let mut table = vec![0; 8];
    for block in &blocks.0 {
        table.extend_from_slice(&number(HEADER + body.len(), "offset")?.to_be_bytes());
        table.extend_from_slice(&number(block.len(), "length")?.to_be_bytes());
        body.extend_from_slice(block);
    }
    let mut index = number(blocks.0.len() + 1, "blocks")?.to_be_bytes().to_vec();
    index.append(&mut table);
    // No free ones: their number, and the two empty entries that Apple's tools leave.
    index.extend_from_slice(&2_u32.to_be_bytes());
    index.extend_from_slice(&[0; 16]);

    let mut variables = number(names.len(), "variables")?.to_be_bytes().to_vec();
    for (name, block) in names {
        variables.extend_from_slice(&block.to_be_bytes());
        variables.push(u8::try_from(name.len()).map_err(|_| BomError::TooLarge { what: "name" })?);
        variables.extend_from_slice(name.as_bytes());
    }

    let variables_at = HEADER + body.len();
    let index_at = variables_at + variables.len();
    let mut out = b"BOMStore".to_vec();
    for value in [1, blocks.0.len(), index_at, index.len(), variables_at, variables.len()] {
        out.extend_from_slice(&number(value, "offset")?.to_be_bytes());
    }
    out.resize(HEADER, 0);
    out.append(&mut body);
    out.append(&mut variables);
    out.append(&mut index);
    Ok(out)
}

/// The checksum of POSIX `cksum(1)`.
pub fn cksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: u8| {
        let [high, ..] = crc.to_be_bytes();
        (crc << 8) ^ TABLE.get(usize::from(high ^ byte)).copied().unwrap_or_default()
    };
    let mut crc = bytes.iter().fold(0, |crc, byte| step(crc, *byte));
    let mut length = bytes.len();
    while length > 0 {
        let [low, ..] = length.to_le_bytes();
        crc = step(crc, low);
        length >>= 8;
    }
    !crc
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_cksum() {
        // Of `printf '' | cksum`, `printf '123456789' | cksum`; the first one stands in Apple's own lists, too.
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }

    #[test]
    fn more_paths_than_a_leaf_holds_make_a_chain() {
        let mut tree = Tree::default();
        for index in 0..1200 {
            tree.file(&format!("folder/file{index}"), 0o644, vec![]).unwrap();
        }
        let bytes = list(&tree, 0).unwrap();
        assert_eq!(bytes.get(..8).unwrap(), b"BOMStore");
        let leaves = bytes.windows(4).filter(|window| *window == [0, 1, 1, 254]).count();
        assert_eq!(leaves, 2, "two full leaves of 510 paths, and one with the rest");
    }
}
