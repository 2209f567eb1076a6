//! What is installed, and where.

use std::path::{Path, PathBuf};

use crate::tree::{Tree, TreeError};
use crate::xar::{Member, XarError};
use crate::{IDENTIFIER, component, distribution, xar};

/// The program.
pub const BINARY: &str = "usr/local/bin/portreeve";
/// Folder of what belongs to the program and nobody types.
pub const LIBEXEC: &str = "usr/local/libexec/portreeve";
/// The daemon's property list.
pub const DAEMON: &str = "Library/LaunchDaemons/dev.portreeve.agent.plist";
/// The rule by which logs are rotated. `/etc` is a link on macOS, and an archive that has a folder of its name would replace it.
pub const NEWSYSLOG: &str = "private/etc/newsyslog.d/portreeve.conf";
/// Folder of licences and the like.
pub const DOC: &str = "usr/local/share/doc/portreeve";

const MAN: &str = "usr/local/share/man/man1";
const ZSH: &str = "usr/local/share/zsh/site-functions/_portreeve";
const BASH: &str = "usr/local/share/bash-completion/completions/portreeve";
const FISH: &str = "usr/local/share/fish/vendor_completions.d/portreeve.fish";

/// More than any of the files has.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Where the files of a package are found.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The checkout: licences, property lists.
    pub checkout: PathBuf,
    /// The program for Apple Silicon.
    pub binary: PathBuf,
    /// Folder of `portreeve-probe-linux-amd64` and `-arm64`.
    pub probes: PathBuf,
    /// Folder of what the program generates: `man/*.1`, `completions/{_portreeve,portreeve.bash,portreeve.fish}`, `THIRD-PARTY`.
    pub generated: PathBuf,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Of a file or folder.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Empty, or beyond any size that it could have.
    #[error("`{}` has {bytes} bytes", path.display())]
    Size {
        /// Which one.
        path: PathBuf,
        /// Of it.
        bytes: u64,
    },
    /// A name that is no text.
    #[error("`{}` has a name that is no text", path.display())]
    Name {
        /// Which one.
        path: PathBuf,
    },
}

/// The bytes of a package, without the version.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The program.
    pub binary: Vec<u8>,
    files: Vec<(String, u16, Vec<u8>)>,
}

impl Inputs {
    /// Reads them all.
    pub fn read(sources: &Sources) -> Result<Self, InputError> {
        let Sources { checkout, binary, probes, generated } = sources;
        let mut files = Vec::new();
        let mut take = |place: String, mode: u16, path: PathBuf| -> Result<(), InputError> {
            files.push((place, mode, read(&path)?));
            Ok(())
        };
        for arch in ["amd64", "arm64"] {
            let name = format!("portreeve-probe-linux-{arch}");
            take(format!("{LIBEXEC}/{name}"), 0o755, probes.join(name))?;
        }
        take(DAEMON.to_owned(), 0o644, checkout.join("launchd").join(format!("{IDENTIFIER}.plist")))?;
        take(NEWSYSLOG.to_owned(), 0o644, checkout.join("launchd/portreeve.newsyslog.conf"))?;
        for (place, name) in [(ZSH, "_portreeve"), (BASH, "portreeve.bash"), (FISH, "portreeve.fish")] {
            take(place.to_owned(), 0o644, generated.join("completions").join(name))?;
        }
        for page in pages(&generated.join("man"))? {
            take(format!("{MAN}/{page}"), 0o644, generated.join("man").join(&page))?;
        }
        for name in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
            take(format!("{DOC}/{name}"), 0o644, checkout.join(name))?;
        }
        take(format!("{DOC}/portreeve.toml"), 0o644, checkout.join("docs/portreeve.toml"))?;
        take(format!("{DOC}/THIRD-PARTY"), 0o644, generated.join("THIRD-PARTY"))?;
        Ok(Self { binary: read(binary)?, files })
    }
}

fn pages(folder: &Path) -> Result<Vec<String>, InputError> {
    let failed = |source| InputError::Read { path: folder.to_owned(), source };
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().extension().is_some_and(|extension| extension == "1") {
            pages.push(entry.file_name().into_string().map_err(|_| InputError::Name { path: entry.path() })?);
        }
    }
    pages.sort();
    Ok(pages)
}

fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes == 0 || bytes > MAX_BYTES {
        return Err(InputError::Size { path: path.to_owned(), bytes });
    }
    std::fs::read(path).map_err(failed)
}

/// The scripts, which the tests run with programs of their own in `commands`.
#[derive(Debug, Clone, Copy)]
pub struct Scripts<'a> {
    /// Which programs the scripts call and whom they trust; sourced by each.
    pub commands: &'a str,
}

impl Default for Scripts<'_> {
    fn default() -> Self {
        Self { commands: include_str!("../scripts/commands.sh") }
    }
}

const LIBRARY: &str = include_str!("../scripts/installer.sh");
const PREINSTALL: &str = include_str!("../scripts/preinstall");
const POSTINSTALL: &str = include_str!("../scripts/postinstall");
const UNINSTALL: &str = include_str!("../scripts/uninstall");

/// The files as they will be installed, with the uninstaller and a list of them all.
pub fn payload(inputs: &Inputs, version: &str, scripts: Scripts<'_>) -> Result<Tree, TreeError> {
    let mut tree = Tree::default();
    tree.file(BINARY, 0o755, inputs.binary.clone())?;
    for (path, mode, bytes) in &inputs.files {
        tree.file(path, *mode, bytes.clone())?;
    }
    tree.file(&format!("{LIBEXEC}/uninstall"), 0o755, UNINSTALL.into())?;
    tree.file(&format!("{LIBEXEC}/installer.sh"), 0o644, LIBRARY.into())?;
    tree.file(&format!("{LIBEXEC}/commands.sh"), 0o644, scripts.commands.into())?;
    tree.file(&format!("{LIBEXEC}/version"), 0o644, format!("{version}\n").into_bytes())?;
    let place = format!("{LIBEXEC}/manifest");
    let mut listed = tree.clone();
    listed.file(&place, 0o644, Vec::new())?;
    tree.file(&place, 0o644, manifest(&listed).into_bytes())?;
    Ok(tree)
}

/// One line for each file: its mode in octal digits and its absolute path.
fn manifest(tree: &Tree) -> String {
    tree.entries()
        .filter(|entry| entry.content.is_some())
        .map(|entry| format!("{:o} /{}\n", entry.mode, entry.path))
        .collect::<Vec<_>>()
        .concat()
}

/// What the installer runs before and after it lays the files of `payload` down.
pub fn scripts(payload: &Tree, version: &str, scripts: Scripts<'_>) -> Result<Tree, TreeError> {
    let mut tree = Tree::default();
    tree.file("preinstall", 0o755, PREINSTALL.into())?;
    tree.file("postinstall", 0o755, POSTINSTALL.into())?;
    tree.file("installer.sh", 0o644, LIBRARY.into())?;
    tree.file("commands.sh", 0o644, scripts.commands.into())?;
    tree.file("version", 0o644, format!("{version}\n").into_bytes())?;
    tree.file("manifest", 0o644, manifest(payload).into_bytes())?;
    Ok(tree)
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// What is installed.
    #[error("the files cannot be laid out")]
    Tree(#[from] TreeError),
    /// Payload, scripts and their lists.
    #[error("the component cannot be packed")]
    Component(#[from] component::ComponentError),
    /// The whole.
    #[error("the package cannot be archived")]
    Xar(#[from] XarError),
}

/// The package; every file in it has the time `epoch` (seconds since 1970).
pub fn package(inputs: &Inputs, version: &str, epoch: u32) -> Result<Vec<u8>, PackageError> {
    let payload = payload(inputs, version, Scripts::default())?;
    let scripts = scripts(&payload, version, Scripts::default())?;
    let distribution = distribution::distribution(version, component::Size::of(&payload));
    let members =
        [Member::file("Distribution", distribution.into_bytes()), component::pack(version, &payload, &scripts, epoch)?];
    Ok(xar::archive(&members, epoch)?)
}
