//! Rungs 2 to 5: HTTP probes, handshake, connect, channels.
//!
//! The secret is sent only where the caller says that the listener is the gateway it belongs to: whoever else holds the port gets the
//! handshake and nothing more.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::diagnose::account_fails;
use portreeve_core::snapshot::{
    AccountStatus, Challenge, ChannelStatus, ChannelsAnswer, EventLoop, Failure, FailureKind, Hello, Ladder, Liveness,
    Pairing, Phase, Probe, Readiness, Startup,
};
use portreeve_openclaw::client::{self, ClockSkew, ConnectError, Connection, Deadlines, Opened, Timings};
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::http::{Answer, Body, HttpDeadlines, ProbeError, Prober, StartupState};
use portreeve_openclaw::protocol::{ChannelsStatus, ClientIdentity, ConnectParams, Credential};

use tokio::time::timeout_at;

use crate::failure::{of_connect, of_probe, of_request};
use crate::pairing::pairing;
use crate::written::Written;

/// How long a channel may take to answer its probe.
const CHANNEL_PROBE: Duration = Duration::from_secs(4);
/// How long the gateway may take to answer for all channels.
const CHANNELS_DEADLINE: Duration = Duration::from_secs(8);
/// How long the gateway may take for anything else.
const REQUEST_DEADLINE: Duration = Duration::from_secs(8);

/// How the gateway says that it gave up on the audit of an account's groups. Of many groups it always does, and nothing here rests on it.
const LATE_AUDIT: &str = "audit timed out after ";

/// What one gateway answered.
#[derive(Debug)]
pub struct Climb {
    /// The rungs.
    pub ladder: Ladder,
    /// The gateway's list of devices.
    pub pairing: Fact<Pairing>,
    /// What the gateway says of the configuration on disk; asked for only where the file is newer than the gateway.
    pub written: Option<Written>,
}

/// Whether to ask for the configuration's hash, which costs the gateway half a second after each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigRevision {
    /// Ask where the file was modified after the gateway started.
    ModifiedAt(Timestamp),
    /// Do not ask.
    Unknown,
}

/// A gateway that is not asked anything.
pub fn unasked(why: &str, port: u16, at: Timestamp) -> Climb {
    Climb { ladder: untried(why, port, at), pairing: Fact::unreadable(why, "device.pair.list", at), written: None }
}

/// Rungs of a gateway that is not asked anything.
pub fn untried(why: &str, port: u16, at: Timestamp) -> Ladder {
    Ladder {
        target: format!("ws://127.0.0.1:{port}"),
        healthz: Probe::not_tried(why, at),
        startupz: Probe::not_tried(why, at),
        readyz: Probe::not_tried(why, at),
        handshake: Probe::not_tried(why, at),
        connect: Probe::not_tried(why, at),
        channels: Probe::not_tried(why, at),
    }
}

/// Asks one gateway everything. `secret` is what to connect with, or why no connect is to be tried.
pub async fn climb(target: &Target, secret: Result<Credential, String>, revision: ConfigRevision) -> Climb {
    let (http, session) = tokio::join!(http(target), session(target, secret, revision));
    climbed(target, http, session)
}

type Http = (Probe<Liveness>, Probe<Startup>, Probe<Readiness>);

fn climbed(target: &Target, (healthz, startupz, readyz): Http, session: Session) -> Climb {
    Climb {
        ladder: Ladder {
            target: format!("{}://{}", target.scheme().as_str(), target.authority()),
            healthz,
            startupz,
            readyz,
            handshake: session.handshake,
            connect: session.connect,
            channels: session.channels,
        },
        pairing: session.pairing,
        written: session.written,
    }
}

