//! How often `portreeve run` looks.

use super::value::{integer, whole};
use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "daemon.glance_s",
        doc: "Seconds between two glances of `portreeve run` at listeners, processes and files. Nothing is judged by them; what has changed is looked at at once.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.glance_s = whole(value, 1, 300)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.glance_s),
    },
    Key {
        name: "daemon.fast_s",
        doc: "Seconds between two looks at whether gateways are still ready: one owner, live, started, ready, authenticated.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.fast_s = whole(value, 1, 3_600)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.fast_s),
    },
    Key {
        name: "daemon.slow_s",
        doc: "Seconds between two looks at everything, each with a verdict, where nothing changes. Up to a tenth is added.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.slow_s = whole(value, 1, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.slow_s),
    },
    Key {
        name: "daemon.locks_s",
        doc: "Seconds between two windows in which locks are watched; 0: never.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.locks_s = whole(value, 0, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.locks_s),
    },
    Key {
        name: "daemon.lock_window_s",
        doc: "Seconds of each such window. Those of the last six hours count together.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.lock_window_s = whole(value, 1, 60)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.lock_window_s),
    },
];
