//! Causal order, waivers, layers and the verdict.

use std::collections::BTreeMap;

use super::draft::{Draft, Scope};
use super::rules::acceptance::{accepted, unaccepted};
use super::rules::agent::contained as contained_blind;
use super::rules::contained::{judged as judged_gateways, judged_on_host, of};
use super::rules::host::unseen as acceptance_unseen;
use super::rules::mirror::{is_spare, unseen};
use super::rules::network::reached;
use super::rules::ownership::one_owner;
use super::rules::transport::steady;
use super::{Context, Waiver};
use crate::acceptance::Quarantine;
use crate::catalogue::{Code, Layer, Severity};
use crate::order::{Gather as _, Order as _};
use crate::report::{
    Agent, ContainerSummary, Finding, GatewaySummary, LayerState, LayerSummary, NodeSummary, Remedy, Report, RungState,
    RungSummary, SCHEMA, StateDirSummary, Verdict, Waived,
};
use crate::snapshot::{Blind, Gateway, Snapshot};

/// Findings that pass by themselves: they may explain an error without being one, and the verdict then waits.
const TRANSIENT: [Code; 2] = [Code::GatewayStarting, Code::GatewayDraining];

/// Rungs without which those after them are not asked.
const PREREQUISITES: [&str; 5] = ["one-owner", "live", "started", "handshake", "authenticated"];

/// A draft with what was decided about it.
struct Judged {
    draft: Draft,
    waived: Option<Waived>,
    /// The one that explains it.
    cause: Option<Code>,
    /// What it explains.
    explains: Vec<Code>,
}

impl Judged {
    /// Whether it is an error in force.
    fn is_error(&self) -> bool {
        self.draft.severity == Severity::Error && self.waived.is_none()
    }
}

pub(super) fn report(context: Context<'_>, drafts: Vec<Draft>) -> Report {
    let Context { snapshot, policy } = context;
    let judged = judge(context, drafts);
    let gateways: Vec<&Gateway> = judged_gateways(snapshot).collect();
    let mut reached = reached(context);
    let mut steady = steady(snapshot);
    let mut accepted = accepted(snapshot);
    let summaries: Vec<GatewaySummary> = gateways
        .iter()
        .map(|gateway| {
            let id = gateway.id.as_str();
            let later = [reached.remove(id), steady.remove(id), accepted.remove(id)];
            GatewaySummary::new(gateway, snapshot, one_owner(context, gateway), later.into_iter().flatten())
        })
        .collect();
    let blind = blind_spots(snapshot);
    let standings: Vec<Standing<'_>> = gateways
        .iter()
        .zip(&summaries)
        // What is only written down runs nowhere, and so proves nothing and disproves nothing.
        .filter(|(gateway, _)| of(snapshot, gateway).is_none_or(|workload| workload.runtime.is_some()))
        .filter(|(gateway, _)| !is_spare(context, gateway))
        .map(|(gateway, summary)| Standing::new(&Scope::of(gateway), summary, &judged))
        .collect();
    let layers: BTreeMap<Layer, LayerSummary> = [Layer::Transport, Layer::Auth, Layer::Channels, Layer::Alignment]
        .into_iter()
        .filter(|layer| policy.only.is_none_or(|only| only == *layer))
        .map(|layer| (layer, layer_summary(layer, &judged, &standings, &blind)))
        .gather();
    let findings = findings(&judged, policy.only);
    let verdict = verdict(context, &findings, &layers, &standings, &blind);

    let mut root_causes: Vec<Code> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.is_root_cause()) {
        if !root_causes.contains(&finding.code) {
            root_causes.push(finding.code);
        }
    }

    Report {
        schema: SCHEMA.to_owned(),
        generated_at: snapshot.taken_at,
        agent: Agent { version: snapshot.agent_version.clone() },
        node: node(snapshot),
        verdict,
        maintenance: snapshot.maintenance.clone().filter(|maintenance| maintenance.holds(snapshot.taken_at)),
        quarantine: Quarantine::of(snapshot),
        accepted: snapshot.accepted.get().map(Into::into),
        root_causes,
        layers,
        findings,
        gateways: summaries,
        clients: snapshot.clients.iter().map(Into::into).collect(),
        units: snapshot.units.units.iter().map(Into::into).collect(),
        engines: snapshot.engines.iter().map(Into::into).collect(),
        containers: snapshot.workloads.iter().map(|workload| ContainerSummary::new(workload, snapshot)).collect(),
        state_dirs: snapshot.state_dirs.iter().map(|dir| StateDirSummary::new(dir, snapshot)).collect(),
        blind,
    }
}