/// As [`climb`], with what has come by the deadline: an HTTP probe that has no answer then failed, and the rungs above were not tried.
pub async fn climb_by(
    target: &Target,
    secret: Result<Credential, String>,
    revision: ConfigRevision,
    by: tokio::time::Instant,
) -> Climb {
    let why = "the probe's own deadline came first";
    let at = now();
    let begun = Instant::now();
    let (http, session) = tokio::join!(timeout_at(by, http(target)), timeout_at(by, session(target, secret, revision)));
    let (healthz, startupz, readyz) = http.unwrap_or_else(|_| {
        let elapsed = begun.elapsed();
        let failure =
            Failure::new(Phase::Http, FailureKind::Timeout, format!("no answer within {} ms", elapsed.as_millis()));
        let elapsed = milliseconds(elapsed);
        (
            Probe::failed(failure.clone(), elapsed, at),
            Probe::failed(failure.clone(), elapsed, at),
            Probe::failed(failure, elapsed, at),
        )
    });
    let session = session.unwrap_or_else(|_| unanswered(Probe::not_tried(why, at), Probe::not_tried(why, at), why, at));
    climbed(target, (healthz, startupz, readyz), session)
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Asks `/healthz`, `/startupz` and `/readyz` at once, without a secret.
pub async fn http(target: &Target) -> Http {
    let at = now();
    let prober = match Prober::new(target, HttpDeadlines::default()).await {
        Ok(prober) => prober,
        Err(error) => {
            let failure = of_probe(&error);
            let elapsed = milliseconds(error.elapsed);
            return (
                Probe::failed(failure.clone(), elapsed, at),
                Probe::failed(failure.clone(), elapsed, at),
                Probe::failed(failure, elapsed, at),
            );
        }
    };
    let all = prober.all().await;
    let live = answer(all.liveness, at, |_, _| Liveness { ok: true });
    let startup = answer(all.startup, at, |_, startup| {
        let (status, pending_reason) = match &startup.state {
            StartupState::Started => ("started", None),
            StartupState::Starting { pending_reason } => ("starting", pending_reason.as_ref()),
            StartupState::Draining => ("draining", None),
        };
        Startup {
            status: status.to_owned(),
            pending_reason: pending_reason.map(|reason| reason.as_str().to_owned()),
            version: startup.version.clone(),
            uptime_ms: startup.uptime_ms,
        }
    });
    let ready = answer(all.readiness, at, |_, ready| Readiness {
        ready: ready.ready,
        detailed: ready.detailed,
        failing: ready.failing.iter().map(|item| item.as_str().to_owned()).collect(),
        suppressed: ready.suppressed.iter().map(|item| item.as_str().to_owned()).collect(),
        event_loop: ready.event_loop.as_ref().map(|state| EventLoop {
            degraded: state.degraded.unwrap_or(false),
            delay_max_ms: state.delay_max_ms,
            utilization: state.utilization,
        }),
    });
    (live, startup, ready)
}

fn answer<T, U>(asked: Result<Answer<T>, ProbeError>, at: Timestamp, make: impl Fn(u16, &T) -> U) -> Probe<U> {
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return Probe::failed(of_probe(&error), milliseconds(error.elapsed), at),
    };
    let elapsed = milliseconds(answer.elapsed);
    match &answer.body {
        Body::Known(body) => Probe::answered(make(answer.status, body), elapsed, at),
        Body::ProxyAttributionRequired => {
            let message = "a proxy that the gateway does not trust stands between: HTTP status 403";
            let mut failure = Failure::new(Phase::Http, FailureKind::HttpStatus, message);
            failure.http_status = Some(answer.status);
            failure.reason = Some("proxy_attribution_required".to_owned());
            Probe::failed(failure, elapsed, at)
        }
        Body::Foreign => {
            let message = format!("the answer is not that of an OpenClaw gateway: HTTP status {}", answer.status);
            let mut failure = Failure::new(Phase::Http, FailureKind::NotOpenClaw, message);
            failure.http_status = Some(answer.status);
            Probe::failed(failure, elapsed, at)
        }
    }
}

