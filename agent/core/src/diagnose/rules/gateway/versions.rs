//! `gateway.two-versions`

use crate::diagnose::rules::contained::place_named;
use std::collections::BTreeMap;

use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::Gateway;

/// `gateway.two-versions`: installs of different versions are in use, or a gateway runs another version than its unit would start.
pub(super) fn two_versions(context: Context<'_>, out: &mut Vec<Draft>) {
    installs(context, out);
    for gateway in &context.snapshot.gateways {
        running(context, gateway, out);
    }
}

fn installs(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for install in snapshot.installs.iter().filter(|install| !install.used_by.is_empty()) {
        if let Some(version) = &install.version {
            versions.entry(version).or_default().push(&install.path);
        }
    }
    if versions.len() < 2 {
        return;
    }
    let words: Vec<String> =
        versions.iter().map(|(version, paths)| format!("{version} in `{}`", paths.join("`, `"))).collect();
    let mut draft = Draft::new(
        Code::GatewayTwoVersions,
        "node",
        "installs",
        format!("installs of different OpenClaw versions are in use: {}", words.join(", ")),
    );
    for install in snapshot.installs.iter().filter(|install| !install.used_by.is_empty()) {
        draft =
            draft.evidence(format!("used by {}", install.used_by.join(", ")), install.path.clone(), snapshot.taken_at);
    }
    out.push(draft);
}

fn running(context: Context<'_>, gateway: &Gateway, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let ladder = &gateway.ladder;
    let hello = ladder.connect.answer().and_then(|hello| hello.server_version.as_ref());
    let Some(running) = hello.or_else(|| ladder.startupz.answer().and_then(|startup| startup.version.as_ref())) else {
        return;
    };
    for unit in gateway.units.iter().filter_map(|id| snapshot.unit(id)) {
        let install = snapshot.installs.iter().find(|install| install.used_by.contains(&unit.id));
        let would = install.and_then(|install| install.version.as_ref()).or(unit.version.as_ref());
        if let Some(would) = would.filter(|would| *would != running) {
            out.push(
                Draft::new(
                    Code::GatewayTwoVersions,
                    "gateway",
                    gateway.id.clone(),
                    format!(
                        "the gateway in {} runs {running}, and `{}` would start {would}",
                        place_named(&gateway.id),
                        unit.id
                    ),
                )
                .gateway(gateway)
                .answered(format!("the running gateway is {running}"), ladder.target.clone(), &ladder.startupz)
                .command(
                    "restart it at a time that suits, so that it runs what is installed",
                    super::super::command::start(unit),
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Install;

    #[test]
    fn two_installs_in_use_are_named() {
        let node = node(|node| {
            node.installs.push(Install {
                path: "/usr/local/lib/node_modules/openclaw".to_owned(),
                version: Some("2026.8.2".to_owned()),
                used_by: vec!["the search path".to_owned()],
            });
        });
        assert_eq!(
            draft(two_versions, &node).summary,
            "installs of different OpenClaw versions are in use: 2026.8.2 in `/usr/local/lib/node_modules/openclaw`, \
             2026.9.6 in `/opt/homebrew/lib/node_modules/openclaw`"
        );
    }

    #[test]
    fn an_upgrade_that_was_not_taken_up_is_named() {
        let node = node(|node| node.installs[0].version = Some("2026.9.7".to_owned()));
        assert_eq!(
            draft(two_versions, &node).summary,
            "the gateway in `/Users/op/.openclaw` runs 2026.9.6, and `gui/501/ai.openclaw.gateway` would start 2026.9.7"
        );
    }

    #[test]
    fn an_install_that_nothing_uses_is_no_second_version() {
        let node = node(|node| {
            node.installs.push(Install {
                path: "/tmp/openclaw".to_owned(),
                version: Some("2026.1.1".to_owned()),
                used_by: Vec::new(),
            });
        });
        assert!(silent(two_versions, &node));
    }

    #[test]
    fn healthy_or_unknown_it_says_nothing() {
        assert!(silent(two_versions, &healthy()));
        let unknown = node(|node| {
            node.installs.clear();
            first_unit(node).version = None;
        });
        assert!(silent(two_versions, &unknown));
    }
}
