//! The page of one node.

mod kpi;
pub(crate) mod report;
mod timeline;
mod topology;

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Board;
use super::chart::Picture;
use super::decisions::{Acknowledgement, Decisions, Waiver};
use super::error::BoardError;
use super::measures::Measures;
use super::moment::{Moment, seconds};
use super::nodes::{Row, href, short};
use super::page::{Flash, Shell, page};
use super::standing::{Item, Standing, title};
use crate::AppState;
use crate::auth::Viewer;
use crate::index::NodeSummary;
use crate::store::{board as store, events};
use report::Report;

/// How far back plots and the timeline look: (key, name, hours).
const SPANS: [(&str, &str, i64); 3] = [("1d", "day", 24), ("7d", "7 days", 24 * 7), ("30d", "30 days", 24 * 30)];
/// Findings, rungs and the like that the page shows of each kind.
const MOST: usize = 200;

struct FindingView {
    code: String,
    severity: String,
    layer: String,
    title: &'static str,
    subject: String,
    summary: String,
    is_root: bool,
    evidence: Vec<(String, String, Option<Moment>)>,
    explains: Vec<String>,
    explained_by: Option<String>,
    remedy: Vec<report::Remedy>,
    waived_there: Option<(Moment, String)>,
    waiver: Option<Decided>,
    acknowledgement: Option<Decided>,
}

/// A decision in force.
struct Decided {
    id: i64,
    by: String,
    at: Moment,
    until: Moment,
    words: String,
}

struct RungView {
    name: String,
    state: &'static str,
    took: String,
    detail: String,
}

struct GatewayView {
    id: String,
    port: u16,
    about: String,
    rungs: Vec<RungView>,
    secrets: Vec<(String, String, String)>,
}

struct Fact {
    name: &'static str,
    value: String,
    moment: Option<Moment>,
}

struct Choice {
    label: &'static str,
    href: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "node.html")]
struct NodePage {
    shell: Shell,
    row: Row,
    flash: Option<Flash>,
    own: Option<Standing>,
    may_decide: bool,
    here: String,
    facts: Vec<Fact>,
    spans: Vec<Choice>,
    timeline: Picture,
    kpis: Vec<kpi::Kpi>,
    gateways: Vec<GatewayView>,
    layers: Vec<RungView>,
    findings: Vec<FindingView>,
    topology: Picture,
    plots: Vec<Picture>,
    containers: Vec<report::Container>,
    units: Vec<report::Unit>,
    state_dirs: Vec<report::StateDir>,
    blind: Vec<report::Blind>,
    maintenance: Option<Decided>,
    maintenance_there: Option<(Moment, String)>,
    quarantine: Option<(Moment, Vec<String>)>,
    accepted: Option<(Moment, String)>,
}

impl NodePage {
    fn state_of(unit: &report::Unit) -> String {
        let state = unit.state.clone().unwrap_or_else(|| "not loaded".to_owned()).replace('_', " ");
        unit.last_exit_code.map_or_else(|| state.clone(), |code| format!("{state}, last exit {code}"))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    fn bytes(count: &u64) -> String {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let (mut value, mut unit) = (*count as f64, 0);
        while value >= 1_024.0 && unit < UNITS.len() - 1 {
            value /= 1_024.0;
            unit += 1;
        }
        let digits = usize::from(value < 10.0 && unit > 0);
        format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&""))
    }

    fn digest(container: &report::Container) -> String {
        container.digest.as_deref().map_or_else(|| "–".to_owned(), short)
    }
}

/// `GET /nodes/{id}`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    let node = state.index.by_id(&id).ok_or(BoardError::NotFound)?;
    let decisions = board.decisions(&state).await?;
    let pairs: Vec<_> = form_urlencoded::parse(raw.as_deref().unwrap_or_default().as_bytes()).take(16).collect();
    let asked = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
    let flash = asked("done").and_then(Flash::from_key);
    let span = SPANS.into_iter().find(|span| asked("span") == Some(span.0)).unwrap_or(SPANS[0]);
    let from = now.checked_sub(SignedDuration::from_hours(span.2)).unwrap_or(now);
    let key = node.key;
    let history = state
        .store
        .read(move |connection| {
            let report = events::current_report(connection, key)?.unwrap_or_default();
            let changes = timeline::read(connection, key, from)?;
            let configurations = timeline::configurations(connection, key, from)?;
            let measures = Measures::read(connection, key, (from, now))?;
            Ok(History { report, changes, configurations, measures, span, from })
        })
        .await?;
    let drawn = move || draw(&viewer, &Item::of(node, &decisions, now), &decisions, &history, (flash, now));
    board.desk.draw(drawn).await
}