/// Puts drafts in causal order, each once, and decides who explains whom and what is waived.
fn judge(context: Context<'_>, mut drafts: Vec<Draft>) -> Vec<Judged> {
    drafts.order_by_key(|draft| (draft.code.entry().layer, draft.code.position(), draft.subject.clone()));
    drafts.dedup_by(|later, first| {
        let same = later.code == first.code && later.subject == first.subject;
        if same {
            first.scope.join(later.scope.clone());
            first.severity = first.severity.max(later.severity);
            for piece in later.evidence.drain(..) {
                if !first.evidence.contains(&piece) {
                    first.evidence.push(piece);
                }
            }
        }
        same
    });
    let waivers: Vec<Option<Waived>> = drafts.iter().map(|draft| waiver(context, draft)).collect();
    let causes: Vec<Option<usize>> = (0..drafts.len()).map(|symptom| cause(&drafts, &waivers, symptom)).collect();
    let codes: Vec<Code> = drafts.iter().map(|draft| draft.code).collect();
    drafts
        .into_iter()
        .zip(waivers)
        .enumerate()
        .map(|(index, (draft, waived))| {
            let mut explains: Vec<Code> = Vec::new();
            for (code, cause) in codes.iter().zip(&causes) {
                if *cause == Some(index) && !explains.contains(code) {
                    explains.push(*code);
                }
            }
            let cause = causes.get(index).copied().flatten().and_then(|cause| codes.get(cause)).copied();
            Judged { draft, waived, cause, explains }
        })
        .collect()
}

/// The draft that explains this one: the most upstream of those that may, and of those the one that nothing else explains.
///
/// What is waived explains nothing but what is waived too: an accepted cause does not excuse an error that nobody accepted.
fn cause(drafts: &[Draft], waivers: &[Option<Waived>], symptom: usize) -> Option<usize> {
    let this = drafts.get(symptom)?;
    let is_waived = |index: usize| waivers.get(index).is_some_and(Option::is_some);
    let mut found: Option<usize> = None;
    let mut at = symptom;
    // Follows the chain upwards; the catalogue has no circles, so it ends after at most one step for each draft.
    for _ in 0..drafts.len() {
        let below = drafts.get(at)?;
        let above = drafts.iter().enumerate().position(|(index, draft)| {
            index != at
                && index != symptom
                && (!is_waived(index) || is_waived(symptom))
                && draft.code.entry().explains.contains(&below.code)
                && draft.scope.meets(&below.scope)
                && draft.scope.meets(&this.scope)
                && (draft.severity >= below.severity || TRANSIENT.contains(&draft.code))
        });
        match above {
            Some(index) => {
                found = Some(index);
                at = index;
            }
            None => break,
        }
    }
    found
}

fn waiver(context: Context<'_>, draft: &Draft) -> Option<Waived> {
    let applies = |waiver: &&Waiver| {
        waiver.code == draft.code
            && waiver.subject.as_ref().is_none_or(|subject| *subject == draft.subject.id)
            && waiver.until > context.snapshot.taken_at
    };
    let waiver = context.policy.waivers.iter().find(applies)?;
    Some(Waived { until: waiver.until, reason: waiver.reason.clone() })
}

