//! What goes into a package of the tests: small stand-ins for everything that is built elsewhere.

use std::fs;
use std::path::Path;

use portreeve_pkg::contents::{Inputs, Sources};

/// A time for all files: 2001-09-09 01:46:40 UTC.
#[allow(dead_code, reason = "not every test that shares this needs it")]
pub(crate) const EPOCH: u32 = 1_000_000_000;

/// Lays stand-ins for all sources out below `folder`.
pub(crate) fn sources(folder: &Path, binary: &[u8]) -> Sources {
    let sources = Sources {
        checkout: folder.join("checkout"),
        binary: folder.join("portreeve"),
        probes: folder.join("probes"),
        generated: folder.join("generated"),
    };
    let put = |path: &Path, bytes: &[u8]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put(&sources.binary, binary);
    for arch in ["amd64", "arm64"] {
        put(&sources.probes.join(format!("portreeve-probe-linux-{arch}")), format!("probe for {arch}\n").as_bytes());
    }
    put(&sources.checkout.join("launchd/dev.portreeve.agent.plist"), b"<plist/>\n");
    put(&sources.checkout.join("launchd/portreeve.newsyslog.conf"), b"# newsyslog\n");
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "docs/portreeve.toml"] {
        put(&sources.checkout.join(name), name.as_bytes());
    }
    for name in ["man/portreeve.1", "man/portreeve-check.1", "THIRD-PARTY"] {
        put(&sources.generated.join(name), name.as_bytes());
    }
    for name in ["_portreeve", "portreeve.bash", "portreeve.fish"] {
        put(&sources.generated.join("completions").join(name), name.as_bytes());
    }
    sources
}

/// The stand-ins, read.
#[allow(dead_code, reason = "not every test that shares this needs them")]
pub(crate) fn inputs(binary: &[u8]) -> Inputs {
    let dir = tempfile::tempdir().unwrap();
    Inputs::read(&sources(dir.path(), binary)).unwrap()
}