/// What the database holds of a node.
pub(super) struct History {
    report: Value,
    changes: Vec<store::EventRow>,
    configurations: Vec<Timestamp>,
    measures: Measures,
    span: (&'static str, &'static str, i64),
    from: Timestamp,
}

/// The page of a node at a time.
pub(super) fn draw(
    viewer: &Viewer,
    item: &Item,
    decisions: &Decisions,
    history: &History,
    (flash, now): (Option<Flash>, Timestamp),
) -> Response {
    let History { measures, span, from, .. } = history;
    let report = Report::read(&history.report);
    let view = NodePage {
        flash,
        spans: spans(&item.node, span.0),
        timeline: timeline::picture(item, &history.changes, (*from, now)),
        kpis: kpi::kpis(&report, measures, &history.configurations, span.1),
        plots: kpi::plots(measures, (*from, now)),
        ..view(viewer, item, decisions, &report, now)
    };
    page(StatusCode::OK, &view)
}

#[cfg(test)]
impl History {
    /// A report, and how its verdict came to be, over a day.
    pub(super) fn of(report: Value, changes: Vec<store::EventRow>, measures: Measures, now: Timestamp) -> Self {
        let configurations = changes.iter().map(|change| change.at).filter(|at| *at < now).take(1).collect();
        Self { report, changes, configurations, measures, span: SPANS[0], from: now - SignedDuration::from_hours(24) }
    }
}

fn spans(node: &NodeSummary, here: &str) -> Vec<Choice> {
    let choice = |(key, label, _): (&'static str, &'static str, i64)| Choice {
        label,
        href: format!("{}?span={key}", href(node)),
        here: key == here,
    };
    SPANS.into_iter().map(choice).collect()
}

fn view(viewer: &Viewer, item: &Item, decisions: &Decisions, report: &Report, now: Timestamp) -> NodePage {
    let node = &item.node;
    let brief = &node.brief;
    let row = Row::of(item, decisions, now);
    let live = form_urlencoded::Serializer::new(String::new()).append_pair("one", &node.id).finish();
    let shell = Shell::new(viewer, &node.name, "", now).live(format!("/live?{live}"));
    let own = node.verdict().map(Standing::from).filter(|own| *own != item.standing);
    let findings = report.findings.iter().take(MOST).map(|finding| finding_view(finding, item, decisions, now));
    let mut findings: Vec<FindingView> = findings.collect();
    let weight = |severity: &str| match severity {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    };
    findings
        .sort_by_key(|one| (!one.is_root, one.waiver.is_some() || one.waived_there.is_some(), weight(&one.severity)));
    NodePage {
        here: href(node),
        may_decide: viewer.may_decide(),
        own,
        flash: None,
        facts: facts(node, &row, now),
        spans: Vec::new(),
        timeline: Picture::default(),
        kpis: Vec::new(),
        gateways: report.gateways.iter().take(MOST).map(gateway_view).collect(),
        layers: layers(report),
        findings,
        topology: topology::topology(report),
        plots: Vec::new(),
        containers: report.containers.iter().take(MOST).cloned().collect(),
        units: report.units.iter().take(MOST).cloned().collect(),
        state_dirs: report.state_dirs.iter().take(MOST).cloned().collect(),
        blind: report.blind.iter().take(MOST).cloned().collect(),
        maintenance: decisions.maintenance_of(node.key, now).map(|one| Decided {
            id: one.id,
            by: one.by.clone(),
            at: Moment::new(one.at, now),
            until: Moment::new(one.until, now),
            words: one.reason.clone(),
        }),
        maintenance_there: brief.maintenance.as_ref().filter(|one| one.until.is_none_or(|until| until > now)).map(
            |one| {
                let reason = one.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
                (Moment::of(one.until, now), format!("{} ({reason})", one.by))
            },
        ),
        quarantine: brief.quarantine.as_ref().map(|one| (Moment::of(one.since, now), one.reasons.clone())),
        accepted: brief.accepted.as_ref().map(|one| {
            let build = one.os_build.as_deref().map_or_else(String::new, |build| format!(", on build {build}"));
            (Moment::of(one.at, now), format!("by {}{build}", one.by))
        }),
        row,
        shell,
    }
}

