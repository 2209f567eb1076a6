//! Events whose kind takes more than the start of a message to tell.

use super::close::{Close, Phase};
use super::extract::{after, bracketed, number_after, said, text, url_port, value, word_after};
use super::kind::{EventKind, SupervisorName};
use super::line::{Parts, pair, without_parameters};
use super::rules::fault;

pub(super) fn incumbent(parts: &Parts<'_>) -> EventKind {
    let supervisor = match word_after(&parts.message, "running under ").map(|w| w.trim_end_matches(';')) {
        Some("launchd") => SupervisorName::Launchd,
        Some("systemd") => SupervisorName::Systemd,
        _ => SupervisorName::Other,
    };
    EventKind::IncumbentHealthyLeaving { supervisor }
}

pub(super) fn failed_start(parts: &Parts<'_>) -> EventKind {
    let message = &*parts.message;
    if message.contains("gateway already running under ") {
        incumbent(parts)
    } else if message.contains("another gateway instance is already listening") || message.contains("EADDRINUSE") {
        EventKind::AlreadyListening { port: url_port(message) }
    } else if message.contains("could not enter maintenance") || message.contains("CoordinatorContention") {
        EventKind::MaintenanceContention
    } else if message.contains("Another Gateway owner lease is still active") {
        EventKind::OwnerLeaseActive
    } else if message.contains("gateway already running (pid ") {
        EventKind::LockTimeout {
            pid: number_after(message, "(pid "),
            waited_ms: number_after(message, "timeout after "),
        }
    } else if let Some(fault) = fault(message) {
        (fault.build)(parts)
    } else if message.contains("secrets are unavailable") {
        EventKind::StartRefused
    } else {
        EventKind::StartFailed
    }
}

pub(super) fn unreachable(parts: &Parts<'_>) -> EventKind {
    if parts.message.contains("plaintext ws://") {
        EventKind::ClientPlaintextRefused
    } else {
        EventKind::ClientUnreachable {
            port: url_port(&parts.message),
            code: number_after(&parts.message, "gateway closed ("),
        }
    }
}

pub(super) fn approved(parts: &Parts<'_>, automatic: bool) -> EventKind {
    EventKind::DeviceApproved {
        device: pair(&parts.message, "device").map(str::to_owned),
        role: text(parts, "role"),
        automatic,
    }
}

pub(super) fn secrets(parts: &Parts<'_>) -> EventKind {
    let surface = after(&parts.message, "] ")
        .and_then(|rest| rest.split_whitespace().find(|word| word.contains(':') && word.len() > 1))
        .map(|word| said(word.trim_end_matches(':')));
    EventKind::SecretsDegraded { code: said(bracketed(&parts.message).unwrap_or_default()), surface }
}

pub(super) fn closed(parts: &Parts<'_>) -> EventKind {
    // `reason=` of the structured fields is another thing than the close reason in the message.
    let reason = pair(&parts.message, "reason");
    let close = Close {
        code: value(parts, "code").and_then(|code| code.parse().ok()),
        reason: reason.map(said),
        cause: text(parts, "cause"),
        phase: value(parts, "phase").and_then(|name| Phase::from_name(&name)),
        auth_reason: text(parts, "authReason"),
        remote: text(parts, "remote"),
        client: text(parts, "client"),
        duration_ms: value(parts, "durationMs").and_then(|ms| ms.parse().ok()),
    };
    let is_pairing = close.cause.as_deref() == Some("pairing-required")
        || (close.cause.is_none() && reason.is_some_and(|reason| reason.starts_with("pairing required")));
    if !is_pairing {
        return EventKind::ClosedBeforeConnect(close);
    }
    let request_id = value(parts, "requestId").map(|id| said(&id)).or_else(|| {
        let id = after(reason?, "(requestId: ")?.split_once(')')?.0;
        Some(said(id))
    });
    EventKind::PairingRequired { request_id, close }
}

pub(super) fn channel(parts: &Parts<'_>) -> EventKind {
    let channel = parts.subsystem.to_string();
    let Some((account, rest)) = parts.message.strip_prefix('[').and_then(|inner| inner.split_once("] ")) else {
        return EventKind::Other;
    };
    let account = Some(said(account));
    if rest.starts_with("starting provider") {
        EventKind::ChannelStarting { channel, account }
    } else if let Some(reason) = rest.strip_prefix("channel exited") {
        EventKind::ChannelExited {
            channel,
            account,
            reason: (!reason.is_empty()).then(|| said(reason.trim_start_matches([':', ' ']))),
        }
    } else if rest.starts_with("auto-restart skipped, terminal disconnect") {
        EventKind::ChannelTerminal { channel, account }
    } else if rest.starts_with("auto-restart attempt ") {
        EventKind::ChannelRestarting { channel, account, attempt: number_after(rest, "attempt ") }
    } else if rest.starts_with("giving up after ") {
        EventKind::ChannelGaveUp { channel, account }
    } else if rest.contains("409: Conflict") {
        EventKind::ChannelConflict { channel }
    } else {
        EventKind::Other
    }
}

pub(super) fn subagent_failed(parts: &Parts<'_>) -> EventKind {
    EventKind::SubagentFailed { reason: after(without_parameters(&parts.message), "failed: ").map(said) }
}