/// Handshake with whoever listens at `target`, and `connect` without a device where there is a secret that it may be shown: neither leaves
/// a record at the gateway. `secret` is as with [`climb`].
pub async fn reach(target: &Target, secret: Result<Credential, String>) -> (Probe<Challenge>, Probe<Hello>) {
    let at = now();
    reach_on(client::open(target, &Deadlines::default()).await, secret, at).await
}

/// As [`reach`], on a handshake that was begun `at` a time before it was known whether whoever listens may be shown the secret.
pub async fn reach_on(
    opened: Result<Opened, ConnectError>,
    secret: Result<Credential, String>,
    at: Timestamp,
) -> (Probe<Challenge>, Probe<Hello>) {
    let connected = match (opened, secret) {
        (Ok(opened), Ok(secret)) => opened.connect(reader(secret), &Deadlines::default()).await,
        (Ok(opened), Err(why)) => {
            let greeting = opened.leave().await;
            return (challenge(&greeting.timings, greeting.clock_skew, at), Probe::not_tried(why, at));
        }
        (Err(error), Ok(_)) => Err(error),
        (Err(error), Err(why)) => return (no_challenge(&error, at), Probe::not_tried(why, at)),
    };
    match connected {
        Ok(connection) => {
            let answers = greeted(&connection, at);
            connection.close().await;
            answers
        }
        Err(error) => refused(&error, at),
    }
}

fn reader(secret: Credential) -> ConnectParams {
    ConnectParams::reader(ClientIdentity::Cli, secret)
}

struct Session {
    handshake: Probe<Challenge>,
    connect: Probe<Hello>,
    channels: Probe<ChannelsAnswer>,
    pairing: Fact<Pairing>,
    written: Option<Written>,
}

async fn session(target: &Target, secret: Result<Credential, String>, revision: ConfigRevision) -> Session {
    let at = now();
    let secret = match secret {
        Ok(secret) => secret,
        Err(why) => {
            let (handshake, connect) = reach(target, Err(why.clone())).await;
            return unanswered(handshake, connect, &why, at);
        }
    };
    match client::connect(target, reader(secret), &Deadlines::default()).await {
        Ok(connection) => authenticated(connection, revision, at).await,
        Err(error) => {
            let (handshake, connect) = refused(&error, at);
            unanswered(handshake, connect, "the connect failed", at)
        }
    }
}

fn refused(error: &ConnectError, at: Timestamp) -> (Probe<Challenge>, Probe<Hello>) {
    if error.phase < client::Phase::Connect {
        return (no_challenge(error, at), Probe::not_tried("the handshake failed", at));
    }
    let connect = Probe::failed(of_connect(error), error.timings.connect.map_or(0.0, milliseconds), at);
    (challenge(&error.timings, error.clock_skew, at), connect)
}

fn no_challenge(error: &ConnectError, at: Timestamp) -> Probe<Challenge> {
    Probe::failed(of_connect(error), milliseconds(error.timings.total()), at)
}

fn greeted(connection: &Connection, at: Timestamp) -> (Probe<Challenge>, Probe<Hello>) {
    let timings = connection.timings();
    let hello = connection.hello();
    let greeting = Hello {
        server_version: hello.server.version.clone(),
        protocol: hello.protocol.unwrap_or_default(),
        boot_id: hello.server.boot_id.clone(),
        scopes: hello.auth.scopes.clone(),
        tick_interval_ms: hello.policy.tick_interval_ms,
        applied_config_hash: hello.applied_config_hash.clone(),
    };
    let connect = Probe::answered(greeting, timings.connect.map_or(0.0, milliseconds), at);
    (challenge(timings, connection.clock_skew(), at), connect)
}

fn unanswered(handshake: Probe<Challenge>, connect: Probe<Hello>, why: &str, at: Timestamp) -> Session {
    Session {
        handshake,
        connect,
        channels: Probe::not_tried(why, at),
        pairing: Fact::unreadable(why, "device.pair.list", at),
        written: None,
    }
}

