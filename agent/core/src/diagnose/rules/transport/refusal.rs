//! Why a gateway that is not up does not take a configuration in which nothing is wrong by itself.

use super::super::contained::run_at;
use super::super::life::{Life, events, life, log_is_shared, state_of};
use super::super::state::release;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Boot, ConfigFacts, Expectation, Gateway, Install, event};

/// How a start ends that does not take the file; without a place it is about a secret, which has findings of its own.
const INVALID: &str = "Invalid config at ";

/// How a release says that it is older than the one that wrote the configuration.
const OLDER: &str = "is older than the config last written by OpenClaw ";

/// What a start refuses that a validator accepts.
const CONFLICTS: [Conflict; 10] = [
    Conflict::new("tailscale funnel requires gateway auth mode=password", FUNNEL),
    Conflict::new("gateway.tailscale.mode=funnel requires gateway.auth.mode=password", FUNNEL),
    Conflict::new("gateway.auth.mode=none cannot be used with gateway.tailscale.mode=", "set a token or a password"),
    Conflict::new("tailscale serve/funnel requires gateway bind=loopback", "set `gateway.bind` to `loopback`"),
    Conflict::new(
        "non-loopback Control UI requires gateway.controlUi.allowedOrigins",
        "name the origins of the control page in `gateway.controlUi.allowedOrigins`, or set `gateway.bind` to `loopback`",
    ),
    Conflict::new(
        "gateway auth mode=trusted-proxy requires gateway.trustedProxies",
        "name the address of the proxy in `gateway.trustedProxies`",
    ),
    Conflict::new(
        "gateway auth mode is trusted-proxy, but ",
        "complete `gateway.auth.trustedProxy`, and keep no token",
    ),
    Conflict::new("gateway.bind=custom requires ", ADDRESS),
    Conflict { of_machine: true, ..Conflict::new("gateway bind=custom requested ", ADDRESS) },
    Conflict::new("hooks.", "complete `hooks`, or switch `hooks.enabled` off"),
];

const FUNNEL: &str =
    "set `gateway.auth.mode` to `password` and give it a password, or set `gateway.tailscale.mode` to `off`";
const ADDRESS: &str =
    "write an address that this machine has in `gateway.customBindHost`, or set `gateway.bind` to `loopback`";

struct Conflict {
    /// How the reason of the run begins.
    begins: &'static str,
    /// It hangs on what the machine has at the moment as well, so that the next start may do better.
    of_machine: bool,
    remedy: &'static str,
}

impl Conflict {
    const fn new(begins: &'static str, remedy: &'static str) -> Self {
        Self { begins, of_machine: false, remedy }
    }
}

/// The finding, where there is one: `about` makes it from what the gateway refuses its configuration for.
pub(super) fn refused(
    context: Context<'_>,
    gateway: &Gateway,
    config: &ConfigFacts,
    about: impl Fn(String) -> Draft,
) -> Option<Draft> {
    at_last(context, gateway, config, &about)
        .or_else(|| of_newer(context, gateway, config, &about))
        .or_else(|| told_older(context, gateway, config, &about))
}

/// What the last run said that ended, where the configuration has not changed since.
fn at_last(
    context: Context<'_>,
    gateway: &Gateway,
    config: &ConfigFacts,
    about: &impl Fn(String) -> Draft,
) -> Option<Draft> {
    let records = &state_of(context, gateway)?.records;
    let boots = &records.get()?.boots;
    let is_starting = match life(context, gateway) {
        Life::Gone => false,
        Life::Starting(..) => true,
        _ => return None,
    };
    let last = boots.iter().find(|boot| !is_starting || boot.outcome.is_some())?;
    let reason = refusal_of(last, config)?;
    // `Invalid config at <path>: <file>:<line> — <key>: <what> Run "openclaw doctor --fix" to repair, …`
    if let Some((_, told)) = reason.split_once(INVALID) {
        let (_, told) = told.split_once(": ")?;
        let why = words(told.split(" Run \"openclaw").next().unwrap_or(told));
        return Some(
            about(why.clone())
                .seen(format!("its last run ended with: Invalid config: {why}"), records)
                .command("see all that is wrong with it", run_at(context.snapshot, gateway, "config validate")),
        );
    }
    let conflict = CONFLICTS.iter().find(|conflict| reason.starts_with(conflict.begins))?;
    if is_starting && conflict.of_machine {
        return None;
    }
    let why = words(reason);
    Some(about(why.clone()).seen(format!("its last run ended with: {why}"), records).remedy(conflict.remedy))
}

/// Why a run did not take the configuration as it still is.
fn refusal_of<'a>(boot: &'a Boot, config: &ConfigFacts) -> Option<&'a str> {
    let is_told = boot.outcome.as_deref() == Some("startup_failed") && boot.started_at >= config.modified;
    boot.reason.as_deref().filter(|_| is_told)
}

