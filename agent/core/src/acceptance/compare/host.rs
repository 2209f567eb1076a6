//! The machine, what runs on it and who connects to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{About, Difference, Weight, each, list};
use crate::acceptance::baseline::{Baseline, ClientBaseline, GatewayBaseline, PortBaseline, UnitBaseline};
use crate::snapshot::{KeepAlive, SystemVersion, UnitRole};

pub(super) fn machine(before: &Baseline, after: &Baseline, mut about: About<'_>) {
    let words = |system: &SystemVersion| {
        [&system.name, &system.version].map(String::as_str).join(" ") + &format!(" ({})", system.build)
    };
    let (was, is) = (before.system.as_ref().map(words), after.system.as_ref().map(words));
    about.text("operating system", was.as_ref(), is.as_ref());
    about.held(
        before.stays_awake,
        after.stays_awake,
        (Weight::Lost, "the machine may sleep, it was kept awake"),
        "the machine is kept awake now",
        "the sleep settings cannot be seen, the machine was kept awake",
    );
    about.held(
        before.restarts_alone,
        after.restarts_alone,
        (Weight::Lost, "the machine stays off after a power failure, it started by itself"),
        "the machine starts by itself after a power failure now",
        "whether the machine starts after a power failure cannot be seen, it did",
    );
    about.held(
        before.automatic_login,
        after.automatic_login,
        (Weight::Lost, "nobody is logged in by itself after boot any more"),
        "somebody is logged in by itself after boot now",
        "automatic login cannot be seen, it was on",
    );
    about.held(
        before.file_vault,
        after.file_vault,
        (Weight::Changed, "FileVault was switched off"),
        "FileVault was switched on: after a boot the disk waits for a password",
        "FileVault cannot be seen, it was on",
    );
    about.held(
        before.automatic_updates,
        after.automatic_updates,
        (Weight::Changed, "updates of the system are not installed by themselves any more"),
        "updates of the system are installed by themselves now",
        "the settings of automatic updates cannot be seen, they were on",
    );
}

pub(super) fn gateway(was: Option<&GatewayBaseline>, is: Option<&GatewayBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            let (old, new) = (was.port.to_string(), is.port.to_string());
            about.text(&format!("port of gateway {id}"), Some(&old), Some(&new));
            // A gateway that does not tell its version does not run, and its rungs say so.
            if is.version.is_some() {
                about.text(&format!("OpenClaw of gateway {id}"), was.version.as_ref(), is.version.as_ref());
            }
        }
        (Some(was), None) => {
            let summary = format!("gateway {id} on port {} is gone", was.port);
            about.say(Weight::Lost, summary, Some(was.port.to_string()), None);
        }
        (None, Some(is)) => {
            let summary = format!("gateway {id} on port {} is new", is.port);
            about.say(Weight::Changed, summary, None, Some(is.port.to_string()));
        }
        (None, None) => {}
    }
}

pub(super) fn unit(
    was: Option<&UnitBaseline>,
    is: Option<&UnitBaseline>,
    unseen: &BTreeSet<String>,
    mut about: About<'_>,
) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            let lost = |text: &str| format!("unit {id} {text}");
            about.held(
                was.loaded,
                is.loaded,
                (Weight::Lost, &lost("is no longer loaded")),
                &lost("is loaded now"),
                &lost("was loaded, and whether it still is cannot be seen"),
            );
            about.held(
                was.enabled,
                is.enabled,
                (Weight::Lost, &lost("was switched off")),
                &lost("was switched on"),
                &lost("was switched on, and whether it still is cannot be seen"),
            );
            about.held(
                was.background,
                is.background,
                (Weight::Lost, &lost("is no longer allowed to run in the background")),
                &lost("is allowed to run in the background now"),
                &lost("was allowed to run in the background, and whether it still is cannot be seen"),
            );
            if is.loaded == Some(true) {
                let serves = matches!(was.role, UnitRole::Gateway | UnitRole::NodeHost);
                let weight = if serves { Weight::Lost } else { Weight::Changed };
                about.held(
                    was.running,
                    is.running,
                    (weight, &lost("no longer runs")),
                    &lost("runs now"),
                    &lost("ran, and whether it still does cannot be seen"),
                );
            }
            let (old, new) = (keep_alive(&was.keep_alive), keep_alive(&is.keep_alive));
            about.text(&format!("restart policy of unit {id}"), Some(&old), Some(&new));
            about.text(&format!("definition of unit {id}"), was.path.as_ref(), is.path.as_ref().or(was.path.as_ref()));
        }
        (Some(was), None) if unseen.is_empty() => {
            let weight = if was.loaded == Some(true) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("unit {id} is gone"), was.path.clone(), None);
        }
        (Some(was), None) => {
            let places: Vec<&str> = unseen.iter().map(String::as_str).collect();
            let summary = format!("unit {id} is not seen, and {} cannot be looked at", places.join(", "));
            about.say(Weight::Unseen, summary, was.path.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("unit {id} is new"), None, is.path.clone()),
        (None, None) => {}
    }
}

