use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tar::Archive;

/// Hands each seed of a target, and each input that is kept of it, to `check` after it has printed its name.
pub(crate) fn each(target: &str, check: impl Fn(&[u8])) {
    each_seed(target, &check);
    let kept = File::open(folder("corpus").join(format!("{target}.tar.gz"))).unwrap();
    let mut kept = Archive::new(GzDecoder::new(kept));
    for entry in kept.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        println!("{target}.tar.gz: {}", entry.path().unwrap().display());
        check(&bytes);
    }
}

/// The same of the seeds alone.
pub(crate) fn each_seed(target: &str, check: impl Fn(&[u8])) {
    let folder = folder("seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no seed", folder.display());
    for file in files {
        println!("{}", file.display());
        check(&fs::read(&file).unwrap());
    }
}

fn folder(kind: &str) -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("fuzz").join(kind));
    folders.find(|folder| folder.is_dir()).unwrap()
}
