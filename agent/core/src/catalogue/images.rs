//! Container images.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::ImageFloating,
        title: "a container runs from a tag that moves",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "`latest` is another image tomorrow, and has moved backwards: `Refusing to run automatic gateway \
            startup migrations because this OpenClaw binary … is older than the config last written by …`.",
        remedy: &[
            "pin the image by digest: `<image>@sha256:…`",
        ],
        explains: &[],
        sources: &["docs/install/docker.md", "openclaw/openclaw#112391"],
    },
    Entry {
        code: Code::ImageDrift,
        title: "a container runs another image than the one that is pinned",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "What runs is not what was reviewed and accepted: a pull, a rebuild or an update by hand came between.",
        remedy: &[
            "recreate the container from the pinned digest, or accept the running one: `portreeve images accept`",
        ],
        explains: &[Code::ImageSkew, Code::GatewayTwoVersions, Code::ProtocolMismatch],
        sources: &["docs/install/docker.md", "openclaw/openclaw#112391"],
    },
    Entry {
        code: Code::ImageSkew,
        title: "gateway and command line run images of different releases",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "They share state and speak one protocol only within a release train; the newer one migrates what the \
            older one reads.",
        remedy: &[
            "use one image for both",
        ],
        explains: &[Code::GatewayTwoVersions, Code::ProtocolMismatch],
        sources: &["docs/install/docker.md", "openclaw/openclaw#82841"],
    },
    Entry {
        code: Code::ImageBehind,
        title: "the registry has another image under the same tag",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Alignment,
        why: "Nothing is wrong now. The next pull changes what runs; where the tag has moved back, it brings an older release, \
            which refuses state that a newer one has migrated.",
        remedy: &[
            "plan the change, or pin the digest",
        ],
        explains: &[],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::ImageUnchecked,
        title: "an image cannot be checked at its registry, or has not been for eight days",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "Without the check a tag that moved is not seen. A tag that is gone, and a stored login that the registry \
            refuses though the image is public (`error from registry: denied`), also keep a container from being made anew.",
        remedy: &[
            "see why the last check failed (network, credentials, registry), and check again: `portreeve images`",
        ],
        explains: &[],
        sources: &["docs/install/docker.md", "openclaw/openclaw#78003", "openclaw/openclaw#90134"],
    },
    Entry {
        code: Code::ImagePlatform,
        title: "an amd64 image runs under emulation",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "It starts slowly, uses more memory, and some native modules fail.",
        remedy: &[
            "use the arm64 variant of the image",
        ],
        explains: &[],
        sources: &["docs/install/docker.md"],
    },
];
