//! What all pages have in common.

use askama::Template;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use super::assets::{ASSETS, Assets};
use super::moment::Moment;
use crate::auth::Viewer;

/// What pages may load: nothing but our own files.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Pages that the head of each page leads to: key, address, name.
const NAV: [(&str, &str, &str); 11] = [
    ("nodes", "/", "Nodes"),
    ("causes", "/causes", "Causes"),
    ("images", "/images", "Images"),
    ("versions", "/versions", "Versions"),
    ("upgrade", "/upgrade", "macOS upgrade"),
    ("closes", "/closes", "Close codes"),
    ("locks", "/locks", "Lock waits"),
    ("quarantine", "/quarantine", "Quarantine"),
    ("ghosts", "/ghosts", "Ghosts"),
    ("absent", "/absent", "Absent"),
    ("audit", "/audit", "Audit"),
];

/// The frame of a page.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// What the page is.
    pub(crate) title: String,
    /// Who looks at it; none on pages for anybody.
    pub(crate) viewer: Option<String>,
    /// What forms send back.
    pub(crate) csrf: String,
    /// Whether the viewer can sign out here.
    pub(crate) can_leave: bool,
    /// Where its changes come from; none for a page that is not kept current.
    pub(crate) live: Option<String>,
    /// When it was drawn.
    pub(crate) at: Moment,
    /// The files that it refers to.
    pub(crate) assets: &'static Assets,
    here: &'static str,
}

/// A way to another page.
pub(crate) struct NavItem {
    /// Its address.
    pub(crate) href: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// Whether it is this one.
    pub(crate) here: bool,
}

impl Shell {
    /// The frame of a page for a viewer.
    pub(crate) fn new(viewer: &Viewer, title: impl Into<String>, here: &'static str, now: Timestamp) -> Self {
        Self {
            title: title.into(),
            viewer: Some(viewer.name.clone()),
            csrf: viewer.csrf.clone(),
            can_leave: viewer.has_session,
            live: None,
            at: Moment::new(now, now),
            assets: &ASSETS,
            here,
        }
    }

    /// The frame of a page for anybody.
    pub(crate) fn open(title: impl Into<String>, now: Timestamp) -> Self {
        let (viewer, csrf, here) = (None, String::new(), "");
        Self {
            title: title.into(),
            viewer,
            csrf,
            can_leave: false,
            live: None,
            at: Moment::new(now, now),
            assets: &ASSETS,
            here,
        }
    }

    /// A page that is kept current from this address.
    pub(crate) fn live(self, from: String) -> Self {
        Self { live: Some(from), ..self }
    }

    /// Ways to other pages.
    pub(crate) fn nav(&self) -> Vec<NavItem> {
        NAV.iter().map(|&(key, href, label)| NavItem { href, label, here: key == self.here }).collect()
    }
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let policy = HeaderName::from_static("content-security-policy");
            (status, [(header::CACHE_CONTROL, "no-store"), (policy, POLICY)], Html(text)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "cannot draw a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be drawn\n").into_response()
        }
    }
}

/// What was done, as a page says it after a form was sent. The address holds its key alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flash {
    /// A waiver is in force.
    Waived,
    /// A finding is acknowledged.
    Acknowledged,
    /// A maintenance is announced.
    Maintained,
    /// A decision was taken back.
    Ended,
    /// It was taken back, or ran out, before.
    Gone,
    /// The time lies in the past, or too far ahead.
    Time,
    /// A reason is missing, or too long.
    Reason,
    /// There is no such finding.
    Finding,
}

impl Flash {
    const ALL: [(Self, &'static str, &'static str, bool); 8] = [
        (
            Self::Waived,
            "waived",
            "Waived. The finding stays visible, and is out of the board’s verdict until then.",
            true,
        ),
        (
            Self::Acknowledged,
            "acknowledged",
            "Acknowledged. Everybody sees who looks after it; the verdict stands.",
            true,
        ),
        (Self::Maintained, "maintenance", "Maintenance is announced. The verdict stands, with a note.", true),
        (Self::Ended, "ended", "Taken back.", true),
        (Self::Gone, "gone", "That was over already.", false),
        (Self::Time, "time", "Nothing was recorded: choose how long it holds, up to 90 days.", false),
        (Self::Reason, "reason", "Nothing was recorded: say why, in at most 1 000 characters.", false),
        (Self::Finding, "finding", "Nothing was recorded: that finding does not stand any more.", false),
    ];

    fn entry(self) -> (&'static str, &'static str, bool) {
        let found = Self::ALL.iter().find(|one| one.0 == self);
        found.map_or(("", "", false), |one| (one.1, one.2, one.3))
    }

    /// As addresses name it.
    pub(crate) fn key(self) -> &'static str {
        self.entry().0
    }

    /// From what [`Flash::key`] writes.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().find(|one| one.1 == key).map(|one| one.0)
    }

    /// For people.
    pub(crate) fn text(self) -> &'static str {
        self.entry().1
    }

    /// Class of the style sheet.
    pub(crate) fn look(self) -> &'static str {
        if self.entry().2 { "good" } else { "bad" }
    }
}
