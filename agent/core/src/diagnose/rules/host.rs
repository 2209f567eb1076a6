//! `host.os-changed`, `host.sleep`, `host.auto-update`

use super::super::{Context, Draft, Rule};
use crate::acceptance::{How, Occasion, Quarantine, same_key};
use crate::catalogue::{Code, Severity};
use crate::snapshot::{Blind, Snapshot};

pub(super) const RULES: &[Rule] = &[quarantined, by_hand, sleep, auto_update];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::HostOsChanged, Code::HostSleep, Code::HostAutoUpdate];

fn node_name(snapshot: &Snapshot) -> String {
    snapshot.node.hostname.get().cloned().unwrap_or_else(|| "this node".to_owned())
}

/// The node is another than the one that was accepted.
fn quarantined(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let (Some(quarantine), Some(accepted)) = (Quarantine::of(snapshot), snapshot.accepted.get()) else { return };
    let summary = format!("in quarantine until a full acceptance has passed: {}", quarantine.because());
    let mut draft = Draft::new(Code::HostOsChanged, "node", node_name(snapshot), summary).seen(
        format!("accepted on {} by {}", accepted.at.strftime("%Y-%m-%d %H:%M:%SZ"), accepted.by),
        &snapshot.accepted,
    );
    for occasion in &quarantine.occasions {
        draft = match &occasion.occasion {
            Occasion::SystemChanged { .. } => draft.seen(&occasion.summary, &snapshot.node.system),
            Occasion::HardwareChanged => draft.seen(&occasion.summary, &snapshot.node.id),
            _ => draft.evidence(&occasion.summary, "this look, compared with the record", snapshot.taken_at),
        };
    }
    if let Some(last) = quarantine.last_attempt {
        let times = quarantine.attempts;
        let said = quarantine.reasons.join("; ");
        let words = format!("an acceptance was tried {times} times, and the last was refused: {said}");
        draft = draft.evidence(words, snapshot.accepted.source.clone(), last);
    }
    out.push(if quarantine.needs_consent {
        draft
            .remedy("where this is a copy, keep it from running beside the old node: one identity, one node")
            .command("accept it once the old node is retired", "sudo portreeve accept --moved")
    } else {
        draft
            .command("see what stands against it; the daemon does this by itself", "sudo portreeve check --deep")
            .command("accept it", "sudo portreeve accept")
    });
}

/// A person accepted the node in spite of what the full acceptance said: that stands until one passes.
fn by_hand(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let Some(accepted) = snapshot.accepted.get().filter(|accepted| accepted.how == How::ByHand) else { return };
    if Quarantine::of(snapshot).is_some() {
        return;
    }
    let reason = accepted.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let summary = format!(
        "accepted by hand by {} on {}, and by no full acceptance since{reason}",
        accepted.by,
        accepted.at.strftime("%Y-%m-%d")
    );
    let mut draft = Draft::new(Code::HostOsChanged, "node", node_name(snapshot), summary).severity(Severity::Warning);
    for said in &accepted.in_spite_of {
        draft = draft.evidence(format!("in spite of: {said}"), snapshot.accepted.source.clone(), accepted.at);
    }
    if accepted.in_spite_of.is_empty() {
        draft = draft.seen("the record of the last acceptance", &snapshot.accepted);
    }
    out.push(draft.command("have it accepted by a full acceptance", "sudo portreeve accept"));
}

/// What keeps it from being told whether the node is in quarantine.
pub(crate) fn unseen(snapshot: &Snapshot) -> Vec<Blind> {
    let blind = |why: String, remedy: &str| Blind {
        what: "whether the node is the accepted one".to_owned(),
        why,
        remedy: remedy.to_owned(),
        readiness: true,
    };
    if let Some(why) = snapshot.accepted.blind() {
        let denied = matches!(snapshot.accepted.outcome, crate::fact::Outcome::Denied { .. });
        let remedy = if denied {
            "run as root, or ask the daemon: `portreeve status`"
        } else {
            "see the file, then `portreeve accept --by-hand --reason TEXT` writes it anew"
        };
        return vec![blind(why.to_owned(), remedy)];
    }
    let Some(accepted) = snapshot.accepted.get() else { return Vec::new() };
    let mut out = Vec::new();
    if Quarantine::of(snapshot).is_some() {
        return out;
    }
    if same_key(accepted, snapshot) == Some(false) {
        let why = "it was accepted under another key of fingerprints, so its hardware cannot be compared";
        out.push(blind(why.to_owned(), "`portreeve accept --moved`, where it is"));
    } else if accepted.hardware.is_some()
        && let Some(why) = snapshot.node.id.blind()
    {
        out.push(blind(format!("the hardware's identity: {why}"), "run as root"));
    }
    if accepted.baseline.system.is_some()
        && let Some(why) = snapshot.node.system.blind()
    {
        out.push(blind(format!("the system's build: {why}"), "see why the system does not tell it"));
    }
    out
}

/// The machine may sleep, or stays off after a power failure.
fn sleep(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let power = &snapshot.node.host.power;
    let Some(settings) = power.get() else { return };
    let awake = crate::acceptance::stays_awake(settings);
    let mut said = Vec::new();
    if awake == Some(false) {
        let minutes = settings.sleep_minutes.unwrap_or_default();
        said.push(format!("sleeps after {minutes} idle minutes"));
    }
    if settings.auto_restart == Some(false) {
        said.push("stays off after a power failure".to_owned());
    }
    if said.is_empty() {
        return;
    }
    let said = said.join(", and ");
    let mut draft = Draft::new(Code::HostSleep, "node", node_name(snapshot), format!("this machine {said}"))
        .seen(format!("pmset: {said}"), power);
    if awake == Some(false) {
        draft = draft.command("keep it awake", "sudo pmset -a sleep 0 disksleep 0");
    }
    if settings.auto_restart == Some(false) {
        draft = draft.command("let it start by itself", "sudo pmset -a autorestart 1");
    }
    out.push(draft);
}

/// macOS may restart the machine to install an update.
fn auto_update(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let updates = &snapshot.node.host.updates;
    let Some(settings) = updates.get().filter(|settings| settings.installs_alone() == Some(true)) else { return };
    let critical = if settings.installs_critical == Some(true) { ", security responses too" } else { "" };
    let draft = Draft::new(
        Code::HostAutoUpdate,
        "node",
        node_name(snapshot),
        format!("macOS installs its updates by itself{critical}, and restarts this machine when it likes"),
    );
    out.push(
        draft
            .seen("AutomaticallyInstallMacOSUpdates is on", updates)
            .command(
                "switch it off, and install updates in a maintenance window",
                "sudo defaults write /Library/Preferences/com.apple.SoftwareUpdate AutomaticallyInstallMacOSUpdates -bool false",
            )
            .remedy("on a managed Mac: set it in the profile, which counts more"),
    );
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
