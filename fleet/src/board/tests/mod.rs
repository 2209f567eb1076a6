//! A small fleet at a fixed time, for tests of what the board makes of it.

mod look;
mod pages;
mod standing;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::Verdict;

use super::decisions::{Acknowledgement, Decisions, Maintenance, Waiver};
use super::look::Look;
use crate::auth::{Role, Viewer};
use crate::index::{
    Accepted, Brief, FindingBrief, GatewayState, Image, LockWait, NodeKey, NodeSummary, Presence, QuarantineBrief,
};

/// Seconds of an hour.
pub(super) const HOUR: i64 = 3_600;

pub(super) fn now() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

pub(super) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(super) fn operator() -> Viewer {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Viewer { name: "alice".to_owned(), role: Role::Operator, csrf: "c5rf".to_owned(), address, has_session: true }
}

/// A node that is ready since an hour, and was heard of 20 s ago.
pub(super) fn node(key: i64, name: &str) -> NodeSummary {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let brief = Brief {
        verdict: Some(Verdict::Ready),
        gateways: GatewayState::Up,
        os: Some("macOS".to_owned()),
        os_version: Some("26.1".to_owned()),
        os_build: Some("25B78".to_owned()),
        openclaw_versions: texts(&["2026.3.2"]),
        images: vec![Image {
            reference: "ghcr.io/openclaw/gateway:stable".to_owned(),
            digest: Some(format!("sha256:{}", "a1".repeat(32))),
        }],
        devices: vec![format!("{key:02}").repeat(16)],
        accepted: Some(Accepted {
            at: Some(ago(48 * HOUR)),
            by: "agent".to_owned(),
            os_build: Some("25B78".to_owned()),
        }),
        ..Brief::default()
    };
    NodeSummary {
        key: NodeKey(key),
        id: format!("id-{key}"),
        name: name.to_owned(),
        hostname: format!("{name}.example.net"),
        agent_version: "0.1.0".to_owned(),
        enrolled_at: ago(90 * 24 * HOUR),
        revoked_at: None,
        last_seen: Some(ago(20)),
        presence: Presence::Present,
        presence_since: ago(24 * HOUR),
        interval_s: 60,
        clock_ahead_s: None,
        since: Some(ago(HOUR)),
        report_at: Some(ago(25)),
        lock_wait: None,
        brief: Arc::new(brief),
    }
}

/// The same with another brief.
pub(super) fn with(node: NodeSummary, change: impl FnOnce(&mut Brief)) -> NodeSummary {
    let mut brief = (*node.brief).clone();
    change(&mut brief);
    NodeSummary { brief: Arc::new(brief), ..node }
}

pub(super) fn finding(code: &str, severity: &str, subject: &str) -> FindingBrief {
    FindingBrief {
        code: code.to_owned(),
        severity: severity.to_owned(),
        subject: subject.to_owned(),
        summary: format!("What is seen of {code}"),
        ..FindingBrief::default()
    }
}

/// The same node, blocked by these errors.
pub(super) fn blocked(node: NodeSummary, errors: &[&str]) -> NodeSummary {
    with(node, |brief| {
        brief.verdict = Some(Verdict::Blocked);
        brief.root_causes = errors.iter().map(|code| (*code).to_owned()).collect();
        brief.findings = errors.iter().map(|code| finding(code, "error", "gateway 18789")).collect();
    })
}

/// The same node, with these warnings.
pub(super) fn degraded(node: NodeSummary, warnings: &[&str]) -> NodeSummary {
    with(node, |brief| {
        brief.verdict = Some(Verdict::Degraded);
        brief.findings = warnings.iter().map(|code| finding(code, "warning", "gateway 18789")).collect();
    })
}

pub(super) fn waiver(id: i64, node: Option<i64>, code: &str, subject: Option<&str>) -> Waiver {
    Waiver {
        id,
        node: node.map(NodeKey),
        code: code.to_owned(),
        subject: subject.map(str::to_owned),
        reason: "a new one is ordered".to_owned(),
        by: "alice".to_owned(),
        at: ago(600),
        until: ago(-HOUR),
    }
}

/// One of each kind.
pub(super) fn nodes() -> Vec<NodeSummary> {
    let lock = |p95_s, purpose: &str, kind: &str| {
        let (purpose, kind) = (purpose.to_owned(), kind.to_owned());
        Some(LockWait { p95_s, purpose, kind, at: ago(60) })
    };
    let silent = with(node(5, "mini-5"), |brief| {
        brief.gateways = GatewayState::Down;
        brief.root_causes = vec!["port.silent".to_owned()];
    });
    let quarantined = with(blocked(node(6, "mini-6"), &[]), |brief| {
        brief.os_build = Some("25C56".to_owned());
        brief.os_version = Some("26.2".to_owned());
        brief.quarantine = Some(QuarantineBrief {
            since: Some(ago(5 * HOUR)),
            attempts: 3,
            reasons: vec!["macOS became another build".to_owned(), "channels did not answer".to_owned()],
            needs_consent: true,
        });
    });
    vec![
        NodeSummary { lock_wait: lock(0.004, "database", "wal-writer"), ..node(1, "mini-1") },
        with(blocked(node(2, "mini-2"), &["token.shadowed", "port.contended"]), |brief| {
            brief.gateways = GatewayState::Down;
        }),
        NodeSummary {
            lock_wait: lock(4.8, "session", "exclusive-file"),
            ..degraded(node(3, "mini-3"), &["mirror.time-machine"])
        },
        blocked(node(4, "mini-10"), &["pairing.unapproved"]),
        NodeSummary {
            presence: Presence::Absent,
            presence_since: ago(2 * HOUR),
            last_seen: Some(ago(2 * HOUR + 180)),
            lock_wait: lock(9.0, "database", "wal-writer"),
            ..silent
        },
        quarantined,
        NodeSummary {
            presence: Presence::New,
            last_seen: None,
            since: None,
            report_at: None,
            brief: Arc::default(),
            ..node(7, "mini-7")
        },
        // A copy of the first, with an older OpenClaw, another image and hostile words.
        with(node(8, "<b>mini-8</b>"), |brief| {
            brief.devices.clone_from(&node(1, "").brief.devices);
            brief.openclaw_versions = vec!["2026.2.26".to_owned()];
            for image in &mut brief.images {
                image.digest = Some(format!("sha256:{}", "b2".repeat(32)));
            }
        }),
    ]
}

pub(super) fn decisions() -> Decisions {
    Decisions::new(
        vec![waiver(1, Some(4), "pairing.unapproved", None)],
        vec![Acknowledgement {
            id: 1,
            node: NodeKey(2),
            code: "token.shadowed".to_owned(),
            subject: None,
            note: "I look after it".to_owned(),
            by: "bob".to_owned(),
            at: ago(300),
        }],
        vec![Maintenance {
            id: 1,
            node: NodeKey(3),
            reason: "a new disk".to_owned(),
            by: "bob".to_owned(),
            at: ago(900),
            until: ago(-2 * HOUR),
        }],
    )
}

pub(super) fn look_at(nodes: Vec<NodeSummary>, decisions: Decisions) -> Look {
    Look::new(nodes.into_iter().map(Arc::new).collect(), Arc::new(decisions), None, now())
}

pub(super) fn look() -> Look {
    look_at(nodes(), decisions())
}

/// Names of nodes.
pub(super) fn names<'a>(items: impl IntoIterator<Item = &'a super::standing::Item>) -> Vec<&'a str> {
    items.into_iter().map(|item| item.node.name.as_str()).collect()
}
