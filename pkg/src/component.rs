//! The one component of the package: payload, scripts, bill of materials and `PackageInfo`.

use quick_xml::escape::escape;

use crate::bom::BomError;
use crate::cpio::CpioError;
use crate::tree::Tree;
use crate::xar::Member;
use crate::{IDENTIFIER, bom, cpio};

/// Name of its folder in the archive.
pub const NAME: &str = "portreeve.pkg";

/// What could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Of payload or scripts.
    #[error("the files cannot be archived")]
    Cpio(#[from] CpioError),
    /// Of the payload.
    #[error("the files cannot be listed")]
    Bom(#[from] BomError),
    /// Of payload or scripts.
    #[error("the files cannot be compressed")]
    Compress(#[source] std::io::Error),
}

/// The numbers that the installer wants to know beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Files and folders, the root too.
    pub entries: usize,
    /// KiB on disk, rounded up.
    pub kibibytes: usize,
}

impl Size {
    /// Of what is installed.
    pub fn of(payload: &Tree) -> Self {
        Self { entries: payload.entries().count(), kibibytes: payload.size().div_ceil(1024) }
    }
}

/// `PackageInfo`: identifier, version, and which scripts there are.
pub fn package_info(version: &str, size: Size) -> String {
    let Size { entries, kibibytes } = size;
    let version = escape(version);
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="true" relocatable="false" identifier="{IDENTIFIER}" postinstall-action="none" version="{version}" format-version="2" install-location="/" auth="root">
    <payload numberOfFiles="{entries}" installKBytes="{kibibytes}"/>
    <scripts>
        <preinstall file="./preinstall"/>
        <postinstall file="./postinstall"/>
    </scripts>
</pkg-info>
"#
    )
}

/// Packs the component; every file in it has the time `epoch` (seconds since 1970).
pub fn pack(version: &str, payload: &Tree, scripts: &Tree, epoch: u32) -> Result<Member, ComponentError> {
    let compressed = |tree| crate::gzip(&cpio::archive(tree, epoch)?).map_err(ComponentError::Compress);
    Ok(Member::Folder {
        name: NAME.to_owned(),
        members: vec![
            Member::file("Bom", bom::list(payload, epoch)?),
            Member::file("PackageInfo", package_info(version, Size::of(payload)).into_bytes()),
            Member::file("Payload", compressed(payload)?),
            Member::file("Scripts", compressed(scripts)?),
        ],
    })
}
