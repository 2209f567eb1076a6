//! What of a report is asked about all nodes at once.
//!
//! A report is read leniently: one of a newer agent may hold codes and fields that this server does not know.

use jiff::Timestamp;
use portreeve_core::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most entries of each list, and most bytes of each text: a node cannot make the index large.
const MAX_LIST: usize = 64;
const MAX_TEXT: usize = 300;

/// A report in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Brief {
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// Codes of the root causes, most upstream first.
    pub root_causes: Vec<String>,
    /// What was found, root causes first.
    pub findings: Vec<FindingBrief>,
    /// Whether its gateways answer.
    pub gateways: GatewayState,
    /// Host name.
    pub hostname: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Its build.
    pub os_build: Option<String>,
    /// Processor architecture.
    pub arch: Option<String>,
    /// Versions of `OpenClaw` that run, sorted.
    pub openclaw_versions: Vec<String>,
    /// Images of `OpenClaw`'s containers, sorted.
    pub images: Vec<Image>,
    /// Fingerprints of the device identities that its clients use, sorted.
    pub devices: Vec<String>,
    /// The quarantine that it is in.
    pub quarantine: Option<QuarantineBrief>,
    /// Its last acceptance.
    pub accepted: Option<Accepted>,
    /// That somebody works on it, as the node itself says.
    pub maintenance: Option<MaintenanceBrief>,
    /// Something that readiness depends on was not proven.
    pub unproven: bool,
}

/// A finding in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingBrief {
    /// Its code.
    pub code: String,
    /// `error`, `warning`, `info`.
    pub severity: String,
    /// What it is about: `gateway 18789`.
    pub subject: String,
    /// One sentence.
    pub summary: String,
    /// Whether a waiver of the node takes it out of the verdict.
    pub waived: bool,
    /// Whether another finding explains it.
    pub explained: bool,
}

/// Whether the gateways of a node answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayState {
    /// There is none, or nothing is known of it.
    #[default]
    Unknown,
    /// All that are expected to run answer.
    Up,
    /// One that is expected to run does not.
    Down,
}

/// An image that a container runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// As the definition names it.
    pub reference: String,
    /// Digest by which a registry knows it, or its own id.
    pub digest: Option<String>,
}

/// A quarantine in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct QuarantineBrief {
    /// Since when.
    pub since: Option<Timestamp>,
    /// Acceptances that were tried.
    pub attempts: u64,
    /// What stood against the last.
    pub reasons: Vec<String>,
    /// Whether a person must say that this is the accepted node.
    pub needs_consent: bool,
}

/// An acceptance in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Accepted {
    /// When.
    pub at: Option<Timestamp>,
    /// By whom.
    pub by: String,
    /// Build of the operating system that was accepted.
    pub os_build: Option<String>,
}

/// A maintenance that the node announces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceBrief {
    /// When it ends.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Who announced it.
    pub by: String,
}

impl Brief {
    /// A report in short. What is not there or is no such thing is left out.
    pub fn of(report: &Value) -> Self {
        let node = &report["node"];
        let mut brief = Self {
            verdict: Verdict::deserialize(&report["verdict"]).ok(),
            root_causes: texts(&report["root_causes"]),
            findings: list(&report["findings"]).map(FindingBrief::of).collect(),
            gateways: gateways(&report["gateways"]),
            hostname: text(&node["hostname"]),
            os: text(&node["os"]),
            os_version: text(&node["os_version"]),
            os_build: text(&node["os_build"]),
            arch: text(&node["arch"]),
            openclaw_versions: list(&report["gateways"]).filter_map(|gateway| text(&gateway["version"])).collect(),
            images: list(&report["containers"]).filter_map(Image::of).collect(),
            devices: list(&report["clients"]).filter_map(|client| text(&client["device_id"])).collect(),
            quarantine: QuarantineBrief::of(&report["quarantine"]),
            accepted: Accepted::of(&report["accepted"]),
            maintenance: MaintenanceBrief::of(&report["maintenance"]),
            unproven: unproven(report),
        };
        brief.openclaw_versions.sort();
        brief.openclaw_versions.dedup();
        brief.images.sort();
        brief.images.dedup();
        brief.devices.sort();
        brief.devices.dedup();
        brief
    }
}

