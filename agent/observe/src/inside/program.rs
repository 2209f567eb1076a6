//! Where the program lies, and whether it may be trusted.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use portreeve_openclaw::file::{ReadError, read_regular};
use thiserror::Error;

/// No program is larger, in bytes.
const MAX_BYTES: u64 = 8 << 20;

/// Why there is no program to run.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// No folder has it.
    #[error("`{name}` is in none of {places}: install it there, or name its folder in the setting `probe_dir`")]
    Missing {
        /// Name of the file.
        name: String,
        /// Folders looked in.
        places: String,
    },
    /// Others could have changed it.
    #[error("`{}` is not run: {why}", path.display())]
    Untrusted {
        /// The file, or a folder above it.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// It cannot be read.
    #[error("the probe cannot be read")]
    Read(#[source] ReadError),
    /// Built for no such machine.
    #[error("there is no probe for containers of architecture `{architecture}`")]
    Architecture {
        /// In Go's words.
        architecture: String,
    },
}

/// The folders in which the program may lie.
#[derive(Debug, Clone)]
pub struct Programs {
    folders: Vec<PathBuf>,
}

impl Programs {
    /// `probe_dir` alone where it is given, else `../libexec/portreeve` as seen from this executable's folder, and that folder.
    pub fn new(probe_dir: Option<PathBuf>) -> Self {
        let folders = probe_dir.map_or_else(
            || {
                let executable = std::env::current_exe().and_then(std::fs::canonicalize).ok();
                let folder = executable.as_deref().and_then(Path::parent);
                let libexec = folder.and_then(Path::parent).map(|prefix| prefix.join("libexec/portreeve"));
                libexec.into_iter().chain(folder.map(Path::to_owned)).collect()
            },
            |folder| vec![folder],
        );
        Self { folders }
    }

    /// The program for an architecture in Go's words.
    ///
    /// It runs with what a container may see, and the node's key is handed to it: nobody but this user or root may have had a hand in it.
    pub(crate) fn read(&self, architecture: &str) -> Result<Vec<u8>, ProgramError> {
        let suffix = match architecture {
            "amd64" | "x86_64" => "amd64",
            "arm64" | "aarch64" => "arm64",
            other => return Err(ProgramError::Architecture { architecture: other.chars().take(32).collect() }),
        };
        let name = format!("portreeve-probe-linux-{suffix}");
        for folder in &self.folders {
            let path = folder.join(&name);
            match read_regular(&path, MAX_BYTES) {
                Ok(content) => {
                    owned(&path, content.meta.uid, content.meta.mode, false)?;
                    trusted_folders(folder)?;
                    return Ok(content.bytes);
                }
                Err(ReadError::NotFound { .. }) => {}
                Err(error) => return Err(ProgramError::Read(error)),
            }
        }
        let places: Vec<String> = self.folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
        Err(ProgramError::Missing { name, places: places.join(", ") })
    }
}

fn trusted_folders(folder: &Path) -> Result<(), ProgramError> {
    let folder = std::fs::canonicalize(folder)
        .map_err(|_| ProgramError::Untrusted { path: folder.to_owned(), why: "its folder cannot be looked at" })?;
    for folder in folder.ancestors() {
        let metadata = std::fs::symlink_metadata(folder)
            .map_err(|_| ProgramError::Untrusted { path: folder.to_owned(), why: "it cannot be looked at" })?;
        owned(folder, metadata.uid(), metadata.mode(), true)?;
    }
    Ok(())
}

fn owned(path: &Path, uid: u32, mode: u32, is_folder: bool) -> Result<(), ProgramError> {
    let refused = |why| Err(ProgramError::Untrusted { path: path.to_owned(), why });
    if uid != 0 && uid != nix::unistd::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    // In a folder with the sticky bit nobody replaces what belongs to others.
    let is_sticky = is_folder && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !is_sticky {
        return refused("others than its owner may write it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_program_of_ones_own_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let programs = Programs::new(Some(dir.path().to_owned()));
        assert!(matches!(programs.read("arm64"), Err(ProgramError::Missing { .. })));
        assert!(matches!(programs.read("riscv64"), Err(ProgramError::Architecture { .. })));
        let path = dir.path().join("portreeve-probe-linux-arm64");
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&path, b"program").unwrap();
        mode(&path, 0o755);
        assert_eq!(programs.read("arm64").unwrap(), b"program");
        for open in [0o775, 0o757] {
            mode(&path, open);
            assert!(matches!(programs.read("arm64"), Err(ProgramError::Untrusted { .. })), "{open:o}");
        }
        mode(&path, 0o755);
        mode(dir.path(), 0o777);
        assert!(matches!(programs.read("arm64"), Err(ProgramError::Untrusted { .. })));
        mode(dir.path(), 0o700);
        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        symlink("elsewhere", &path).unwrap();
        assert!(matches!(programs.read("arm64"), Err(ProgramError::Read(ReadError::Symlink { .. }))));
    }
}