fn challenge(timings: &Timings, skew: Option<ClockSkew>, at: Timestamp) -> Probe<Challenge> {
    let before = [timings.dns, timings.tcp, timings.tls, timings.upgrade, timings.challenge];
    let total: Duration = before.into_iter().flatten().sum();
    let answer = Challenge {
        tcp_ms: timings.tcp.map_or(0.0, milliseconds),
        challenge_ms: timings.challenge.map_or(0.0, milliseconds),
        skew_ms: skew.map(|skew| skew.offset_ms),
        skew_uncertainty_ms: skew.map(|skew| skew.uncertainty_ms),
    };
    Probe::answered(answer, milliseconds(total), at)
}

async fn authenticated(mut connection: Connection, revision: ConfigRevision, at: Timestamp) -> Session {
    let (handshake, connect) = greeted(&connection, at);
    let uptime = connection.hello().uptime_ms;
    let started = Instant::now();
    let asked_at = now();
    let channels = match connection.channels_status(Some(CHANNEL_PROBE), CHANNELS_DEADLINE).await {
        Ok(status) => match channels(&status) {
            Ok(answer) => Probe::answered(answer, milliseconds(started.elapsed()), asked_at),
            Err(why) => {
                let failure = Failure::new(Phase::After, FailureKind::Malformed, why);
                Probe::failed(failure, milliseconds(started.elapsed()), asked_at)
            }
        },
        Err(error) => Probe::failed(of_request(&error), milliseconds(error.elapsed), asked_at),
    };
    let asked_at = now();
    let pairing = match connection.pairing_list(REQUEST_DEADLINE).await {
        Ok(list) => Fact::known(pairing(&list), "device.pair.list", asked_at),
        Err(error) => refusal(&of_request(&error), asked_at),
    };
    let written = if is_newer(revision, uptime) { Written::ask(&mut connection).await } else { None };
    connection.close().await;
    Session { handshake, connect, channels, pairing, written }
}

fn refusal<T>(failure: &Failure, at: Timestamp) -> Fact<T> {
    match failure.kind {
        FailureKind::Rejected => Fact::denied(failure.message.clone(), "device.pair.list", at),
        _ => Fact::unreadable(failure.message.clone(), "device.pair.list", at),
    }
}

fn is_newer(revision: ConfigRevision, uptime_ms: Option<u64>) -> bool {
    let (ConfigRevision::ModifiedAt(modified), Some(uptime)) = (revision, uptime_ms) else { return false };
    let age = now().duration_since(modified).as_millis();
    age < i128::from(uptime)
}

/// What the gateway told of its channels. A part of it without a failure proves nothing: what was left out may be what fails.
pub(crate) fn channels(status: &ChannelsStatus) -> Result<ChannelsAnswer, &'static str> {
    let answer = told(status);
    let fails = answer.channels.iter().flat_map(|channel| &channel.accounts).any(|account| {
        account_fails(account) || account.enabled && account.configured && account.ingress_ok == Some(false)
    });
    if fails || is_whole(status) {
        Ok(answer)
    } else {
        Err("only a part of the channels' state was told in time or could be read")
    }
}

/// Whether the state of every account was told: the gateway says of each whether it is configured.
fn is_whole(status: &ChannelsStatus) -> bool {
    let mut errors = status.accounts().filter_map(|(_, account)| account.last_error.as_ref());
    status.unreadable == 0
        && (!status.partial || errors.any(|error| error.as_str().starts_with(LATE_AUDIT)))
        && status.accounts().all(|(_, account)| account.configured.is_some() || account.enabled == Some(false))
}

