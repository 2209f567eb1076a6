//! Container engines: `engine.silent`, `engine.at-login`

use super::super::{Context, Draft, Rule};
use crate::catalogue::Code;
use crate::fact::Outcome;
use crate::snapshot::{Engine, EngineKind};

pub(super) const RULES: &[Rule] = &[unanswered, at_login];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::EngineSilent, Code::EngineAtLogin];

/// `engine.silent`: somebody needs an engine that is there and does not answer.
fn unanswered(context: Context<'_>, out: &mut Vec<Draft>) {
    for engine in context.snapshot.engines.iter().filter(|engine| !engine.needed_by.is_empty()) {
        let Outcome::Unreadable { why } = &engine.answer.outcome else { continue };
        let summary = format!(
            "{} at `{}` does not answer, and {} needs it: {why}",
            engine.kind.name(),
            engine.endpoint,
            engine.needed_by.join(", ")
        );
        let mut draft = about(Code::EngineSilent, engine, summary).seen(why.clone(), &engine.answer);
        for need in &engine.needed_by {
            draft = draft.evidence(format!("needed by {need}"), engine.endpoint.clone(), context.snapshot.taken_at);
        }
        out.push(match restart(engine) {
            Some(command) => draft.command("restart it", command),
            None => draft.remedy(format!("quit and start {}", engine.kind.name())),
        });
    }
}

/// The command that starts an engine anew.
fn restart(engine: &Engine) -> Option<&'static str> {
    let is_users = engine.endpoint.contains("/run/user/");
    match engine.kind {
        EngineKind::Docker if is_users => Some("systemctl --user restart docker"),
        EngineKind::Docker => Some("sudo systemctl restart docker"),
        EngineKind::DockerDesktop => Some("docker desktop restart"),
        EngineKind::Orbstack => Some("orb restart docker"),
        EngineKind::Colima => Some("colima restart"),
        EngineKind::Podman if is_users => Some("systemctl --user restart podman.socket"),
        EngineKind::Podman if engine.endpoint.contains("/run/podman/") => Some("sudo systemctl restart podman.socket"),
        EngineKind::Podman => Some("podman machine stop && podman machine start"),
        EngineKind::AppleContainer => Some("container system stop && container system start"),
        EngineKind::Lima | EngineKind::RancherDesktop => None,
    }
}

/// `engine.at-login`: after a reboot no container runs until somebody logs in at the screen.
fn at_login(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    if snapshot.node.system.get().is_none_or(|system| system.name != "macOS") {
        return;
    }
    let host = &snapshot.node.host;
    let why = if host.file_vault.get() == Some(&true) {
        "FileVault holds the disk until somebody types a password"
    } else if host.auto_login.is_absent() {
        "nobody is logged in automatically"
    } else {
        return;
    };
    let by_app = |engine: &&Engine| {
        matches!(
            engine.kind,
            EngineKind::DockerDesktop | EngineKind::Orbstack | EngineKind::RancherDesktop | EngineKind::Colima
        )
    };
    let needed = snapshot.engines.iter().filter(|engine| !engine.needed_by.is_empty() && engine.answer.get().is_some());
    for engine in needed.filter(by_app) {
        let summary = format!("{} starts only after a login at the screen, and {why}", engine.kind.name());
        out.push(
            about(Code::EngineAtLogin, engine, summary)
                .seen("automatic login", &host.auto_login)
                .seen("FileVault", &host.file_vault)
                .evidence(
                    format!("needed by {}", engine.needed_by.join(", ")),
                    engine.endpoint.clone(),
                    snapshot.taken_at,
                ),
        );
    }
}

fn about(code: Code, engine: &Engine, summary: String) -> Draft {
    Draft::new(code, "engine", engine.id.clone(), summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;
    use crate::{Fact, Severity};

    fn hung() -> Snapshot {
        let mut node = split();
        node.engines[0].answer = Fact::unreadable("no answer within 2 s", "fixture", now());
        node.engines[0].events = Fact::unreadable("no answer within 2 s", "fixture", now());
        (node.workloads, node.gateways, node.clients) = (Vec::new(), Vec::new(), Vec::new());
        node
    }

    #[test]
    fn a_hung_engine_that_is_needed_blocks() {
        let node = hung();
        assert_eq!(root_causes(&node), [Code::EngineSilent]);
        assert_eq!(report(&node).verdict, Verdict::Blocked);
        assert!(finding(&node, Code::EngineSilent).summary.contains("and project claw needs it"));
    }

    #[test]
    fn a_hung_engine_is_restarted_by_who_runs_it() {
        let mut node = hung();
        for (kind, endpoint, command) in [
            (EngineKind::Docker, "unix:///var/run/docker.sock", "sudo systemctl restart docker"),
            (EngineKind::Docker, "unix:///run/user/1000/docker.sock", "systemctl --user restart docker"),
            (EngineKind::Podman, "unix:///run/user/1000/podman/podman.sock", "systemctl --user restart podman.socket"),
            (EngineKind::Podman, "unix:///run/podman/podman.sock", "sudo systemctl restart podman.socket"),
            (
                EngineKind::Podman,
                "unix:///Users/op/.local/share/containers/podman/machine/podman.sock",
                "podman machine stop && podman machine start",
            ),
        ] {
            (node.engines[0].kind, node.engines[0].endpoint) = (kind, endpoint.to_owned());
            assert_eq!(draft(unanswered, &node).remedy[0].command.as_deref(), Some(command), "{endpoint}");
        }
    }

    #[test]
    fn one_that_nobody_needs_is_only_not_seen() {
        let mut node = healthy();
        node.engines = hung().engines;
        node.engines[0].needed_by.clear();
        assert!(root_causes(&node).is_empty());
        assert_eq!(report(&node).verdict, Verdict::Ready);
        assert_eq!(finding(&node, Code::AgentBlind).severity, Severity::Information);
    }

    #[test]
    fn one_that_may_not_be_asked_leaves_the_verdict_open() {
        let mut node = split();
        node.engines[0].answer = denied();
        assert!(silent(unanswered, &node));
        assert_eq!(report(&node).verdict, Verdict::Unknown);
    }

    #[test]
    fn an_engine_of_the_desktop_waits_for_a_login() {
        let mut node = split();
        node.engines[0].kind = EngineKind::DockerDesktop;
        assert!(drafts(at_login, &node).is_empty());
        node.node.host.auto_login = absent();
        assert_eq!(draft(at_login, &node).severity, Severity::Warning);
        node.node.host.auto_login = denied();
        assert!(drafts(at_login, &node).is_empty());
    }
}
