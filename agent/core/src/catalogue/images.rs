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
            "recreate the container from the pinned digest, or accept the running one",
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
        title: "the registry has a newer image under the same tag",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Alignment,
        why: "Nothing is wrong now. The next pull changes what runs.",
        remedy: &[
            "plan the change, or pin the digest",
        ],
        explains: &[],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::ImageUnchecked,
        title: "image digests have not been checked for more than eight days",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "Without the check neither drift nor a tag that moved is seen.",
        remedy: &[
            "see why the last check failed: network, credentials, registry",
        ],
        explains: &[],
        sources: &["docs/install/docker.md", "openclaw/openclaw#78003"],
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
