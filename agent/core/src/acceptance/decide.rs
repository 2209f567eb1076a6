//! Whether a node is accepted, and by what.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::compare::{Difference, Weight, compare};
use super::occasion::{Occasion, occasions, same_key};
use super::report::Quarantine;
use crate::diagnose::{Policy, diagnose};
use crate::fact::Fact;
use crate::report::{GatewaySummary, Report, RungState, Verdict};
use crate::selftest::Seam;
use crate::snapshot::{ClientKind, Snapshot};

/// Seconds from the first attempt within which what fails may come by itself: after an upgrade an engine can take minutes to start.
pub const PATIENCE_S: i64 = 15 * 60;
/// Seconds until the second attempt; each further one waits twice as long.
const FIRST_RETRY_S: u64 = 30;
/// The longest wait between two attempts, in seconds.
const LAST_RETRY_S: u64 = 3_600;

/// Seconds between two attempts on a node that was never accepted.
const NEVER_ACCEPTED_S: u64 = 86_400;
/// Seconds after which a node that was never accepted, and is ready, is tried.
const SETTLED_S: u64 = 600;

/// What to decide about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// A deep look at the node, with the record of its last acceptance.
    pub snapshot: &'a Snapshot,
    /// Thresholds and waivers.
    pub policy: &'a Policy,
    /// A person says that this is the accepted node on other hardware, and that the old one is retired.
    pub moved: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every check passed, and nothing that was there is gone.
    Accepted,
    /// Something does not hold, and may come by itself.
    NotYet,
    /// Something does not hold.
    Refused,
}

/// Whether a check holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be told.
    Unknown,
}

/// One check of the full acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// `verdict`, `rungs`, `connects`, `locks`, `mirrors`, `command-line`, `selftest`, `comparison`, `identity`.
    pub check: String,
    /// Whether it holds.
    pub state: CheckState,
    /// What decided.
    pub detail: String,
}

/// A decision, with all that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What came of it.
    pub outcome: Outcome,
    /// Why the node had to be accepted anew; empty where nothing called for it.
    pub occasions: Vec<Occasion>,
    /// Since when the node is in quarantine.
    pub since: Option<Timestamp>,
    /// How many acceptances were tried since, with this one.
    pub attempts: u32,
    /// The checks.
    pub checks: Vec<Check>,
    /// What differs from the accepted node.
    pub differences: Vec<Difference>,
    /// What stands against it, in words.
    pub reasons: Vec<String>,
    /// The report on the node without regard to its quarantine.
    pub report: Report,
}

/// Seconds until the next attempt after so many that did not pass.
pub fn retry_after_s(attempts: u32) -> u64 {
    let factor = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    FIRST_RETRY_S.saturating_mul(factor).min(LAST_RETRY_S)
}

/// Seconds after which the daemon tries a full acceptance of a node; none where nothing calls for one, or a person must have a say first.
///
/// In quarantine the first is tried at once, and then again and again. A node that was never accepted is tried once it is proven ready, so
/// that there is something to compare with when it changes; `tried` says when that was done last.
pub fn due_in_s(snapshot: &Snapshot, report: &Report, tried: Option<Timestamp>) -> Option<u64> {
    let left = |wait_s: u64, from: Timestamp| {
        let passed = u64::try_from(snapshot.taken_at.duration_since(from).as_secs()).unwrap_or_default();
        wait_s.saturating_sub(passed)
    };
    if let Some(quarantine) = Quarantine::of(snapshot) {
        let after = |last| left(retry_after_s(quarantine.attempts), last);
        return (!quarantine.needs_consent).then(|| quarantine.last_attempt.map_or(0, after));
    }
    let proven = matches!(report.verdict, Verdict::Ready | Verdict::Degraded);
    (snapshot.accepted.is_absent() && proven).then(|| match tried {
        Some(tried) => left(NEVER_ACCEPTED_S, tried).max(SETTLED_S),
        None => SETTLED_S,
    })
}