fn words(text: &str) -> String {
    text.trim_matches([':', ' ', '.', '\n']).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether every installation that could start it is older than the one that wrote the configuration. Such a start leaves no record.
fn of_newer(
    context: Context<'_>,
    gateway: &Gateway,
    config: &ConfigFacts,
    about: &impl Fn(String) -> Draft,
) -> Option<Draft> {
    let written = config.last_touched_version.as_deref()?;
    let is_meant = gateway.expected.iter().any(|why| matches!(why, Expectation::Unit | Expectation::Config));
    if !is_meant || life(context, gateway) != Life::Gone || config.older_allowed && gateway.units.is_empty() {
        return None;
    }
    let newest = release(written)?;
    let used = context.snapshot.installs.iter().filter(|install| !install.used_by.is_empty());
    let starts = |install: &&Install| {
        gateway.units.is_empty() || gateway.units.iter().any(|unit| install.used_by.contains(unit))
    };
    let candidates: Vec<&Install> = used.filter(starts).collect();
    let is_older =
        |install: &&Install| install.version.as_deref().and_then(release).is_some_and(|version| version < newest);
    let install = candidates.first().filter(|_| candidates.iter().all(is_older))?;
    let version = install.version.as_deref()?;
    let draft = about(format!("OpenClaw {written} wrote it, and OpenClaw {version} in `{}` is older", install.path))
        .seen(format!("`meta.lastTouchedVersion` is {written}"), &gateway.config)
        .evidence(format!("OpenClaw {version}"), install.path.clone(), context.snapshot.taken_at);
    Some(of_release(draft, written))
}

/// Whether the log says that an older release was started in vain since the configuration was written: of that one the node may know
/// nothing else.
fn told_older(
    context: Context<'_>,
    gateway: &Gateway,
    config: &ConfigFacts,
    about: &impl Fn(String) -> Draft,
) -> Option<Draft> {
    let written = config.last_touched_version.as_deref()?;
    if life(context, gateway) != Life::Gone || log_is_shared(context, gateway) {
        return None;
    }
    let refused = events(gateway, event::START_REFUSED).filter(|event| event.at >= Some(config.modified)).last()?;
    let (_, since) = refused.text.split_once(OLDER)?;
    let is_of_this = since.split_whitespace().next().map(|word| word.trim_end_matches('.')) == Some(written);
    if !is_of_this || events(gateway, event::READY).any(|ready| ready.at > refused.at) {
        return None;
    }
    Some(
        of_release(about(format!("OpenClaw {written} wrote it, and the one that was started is older")), written)
            .seen(words(&refused.text), &gateway.log),
    )
}

fn of_release(draft: Draft, written: &str) -> Draft {
    draft
        .remedy(format!("install OpenClaw {written} or a later release, or let the one start that is"))
        .remedy("to stay with the older one, put a copy of the configuration back that it had written itself")
}

#[cfg(test)]
mod tests {
    use super::super::config::invalid;
    use crate::Snapshot;
    use crate::catalogue::Code;
    use crate::diagnose::fixture::*;
    use crate::snapshot::event;

    const FUNNEL_REASON: &str =
        "tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD)";
    const CUSTOM: &str = "gateway bind=custom requested 192.0.2.20 but resolved 0.0.0.0; refusing fallback";

    fn ended(node: &mut Snapshot, outcome: &str, reason: &str, seconds_after_change: i64) {
        kill_gateway(node);
        let modified = value(&mut gateway(node).config).modified;
        let boot = &mut value(&mut first_state(node).records).boots[0];
        boot.started_at = modified + jiff::SignedDuration::from_secs(seconds_after_change);
        (boot.outcome, boot.reason) = (Some(outcome.to_owned()), Some(reason.to_owned()));
    }

    #[test]
    fn what_the_last_start_refused_is_the_root_cause() {
        let reason = format!(
            "Invalid config at {CONFIG}: openclaw.json:1 — cron.enabled: Invalid input: expected boolean, received string \
             Run \"openclaw doctor --fix\" to repair, then retry."
        );
        let node = node(|node| ended(node, "startup_failed", &reason, 5));
        assert_eq!(
            draft(invalid, &node).summary,
            format!(
                "the gateway refuses `{CONFIG}`: openclaw.json:1 — cron.enabled: Invalid input: expected boolean, received string"
            )
        );
        assert_eq!(root_causes(&node), [Code::ConfigInvalid]);
        assert_eq!(report(&node).exit_status(false), 78);
    }

    #[test]
    fn a_combination_that_a_start_refuses_is_the_root_cause() {
        for reason in [FUNNEL_REASON, CUSTOM, "hooks.enabled requires hooks.token"] {
            let node = node(|node| ended(node, "startup_failed", reason, 5));
            assert_eq!(draft(invalid, &node).summary, format!("the gateway refuses `{CONFIG}`: {reason}"));
            assert!(!draft(invalid, &node).remedy.is_empty());
            assert_eq!(root_causes(&node), [Code::ConfigInvalid], "{reason}");
        }
    }

    #[test]
    fn a_refusal_of_another_revision_or_for_another_reason_says_nothing() {
        let mended = node(|node| ended(node, "startup_failed", "Invalid config at /a: gateway.port: too big", -5));
        let other = node(|node| ended(node, "startup_failed", "database is locked", 5));
        let secret = node(|node| ended(node, "startup_failed", "Invalid config: gateway auth token is blank", 5));
        let well = node(|node| ended(node, "clean_stop", "Invalid config at /a: quoted", 5));
        let set_right = node(|node| ended(node, "startup_failed", FUNNEL_REASON, -5));
        let hidden = node(|node| {
            ended(node, "startup_failed", FUNNEL_REASON, 5);
            first_state(node).records = denied();
        });
        for node in [&mended, &other, &secret, &well, &set_right, &hidden] {
            assert!(silent(invalid, node));
        }
    }

    /// The last run was refused, and a further one has just begun.
    fn begun_again(reason: &str) -> Snapshot {
        node(|node| {
            let boots = &mut value(&mut first_state(node).records).boots;
            boots[0].outcome = None;
            let mut refused = boots[0].clone();
            (refused.outcome, refused.reason) = (Some("startup_failed".to_owned()), Some(reason.to_owned()));
            refused.started_at = ago(15);
            boots.insert(1, refused);
            value(&mut node.listeners).clear();
            value(&mut node.processes)[0].started_at = Some(ago(3));
            first_state(node).locks.clear();
        })
    }

    #[test]
    fn a_start_that_repeats_the_last_will_end_as_that_did_unless_the_machine_decides() {
        assert_eq!(drafts(invalid, &begun_again(FUNNEL_REASON)).len(), 1);
        assert!(silent(invalid, &begun_again(CUSTOM)));
    }

    fn touched(version: &str, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            value(&mut gateway(node).config).last_touched_version = Some(version.to_owned());
            change(node);
        })
    }

    #[test]
    fn a_configuration_of_a_newer_release_is_refused_by_an_older_one() {
        let node = touched("2027.2.1", |_| ());
        let draft = draft(invalid, &node);
        assert!(draft.summary.contains("OpenClaw 2027.2.1 wrote it"), "{}", draft.summary);
        assert_eq!(root_causes(&node), [Code::ConfigInvalid]);
        assert_eq!(report(&node).exit_status(false), 78);
    }

    const TOLD: &str = "Refusing to run automatic gateway startup migrations because this OpenClaw binary (2026.9.6) is older than the config \
         last written by OpenClaw 2027.2.1. Run the newer openclaw binary on PATH.";

    #[test]
    fn where_no_installation_is_known_the_log_tells_that_an_older_release_was_started() {
        let told = |text: &'static str, seconds: i64| {
            touched("2027.2.1", |node| {
                node.installs.clear();
                log_event(node, seconds, event::START_REFUSED, text, &[]);
            })
        };
        assert_eq!(drafts(invalid, &told(TOLD, 60)).len(), 1);
        assert_eq!(root_causes(&told(TOLD, 60)), [Code::ConfigInvalid]);
        let mut since = told(TOLD, 60);
        log_event(&mut since, 30, event::READY, "ready", &[]);
        let of_another = touched("2027.2.10", |node| {
            node.installs.clear();
            log_event(node, 60, event::START_REFUSED, TOLD, &[]);
        });
        for node in [since, of_another, told(TOLD, 90_000), told("Gateway start blocked: set gateway.mode=local", 60)] {
            assert!(silent(invalid, &node));
        }
    }

    #[test]
    fn a_release_that_is_there_that_runs_or_that_may_be_old_refuses_nothing() {
        let same = touched(VERSION, |_| ());
        let corrected = touched(&format!("{VERSION}-1"), |_| ());
        let odd = touched("main", |_| ());
        let unknown = touched("2027.2.1", |node| node.installs.iter_mut().for_each(|install| install.version = None));
        let none = touched("2027.2.1", |node| node.installs.clear());
        let running = node(|node| {
            value(&mut gateway(node).config).last_touched_version = Some("2027.2.1".to_owned());
        });
        let allowed = touched("2027.2.1", |node| {
            value(&mut gateway(node).config).older_allowed = true;
            gateway(node).units.clear();
        });
        for node in [&same, &corrected, &odd, &unknown, &none, &running, &allowed] {
            assert!(silent(invalid, node));
        }
    }
}
