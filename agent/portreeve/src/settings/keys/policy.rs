//! What counts as wrong.

use toml::Value;

use super::value::{integer, number, whole};
use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "policy.start_budget_s",
        doc: "Seconds a gateway may take to start before silence is an error. Large databases on a cold disk need minutes.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.start_budget_s = whole(value, 1, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.policy.start_budget_s),
    },
    Key {
        name: "policy.token_min_length",
        doc: "Characters below which a token is weak.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.token_min_length =
                u32::try_from(whole(value, 1, 1024)?).map_err(|error| error.to_string())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.token_min_length.into()),
    },
    Key {
        name: "policy.slow_challenge_ms",
        doc: "Milliseconds after which a gateway's challenge counts as slow.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.slow_challenge_ms = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.slow_challenge_ms),
    },
    Key {
        name: "policy.event_loop_delay_ms",
        doc: "Milliseconds of event-loop delay above which a gateway is stalled.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.event_loop_delay_ms = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.event_loop_delay_ms),
    },
    Key {
        name: "policy.disk_error_bytes",
        doc: "Bytes free on a state directory's volume below which it is an error.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.disk_error_bytes = whole(value, 0, i64::MAX.unsigned_abs())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.disk_error_bytes),
    },
    Key {
        name: "policy.disk_warning_bytes",
        doc: "Bytes free below which it is a warning.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.disk_warning_bytes = whole(value, 0, i64::MAX.unsigned_abs())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.disk_warning_bytes),
    },
    Key {
        name: "policy.lock_wait_s",
        doc: "Seconds that 95 of 100 newcomers may wait for a lock of a state directory. OpenClaw gives up after 5.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.lock_wait.error_s = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.lock_wait.error_s),
    },
    Key {
        name: "policy.lock_wait_warning_s",
        doc: "Seconds from which such a wait is a warning.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.lock_wait.warning_s = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.lock_wait.warning_s),
    },
];
