//! `portreeve-pkg`: what `scripts/package` calls.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, Subcommand};
use portreeve_pkg::contents::{Inputs, Sources, package};
use portreeve_pkg::macho;
use portreeve_pkg::notices::Linked;
use portreeve_pkg::profile::{Signer, profiles};

/// Builds the macOS installer package of Portreeve and the profiles for MDM.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a package
    Build {
        /// The checkout: licences and property lists
        #[arg(long, value_name = "DIR")]
        checkout: PathBuf,
        /// The program, a Mach-O file for arm64
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// Folder of portreeve-probe-linux-amd64 and -arm64
        #[arg(long, value_name = "DIR")]
        probes: PathBuf,
        /// Folder with man/, completions/ and THIRD-PARTY
        #[arg(long, value_name = "DIR")]
        generated: PathBuf,
        /// The time of every file, in seconds since 1970
        #[arg(long, value_name = "SECONDS")]
        epoch: u32,
        /// The version, three numbers
        #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
        version: String,
        /// The package
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Also write the profiles for MDM to this folder
        #[arg(long, value_name = "DIR")]
        profiles: Option<PathBuf>,
        /// Team that signed the program, for the profiles
        #[arg(long, value_name = "ID", requires = "profiles")]
        team: Option<String>,
        /// Property list with settings that MDM is to prescribe: one profile more
        #[arg(long, value_name = "FILE", requires = "profiles")]
        settings: Option<PathBuf>,
    },
    /// Write the licences of what is linked to standard output
    Notices {
        /// Pairs: a file with what `cargo metadata --format-version 1` printed, and the workspace's package that is linked
        #[arg(required = true, num_args = 2.., value_names = ["METADATA", "PACKAGE"])]
        pairs: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Build { checkout, binary, probes, generated, epoch, version, out, profiles, team, settings } => {
            ensure!(is_version(&version), "`{version}` is not a version of three numbers");
            let inputs = Inputs::read(&Sources { checkout, binary: binary.clone(), probes, generated })?;
            let signature = macho::signature(&inputs.binary)
                .with_context(|| format!("`{}` cannot be installed", binary.display()))?;
            write(&out, &package(&inputs, &version, epoch)?)?;
            if let Some(folder) = profiles {
                let signer = Signer::new(team.as_deref(), &signature)?;
                write_profiles(&folder, &signer, settings.as_deref())?;
            }
            Ok(())
        }
        Command::Notices { pairs } => {
            let mut linked = Linked::default();
            for pair in pairs.chunks(2) {
                let [path, package] = pair else { bail!("`{}` has no package", pair.concat()) };
                let bytes = fs::read(path).with_context(|| format!("`{path}` cannot be read"))?;
                let metadata = serde_json::from_slice(&bytes)
                    .with_context(|| format!("`{path}` is not what `cargo metadata` prints"))?;
                linked.add(&metadata, package)?;
            }
            std::io::stdout().write_all(linked.notices()?.as_bytes())?;
            Ok(())
        }
    }
}

/// What the scripts of the package can compare.
fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.len() <= 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && version.len() <= 64
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
}

fn write_profiles(folder: &Path, signer: &Signer, settings: Option<&Path>) -> anyhow::Result<()> {
    let settings = settings
        .map(|path| {
            plist::from_file::<_, plist::Dictionary>(path)
                .with_context(|| format!("`{}` cannot be read as a property list", path.display()))
        })
        .transpose()?;
    for profile in profiles(signer, settings) {
        write(&folder.join(profile.file), &profile.to_xml()?)?;
    }
    Ok(())
}

/// Beside its place and then into it: whoever reads the package never sees half of one.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("`{}` cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, bytes).with_context(failed)?;
    fs::rename(&beside, path).with_context(failed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_version_is_three_numbers() {
        for version in ["0.1.0", "10.20.30", "1.2.3-rc.1", "1.2.3+5"] {
            assert!(super::is_version(version), "{version}");
        }
        for version in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1..2", "1.2.3 4", "1.2.3\"", "1.2.9999999"] {
            assert!(!super::is_version(version), "{version}");
        }
    }
}