fn facts(node: &NodeSummary, row: &Row, now: Timestamp) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value, moment: None };
    let time = |name, at: Option<Timestamp>| Fact { name, value: String::new(), moment: Some(Moment::of(at, now)) };
    let mut facts = vec![
        fact("Identity", node.id.clone()),
        fact("Host", node.hostname.clone()),
        fact("System", format!("{} {}", row.os, row.build).trim().to_owned()),
        fact("Architecture", node.brief.arch.clone().unwrap_or_else(|| "–".to_owned())),
        fact("OpenClaw", row.openclaw.clone()),
        fact("Images", row.digests.clone()),
        fact("Agent", node.agent_version.clone()),
        time("Last heard", node.last_seen),
        time("Report of", node.report_at),
        time("Enrolled", Some(node.enrolled_at)),
    ];
    if let Some(ahead) = node.clock_ahead_s {
        facts.push(fact("Its clock", format!("{ahead} s ahead")));
    }
    facts
}

fn rung(name: &str, state: &str, elapsed_ms: Option<f64>, detail: &str) -> RungView {
    RungView {
        name: name.replace('_', " "),
        state: match state {
            "pass" => "pass",
            "fail" => "fail",
            _ => "unknown",
        },
        took: elapsed_ms.map_or_else(String::new, |ms| seconds(ms / 1_000.0)),
        detail: detail.to_owned(),
    }
}

fn layers(report: &Report) -> Vec<RungView> {
    let order = ["transport", "auth", "channels", "alignment", "node"];
    let mut layers: Vec<_> = report.layers.iter().collect();
    layers.sort_by_key(|(name, _)| order.iter().position(|one| one == name));
    layers.into_iter().take(MOST).map(|(name, layer)| rung(name, &layer.state, None, &layer.detail)).collect()
}

fn gateway_view(gateway: &report::Gateway) -> GatewayView {
    let parts = [
        gateway.version.as_ref().map(|version| format!("OpenClaw {version}")),
        gateway.user.as_ref().map(|user| format!("user {user}")),
        gateway.profile.as_ref().map(|profile| format!("profile {profile}")),
        gateway.workload.as_ref().map(|workload| format!("in {workload}")),
        gateway.state_dir.clone(),
    ];
    let secrets = gateway.token_sources.iter().take(MOST).map(|source| {
        let outcome = source.outcome.get("outcome").or(Some(&source.outcome)).and_then(|value| value.as_str());
        let outcome = outcome.unwrap_or("not known").replace('_', " ");
        (
            format!("{} · {}", source.kind, source.location),
            source.fingerprint.clone().unwrap_or_else(|| "–".to_owned()),
            outcome,
        )
    });
    GatewayView {
        id: gateway.id.clone(),
        port: gateway.port,
        about: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        rungs: gateway
            .rungs
            .iter()
            .take(MOST)
            .map(|one| rung(&one.name, &one.state, one.elapsed_ms, &one.detail))
            .collect(),
        secrets: secrets.collect(),
    }
}

fn finding_view(finding: &report::Finding, item: &Item, decisions: &Decisions, now: Timestamp) -> FindingView {
    let key = item.node.key;
    // The same words as in the index, by which decisions name a finding.
    let [kind, id] = [&finding.subject.kind, &finding.subject.id].map(|part| crate::index::clipped(part, 300));
    let subject = format!("{kind} {id}").trim().to_owned();
    let waiver = decisions.waivers_of(key, now).find(|waiver| waiver.covers(&finding.code, &subject));
    let covers =
        |one: &&Acknowledgement| one.code == finding.code && one.subject.as_deref().is_none_or(|own| own == subject);
    let acknowledgement = decisions.acknowledgements_of(key).iter().find(covers);
    let severity = match finding.severity.as_str() {
        known @ ("error" | "warning") => known,
        _ => "info",
    };
    let is_waived = waiver.is_some() || finding.waived.is_some();
    FindingView {
        title: title(&finding.code),
        code: finding.code.clone(),
        severity: severity.to_owned(),
        layer: finding.layer.clone(),
        summary: finding.summary.clone(),
        is_root: severity == "error" && finding.explained_by.is_none() && !is_waived,
        evidence: finding
            .evidence
            .iter()
            .take(MOST)
            .map(|one| (one.fact.clone(), one.source.clone(), one.observed_at.map(|at| Moment::new(at, now))))
            .collect(),
        explains: finding.explains.clone(),
        explained_by: finding.explained_by.clone(),
        remedy: finding.remedy.iter().take(MOST).cloned().collect(),
        waived_there: finding.waived.as_ref().map(|one| (Moment::of(one.until, now), one.reason.clone())),
        waiver: waiver.map(|one: &Waiver| Decided {
            id: one.id,
            by: one.by.clone(),
            at: Moment::new(one.at, now),
            until: Moment::new(one.until, now),
            words: one.reason.clone(),
        }),
        acknowledgement: acknowledgement.map(|one| Decided {
            id: one.id,
            by: one.by.clone(),
            at: Moment::new(one.at, now),
            until: Moment::of(None, now),
            words: one.note.clone(),
        }),
        subject,
    }
}