/// The findings of a layer or of all, root causes first, then the rest by weight.
///
/// All layers are judged before one is picked out, so that what an upstream cause explains is no root cause of its own layer.
fn findings(judged: &[Judged], only: Option<Layer>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = judged
        .iter()
        .filter(|one| only.is_none_or(|only| one.draft.code.entry().layer == only))
        .map(|Judged { draft, waived, cause, explains }| {
            let entry = draft.code.entry();
            let remedy = if draft.remedy.is_empty() {
                entry.remedy.iter().map(|&text| Remedy { text: text.to_owned(), command: None }).collect()
            } else {
                draft.remedy.clone()
            };
            Finding {
                code: draft.code,
                severity: draft.severity,
                layer: entry.layer,
                subject: draft.subject.clone(),
                summary: draft.summary.clone(),
                evidence: draft.evidence.clone(),
                explains: explains.clone(),
                explained_by: *cause,
                remedy,
                waived: waived.clone(),
            }
        })
        .collect();
    findings.order_by_key(|finding| (!finding.is_root_cause(), std::cmp::Reverse(finding.severity)));
    findings
}

/// What could not be seen: what observers say, and facts that are hidden and on which the verdict rests.
fn blind_spots(snapshot: &Snapshot) -> Vec<Blind> {
    let mut blind = snapshot.blind.clone();
    blind.extend(contained_blind(snapshot));
    blind.extend(unaccepted(snapshot));
    blind.extend(unseen(snapshot));
    blind.extend(acceptance_unseen(snapshot));
    let mut add = |what: String, why: Option<&str>| {
        if let Some(why) = why {
            let remedy = "run as root".to_owned();
            blind.push(Blind { what, why: why.to_owned(), remedy, readiness: true });
        }
    };
    add("processes".to_owned(), snapshot.processes.blind());
    add("listeners".to_owned(), snapshot.listeners.blind());
    for gateway in judged_on_host(snapshot) {
        add(format!("configuration of {}", gateway.id), gateway.config.blind());
        if let Some(dir) = gateway.state_dir.as_deref().and_then(|path| snapshot.state_dir(path)) {
            add(format!("state directory {}", dir.path), dir.stat.blind());
        }
    }
    blind
}

/// How one gateway's rungs stand, after waivers and findings of other layers.
struct Standing<'a> {
    /// Rungs that do not hold and that nothing accounts for.
    unproven: Vec<&'a RungSummary>,
    id: &'a str,
    /// A waiver covers a rung without which later ones cannot be asked: the gateway is out of the verdict, and proves nothing.
    set_aside: bool,
}

impl<'a> Standing<'a> {
    fn new(scope: &Scope, summary: &'a GatewaySummary, judged: &[Judged]) -> Self {
        let mine: Vec<&Judged> =
            judged.iter().filter(|one| one.draft.severity == Severity::Error && one.draft.scope.meets(scope)).collect();
        let mut standing = Self { unproven: Vec::new(), id: &summary.id, set_aside: false };
        let mut excused = false;
        for rung in summary.rungs.iter().filter(|rung| rung.state != RungState::Pass) {
            let layer = rung_layer(&rung.rung);
            let may_break = |one: &&&Judged| breaks(one.draft.code, &rung.rung);
            let waived = rung.state == RungState::Fail && mine.iter().filter(may_break).any(|one| one.waived.is_some());
            // The error stands in a layer below, and fails that one.
            let accounted =
                mine.iter().filter(may_break).any(|one| one.waived.is_none() && one.draft.code.entry().layer > layer);
            if waived {
                excused |= PREREQUISITES.contains(&rung.rung.as_str());
            } else if excused && rung.state == RungState::Unknown {
                standing.set_aside = true;
            } else if !accounted {
                standing.unproven.push(rung);
            }
        }
        standing
    }
}

/// Whether a finding says by itself that a rung does not hold.
fn breaks(code: Code, rung: &str) -> bool {
    let layer = code.entry().layer;
    let down = matches!(code, Code::PortSilent | Code::PortForeign | Code::GatewayWedged);
    match rung {
        "one-owner" => {
            down || matches!(
                code,
                Code::PortContended | Code::PortOrphan | Code::UnitPortWar | Code::UnitRelaunchLoop | Code::StateShared
            )
        }
        "ready" => {
            down || matches!(
                code,
                Code::GatewayNotReady | Code::GatewayBreaker | Code::ChannelFailing | Code::ChannelIngress
            )
        }
        "steady" => down || matches!(code, Code::TransportFlaky | Code::TransportSlowChallenge),
        "handshake" => down || code == Code::TransportSlowChallenge,
        "authenticated" => layer == Layer::Auth,
        "channels" => layer == Layer::Channels,
        "reached" => down || layer == Layer::Auth || is_on_the_way(code),
        "accepted" => {
            down || matches!(layer, Layer::Auth | Layer::Channels)
                || is_on_the_way(code)
                || code == Code::GatewayNotReady
        }
        _ => down || code == Code::GatewayNotReady,
    }
}