fn keep_alive(policy: &KeepAlive) -> String {
    match policy {
        KeepAlive::Never => "never restarted".to_owned(),
        KeepAlive::Always => "restarted on any exit".to_owned(),
        KeepAlive::When { successful_exit, others } => {
            let mut when: Vec<String> =
                successful_exit.map(|successful| format!("SuccessfulExit={successful}")).into_iter().collect();
            when.extend(others.iter().cloned());
            format!("restarted when {}", when.join(", "))
        }
    }
}

pub(super) fn ports(
    before: Option<&BTreeMap<String, PortBaseline>>,
    after: Option<&BTreeMap<String, PortBaseline>>,
    out: &mut Vec<Difference>,
) {
    let Some(before) = before else { return };
    let nothing = BTreeMap::new();
    each(before, after.unwrap_or(&nothing), "port", out, |was, is, mut about| {
        let id = about.id.to_owned();
        let names = |base: &PortBaseline| (!base.owners.is_empty()).then(|| list(&base.owners));
        match (was, is) {
            (Some(was), Some(is)) => {
                about.text(&format!("owner of port {id}"), names(was).as_ref(), names(is).as_ref());
                let (old, new) = (list(&was.addresses), list(&is.addresses));
                about.text(&format!("addresses of port {id}"), Some(&old), Some(&new));
            }
            (Some(was), None) if after.is_some() => {
                let owner = names(was).map(|owner| format!(", it was {owner}'s")).unwrap_or_default();
                about.say(Weight::Lost, format!("nobody listens on port {id} any more{owner}"), names(was), None);
            }
            (Some(was), None) => {
                about.say(Weight::Unseen, format!("who listens on port {id} cannot be seen"), names(was), None);
            }
            (None, Some(is)) => {
                let owner = names(is).unwrap_or_else(|| "somebody".to_owned());
                about.say(Weight::Changed, format!("{owner} listens on port {id} now"), None, names(is));
            }
            (None, None) => {}
        }
    });
}

pub(super) fn client(was: Option<&ClientBaseline>, is: Option<&ClientBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            match (&was.gateway, &is.gateway) {
                (Some(gateway), None) => about.say(
                    Weight::Lost,
                    format!("client {id} no longer leads to gateway {gateway}"),
                    Some(gateway.clone()),
                    None,
                ),
                (old, new) if old != new => about.say(
                    Weight::Changed,
                    format!("client {id} leads to gateway {}", new.as_deref().unwrap_or("elsewhere")),
                    old.clone(),
                    new.clone(),
                ),
                _ => {}
            }
            about.text(&format!("URL of client {id}"), was.url.as_ref(), is.url.as_ref());
            about.held(
                was.approved,
                is.approved,
                (Weight::Lost, &format!("the device of client {id} is no longer approved")),
                &format!("the device of client {id} is approved now"),
                &format!("the device of client {id} was approved, and whether it still is cannot be seen"),
            );
        }
        (Some(was), None) => about.say(Weight::Lost, format!("client {id} is gone"), was.gateway.clone(), None),
        (None, Some(is)) => about.say(Weight::Changed, format!("client {id} is new"), None, is.gateway.clone()),
        (None, None) => {}
    }
}