impl FindingBrief {
    fn of(finding: &Value) -> Self {
        let subject = &finding["subject"];
        let [kind, id] = [&subject["kind"], &subject["id"]].map(|part| text(part).unwrap_or_default());
        Self {
            code: text(&finding["code"]).unwrap_or_default(),
            severity: text(&finding["severity"]).unwrap_or_default(),
            subject: format!("{kind} {id}").trim().to_owned(),
            summary: text(&finding["summary"]).unwrap_or_default(),
            waived: finding["waived"].is_object(),
            explained: finding["explained_by"].is_string(),
        }
    }
}

impl Image {
    fn of(container: &Value) -> Option<Self> {
        if !matches!(container["role"].as_str(), Some("gateway" | "cli" | "node-host")) {
            return None;
        }
        Some(Self { reference: text(&container["image"])?, digest: text(&container["digest"]) })
    }
}

impl QuarantineBrief {
    fn of(quarantine: &Value) -> Option<Self> {
        quarantine.is_object().then(|| Self {
            since: time(&quarantine["since"]),
            attempts: quarantine["attempts"].as_u64().unwrap_or_default(),
            reasons: texts(&quarantine["reasons"]),
            needs_consent: quarantine["needs_consent"].as_bool().unwrap_or_default(),
        })
    }
}

impl Accepted {
    fn of(accepted: &Value) -> Option<Self> {
        accepted.is_object().then(|| Self {
            at: time(&accepted["at"]),
            by: text(&accepted["by"]).unwrap_or_default(),
            os_build: text(&accepted["os_build"]),
        })
    }
}

impl MaintenanceBrief {
    fn of(maintenance: &Value) -> Option<Self> {
        maintenance.is_object().then(|| Self {
            until: time(&maintenance["until"]),
            reason: text(&maintenance["reason"]),
            by: text(&maintenance["by"]).unwrap_or_default(),
        })
    }
}

/// Whether each gateway that is expected to run answers: by its rung `live`.
fn gateways(gateways: &Value) -> GatewayState {
    let expected = list(gateways).filter(|gateway| gateway["expected"].as_array().is_some_and(|why| !why.is_empty()));
    let (mut answers, mut unseen) = (false, false);
    for gateway in expected {
        let live = list(&gateway["rungs"]).find(|rung| rung["rung"] == "live");
        match live.and_then(|rung| rung["state"].as_str()) {
            Some("fail") => return GatewayState::Down,
            Some("pass") => answers = true,
            _ => unseen = true,
        }
    }
    if answers && !unseen { GatewayState::Up } else { GatewayState::Unknown }
}

/// Whether a layer is neither proven nor said to fail, or something could not be seen that readiness depends on.
fn unproven(report: &Value) -> bool {
    let mut layers = report["layers"].as_object().into_iter().flat_map(|layers| layers.values());
    let mut blind = report["blind"].as_array().into_iter().flatten();
    layers.any(|layer| !matches!(layer["state"].as_str(), Some("pass" | "fail")))
        || blind.any(|one| one["readiness"] == true)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten().take(MAX_LIST)
}

fn texts(value: &Value) -> Vec<String> {
    list(value).filter_map(text).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| clipped(text, MAX_TEXT).to_owned())
}

/// The beginning of a text, cut between characters.
pub(crate) fn clipped(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gateways_answer_only_where_each_of_them_was_asked() {
        let state = |states: &[&str]| {
            let gateway = |state: &&str| json!({ "expected": ["unit"], "rungs": [{ "rung": "live", "state": state }] });
            Brief::of(&json!({ "gateways": states.iter().map(gateway).collect::<Vec<_>>() })).gateways
        };
        assert_eq!(state(&["pass", "pass"]), GatewayState::Up);
        assert_eq!(state(&["pass", "unknown"]), GatewayState::Unknown);
        assert_eq!(state(&["unknown", "pass", "fail"]), GatewayState::Down);
        assert_eq!(state(&[]), GatewayState::Unknown);
    }

    #[test]
    fn what_was_not_proven_is_kept() {
        let unproven = |layer: &str, readiness: bool| {
            let layers = json!({ "transport": { "state": "fail" }, "auth": { "state": layer } });
            Brief::of(&json!({ "layers": layers, "blind": [{ "readiness": readiness }] })).unproven
        };
        assert!(!unproven("pass", false));
        assert!(unproven("unknown", false) && unproven("another", false) && unproven("pass", true));
    }
}
