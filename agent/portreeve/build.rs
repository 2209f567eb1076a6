//! Compresses the schemas of `docs/`, which `portreeve schema` prints: what makes them, or they as text, would be 2 % of the program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() -> io::Result<()> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).ok_or(io::ErrorKind::NotFound);
    let (docs, out) = (folder("CARGO_MANIFEST_DIR")?.join("../../docs"), folder("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", docs.display());
    for entry in fs::read_dir(&docs)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && name.ends_with(".schema.json")
        {
            compress(&path, &out.join(name))?;
        }
    }
    Ok(())
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", from.display());
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&fs::read(from)?)?;
    fs::write(to, encoder.finish()?)
}
