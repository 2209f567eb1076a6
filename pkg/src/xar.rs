//! xar archives: a 28-byte header, a table of contents in compressed XML, and the heap with the files.
//!
//! The heap starts with the SHA-1 of the compressed table; its place, not the table's own text, is what a signature covers. SHA-1 is what
//! Apple's `productbuild` writes and what every installer since 10.5 reads; it finds damage, and what must withstand an attacker is the
//! signature that `productsign` adds.

use jiff::Timestamp;
use quick_xml::escape::escape;
use sha1::{Digest as _, Sha1};

const MAGIC: &[u8; 4] = b"xar!";
const HEADER: u16 = 28;
const SHA1: u32 = 1;
const SHA1_BYTES: u64 = 20;

/// What could not be archived.
#[derive(Debug, thiserror::Error)]
pub enum XarError {
    /// Compressing the table failed.
    #[error("the table of contents cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// The time is none.
    #[error("{epoch} s since 1970 is no time")]
    Time {
        /// As given.
        epoch: u32,
        /// Why.
        #[source]
        source: jiff::Error,
    },
}

/// A file or a folder of the archive.
#[derive(Debug, Clone)]
pub enum Member {
    /// Stored as it is.
    File {
        /// Without its folder.
        name: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// With what is in it.
    Folder {
        /// Without its folder.
        name: String,
        /// In the order in which they are stored.
        members: Vec<Self>,
    },
}

impl Member {
    /// A file.
    pub fn file(name: &str, bytes: Vec<u8>) -> Self {
        Self::File { name: name.to_owned(), bytes }
    }
}

struct Table {
    xml: String,
    heap: Vec<u8>,
    next_id: u32,
    time: String,
}

impl Table {
    fn add(&mut self, member: &Member) {
        let (name, kind, mode) = match member {
            Member::File { name, .. } => (name, "file", "0644"),
            Member::Folder { name, .. } => (name, "directory", "0755"),
        };
        let (id, time) = (self.next_id, &self.time);
        self.next_id += 1;
        // Readers want to know a folder before they meet what is in it.
        self.xml.push_str(&format!(
            "<file id=\"{id}\"><name>{}</name><type>{kind}</type><mode>{mode}</mode><uid>0</uid><user>root</user><gid>0</gid>\
             <group>wheel</group><atime>{time}</atime><mtime>{time}</mtime><ctime>{time}</ctime>",
            escape(name.as_str())
        ));
        match member {
            Member::File { bytes, .. } => {
                // Beside the heap's own checksum at its start.
                let offset = SHA1_BYTES + self.heap.len() as u64;
                let sum = crate::hex(&Sha1::digest(bytes));
                let size = bytes.len();
                self.xml.push_str(&format!(
                    "<data><archived-checksum style=\"sha1\">{sum}</archived-checksum><extracted-checksum style=\"sha1\">{sum}\
                     </extracted-checksum><encoding style=\"application/octet-stream\"/><size>{size}</size><offset>{offset}</offset>\
                     <length>{size}</length></data>"
                ));
                self.heap.extend_from_slice(bytes);
            }
            Member::Folder { members, .. } => {
                for member in members {
                    self.add(member);
                }
            }
        }
        self.xml.push_str("</file>");
    }
}

/// Writes an archive; every member has the time `epoch` (seconds since 1970) and belongs to root.
pub fn archive(members: &[Member], epoch: u32) -> Result<Vec<u8>, XarError> {
    let time = Timestamp::from_second(i64::from(epoch)).map_err(|source| XarError::Time { epoch, source })?;
    let time = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut table = Table { xml: String::new(), heap: Vec::new(), next_id: 1, time };
    for member in members {
        table.add(member);
    }
    // Without its zone, as Apple writes this one.
    let created = table.time.trim_end_matches('Z');
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xar><toc><creation-time>{created}</creation-time>\
         <checksum style=\"sha1\"><offset>0</offset><size>{SHA1_BYTES}</size></checksum>{}</toc></xar>\n",
        table.xml
    );
    let packed = crate::zlib(xml.as_bytes()).map_err(XarError::Compress)?;

    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&HEADER.to_be_bytes());
    out.extend_from_slice(&1_u16.to_be_bytes());
    out.extend_from_slice(&(packed.len() as u64).to_be_bytes());
    out.extend_from_slice(&(xml.len() as u64).to_be_bytes());
    out.extend_from_slice(&SHA1.to_be_bytes());
    out.extend_from_slice(&packed);
    out.extend_from_slice(&Sha1::digest(&packed));
    out.append(&mut table.heap);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_table_names_every_member_and_its_place() {
        let folder = Member::Folder { name: "a&b.pkg".to_owned(), members: vec![Member::file("Bom", b"bom".to_vec())] };
        let bytes = archive(&[Member::file("Distribution", b"xml!".to_vec()), folder], 0).unwrap();
        assert_eq!(bytes.get(..8).unwrap(), b"xar!\0\x1c\0\x01");
        let length = usize::try_from(u64::from_be_bytes(bytes.get(8..16).unwrap().try_into().unwrap())).unwrap();
        let table = bytes.get(28..28 + length).unwrap();
        let heap = bytes.get(28 + length..).unwrap();
        assert_eq!(heap.get(..20).unwrap(), Sha1::digest(table).as_slice());
        assert_eq!(heap.get(20..).unwrap(), b"xml!bom");
        let mut xml = String::new();
        flate2::read::ZlibDecoder::new(table).read_to_string(&mut xml).unwrap();
        insta::assert_snapshot!(xml.replace('>', ">\n"));
    }
}
