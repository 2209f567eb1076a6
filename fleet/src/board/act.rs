//! What people decide: waivers, acknowledgements, maintenance. Recorded with who and when; no node hears of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::error::BoardError;
use super::nodes::href;
use super::page::Flash;
use crate::AppState;
use crate::auth::{CsrfForm, Viewer};
use crate::index::NodeSummary;
use crate::store::board::{self as store, About, Kind};

/// Longest reason, in characters.
const MAX_REASON: usize = 1_000;
/// Longest time for which anything holds: what is forgotten must not hide a node for ever.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 90);

/// A waiver.
#[derive(Deserialize)]
pub(crate) struct WaiveForm {
    code: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

/// An acknowledgement.
#[derive(Deserialize)]
pub(crate) struct AcknowledgeForm {
    code: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    note: String,
}

/// A maintenance.
#[derive(Deserialize)]
pub(crate) struct MaintenanceForm {
    #[serde(default)]
    hours: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

/// Something to take back.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    kind: Kind,
    id: i64,
}

/// `POST /nodes/{id}/waive`
pub(crate) async fn waive(
    State(state): State<AppState>,
    Path(id): Path<String>,
    CsrfForm(viewer, form): CsrfForm<WaiveForm>,
) -> Result<Response, BoardError> {
    let node = decide(&state, &viewer, &id)?;
    let (Some(until), Some(reason)) = (end(&form.hours, &form.until, Timestamp::now()), reason(&form.reason, true))
    else {
        return Ok(back(&node, if reason(&form.reason, true).is_none() { Flash::Reason } else { Flash::Time }));
    };
    let Some(about) = About::of(&node, &viewer, form.code, form.subject) else {
        return Ok(back(&node, Flash::Finding));
    };
    let entry = viewer.entry("finding.waive", subject_of(&node), format!("{about} until {until:.0}: {reason}"));
    state
        .store
        .write(move |tx| {
            store::waive(tx, &about, &reason, until)?;
            tx.audit(&entry)
        })
        .await?;
    Ok(back(&node, Flash::Waived))
}

/// `POST /nodes/{id}/acknowledge`
pub(crate) async fn acknowledge(
    State(state): State<AppState>,
    Path(id): Path<String>,
    CsrfForm(viewer, form): CsrfForm<AcknowledgeForm>,
) -> Result<Response, BoardError> {
    let node = decide(&state, &viewer, &id)?;
    let Some(words) = reason(&form.note, false) else { return Ok(back(&node, Flash::Reason)) };
    let Some(about) = About::of(&node, &viewer, form.code, form.subject) else {
        return Ok(back(&node, Flash::Finding));
    };
    let entry = viewer.entry("finding.acknowledge", subject_of(&node), format!("{about}: {words}"));
    state
        .store
        .write(move |tx| {
            store::acknowledge(tx, &about, &words)?;
            tx.audit(&entry)
        })
        .await?;
    Ok(back(&node, Flash::Acknowledged))
}

/// `POST /nodes/{id}/maintenance`
pub(crate) async fn maintain(
    State(state): State<AppState>,
    Path(id): Path<String>,
    CsrfForm(viewer, form): CsrfForm<MaintenanceForm>,
) -> Result<Response, BoardError> {
    let node = decide(&state, &viewer, &id)?;
    let Some(reason) = reason(&form.reason, true) else { return Ok(back(&node, Flash::Reason)) };
    let Some(until) = end(&form.hours, &form.until, Timestamp::now()) else { return Ok(back(&node, Flash::Time)) };
    let entry = viewer.entry("node.maintenance", subject_of(&node), format!("until {until:.0}: {reason}"));
    let (key, name) = (node.key, viewer.name.clone());
    state
        .store
        .write(move |tx| {
            store::maintain(tx, key, &reason, &name, until)?;
            tx.audit(&entry)
        })
        .await?;
    Ok(back(&node, Flash::Maintained))
}

/// `POST /nodes/{id}/end`
pub(crate) async fn end_decision(
    State(state): State<AppState>,
    Path(id): Path<String>,
    CsrfForm(viewer, form): CsrfForm<EndForm>,
) -> Result<Response, BoardError> {
    let node = decide(&state, &viewer, &id)?;
    let (kind, number) = (form.kind, form.id);
    let entry = viewer.entry(kind.end_action(), subject_of(&node), format!("number {number}"));
    let (key, name) = (node.key, viewer.name.clone());
    let ended = state
        .store
        .write(move |tx| {
            let ended = store::end(tx, kind, number, key, &name)?;
            if ended {
                tx.audit(&entry)?;
            }
            Ok(ended)
        })
        .await?;
    Ok(back(&node, if ended { Flash::Ended } else { Flash::Gone }))
}

impl About {
    /// A finding that stands on a node; none where no such finding does. Without a subject, any of that code.
    fn of(node: &NodeSummary, viewer: &Viewer, code: String, subject: String) -> Option<Self> {
        let subject = Some(subject).filter(|subject| !subject.is_empty());
        let mut findings = node.brief.findings.iter();
        let stands =
            findings.any(|one| one.code == code && subject.as_ref().is_none_or(|subject| one.subject == *subject));
        stands.then(|| Self { node: node.key, code, subject, by: viewer.name.clone() })
    }
}

/// The node that a viewer decides on.
fn decide(state: &AppState, viewer: &Viewer, id: &str) -> Result<Arc<NodeSummary>, BoardError> {
    if !viewer.may_decide() {
        return Err(BoardError::Forbidden);
    }
    state.index.by_id(id).ok_or(BoardError::NotFound)
}

fn subject_of(node: &NodeSummary) -> String {
    format!("node {} ({})", node.name, node.id)
}

/// When something ends: the end of a day where one is named, else so many hours from now.
fn end(hours: &str, until: &str, now: Timestamp) -> Option<Timestamp> {
    let end = if until.trim().is_empty() {
        let hours: i64 = hours.parse().ok().filter(|hours| (1..=24 * 90).contains(hours))?;
        now.checked_add(SignedDuration::from_hours(hours)).ok()?
    } else {
        let day: Date = until.trim().parse().ok()?;
        day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?.timestamp()
    };
    (end > now && end.duration_since(now) <= LONGEST).then_some(end)
}

/// A reason on one line; none where it is missing or too long.
fn reason(words: &str, needed: bool) -> Option<String> {
    let plain: Vec<&str> = words.split_whitespace().collect();
    let plain: String = plain.join(" ").chars().filter(|letter| !letter.is_control()).collect();
    let length = plain.chars().count();
    (length <= MAX_REASON && (length > 0 || !needed)).then_some(plain)
}

fn back(node: &NodeSummary, flash: Flash) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, format!("{}?done={}", href(node), flash.key()))]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_holds_for_ever_or_from_the_past() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        assert_eq!(end("24", "", now).unwrap().to_string(), "2026-03-02T12:00:00Z");
        assert_eq!(end("", "2026-03-01", now).unwrap().to_string(), "2026-03-01T23:59:59Z");
        for (hours, until) in [
            ("", ""),
            ("0", ""),
            ("-1", ""),
            ("2161", ""),
            ("x", ""),
            ("24", "2026-02-28"),
            ("24", "2026-06-01"),
            ("24", "x"),
            ("", "-009999-01-01"),
            ("", "9999-12-31"),
        ] {
            assert_eq!(end(hours, until, now), None, "{hours} {until}");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_somebody_reads() {
        assert_eq!(reason("  so\n and\tso\u{1b} ", true).as_deref(), Some("so and so"));
        assert_eq!((reason("  ", true), reason(" ", false).as_deref()), (None, Some("")));
        assert_eq!(reason(&"x".repeat(1_001), false), None);
    }
}
