//! Builds the macOS installer package of Portreeve, byte by byte.
//!
//! A flat package is a [`xar`] archive of a `Distribution` (what the installer asks and checks) and one component: a list of what is
//! installed ([`bom`]), the files themselves and the scripts ([`cpio`] archives, compressed), and their summary. All of it is written
//! here rather than by Apple's tools, so that Linux builds the same package as a Mac, and the same input gives the same bytes: entries
//! are sorted, owners and modes are explicit, and the only time is the one that the caller names.
//!
//! What is not done here: signing and notarising, which need a certificate (`scripts/package`).

pub mod bom;
pub mod component;
pub mod contents;
pub mod cpio;
pub mod distribution;
pub mod macho;
pub mod notices;
pub mod profile;
pub mod tree;
pub mod xar;

use std::io::Write as _;

use flate2::{Compression, GzBuilder, write::ZlibEncoder};

/// Identifier of the package and its receipt, and the label of the daemon.
pub const IDENTIFIER: &str = "dev.portreeve.agent";

/// The oldest macOS that the binary is linked for.
pub const MINIMUM_MACOS: &str = "13.0";

/// Compresses as gzip does, without a name and a time.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    // 255 is "unknown": the default is the system that compresses.
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn zlib(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