/// Decides whether a node is accepted.
///
/// A full acceptance passes when the report has no error and nothing in it is unproven, many connects came through, the locks were watched,
/// the real command line was accepted, no seam failed its self-test, and the comparison shows nothing lost and nothing hidden. What merely
/// changed refuses nothing: upgrades change things, and where a change does harm the report has a finding on it. A warning refuses nothing
/// either.
pub fn decide(question: Question<'_>) -> Decision {
    let Question { snapshot, policy, moved } = question;
    let now = snapshot.taken_at;
    let accepted = snapshot.accepted.get();
    let occasions = accepted.map(|accepted| occasions(accepted, snapshot)).unwrap_or_default();
    let differences = accepted.map(|accepted| compare(&accepted.baseline, &Baseline::of(snapshot))).unwrap_or_default();
    let report = without_quarantine(snapshot, policy);
    let mut checks = vec![
        verdict(&report),
        rungs(&report),
        connects(snapshot, &report),
        locks(snapshot),
        mirrors(snapshot),
        command_line(snapshot, &report),
        selftest(snapshot),
    ];
    checks.push(comparison(snapshot, &differences));
    let consent = identity(snapshot, &occasions, moved);
    let waits = consent.state == CheckState::Pass;
    checks.push(consent);

    let mut reasons: Vec<String> = Vec::new();
    for check in checks.iter().filter(|check| check.state != CheckState::Pass) {
        if check.check == "comparison" && !differences.is_empty() {
            let heavy = differences.iter().filter(|difference| difference.weight.refuses());
            reasons.extend(heavy.map(|difference| difference.summary.clone()));
        } else {
            reasons.push(format!("{}: {}", check.check, check.detail));
        }
    }
    let pending = accepted.and_then(|accepted| accepted.pending_of(&occasions));
    let since = Quarantine::of(snapshot).map(|quarantine| quarantine.since.unwrap_or(now));
    let first = pending.map_or(now, |pending| pending.first);
    let patient = since.is_some() && now.duration_since(first) < SignedDuration::from_secs(PATIENCE_S);
    let outcome = match reasons.is_empty() {
        true => Outcome::Accepted,
        false if patient && waits => Outcome::NotYet,
        false => Outcome::Refused,
    };
    let attempts = pending.map_or(0, |pending| pending.attempts).saturating_add(1);
    Decision { outcome, occasions, since, attempts, checks, differences, reasons, report }
}

/// The report on a node as if it had never been accepted.
fn without_quarantine(snapshot: &Snapshot, policy: &Policy) -> Report {
    let mut judged = snapshot.clone();
    judged.accepted = Fact::absent(snapshot.accepted.source.clone(), snapshot.accepted.at);
    diagnose(&judged, &Policy { only: None, ..policy.clone() })
}

fn check(name: &str, state: CheckState, detail: impl Into<String>) -> Check {
    Check { check: name.to_owned(), state, detail: detail.into() }
}

fn verdict(report: &Report) -> Check {
    let name = "verdict";
    match report.verdict {
        Verdict::Ready => check(name, CheckState::Pass, "ready"),
        Verdict::Degraded => check(name, CheckState::Pass, "ready, with warnings"),
        Verdict::Blocked => {
            let roots: Vec<&str> = report.root_causes.iter().map(|code| code.as_str()).collect();
            check(name, CheckState::Fail, format!("blocked by {}", roots.join(", ")))
        }
        Verdict::Unknown => {
            let spot = report.blind.iter().find(|spot| spot.readiness);
            let why = spot.map_or_else(
                || "readiness is not proven".to_owned(),
                |spot| format!("{} could not be seen: {}", spot.what, spot.why),
            );
            check(name, CheckState::Unknown, why)
        }
    }
}

fn rungs(report: &Report) -> Check {
    if report.gateways.is_empty() {
        return check("rungs", CheckState::Unknown, "there is no gateway to judge");
    }
    let rungs = || report.gateways.iter().flat_map(|gateway| gateway.rungs.iter().map(move |rung| (gateway, rung)));
    let first = |state: RungState| rungs().find(|(_, rung)| rung.state == state);
    let told = |(gateway, rung): (&GatewaySummary, &crate::report::RungSummary)| {
        format!("gateway on port {}: {}: {}", gateway.port, rung.rung, rung.detail)
    };
    match (first(RungState::Fail), first(RungState::Unknown)) {
        (Some(failed), _) => check("rungs", CheckState::Fail, told(failed)),
        (None, Some(open)) => check("rungs", CheckState::Unknown, told(open)),
        (None, None) => check("rungs", CheckState::Pass, format!("{} hold", rungs().count())),
    }
}

/// A rung that only a deep look has, on every gateway that is judged.
fn deep_rung(report: &Report, rung: &str, name: &str, is_due: impl Fn(&GatewaySummary) -> bool, idle: &str) -> Check {
    let due: Vec<&GatewaySummary> = report.gateways.iter().filter(|gateway| is_due(gateway)).collect();
    let mut detail = idle.to_owned();
    for gateway in &due {
        let found = gateway.rungs.iter().find(|one| one.rung == rung);
        let of = |text: &str| format!("gateway on port {}: {text}", gateway.port);
        match found {
            None => return check(name, CheckState::Unknown, of("it was not tried")),
            Some(found) if found.state == RungState::Fail => return check(name, CheckState::Fail, of(&found.detail)),
            Some(found) if found.state == RungState::Unknown => {
                return check(name, CheckState::Unknown, of(&found.detail));
            }
            Some(found) => detail.clone_from(&found.detail),
        }
    }
    check(name, CheckState::Pass, detail)
}

fn connects(snapshot: &Snapshot, report: &Report) -> Check {
    // A gateway in a container is connected to by its clients, and from this node where a port is published.
    let is_due = |gateway: &GatewaySummary| {
        let clients = snapshot.clients.iter().filter(|client| client.gateway.as_ref() == Some(&gateway.id));
        gateway.workload.is_none() || clients.into_iter().any(|client| client.workload.is_some())
    };
    deep_rung(report, "steady", "connects", is_due, "no gateway is connected to from here")
}