/// Whether a finding says that a client does not come through to its gateway.
fn is_on_the_way(code: Code) -> bool {
    matches!(
        code,
        Code::UrlLoopbackInNamespace
            | Code::UrlUnresolvable
            | Code::UrlNoSharedNetwork
            | Code::UrlWrongPort
            | Code::UrlWrongScheme
            | Code::UrlPlaintextRefused
            | Code::BindLoopback
            | Code::SocketMissing
            | Code::SocketDenied
            | Code::ProxyUntrusted
            | Code::StateNotShared
    )
}

fn rung_layer(rung: &str) -> Layer {
    match rung {
        "authenticated" => Layer::Auth,
        "channels" | "accepted" => Layer::Channels,
        _ => Layer::Transport,
    }
}

/// A layer fails by a root cause in it; what a finding elsewhere explains leaves it unproven.
fn layer_summary(layer: Layer, judged: &[Judged], standings: &[Standing<'_>], blind: &[Blind]) -> LayerSummary {
    let unknown = |detail: String| LayerSummary { state: LayerState::Unknown, detail };
    let errors = || judged.iter().filter(|one| one.is_error() && one.draft.code.entry().layer == layer);
    if let Some(root) = errors().find(|one| one.cause.is_none()) {
        return LayerSummary { state: LayerState::Fail, detail: root.draft.code.to_string() };
    }
    let behind = errors().find_map(|one| {
        let cause = one.cause?;
        // A channel that keeps `/readyz` red takes nothing from the way to the gateway.
        (layer != Layer::Transport || cause.entry().layer != Layer::Channels).then_some((one.draft.code, cause))
    });
    if let Some((code, cause)) = behind {
        return unknown(format!("{code}, explained by {cause}"));
    }
    if standings.is_empty() {
        return unknown("no gateway to judge".to_owned());
    }
    for standing in standings {
        if let Some(rung) = standing.unproven.iter().find(|rung| rung_layer(&rung.rung) == layer) {
            return unknown(format!("{}: rung `{}`: {}", standing.id, rung.rung, rung.detail));
        }
    }
    if layer == Layer::Alignment
        && let Some(spot) = blind.iter().find(|spot| spot.readiness)
    {
        return unknown(format!("{}: {}", spot.what, spot.why));
    }
    LayerSummary { state: LayerState::Pass, detail: "every rung holds".to_owned() }
}

fn verdict(
    context: Context<'_>,
    findings: &[Finding],
    layers: &BTreeMap<Layer, LayerSummary>,
    standings: &[Standing<'_>],
    blind: &[Blind],
) -> Verdict {
    if findings.iter().any(Finding::is_root_cause) {
        return Verdict::Blocked;
    }
    let in_force = |finding: &&Finding| finding.waived.is_none();
    let unproven = findings.iter().filter(in_force).any(|finding| finding.severity == Severity::Error)
        || layers.values().any(|layer| layer.state != LayerState::Pass)
        || standings.iter().all(|standing| standing.set_aside)
        || matches!(context.policy.only, None | Some(Layer::Node)) && blind.iter().any(|spot| spot.readiness);
    if unproven {
        return Verdict::Unknown;
    }
    if findings.iter().filter(in_force).any(|finding| finding.severity == Severity::Warning) {
        return Verdict::Degraded;
    }
    Verdict::Ready
}

fn node(snapshot: &Snapshot) -> NodeSummary {
    let node = &snapshot.node;
    let system = node.system.get();
    NodeSummary {
        id: node.id.get().map(ToString::to_string),
        hostname: node.hostname.get().cloned(),
        os: system.map(|system| system.name.clone()),
        os_version: system.map(|system| system.version.clone()),
        os_build: system.map(|system| system.build.clone()),
        arch: node.arch.clone(),
        uptime_s: node.host.uptime_s.get().copied(),
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
