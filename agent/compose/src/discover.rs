//! The files that Compose takes where none is named.

use std::path::{Path, PathBuf};

use crate::files::Files;

/// Names of the main file, the first wins.
pub const MAIN: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// Names of the override file beside it, the first wins.
pub const OVERRIDE: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// The main file of a folder and the override beside it; empty where there is none.
pub fn files(folder: &Path, files: &dyn Files) -> Vec<PathBuf> {
    let first = |names: [&str; 4]| names.into_iter().map(|name| folder.join(name)).find(|path| files.exists(path));
    let Some(main) = first(MAIN) else { return Vec::new() };
    [Some(main), first(OVERRIDE)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;

    #[test]
    fn the_main_file_and_its_override() {
        let memory = |names: &[&str]| {
            MemoryFiles(names.iter().map(|name| (Path::new("/p").join(name), String::new())).collect())
        };
        let found = |names: &[&str]| files(Path::new("/p"), &memory(names));
        assert_eq!(found(&["docker-compose.yml", "compose.yaml"]), [PathBuf::from("/p/compose.yaml")]);
        assert_eq!(
            found(&["docker-compose.yml", "docker-compose.override.yml"]),
            [PathBuf::from("/p/docker-compose.yml"), PathBuf::from("/p/docker-compose.override.yml")]
        );
        assert!(found(&["compose.override.yml"]).is_empty());
    }
}
