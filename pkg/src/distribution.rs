//! `Distribution`: what the installer shows, and what it checks before anything is touched.

use quick_xml::escape::escape;

use crate::component::{NAME, Size};
use crate::{IDENTIFIER, MINIMUM_MACOS};

/// The checks, run by the installer's own JavaScript. The preinstall script repeats the one for downgrades.
const CHECKS: &str = include_str!("checks.js");

/// The file for this version.
pub fn distribution(version: &str, size: Size) -> String {
    let checks = CHECKS
        .replace("@IDENTIFIER@", IDENTIFIER)
        .replace("@VERSION@", version)
        .replace("@MINIMUM_MACOS@", MINIMUM_MACOS);
    let kibibytes = size.kibibytes;
    let version = escape(version);
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
    <title>Portreeve {version}</title>
    <options customize="never" require-scripts="false" hostArchitectures="arm64" rootVolumeOnly="true"/>
    <domains enable_anywhere="false" enable_currentUserHome="false" enable_localSystem="true"/>
    <installation-check script="installation_check()"/>
    <volume-check script="volume_check()">
        <allowed-os-versions>
            <os-version min="{MINIMUM_MACOS}"/>
        </allowed-os-versions>
    </volume-check>
    <script><![CDATA[
{checks}]]></script>
    <choices-outline>
        <line choice="default">
            <line choice="{IDENTIFIER}"/>
        </line>
    </choices-outline>
    <choice id="default"/>
    <choice id="{IDENTIFIER}" visible="false">
        <pkg-ref id="{IDENTIFIER}"/>
    </choice>
    <pkg-ref id="{IDENTIFIER}" version="{version}" onConclusion="none" installKBytes="{kibibytes}">#{NAME}</pkg-ref>
    <product id="{IDENTIFIER}" version="{version}"/>
</installer-gui-script>
"#
    )
}
