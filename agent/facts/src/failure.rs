//! The client's typed errors as the snapshot keeps them.

use nix::errno::Errno;
use portreeve_core::snapshot::{Failure, FailureKind, Phase};
use portreeve_openclaw::client::{self, ConnectError, ErrorKind, RequestError, RequestErrorKind};
use portreeve_openclaw::http::{HttpPhase, ProbeError, ProbeErrorKind};
use portreeve_openclaw::protocol::Rejection;

/// A connect that failed.
pub fn of_connect(error: &ConnectError) -> Failure {
    of_kind(phase(error.phase), &error.kind)
}

/// A request after `hello-ok` that failed.
pub fn of_request(error: &RequestError) -> Failure {
    let message = format!("`{}`: {}", error.method, error.kind);
    match &error.kind {
        RequestErrorKind::Refused(rejection) => {
            with_rejection(Failure::new(Phase::After, FailureKind::Rejected, message), rejection)
        }
        RequestErrorKind::Timeout { .. } => Failure::new(Phase::After, FailureKind::Timeout, message),
        RequestErrorKind::Ended(kind) => Failure { message, ..of_kind(Phase::After, kind) },
        _ => Failure::new(Phase::After, FailureKind::Malformed, message),
    }
}

/// An HTTP probe that failed.
pub fn of_probe(error: &ProbeError) -> Failure {
    let phase = match error.phase {
        HttpPhase::Dns => Phase::Dns,
        HttpPhase::Tcp => Phase::Tcp,
        HttpPhase::Tls => Phase::Tls,
        HttpPhase::Response | HttpPhase::Body => Phase::Http,
    };
    match &error.kind {
        ProbeErrorKind::Connection(kind) => of_kind(phase, kind),
        other => Failure::new(phase, FailureKind::Malformed, other.to_string()),
    }
}

fn phase(phase: client::Phase) -> Phase {
    match phase {
        client::Phase::Dns => Phase::Dns,
        client::Phase::Tcp => Phase::Tcp,
        client::Phase::Tls => Phase::Tls,
        client::Phase::Upgrade => Phase::Http,
        client::Phase::Challenge => Phase::Challenge,
        client::Phase::Connect => Phase::Connect,
        client::Phase::Session => Phase::After,
    }
}

/// The name of a system's error: `ECONNREFUSED`.
pub fn name(errno: Errno) -> String {
    format!("{errno:?}")
}

fn of_kind(phase: Phase, error: &ErrorKind) -> Failure {
    let kind = match error {
        _ if error.is_starting() => FailureKind::Starting,
        ErrorKind::Dns { .. } => FailureKind::Unresolved,
        ErrorKind::Refused => FailureKind::Refused,
        ErrorKind::Timeout { .. }
        | ErrorKind::ChallengeTimeout { .. }
        | ErrorKind::Io { errno: Some(Errno::ETIMEDOUT), .. } => FailureKind::Timeout,
        ErrorKind::Reset { .. } | ErrorKind::Abnormal { .. } => FailureKind::Reset,
        ErrorKind::Tls(_) => FailureKind::Tls,
        ErrorKind::UpgradeRefused(_) => FailureKind::HttpStatus,
        ErrorKind::NotHttp { .. } | ErrorKind::NotWebSocket { .. } => FailureKind::NotHttp,
        ErrorKind::Rejected { .. } => FailureKind::Rejected,
        ErrorKind::Closed(_) => FailureKind::Closed,
        ErrorKind::ChallengeMalformed { .. } => FailureKind::NotOpenClaw,
        ErrorKind::Protocol { .. } | ErrorKind::FrameTooLarge { .. } => FailureKind::Malformed,
        _ => FailureKind::Unreachable,
    };
    let mut failure = Failure::new(phase, kind, error.to_string());
    failure.errno = error.errno().map(name);
    if let Some(close) = error.close() {
        failure.close_code = Some(close.code);
        failure.close_reason = Some(close.reason.as_str().to_owned()).filter(|reason| !reason.is_empty());
    }
    match error {
        ErrorKind::UpgradeRefused(refusal) => Failure {
            http_status: Some(refusal.status),
            reason: refusal.error_type.clone(),
            retry_after_ms: refusal.retry_after_s.map(|seconds| seconds.saturating_mul(1000)),
            ..failure
        },
        ErrorKind::Rejected { rejection, .. } => with_rejection(failure, rejection),
        _ => failure,
    }
}

fn with_rejection(failure: Failure, rejection: &Rejection) -> Failure {
    let said = rejection.message.as_str();
    let message = if said.is_empty() { failure.message } else { format!("{}: {said}", failure.message) };
    let pairing_reason = rejection.pairing_reason.as_ref().map(|reason| reason.as_str().to_owned());
    Failure {
        message,
        code: Some(rejection.code.as_str().to_owned()),
        detail_code: rejection.detail.as_ref().map(|detail| detail.as_str().to_owned()),
        reason: pairing_reason.or_else(|| rejection.reason.as_ref().map(|reason| reason.as_str().to_owned())),
        request_id: rejection.request_id.clone(),
        device_id: rejection.device_id.clone(),
        retry_after_ms: rejection.retry_after_ms,
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_said_keeps_its_name() {
        let of = |errno: Errno| of_kind(Phase::Tcp, &ErrorKind::from_io(&std::io::Error::from(errno)));
        for (errno, kind) in [
            (Errno::ECONNREFUSED, FailureKind::Refused),
            (Errno::ECONNRESET, FailureKind::Reset),
            (Errno::EPIPE, FailureKind::Reset),
            (Errno::EHOSTUNREACH, FailureKind::Unreachable),
            (Errno::ENETUNREACH, FailureKind::Unreachable),
            (Errno::EADDRNOTAVAIL, FailureKind::Unreachable),
            (Errno::ETIMEDOUT, FailureKind::Timeout),
        ] {
            assert_eq!((of(errno).errno, of(errno).kind), (Some(name(errno)), kind));
        }
        let ended = of_kind(Phase::Http, &ErrorKind::Reset { errno: None });
        assert_eq!((ended.errno, name(Errno::ECONNREFUSED)), (None, "ECONNREFUSED".to_owned()));
    }
}