fn command_line(snapshot: &Snapshot, report: &Report) -> Check {
    let is_due = |gateway: &GatewaySummary| {
        let mine = |client: &&crate::snapshot::Client| {
            client.kind == ClientKind::Cli && client.gateway.as_ref() == Some(&gateway.id)
        };
        snapshot.clients.iter().any(|client| mine(&client))
    };
    deep_rung(report, "accepted", "command-line", is_due, "no command line leads to a gateway of this node")
}

fn locks(snapshot: &Snapshot) -> Check {
    let dirs: Vec<&str> = snapshot.host_gateways().filter_map(|gateway| gateway.state_dir.as_deref()).collect();
    let watched = |dir: &str| snapshot.lock_waits.iter().find(|wait| wait.state_dir == dir);
    if let Some(dir) = dirs.iter().find(|dir| watched(dir).is_none()) {
        return check("locks", CheckState::Unknown, format!("locks of {dir} were not watched"));
    }
    let longest = snapshot.lock_waits.iter().map(|wait| wait.watched_s).fold(0.0_f64, f64::max);
    let detail = match dirs.len() {
        0 => "no gateway of this node has its state here".to_owned(),
        _ => format!("watched for {longest:.0} s"),
    };
    check("locks", CheckState::Pass, detail)
}

/// Mirrors that copy are findings, and those that could not be seen leave the verdict open; here it counts that they were looked for.
fn mirrors(snapshot: &Snapshot) -> Check {
    if let Some(why) = snapshot.time_machine.blind() {
        return check("mirrors", CheckState::Unknown, format!("Time Machine could not be seen: {why}"));
    }
    let copying = snapshot.mirrors.iter().filter(|mirror| mirror.is_in_force()).count();
    let excluded = snapshot
        .time_machine
        .get()
        .into_iter()
        .flat_map(|machine| &machine.dirs)
        .filter(|dir| dir.excluded.get().is_some())
        .count();
    let machine = if snapshot.time_machine.is_absent() {
        "no Time Machine on this system".to_owned()
    } else {
        format!("{excluded} excluded from Time Machine")
    };
    check("mirrors", CheckState::Pass, format!("{machine}, {copying} copied by others"))
}

/// What a self test of this system by this agent said, where one was run. What comes through a seam that failed is not seen anyway.
fn selftest(snapshot: &Snapshot) -> Check {
    let name = "selftest";
    let build = snapshot.node.system.get().map(|system| system.build.as_str());
    if let Some(why) = snapshot.selftest.blind() {
        return check(name, CheckState::Unknown, format!("the last result cannot be read: {why}"));
    }
    let Some(test) = snapshot.selftest.get().filter(|test| test.covers(build, &snapshot.agent_version)) else {
        return check(name, CheckState::Pass, "none was run on this system by this agent");
    };
    let failed: Vec<&str> = test.failed().filter(|seam| seam.bears_on_readiness()).map(Seam::name).collect();
    if failed.is_empty() {
        check(name, CheckState::Pass, "passed on this system")
    } else {
        check(name, CheckState::Fail, format!("failed: {}", failed.join(", ")))
    }
}

fn comparison(snapshot: &Snapshot, differences: &[Difference]) -> Check {
    let name = "comparison";
    if let Some(why) = snapshot.accepted.blind() {
        return check(name, CheckState::Unknown, format!("the record of the last acceptance cannot be read: {why}"));
    }
    let Some(accepted) = snapshot.accepted.get() else {
        return check(name, CheckState::Pass, "the node was never accepted: there is nothing to compare with");
    };
    let of = |weight: Weight| differences.iter().filter(|difference| difference.weight == weight).count();
    let (lost, unseen, changed) = (of(Weight::Lost), of(Weight::Unseen), of(Weight::Changed));
    let at = accepted.at.strftime("%Y-%m-%d %H:%M:%SZ");
    if lost + unseen == 0 {
        return check(name, CheckState::Pass, format!("nothing that was there on {at} is gone, {changed} changed"));
    }
    let state = if lost > 0 { CheckState::Fail } else { CheckState::Unknown };
    check(name, state, format!("since {at} {lost} lost, {unseen} not seen, {changed} changed"))
}

/// A copy of a node must not go on as the old one: other hardware needs a person's word.
fn identity(snapshot: &Snapshot, occasions: &[Occasion], moved: bool) -> Check {
    let name = "identity";
    let Some(accepted) = snapshot.accepted.get() else {
        return check(name, CheckState::Pass, "the node was never accepted");
    };
    if moved {
        return check(name, CheckState::Pass, "a person says that this is the accepted node");
    }
    if occasions.iter().any(Occasion::needs_consent) {
        let detail = "the hardware is another one; say with `--moved` that the old node is retired";
        return check(name, CheckState::Fail, detail);
    }
    if same_key(accepted, snapshot) == Some(false) {
        let detail = "the key of the fingerprints is another one; say with `--moved` that this is the accepted node";
        return check(name, CheckState::Unknown, detail);
    }
    check(name, CheckState::Pass, "the hardware is the same")
}