fn told(status: &ChannelsStatus) -> ChannelsAnswer {
    let text =
        |value: &Option<portreeve_openclaw::protocol::text::Text>| value.as_ref().map(|text| text.as_str().to_owned());
    let channels = status.channels.iter().map(|(id, accounts)| ChannelStatus {
        id: id.clone(),
        configured: accounts.iter().any(|account| account.configured.unwrap_or(false)),
        accounts: accounts
            .iter()
            .map(|account| AccountStatus {
                id: account.account_id.clone(),
                enabled: account.enabled.unwrap_or(true),
                configured: account.configured.unwrap_or(false),
                running: account.running.unwrap_or(false),
                connected: account.connected,
                lifecycle: text(&account.lifecycle),
                health_state: text(&account.health_state),
                last_error: text(&account.last_error),
                probe_ok: account.probe.as_ref().and_then(|probe| probe.ok),
                probe_error: account.probe.as_ref().and_then(|probe| text(&probe.error)),
                ingress_ok: ingress(status, id, &account.account_id),
            })
            .collect(),
    });
    ChannelsAnswer { channels: channels.collect() }
}

/// `Some(false)` where the gateway itself says that an account lacks the intent or permission to receive.
fn ingress(status: &ChannelsStatus, channel: &str, account: &str) -> Option<bool> {
    let deaf = status.status_issues.iter().any(|issue| {
        issue.channel == channel
            && issue.account_id.as_deref().is_none_or(|id| id == account)
            && issue.kind.as_ref().is_some_and(|kind| matches!(kind.as_str(), "intent" | "permissions"))
    });
    deaf.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(text: &str) -> bool {
        channels(&serde_json::from_str(text).unwrap()).is_ok()
    }

    #[tokio::test]
    async fn who_takes_a_connection_and_says_nothing_did_not_answer() {
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::from_url(&format!("ws://{}", mute.local_addr().unwrap())).unwrap();
        let by = tokio::time::Instant::now() + Duration::from_millis(200);
        let climb = climb_by(&target, Err("none".to_owned()), ConfigRevision::Unknown, by).await;
        let failure = climb.ladder.healthz.failure().unwrap();
        assert_eq!((failure.phase, failure.kind), (Phase::Http, FailureKind::Timeout));
        assert!(climb.ladder.handshake.not_tried_because().is_some());
    }

    #[test]
    fn a_part_of_the_channels_state_proves_nothing() {
        let well = r#"{"accountId":"main","enabled":true,"configured":true,"running":true}"#;
        assert!(is_taken(r#"{"channelAccounts":{}}"#));
        assert!(is_taken(&format!(r#"{{"channelAccounts":{{"telegram":[{well}]}}}}"#)));
        for accounts in ["7", r#"{"accountId":"main"}"#, r#"{"accountId":"main","configured":"yes","running":false}"#] {
            assert!(!is_taken(&format!(r#"{{"channelAccounts":{{"telegram":[{well},{accounts}]}}}}"#)), "{accounts}");
        }
        assert!(!is_taken(&format!(r#"{{"partial":true,"channelAccounts":{{"telegram":[{well}]}}}}"#)));
        let off = r#"{"accountId":"old","enabled":false}"#;
        assert!(is_taken(&format!(r#"{{"channelAccounts":{{"telegram":[{well},{off}]}}}}"#)));
    }

    #[test]
    fn a_failure_in_a_part_of_the_channels_state_is_kept() {
        let failing = r#"{"accountId":"main","enabled":true,"configured":true,"running":false}"#;
        assert!(is_taken(&format!(r#"{{"partial":true,"channelAccounts":{{"telegram":[7,{failing}]}}}}"#)));
    }

    #[test]
    fn an_audit_that_came_too_late_takes_nothing_from_the_answer() {
        let late =
            r#"{"accountId":"main","configured":true,"running":true,"lastError":"audit timed out after 4000ms"}"#;
        assert!(is_taken(&format!(r#"{{"partial":true,"channelAccounts":{{"discord":[{late}]}}}}"#)));
    }
}
