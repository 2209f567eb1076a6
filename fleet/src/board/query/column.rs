//! Columns of the list.

/// A column of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Column {
    /// Name.
    Node,
    /// How it stands.
    #[default]
    Verdict,
    /// Since when.
    Since,
    /// Root cause.
    Cause,
    /// Build of the operating system.
    Build,
    /// Version of `OpenClaw`.
    OpenClaw,
    /// Digests of images.
    Image,
    /// When it was last heard of.
    Heard,
}

impl Column {
    pub(super) const ALL: [Self; 8] =
        [Self::Node, Self::Verdict, Self::Since, Self::Cause, Self::Build, Self::OpenClaw, Self::Image, Self::Heard];

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Verdict => "verdict",
            Self::Since => "since",
            Self::Cause => "cause",
            Self::Build => "build",
            Self::OpenClaw => "openclaw",
            Self::Image => "image",
            Self::Heard => "heard",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Verdict => "Verdict",
            Self::Since => "For",
            Self::Cause => "Root cause",
            Self::Build => "OS build",
            Self::OpenClaw => "OpenClaw",
            Self::Image => "Image digests",
            Self::Heard => "Heard",
        }
    }
}

/// A column's heading.
pub(crate) struct Heading {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// The list sorted by it, or the other way round where it is.
    pub(crate) href: String,
    /// Whether the list is sorted by it.
    pub(crate) chosen: bool,
    descending: bool,
}

impl Heading {
    /// The heading of a column; `descending` where the list is sorted by it.
    pub(super) fn new(column: Column, href: String, descending: Option<bool>) -> Self {
        Self {
            key: column.key(),
            label: column.label(),
            href,
            chosen: descending.is_some(),
            descending: descending == Some(true),
        }
    }

    /// For `aria-sort`.
    pub(crate) fn aria_sort(&self) -> Option<&'static str> {
        self.chosen.then_some(if self.descending { "descending" } else { "ascending" })
    }

    /// The same as a sign.
    pub(crate) fn arrow(&self) -> Option<&'static str> {
        self.chosen.then_some(if self.descending { "↓" } else { "↑" })
    }
}
