use std::fs;
use std::path::Path;

/// The seeds of a target, as they are in `fuzz/seeds/`; hands each to `check` after it has printed its path.
pub(crate) fn each(target: &str, check: impl Fn(&[u8])) {
    let mut seeds = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("fuzz/seeds"));
    let folder = seeds.find(|seeds| seeds.is_dir()).unwrap().join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no seed", folder.display());
    for file in files {
        println!("{}", file.display());
        check(&fs::read(&file).unwrap());
    }
}
