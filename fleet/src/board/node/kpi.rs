//! The numbers that runbooks ask for, and plots of locks and latencies.

use jiff::Timestamp;

use super::report::Report;
use crate::board::chart::{Line, Lines, Picture, lines};
use crate::board::measures::{Measures, Points};
use crate::board::moment::seconds;

/// One number.
pub(super) struct Kpi {
    /// What it is.
    pub(super) name: &'static str,
    /// The number.
    pub(super) value: String,
    /// How to read it.
    pub(super) about: String,
}

/// The wait above which 95 of 100 newcomers are too many.
const LOCK_BOUND_S: f64 = 2.5;

/// The numbers of a node over a time.
pub(super) fn kpis(report: &Report, measures: &Measures, configurations: &[Timestamp], span: &str) -> Vec<Kpi> {
    let none = || "–".to_owned();
    let count = |value: Option<f64>| value.map_or_else(none, |value| format!("{value:.0}"));
    let sources =
        |sources: &[super::report::TokenSource]| sources.iter().filter(|one| one.fingerprint.is_some()).count();
    let gateway_sources: usize = report.gateways.iter().map(|gateway| sources(&gateway.token_sources)).sum();
    let client_sources: usize = report.clients.iter().map(|client| sources(&client.token_sources)).sum();
    let all = report
        .gateways
        .iter()
        .flat_map(|one| &one.token_sources)
        .chain(report.clients.iter().flat_map(|one| &one.token_sources));
    let mut values: Vec<&String> = all.filter_map(|source| source.fingerprint.as_ref()).collect();
    values.sort();
    values.dedup();
    let pairs = measures.pairing.as_ref();
    let retry = measures
        .pairing_attempts
        .map_or_else(none, |attempts| format!("{:.1} / h", attempts / measures.hours.max(1.0)));
    let attempts = measures.pairing_attempts.map_or_else(
        || "no count yet".to_owned(),
        |attempts| format!("{attempts:.0} connects of devices that are not approved"),
    );
    vec![
        Kpi {
            name: "Time to successful pair",
            value: pairs.map_or_else(none, |one| seconds(one.median)),
            about: pairs.map_or_else(
                || format!("no pairing in the last {span}"),
                |one| format!("median of {}, 95 % within {}", one.count, seconds(one.p95)),
            ),
        },
        Kpi { name: "Gateway restarts", value: count(measures.restarts), about: format!("in the last {span}") },
        Kpi {
            name: "Token sources",
            value: (gateway_sources + client_sources).to_string(),
            about: format!(
                "{gateway_sources} of gateways, {client_sources} of clients; {} different values",
                values.len()
            ),
        },
        Kpi { name: "Pairing retries", value: retry, about: attempts },
        Kpi { name: "Token mismatches", value: count(measures.mismatches), about: format!("in the last {span}") },
        Kpi {
            name: "Configuration",
            value: report.configuration(),
            about: match configurations {
                [] => format!("settings, ports, secrets, units and images: the same for the last {span}"),
                [last, ..] => format!(
                    "settings, ports, secrets, units or images changed {} in the last {span}, at {} last",
                    if configurations.len() == 1 {
                        "once".to_owned()
                    } else {
                        format!("{} times", configurations.len())
                    },
                    last.strftime("%Y-%m-%d %H:%M UTC")
                ),
            },
        },
    ]
}

/// Plots of a node over a time.
pub(super) fn plots(measures: &Measures, span: (Timestamp, Timestamp)) -> Vec<Picture> {
    let line = |(name, points): &(String, Points)| Line { name: name.clone(), points: points.clone() };
    vec![
        lines(&Lines {
            id: "locks",
            title: "Lock waits, 95th percentile",
            about: "95 of 100 newcomers at a random time wait no longer",
            span,
            series: measures.lock_p95.iter().map(line).collect(),
            write: seconds,
            bound: Some((LOCK_BOUND_S, "too long: 2.5 s")),
        }),
        lines(&Lines {
            id: "latency",
            title: "Latency of connects",
            about: "from the beginning of a connect to the challenge and to hello-ok",
            span,
            series: measures.latency.iter().map(line).collect(),
            write: seconds,
            bound: None,
        }),
    ]
}
