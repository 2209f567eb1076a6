//! `unit.env-not-inherited`, `unit.gui-only`

use super::super::ownership::is_active;
use super::{about, gateway_of, gateway_units, origin};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Domain, Manager, SourceOutcome, Unit};

/// Files that shells read and service managers do not.
const SHELL_PROFILES: [&str; 8] =
    [".zshrc", ".zshenv", ".zprofile", ".bashrc", ".bash_profile", ".bash_login", ".profile", "config.fish"];

/// `unit.env-not-inherited`: the secret is exported for shells alone, so that the service has none.
pub(super) fn env_not_inherited(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit)) {
        let Some(gateway) = gateway_of(context, unit) else { continue };
        let credentials = &gateway.credentials;
        let exported = credentials.sources.iter().find(|source| {
            matches!(source.outcome, SourceOutcome::NotRead { .. })
                && source.fingerprint.is_some()
                && SHELL_PROFILES.iter().any(|file| source.location.contains(file))
        });
        let (None, Some(source)) = (&credentials.winner, exported) else { continue };
        out.push(
            about(
                context,
                Code::UnitEnvNotInherited,
                unit,
                format!("`{}` does not see the {} that is exported in {}", unit.id, source.kind, source.location),
            )
            .evidence("a shell profile sets it", source.location.clone(), context.snapshot.taken_at)
            .evidence(
                format!("the unit sets {} variables, and not this one", unit.environment_names.len()),
                origin(unit),
                context.snapshot.taken_at,
            )
            .remedy("put the value where the gateway reads it: `gateway.auth.token` of its configuration, or `.env` in its state directory")
            .command("then restart it", super::super::command::start(unit)),
        );
    }
}

/// `unit.gui-only`: after a reboot nothing starts the gateway until somebody logs in at the screen.
pub(super) fn gui_only(context: Context<'_>, out: &mut Vec<Draft>) {
    let host = &context.snapshot.node.host;
    for unit in gateway_units(context).filter(|unit| unit.manager == Manager::Launchd && is_active(unit)) {
        let uid = match unit.domain {
            Domain::User { uid } => Some(uid),
            Domain::EachUser => None,
            Domain::System => continue,
        };
        if has_daemon(context, unit) {
            continue;
        }
        let user = gateway_of(context, unit).and_then(|gateway| gateway.user.as_deref());
        let why = if host.file_vault.get() == Some(&true) {
            "FileVault holds the disk until somebody types a password"
        } else if host.auto_login.is_absent() {
            "nobody is logged in automatically"
        } else if let (Some(auto), Some(user)) = (host.auto_login.get(), user)
            && auto != user
        {
            "another user is logged in automatically"
        } else {
            continue;
        };
        // Without the user's domain the job is down now, not only after the next reboot.
        let down = uid.is_some_and(|uid| {
            unit.runtime.is_absent()
                && match context.snapshot.units.domains.get(&format!("gui/{uid}")) {
                    Some(domain) => domain.is_absent(),
                    None => host.console_user.is_absent(),
                }
        });
        let when = if down { "is not loaded, because nobody is logged in" } else { "starts only after a login" };
        let draft = about(context, Code::UnitGuiOnly, unit, format!("`{}` {when} at the screen, and {why}", unit.id))
            .seen("automatic login", &host.auto_login)
            .seen("FileVault", &host.file_vault)
            .seen("user at the screen", &host.console_user)
            .remedy(
                "run the gateway from a LaunchDaemon, or let its user be logged in automatically with FileVault off",
            );
        out.push(if down { draft.severity(Severity::Error) } else { draft });
    }
}

/// Whether a unit of the system starts the same gateway.
fn has_daemon(context: Context<'_>, unit: &Unit) -> bool {
    gateway_units(context).any(|other| {
        other.domain == Domain::System
            && is_active(other)
            && (other.label == unit.label || other.state_dir.is_some() && other.state_dir == unit.state_dir)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn only_in_shell(node: &mut Snapshot) {
        let credentials = &mut gateway(node).credentials;
        credentials.winner = None;
        credentials.sources = vec![source(
            "OPENCLAW_GATEWAY_TOKEN in /Users/op/.zshrc",
            "x",
            SourceOutcome::NotRead { why: "launchd reads no shell profile".to_owned() },
        )];
    }

    #[test]
    fn a_token_for_shells_alone_is_named_with_its_file() {
        assert_eq!(
            draft(env_not_inherited, &node(only_in_shell)).summary,
            "`gui/501/ai.openclaw.gateway` does not see the token that is exported in OPENCLAW_GATEWAY_TOKEN in /Users/op/.zshrc"
        );
        let wins = node(|node| {
            only_in_shell(node);
            gateway(node).credentials.winner = Some(fingerprint("x"));
        });
        assert!(silent(env_not_inherited, &wins));
    }

    #[test]
    fn an_agent_on_a_node_that_nobody_logs_in_to_warns() {
        let headless = node(|node| node.node.host.auto_login = absent());
        let warning = draft(gui_only, &headless);
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(
            warning.summary,
            "`gui/501/ai.openclaw.gateway` starts only after a login at the screen, and nobody is logged in automatically"
        );
        let locked = node(|node| node.node.host.file_vault = known(true));
        assert!(draft(gui_only, &locked).summary.contains("FileVault"));
        let other = node(|node| node.node.host.auto_login = known("kiosk".to_owned()));
        assert!(draft(gui_only, &other).summary.ends_with("another user is logged in automatically"));
    }

    #[test]
    fn without_the_users_domain_it_is_why_the_gateway_is_down() {
        let down = node(|node| {
            kill_gateway(node);
            node.node.host.auto_login = absent();
            node.node.host.console_user = absent();
            node.units.domains.insert("gui/501".to_owned(), absent());
            first_unit(node).runtime = absent();
        });
        assert_eq!(draft(gui_only, &down).severity, Severity::Error);
        assert_eq!(root_causes(&down), [Code::UnitGuiOnly]);
        let mut untold = down.clone();
        untold.units.domains.remove("gui/501");
        assert_eq!(root_causes(&untold), [Code::UnitGuiOnly]);
    }

    #[test]
    fn a_daemon_of_the_same_gateway_needs_no_login() {
        let node = node(|node| {
            node.node.host.auto_login = absent();
            let mut daemon = unit("ai.openclaw.gateway", None);
            (daemon.id, daemon.domain) = ("system/ai.openclaw.gateway".to_owned(), Domain::System);
            node.units.units.push(daemon);
        });
        assert!(silent(gui_only, &node));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let hidden = node(|node| {
            (node.node.host.auto_login, node.node.host.file_vault) = (denied(), denied());
            node.units.units.clear();
        });
        for rule in [env_not_inherited, gui_only] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &hidden));
        }
        let unknown = node(|node| (node.node.host.auto_login, node.node.host.file_vault) = (denied(), denied()));
        assert!(silent(gui_only, &unknown));
    }
}
